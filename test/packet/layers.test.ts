/** The structured decode: field names, tunnels, quotes, and what changed between two hops. */

import { expect, test } from 'vitest';
import { changedFields, layers } from '../../sdk/packet/index.js';
import { hex, SYN_IPV4, VXLAN_IN_VLAN } from './fixtures.js';

test('each header has its place, its depth and its fields', () => {
  expect(layers(VXLAN_IN_VLAN).map(({ name, offset, length, depth }) => [name, offset, length, depth])).toEqual([
    ['ethernet', 0, 14, 0],
    ['vlan', 14, 4, 0],
    ['ipv4', 18, 20, 0],
    ['udp', 38, 8, 0],
    ['vxlan', 46, 8, 0],
    ['ethernet', 54, 14, 1],
    ['ipv4', 68, 20, 1],
    ['tcp', 88, 24, 1],
  ]);
});

test('fields carry the names of the RFCs', () => {
  const [ip, tcp] = layers(hex(...SYN_IPV4), { link: 'bare' });
  expect(ip?.fields).toEqual({
    headerLength: 20,
    tos: 0,
    totalLength: 44,
    identification: 1,
    flags: 'DF',
    fragmentOffset: 0,
    ttl: 64,
    protocol: 6,
    checksum: 0xd823,
    source: '192.0.2.7',
    destination: '80.80.80.80',
  });
  expect(tcp?.fields).toEqual({
    sourcePort: 40000,
    destinationPort: 443,
    sequence: 1,
    acknowledgment: 0,
    flags: 'S',
    window: 64240,
    urgentPointer: 0,
    length: 0,
    checksum: 0x9c91,
    mss: 1460,
  });
});

test('bytes that start inside a larger buffer are read from their own start', () => {
  const padded = hex('ff ff ff', ...SYN_IPV4).subarray(3);
  expect(layers(padded, { link: 'bare' })).toEqual(layers(hex(...SYN_IPV4), { link: 'bare' }));
});

test('NAT shows as the fields it rewrites', () => {
  const before = hex(...SYN_IPV4);
  const after = before.slice();
  after.set([10, 0, 0, 4], 16);
  after.set([0x20, 0xfb], 22);
  const changes = changedFields(layers(before, { link: 'bare' }), layers(after, { link: 'bare' }));
  expect(changes.filter(({ field }) => !field.includes('checksum'))).toEqual([
    { field: 'ipv4.destination', before: '80.80.80.80', after: '10.0.0.4' },
    { field: 'tcp.destinationPort', before: 443, after: 8443 },
  ]);
});

test('encapsulation shows as outer headers, the inner packet as unchanged', () => {
  const changes = changedFields(layers(hex(...SYN_IPV4), { link: 'bare' }), layers(VXLAN_IN_VLAN));
  expect(changes).toContainEqual({ field: 'outer.vxlan.vni', before: undefined, after: 5001 });
  expect(changes).toContainEqual({ field: 'outer.ipv4.destination', before: undefined, after: '10.0.0.2' });
  expect(changes.filter(({ field }) => /^(ipv4|tcp)\./.test(field))).toEqual([]);
});

test('the quoted packet of an ICMP error and the second of two tags have names of their own', () => {
  const unreachable = hex(
    '02 00 00 00 00 02  02 00 00 00 00 01  88 a8 00 01 81 00 00 02 08 00',
    '45 00 00 38 00 07 00 00 40 01 d0 15 0a 00 00 09 50 50 50 50  03 04 59 3b 00 00 05 78',
    '45 00 05 dc 00 09 40 00 40 06 d2 6b 50 50 50 50 c0 00 02 07  01 bb 9c 40 00 00 00 4d',
  );
  const fields = new Map(changedFields([], layers(unreachable)).map(({ field, after }) => [field, after]));
  expect(fields.get('vlan.id')).toBe(1);
  expect(fields.get('vlan[1].id')).toBe(2);
  expect(fields.get('ipv4.source')).toBe('10.0.0.9');
  expect(fields.get('quoted.ipv4.source')).toBe('80.80.80.80');
  expect(fields.get('quoted.tcp.sequence')).toBe(77);
});
