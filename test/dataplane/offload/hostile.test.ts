/**
 * Frames and headers that lie: nothing traps, nothing is read or written outside. The bench puts frames where memory ends,
 * and compares what lies around them and around what is written.
 */
import { beforeAll, expect, test } from 'vitest';
import { putBe16 } from '../../support/bytes.js';
import type { Link } from '../../support/checksum.js';
import { ACK, eth, ipv4, ipv6, type Packet } from '../../support/packet.js';
import { Random } from '../../support/random.js';
import { OffloadBench } from './offload-bench.js';
import { GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CSUM, type VirtioHeader } from './virtio.js';

const payload = new Uint8Array(600).fill(7);
const A = '192.0.2.7';
const B = '80.80.80.80';
const A_6 = '2001:db8::7';
const B_6 = '2001:db8::80';

/** One of each kind that is looked into. */
const PACKETS: readonly Packet[] = [
  eth().ipv4(A, B).tcp(1, 2, ACK, { payload }),
  eth()
    .vlan(1)
    .vlan(2)
    .ipv4(A, B, { options: new Uint8Array(40) })
    .udp(1, 2, { payload }),
  eth().ipv6(A_6, B_6).hopByHop().routing().destinationOptions().fragment().tcp(1, 2, ACK, { payload }),
  eth().ipv4(A, B).udp(1, 4789).vxlan(1).eth().vlan(4).ipv6(A_6, B_6).tcp(1, 2, ACK, { payload }),
  eth().ipv6(A_6, B_6).nvgre(1).eth().ipv4(A, B).udp(1, 2, { payload }),
  ipv4(A, B).udp(1, 4789).vxlan(1).eth().ipv4(A, B).tcp(1, 2, ACK, { payload }),
  ipv6(A_6, B_6).udp(1, 2, { payload }),
];
const EDGES = [0, 1, 2, 14, 34, 53, 54, 84, 127, 128, 129, 1448, 32767, 32768, 65534, 65535];

const random = new Random(20);
let bench: OffloadBench;

beforeAll(async () => {
  bench = await OffloadBench.open();
});

function tryAll(header: VirtioHeader, frame: Uint8Array, link: Link): void {
  bench.finishMarked(frame, header.checksumStart ?? 0, header.checksumOffset ?? 0);
  bench.finishUnmarked(frame, link);
  bench.finishAnew(frame, link);
  bench.renew(header, frame, link);
  const isWhole = bench.canStayWhole(header, frame, link);
  const cut = bench.cut(header, frame, link);
  const cutAnew = bench.cut(header, frame, link, 'segmentCountAnew');
  if (isWhole && (header.gsoType ?? 0) % 0x80 !== 0) {
    expect(cut.length).toBeGreaterThan(0);
    expect(Buffer.compare(Buffer.concat(cut), Buffer.concat(cutAnew))).toBe(0);
  }
  for (const segment of [...cut, ...cutAnew])
    if (segment.length > frame.length) throw new Error('longer than the frame');
}

function randomHeader(): VirtioHeader {
  const any = () => (random.oneIn(3) ? random.below(65536) : random.pick(EDGES));
  return {
    flags: random.pick([0, NEEDS_CSUM, random.below(256)]),
    gsoType: random.pick([GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, random.below(256)]),
    headerLength: any(),
    gsoSize: any(),
    checksumStart: any(),
    checksumOffset: random.oneIn(2) ? random.pick([6, 16]) : any(),
  };
}

test.each(PACKETS.map((packet, index) => ({ packet, index })))(
  'packet $index, cut off at every length',
  ({ packet }) => {
    const bytes = packet.bytes();
    for (let length = 0; length <= 300; length++) {
      for (const gsoType of [GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4]) {
        tryAll({ gsoType, gsoSize: 200 }, bytes.subarray(0, length), packet.link);
      }
      tryAll(randomHeader(), bytes.subarray(0, length), packet.link);
    }
  },
);

test('random bytes of every length, either link', () => {
  for (let length = 0; length <= 200; length++) {
    for (let round = 0; round < 20; round++) {
      const frame = random.bytes(length);
      // Most would end at their first byte otherwise.
      if (length > 0 && random.oneIn(2)) frame[0] = random.pick([0x45, 0x4f, 0x60]);
      if (length > 14 && random.oneIn(2)) putBe16(frame, 12, random.pick([0x0800, 0x86dd, 0x8100]));
      tryAll(randomHeader(), frame, random.pick(['ethernet', 'bare']));
    }
  }
});

test('packets with some bytes wrong', () => {
  for (let round = 0; round < 30000; round++) {
    const packet = random.pick(PACKETS);
    const frame = packet.bytes();
    const spoiled = random.between(0, 4);
    for (let count = 0; count < spoiled; count++) {
      const at = random.below(Math.min(frame.length, 140));
      frame[at] = random.pick([0, 0xff, random.below(256), frame[at]! ^ (1 << random.below(8))]);
    }
    tryAll(randomHeader(), frame, random.oneIn(20) ? 'bare' : packet.link);
  }
});

test.each(EDGES)('a header of %is', (value) => {
  for (const packet of PACKETS) {
    for (const gsoType of [0, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, 0xff]) {
      const header = { headerLength: value, gsoSize: value, checksumStart: value, checksumOffset: value, gsoType };
      for (const flags of [0, 0xff]) tryAll({ ...header, flags }, packet.bytes(), packet.link);
    }
  }
});
