/**
 * No packet writes outside its slot, and none reads behind its end: hostile frames of every length, with the memory
 * around them under watch.
 */

import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi.js';
import type { Batch, FramePort, Link } from '../../sdk/dataplane/batch.js';
import { DataPlane } from '../../sdk/dataplane/instance.js';
import { HostAgent } from '../../sdk/host/host-agent.js';
import { Mux } from '../../sdk/mux/mux.js';
import { type HostProgram, type MuxProgram, PROTOCOL_GRE } from '../../sdk/program/types.js';
import { bothFamilies, CLIENT6, instance, VIP6, WEB6 } from '../support/both-families.js';
import { concat, toHex } from '../support/bytes.js';
import * as dual from '../support/dual-stack-host.js';
import { type FamilyKit, fragment, icmp, ip, FAMILIES as KITS, udpBytes } from '../support/families.js';
import { ACK, bare, eth, ipv4, SYN } from '../support/packet.js';
import { HOST_A, hostProgram, MUX, muxProgram, VIP, VNI, WEB_A_MAC } from '../support/programs.js';
import { Random } from '../support/random.js';
import { RandomPackets } from '../support/random-packets.js';

const FRAME_BYTES_MAX = 300;
const ROOM = { frameBytesMax: FRAME_BYTES_MAX, batchFrameCountMax: 3, flowCountMax: 1024 };
/** The VIPs of `bothFamilies`. */
const FAMILIES: readonly FamilyKit[] = KITS.map((kit) => (kit.family === 6 ? { ...kit, vip: VIP6 } : kit));
/** What lies in a slot where the frame does not. */
const MARKER = Buffer.of(0xde, 0xad, 0xbe, 0xef);

const PIP6 = '2001:db8::90';
const everything: MuxProgram = {
  ...bothFamilies,
  vips: [...bothFamilies.vips, PIP6],
  services: [...bothFamilies.services, instance(PIP6, WEB6)],
  snatRanges: [{ vip: VIP6, firstPort: 1024, portCount: 64, backend: WEB6 }],
};

/** Its rules for protocols that random traffic has. */
const hostOfBoth: HostProgram = {
  ...dual.dualStackHost,
  translations: dual.dualStackHost.translations.filter(({ protocol }) => protocol !== PROTOCOL_GRE),
};

/** A programmed data plane with a view on its memory, which Mux and HostAgent keep to themselves. */
interface Watched {
  readonly dataPlane: DataPlane;
  readonly batch: Batch;
  run(): void;
}

/** Loads through `load`, and catches the data plane it makes on its way. */
async function watched<T extends { batch: Batch; processBatch(nowMs: number): void }>(
  load: () => Promise<T>,
): Promise<Watched & { owner: T }> {
  const original = DataPlane.load;
  let dataPlane: DataPlane | undefined;
  DataPlane.load = async (...parameters) => {
    dataPlane = await original.apply(DataPlane, parameters);
    return dataPlane;
  };
  try {
    const owner = await load();
    return { dataPlane: dataPlane as DataPlane, batch: owner.batch, owner, run: () => owner.processBatch(0) };
  } finally {
    DataPlane.load = original;
  }
}

async function watchedMux(): Promise<Watched> {
  const mux = await watched(() => Mux.load(muxModule, ROOM));
  mux.owner.program(muxProgram);
  return mux;
}

/** With both families inside and outside, leased ports, and an instance-level public IP. */
async function watchedMuxOfBoth(): Promise<Watched> {
  const mux = await watched(() => Mux.load(muxModule, ROOM));
  mux.owner.program(everything);
  return mux;
}

/** Next to nothing fits: nearly every packet is too big, and its sender told. */
const withSmallMtu: MuxProgram = { ...everything, attachment: { ...everything.attachment, mtuBytes: 150 } };

async function watchedMuxWithSmallMtu(): Promise<Watched> {
  const mux = await watched(() => Mux.load(muxModule, ROOM));
  mux.owner.program(withSmallMtu);
  return mux;
}

async function watchedHost(): Promise<Watched> {
  const host = await watched(() => HostAgent.load(muxModule, ROOM));
  host.owner.apply(hostProgram);
  return host;
}

