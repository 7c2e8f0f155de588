/** Frames that go through the data plane unfinished and leave so: the header they leave with, and the field it speaks of. */
import { beforeAll, describe, expect, test } from 'vitest';
import { concat, fromHex, putBe16 } from '../../support/bytes.js';
import { ACK, eth, ipv4, type Packet } from '../../support/packet.js';
import { Random } from '../../support/random.js';
import { OffloadBench } from './offload-bench.js';
import { TCP, UDP, unfinished } from './unfinished.js';
import {
  DATA_VALID,
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  NEEDS_CSUM,
  type VirtioHeader,
  withVirtio,
} from './virtio.js';

const DIP = '10.1.0.4';
const VIP = '80.80.80.80';
const CLIENT = '192.0.2.7';
const DIP_6 = 'fd00::4';
const VIP_6 = '2001:db8::80';
const CLIENT_6 = '2001:db8::7';

const random = new Random(77);
const payload = random.bytes(5000);
const FINISHED: VirtioHeader = {};

interface Row {
  readonly name: string;
  readonly received: VirtioHeader;
  readonly before: Packet;
  readonly after: Packet;
  /** Where IP and TCP or UDP start when it leaves. */
  readonly ip: number;
  readonly l4: number;
  readonly transport: typeof TCP | typeof UDP;
  readonly left: VirtioHeader;
}

const ROWS: readonly Row[] = [
  {
    name: 'TCP over IPv4, GSO',
    received: {
      flags: NEEDS_CSUM,
      gsoType: GSO_TCPV4,
      headerLength: 54,
      gsoSize: 1448,
      checksumStart: 34,
      checksumOffset: 16,
    },
    before: eth().ipv4(DIP, CLIENT).tcp(8080, 40000, ACK, { payload }),
    after: eth().ipv4(VIP, CLIENT).tcp(80, 40000, ACK, { payload }),
    ip: 14,
    l4: 34,
    transport: TCP,
    left: {
      flags: NEEDS_CSUM,
      gsoType: GSO_TCPV4,
      headerLength: 54,
      gsoSize: 1448,
      checksumStart: 34,
      checksumOffset: 16,
    },
  },
  {
    name: 'TCP over IPv6, GSO with ECN, out of a VLAN and into two',
    received: {
      flags: NEEDS_CSUM,
      gsoType: GSO_TCPV6 | GSO_ECN,
      headerLength: 0,
      gsoSize: 1428,
      checksumStart: 58,
      checksumOffset: 16,
    },
    before: eth()
      .vlan(5)
      .ipv6(DIP_6, CLIENT_6)
      .tcp(8080, 40000, ACK, { payload, options: fromHex('01010101') }),
    after: eth()
      .vlan(6)
      .vlan(7)
      .ipv6(VIP_6, CLIENT_6)
      .tcp(80, 40000, ACK, { payload, options: fromHex('01010101') }),
    ip: 22,
    l4: 62,
    transport: TCP,
    left: {
      flags: NEEDS_CSUM,
      gsoType: GSO_TCPV6 | GSO_ECN,
      headerLength: 86,
      gsoSize: 1428,
      checksumStart: 62,
      checksumOffset: 16,
    },
  },
  {
    name: 'UDP over IPv4, GSO, onto a TUN device',
    received: {
      flags: NEEDS_CSUM,
      gsoType: GSO_UDP_L4,
      headerLength: 42,
      gsoSize: 1200,
      checksumStart: 34,
      checksumOffset: 6,
    },
    before: eth().ipv4(DIP, CLIENT).udp(443, 40000, { payload }),
    after: ipv4(VIP, CLIENT).udp(443, 40000, { payload }),
    ip: 0,
    l4: 20,
    transport: UDP,
    left: {
      flags: NEEDS_CSUM,
      gsoType: GSO_UDP_L4,
      headerLength: 28,
      gsoSize: 1200,
      checksumStart: 20,
      checksumOffset: 6,
    },
  },
  {
    name: 'GSO with a finished checksum',
    received: { flags: DATA_VALID, gsoType: GSO_TCPV4, headerLength: 54, gsoSize: 1448 },
    before: eth().ipv4(DIP, CLIENT).tcp(8080, 40000, ACK, { payload }),
    after: eth().ipv4(VIP, CLIENT).tcp(80, 40000, ACK, { payload }),
    ip: 14,
    l4: 34,
    transport: TCP,
    left: {
      flags: NEEDS_CSUM,
      gsoType: GSO_TCPV4,
      headerLength: 54,
      gsoSize: 1448,
      checksumStart: 34,
      checksumOffset: 16,
    },
  },
  {
    name: 'TCP over IPv4, one segment',
    received: { flags: NEEDS_CSUM, checksumStart: 34, checksumOffset: 16 },
    before: eth().ipv4(DIP, CLIENT).tcp(8080, 40000, ACK, { payload: 'x' }),
    after: eth().ipv4(VIP, CLIENT).tcp(80, 40000, ACK, { payload: 'x' }),
    ip: 14,
    l4: 34,
    transport: TCP,
    left: { flags: NEEDS_CSUM, gsoType: GSO_NONE, checksumStart: 34, checksumOffset: 16 },
  },
  {
    name: 'UDP over IPv6, one datagram',
    received: { flags: NEEDS_CSUM, checksumStart: 54, checksumOffset: 6, gsoSize: 99, headerLength: 99 },
    before: eth().ipv6(DIP_6, CLIENT_6).udp(53, 40000, { payload: 'x' }),
    after: eth().ipv6(VIP_6, CLIENT_6).udp(53, 40000, { payload: 'x' }),
    ip: 14,
    l4: 54,
    transport: UDP,
    left: { flags: NEEDS_CSUM, gsoType: GSO_NONE, checksumStart: 54, checksumOffset: 6 },
  },
];

