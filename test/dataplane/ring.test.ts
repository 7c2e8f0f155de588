/** Maglev rings as the data plane builds them: the paper's table, the model's, and the paper's promises. */

import muxModule from 'edgemux/mux-module';
import { beforeAll, describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi.js';
import { DataPlane } from '../../sdk/dataplane/instance.js';
import { permutationOf, permutationSeed } from '../../sdk/program/maglev.js';
import { buildRing, type Member, permutationOf as modelPermutation } from '../model/maglev.js';
import { Random } from '../support/random.js';

const SIZES = [251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65537];

let dataPlane: DataPlane;
beforeAll(async () => {
  dataPlane = await DataPlane.load(muxModule, 'mux');
});

/** Builds a ring in the data plane; `backends` are the numbers its slots get. */
function ringOf(members: readonly Member[], slotCount: number, backends = members.map((_, index) => index)): number[] {
  const { view } = dataPlane;
  const { base } = dataPlane.region(abi.REGION_RINGS);
  members.forEach(({ offset, skip, weight }, index) => {
    const member = dataPlane.region(abi.REGION_RING_MEMBERS).base + index * abi.RING_MEMBER_BYTES;
    view.setUint32(member + abi.RING_MEMBER_OFFSET, offset, true);
    view.setUint32(member + abi.RING_MEMBER_SKIP, skip, true);
    view.setUint32(member + abi.RING_MEMBER_WEIGHT, weight, true);
    view.setUint32(member + abi.RING_MEMBER_TURN, 0, true);
    view.setUint32(member + abi.RING_MEMBER_BACKEND, backends[index], true);
  });
  dataPlane.exports.ringBuild(base, slotCount, members.length);
  return Array.from({ length: slotCount }, (_, slot) => view.getUint16(base + slot * 2, true));
}

function member(key: string, slotCount: number, weight = 1): Member {
  return { ...modelPermutation(key, slotCount), weight };
}

function pool(count: number, slotCount: number, weightOf: (index: number) => number = () => 1): Member[] {
  return Array.from({ length: count }, (_, index) => member(`backend-${index}`, slotCount, weightOf(index)));
}

function sharesOf(ring: readonly number[], count: number): number[] {
  const shares = new Array<number>(count).fill(0);
  for (const owner of ring) shares[owner]++;
  return shares;
}

describe('ring: the table of the paper', () => {
  const paper: Member[] = [
    { offset: 3, skip: 4, weight: 1 },
    { offset: 0, skip: 2, weight: 1 },
    { offset: 3, skip: 1, weight: 1 },
  ];
  const rows = [
    { name: 'before', members: paper, backends: [0, 1, 2], ring: [1, 0, 1, 0, 2, 2, 0] },
    { name: 'after B1 is gone', members: [paper[0], paper[2]], backends: [0, 2], ring: [0, 0, 0, 0, 2, 2, 2] },
    { name: 'one member has all', members: [paper[1]], backends: [1], ring: [1, 1, 1, 1, 1, 1, 1] },
    {
      name: 'equal weights are weight 1',
      members: paper.map((each) => ({ ...each, weight: 65_535 })),
      backends: [0, 1, 2],
      ring: [1, 0, 1, 0, 2, 2, 0],
    },
    { name: 'no members', members: [], backends: [], ring: new Array(7).fill(abi.RING_SLOT_EMPTY) },
  ];
  it.each(rows)('$name', ({ members, backends, ring }) => {
    expect(ringOf(members, 7, backends)).toEqual(ring);
  });

  it('writes nothing behind its last slot', () => {
    const end = dataPlane.region(abi.REGION_RINGS).base + 7 * 2;
    dataPlane.bytes.fill(0x5a, end, end + 64);
    ringOf(paper, 7);
    expect(dataPlane.bytes.slice(end, end + 64).every((byte) => byte === 0x5a)).toBe(true);
  });
});

describe('ring: equal to the model', () => {
  it.each(SIZES)('%i slots, random members and weights', (slotCount) => {
    const random = new Random(slotCount);
    for (let round = 0; round < 3; round++) {
      const count = random.between(1, 40);
      const members = pool(count, slotCount, () => random.pick([1, 1, 2, 3, 10, 100]));
      expect(ringOf(members, slotCount)).toEqual(buildRing(members, slotCount));
    }
  });

  it('more members than slots', () => {
    const members = pool(300, 251);
    expect(ringOf(members, 251)).toEqual(buildRing(members, 251));
  });

  it('the largest step at the largest size, where offset + j · skip leaves 32 bits', () => {
    const members = [
      { offset: 65_536, skip: 65_536, weight: 1 },
      { offset: 65_536, skip: 65_535, weight: 1 },
    ];
    expect(ringOf(members, 65_537)).toEqual(buildRing(members, 65_537));
  });

  it.each(SIZES)('offset and skip out of the key, %i slots', (slotCount) => {
    for (const key of ['', 'abc', '/networkInterfaces/vm-1-nic/ipConfigurations/ip1', 'schlüssel']) {
      expect(permutationOf(permutationSeed(key), slotCount)).toEqual(modelPermutation(key, slotCount));
    }
  });
});

describe('ring: balance', () => {
  it.each([1, 2, 3, 10, 250, 251])('%i members of equal weight have shares that differ by one at most', (count) => {
    const shares = sharesOf(ringOf(pool(count, 251), 251), count);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
  });

  it.each([{ weights: [1, 2] }, { weights: [1, 2, 3, 4] }, { weights: [1, 100] }, { weights: [65_535, 65_534, 1] }])(
    'weights $weights give shares in proportion, within a turn of each',
    ({ weights }) => {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const shares = sharesOf(
        ringOf(
          pool(weights.length, 65_537, (index) => weights[index]),
          65_537,
        ),
        weights.length,
      );
      shares.forEach((share, index) => {
        expect(Math.abs(share - (65_537 * weights[index]) / total)).toBeLessThanOrEqual(2);
      });
    },
  );
});

describe('ring: disruption', () => {
  /** The part of the slots that belong to members of both pools and change hands between those. */
  function moved(before: readonly number[], after: readonly number[], gone: number): number {
    return before.filter((owner, slot) => owner !== gone && after[slot] !== owner).length / before.length;
  }

  it.each([3, 10, 50])('one of %i members goes: few slots of the others change hands', (count) => {
    const members = pool(count, 65_537);
    const others = members.map((_, index) => index).filter((index) => index !== 1);
    const before = ringOf(members, 65_537);
    const after = ringOf(
      others.map((index) => members[index]),
      65_537,
      others,
    );
    expect(after).not.toContain(1);
    // NSDI'16 section 5.3: at 65,537 slots a failing backend moves well under 5 % of the other connections.
    expect(moved(before, after, 1)).toBeLessThan(0.05);
  });

  it('a member that comes back finds the ring as it was', () => {
    const members = pool(10, 65_537);
    const before = ringOf(members, 65_537);
    ringOf(members.slice(1), 65_537);
    expect(ringOf(members, 65_537)).toEqual(before);
  });
});
