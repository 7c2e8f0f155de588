/** Frames that are larger than the MTU, cut: each segment is compared with the packet a sender would have made of it. */
import { beforeAll, describe, expect, test } from 'vitest';
import { concat, fromHex } from '../../support/bytes.js';
import { verifyFrame } from '../../support/checksum.js';
import { ACK, bare, eth, FIN, ipv4, ipv6, type Packet, PSH, RST, SYN } from '../../support/packet.js';
import { Random } from '../../support/random.js';
import { expectBytes, OffloadBench } from './offload-bench.js';
import { GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP, GSO_UDP_L4, NEEDS_CSUM, type VirtioHeader } from './virtio.js';

const URG = 0x20;
const ECE = 0x40;
const CWR = 0x80;
const ISN = 0xffff_f000;

/** What is different from one segment to the next. */
interface Piece {
  readonly index: number;
  readonly payload: Uint8Array;
  readonly offset: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

interface Row {
  readonly name: string;
  readonly gsoType: number;
  /** Where TCP or UDP starts. */
  readonly checksumStart: number;
  readonly packet: (piece: Piece) => Packet;
}

function seq(piece: Piece): number {
  return (ISN + piece.offset) >>> 0;
}

function tcp(packet: Packet, piece: Piece, flags = ACK, options?: Uint8Array): Packet {
  const isIn = (piece.isFirst ? 0 : CWR) | (piece.isLast ? 0 : FIN | PSH);
  const fields = { seq: seq(piece), ack: 77, payload: piece.payload, ...(options && { options }) };
  return packet.tcp(40000, 443, flags & ~isIn, fields);
}

function udp(packet: Packet, piece: Piece): Packet {
  return packet.udp(40000, 443, { payload: piece.payload });
}

const TIMESTAMPS = fromHex('0101080a 0000 0001 0000 0002');
const SERVER = '80.80.80.80';
const CLIENT = '192.0.2.7';
const SERVER_6 = '2001:db8::80';
const CLIENT_6 = '2001:db8::7';
/** Identifications start over behind 65,535. */
const ID = 0xfffe;

function id(piece: Piece): { readonly id: number } {
  return { id: (ID + piece.index) & 0xffff };
}

const ROWS: readonly Row[] = [
  {
    name: 'TCP over IPv4',
    gsoType: GSO_TCPV4,
    checksumStart: 34,
    packet: (piece) => tcp(eth().ipv4(CLIENT, SERVER, id(piece)), piece, ACK | PSH),
  },
  {
    name: 'TCP with timestamps, FIN and CWR',
    gsoType: GSO_TCPV4 | GSO_ECN,
    checksumStart: 34,
    packet: (piece) =>
      tcp(eth().ipv4(CLIENT, SERVER, { ...id(piece), tos: 2 }), piece, ACK | PSH | FIN | CWR | ECE, TIMESTAMPS),
  },
  {
    name: 'TCP of a TUN device',
    gsoType: GSO_TCPV4,
    checksumStart: 20,
    packet: (piece) => tcp(ipv4(CLIENT, SERVER, id(piece)), piece),
  },
  {
    name: 'TCP with IPv4 options, in a VLAN',
    gsoType: GSO_TCPV4,
    checksumStart: 46,
    packet: (piece) =>
      tcp(
        eth()
          .vlan(7)
          .ipv4(CLIENT, SERVER, { ...id(piece), df: false, options: fromHex('94040000 01010101') }),
        piece,
      ),
  },
  {
    name: 'TCP over IPv6',
    gsoType: GSO_TCPV6,
    checksumStart: 54,
    packet: (piece) => tcp(eth().ipv6(CLIENT_6, SERVER_6, { flowLabel: 0x12345 }), piece, ACK | PSH, TIMESTAMPS),
  },
  {
    name: 'TCP over IPv6 of a TUN device, with destination options',
    gsoType: GSO_TCPV6,
    checksumStart: 48,
    packet: (piece) => tcp(ipv6(CLIENT_6, SERVER_6).destinationOptions(), piece, ACK | FIN),
  },
  {
    name: 'TCP over IPv6 in two VLANs',
    gsoType: GSO_TCPV6,
    checksumStart: 62,
    packet: (piece) => tcp(eth().vlan(7, { tpid: 0x88a8 }).vlan(8).ipv6(CLIENT_6, SERVER_6), piece),
  },
  {
    name: 'UDP over IPv4',
    gsoType: GSO_UDP_L4,
    checksumStart: 34,
    packet: (piece) => udp(eth().ipv4(CLIENT, SERVER, id(piece)), piece),
  },
  {
    name: 'UDP over IPv6',
    gsoType: GSO_UDP_L4,
    checksumStart: 54,
    packet: (piece) => udp(eth().ipv6(CLIENT_6, SERVER_6), piece),
  },
  {
    name: 'UDP of a TUN device',
    gsoType: GSO_UDP_L4,
    checksumStart: 20,
    packet: (piece) => udp(bare().ipv4(CLIENT, SERVER, id(piece)), piece),
  },
  {
    name: 'TCP in VXLAN',
    gsoType: GSO_TCPV4,
    checksumStart: 84,
    packet: (piece) =>
      tcp(
        eth()
          .ipv4('10.0.0.11', '10.0.0.21', { id: 5 + piece.index })
          .udp(50000, 4789)
          .vxlan(5001)
          .eth()
          .ipv4(CLIENT, SERVER, id(piece)),
        piece,
        ACK | PSH,
      ),
  },
  {
    name: 'TCP over IPv6 in VXLAN over IPv6, whose UDP has a checksum',
    gsoType: GSO_TCPV6,
    checksumStart: 124,
    packet: (piece) =>
      tcp(
        eth()
          .ipv6('fd00::11', 'fd00::21')
          .udp(50000, 4789)
          .payload(fromHex('0800000000138900'))
          .eth()
          .ipv6(CLIENT_6, SERVER_6),
        piece,
      ),
  },
  {
    name: 'UDP in NVGRE',
    gsoType: GSO_UDP_L4,
    checksumStart: 76,
    packet: (piece) =>
      udp(
        eth().ipv4('10.0.0.11', '10.0.0.21', { id: piece.index }).nvgre(5001).eth().ipv4(CLIENT, SERVER, id(piece)),
        piece,
      ),
  },
];

const random = new Random(9);
let bench: OffloadBench;

beforeAll(async () => {
  bench = await OffloadBench.open();
});

function whole(payload: Uint8Array): Piece {
  return { index: 0, payload, offset: 0, isFirst: true, isLast: true };
}

function pieces(payload: Uint8Array, size: number): Piece[] {
  const count = Math.max(1, Math.ceil(payload.length / size));
  return Array.from({ length: count }, (_, index) => ({
    index,
    payload: payload.subarray(index * size, (index + 1) * size),
    offset: index * size,
    isFirst: index === 0,
    isLast: index === count - 1,
  }));
}

function headerOf(row: Row, gsoSize: number): VirtioHeader {
  const checksumOffset = row.gsoType === GSO_UDP_L4 ? 6 : 16;
  const { gsoType, checksumStart } = row;
  return { flags: NEEDS_CSUM, gsoType, gsoSize, headerLength: 66, checksumStart, checksumOffset };
}

describe.each(ROWS)('$name', (row) => {
  const sizes = [128, 536, 1000, 1399, 1448, 1460, 8948];

  test.each(sizes)('into segments of %i bytes', (size) => {
    for (const length of [0, 1, size - 1, size, size + 1, 2 * size, 3 * size + 7, 9999, random.between(1, 60000)]) {
      const payload = random.bytes(length);
      const frame = row.packet(whole(payload)).bytes();
      const expected = pieces(payload, size).map((piece) => row.packet(piece).bytes());
      const cut = bench.cut(headerOf(row, size), frame, row.packet(whole(payload)).link);
      expectBytes(Buffer.concat(cut), Buffer.concat(expected));
      expect(cut.map((segment) => segment.length)).toEqual(expected.map((segment) => segment.length));
      for (const segment of cut) expect(verifyFrame(segment, row.packet(whole(payload)).link)).toEqual([]);
    }
  });

  test('whatever its checksum fields hold, and without NEEDS_CSUM', () => {
    const payload = random.bytes(5000);
    const expected = pieces(payload, 1400).map((piece) => row.packet(piece).bytes());
    const frame = row.packet(whole(payload)).bytes();
    const link = row.packet(whole(payload)).link;
    const field = row.checksumStart + (row.gsoType === GSO_UDP_L4 ? 6 : 16);
    frame.set([0x12, 0x34], field);
    expect(bench.cut(headerOf(row, 1400), frame, link)).toEqual(expected);
    expect(bench.cut({ ...headerOf(row, 1400), flags: 0, checksumStart: 0, checksumOffset: 0 }, frame, link)).toEqual(
      expected,
    );
    const stale = { ...headerOf(row, 1400), checksumStart: 3 };
    expect(bench.cut(stale, frame, link)).toEqual([]);
    expect(bench.cut(stale, frame, link, 'segmentCountAnew')).toEqual(expected);
  });
});

describe('urgent data stays where it is', () => {
  test.each([
    ['in the first segment', 100, [100, undefined, undefined]],
    ['at the end of the first', 1000, [1000, undefined, undefined]],
    ['in the second', 1001, [1001, 1, undefined]],
    ['in the third', 2900, [2900, 1900, 900]],
  ])('%s', (_name, urgent, expected) => {
    const payload = random.bytes(2950);
    const frame = eth()
      .ipv4(CLIENT, SERVER)
      .tcp(1, 2, ACK | URG, { urgent, payload })
      .bytes();
    const cut = bench.cut({ gsoType: GSO_TCPV4, gsoSize: 1000 }, frame);
    expect(cut).toEqual(
      pieces(payload, 1000).map((piece) => {
        const at = expected[piece.index];
        const flags = at === undefined ? ACK : ACK | URG;
        const fields = { seq: piece.offset, payload: piece.payload, urgent: at ?? 0 };
        return eth().ipv4(CLIENT, SERVER, { id: piece.index }).tcp(1, 2, flags, fields).bytes();
      }),
    );
  });
});

describe('refused', () => {
  const payload = new Uint8Array(5000);
  const TCP_FRAME = eth().ipv4(CLIENT, SERVER).tcp(1, 2, ACK, { payload });
  const UDP_FRAME = eth().ipv4(CLIENT, SERVER).udp(1, 2, { payload });
  const TCP_6_FRAME = eth().ipv6(CLIENT_6, SERVER_6).tcp(1, 2, ACK, { payload });
  const OVER_IPV4 = { flags: NEEDS_CSUM, gsoType: GSO_TCPV4, gsoSize: 1000, checksumStart: 34, checksumOffset: 16 };

  test.each<[string, VirtioHeader, Packet]>([
    ['GSO size 0', { gsoType: GSO_TCPV4, gsoSize: 0 }, TCP_FRAME],
    ['GSO size 1', { gsoType: GSO_TCPV4, gsoSize: 1 }, TCP_FRAME],
    ['GSO size 127', { gsoType: GSO_TCPV4, gsoSize: 127 }, TCP_FRAME],
    ['no GSO type', { gsoType: 0, gsoSize: 1000 }, TCP_FRAME],
    ['GSO type ECN alone', { gsoType: GSO_ECN, gsoSize: 1000 }, TCP_FRAME],
    ['GSO type 2', { gsoType: 2, gsoSize: 1000 }, TCP_FRAME],
    ['UFO', { gsoType: GSO_UDP, gsoSize: 1000 }, UDP_FRAME],
    ['UDP that says TCP', { gsoType: GSO_TCPV4, gsoSize: 1000 }, UDP_FRAME],
    ['TCP that says UDP', { gsoType: GSO_UDP_L4, gsoSize: 1000 }, TCP_FRAME],
    ['IPv6 that says IPv4', { gsoType: GSO_TCPV4, gsoSize: 1000 }, TCP_6_FRAME],
    ['IPv4 that says IPv6', { gsoType: GSO_TCPV6, gsoSize: 1000 }, TCP_FRAME],
    ['checksum start 65,535', { ...OVER_IPV4, checksumStart: 65535 }, TCP_FRAME],
    ['checksum start 0', { ...OVER_IPV4, checksumStart: 0 }, TCP_FRAME],
    ['the checksum of UDP', { ...OVER_IPV4, checksumOffset: 6 }, TCP_FRAME],
    ['SYN', OVER_IPV4, eth().ipv4(CLIENT, SERVER).tcp(1, 2, SYN, { payload })],
    ['RST', OVER_IPV4, eth().ipv4(CLIENT, SERVER).tcp(1, 2, RST, { payload })],
    ['a fragment', OVER_IPV4, eth().ipv4(CLIENT, SERVER, { mf: true }).tcp(1, 2, ACK, { payload })],
    [
      'a total length behind the end',
      OVER_IPV4,
      eth().ipv4(CLIENT, SERVER, { totalLength: 5041 }).tcp(1, 2, ACK, { payload }),
    ],
    ['a data offset of 4', OVER_IPV4, eth().ipv4(CLIENT, SERVER).tcp(1, 2, ACK, { payload, dataOffset: 4 })],
    ['ICMP', { gsoType: GSO_TCPV4, gsoSize: 1000 }, eth().ipv4(CLIENT, SERVER).icmp().payload(payload)],
    [
      'a jumbogram',
      { gsoType: GSO_TCPV6, gsoSize: 1000 },
      eth().ipv6(CLIENT_6, SERVER_6, { payloadLength: 0 }).tcp(1, 2, ACK, { payload }),
    ],
    [
      'IPv4 in IPv4',
      { ...OVER_IPV4, checksumStart: 54 },
      eth().ipv4(CLIENT, SERVER).ipv4(CLIENT, SERVER).tcp(1, 2, ACK, { payload }),
    ],
    [
      'a tunnel in a tunnel',
      OVER_IPV4,
      eth()
        .ipv4(CLIENT, SERVER)
        .udp(1, 4789)
        .vxlan(1)
        .eth()
        .ipv4(CLIENT, SERVER)
        .udp(1, 4789)
        .vxlan(1)
        .eth()
        .ipv4(CLIENT, SERVER)
        .tcp(1, 2, ACK, { payload }),
    ],
  ])('%s', (_name, header, packet) => {
    expect(bench.cut(header, packet.bytes())).toEqual([]);
  });

  test('and nothing that makes more than 512 segments', () => {
    const longest = new Uint8Array(65535 - 40);
    const frame = eth().ipv4(CLIENT, SERVER).tcp(1, 2, ACK, { payload: longest }).bytes();
    expect(bench.cut({ gsoType: GSO_TCPV4, gsoSize: 128 }, frame)).toHaveLength(512);
  });
});

test('what lies behind the packet is not cut', () => {
  const payload = random.bytes(3000);
  const frame = eth().ipv4(CLIENT, SERVER).tcp(1, 2, ACK, { payload }).bytes();
  const header = { gsoType: GSO_TCPV4, gsoSize: 1000 };
  expect(bench.cut(header, concat(frame, random.bytes(50)))).toEqual(bench.cut(header, frame));
});
