/** Checksums that are left to the hardware, finished: what comes out is the packet as it is built with a right checksum. */
import { beforeAll, describe, expect, test } from 'vitest';
import { be16, concat, fromHex, putBe16 } from '../../support/bytes.js';
import { transportChecksum, verifyFrame } from '../../support/checksum.js';
import { ACK, eth, ipv4, ipv6, type Packet, PSH, SYN } from '../../support/packet.js';
import { Random } from '../../support/random.js';
import { expectBytes, OffloadBench } from './offload-bench.js';
import { TCP, UDP, unfinished } from './unfinished.js';

const CLIENT = '192.0.2.7';
const SERVER = '80.80.80.80';
const CLIENT_6 = '2001:db8::7';
const SERVER_6 = '2001:db8::80';

interface Row {
  readonly name: string;
  readonly packet: (payload: Uint8Array) => Packet;
  /** Where the IP header and the header behind it start. */
  readonly ip: number;
  readonly l4: number;
  readonly transport: typeof TCP | typeof UDP;
}

const tunnel = () => eth().ipv4('10.0.0.11', '10.0.0.21').udp(50000, 4789).vxlan(5001);

const ROWS: readonly Row[] = [
  {
    name: 'TCP over IPv4',
    packet: (payload) =>
      eth()
        .ipv4(CLIENT, SERVER)
        .tcp(40000, 443, ACK | PSH, { payload }),
    ip: 14,
    l4: 34,
    transport: TCP,
  },
  {
    name: 'UDP over IPv4',
    packet: (payload) => eth().ipv4(CLIENT, SERVER).udp(40000, 53, { payload }),
    ip: 14,
    l4: 34,
    transport: UDP,
  },
  {
    name: 'TCP of a TUN device',
    packet: (payload) => ipv4(CLIENT, SERVER).tcp(40000, 443, SYN, { payload }),
    ip: 0,
    l4: 20,
    transport: TCP,
  },
  {
    name: 'UDP over IPv6 of a TUN device',
    packet: (payload) => ipv6(CLIENT_6, SERVER_6).udp(40000, 53, { payload }),
    ip: 0,
    l4: 40,
    transport: UDP,
  },
  {
    name: 'TCP over IPv6',
    packet: (payload) => eth().ipv6(CLIENT_6, SERVER_6).tcp(40000, 443, ACK, { payload }),
    ip: 14,
    l4: 54,
    transport: TCP,
  },
  {
    name: 'TCP over IPv6 with hop-by-hop and destination options, in a VLAN',
    packet: (payload) =>
      eth().vlan(9).ipv6(CLIENT_6, SERVER_6).hopByHop().destinationOptions().tcp(40000, 443, ACK, { payload }),
    ip: 18,
    l4: 74,
    transport: TCP,
  },
  {
    name: 'UDP in an atomic fragment',
    packet: (payload) => eth().ipv6(CLIENT_6, SERVER_6).fragment().udp(40000, 53, { payload }),
    ip: 14,
    l4: 62,
    transport: UDP,
  },
  {
    name: 'TCP with IPv4 options, in two VLANs',
    packet: (payload) =>
      eth()
        .vlan(9, { tpid: 0x88a8 })
        .vlan(10)
        .ipv4(CLIENT, SERVER, { options: fromHex('94040000') })
        .tcp(40000, 443, ACK, { payload }),
    ip: 22,
    l4: 46,
    transport: TCP,
  },
  {
    name: 'TCP in VXLAN',
    packet: (payload) => tunnel().eth().ipv4(CLIENT, SERVER).tcp(40000, 443, ACK, { payload }),
    ip: 64,
    l4: 84,
    transport: TCP,
  },
  {
    name: 'UDP over IPv6 in VXLAN',
    packet: (payload) => tunnel().eth().ipv6(CLIENT_6, SERVER_6).udp(40000, 53, { payload }),
    ip: 64,
    l4: 104,
    transport: UDP,
  },
  {
    name: 'TCP in VXLAN of a TUN device',
    packet: (payload) =>
      ipv6('fd00::1', 'fd00::2').udp(1, 4789).vxlan(1).eth().vlan(3).ipv4(CLIENT, SERVER).tcp(1, 2, ACK, { payload }),
    ip: 74,
    l4: 94,
    transport: TCP,
  },
  {
    name: 'TCP in NVGRE',
    packet: (payload) =>
      eth().ipv4('10.0.0.11', '10.0.0.21').nvgre(5001).eth().ipv4(CLIENT, SERVER).tcp(1, 2, ACK, { payload }),
    ip: 56,
    l4: 76,
    transport: TCP,
  },
];

