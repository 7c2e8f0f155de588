/** The fabric file, which every command reads, and `edgemux check`, which says what is wrong with it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DUAL_STACK, edgemux, FABRIC, temporaryFolder } from './cli.js';

const file = temporaryFolder();
const text = readFileSync(FABRIC, 'utf8');

/** The example with the text of one value replaced. */
function fabricWith(name: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the example has no ${from}`);
  writeFileSync(file(name), text.replace(from, to));
  return file(name);
}

/** What check says of the example beside its verdict. */
const NOTES = [
  'loadBalancers[0].properties.probes[0] is run by a controller',
  'loadBalancerMuxes[0].properties.routerConfiguration.peerRouterConfigurations[0] is not spoken to by the program of a MUX',
  'loadBalancerMuxes[1].properties.routerConfiguration.peerRouterConfigurations[0] is not spoken to by the program of a MUX',
];

function expectNotes(stderr: string): void {
  const lines = stderr.trimEnd().split('\n');
  expect(lines).toEqual(NOTES.map((text) => expect.stringContaining(`note: ${text}`)));
}

test('check counts what is in a sound fabric, and notes what no program of it does', () => {
  const { status, stdout, stderr } = edgemux(['check', FABRIC]);
  expect([status, stdout]).toEqual([0, `ok ${FABRIC}: 2 hosts, 2 MUXes, 1 frontend, 5 rules, 2 DIPs\n`]);
  expectNotes(stderr);
});

test('check counts instance-level addresses where there are some', () => {
  expect(edgemux(['check', DUAL_STACK]).stdout).toBe(
    `ok ${DUAL_STACK}: 3 hosts, 2 MUXes, 3 frontends, 5 rules, 9 DIPs, 2 instance-level addresses\n`,
  );
});

test('check --json counts the same', () => {
  const { notes, ...rest } = JSON.parse(edgemux(['check', FABRIC, '--json']).stdout);
  expect(rest).toEqual({
    valid: true,
    problems: [],
    ignored: [],
    counts: { hosts: 2, muxes: 2, vips: 1, rules: 5, dips: 2, instanceAddresses: 0 },
  });
  expect(notes).toHaveLength(NOTES.length);
  expect(notes[0]).toEqual({
    path: 'loadBalancers[0].properties.probes[0]',
    text: expect.stringContaining('is run by a controller'),
  });
});

test('check reads standard input when the fabric is -', () => {
  const { status, stderr } = edgemux(['check', '-'], text);
  expect(status).toBe(0);
  expectNotes(stderr);
});

test('check warns of what means nothing to edgemux', () => {
  const { status, stderr } = edgemux(['check', fabricWith('typo.json', '"servers"', '"serverz": [], "servers"')]);
  expect(status).toBe(0);
  expect(stderr.split('\n')[0]).toBe('warning: serverz means nothing to edgemux and was ignored');
});

const PROBLEMS = [
  { from: '"frontendPort": 53,', to: '"frontendPort": 99999,', expected: 'integer 0..65534', got: '99999' },
  { from: '/servers/host-2', to: '/servers/host-9', expected: 'an existing server', got: '"/servers/host-9"' },
];
const PATHS = [
  'loadBalancers[0].properties.loadBalancingRules[1].properties.frontendPort',
  'networkInterfaces[1].properties.server.resourceRef',
];

test.each(PROBLEMS.map((problem, at) => ({ ...problem, path: PATHS[at] as string })))(
  'check names the problem at $path',
  ({ from, to, path, expected, got }) => {
    const { status, stdout, stderr } = edgemux(['check', fabricWith('bad.json', from, to)]);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.split('\n')[1]).toBe(`  ${path}: expected ${expected}, got ${got}`);
  },
);

test('check --json lists every problem at once', () => {
  const once = readFileSync(fabricWith('bad.json', PROBLEMS[0]!.from, PROBLEMS[0]!.to), 'utf8');
  writeFileSync(file('bad.json'), once.replace(PROBLEMS[1]!.from, PROBLEMS[1]!.to));
  const { status, stdout, stderr } = edgemux(['check', file('bad.json'), '--json']);
  expect([status, stderr]).toEqual([1, '']);
  const { valid, code, problems } = JSON.parse(stdout);
  expect({ valid, code }).toEqual({ valid: false, code: 'ERR_RESOURCE_INVALID' });
  expect(problems).toHaveLength(2);
  for (const [at, { expected, got }] of PROBLEMS.entries()) {
    expect(problems).toContainEqual({ path: PATHS[at], expected, got });
  }
});

// What every command says of a fabric it cannot use.

const UNUSABLE: readonly [name: string, path: () => string, reason: RegExp][] = [
  ['is missing', () => file('missing.json'), /cannot read .*missing\.json: no such file or directory/],
  ['is a directory', () => makeDirectory(), /cannot read .*directory: it is a directory/],
  [
    'is not JSON',
    () => fabricWith('cut.json', '"servers": [', '"servers": ['.slice(0, -1)),
    /not JSON: .* at line \d+/,
  ],
  ['is empty', () => write('empty.json', ''), /not JSON: .* at line 1/],
  ['is an array', () => write('array.json', '[]'), /problem/],
];

const COMMANDS: readonly [name: string, args: (fabric: string) => string[]][] = [
  ['check', (fabric) => ['check', fabric]],
  ['compile', (fabric) => ['compile', fabric, '--mux', 'mux-1']],
  ['explain', (fabric) => ['explain', fabric, '--mux', 'mux-1', '--flow', 'tcp 192.0.2.7:4000 > 80.80.80.80:80']],
  ['replay', (fabric) => ['replay', fabric, '--mux', 'mux-1', '--in', 'a.pcap', '--out', file('b.pcap')]],
  ['demo', (fabric) => ['demo', fabric, '--connections', '1']],
];

test.each(UNUSABLE)('a fabric that %s: exit code 1 and a reason, for every command', (_, path, reason) => {
  for (const [command, args] of COMMANDS) {
    const { status, stdout, stderr } = edgemux(args(path()));
    expect([status, stdout], command).toEqual([1, '']);
    expect(stderr, command).toMatch(reason);
    expect(stderr, command).not.toContain('    at ');
  }
});

test('with --json a failure is JSON on standard output', () => {
  const { status, stdout, stderr } = edgemux(['compile', file('missing.json'), '--mux', 'mux-1', '--json']);
  const message = `cannot read ${file('missing.json')}: no such file or directory`;
  expect([status, stderr]).toEqual([1, '']);
  expect(JSON.parse(stdout)).toEqual({ error: { code: 'ERR_FILE', message, problems: [] } });
});

test.each([
  ['--mux', 'mux-9', 'loadBalancerMuxes: expected one of mux-1, mux-2, got "mux-9"'],
  ['--host', 'mux-1', 'servers: expected one of host-1, host-2, got "mux-1"'],
])('%s %s is unknown, and the known ones are named', (option, id, reason) => {
  const { status, stdout, stderr } = edgemux(['compile', FABRIC, option, id]);
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toContain(reason);
});

function makeDirectory(): string {
  mkdirSync(file('directory'), { recursive: true });
  return file('directory');
}

function write(name: string, content: string): string {
  writeFileSync(file(name), content);
  return file(name);
}