/** With both families inside and outside, leased ports, and an instance-level public IP. */
async function watchedHostOfBoth(): Promise<Watched> {
  const host = await watched(() => HostAgent.load(muxModule, ROOM));
  host.owner.apply(hostOfBoth);
  return host;
}

/** Puts a frame between two empty ones, fills all that is not frame with the marker, runs, and judges. */
function judge(
  { dataPlane, batch, run }: Watched,
  frame: Uint8Array,
  link: Link,
  port: FramePort,
  about: string,
): void {
  const { base } = dataPlane.region(abi.REGION_SLOTS);
  const end = base + ROOM.batchFrameCountMax * dataPlane.plan.slotBytes;
  for (let at = base; at < end; at += MARKER.length) dataPlane.bytes.set(MARKER, at);
  batch.clear();
  batch.add(new Uint8Array(0));
  batch.add(frame, link, port);
  batch.add(new Uint8Array(0));
  const before = dataPlane.bytes.slice(base, end);

  run();

  const start = dataPlane.plan.slotBytes + abi.HEADROOM_BYTES;
  const after = dataPlane.bytes.subarray(base, end);
  const [mayBegin, mayEnd] = [start - abi.HEADROOM_BYTES, start + frame.length];
  const changedOutside = (from: number, to: number) =>
    Buffer.compare(before.subarray(from, to), after.subarray(from, to)) !== 0;
  if (changedOutside(0, mayBegin) || changedOutside(mayEnd, end - base)) {
    expect.fail(`wrote outside its slot: ${about} ${toHex(frame)}`);
  }
  if (batch.verdict(1) === 'drop') return;
  const out = batch.bytes(1);
  const outEnd = out.byteOffset + out.length - base;
  if (outEnd > mayEnd) expect.fail(`${outEnd - mayEnd} bytes from behind the frame: ${about} ${toHex(frame)}`);
  if (Buffer.from(out).includes(MARKER)) expect.fail(`stale bytes in the output: ${about} ${toHex(frame)}`);
}

const long = { payload: 'x'.repeat(150) };
/** Frames that make a MUX or a host agent go as far as it can, to be cut at every length. */
const inner = eth({ dst: WEB_A_MAC })
  .ipv4('192.0.2.7', VIP)
  .tcp(40000, 443, SYN, { payload: 'x'.repeat(150) });
