/** ICMP to a VIP, both families: pings, what comes back to leased ports, and errors about connections. */

import { describe, expect, it } from 'vitest';
import { verifyFrame } from '../support/checksum.js';
import { dualStackMuxProgram, VIP_ANY, VIP_INSTANCE, VIP_LEASED, VIP6 } from '../support/mux-programs.js';
import { ACK, ipv4, ipv6, type Packet, SYN } from '../support/packet.js';
import { VIP } from '../support/programs.js';
import { MuxModel, type MuxResult } from './mux-model.js';

const CLIENT = '192.0.2.7';
const CLIENT6 = '2001:db8:c::7';
const ROUTER = '198.51.100.9';

function process(packet: Packet, model = new MuxModel(dualStackMuxProgram)): MuxResult {
  return model.process(packet.bytes(), packet.link, 0);
}

describe('ping of a VIP', () => {
  it('IPv4 is answered, options and all', () => {
    const fields = { options: new Uint8Array([1, 1, 1, 0]), id: 7, tos: 0x20 };
    const { verdict, bytes } = process(
      ipv4(CLIENT, VIP, { ...fields, ttl: 3 })
        .icmp(8, 0, { rest: 9 })
        .payload('ping'),
    );
    expect(verdict).toBe('reply');
    expect(bytes).toEqual(ipv4(VIP, CLIENT, fields).icmp(0, 0, { rest: 9 }).payload('ping').bytes());
  });

  it('IPv6 is answered, extension headers and all', () => {
    const fields = { trafficClass: 0x20, flowLabel: 5 };
    const asked = ipv6(CLIENT6, VIP6, { ...fields, hopLimit: 3 })
      .destinationOptions()
      .fragment({ id: 1 })
      .icmpv6();
    const answered = ipv6(VIP6, CLIENT6, fields).destinationOptions().fragment({ id: 1 }).icmpv6(129);
    const { verdict, bytes } = process(asked.payload('ping'));
    expect(verdict).toBe('reply');
    expect(bytes).toEqual(answered.payload('ping').bytes());
    expect(verifyFrame(bytes!, 'bare')).toEqual([]);
  });

  const rows: { name: string; packet: Packet; reason: string }[] = [
    { name: 'seven bytes', packet: ipv4(CLIENT, VIP, { protocol: 1 }).payload('1234567'), reason: 'icmp-truncated' },
    { name: 'a wrong checksum', packet: ipv4(CLIENT, VIP).icmp(8, 0, { checksum: 1 }), reason: 'icmp-checksum' },
    {
      name: 'a wrong checksum of a type nobody takes',
      packet: ipv4(CLIENT, VIP).icmp(13, 0, { checksum: 1 }),
      reason: 'icmp-checksum',
    },
    { name: 'a type nobody takes', packet: ipv4(CLIENT, VIP).icmp(13), reason: 'protocol' },
    { name: 'a code that no ping has', packet: ipv4(CLIENT, VIP).icmp(8, 1), reason: 'protocol' },
    {
      name: 'IPv6 without its pseudo header',
      packet: ipv6(CLIENT6, VIP6).icmpv6(128, 0, { checksum: 0x7fff }),
      reason: 'icmp-checksum',
    },
    {
      name: 'ICMP in IPv6',
      packet: ipv6(CLIENT6, VIP6, { nextHeader: 1 }).payload(ipv4(CLIENT, VIP).icmp().bytes().subarray(20)),
      reason: 'protocol',
    },
    { name: 'a fragment', packet: ipv4(CLIENT, VIP, { mf: true }).icmp(), reason: 'fragment' },
    {
      name: 'a later IPv6 fragment',
      packet: ipv6(CLIENT6, VIP6).fragment({ offset: 1, nextHeader: 58 }).payload('12345678'),
      reason: 'fragment',
    },
  ];
  it.each(rows)('$name: $reason', ({ packet, reason }) => {
    expect(process(packet)).toEqual({ verdict: 'drop', reason });
  });

  it('an instance-level address gets them all', () => {
    for (const packet of [
      ipv4(CLIENT, VIP_INSTANCE).icmp(8, 0, { checksum: 1 }),
      ipv4(CLIENT, VIP_INSTANCE, { mf: true }).icmp(13),
      ipv4(CLIENT, VIP_INSTANCE, { fragmentOffset: 3 }).payload('anything'),
      ipv4(CLIENT, VIP_INSTANCE).tcp(1, 2, SYN, { dataOffset: 1 }),
    ]) {
      expect(process(packet)).toMatchObject({ verdict: 'forward', backend: 'web-c' });
    }
  });
});

