/** Maglev against Table 1 of its paper, and what weights do to it. */

import { describe, expect, it } from 'vitest';
import { buildRing, permutationOf } from './maglev.js';

const paper = [
  { offset: 3, skip: 4, weight: 1 },
  { offset: 0, skip: 2, weight: 1 },
  { offset: 3, skip: 1, weight: 1 },
];

describe('Maglev table', () => {
  it('is Table 1 of the paper', () => {
    expect(buildRing(paper, 7)).toEqual([1, 0, 1, 0, 2, 2, 0]);
  });

  it('is Table 1 of the paper after B1 is gone', () => {
    const [b0, , b2] = paper;
    // Only two are left, so the paper's B2 is member 1 here.
    expect(buildRing([b0!, b2!], 7)).toEqual([0, 0, 0, 0, 1, 1, 1]);
  });

  it('gives slots in proportion to weights', () => {
    const weights = [1, 2, 5];
    const members = weights.map((weight, index) => ({ ...permutationOf(`backend-${index}`, 251), weight }));
    const owners = buildRing(members, 251);
    const shares = weights.map((_, index) => owners.filter((owner) => owner === index).length);
    // 251 slots over 8 parts: 31.4, 62.8, 156.9; a round that is cut short moves each by at most one turn.
    shares.forEach((share, index) => {
      expect(Math.abs(share - (251 * weights[index]!) / 8)).toBeLessThanOrEqual(1);
    });
  });

  it('does not tell equal weights apart from each other', () => {
    expect(
      buildRing(
        paper.map((member) => ({ ...member, weight: 9 })),
        7,
      ),
    ).toEqual(buildRing(paper, 7));
  });

  it('takes offset and skip from the SHA-256 of the key', () => {
    // SHA-256("abc") = ba7816bf 8f01cfea …; 0xbf1678ba mod 251 = 111, 0xeacf018f mod 250 + 1 = 146.
    expect(permutationOf('abc', 251)).toEqual({ offset: 111, skip: 146 });
  });
});
