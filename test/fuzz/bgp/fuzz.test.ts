/** What fuzzing BGP found stays found; a short run of it; and the fuzzer reaches what it is there to reach. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Random } from '../../support/random.js';
import { attack } from './attack.js';
import { bytesOf, group, leaf, mutate } from './field.js';
import { randomMessage } from './grammar.js';
import { type Input, randomInput, readInput, writeInput } from './input.js';
import { read } from './reading.js';

const CRASHERS = new URL('crashers/', import.meta.url);
const crashers = existsSync(CRASHERS) ? readdirSync(CRASHERS) : [];
const INPUT_COUNT = 20_000;
const ATTACK_COUNT = 150;

/** Everything an input may come to. */
const REACHED = [
  'open',
  'update',
  'update, treat-as-withdraw',
  'update, attribute-discard',
  'notification',
  'keepalive',
  'route-refresh',
  'ends with 1/1',
  'ends with 1/2',
  'ends with 1/3',
  'ends with 2/0',
  'ends with 2/1',
  'ends with 2/4',
  'ends with 2/6',
  'ends with 3/1',
];

describe('BGP crashers', () => {
  it.each(crashers)('%s no longer crashes', (name) => {
    expect(read(readInput(readFileSync(new URL(name, CRASHERS), 'utf8'))).complaint).toBeUndefined();
  });

  it('are read as they were written', () => {
    const input = randomInput(7);
    expect(readInput(writeInput(input, 'something'))).toEqual(input);
  });
});

describe('fuzzing BGP', () => {
  it(`finds nothing in ${INPUT_COUNT.toLocaleString('en')} streams, and reaches every end`, () => {
    const reached = new Set<string>();
    for (let seed = 1; seed <= INPUT_COUNT; seed++) {
      const { outcomes, complaint } = read(randomInput(seed));
      if (complaint !== undefined) expect.fail(`seed ${seed}: ${complaint}`);
      for (const outcome of outcomes) reached.add(outcome);
    }
    expect(REACHED.filter((outcome) => !reached.has(outcome))).toEqual([]);
  });

  it(`finds nothing in ${ATTACK_COUNT} attacks on a speaker`, async () => {
    const kinds = new Set<string>();
    for (let seed = 1; seed <= ATTACK_COUNT; seed++) {
      const { complaint, received } = await attack(seed);
      if (complaint !== undefined) expect.fail(`seed ${seed}: ${complaint}`);
      for (const [kind, count] of Object.entries(received)) if (count > 0) kinds.add(kind);
    }
    expect([...kinds].sort()).toEqual(['keepalive', 'notification', 'open', 'route-refresh', 'update']);
  });

  it.each(['open', 'update', 'notification', 'keepalive', 'route-refresh'] as const)(
    'begins with an %s that is right',
    (name) => {
      const random = new Random(1);
      for (let i = 0; i < 300; i++) {
        const frame = bytesOf(randomMessage(name, random, 4));
        if (frame.length > 4096) continue;
        const input: Input = {
          about: name,
          agreement: {
            fourOctetAs: true,
            isExternal: true,
            families: new Set(['ipv4', 'ipv6']),
            extendedNextHop: new Set(['ipv4']),
          },
          segments: [frame],
        };
        expect(read(input).outcomes[0]?.split(',')[0]).toBe(name);
      }
    },
  );
});

describe('the fuzzer itself', () => {
  const message = () => group('message', 0, [leaf('type', 1), group('list', 2, [leaf('a', 1, 2), leaf('b', 3)])]);

  it('counts what a length counts', () => {
    expect([...bytesOf(message())]).toEqual([1, 0, 3, 1, 2, 3]);
  });

  it('lies about a length and leaves the rest alone', () => {
    const lying = message();
    (lying.fields[1] as { lengthError: number }).lengthError = 2;
    expect([...bytesOf(lying)]).toEqual([1, 0, 5, 1, 2, 3]);
  });

  it('changes messages in many ways', () => {
    const random = new Random(1);
    const changed = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const one = message();
      mutate(one, random);
      changed.add(bytesOf(one).join());
    }
    expect(changed.size).toBeGreaterThan(50);
  });

  it('sees an error that is no NOTIFICATION', () => {
    const frame = bytesOf(randomMessage('update', new Random(1), 4));
    const agreement = {} as Input['agreement'];
    expect(read({ about: 'nothing agreed', agreement, segments: [frame] }).complaint).toMatch(/^TypeError/);
  });
});
