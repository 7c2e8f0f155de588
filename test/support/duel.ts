/**
 * The data plane against the reference model: both get the same steps, and the first one after which they say different
 * things ends the duel.
 */

import type { HostAgent, Mux } from 'edgemux';
import { toHex } from './bytes.js';
import type { RandomPacket } from './random-packets.js';

/** What one of the two says about a frame. */
export interface Outcome {
  readonly verdict: string;
  readonly reason?: string | undefined;
  readonly bytes?: Uint8Array | undefined;
  /** Keys of who took the frame; of a MUX alone. */
  readonly service?: string | undefined;
  readonly backend?: string | undefined;
}

/** What both have in common of a pipeline's model. */
export interface Model {
  /** Before the packets of a batch; `produced` is what the data plane put behind it. */
  beginOfBatch?(nowMs: number, produced: readonly Outcome[]): void;
  /** `got` is what the data plane said, for a model that leaves a choice to it. */
  process(packet: RandomPacket, nowMs: number, got: Outcome | undefined): Outcome;
  /** What is put behind the batch. */
  endOfBatch(nowMs: number): Outcome[];
}

export interface Opponents {
  readonly model: Model;
  readonly dataPlane: Mux | HostAgent;
  /** Gives both another of the pipeline's programs, by its number; any number will do. */
  readonly change: (program: number) => void;
  /** Who took a frame of the batch. */
  readonly takers?: (index: number) => Pick<Outcome, 'service' | 'backend'>;
  /** What the data plane would make of a packet, which changes nothing. */
  readonly explain?: (packet: RandomPacket, nowMs: number) => Outcome;
  /** What both have counted, where it differs. */
  readonly audit?: () => string | undefined;
}

/** Packets that arrive together. */
export interface Batch {
  readonly nowMs: number;
  readonly packets: readonly RandomPacket[];
}

/** A change of program, or a batch of packets at a time. */
export type Step = { readonly program: number } | Batch;

export class Duel {
  readonly #opponents: Opponents;
  /** How often the model gave each verdict, and each reason of a drop. */
  readonly seen = new Map<string, number>();
  packetCount = 0;

  constructor(opponents: Opponents) {
    this.#opponents = opponents;
  }

  /** The first difference in words, or `undefined`. A trap of the data plane is one. */
  play(step: Step): string | undefined {
    const { model, audit, change } = this.#opponents;
    if ('program' in step) {
      const difference = audit?.();
      change(step.program);
      return difference;
    }
    const { nowMs, packets } = step;
    const explained = packets[0] && this.#opponents.explain?.(packets[0], nowMs);
    const got = this.#process(step);
    if (typeof got === 'string') return got;
    model.beginOfBatch?.(nowMs, got.slice(packets.length));
    const wanted = packets.map((packet, index) => model.process(packet, nowMs, got[index]));
    wanted.push(...model.endOfBatch(nowMs));
    for (const { verdict, reason } of wanted) this.#count(reason ?? verdict);
    this.packetCount += packets.length;
    return difference(step, wanted, got) ?? (explained && differentExplanation(step, explained, wanted[0]!));
  }

  /** What the data plane makes of a batch, or why it stopped. */
  #process({ nowMs, packets }: Batch): Outcome[] | string {
    const { dataPlane, takers } = this.#opponents;
    const { batch } = dataPlane;
    for (const { frame, link, port } of packets) batch.add(frame, link, port);
    try {
      dataPlane.processBatch(nowMs);
    } catch (error) {
      return `the data plane stopped: ${error}`;
    }
    const got = Array.from({ length: batch.count }, (_, index) => ({ ...batch.processed(index), ...takers?.(index) }));
    batch.clear();
    return got;
  }

  #count(name: string): void {
    this.seen.set(name, (this.seen.get(name) ?? 0) + 1);
  }
}

function difference(
  { nowMs, packets }: Batch,
  wanted: readonly Outcome[],
  got: readonly Outcome[],
): string | undefined {
  for (const [index, want] of wanted.entries()) {
    const have = got[index];
    if (have !== undefined && isSame(want, have)) continue;
    const { about, frame } = packets[index] ?? { about: `produced frame ${index - packets.length}` };
    const lines = [`packet ${index} of ${packets.length} at ${nowMs} ms, ${about}`];
    if (frame !== undefined) lines.push(`frame      ${toHex(frame)}`);
    return [...lines, `model      ${text(want)}`, `data plane ${have ? text(have) : 'nothing'}`].join('\n');
  }
  return got.length === wanted.length ? undefined : `data plane: ${got.length} frames, model: ${wanted.length}`;
}

function differentExplanation({ packets }: Batch, explained: Outcome, want: Outcome): string | undefined {
  const { bytes: _, ...wanted } = want;
  if (isSame(explained, wanted)) return undefined;
  const { about, frame } = packets[0]!;
  return `explanation of ${about}\nframe      ${toHex(frame)}\nmodel      ${text(wanted)}\ndata plane ${text(explained)}`;
}

/** Bytes count only where a frame is sent: nobody says what lies in the slot of one that passes or is kept. */
function sentBytes({ verdict, bytes }: Outcome): Uint8Array | undefined {
  return ['drop', 'pass', 'hold'].includes(verdict) ? undefined : bytes;
}

function isSame(a: Outcome, b: Outcome): boolean {
  if (a.verdict !== b.verdict || a.reason !== b.reason) return false;
  if (a.service !== b.service || a.backend !== b.backend) return false;
  const [one, other] = [sentBytes(a), sentBytes(b)];
  if (one === undefined || other === undefined) return one === other;
  return Buffer.compare(one, other) === 0;
}

function text(outcome: Outcome): string {
  const bytes = sentBytes(outcome);
  const takers = [outcome.service, outcome.backend].filter((taker) => taker !== undefined).join(' ');
  return `${outcome.verdict} ${outcome.reason ?? ''} ${takers} ${bytes ? toHex(bytes) : ''}`;
}
