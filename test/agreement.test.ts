/**
 * The MUX against its reference model: the same random packets, valid, near-valid and hostile, in batches of
 * every size, with programs changing in between, and the same verdict, reason and bytes each time.
 *
 * `EDGEMUX_SEEDS=7,8,9 npx vitest run …` runs other seeds; `npm run fuzz` runs until it finds something. A disagreement
 * prints seed, number and packet.
 */
import { DROP_REASONS } from 'edgemux';
import { describe, expect, test } from 'vitest';
import { Duel } from './support/duel.js';
import { muxPipelines } from './support/mux-pipelines.js';
import { randomSteps } from './support/random-steps.js';

const PACKETS_PER_SEED = 60_000;
/** A tenth of it where nothing else runs. */
const TIMEOUT_MS = 120_000;

const seeds = (process.env.EDGEMUX_SEEDS ?? '1').split(',').map(Number);

/** Of the host agent alone. */
const HOST_REASONS_ONLY = [
  ...['vxlan-truncated', 'vxlan-flags', 'inner-truncated', 'inner-vlan', 'nic-unknown', 'vni-mismatch', 'nat-conflict'],
  ...['gre-truncated', 'gre-flags', 'ecn', 'snat-exhausted', 'snat-unknown', 'redirect'],
];

/** A MUX that is not overloaded, a table that is never full, and what is counted without a packet that says so. */
const UNREACHED = ['fair-share', 'flow-table-full', 'fragment-expired'];

const MUX_OUTCOMES = [
  ...['pass', 'forward', 'reply', 'hold'],
  ...Object.keys(DROP_REASONS).filter((reason) => ![...HOST_REASONS_ONLY, ...UNREACHED].includes(reason)),
];

describe.each(seeds)('seed %i', (seed) => {
  test.each(Object.entries(muxPipelines))(
    '%s',
    async (_name, { program, begin }) => {
      const opponents = await begin();
      const duel = new Duel(opponents);
      for (const step of randomSteps(program, seed)) {
        const difference = duel.play(step);
        if (difference !== undefined) expect.fail(`seed ${seed}, after ${duel.packetCount} packets: ${difference}`);
        if (duel.packetCount >= PACKETS_PER_SEED) break;
      }
      expect(opponents.audit?.()).toBeUndefined();
      // A generator that stopped making a kind of packet would make this test say less than it promises.
      expect(MUX_OUTCOMES.filter((outcome) => !duel.seen.has(outcome))).toEqual([]);
      // The same flows again and again: the table must have been of use.
      expect(opponents.dataPlane.counters().flows.hits).toBeGreaterThan(PACKETS_PER_SEED / 20);
    },
    TIMEOUT_MS,
  );
});