const sound = {
  client: inner,
  'tagged client': eth()
    .vlan(1)
    .ipv4('192.0.2.7', VIP)
    .udp(40000, 53, { payload: 'x'.repeat(150) }),
  tunnel: eth().ipv4(MUX, HOST_A).udp(50000, 4789).vxlan(VNI).payload(inner.bytes()),
  'IPv4 client over IPv6': eth().ipv4('192.0.2.7', VIP).tcp(40000, 444, SYN, long),
  'IPv6 client': eth().ipv6(CLIENT6, VIP6).tcp(40000, 443, SYN, long),
  'IPv6 client over IPv6': eth().vlan(1).vlan(2).ipv6(CLIENT6, VIP6).tcp(40000, 444, SYN, long),
  'IPv6 client behind extension headers': eth()
    .ipv6(CLIENT6, VIP6)
    .hopByHop()
    .routing()
    .fragment()
    .destinationOptions({ data: new Uint8Array(40) })
    .udp(40000, 53, long),
  'leased port': eth().ipv6(CLIENT6, VIP6).udp(53, 1030, long),
  'instance-level public IP': eth().ipv6(CLIENT6, PIP6).fragment({ more: true }).payload('x'.repeat(150)),
  'IPv6 in a tunnel over IPv6': dual
    .tunnelTo(WEB_A_MAC, { outer: 6 })
    .ipv6(CLIENT6, dual.VIPS[6])
    .tcp(40000, 443, SYN, long),
  'behind extension headers in a tunnel': dual.toA
    .ipv6(CLIENT6, dual.VIPS[6])
    .destinationOptions({ data: new Uint8Array(20) })
    .udp(40000, 53, long),
  'a fragment in a tunnel': dual.toA.ipv6(CLIENT6, dual.VIPS[6]).fragment({ more: true }).udp(40000, 53, long),
  'a ping of an instance address in a tunnel': dual.toB.ipv6(CLIENT6, dual.INSTANCE[6]).icmpv6().payload(long.payload),
  'a VM calls out': dual.ofA.ipv4(dual.DIP_A[4], '192.0.2.7').tcp(40000, 80, SYN, long),
  'a VM calls out in IPv6': dual.ofA.ipv6(dual.DIP_A[6], CLIENT6).udp(40000, 80, long),
  'a VM pings in IPv6': dual.ofA.ipv6(dual.DIP_A[6], CLIENT6).icmpv6().payload(long.payload),
  'a VM with an instance address': dual.ofB
    .ipv6(dual.DIP_B[6], CLIENT6)
    .fragment({ more: true })
    .icmpv6()
    .payload(long.payload),
  'ping of an IPv6 VIP': eth().ipv6(CLIENT6, VIP6).icmpv6().payload('x'.repeat(150)),
};
const liars = {
  'total length 65535': eth().ipv4('192.0.2.7', VIP, { totalLength: 65535 }).tcp(40000, 443, SYN),
  'UDP length 65535': eth().ipv4('192.0.2.7', VIP).udp(40000, 53, { udpLength: 65535 }),
  'IHL 15': eth().ipv4('192.0.2.7', VIP, { ihl: 15, totalLength: 60 }).payload(new Uint8Array(4)),
  'data offset 15': eth().ipv4('192.0.2.7', VIP).tcp(40000, 443, SYN, { dataOffset: 15 }),
  'inner total length past the tunnel': eth()
    .ipv4(MUX, HOST_A)
    .udp(50000, 4789)
    .vxlan(VNI)
    .eth({ dst: WEB_A_MAC })
    .ipv4('192.0.2.7', VIP, { totalLength: 41 })
    .tcp(40000, 443, SYN),
  'a tunnel longer than its UDP datagram': eth()
    .ipv4(MUX, HOST_A)
    .udp(50000, 4789, { udpLength: 65535 })
    .vxlan(VNI)
    .eth({ dst: WEB_A_MAC })
    .ipv4('192.0.2.7', VIP)
    .tcp(40000, 443, SYN),
  'IPv6 payload length 65535': eth().ipv6(CLIENT6, VIP6, { payloadLength: 65535 }).tcp(40000, 443, SYN, long),
  'extension length 255': eth().ipv6(CLIENT6, VIP6).hopByHop({ length: 255 }).tcp(40000, 443, SYN, long),
  'nothing but extension headers': eth()
    .ipv6(CLIENT6, VIP6)
    .hopByHop()
    .routing()
    .destinationOptions({ nextHeader: 60, data: new Uint8Array(110) }),
  'data offset 15 behind options': eth().ipv6(CLIENT6, VIP6).hopByHop().tcp(40000, 443, SYN, { dataOffset: 15 }),
};
/** Packets from the VIP, to be quoted as far as they go. */
function quotesOf(family: FamilyKit): Uint8Array[] {
  const from = (protocol?: number) => ip(family, family.vip, family.client, bare(), protocol);
  return [
    from().tcp(443, 40000, ACK, long),
    icmp(family, from(), family.echoRequest, 0, { rest: 1030 * 65536 }).payload('x'.repeat(150)),
    ...(family.family === 6 ? [from().hopByHop().fragment().destinationOptions().udp(53, 40000, long)] : []),
    fragment(family, [family.vip, family.client], { offset: 1, more: true }, 17, new Uint8Array(160), bare()),
  ].map((packet) => packet.bytes());
}

const everyLength = Array.from({ length: 201 }, (_, length) => length);
const ways = (['ethernet', 'bare'] as const).flatMap((link) =>
  (['underlay', 'vm', 'shared'] as const).map((port) => ({ link, port })),
);

