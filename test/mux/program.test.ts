/** Programming a MUX: capacities that are too small, rings that stay, and ring memory that has holes. */

import { capacitiesFor, EdgemuxError, Mux, type MuxProgram, type Ring } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { MuxModel } from '../model/mux-model.js';
import { toHex } from '../support/bytes.js';
import { ipv4, SYN } from '../support/packet.js';
import { muxProgram, VIP } from '../support/programs.js';

/** With two dozen leased ports: three blocks. */
const leasing: MuxProgram = {
  ...muxProgram,
  snatRanges: [{ vip: VIP, firstPort: 1024, portCount: 24, backend: 0 }],
};
const need = capacitiesFor(leasing);

function problemsOf(mux: Mux, program: MuxProgram): readonly { path: string; expected: string; got: string }[] {
  try {
    mux.program(program);
  } catch (error) {
    if (error instanceof EdgemuxError && error.code === 'ERR_CAPACITY') return error.problems;
    throw error;
  }
  return [];
}

describe('MUX: capacities', () => {
  it('are counted from the program', () => {
    expect(need).toEqual({
      serviceCountMax: 6,
      vipCountMax: 2,
      snatBlockCountMax: 3,
      backendCountMax: 3,
      ringSlotCountMax: 502,
    });
  });

  it('just enough is enough', async () => {
    const mux = await Mux.load(muxModule, need);
    expect(problemsOf(mux, leasing)).toEqual([]);
    expect(mux.current).toBe(leasing);
  });

  it.each([
    { capacity: 'serviceCountMax', count: 6 },
    { capacity: 'vipCountMax', count: 2 },
    { capacity: 'snatBlockCountMax', count: 3 },
    { capacity: 'backendCountMax', count: 3 },
    { capacity: 'ringSlotCountMax', count: 502 },
  ])('one $capacity too few', async ({ capacity, count }) => {
    const mux = await Mux.load(muxModule, { ...need, [capacity]: count - 1 });
    expect(problemsOf(mux, leasing)).toEqual([
      { path: capacity, expected: `at least ${count} for program mux-1`, got: String(count - 1) },
    ]);
  });

  it('names every capacity that is too small', async () => {
    const mux = await Mux.load(muxModule, {
      serviceCountMax: 1,
      vipCountMax: 1,
      snatBlockCountMax: 1,
      backendCountMax: 1,
      ringSlotCountMax: 251,
    });
    expect(problemsOf(mux, leasing).map(({ path }) => path)).toEqual(Object.keys(need));
  });

  it('leaves the old program in force', async () => {
    const mux = await Mux.load(muxModule, need);
    mux.program(leasing);
    const syn = ipv4('192.0.2.7', VIP).tcp(40000, 443, SYN).bytes();
    const before = mux.process(syn, 0, 'bare');
    const vips = [VIP, '80.80.80.91', '80.80.80.92'];
    const attachment = { ...muxProgram.attachment, providerAddress: '10.0.0.99' };
    expect(problemsOf(mux, { ...leasing, attachment, vips })).toHaveLength(1);
    expect(mux.current).toBe(leasing);
    expect(mux.process(syn, 0, 'bare')).toEqual(before);
  });
});

/** Programs that differ in the sizes of their rings, each ring with a service of its own on a port. */
function ringsOf(...slotCounts: number[]): MuxProgram {
  const rings = slotCounts.map(
    (slotCount): Ring => ({ slotCount, members: muxProgram.rings[0].members.map((member) => ({ ...member })) }),
  );
  const services = slotCounts.map((slotCount, ring) => ({
    ...muxProgram.services[0],
    key: `${slotCount}`,
    port: slotCount,
    target: { ring },
  }));
  return { ...muxProgram, rings, services };
}

/** Whether a MUX and the model send new connections to the same backends, on every port of a program. */
function agree(mux: Mux, program: MuxProgram): boolean {
  const model = new MuxModel(program);
  return program.services.every(({ port }) =>
    Array.from({ length: 50 }, (_, client) => ipv4(`198.51.100.${client}`, VIP).tcp(40000, port, SYN).bytes()).every(
      (syn) => {
        const [got, expected] = [mux.process(syn, 0, 'bare').bytes, model.process(syn, 'bare', 0).bytes];
        return got !== undefined && expected !== undefined && toHex(got) === toHex(expected);
      },
    ),
  );
}

describe('MUX: rings in memory', () => {
  it('an unchanged ring is kept, a changed one is built', async () => {
    const mux = await Mux.load(muxModule);
    expect(mux.program(ringsOf(251, 509))).toEqual({ digest: '00', rings: { built: 2, kept: 0 } });
    expect(mux.program(ringsOf(251, 509)).rings).toEqual({ built: 0, kept: 2 });
    expect(mux.program(ringsOf(251, 1021)).rings).toEqual({ built: 1, kept: 1 });
  });

  it('a weight that changes is another ring', async () => {
    const mux = await Mux.load(muxModule);
    const program = ringsOf(251);
    mux.program(program);
    const members = program.rings[0].members.map((member) => ({ ...member, weight: 3 }));
    expect(mux.program({ ...program, rings: [{ slotCount: 251, members }] }).rings.built).toBe(1);
  });

  it.each([
    {
      name: 'a gap that fits is used again',
      sizes: [
        [251, 509, 1021],
        [251, 1021, 499],
      ],
      room: 251 + 509 + 1021,
    },
    {
      name: 'gaps that are too short are closed',
      sizes: [
        [251, 509, 1021, 241],
        [509, 241, 1031],
      ],
      room: 251 + 509 + 1021 + 241,
    },
    {
      name: 'every ring is new',
      sizes: [
        [251, 509],
        [499, 241],
      ],
      room: 760,
    },
  ])('$name', async ({ sizes, room }) => {
    const mux = await Mux.load(muxModule, { ringSlotCountMax: room });
    for (const slotCounts of sizes) {
      const program = ringsOf(...slotCounts);
      mux.program(program);
      expect(agree(mux, program)).toBe(true);
    }
  });

  it('agrees with the model through a long history of programs in the least memory', async () => {
    const primes = [241, 251, 257, 263, 269, 271, 277, 281];
    const mux = await Mux.load(muxModule, { ringSlotCountMax: 281 + 277 + 271 });
    for (let step = 0; step < 60; step++) {
      const program = ringsOf(...[0, 1, 2].map((offset) => primes[(step * (step % 3) + offset * 3) % primes.length]));
      mux.program(program);
      expect(agree(mux, program), `step ${step}`).toBe(true);
    }
  });

  it('another hash key gives another backend to some connections', async () => {
    const mux = await Mux.load(muxModule);
    const rekeyed = { ...ringsOf(251), flowHashKey: 'ff'.repeat(16) };
    mux.program(ringsOf(251));
    expect(agree(mux, rekeyed)).toBe(false);
    mux.program(rekeyed);
    expect(agree(mux, rekeyed)).toBe(true);
  });
});
