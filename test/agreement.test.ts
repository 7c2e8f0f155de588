/**
 * The data plane against the reference model: the same random packets, valid, near-valid and hostile, in batches of
 * every size, with programs changing in between, and the same verdict, reason and bytes each time.
 *
 * `EDGEMUX_SEEDS=7,8,9 npx vitest run …` runs other seeds. A disagreement prints seed, number and packet.
 */
import { DROP_REASONS, HostAgent, Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, test } from 'vitest';
import { HostModel } from './model/host-model.js';
import { MuxModel } from './model/mux-model.js';
import { toHex } from './support/bytes.js';
import {
  allOnOneHost,
  withDrainedMember,
  withNewAddress,
  withoutFirstService,
  withoutFirstTranslation,
  withoutLastBackend,
  withoutLastNic,
  withoutMember,
} from './support/program-changes.js';
import { hostProgram, muxProgram } from './support/programs.js';
import { Random } from './support/random.js';
import { type RandomPacket, RandomPackets } from './support/random-packets.js';

const FRAME_BYTES_MAX = 65_600;
const BATCH_FRAME_COUNT_MAX = 150;
const PACKETS_PER_SEED = 60_000;
const PACKETS_PER_PROGRAM = 3_000;
/** Room that no run fills: a bounded table may forget what the unbounded model remembers. */
const ROOM = { frameBytesMax: FRAME_BYTES_MAX, batchFrameCountMax: BATCH_FRAME_COUNT_MAX, flowCountMax: 1_048_576 };

const seeds = (process.env.EDGEMUX_SEEDS ?? '1').split(',').map(Number);

/** What a model and a data plane say about one frame. */
interface Outcome {
  readonly verdict: string;
  readonly reason: string | undefined;
  readonly bytes: Uint8Array | undefined;
}

interface Pair {
  readonly model: (packet: RandomPacket, nowMs: number) => Outcome;
  readonly dataPlane: Mux | HostAgent;
  /** Gives both the next program. */
  readonly change: (number: number) => void;
}

describe.each(seeds)('seed %i', (seed) => {
  test('MUX', async () => {
    const model = new MuxModel(muxProgram);
    const mux = await Mux.load(muxModule, ROOM);
    mux.program(muxProgram);
    const programs = [
      muxProgram,
      withDrainedMember(muxProgram, 1),
      withoutMember(muxProgram, 0),
      allOnOneHost(muxProgram),
      withoutLastBackend(muxProgram),
      withNewAddress(muxProgram),
      withoutFirstService(muxProgram),
    ];
    const seen = compare(seed, new RandomPackets(muxProgram, new Random(seed), FRAME_BYTES_MAX), {
      model: ({ frame, link }, nowMs) => outcomeOf(model.process(frame, link, nowMs)),
      dataPlane: mux,
      change: (number) => {
        const program = programs[number % programs.length];
        model.program(program);
        mux.program(program);
      },
    });
    expectAllOf(seen, ['pass', 'forward', 'reply', ...MUX_REASONS]);
    // The same flows again and again: the table must have been of use.
    expect(mux.counters().flows.hits).toBeGreaterThan(PACKETS_PER_SEED / 20);
  });

  test('host agent', async () => {
    const model = new HostModel(hostProgram);
    const host = await HostAgent.load(muxModule, ROOM);
    host.apply(hostProgram);
    const programs = [hostProgram, withoutFirstTranslation(hostProgram), withoutLastNic(hostProgram)];
    const seen = compare(seed, new RandomPackets(hostProgram, new Random(seed), FRAME_BYTES_MAX), {
      model: ({ frame, link, port }, nowMs) => outcomeOf(model.process(frame, link, port, nowMs)),
      dataPlane: host,
      change: (number) => {
        const program = programs[number % programs.length];
        model.program(program);
        host.apply(program);
      },
    });
    expectAllOf(seen, ['pass', 'deliver', 'reply', ...HOST_REASONS]);
  });
});

/** Every reason a MUX has. */
const MUX_REASONS = [
  'oversize',
  'ethernet-truncated',
  'ipv4-truncated',
  'ipv4-version',
  'ipv4-header-length',
  'ipv4-total-length',
  'ipv4-checksum',
  'fragment',
  'protocol',
  'icmp-truncated',
  'icmp-checksum',
  'tcp-truncated',
  'tcp-header-length',
  'udp-truncated',
  'udp-length',
  'no-rule',
  'no-backend',
];

/** Every reason a host agent has, but for the table that is never full here and the slot that is never too short. */
const HOST_REASONS = Object.keys(DROP_REASONS).filter(
  (reason) => !['oversize', 'no-backend', 'flow-table-full', 'icmp-truncated', 'icmp-checksum'].includes(reason),
);

/** Runs both over the same packets and fails where they differ; answers how often each verdict and reason occurred. */
function compare(seed: number, packets: RandomPackets, { model, dataPlane, change }: Pair): Map<string, number> {
  const random = new Random(seed + 1_000_000);
  const seen = new Map<string, number>();
  let nowMs = 1_000_000;
  let programNumber = 0;
  for (let number = 0; number < PACKETS_PER_SEED; ) {
    if (number / PACKETS_PER_PROGRAM > programNumber + 1) change(++programNumber);
    nowMs += random.below(2_000);
    const batch = Array.from({ length: random.between(1, BATCH_FRAME_COUNT_MAX) }, () => packets.next());
    const wanted = batch.map((packet) => model(packet, nowMs));
    for (const { frame, link, port } of batch) dataPlane.batch.add(frame, link, port);
    dataPlane.processBatch(nowMs);
    batch.forEach((packet, index) => {
      const want = wanted[index];
      const got = outcomeOf(dataPlane.batch.processed(index));
      if (!isSame(want, got)) {
        expect.fail(
          `seed ${seed}, packet ${number + index}: ${packet.about}\n${toHex(packet.frame)}\n${text(want)}\n${text(got)}`,
        );
      }
      const name = want.reason ?? want.verdict;
      seen.set(name, (seen.get(name) ?? 0) + 1);
    });
    dataPlane.batch.clear();
    number += batch.length;
  }
  return seen;
}

/** Bytes count only where a frame is sent: nobody says what lies in the slot of a frame that passes. */
function outcomeOf({
  verdict,
  reason,
  bytes,
}: {
  verdict: string;
  reason?: string | undefined;
  bytes?: Uint8Array | undefined;
}): Outcome {
  const isSent = verdict !== 'drop' && verdict !== 'pass';
  return { verdict, reason, bytes: isSent ? bytes : undefined };
}

function isSame(a: Outcome, b: Outcome): boolean {
  return a.verdict === b.verdict && a.reason === b.reason && isSameBytes(a.bytes, b.bytes);
}

function isSameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

function text({ verdict, reason, bytes }: Outcome): string {
  return `${verdict} ${reason ?? ''} ${bytes ? toHex(bytes) : ''}`;
}

/** A generator that stopped making a kind of packet would make this test say less than it promises. */
function expectAllOf(seen: ReadonlyMap<string, number>, names: readonly string[]): void {
  expect(names.filter((name) => !seen.has(name))).toEqual([]);
}
