/** The host agent in both families: what goes to the VM, and what comes back from it, byte for byte. */

import { HostAgent, type HostProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import {
  atA,
  atB,
  CLIENT,
  DIP_A,
  dualStackHost,
  FAMILIES,
  type Family,
  ip,
  ofA,
  ofB,
  out,
  toA,
  toB,
  VIPS,
} from '../support/dual-stack-host.js';
import { ACK, type Packet, SYN } from '../support/packet.js';

async function dualHost(): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
  host.apply(dualStackHost);
  return host;
}

interface Row {
  name: string;
  /** From the client to the VIP, and what the VM gets of it. */
  in: (family: Family) => readonly [Packet, Packet];
  /** From the VM to the client, and what the client gets of it. */
  back: (family: Family) => readonly [Packet, Packet];
}

const rows: Row[] = [
  {
    name: 'TCP: address and port, and the checksum over both',
    in: (f) => [
      ip(toA, f, CLIENT[f], VIPS[f]).tcp(40000, 443, SYN),
      ip(atA, f, CLIENT[f], DIP_A[f]).tcp(40000, 8443, SYN),
    ],
    back: (f) => [
      ip(ofA, f, DIP_A[f], CLIENT[f]).tcp(8443, 40000, SYN | ACK),
      ip(out, f, VIPS[f], CLIENT[f]).tcp(443, 40000, SYN | ACK),
    ],
  },
  {
    name: 'UDP keeps its port',
    in: (f) => [
      ip(toA, f, CLIENT[f], VIPS[f]).udp(40000, 53, { payload: 'question' }),
      ip(atA, f, CLIENT[f], DIP_A[f]).udp(40000, 53, { payload: 'question' }),
    ],
    back: (f) => [
      ip(ofA, f, DIP_A[f], CLIENT[f]).udp(53, 40000, { payload: 'answer!' }),
      ip(out, f, VIPS[f], CLIENT[f]).udp(53, 40000, { payload: 'answer!' }),
    ],
  },
  {
    name: 'UDP without a checksum stays without',
    in: (f) => [
      ip(toA, f, CLIENT[f], VIPS[f]).udp(40000, 53, { checksum: 'none' }),
      ip(atA, f, CLIENT[f], DIP_A[f]).udp(40000, 53, { checksum: 'none' }),
    ],
    back: (f) => [
      ip(ofA, f, DIP_A[f], CLIENT[f]).udp(53, 40000, { checksum: 'none' }),
      ip(out, f, VIPS[f], CLIENT[f]).udp(53, 40000, { checksum: 'none' }),
    ],
  },
  {
    name: 'a protocol without ports: the addresses alone',
    in: (f) => [
      ip(toA, f, CLIENT[f], VIPS[f], { protocol: 47 }).payload('GRE of a tenant'),
      ip(atA, f, CLIENT[f], DIP_A[f], { protocol: 47 }).payload('GRE of a tenant'),
    ],
    back: (f) => [
      ip(ofA, f, DIP_A[f], CLIENT[f], { protocol: 47 }).payload('and back'),
      ip(out, f, VIPS[f], CLIENT[f], { protocol: 47 }).payload('and back'),
    ],
  },
  {
    name: 'floating IP leaves the packet as it is',
    in: (f) => [ip(toB, f, CLIENT[f], VIPS[f]).tcp(40000, 80, SYN), ip(atB, f, CLIENT[f], VIPS[f]).tcp(40000, 80, SYN)],
    back: (f) => [
      ip(ofB, f, VIPS[f], CLIENT[f]).tcp(80, 40000, ACK),
      ip(out, f, VIPS[f], CLIENT[f]).tcp(80, 40000, ACK),
    ],
  },
];

describe.each(FAMILIES)('host agent: there and back in IPv%i', (family) => {
  it.each(rows)('$name', async ({ in: inward, back }) => {
    const host = await dualHost();
    const [[arrives, delivered], [answers, replied]] = [inward(family), back(family)];
    const first = host.process(arrives.bytes(), 0);
    expect([first.verdict, first.reason, first.bytes && toHex(first.bytes)]).toEqual([
      'deliver',
      undefined,
      toHex(delivered.bytes()),
    ]);
    const second = host.process(answers.bytes(), 0, { port: 'vm' });
    expect([second.verdict, second.bytes && toHex(second.bytes)]).toEqual(['reply', toHex(replied.bytes())]);
    for (const bytes of [first.bytes, second.bytes]) expect(verifyFrame(bytes as Uint8Array, 'ethernet')).toEqual([]);
  });
});

