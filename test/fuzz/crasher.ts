/**
 * A crasher: the steps after which a data plane and its model said different things, as a file that a test replays for as
 * long as there is an edgemux.
 */

import { fromHex, toHex } from '../support/bytes.js';
import type { Link } from '../support/checksum.js';
import { Duel, type Step } from '../support/duel.js';
import { type PipelineName, pipelines } from '../support/pipelines.js';
import type { Port } from '../support/random-intent.js';

export interface Crasher {
  readonly pipeline: PipelineName;
  readonly steps: readonly Step[];
}

/** Plays the steps from the beginning; the first difference, or `undefined` when there is none (any more). */
export async function replay({ pipeline, steps }: Crasher): Promise<string | undefined> {
  const duel = new Duel(await pipelines[pipeline].begin());
  for (const step of steps) {
    const difference = duel.play(step);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** A step of a file: program numbers are positions in the list of the pipeline, frames are hexadecimal. */
type WrittenStep = { program: number } | { nowMs: number; packets: { about: string; on: string; frame: string }[] };

interface WrittenCrasher {
  pipeline: PipelineName;
  /** What was different when it was found. */
  found: string[];
  steps: WrittenStep[];
}

export function writeCrasher({ pipeline, steps }: Crasher, found: string): string {
  const written: WrittenCrasher = {
    pipeline,
    found: found.split('\n'),
    steps: steps.map((step) => {
      if ('program' in step) return { program: step.program };
      const packets = step.packets.map(({ about, link, port, frame }) => ({
        about,
        on: `${link} ${port}`,
        frame: toHex(frame),
      }));
      return { nowMs: step.nowMs, packets };
    }),
  };
  return `${JSON.stringify(written, undefined, 2)}\n`;
}

export function readCrasher(text: string): Crasher {
  const { pipeline, steps } = JSON.parse(text) as WrittenCrasher;
  return {
    pipeline,
    steps: steps.map((step): Step => {
      if ('program' in step) return step;
      const packets = step.packets.map(({ about, on, frame }) => {
        const [link, port] = on.split(' ') as [Link, Port];
        return { about, link, port, frame: fromHex(frame) };
      });
      return { nowMs: step.nowMs, packets };
    }),
  };
}
