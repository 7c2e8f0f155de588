/** What fuzzing found stays found: every crasher is replayed. And the shrinker shrinks. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Step } from '../support/duel.js';
import type { RandomPacket } from '../support/random-packets.js';
import { readCrasher, replay, writeCrasher } from './crasher.js';
import { shrink } from './shrink.js';

const CRASHERS = new URL('crashers/', import.meta.url);
const crashers = existsSync(CRASHERS) ? readdirSync(CRASHERS) : [];

function packet(byte: number): RandomPacket {
  return { frame: Uint8Array.of(byte), link: 'bare', port: 'underlay', about: `byte ${byte}` };
}

/** 40 batches of 5 packets with other programs in between; bytes 0 to 199. */
const life: readonly Step[] = Array.from({ length: 40 }, (_, batch): Step[] => [
  { program: batch },
  { nowMs: batch * 10, packets: Array.from({ length: 5 }, (_, index) => packet(batch * 5 + index)) },
]).flat();

function has(steps: readonly Step[], byte: number): boolean {
  return steps.some((step) => 'packets' in step && step.packets.some(({ frame }) => frame[0] === byte));
}

describe('crashers', () => {
  it.each(crashers)('%s no longer crashes', async (name) => {
    expect(await replay(readCrasher(readFileSync(new URL(name, CRASHERS), 'utf8')))).toBeUndefined();
  });

  it('are read as they were written', () => {
    const crasher = { pipeline: 'MUX, VXLAN', steps: life } as const;
    expect(readCrasher(writeCrasher(crasher, 'one line\nanother'))).toEqual(crasher);
  });
});

describe('shrinking', () => {
  it('keeps the two packets and the program that it takes', async () => {
    const fails = async (steps: readonly Step[]) =>
      has(steps, 17) && has(steps, 133) && steps.some((step) => 'program' in step && step.program === 20);
    expect(await shrink(life, fails)).toEqual([
      { nowMs: 30, packets: [packet(17)] },
      { program: 20 },
      { nowMs: 260, packets: [packet(133)] },
    ]);
  });

  it('keeps batches whole when they must be', async () => {
    const fails = async (steps: readonly Step[]) =>
      steps.some((step) => 'packets' in step && step.packets.length === 5 && has([step], 17));
    expect(await shrink(life, fails)).toEqual([life[7]]);
  });

  it('gives up when its time is over', async () => {
    expect(await shrink(life, async () => true, 0)).toHaveLength(240);
  });
});
