/** The host agent on the way back: a VM's answer leaves from the VIP, and everything else of the VM passes. */

import { HostAgent, type HostProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ACK, eth, ipv4, type Packet, RST, SYN } from '../support/packet.js';
import {
  GATEWAY_MAC,
  HOST_A,
  HOST_A_MAC,
  hostProgram,
  MUX,
  VIP,
  VNI,
  WEB_A,
  WEB_A_MAC,
  WEB_B,
  WEB_B_MAC,
} from '../support/programs.js';

const CLIENT = '192.0.2.7';
const SWITCH_MAC = '02:00:00:00:00:fe';

const tunnel = (mac: string) => eth().ipv4(MUX, HOST_A).udp(50000, 4789).vxlan(VNI).eth({ dst: mac });
const ofWebA = eth({ src: WEB_A_MAC, dst: SWITCH_MAC });
const ofWebB = eth({ src: WEB_B_MAC, dst: SWITCH_MAC });
const out = eth({ src: HOST_A_MAC, dst: GATEWAY_MAC });

/** What clients have sent before: one connection of each kind. */
const opened: readonly Packet[] = [
  tunnel(WEB_A_MAC).ipv4(CLIENT, VIP).tcp(40000, 443, SYN),
  tunnel(WEB_A_MAC).ipv4(CLIENT, VIP).udp(40000, 53),
  tunnel(WEB_B_MAC).ipv4(CLIENT, VIP).tcp(40000, 80, SYN),
  tunnel(WEB_B_MAC).ipv4(CLIENT, VIP).udp(40000, 1000),
];

async function hostWith(attachment: Partial<HostProgram['attachment']> = {}): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1 });
  host.apply({ ...hostProgram, attachment: { ...hostProgram.attachment, ...attachment } });
  for (const packet of opened) expect(host.process(packet.bytes(), 0).verdict).toBe('deliver');
  return host;
}

const replies: { name: string; attachment?: Partial<HostProgram['attachment']>; in: Packet; out: Packet }[] = [
  {
    name: 'TCP: the DIP becomes the VIP, the backend port the port of the VIP',
    in: ofWebA.ipv4(WEB_A, CLIENT).tcp(8443, 40000, SYN | ACK),
    out: out.ipv4(VIP, CLIENT).tcp(443, 40000, SYN | ACK),
  },
  {
    name: 'UDP',
    in: ofWebA.ipv4(WEB_A, CLIENT).udp(53, 40000, { payload: 'answer' }),
    out: out.ipv4(VIP, CLIENT).udp(53, 40000, { payload: 'answer' }),
  },
  {
    name: 'UDP without checksum',
    in: ofWebA.ipv4(WEB_A, CLIENT).udp(53, 40000, { checksum: 'none' }),
    out: out.ipv4(VIP, CLIENT).udp(53, 40000, { checksum: 'none' }),
  },
  {
    name: 'a reset',
    in: ofWebA.ipv4(WEB_A, CLIENT).tcp(8443, 40000, RST),
    out: out.ipv4(VIP, CLIENT).tcp(443, 40000, RST),
  },
  {
    name: 'floating IP leaves the packet as it is',
    in: ofWebB.ipv4(VIP, CLIENT).tcp(80, 40000, SYN | ACK),
    out: out.ipv4(VIP, CLIENT).tcp(80, 40000, SYN | ACK),
  },
  {
    name: 'floating IP with a backend port turns the port around',
    in: ofWebB.ipv4(VIP, CLIENT).udp(5353, 40000, { payload: 'x' }),
    out: out.ipv4(VIP, CLIENT).udp(1000, 40000, { payload: 'x' }),
  },
  {
    name: 'padding is trimmed',
    in: ofWebA.ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK).pad(60),
    out: out.ipv4(VIP, CLIENT).tcp(443, 40000, ACK),
  },
  {
    name: 'IP options and an odd payload',
    in: ofWebA.ipv4(WEB_A, CLIENT, { options: fromHex('94040000') }).tcp(8443, 40000, ACK, { payload: 'odd' }),
    out: out.ipv4(VIP, CLIENT, { options: fromHex('94040000') }).tcp(443, 40000, ACK, { payload: 'odd' }),
  },
  {
    name: 'an unknown gateway leaves the destination MAC as it came',
    attachment: { gatewayMacAddress: undefined },
    in: ofWebA.ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK),
    out: eth({ src: HOST_A_MAC, dst: SWITCH_MAC }).ipv4(VIP, CLIENT).tcp(443, 40000, ACK),
  },
  {
    name: 'two VLAN tags are kept',
    in: ofWebA.vlan(7, { tpid: 0x88a8 }).vlan(100).ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK),
    out: out.vlan(7, { tpid: 0x88a8 }).vlan(100).ipv4(VIP, CLIENT).tcp(443, 40000, ACK),
  },
  {
    name: 'a VLAN tag is kept',
    in: ofWebA.vlan(100, { priority: 5 }).ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK),
    out: out.vlan(100, { priority: 5 }).ipv4(VIP, CLIENT).tcp(443, 40000, ACK),
  },
  {
    name: 'the VLAN of the host, untagged in',
    attachment: { vlanId: 7 },
    in: ofWebA.ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK),
    out: out.vlan(7).ipv4(VIP, CLIENT).tcp(443, 40000, ACK),
  },
  {
    name: 'the VLAN of the host replaces a tag, gateway unknown',
    attachment: { vlanId: 7, gatewayMacAddress: undefined },
    in: ofWebA.vlan(100, { tpid: 0x88a8 }).ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK),
    out: eth({ src: HOST_A_MAC, dst: SWITCH_MAC }).vlan(7).ipv4(VIP, CLIENT).tcp(443, 40000, ACK),
  },
];

