import { describe, expect, it } from 'vitest';
import { EdgemuxError } from '../../sdk/errors.js';
import { formatFabric, parseFabric, readFabric } from '../../sdk/resources/index.js';
import { example, type Json, problemsOf } from './example.js';

const DEPTH = 200_000;

describe('JSON that means harm', () => {
  const rows: { name: string; text: string; problems: string[] }[] = [
    { name: 'null', text: 'null', problems: ['fabric: expected object, got null'] },
    { name: 'an array for the fabric', text: '[{}]', problems: ['fabric: expected object, got [{}]'] },
    { name: 'a number for the fabric', text: '1e999', problems: ['fabric: expected object, got Infinity'] },
    {
      name: 'arrays where objects belong',
      text: '{"loadBalancers": [[]], "loadBalancerManager": [1, 2]}',
      problems: ['loadBalancers[0]: expected object, got []', 'loadBalancerManager: expected object, got [1,2]'],
    },
    {
      name: 'objects where arrays belong',
      text: '{"servers": {"length": 1, "0": {}}}',
      problems: ['servers: expected array, got {"0":{},"length":1}'],
    },
    {
      name: 'null where a resource belongs',
      text: '{"servers": [null]}',
      problems: ['servers[0]: expected object, got null'],
    },
    {
      name: 'depth where an object belongs',
      text: `{"servers": [${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}]}`,
      problems: [`servers[0]: expected object, got ${'['.repeat(79)}…`],
    },
    {
      name: 'depth where nobody looks',
      text: `{"tags": 1, "credentials": ${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}`,
      problems: [],
    },
    {
      name: 'a number no port has',
      text: '{"loadBalancers": [{"resourceId": "a", "properties": {"probes": [{"resourceId": "p", "properties": {"protocol": "Tcp", "port": 1e308}}]}}]}',
      problems: ['loadBalancers[0].properties.probes[0].properties.port: expected integer 1..65535, got 1e+308'],
    },
    {
      name: 'a long text',
      text: `{"servers": "${'x'.repeat(1_000_000)}"}`,
      problems: [`servers: expected array, got "${'x'.repeat(78)}…`],
    },
  ];
  it.each(rows)('$name', ({ text, problems }) => expect(problemsOf(JSON.parse(text))).toEqual(problems));

  it('null everywhere', () => {
    const nulls = (node: Json): Json => {
      if (Array.isArray(node)) return node.map(nulls);
      return typeof node === 'object'
        ? Object.fromEntries(Object.keys(node).map((key) => [key, nulls(node[key])]))
        : null;
    };
    expect(problemsOf(nulls(example())).length).toBeGreaterThan(20);
  });
});

describe('the example with random values in random places', () => {
  const seed = Date.now() % 2 ** 32;
  it(`is a fabric or has problems, and nothing else happens (seed ${seed})`, () => {
    const random = xorshift(seed);
    for (let i = 0; i < 4000; i++) {
      const mutant = example();
      for (let changes = 1 + random(3); changes > 0; changes--) mutate(mutant, random);
      expectFabricOrProblems(mutant, `seed ${seed}, mutant ${i}: ${JSON.stringify(mutant)}`);
    }
  });
});

function expectFabricOrProblems(mutant: Json, label: string): void {
  try {
    const fabric = parseFabric(mutant);
    expect(readFabric(formatFabric(fabric)), label).toEqual({ ...fabric, ignored: [] });
  } catch (error) {
    if (!(error instanceof EdgemuxError) || error.code !== 'ERR_RESOURCE_INVALID')
      throw new Error(label, { cause: error });
    expect(error.problems.length, label).toBeGreaterThan(0);
    for (const { path, expected, got } of error.problems) expect([path, expected, got], label).not.toContain('');
  }
}

const VALUES: readonly Json[] = [
  null,
  '',
  'x',
  '0',
  '80',
  -1,
  0,
  1,
  80,
  65536,
  1.5,
  1e300,
  true,
  'true',
  [],
  [[]],
  [null],
  {},
  [{}],
  '10.0.0.4',
  '10.0.0.0/24',
  '80.80.80.80',
  '::1',
  '001DD8000004',
  'Tcp',
  'All',
  { resourceRef: '/servers/host-2' },
  { resourceRef: '/loadBalancers/web/probes/health' },
  { resourceRef: 5 },
  { resourceId: 'web', properties: {} },
  { resourceId: 'vms' },
  JSON.parse('{"__proto__": {"resourceId": "x"}}'),
];

/** Replaces, removes or doubles one node. */
function mutate(fabric: Json, random: (below: number) => number): void {
  let holder = fabric;
  for (;;) {
    const keys = Object.keys(holder);
    if (keys.length === 0) return;
    const key = keys[random(keys.length)]!;
    const inner = holder[key];
    if (typeof inner === 'object' && inner !== null && random(5) !== 0) {
      holder = inner;
      continue;
    }
    const action = random(6);
    if (action === 0) delete holder[key];
    else if (action === 1 && Array.isArray(holder)) holder.push(structuredClone(inner));
    else holder[key] = structuredClone(VALUES[random(VALUES.length)]);
    return;
  }
}

/** Marsaglia's xorshift32: the same sequence everywhere for the same seed. */
function xorshift(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
