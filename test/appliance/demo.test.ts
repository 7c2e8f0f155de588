/** `edgemux demo`: the walk, the count of broken connections, and how it writes. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { CLI, edgemux, edgemuxJson, FABRIC, type Outcome, temporaryFolder } from './cli.js';

const file = temporaryFolder();
const VIP_END = '80.80.80.80:80';

interface Hop {
  readonly from: string;
  readonly to: string;
  readonly action: string;
  readonly frame: string;
  readonly changed: readonly { field: string; before?: unknown; after?: unknown }[];
}

describe('--json', () => {
  let outcome: Outcome;
  let walk: readonly Hop[];
  beforeAll(() => {
    outcome = edgemux(['demo', '--json', '--connections', '500']);
    ({ walk } = JSON.parse(outcome.stdout));
  });

  test('is all there is on standard output', () => {
    expect([outcome.status, outcome.stderr]).toEqual([0, '']);
    expect(Object.keys(JSON.parse(outcome.stdout))).toEqual(expect.arrayContaining(['walk', 'connections', 'broken']));
  });

  test('no connection breaks when a MUX is lost, none when a VM moves', () => {
    const { connections, broken } = JSON.parse(outcome.stdout);
    expect({ connections, broken }).toEqual({ connections: 500, broken: { muxLoss: 0, vmMove: 0 } });
  });

  test('the walk goes through a MUX to the VM, and straight back', () => {
    const [mux, host, vm] = [walk[1]?.to, walk[2]?.to, walk[3]?.to] as string[];
    expect(walk.map(({ from, to }) => [from, to])).toEqual([
      ['client', 'edge router'],
      ['edge router', mux],
      [mux, host],
      [host, vm],
      [vm, host],
      [host, 'edge router'],
      ['edge router', 'client'],
    ]);
    expect([mux, host, vm]).toEqual(
      [/^mux-[12]$/, /^host-[12]$/, /^vm-[12]-nic$/].map((name) => expect.stringMatching(name)),
    );
  });

  /** Source and destination of the innermost packet of each hop: client (C), VIP (V), DIP (D). */
  test('the client sees the VIP alone, the VM sees its own address', () => {
    const client = / (198\.51\.100\.\d+:\d+) > /.exec(walk[0]!.frame)![1]!;
    const names = (end: string) =>
      end === client ? 'C' : end === VIP_END ? 'V' : /^10\.0\.0\.[45]:8080$/.test(end) ? 'D' : end;
    const ends = walk.map(({ frame }) => {
      const [, source, destination] = [...frame.matchAll(/(\d+\.\d+\.\d+\.\d+:\d+) > (\d+\.\d+\.\d+\.\d+:\d+)/g)].at(
        -1,
      )!;
      return `${names(source!)} > ${names(destination!)}`;
    });
    expect(ends).toEqual(['C > V', 'C > V', 'C > V', 'C > D', 'D > C', 'V > C', 'V > C']);
  });

  test('the MUX adds the headers of VXLAN, the host takes them away', () => {
    const outer = (hop: Hop, side: 'before' | 'after') =>
      hop.changed.filter((change) => change.field.startsWith('outer.vxlan') && change[side] !== undefined).length;
    const [, , fromMux, fromHost] = walk as [Hop, Hop, Hop, Hop];
    expect([outer(fromMux, 'before'), outer(fromHost, 'after')]).toEqual([0, 0]);
    expect(outer(fromMux, 'after')).toBeGreaterThan(0);
    expect(outer(fromHost, 'before')).toBe(outer(fromMux, 'after'));
  });
});

describe('in words', () => {
  let outcome: Outcome;
  beforeAll(() => {
    outcome = edgemux(['demo', '--connections', '20', '--pcap', file('captures')]);
  });

  test('seven hops, two events, and nothing broken', () => {
    expect([outcome.status, outcome.stderr]).toEqual([0, '']);
    expect(outcome.stdout.match(/^\d\. .* → /gm)).toHaveLength(7);
    expect(outcome.stdout.match(/ 0 of 20 broken/g)).toHaveLength(2);
  });

  test('without colours, as standard output is no terminal', () => {
    expect(outcome.stdout).not.toContain('\u001b');
  });

  test('it names every capture it has written', () => {
    const named = outcome.stdout.split('Captures: ')[1]!.trim().split(' ');
    expect(named.sort()).toEqual(
      readdirSync(file('captures'))
        .map((name) => file(`captures/${name}`))
        .sort(),
    );
  });

  test('twice says the same', () => {
    expect(edgemux(['demo', '--connections', '20', '--pcap', file('captures')]).stdout).toBe(outcome.stdout);
  });
});

test('a reader that leaves early, as head -1 does, is no failure', async () => {
  const child = spawn(process.execPath, [CLI, 'demo', '--connections', '20']);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdout.destroy();
  const status = await new Promise((resolve) => child.on('close', resolve));
  expect([status, stderr]).toEqual([0, '']);
});

test('a fabric with nothing to show: exit code 1 and one line', () => {
  const stderr = 'error: the demo needs a MUX and a TCP load balancing rule with members\n';
  expect(edgemux(['demo', '-'], '{}')).toEqual({ status: 1, stdout: '', stderr });
});

test('--pcap where a file stands: exit code 1, and the file stays', () => {
  writeFileSync(file('taken'), 'mine');
  const { status, stderr } = edgemux(['demo', '--connections', '1', '--pcap', file('taken')]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: cannot write .*taken: .*\n$/);
  expect(readFileSync(file('taken'), 'utf8')).toBe('mine');
});

// The count of broken connections can be other than 0.
test('another fabric can be shown: one MUX, whose loss is the loss of all', () => {
  const fabric = JSON.parse(readFileSync(FABRIC, 'utf8'));
  fabric.loadBalancerMuxes.length = 1;
  const alone = edgemuxJson(['demo', '--connections', '5', '-'], JSON.stringify(fabric));
  expect(alone.broken.muxLoss).toBe(5);
});
