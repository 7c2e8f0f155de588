/** Coverage of a datagram, by hand, and what is kept for how long. */

import { describe, expect, it } from 'vitest';
import { muxProgram } from '../support/programs.js';
import { Datagram, FragmentTable, isImpossible } from './fragments.js';
import type { FragmentPart } from './ipv6.js';

/** Bytes `start` to `end` of a datagram. */
function part(start: number, end: number, hasMore = true): FragmentPart {
  return { protocol: 17, identification: 1, offsetBytes: start, hasMore, data: new Uint8Array(end - start) };
}

const choice = { service: undefined, backend: muxProgram.backends[0]!, hash: 0n };

describe('a fragment that cannot be', () => {
  it.each([
    { name: 'no data', given: part(8, 8, false), impossible: true },
    { name: 'a middle of 9 bytes', given: part(8, 17), impossible: true },
    { name: 'an end of 9 bytes', given: part(8, 17, false), impossible: false },
    { name: 'up to the last byte', given: part(65528, 65535, false), impossible: false },
    { name: 'one byte more', given: part(65528, 65536, false), impossible: true },
  ])('$name: $impossible', ({ given, impossible }) => {
    expect(isImpossible(given)).toBe(impossible);
  });
});

describe('parts of a datagram', () => {
  it('in any order fit together', () => {
    const datagram = new Datagram(choice, part(0, 16), 0);
    for (const given of [part(24, 32), part(16, 24), part(32, 33, false)]) {
      expect(datagram.refuse(given)).toBeUndefined();
      datagram.cover(given);
    }
  });

  it.each([
    { name: 'the same again', given: part(0, 16) },
    { name: 'in its last unit', given: part(8, 24) },
    { name: 'around it', given: part(0, 64) },
  ])('an overlap ends it: $name', ({ given }) => {
    const datagram = new Datagram(choice, part(0, 16), 0);
    expect(datagram.refuse(given)).toBe('fragment-overlap');
    expect(datagram.refuse(part(800, 808))).toBe('fragment-overlap');
  });

  it('the last one rounds up to whole units', () => {
    const datagram = new Datagram(choice, part(0, 8), 0);
    datagram.cover(part(8, 17, false));
    expect(datagram.refuse(part(16, 24))).toBe('fragment-overlap');
  });

  it('a ninth gap is too many until one is closed', () => {
    const datagram = new Datagram(choice, part(0, 8), 0);
    for (let start = 16; start < 128; start += 16) datagram.cover(part(start, start + 8));
    expect(datagram.refuse(part(128, 136))).toBe('fragment-limit');
    const between = part(8, 16);
    expect(datagram.refuse(between)).toBeUndefined();
    datagram.cover(between);
    expect(datagram.refuse(part(128, 136))).toBeUndefined();
  });
});

describe('fragments that are kept', () => {
  const frame = new Uint8Array(60);
  const held = (key: string, tick = 0) => ({ key, frame, link: 'bare' as const, tick });

  it('go with their datagram in order of arrival, as far as there is room', () => {
    const table = new FragmentTable();
    for (const key of ['a', 'b', 'a', 'a']) expect(table.hold(held(key))).toBe(true);
    table.pin('a', choice, part(0, 8), 0);
    expect(table.release(0, 2).released).toHaveLength(2);
    expect(table.release(0, 2).released).toHaveLength(1);
    expect(table.release(0, 2).released).toHaveLength(0);
  });

  it('are 64 of 2,048 bytes at most', () => {
    const table = new FragmentTable();
    expect(table.hold({ ...held('a'), frame: new Uint8Array(2049) })).toBe(false);
    for (let count = 0; count < 64; count++) {
      expect(table.hold({ ...held('a'), frame: new Uint8Array(2048) })).toBe(true);
    }
    expect(table.hold(held('a'))).toBe(false);
  });

  it('are given up after 30 ticks, and a datagram is forgotten after as many', () => {
    const table = new FragmentTable();
    table.hold(held('a', 5));
    table.release(34, 9);
    table.pin('a', choice, part(0, 8), 34);
    expect(table.release(34, 9).released).toHaveLength(1);
    table.hold(held('b', 5));
    table.release(35, 9);
    table.pin('b', choice, part(0, 8), 35);
    expect(table.release(35, 9).released).toHaveLength(0);
    expect([table.datagram('b', 64), table.datagram('b', 65)].map((one) => one !== undefined)).toEqual([true, false]);
  });
});
