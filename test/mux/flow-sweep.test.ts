/** The sweep: dead flows leave the table on their own, within 64 ticks, and an age is never mistaken. */

import { describe, expect, it } from 'vitest';
import { countedGauges, flowsIn, gauges, type OpenMux, openMux } from '../support/open-mux.js';
import { ACK, ipv4, SYN } from '../support/packet.js';
import { muxProgram, VIP } from '../support/programs.js';

const TICK_MS = 1024;
const IDLE_TICKS = 235;
const SWEEP_TICKS = 64;
/** Where 19 bits of ticks begin again. */
const WRAP_TICKS = 2 ** 19;

async function muxWithFlows(count: number, tick: number, capacities = {}): Promise<OpenMux> {
  const open = await openMux({ flowCountMax: 1024, ...capacities });
  open.mux.program(muxProgram);
  for (let client = 0; client < count; client++) {
    open.mux.process(
      ipv4('192.0.2.7', VIP)
        .tcp(1024 + client, 443, ACK)
        .bytes(),
      tick * TICK_MS,
      'bare',
    );
  }
  return open;
}

/** A batch without a frame: time passes. */
function pass(open: OpenMux, tick: number): void {
  open.mux.batch.clear();
  open.mux.processBatch(tick * TICK_MS);
}

describe('MUX: the sweep', () => {
  it.each([
    { name: 'tick by tick', step: 1 },
    { name: 'seven ticks at a time', step: 7 },
    { name: 'all at once', step: SWEEP_TICKS },
  ])('takes every dead flow within 64 ticks: $name', async ({ step }) => {
    const open = await muxWithFlows(500, 3);
    const dead = 3 + IDLE_TICKS + 1;
    for (let tick = 4; tick < dead; tick++) pass(open, tick);
    expect(gauges(open)).toEqual({ trusted: 0, untrusted: 500 });
    for (let tick = dead; tick < dead + SWEEP_TICKS; tick += step) pass(open, Math.min(tick, dead + SWEEP_TICKS));
    pass(open, dead + SWEEP_TICKS);
    expect(flowsIn(open)).toEqual([]);
    expect(gauges(open)).toEqual({ trusted: 0, untrusted: 0 });
    expect(open.mux.counters().flows).toMatchObject({ inserts: 500, expired: 500, evicted: 0 });
  });

  it('takes a sixty-fourth of the table per tick', async () => {
    const open = await muxWithFlows(500, 3);
    pass(open, 3 + IDLE_TICKS);
    expect(flowsIn(open)).toHaveLength(500);
    for (let tick = 1; tick <= SWEEP_TICKS; tick++) {
      pass(open, 3 + IDLE_TICKS + tick);
      const buckets = flowsIn(open).map(({ bucket }) => bucket);
      expect(gauges(open).untrusted).toBe(buckets.length);
      const left = 1 - tick / SWEEP_TICKS;
      expect(buckets.length / 500).toBeGreaterThan(left - 0.1);
      expect(buckets.length / 500).toBeLessThan(left + 0.1);
    }
  });

  it('takes one bucket per tick of a table that has fewer than 64', async () => {
    const open = await muxWithFlows(3, 3, { flowCountMax: 1, untrustedFlowCountMax: 8 });
    expect(flowsIn(open)).toHaveLength(3);
    pass(open, 3 + IDLE_TICKS);
    pass(open, 3 + IDLE_TICKS + 1);
    pass(open, 3 + IDLE_TICKS + 2);
    expect(flowsIn(open)).toEqual([]);
  });

  it('leaves the living alone', async () => {
    const open = await muxWithFlows(100, 3);
    for (let tick = 4; tick <= 3 + IDLE_TICKS; tick++) pass(open, tick);
    expect(flowsIn(open)).toHaveLength(100);
    expect(open.mux.counters().flows.expired).toBe(0);
  });

  it('works once per tick, however many batches there are', async () => {
    const open = await muxWithFlows(500, 3);
    pass(open, 3 + IDLE_TICKS);
    pass(open, 3 + IDLE_TICKS + 1);
    const left = flowsIn(open).length;
    for (let batch = 0; batch < 100; batch++) pass(open, 3 + IDLE_TICKS + 1);
    expect(flowsIn(open)).toHaveLength(left);
  });

  it.each([
    { name: 'longer than any flow lives', ticks: 2 ** 16 },
    { name: 'half the range of ticks', ticks: WRAP_TICKS / 2 },
    { name: 'almost all of it', ticks: WRAP_TICKS - 1 },
    { name: 'exactly all of it', ticks: WRAP_TICKS },
    { name: 'a little more', ticks: WRAP_TICKS + 5 },
    { name: 'most of what 32 bits of milliseconds hold', ticks: 3 * 2 ** 20 },
  ])('after a silence of $name nobody is taken for young', async ({ ticks }) => {
    const open = await muxWithFlows(100, 3);
    pass(open, 3 + ticks);
    expect(flowsIn(open)).toEqual([]);
    expect(gauges(open)).toEqual({ trusted: 0, untrusted: 0 });
  });

  it.each([
    { name: 'across the wrap of ticks', tick: WRAP_TICKS - 100 },
    { name: 'across the wrap of 32-bit milliseconds', tick: 2 ** 22 - 100 },
    { name: 'on a clock that counts from 1970', tick: 1_800_000_000 },
  ])('takes the dead, and only them, $name', async ({ tick }) => {
    const open = await muxWithFlows(50, tick);
    for (let passed = 1; passed <= IDLE_TICKS; passed++) pass(open, tick + passed);
    expect(flowsIn(open)).toHaveLength(50);
    for (let passed = 1; passed <= SWEEP_TICKS; passed++) pass(open, tick + IDLE_TICKS + passed);
    expect(flowsIn(open)).toEqual([]);
  });

  it('a clock that is set back takes nobody', async () => {
    const open = await muxWithFlows(50, 10_000);
    for (const tick of [9_990, 5_000, 4_999]) pass(open, tick);
    expect(flowsIn(open)).toHaveLength(50);
  });

  it('flows of a service that is gone do not stay', async () => {
    const open = await muxWithFlows(50, 3);
    open.mux.program({ ...muxProgram, services: muxProgram.services.slice(1) });
    for (let tick = 4; tick <= 4 + SWEEP_TICKS; tick++) pass(open, tick);
    expect(flowsIn(open)).toEqual([]);
    expect(gauges(open)).toEqual({ trusted: 0, untrusted: 0 });
  });

  it('is not disturbed by packets', async () => {
    const open = await muxWithFlows(500, 3);
    for (let tick = 4; tick < 3 + IDLE_TICKS + SWEEP_TICKS + 2; tick++) {
      const flags = tick % 2 === 0 ? SYN : ACK;
      open.mux.process(
        ipv4('192.0.2.8', VIP)
          .tcp(2000 + tick, 443, flags)
          .bytes(),
        tick * TICK_MS,
        'bare',
      );
      expect(gauges(open)).toEqual(countedGauges(open));
    }
    expect(open.mux.counters().flows.expired).toBeGreaterThanOrEqual(500);
  });
});