const random = new Random(1071);
let bench: OffloadBench;

beforeAll(async () => {
  bench = await OffloadBench.open();
});

describe.each(ROWS)('$name', ({ packet, ip, l4, transport }) => {
  const lengths = [0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 100, 1001, 1460, 1461, 9000, 65000];

  test.each(lengths)('%i bytes of payload', (length) => {
    const whole = packet(random.bytes(length));
    const right = whole.bytes();
    const left = unfinished(right, ip, l4, transport);
    expect(verifyFrame(left, whole.link)).not.toEqual([]);
    expectBytes(bench.finishMarked(left, l4, transport.field), right);
    expectBytes(bench.finishUnmarked(left, whole.link), right);
    expect(bench.finishUnmarked(right, whole.link)).toBeUndefined();
    expectBytes(bench.finishAnew(left, whole.link), right);
    putBe16(left, l4 + transport.field, random.below(65536));
    expectBytes(bench.finishAnew(left, whole.link), right);
  });

  test('a wrong checksum stays wrong', () => {
    const whole = packet(random.bytes(100));
    const wrong = whole.bytes();
    putBe16(wrong, l4 + transport.field, be16(wrong, l4 + transport.field) ^ 0x0100);
    expect(bench.finishUnmarked(wrong, whole.link)).toBeUndefined();
  });

  test('behind it there may be padding, which belongs to no one', () => {
    const whole = packet(random.bytes(7));
    const right = whole.bytes();
    const left = unfinished(right, ip, l4, transport);
    const padding = fromHex('de ad be ef 01');
    expectBytes(bench.finishUnmarked(concat(left, padding), whole.link), concat(right, padding));
    expectBytes(bench.finishAnew(concat(left, padding), whole.link), concat(right, padding));
  });
});

/** A payload whose last two bytes make the checksum of a packet what is asked for. */
function steer(packet: (payload: Uint8Array) => Packet, l4: number, field: number, wanted: number): Uint8Array {
  const payload = concat(random.bytes(30), new Uint8Array(2));
  const have = be16(packet(payload).bytes(), l4 + field);
  // The checksum with these two bytes zero, less the one that is wanted, is what they have to add to the sum.
  putBe16(payload, 30, (have + 0xffff - wanted) % 0xffff);
  return payload;
}

describe('right by chance', () => {
  test('a right checksum that equals the sum of the pseudo header stays', () => {
    const packet = (payload: Uint8Array) => eth().ipv4(CLIENT, SERVER).tcp(40000, 443, ACK, { payload });
    const sum = be16(unfinished(packet(new Uint8Array(32)).bytes(), 14, 34, TCP), 50);
    const right = packet(steer(packet, 34, 16, sum)).bytes();
    expect(be16(right, 50)).toBe(sum);
    expect(unfinished(right, 14, 34, TCP)).toEqual(right);
    expect(bench.finishUnmarked(right)).toBeUndefined();
  });

  test('a computed zero is sent as all ones', () => {
    const packet = (payload: Uint8Array) => eth().ipv6(CLIENT_6, SERVER_6).udp(40000, 53, { payload });
    const right = packet(steer(packet, 54, 6, 0)).bytes();
    expect(be16(right, 60)).toBe(0xffff);
    const left = unfinished(right, 14, 54, UDP);
    expectBytes(bench.finishMarked(left, 54, 6), right);
    expectBytes(bench.finishUnmarked(left), right);
    expectBytes(bench.finishAnew(left), right);
  });
});

describe('a tunnel whose UDP has a checksum', () => {
  const outer = (inner: Packet, checksum?: number) =>
    eth()
      .ipv4('10.0.0.11', '10.0.0.21')
      .udp(50000, 4789, checksum === undefined ? {} : { checksum })
      .payload(concat(fromHex('0800000000138900'), inner.bytes()));
  const inner = eth().ipv4(CLIENT, SERVER).tcp(40000, 443, ACK, { payload: 'hello' });

  test('which was computed as if the inner one were finished', () => {
    const right = outer(inner).bytes();
    expectBytes(bench.finishUnmarked(unfinished(right, 64, 84, TCP)), right);
  });

  test('which is left, too', () => {
    const right = outer(inner).bytes();
    const left = unfinished(unfinished(right, 64, 84, TCP), 14, 34, UDP);
    expectBytes(bench.finishUnmarked(left), right);
  });

  test('which alone is left, around ARP', () => {
    const arp = eth({ type: 0x0806 }).payload(random.bytes(28));
    const right = outer(arp).bytes();
    expectBytes(bench.finishUnmarked(unfinished(right, 14, 34, UDP)), right);
  });
});