describe('echo reply', () => {
  const reply = (identifier: number) => ipv4(CLIENT, VIP_LEASED).icmp(0, 0, { rest: identifier * 65536 });
  it.each([
    { identifier: 1023, backend: undefined },
    { identifier: 1024, backend: 'web-a' },
    { identifier: 1087, backend: 'web-a' },
    { identifier: 1088, backend: 'web-c' },
    { identifier: 1096, backend: undefined },
    { identifier: 65535, backend: 'web-b' },
  ])('to port $identifier: $backend', ({ identifier, backend }) => {
    const { verdict, reason, backend: chosen } = process(reply(identifier));
    expect([verdict, reason, chosen]).toEqual(
      backend ? ['forward', undefined, backend] : ['drop', 'no-rule', undefined],
    );
  });
});

describe('ICMP error', () => {
  const about = (quoted: Packet, vip = VIP, type = 3) => ipv4(ROUTER, vip).icmp(type, 1).payload(quoted.bytes());
  const answer = ipv4(VIP, CLIENT);

  it.each([
    { name: 'to the one backend of a rule', error: about(answer.tcp(2201, 40000, ACK)), backend: 'web-b' },
    {
      name: 'to whoever leased the port',
      error: about(ipv4(VIP_LEASED, CLIENT).udp(1088, 53), VIP_LEASED),
      backend: 'web-c',
    },
    {
      name: 'about a ping of a VM',
      error: about(ipv4(VIP_LEASED, CLIENT).icmp(8, 0, { rest: 1088 * 65536 }), VIP_LEASED),
      backend: 'web-c',
    },
    { name: 'about ESP', error: about(ipv4(VIP, CLIENT, { protocol: 50 })), backend: 'web-d' },
    { name: 'about nothing', error: about(answer.payload('')), reason: 'no-rule' },
    {
      name: 'about no rule',
      error: about(ipv4(VIP_LEASED, CLIENT).tcp(443, 40000, ACK), VIP_LEASED),
      reason: 'no-rule',
    },
    {
      name: 'about ICMP that a rule for everything does not take',
      error: about(ipv4(VIP_ANY, CLIENT).icmp(8, 0), VIP_ANY),
      reason: 'no-rule',
    },
    { name: 'about an empty ring', error: about(answer.tcp(9, 40000, ACK)), reason: 'no-backend' },
    {
      name: 'about a later fragment of a rule for one port',
      error: about(ipv4(VIP, CLIENT, { fragmentOffset: 1 }).tcp(443, 1, ACK)),
      reason: 'icmp-quote',
    },
    { name: 'about somebody else', error: about(ipv4(VIP_ANY, CLIENT).tcp(443, 1, ACK)), reason: 'icmp-quote' },
    { name: 'of a type that is none', error: about(answer.tcp(443, 1, ACK), VIP, 5), reason: 'protocol' },
  ])('$name: $backend$reason', ({ error, backend, reason }) => {
    const result = process(error);
    expect([result.verdict, result.reason, result.backend]).toEqual(
      backend ? ['forward', undefined, backend] : ['drop', reason, undefined],
    );
  });

  it('about a later fragment goes where a rule for all ports says', () => {
    expect(process(about(ipv4(VIP, CLIENT, { fragmentOffset: 1 }).udp(1, 1))).service).toBe(`${VIP}|0/17`);
  });

  it('follows the flow, else the ring, and leaves no trace', () => {
    const packet = (flags: number) => ipv4(CLIENT, VIP).tcp(40000, 443, flags);
    const error = about(answer.tcp(443, 40000, ACK));
    const [ring, ...others] = dualStackMuxProgram.rings;
    const onlyA = { ...dualStackMuxProgram, rings: [{ ...ring!, members: [{ backend: 0, weight: 1 }] }, ...others] };
    const drainedA = { ...ring!, members: [{ backend: 1, weight: 1 }], drained: [0] };
    const onlyB = { ...dualStackMuxProgram, rings: [drainedA, ...others] };

    const model = new MuxModel(onlyA);
    expect(process(error, model).backend).toBe('web-a');
    model.program(onlyB);
    expect(process(error, model).backend).toBe('web-b');
    model.program(onlyA);
    process(packet(ACK), model);
    model.program(onlyB);
    expect(process(error, model).backend).toBe('web-a');
  });
});
