/** Instance-level public IPs: all there is for one goes to its VM, as it came. */

import { describe, expect, it } from 'vitest';
import { entropyPort, flowHash } from '../model/flow-hash.js';
import { bothFamilies, CLIENT, CLIENT6, instance, KEY, muxWith, WEB4 } from '../support/both-families.js';
import { be16, toHex } from '../support/bytes.js';
import { ACK, eth, type Packet, RST, SYN } from '../support/packet.js';

const PIP = '80.80.80.90';
const PIP6 = '2001:db8::90';
const OUTER_SOURCE_PORT = 14 + 20;
const INNER_IP = 14 + 20 + 8 + 8 + 14;

const program = {
  vips: [...bothFamilies.vips, PIP, PIP6],
  services: [...bothFamilies.services, instance(PIP, WEB4), instance(PIP6, WEB4)],
};

interface Row {
  readonly name: string;
  readonly in: Packet;
  /** What the hash covers besides the addresses. */
  readonly ports?: readonly [source: number, destination: number];
  readonly protocol: number;
}

const to4 = (fields: Parameters<Packet['ipv4']>[2] = {}) => eth().ipv4(CLIENT, PIP, fields);
const to6 = (fields: Parameters<Packet['ipv6']>[2] = {}) => eth().ipv6(CLIENT6, PIP6, fields);

const accepted: Row[] = [
  { name: 'TCP to any port', in: to4().tcp(40000, 1, SYN), ports: [40000, 1], protocol: 6 },
  { name: 'a reset', in: to4().tcp(40000, 1, RST), ports: [40000, 1], protocol: 6 },
  { name: 'UDP', in: to4().udp(40000, 65535), ports: [40000, 65535], protocol: 17 },
  { name: 'an echo request', in: to4().icmp(8, 0), protocol: 1 },
  { name: 'an echo request with a wrong checksum', in: to4().icmp(8, 0, { checksum: 1 }), protocol: 1 },
  { name: '3 bytes of ICMP', in: to4({ protocol: 1 }).payload('abc'), protocol: 1 },
  { name: 'GRE', in: to4({ protocol: 47 }).payload('anything'), protocol: 47 },
  { name: 'nothing behind the header', in: to4({ protocol: 6 }), protocol: 6 },
  { name: '3 bytes of TCP', in: to4({ protocol: 6 }).payload('abc'), protocol: 6 },
  { name: '4 bytes of TCP', in: to4({ protocol: 6 }).payload(Uint8Array.of(0, 1, 0, 2)), ports: [1, 2], protocol: 6 },
  { name: 'a data offset that lies', in: to4().tcp(1, 2, ACK, { dataOffset: 4 }), ports: [1, 2], protocol: 6 },
  { name: 'a UDP length that lies', in: to4().udp(1, 2, { udpLength: 7 }), ports: [1, 2], protocol: 17 },
  { name: 'a first fragment', in: to4({ mf: true }).tcp(40000, 1, SYN), protocol: 6 },
  { name: 'a later fragment', in: to4({ fragmentOffset: 100, protocol: 17 }).payload('later'), protocol: 17 },
  { name: 'a fragment of ICMP', in: to4({ mf: true }).icmp(8, 0), protocol: 1 },
  { name: 'a fragment without a byte', in: to4({ fragmentOffset: 1, protocol: 17 }), protocol: 17 },
  { name: 'IPv6: TCP', in: to6().tcp(40000, 1, SYN), ports: [40000, 1], protocol: 6 },
  { name: 'IPv6: TCP behind options', in: to6().hopByHop().tcp(40000, 1, SYN), ports: [40000, 1], protocol: 6 },
  { name: 'IPv6: 3 bytes of UDP', in: to6({ nextHeader: 17 }).payload('abc'), protocol: 17 },
  { name: 'IPv6: an echo request', in: to6().icmpv6(), protocol: 58 },
  { name: 'IPv6: a neighbour solicitation', in: to6().icmpv6(135), protocol: 58 },
  { name: 'IPv6: no next header', in: to6(), protocol: 59 },
  { name: 'IPv6: a first fragment', in: to6().fragment({ more: true }).tcp(40000, 1, SYN), protocol: 6 },
  { name: 'IPv6: an atomic one', in: to6().fragment().tcp(40000, 1, SYN), ports: [40000, 1], protocol: 6 },
  {
    name: 'IPv6: a later fragment, whose payload looks like an extension header',
    in: to6().fragment({ offset: 100, nextHeader: 60 }).payload(new Uint8Array(3)),
    protocol: 60,
  },
];

describe('MUX: instance-level public IP', () => {
  it.each(accepted)('$name', async ({ in: packet, ports = [0, 0], protocol }) => {
    const mux = await muxWith(program);
    const frame = packet.bytes();
    const isIpv6 = be16(frame, 12) === 0x86dd;
    const [source, destination] = isIpv6 ? [CLIENT6, PIP6] : [CLIENT, PIP];
    const [sourcePort, destinationPort] = ports;
    const hash = flowHash(KEY, { source, destination, sourcePort, destinationPort, protocol }, 'Default');

    expect(mux.explain(frame).fields).toMatchObject({ verdict: 'forward', backendSource: 'fixed' });
    const { verdict, bytes } = mux.process(frame, 0);
    expect(verdict).toBe('forward');
    expect(toHex((bytes as Uint8Array).subarray(INNER_IP))).toBe(toHex(frame.subarray(14)));
    expect(be16(bytes as Uint8Array, OUTER_SOURCE_PORT)).toBe(entropyPort(hash));
    expect(mux.serviceTraffic(isIpv6 ? `[${PIP6}]:*/*` : `${PIP}:*/*`)).toEqual({
      packets: 1,
      bytes: frame.length - 14,
    });
  });

  it.each([
    { name: 'a wrong header checksum', in: to4({ checksum: 1 }).tcp(1, 2, SYN), reason: 'ipv4-checksum' },
    { name: 'TTL 0', in: to4({ ttl: 0 }).tcp(1, 2, SYN), reason: 'ttl' },
    { name: 'its own address as source', in: eth().ipv4(PIP, PIP).tcp(1, 2, SYN), reason: 'source' },
    { name: 'IPv6: truncated', in: to6({ payloadLength: 99 }).tcp(1, 2, SYN), reason: 'ipv6-truncated' },
    { name: 'IPv6: a segment left', in: to6().routing({ segmentsLeft: 1 }).tcp(1, 2, SYN), reason: 'ipv6-extension' },
  ])('even there: $name', async ({ in: packet, reason }) => {
    const mux = await muxWith(program);
    expect(mux.process(packet.bytes(), 0)).toMatchObject({ verdict: 'drop', reason });
  });

  it('has no flows', async () => {
    const mux = await muxWith(program);
    for (const flags of [SYN, ACK, ACK, RST]) mux.process(to4().tcp(40000, 1, flags).bytes(), 0);
    expect(mux.counters().flows).toMatchObject({ hits: 0, misses: 0, inserts: 0 });
  });

  it('becomes a frontend, and the other way round, with the next program', async () => {
    const mux = await muxWith(program);
    mux.program({ ...bothFamilies, vips: program.vips });
    expect(mux.process(to4().tcp(40000, 1, SYN).bytes(), 0).reason).toBe('no-rule');
    mux.program({ ...bothFamilies, ...program });
    expect(mux.process(to4().tcp(40000, 1, SYN).bytes(), 0).verdict).toBe('forward');
  });
});