describe('host agent: IPv6 packets', () => {
  const toVip = toA.ipv6(CLIENT[6], VIPS[6]);
  const rows6: { name: string; in: Packet; out: string }[] = [
    { name: 'for an address no policy knows', in: toA.ipv6(CLIENT[6], '2001:db8::1').tcp(1, 443, SYN), out: 'pass' },
    { name: 'for a VIP of another NIC', in: toA.ipv6(CLIENT[6], '2001:db8:80::90').tcp(1, 443, SYN), out: 'pass' },
    { name: 'version 4', in: toA.ipv6(CLIENT[6], VIPS[6], { version: 4 }).tcp(1, 443, SYN), out: 'ipv6-version' },
    {
      name: 'a payload length past the frame',
      in: toA.ipv6(CLIENT[6], VIPS[6], { payloadLength: 21 }).tcp(1, 443, SYN),
      out: 'ipv6-truncated',
    },
    {
      name: 'the same for an address no policy knows',
      in: toA.ipv6(CLIENT[6], '2001:db8::1', { payloadLength: 21 }).tcp(1, 443, SYN),
      out: 'pass',
    },
    {
      name: 'the same for a VIP of another NIC',
      in: toA.ipv6(CLIENT[6], '2001:db8:80::90', { payloadLength: 21 }).tcp(1, 443, SYN),
      out: 'pass',
    },
    { name: 'extension headers', in: toVip.hopByHop().destinationOptions().tcp(1, 443, SYN), out: 'deliver' },
    { name: 'an atomic fragment', in: toVip.fragment().tcp(1, 443, SYN), out: 'deliver' },
    { name: 'segments left to visit', in: toVip.routing({ segmentsLeft: 1 }).tcp(1, 443, SYN), out: 'ipv6-extension' },
    { name: 'an extension past the end', in: toVip.hopByHop({ length: 9 }).tcp(1, 443, SYN), out: 'ipv6-extension' },
    { name: 'a port nobody listens on', in: toVip.tcp(1, 444, SYN), out: 'no-rule' },
    { name: 'ICMP of IPv4 in IPv6', in: toA.ipv6(CLIENT[6], VIPS[6], { nextHeader: 1 }).payload('x'), out: 'protocol' },
    { name: 'a ping of the VIP', in: toVip.icmpv6(), out: 'protocol' },
    { name: 'a ping with a wrong checksum', in: toVip.icmpv6(128, 0, { checksum: 1 }), out: 'icmp-checksum' },
    {
      name: 'ICMPv6 cut short',
      in: toA.ipv6(CLIENT[6], VIPS[6], { nextHeader: 58 }).payload('1234567'),
      out: 'icmp-truncated',
    },
  ];
  it.each(rows6)('$name: $out', async ({ in: packet, out: expected }) => {
    const { verdict, reason } = (await dualHost()).process(packet.bytes(), 0);
    expect(reason ?? verdict).toBe(expected);
  });

  it('extension headers stay where they are', async () => {
    const host = await dualHost();
    const options = Uint8Array.of(1, 4, 0, 0, 0, 0);
    const { bytes } = host.process(toVip.destinationOptions({ data: options }).udp(40000, 53).bytes(), 0);
    const expected = atA.ipv6(CLIENT[6], DIP_A[6]).destinationOptions({ data: options }).udp(40000, 53);
    expect(bytes && toHex(bytes)).toBe(toHex(expected.bytes()));
  });

  it('a flow of one family is none of the other', async () => {
    const host = await dualHost();
    host.process(toVip.tcp(40000, 443, SYN).bytes(), 0);
    const answer = (start: Packet) => host.process(start.tcp(8443, 40000, ACK).bytes(), 0, { port: 'vm' });
    expect(answer(ofA.ipv4(DIP_A[4], CLIENT[4])).reason).toBe('snat-unknown');
    expect(answer(ofA.ipv6(DIP_A[6], CLIENT[6])).verdict).toBe('reply');
  });

  it('another client address that differs in its last byte is another flow', async () => {
    const host = await dualHost();
    host.process(toVip.tcp(40000, 443, SYN).bytes(), 0);
    const answer = ofA.ipv6(DIP_A[6], '2001:db8:c::8').tcp(8443, 40000, ACK);
    expect(host.process(answer.bytes(), 0, { port: 'vm' }).reason).toBe('snat-unknown');
  });
});

describe('host agent: protocols', () => {
  const everything: HostProgram = {
    ...dualStackHost,
    translations: FAMILIES.map((family) => ({
      ...dualStackHost.translations[0],
      vip: VIPS[family],
      dip: DIP_A[family],
      protocol: 0,
      port: 0,
    })),
  };
  const onePort: HostProgram = {
    ...everything,
    translations: everything.translations.map((each) => ({ ...each, protocol: 6, port: 1 })),
  };
  const protocols = [
    { name: 'GRE', protocol: 47, out: 'deliver' },
    { name: 'ESP', protocol: 50, out: 'deliver' },
    { name: 'SCTP', protocol: 132, out: 'deliver' },
    { name: 'the reserved 255', protocol: 255, out: 'deliver' },
    { name: 'UDP-Lite, whose checksum covers the addresses', protocol: 136, out: 'protocol' },
    { name: 'DCCP, likewise', protocol: 33, out: 'protocol' },
  ];
  describe.each(FAMILIES)('a rule for all of them in IPv%i', (family) => {
    it.each(protocols)('$name: $out', async ({ protocol, out: expected }) => {
      const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
      host.apply(everything);
      const packet = (start: Packet, destination: string) =>
        ip(start, family, CLIENT[family], destination, { protocol }).payload('something');
      const { verdict, reason, bytes } = host.process(packet(toA, VIPS[family]).bytes(), 0);
      expect(reason ?? verdict).toBe(expected);
      if (verdict === 'deliver') expect(toHex(bytes as Uint8Array)).toBe(toHex(packet(atA, DIP_A[family]).bytes()));
    });

    it.each(protocols)('$name without a rule: protocol', async ({ protocol }) => {
      const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
      host.apply(onePort);
      const packet = ip(toA, family, CLIENT[family], VIPS[family], { protocol }).payload('something');
      expect(host.process(packet.bytes(), 0).reason).toBe('protocol');
    });
  });
});
