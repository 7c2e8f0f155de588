/** The short answer to "is there a checksum to finish?": never another one than the long answer's. */
import { beforeAll, describe, expect, it } from 'vitest';
import { putBe16 } from '../../support/bytes.js';
import { compileOffload, instantiateOffload, type OffloadFunctions } from '../../support/offload-module.js';
import { ACK, eth, ipv4, type Packet } from '../../support/packet.js';
import { Random } from '../../support/random.js';

const [A, B] = ['192.0.2.7', '80.80.80.80'];
const [A_6, B_6] = ['2001:db8::7', '2001:db8::80'];
const tunnel = eth().ipv4(A, B).udp(1, 4789, { checksum: 'none' }).vxlan(5001).eth();
const IN_TUNNEL = 50;

interface Row {
  readonly name: string;
  readonly packet: Packet;
  /** Where TCP or UDP starts, and its checksum field from there. */
  readonly l4: number;
  readonly field: number;
  /** Whether the short answer is one, when the checksum is finished. */
  readonly isPlain: boolean;
}

const ROWS: readonly Row[] = [
  { name: 'TCP', packet: eth().ipv4(A, B).tcp(1, 2, ACK), l4: 34, field: 16, isPlain: true },
  { name: 'UDP', packet: eth().ipv4(A, B).udp(1, 2, { payload: 'twelve bytes' }), l4: 34, field: 6, isPlain: true },
  { name: 'short UDP', packet: eth().ipv4(A, B).udp(1, 2), l4: 34, field: 6, isPlain: false },
  { name: 'TCP in VXLAN', packet: tunnel.ipv4(A, B).tcp(1, 2, ACK), l4: 34 + IN_TUNNEL, field: 16, isPlain: true },
  { name: 'TCP over IPv6', packet: eth().ipv6(A_6, B_6).tcp(1, 2, ACK), l4: 54, field: 16, isPlain: true },
  {
    name: 'UDP over IPv6',
    packet: eth().ipv6(A_6, B_6).udp(1, 2, { payload: 'twelve bytes' }),
    l4: 54,
    field: 6,
    isPlain: true,
  },
  {
    name: 'TCP over IPv6 in VXLAN',
    packet: tunnel.ipv6(A_6, B_6).tcp(1, 2, ACK),
    l4: 54 + IN_TUNNEL,
    field: 16,
    isPlain: true,
  },
  {
    name: 'TCP behind destination options',
    packet: eth().ipv6(A_6, B_6).destinationOptions().tcp(1, 2, ACK),
    l4: 62,
    field: 16,
    isPlain: false,
  },
  {
    name: 'TCP in VXLAN with a checksum',
    packet: eth().ipv4(A, B).udp(1, 4789, { checksum: 0x1234 }).vxlan(1).eth().ipv4(A, B).tcp(1, 2, ACK),
    l4: 34 + IN_TUNNEL,
    field: 16,
    isPlain: false,
  },
  {
    name: 'TCP behind IPv4 options',
    packet: eth()
      .ipv4(A, B, { options: new Uint8Array(4) })
      .tcp(1, 2, ACK),
    l4: 38,
    field: 16,
    isPlain: false,
  },
  { name: 'TCP behind a VLAN tag', packet: eth().vlan(1).ipv4(A, B).tcp(1, 2, ACK), l4: 38, field: 16, isPlain: false },
  { name: 'TCP on a bare link', packet: ipv4(A, B).tcp(1, 2, ACK), l4: 20, field: 16, isPlain: false },
];

let functions: OffloadFunctions;
let memory: Uint8Array;

beforeAll(async () => {
  ({ functions, memory } = instantiateOffload(await compileOffload(), 4));
});

/** Both answers about a frame at the very end of memory. */
function answers(frame: Uint8Array, link: Packet['link']): { isPlain: boolean; isFinishedNow: boolean } {
  const at = memory.length - frame.length;
  memory.set(frame, at);
  const number = link === 'bare' ? 1 : 0;
  const isPlain = functions.isPlainlyFinished(at, frame.length, number) !== 0;
  return { isPlain, isFinishedNow: functions.finishUnmarked(at, frame.length, number) !== 0 };
}

describe.each(ROWS)('$name', ({ packet, l4, field, isPlain }) => {
  const finished = packet.bytes();

  it('that is finished', () => {
    expect(answers(finished, packet.link)).toEqual({ isPlain, isFinishedNow: false });
  });

  it('with any number in its checksum field', () => {
    let finishedCount = 0;
    for (let checksum = 0; checksum < 0x10000; checksum++) {
      const frame = finished.slice();
      putBe16(frame, l4 + field, checksum);
      const answer = answers(frame, packet.link);
      if (answer.isFinishedNow) finishedCount++;
      if (answer.isPlain && answer.isFinishedNow) expect.unreachable(`checksum ${checksum}`);
    }
    expect(finishedCount).toBe(1);
  });

  it('cut off at any length', () => {
    for (let length = 0; length <= finished.length; length++) {
      const answer = answers(finished.subarray(0, length), packet.link);
      if (answer.isPlain) expect(length).toBe(finished.length);
    }
  });
});

it('frames with random bytes changed', () => {
  const random = new Random(7);
  const frames = ROWS.map(({ packet }) => ({ link: packet.link, bytes: packet.bytes() }));
  for (let round = 0; round < 100_000; round++) {
    const { link, bytes } = random.pick(frames);
    const frame = bytes.slice();
    for (let change = random.below(4); change > 0; change--) frame[random.below(frame.length)] = random.below(256);
    const answer = answers(frame, link);
    if (answer.isPlain && answer.isFinishedNow) expect.unreachable(`round ${round}`);
  }
});