describe.each([
  { role: 'MUX', watch: watchedMux, program: muxProgram },
  { role: 'MUX of both families', watch: watchedMuxOfBoth, program: everything },
  { role: 'MUX with a small MTU', watch: watchedMuxWithSmallMtu, program: withSmallMtu },
  { role: 'host agent', watch: watchedHost, program: hostProgram },
  { role: 'host agent of both families', watch: watchedHostOfBoth, program: hostOfBoth },
])('isolation of slots: $role', ({ watch, program }) => {
  it.each(ways)('sound and lying packets cut at every length ($link, $port)', async ({ link, port }) => {
    const plane = await watch();
    for (const [about, packet] of Object.entries({ ...sound, ...liars })) {
      const whole = link === 'bare' ? packet.bytes().slice(14) : packet.bytes();
      for (const length of everyLength) judge(plane, whole.slice(0, length), link, port, about);
    }
  });

  it.each(ways)('garbage of every length ($link, $port)', async ({ link, port }) => {
    const plane = await watch();
    const random = new Random(17);
    const headers = [
      link === 'bare' ? ipv4('192.0.2.7', VIP) : eth().ipv4(MUX, HOST_A),
      ...[0, 6, 43, 44, 58, 60].map((nextHeader) =>
        (link === 'bare' ? bare() : eth()).ipv6(CLIENT6, VIP6, { nextHeader, payloadLength: 120 }),
      ),
    ].map((packet) => packet.bytes());
    for (const length of everyLength) {
      judge(plane, random.bytes(length), link, port, 'random bytes');
      judge(plane, new Uint8Array(length).fill(0xff), link, port, 'all ones');
      for (const header of headers) {
        judge(plane, concat(header, random.bytes(200)).slice(0, length), link, port, 'random bytes behind a header');
      }
    }
  });

  it.each(ways)('quotes and fragments of every length ($link, $port)', async ({ link, port }) => {
    const plane = await watch();
    const random = new Random(29);
    const start = link === 'bare' ? bare() : eth();
    for (const family of FAMILIES) {
      const { vip, client, unreachable } = family;
      const quoted = quotesOf(family).flatMap((whole) => [whole, concat(whole.slice(0, 60), random.bytes(140))]);
      for (const length of everyLength) {
        for (const quote of quoted) {
          const error = icmp(family, ip(family, client, vip, start), unreachable).payload(quote.slice(0, length));
          judge(plane, error.bytes(), link, port, `a quote of ${length} bytes`);
        }
        for (const offset of [0, 1, 8190]) {
          const part = { offset, more: length % 3 === 0, id: length >> 3 };
          const payload = udpBytes(40000, 53, length, 500);
          const packet = fragment(family, [client, vip], part, 17, payload, start);
          judge(plane, packet.bytes(), link, port, `a fragment of ${length} bytes at ${offset}`);
        }
      }
    }
  });

  it('random packets of all kinds', async () => {
    const plane = await watch();
    const packets = new RandomPackets(program, new Random(19), FRAME_BYTES_MAX);
    for (let count = 0; count < 20_000; count++) {
      const { frame, link, port, about } = packets.next();
      judge(plane, frame, link, port, about);
    }
  });

  it('the tables of policy are as they were', async () => {
    const plane = await watch();
    const { dataPlane } = plane;
    const tables = [
      ...[abi.REGION_ENDPOINTS, abi.REGION_RINGS, abi.REGION_ADDRESSES, abi.REGION_SNAT_BLOCKS],
      ...[abi.REGION_NICS, abi.REGION_TRANSLATIONS, abi.REGION_ADDRESS_VALUES],
      ...[abi.REGION_SNAT_RANGES, abi.REGION_EXEMPTIONS],
    ];
    const read = () =>
      tables.map((region) =>
        Buffer.from(dataPlane.bytes.slice(dataPlane.region(region).base, dataPlane.region(region + 1)?.base)),
      );
    const before = read();
    const packets = new RandomPackets(program, new Random(23), FRAME_BYTES_MAX);
    for (let count = 0; count < 5000; count++) {
      const { frame, link, port, about } = packets.next();
      judge(plane, frame, link, port, about);
    }
    read().forEach((table, index) => {
      expect(Buffer.compare(table, before[index])).toBe(0);
    });
  });
});