describe('nothing to finish', () => {
  test.each<[string, Packet]>([
    ['UDP without a checksum', eth().ipv4(CLIENT, SERVER).udp(1, 2, { checksum: 'none' })],
    ['ICMP', eth().ipv4(CLIENT, SERVER).icmp()],
    ['ICMPv6', eth().ipv6(CLIENT_6, SERVER_6).icmpv6()],
    ['ARP', eth({ type: 0x0806 }).payload(new Uint8Array(28))],
    ['a third VLAN tag', eth().vlan(1).vlan(2).vlan(3).ipv4(CLIENT, SERVER).tcp(1, 2, ACK, { checksum: 0 })],
    [
      'a tunnel without the I flag',
      eth().ipv4(CLIENT, SERVER).udp(1, 4789).vxlan(1, { flags: 0 }).eth().ipv4(CLIENT, SERVER).tcp(1, 2, ACK),
    ],
  ])('%s', (_name, packet) => {
    expect(bench.finishUnmarked(packet.bytes())).toBeUndefined();
  });

  test.each<[string, Packet]>([
    ['the first fragment', eth().ipv4(CLIENT, SERVER, { mf: true }).tcp(1, 2, ACK)],
    ['a later one', eth().ipv4(CLIENT, SERVER, { fragmentOffset: 10 }).tcp(1, 2, ACK)],
    ['a data offset behind the end', eth().ipv4(CLIENT, SERVER).tcp(1, 2, ACK, { dataOffset: 15 })],
    ['a total length behind the end', eth().ipv4(CLIENT, SERVER, { totalLength: 41 }).tcp(1, 2, ACK)],
  ])('%s, whatever its field holds', (_name, packet) => {
    expect(bench.finishUnmarked(unfinished(packet.bytes(), 14, 34, TCP))).toBeUndefined();
  });
});

describe('what a virtio header marks', () => {
  const frame = random.bytes(60);

  test.each([
    ['starts behind the frame', 61, 0],
    ['starts at 65,535', 65535, 16],
    ['starts where the frame ends', 60, 0],
    ['has a field half outside', 43, 16],
    ['has its field at 65,535', 34, 65535],
    ['overflows', 0xffff_ffff, 0xffff_ffff],
    ['overflows by its field', 34, 0xffff_fff0],
  ])('is refused when it %s', (_name, start, offset) => {
    expect(bench.finishMarked(frame, start, offset)).toBeUndefined();
  });

  test('may be any two bytes of the frame', () => {
    for (let start = 0; start <= 58; start++) {
      for (let offset = 0; start + offset <= 58; offset++) {
        // That of SCTP.
        if (offset === 8 && start <= 48) continue;
        const expected = frame.slice();
        // No pseudo header: the sum of what is there, its field included.
        const sum = transportChecksum(new Uint8Array(0), 0, frame.subarray(start));
        const lengthOfPseudoHeader = frame.length - start;
        putBe16(expected, start + offset, (sum + lengthOfPseudoHeader) % 0xffff || 0xffff);
        expectBytes(bench.finishMarked(frame, start, offset), expected);
      }
    }
  });

  test('is CRC-32C where SCTP has its checksum', () => {
    // RFC 3720 appendix B.4: of 32 zeros.
    expect(bench.finishMarked(new Uint8Array(32), 0, 8)).toEqual(
      Uint8Array.from({ length: 32 }, (_, index) => [0xaa, 0x36, 0x91, 0x8a][index - 8] ?? 0),
    );
    // An INIT as scapy writes it: IP(src="192.0.2.7", dst="80.80.80.80")/SCTP(sport=1, dport=2)/SCTPChunkInit(init_tag=7)
    const right = fromHex(
      '45000034000100004084179ec000020750505050 00010002 00000000 52877f2b 01000014 00000007 00000000 00000000 00000000',
    );
    const left = right.slice();
    left.fill(0, 28, 32);
    expect(bench.finishMarked(left, 20, 8)).toEqual(right);
  });
});