describe('host agent: replies', () => {
  it.each(replies)('$name', async ({ attachment, in: packet, out: expected }) => {
    const host = await hostWith(attachment);
    const { verdict, bytes } = host.process(packet.bytes(), 0, { port: 'vm' });
    expect([verdict, bytes && toHex(bytes)]).toEqual(['reply', toHex(expected.bytes())]);
    expect(verifyFrame(bytes as Uint8Array, 'ethernet')).toEqual([]);
  });

  it('a reply whose UDP checksum becomes zero is written ffff', async () => {
    const host = await hostWith();
    // Source port 5353 = 14e9 becomes 1000 = 03e8, 1101 less; the checksum rises by as much, from eefe to ffff.
    const { bytes } = host.process(ofWebB.ipv4(VIP, CLIENT).udp(5353, 40000, { checksum: 0xeefe }).bytes(), 0, {
      port: 'vm',
    });
    expect(bytes && toHex(bytes.subarray(40, 42))).toBe('ffff');
  });
});

const answer = ofWebA.ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK);

describe('host agent: what of a VM is no reply', () => {
  const rows: { name: string; in: Packet; reason?: string }[] = [
    { name: 'a connection the VM opens', in: ofWebA.ipv4(WEB_A, CLIENT).tcp(50000, 80, SYN) },
    { name: 'another client port', in: ofWebA.ipv4(WEB_A, CLIENT).tcp(8443, 40001, ACK) },
    { name: 'another client', in: ofWebA.ipv4(WEB_A, '192.0.2.8').tcp(8443, 40000, ACK) },
    { name: 'another port of the VM', in: ofWebA.ipv4(WEB_A, CLIENT).tcp(443, 40000, ACK) },
    { name: 'UDP with the ports of a TCP flow', in: ofWebA.ipv4(WEB_A, CLIENT).udp(8443, 40000) },
    { name: 'a source address that is not its own', in: ofWebA.ipv4(WEB_B, CLIENT).tcp(8443, 40000, ACK) },
    { name: "the DIP of another VM's flow", in: ofWebB.ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK) },
    {
      name: 'a source MAC nobody has',
      in: eth({ src: '02:00:00:00:01:99' }).ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK),
    },
    {
      name: 'an unknown MAC and a malformed packet',
      in: eth().ipv4(WEB_A, CLIENT, { checksum: 0 }).tcp(8443, 40000, ACK),
    },
    { name: 'a bare packet', in: ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK) },
    { name: 'ICMP', in: ofWebA.ipv4(WEB_A, CLIENT).icmp() },
    { name: 'malformed ICMP', in: ofWebA.ipv4(WEB_A, CLIENT, { checksum: 0 }).icmp() },
    { name: 'ARP', in: eth({ src: WEB_A_MAC, type: 0x0806 }).payload(new Uint8Array(28)) },
    { name: 'a third VLAN tag', in: ofWebA.vlan(1).vlan(2).vlan(3).ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK) },
    {
      name: 'a fragment of a reply',
      in: ofWebA.ipv4(WEB_A, CLIENT, { mf: true }).tcp(8443, 40000, ACK),
      reason: 'fragment',
    },
    { name: 'version 5', in: ofWebA.ipv4(WEB_A, CLIENT, { version: 5 }).tcp(8443, 40000, ACK) },
    {
      name: 'a fragment of a connection of its own',
      in: ofWebA.ipv4(WEB_A, CLIENT, { mf: true }).udp(5000, 53).payload('x'.repeat(1472)),
    },
    {
      name: 'a later fragment, which has no ports',
      in: ofWebA.ipv4(WEB_A, CLIENT, { fragmentOffset: 185 }).tcp(8443, 40000, ACK),
    },
    { name: 'malformed TCP of its own', in: ofWebA.ipv4(WEB_A, CLIENT).tcp(50000, 80, ACK, { dataOffset: 4 }) },
    { name: 'a UDP length that lies, of its own', in: ofWebA.ipv4(WEB_A, CLIENT).udp(5000, 53, { udpLength: 7 }) },
    {
      name: '7 bytes of a segment',
      in: ofWebA.ipv4(WEB_A, CLIENT, { protocol: 6 }).payload(new Uint8Array(7)),
    },
    {
      name: 'a wrong IP checksum',
      in: ofWebA.ipv4(WEB_A, CLIENT, { checksum: 0 }).tcp(8443, 40000, ACK),
    },
    {
      name: 'data offset 4',
      in: ofWebA.ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK, { dataOffset: 4 }),
      reason: 'tcp-header-length',
    },
    { name: 'UDP length 7', in: ofWebA.ipv4(WEB_A, CLIENT).udp(53, 40000, { udpLength: 7 }), reason: 'udp-length' },
  ];
  it.each(rows)('$name: $reason', async ({ in: packet, reason }) => {
    const host = await hostWith();
    const processed = host.process(packet.bytes(), 0, { link: packet.link, port: 'vm' });
    expect(processed).toEqual(
      reason === undefined
        ? { verdict: 'pass', reason: undefined, bytes: packet.bytes(), produced: [] }
        : { verdict: 'drop', reason, bytes: undefined, produced: [] },
    );
  });

  it.each([0, 13])('%i bytes of Ethernet header', async (length) => {
    const host = await hostWith();
    const { verdict, reason } = host.process(answer.bytes().slice(0, length), 0, { port: 'vm' });
    expect([verdict, reason]).toEqual(['drop', 'ethernet-truncated']);
  });
});

describe('host agent: a capture of both sides', () => {
  const rows = [
    { name: 'a local source MAC came from its VM', port: 'shared', in: answer, verdict: 'reply' },
    { name: 'a tunnel came from the underlay', port: 'shared', in: opened[0], verdict: 'deliver' },
    { name: 'an answer seen on the underlay is nothing to us', port: 'underlay', in: answer, verdict: 'pass' },
    { name: 'a tunnel out of a VM is its own affair', port: 'vm', in: opened[0], verdict: 'pass' },
    {
      name: 'a bare packet has no MAC to tell by',
      port: 'shared',
      in: ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK),
      verdict: 'pass',
    },
  ] as const;
  it.each(rows)('$name: $verdict', async ({ port, in: packet, verdict }) => {
    const host = await hostWith();
    expect(host.process(packet.bytes(), 0, { link: packet.link, port }).verdict).toBe(verdict);
  });

  it('a frame too short for a source MAC is one of the underlay', async () => {
    const host = await hostWith();
    expect(host.process(answer.bytes().slice(0, 13), 0, { port: 'shared' }).reason).toBe('ethernet-truncated');
  });
});
