/** The selection program: what the kernel says of a frame, in every flavour, is what FrameSelection says. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BpfMap } from '../../../sdk/runtime/node/bpf/map.js';
import { BpfProgram } from '../../../sdk/runtime/node/bpf/program.js';
import { Selector } from '../../../sdk/runtime/node/bpf/selector.js';
import { type FrameSelection, SELECT_NOTHING } from '../../../sdk/runtime/packet-port.js';
import { ACK, eth, type Packet } from '../../support/packet.js';
import { Random } from '../../support/random.js';
import { Flavours, runFlavour } from './flavours.js';
import { randomFrame } from './random-frames.js';
import { isSelected } from './selection-model.js';
import { whyNoBpf } from './test-run.js';

const whyNot = whyNoBpf();
if (whyNot) console.warn(`skipped: ${whyNot}`);

const VIP = '80.80.80.80';
const VIP6 = '2001:db8:80::80';
const HOST = '10.0.0.11';
const HOST6 = '2001:db8:f::11';
const DIP = '192.168.1.4';
const DIP6 = 'fd00:1::4';
const PEER = '192.0.2.7';
const PEER6 = '2001:db8::7';

const SELECTION: FrameSelection = {
  destinations: [VIP, VIP6],
  tunnelEnds: [HOST, HOST6],
  sources: [DIP, DIP6],
  local: [HOST, HOST6, '192.168.1.1', 'fd00:1::1'],
};

const options = { options: new Uint8Array(40).fill(1) };
const toHost = eth().ipv4(PEER, HOST);
const toHost6 = eth().ipv6(PEER6, HOST6);
const toVip6 = eth().ipv6(PEER6, VIP6);
const fromVm = (destination: string) => eth().ipv4(DIP, destination).udp(1, 2);
const fromVm6 = (destination: string) => eth().ipv6(DIP6, destination).udp(1, 2);

const ROWS: readonly (readonly [what: string, isOurs: boolean, frame: Packet])[] = [
  // Destinations.
  ['TCP to a VIP', true, eth().ipv4(PEER, VIP).tcp(1, 80, ACK)],
  ['TCP to a VIP of IPv6', true, toVip6.tcp(1, 80, ACK)],
  ['with IP options', true, eth().ipv4(PEER, VIP, options).tcp(1, 80, ACK)],
  ['with a VLAN tag', true, eth().vlan(5).ipv4(PEER, VIP).tcp(1, 80, ACK)],
  ['with two VLAN tags', true, eth().vlan(5, { tpid: 0x88a8 }).vlan(6).ipv6(PEER6, VIP6).tcp(1, 80, ACK)],
  ['with three VLAN tags', false, eth().vlan(5).vlan(6).vlan(7).ipv4(PEER, VIP).tcp(1, 80, ACK)],
  ['a later fragment', true, eth().ipv4(PEER, VIP, { fragmentOffset: 100, protocol: 6 }).payload('x')],
  ['a later fragment of IPv6', true, toVip6.fragment({ offset: 100, nextHeader: 6 }).payload('x')],
  ['ICMP to a VIP', true, eth().ipv4(PEER, VIP).icmp()],
  ['neighbour discovery to a VIP', true, toVip6.icmpv6(135)],
  ['from a VIP', false, eth().ipv4(VIP, PEER).tcp(80, 1, ACK)],
  ['to somebody else', false, eth().ipv4(PEER, '80.80.80.81').tcp(1, 80, ACK)],
  ['a VIP as IPv4-mapped IPv6', false, eth().ipv6(PEER6, `::ffff:${VIP}`).tcp(1, 80, ACK)],
  ['ARP', false, eth({ type: 0x0806 }).payload(new Uint8Array(28).fill(80))],
  ['an IPv4 header that says it is of version 6', false, eth().ipv4(PEER, VIP, { version: 6 }).tcp(1, 80, ACK)],
  // Tunnels.
  ['VXLAN', true, toHost.udp(1, 4789).vxlan(1).eth().ipv4(PEER, VIP).tcp(1, 80, ACK)],
  ['VXLAN over IPv6', true, toHost6.udp(1, 4789).vxlan(1).eth().ipv4(PEER, VIP).tcp(1, 80, ACK)],
  ['VXLAN behind IP options', true, eth().ipv4(PEER, HOST, options).udp(1, 4789)],
  [
    'VXLAN behind four extension headers',
    true,
    toHost6.hopByHop().destinationOptions().routing().destinationOptions().udp(1, 4789),
  ],
  [
    'VXLAN behind five',
    false,
    toHost6.hopByHop().destinationOptions().routing().destinationOptions().destinationOptions().udp(1, 4789),
  ],
  ['NVGRE', true, toHost.nvgre(1).eth().ipv4(PEER, VIP).tcp(1, 80, ACK)],
  ['NVGRE over IPv6, tagged', true, eth().vlan(9).ipv6(PEER6, HOST6).nvgre(1).eth().ipv4(PEER, VIP).tcp(1, 80, ACK)],
  ['a redirect', true, toHost.udp(8571, 8571)],
  ['another UDP port', false, toHost.udp(4789, 53)],
  ['BGP', false, toHost.tcp(4789, 179, ACK)],
  ['TCP to port 4789', false, toHost.tcp(1, 4789, ACK)],
  ['the first fragment of VXLAN', false, eth().ipv4(PEER, HOST, { mf: true, df: false }).udp(1, 4789)],
  ['a later fragment of GRE', false, eth().ipv4(PEER, HOST, { fragmentOffset: 8, protocol: 47 }).payload('x')],
  ['an atomic fragment of VXLAN', false, toHost6.fragment().udp(1, 4789)],
  ['VXLAN to somebody else', false, eth().ipv4(PEER, '10.0.0.12').udp(1, 4789)],
  ['neighbour discovery with us', false, toHost6.icmpv6(135)],
  // Sources.
  ['from a VM', true, fromVm(PEER)],
  ['from a VM by IPv6', true, fromVm6(PEER6)],
  ['a fragment from a VM', true, eth().ipv4(DIP, PEER, { fragmentOffset: 8, protocol: 17 }).payload('x')],
  ['a fragment from a VM by IPv6', true, eth().ipv6(DIP6, PEER6).fragment({ offset: 8, nextHeader: 17 }).payload('x')],
  ['from a VM to a VIP', true, fromVm(VIP)],
  ['from another', false, eth().ipv4('192.168.1.5', PEER).udp(1, 2)],
  ['from a VM to this machine', false, fromVm('192.168.1.1')],
  ['from a VM to this machine by IPv6', false, fromVm6('fd00:1::1')],
  ['from a VM into a tunnel to us', true, eth().ipv4(DIP, HOST).udp(1, 4789)],
  ['from a VM to an address of ours that has tunnels', false, fromVm(HOST)],
  ['to a multicast group', false, fromVm('224.0.0.251')],
  ['to everybody', false, fromVm('255.255.255.255')],
  ['to everybody of a subnet', false, eth({ dst: 'ff:ff:ff:ff:ff:ff' }).ipv4(DIP, '192.168.1.255').udp(1, 2)],
  ['to a link-local address', false, fromVm('169.254.169.254')],
  ['to an address that only begins like one', true, fromVm('169.253.169.254')],
  ['to loopback', false, fromVm('127.0.0.1')],
  ['to no address', false, fromVm('0.0.0.0')],
  ['to a multicast group of IPv6', false, fromVm6('ff02::fb')],
  ['to a link-local address of IPv6', false, fromVm6('fe80::1')],
  ['to the end of the link-local addresses', false, fromVm6('febf::1')],
  ['behind the link-local addresses', true, fromVm6('fec0::1')],
  ['to loopback of IPv6', false, fromVm6('::1')],
  ['to NAT64', true, fromVm6('64:ff9b::192.0.2.7')],
  ...[132, 138, 128].map((type) => [`ICMPv6 ${type}`, true, eth().ipv6(DIP6, PEER6).icmpv6(type)] as const),
  ...[133, 134, 135, 136, 137].map((type) => [`ICMPv6 ${type}`, false, eth().ipv6(DIP6, PEER6).icmpv6(type)] as const),
  ['ICMPv6 135 behind extension headers', false, eth().ipv6(DIP6, PEER6).destinationOptions().icmpv6(135)],
  ['IPv4 of protocol 58', true, eth().ipv4(DIP, PEER, { protocol: 58 }).payload(new Uint8Array(8).fill(135))],
];

describe.skipIf(whyNot)('the selection program', () => {
  let flavours: Flavours;
  beforeAll(() => {
    flavours = new Flavours(SELECTION);
  });
  afterAll(() => flavours?.close());

  test.each(ROWS)('%s: %s', (_, isOurs, packet) => {
    expect({ model: isSelected(packet.bytes(), SELECTION), ...flavours.takes(packet.bytes()) }).toEqual({
      model: isOurs,
      xdp: isOurs,
      tcx: isOurs,
      socketFilter: isOurs,
    });
  });

  test('frames that are cut short anywhere stay with the kernel, or are decided by what is there', () => {
    for (const [what, , packet] of ROWS) {
      const whole = packet.bytes();
      for (let length = 15; length < Math.min(whole.length, 100); length++) {
        const frame = whole.slice(0, length);
        const model = isSelected(frame, SELECTION);
        expect({ what, length, ...flavours.takes(frame) }).toEqual({
          what,
          length,
          xdp: model,
          tcx: model,
          socketFilter: model,
        });
      }
    }
  });

  test.each([1, 2, 3, 4])('5,000 random frames, seed %i', (seed) => {
    const random = new Random(seed);
    let takenCount = 0;
    for (let i = 0; i < 5_000; i++) {
      const frame = randomFrame(random, SELECTION);
      const model = isSelected(frame, SELECTION);
      const { xdp, tcx, socketFilter } = flavours.takes(frame);
      if (xdp !== model || tcx !== model || socketFilter !== model) {
        expect.fail(
          `model ${model}, xdp ${xdp}, tcx ${tcx}, filter ${socketFilter}: ${Buffer.from(frame).toString('hex')}`,
        );
      }
      if (model) takenCount++;
    }
    expect(takenCount).toBeGreaterThan(500);
    expect(takenCount).toBeLessThan(4_500);
  });
});

describe.skipIf(whyNot)('a selector', () => {
  const toVip = eth().ipv4(PEER, VIP).tcp(1, 80, ACK).bytes();
  const toHostVxlan = eth().ipv4(PEER, HOST).udp(1, 4789).bytes();

  test('takes nothing at first, then what it is told, and changes its mind in place', () => {
    const selector = new Selector('packet:test0');
    const filter = selector.socketFilterDescriptor;
    const taken = () => [toVip, toHostVxlan].map((frame) => runFlavour('socketFilter', filter, frame) !== 0);
    expect(taken()).toEqual([false, false]);
    selector.select({ ...SELECT_NOTHING, destinations: [VIP] });
    expect(taken()).toEqual([true, false]);
    selector.select({ ...SELECT_NOTHING, tunnelEnds: [HOST], local: [HOST] });
    expect(taken()).toEqual([false, true]);
    selector.select({ ...SELECT_NOTHING, destinations: [VIP, HOST, VIP] });
    expect(taken()).toEqual([true, true]);
    selector.select(SELECT_NOTHING);
    expect(taken()).toEqual([false, false]);
    selector.close();
  });

  test('takes 20,000 addresses, and lets them go', () => {
    const selector = new Selector('packet:test0');
    const filter = selector.socketFilterDescriptor;
    const destinations = Array.from({ length: 20_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    const isTaken = (address: string) =>
      runFlavour('socketFilter', filter, eth().ipv4(PEER, address).udp(1, 2).bytes()) !== 0;
    selector.select({ ...SELECT_NOTHING, destinations });
    expect(destinations.filter((_, i) => i % 100 === 0).every(isTaken)).toBe(true);
    selector.select({ ...SELECT_NOTHING, destinations: destinations.slice(10_000) });
    expect(destinations.filter((_, i) => i % 100 === 0).map(isTaken)).toEqual(
      Array.from({ length: 200 }, (_, i) => i >= 100),
    );
    selector.close();
  });

  test('says which interface is missing', () => {
    const selector = new Selector('packet:test0');
    expect(() => selector.tcxLink(0x7ffffff0)).toThrow(/^packet:test0: .*no such device/);
    selector.close();
  });
});

test.skipIf(whyNot)('a map that is full, and a program that the verifier refuses, say so', () => {
  const map = new BpfMap({ type: 'hash', name: 'emx_test', keyBytes: 4, valueBytes: 4, entryCountMax: 1 });
  const key = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);
  map.update(key(1), key(1));
  map.update(key(1), key(2));
  expect(() => map.update(key(2), key(1))).toThrow('argument list too long');
  map.close();
  // exit, with nothing in r0
  const instructions = Uint8Array.of(0x95, 0, 0, 0, 0, 0, 0, 0);
  expect(() => new BpfProgram('xdp', 'emx_test', instructions)).toThrow(/R0 !read_ok/);
});
