/**
 * The host agent against its reference model: the same random packets of tunnels and VMs, valid, near-valid and hostile,
 * in batches of every size, with programs changing in between, and the same verdict, reason and bytes each time.
 *
 * `EDGEMUX_SEEDS=7,8,9 npx vitest run …` runs other seeds. A disagreement prints seed, number and packet.
 */
import { DROP_REASONS } from 'edgemux';
import { describe, expect, test } from 'vitest';
import { Duel, type Step } from './support/duel.js';
import { hostPipelines } from './support/host-pipelines.js';
import { randomSteps } from './support/random-steps.js';

const PACKETS_PER_SEED = 60_000;

const seeds = (process.env.EDGEMUX_SEEDS ?? '1').split(',').map(Number);

const MUX_ONLY = ['oversize', 'no-backend', 'ttl', 'source', 'mtu', 'fair-share'];
const MUX_FRAGMENTS = ['fragment-overlap', 'fragment-limit', 'fragment-expired'];
/** A table that is never full, and what no MUX sends yet. */
const UNREACHED = ['flow-table-full', 'redirect'];

const reasonsBut = (...others: string[]) =>
  Object.keys(DROP_REASONS).filter(
    (reason) => ![...MUX_ONLY, ...MUX_FRAGMENTS, ...UNREACHED, ...others].includes(reason),
  );

const OUTCOMES: Record<keyof typeof hostPipelines, readonly string[]> = {
  'host agent, VXLAN': ['pass', 'deliver', 'reply', ...reasonsBut('gre-truncated', 'gre-flags')],
  'host agent, NVGRE': ['pass', 'deliver', 'reply', ...reasonsBut('vxlan-truncated', 'vxlan-flags')],
};

/** A sweep of the whole table takes 4,096 ticks of 1,024 ms at most. */
const SWEPT_MS = 4_200 * 1024;
/** Each sends what a batch has room for. */
const LAST_SWEEPS = 40;

describe.each(seeds)('seed %i', (seed) => {
  test.each(Object.entries(hostPipelines))('%s', async (name, { program, begin }) => {
    const opponents = await begin();
    const duel = new Duel(opponents);
    let nowMs = 0;
    const play = (step: Step): void => {
      const difference = duel.play(step);
      if (difference !== undefined) expect.fail(`seed ${seed}, after ${duel.packetCount} packets: ${difference}`);
      if ('nowMs' in step) nowMs = step.nowMs;
    };
    for (const step of randomSteps(program, seed)) {
      play(step);
      if (duel.packetCount >= PACKETS_PER_SEED) break;
    }
    // A generator that stopped making a kind of packet would make this test say less than it promises.
    expect(OUTCOMES[name as keyof typeof OUTCOMES].filter((outcome) => !duel.seen.has(outcome))).toEqual([]);

    // What was rare in this life would not be tested by it, and a table that forgot would be one that differs.
    const { natFlows, tcp, snat } = opponents.dataPlane.counters();
    expect(natFlows.evicted).toBe(0);
    expect(Math.min(natFlows.inserts, snat.allocated)).toBeGreaterThan(2_000);
    expect(Math.min(tcp.resetsSent, snat.exhausted)).toBeGreaterThan(50);
    if (program.attachment.mtuBytes !== undefined) expect(tcp.sizesClamped).toBeGreaterThan(200);

    nowMs += SWEPT_MS;
    for (let sweep = 0; sweep < LAST_SWEEPS; sweep++) play({ nowMs: nowMs + 2048, packets: [] });
    expect(opponents.hostModel.resetsDue(nowMs)).toEqual([]);
  });
});