let bench: OffloadBench;

beforeAll(async () => {
  bench = await OffloadBench.open();
});

test.each(ROWS)('$name', ({ received, before, after, ip, l4, transport, left }) => {
  expect(bench.canStayWhole(received, before.bytes(), before.link)).toBe(true);
  const frame = after.bytes();
  // Whatever mending an unfinished checksum has made of it.
  putBe16(frame, l4 + transport.field, random.below(65536));
  expect(bench.renew(received, frame, after.link)).toEqual(
    withVirtio(left, unfinished(after.bytes(), ip, l4, transport)),
  );
});

test('what leaves nothing to do leaves so, whatever it is', () => {
  for (const flags of [0, DATA_VALID]) {
    const received = { flags, headerLength: 9, gsoSize: 9, checksumStart: 9, checksumOffset: 9 };
    for (const frame of [random.bytes(60), new Uint8Array(0), eth().ipv4(DIP, CLIENT).icmp().bytes()]) {
      expect(bench.canStayWhole(received, frame)).toBe(true);
      expect(bench.renew(received, frame)).toEqual(withVirtio(FINISHED, frame));
    }
  }
});

const ONE = { flags: NEEDS_CSUM, checksumStart: 34, checksumOffset: 16 };
const GSO = { ...ONE, gsoType: GSO_TCPV4, gsoSize: 1448 };
const frame = eth().ipv4(DIP, CLIENT).tcp(8080, 40000, ACK, { payload });

describe('must not go through whole', () => {
  test.each<[string, VirtioHeader, Packet]>([
    ['a checksum elsewhere', { ...ONE, checksumStart: 33 }, frame],
    ['a checksum behind the end', { ...ONE, checksumStart: 65535 }, frame],
    [
      'the checksum of SCTP',
      { flags: NEEDS_CSUM, checksumStart: 34, checksumOffset: 8 },
      eth().ipv4(DIP, CLIENT, { protocol: 132 }).payload(payload),
    ],
    [
      'the checksum of ICMPv6',
      { flags: NEEDS_CSUM, checksumStart: 54, checksumOffset: 2 },
      eth().ipv6(DIP_6, CLIENT_6).icmpv6(),
    ],
    ['GSO of another protocol', { ...GSO, gsoType: GSO_UDP_L4 }, frame],
    ['GSO size 1', { ...GSO, gsoSize: 1 }, frame],
    ['padding behind the packet', ONE, eth().ipv4(DIP, CLIENT).tcp(1, 2, ACK).pad(60)],
    ['a tunnel of the VM itself', { ...ONE, checksumOffset: 6 }, eth().ipv4(DIP, CLIENT).udp(1, 4789, { payload })],
    [
      'what is inside a tunnel',
      { ...ONE, checksumStart: 84 },
      eth().ipv4(DIP, CLIENT).udp(1, 4789).vxlan(1).eth().ipv4(DIP, CLIENT).tcp(1, 2, ACK, { payload }),
    ],
    ['a fragment', ONE, eth().ipv4(DIP, CLIENT, { mf: true }).tcp(1, 2, ACK, { payload })],
    ['no IP', ONE, eth({ type: 0x0806 }).payload(payload)],
  ])('%s', (_name, header, packet) => {
    expect(bench.canStayWhole(header, packet.bytes())).toBe(false);
  });
});

describe('is put into a tunnel on its way', () => {
  const inner = (part: Uint8Array, index: number, seq: number) =>
    eth()
      .ipv4('10.0.0.11', '10.0.0.21', { id: index })
      .udp(50000, 4789)
      .vxlan(5001)
      .eth()
      .ipv4(VIP, CLIENT, { id: index })
      .tcp(80, 40000, ACK, { payload: part, seq });

  test('and is no frame to leave whole, but is cut', () => {
    const whole = inner(payload, 0, 0).bytes();
    putBe16(whole, 84 + 16, random.below(65536));
    expect(bench.renew(GSO, whole)).toBeUndefined();
    expect(bench.cut(GSO, whole, 'ethernet', 'segmentCountAnew')).toEqual(
      [0, 1448, 2896, 4344].map((from, index) => inner(payload.subarray(from, from + 1448), index, from).bytes()),
    );
  });

  test('and is finished', () => {
    const right = inner(payload.subarray(0, 100), 0, 0).bytes();
    const left = right.slice();
    putBe16(left, 84 + 16, random.below(65536));
    expect(bench.renew(ONE, left)).toBeUndefined();
    expect(bench.finishAnew(left)).toEqual(right);
  });
});

test('a frame that has grown a tail is not left whole', () => {
  expect(bench.renew(ONE, concat(frame.bytes(), new Uint8Array(3)))).toBeUndefined();
});
