/** Pings of a VIP: the MUX answers them itself, back where they came from. */
import { Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { dualStackMuxProgram, VIP_LEASED, VIP6 } from '../support/mux-programs.js';
import { bare, eth, ipv4, type Packet } from '../support/packet.js';
import { MUX_MAC, muxProgram, VIP } from '../support/programs.js';

const CLIENT = '192.0.2.7';
const ROUTER_MAC = '02:00:00:00:00:01';

const ping = (fields: Parameters<Packet['ipv4']>[2] = {}) =>
  eth({ src: ROUTER_MAC, dst: MUX_MAC }).ipv4(CLIENT, VIP, fields).icmp(8, 0, { rest: 0x12340001 });
const pong = (fields: Parameters<Packet['ipv4']>[2] = {}) =>
  eth({ src: MUX_MAC, dst: ROUTER_MAC }).ipv4(VIP, CLIENT, fields).icmp(0, 0, { rest: 0x12340001 });

const ROUTE_RECORD = Uint8Array.of(7, 7, 4, 0, 0, 0, 0);

interface Row {
  name: string;
  in: Packet;
  out: Packet;
}

const rows: Row[] = [
  { name: 'a ping', in: ping().payload('abcdefgh'), out: pong().payload('abcdefgh') },
  { name: 'one with an odd number of bytes', in: ping().payload('abc'), out: pong().payload('abc') },
  { name: 'one without data, padding cut off', in: ping().pad(60), out: pong() },
  { name: 'one of 1,472 bytes', in: ping().payload('x'.repeat(1472)), out: pong().payload('x'.repeat(1472)) },
  {
    name: 'one that is all zeros but for its type, whose checksum must not be the other zero',
    in: eth({ src: ROUTER_MAC, dst: MUX_MAC }).ipv4(CLIENT, VIP).icmp(8, 0),
    out: eth({ src: MUX_MAC, dst: ROUTER_MAC }).ipv4(VIP, CLIENT).icmp(0, 0),
  },
  { name: 'one that was about to expire', in: ping({ ttl: 1 }), out: pong({ ttl: 64 }) },
  { name: 'one with a DSCP and an identification', in: ping({ tos: 0xb8, id: 7 }), out: pong({ tos: 0xb8, id: 7 }) },
  {
    name: 'one with IP options, which stay',
    in: ping({ options: ROUTE_RECORD }),
    out: pong({ options: ROUTE_RECORD }),
  },
  {
    name: 'one of a VIP without any rule',
    in: eth({ src: ROUTER_MAC, dst: MUX_MAC }).ipv4(CLIENT, VIP_LEASED).icmp(8, 0),
    out: eth({ src: MUX_MAC, dst: ROUTER_MAC }).ipv4(VIP_LEASED, CLIENT).icmp(0, 0),
  },
  {
    name: 'one in a VLAN, answered in the same',
    in: eth({ src: ROUTER_MAC, dst: MUX_MAC }).vlan(7).ipv4(CLIENT, VIP).icmp(8, 0),
    out: eth({ src: MUX_MAC, dst: ROUTER_MAC }).vlan(7).ipv4(VIP, CLIENT).icmp(0, 0),
  },
  {
    name: 'one without Ethernet',
    in: ipv4(CLIENT, VIP).icmp(8, 0).payload('abc'),
    out: ipv4(VIP, CLIENT).icmp(0, 0).payload('abc'),
  },
];

const CLIENT6 = '2001:db8:c::7';
const ping6 = (start = eth({ src: ROUTER_MAC, dst: MUX_MAC })) => start.ipv6(CLIENT6, VIP6, { trafficClass: 0xb8 });
const pong6 = (start = eth({ src: MUX_MAC, dst: ROUTER_MAC })) => start.ipv6(VIP6, CLIENT6, { trafficClass: 0xb8 });
const request = { rest: 0x12340001 };

const rows6: Row[] = [
  {
    name: 'IPv6: a ping',
    in: ping6().icmpv6(128, 0, request).payload('abcdefgh'),
    out: pong6().icmpv6(129, 0, request).payload('abcdefgh'),
  },
  {
    name: 'IPv6: one with an odd number of bytes',
    in: ping6().icmpv6(128, 0, request).payload('abc'),
    out: pong6().icmpv6(129, 0, request).payload('abc'),
  },
  {
    name: 'IPv6: one without data, padding cut off',
    in: ping6().icmpv6(128, 0, request).pad(90),
    out: pong6().icmpv6(129, 0, request),
  },
  {
    name: 'IPv6: one that was about to expire, with a flow label',
    in: eth({ src: ROUTER_MAC, dst: MUX_MAC }).ipv6(CLIENT6, VIP6, { hopLimit: 1, flowLabel: 0xabcde }).icmpv6(),
    out: eth({ src: MUX_MAC, dst: ROUTER_MAC }).ipv6(VIP6, CLIENT6, { hopLimit: 64, flowLabel: 0xabcde }).icmpv6(129),
  },
  {
    name: 'IPv6: one with extension headers, which stay, and an atomic fragment header',
    in: ping6().hopByHop().routing().fragment({ id: 7 }).destinationOptions().icmpv6(128, 0, request).payload('abc'),
    out: pong6().hopByHop().routing().fragment({ id: 7 }).destinationOptions().icmpv6(129, 0, request).payload('abc'),
  },
  {
    name: 'IPv6: one in two VLANs, answered in the same',
    in: ping6(eth({ src: ROUTER_MAC, dst: MUX_MAC }).vlan(7, { tpid: 0x88a8 }).vlan(8)).icmpv6(),
    out: pong6(eth({ src: MUX_MAC, dst: ROUTER_MAC }).vlan(7, { tpid: 0x88a8 }).vlan(8)).icmpv6(129),
  },
  { name: 'IPv6: one without Ethernet', in: ping6(bare()).icmpv6(), out: pong6(bare()).icmpv6(129) },
];

describe('MUX: echo', () => {
  it.each([...rows, ...rows6])('$name', async ({ in: request, out }) => {
    const mux = await Mux.load(muxModule);
    mux.program(dualStackMuxProgram);
    const { verdict, bytes } = mux.process(request.bytes(), 0, request.link);
    expect(verdict).toBe('reply');
    expect(toHex(bytes!)).toBe(toHex(out.bytes()));
    expect(verifyFrame(bytes!, request.link)).toEqual([]);
  });

  it('passes a ping of somebody else, sound or not', async () => {
    const mux = await Mux.load(muxModule);
    mux.program(muxProgram);
    const other = eth().ipv4(CLIENT, '192.0.2.80');
    expect(mux.process(other.icmp(8, 0).bytes(), 0).verdict).toBe('pass');
    expect(mux.process(other.icmp(8, 0, { checksum: 1 }).bytes(), 0).verdict).toBe('pass');
  });

  it('is explained without being given', async () => {
    const mux = await Mux.load(muxModule);
    mux.program(muxProgram);
    expect(mux.explain(ping().bytes()).text).toBe('reply: the MUX answers an echo request for a VIP');
    expect(mux.counters().verdicts.reply).toBe(0);
  });
});
