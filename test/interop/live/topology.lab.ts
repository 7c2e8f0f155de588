/**
 * A topology that somebody else has built, with a test of its own that knows nothing of us: `EDGEMUX_TOPOLOGY` names a script
 * that takes `up`, `test` and `down`, and leaves the places of MUXes and hosts free with MUX=none HOST=none. Its offloads
 * stay on, so checksums are unfinished and frames larger than the MTU.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { waitFor } from '../../../sdk/appliance/lab/wait.js';
import { CLI } from '../../appliance/cli.js';
import { topologyFabric } from './topology-fabric.js';

const SCRIPT = process.env.EDGEMUX_TOPOLOGY ?? '';
const SUFFIX = `-emx-${process.pid}`;
const START_MS_MAX = 30_000;
/** The script's, for all its commands. */
const SETTINGS = { MUX: 'none', HOST: 'none', S: SUFFIX, RUN: `/run/lab-topology${SUFFIX}` };

/**
 * What the script looks for with tcpdump inside the namespaces of hosts leaves them by AF_XDP, past tcpdump: with xdp ports
 * that one of its checks is blind.
 */
const ROWS = [
  { router: 'bird', mux: 'packet', host: 'packet' },
  { router: 'frr', mux: 'packet', host: 'packet' },
  { router: 'bird', mux: 'xdp', host: 'packet' },
  { router: 'frr', mux: 'xdp', host: 'xdp' },
] as const;

const running: ChildProcess[] = [];

function script(command: string, router: string): { status: number | null; stdout: string } {
  const env = { ...process.env, ...SETTINGS, ROUTER: router };
  return spawnSync('bash', [SCRIPT, command], { env, encoding: 'utf8' });
}

function start(namespace: string, ...args: string[]): void {
  const command = ['netns', 'exec', namespace, process.execPath, CLI, ...args];
  running.push(spawn('ip', command, { stdio: ['ignore', 'ignore', 'inherit'] }));
}

function vmMac(number: number): string {
  const text = execFileSync('ip', ['-n', `lab-v${number}${SUFFIX}`, '-json', 'link', 'show', 'eth0'], {
    encoding: 'utf8',
  });
  return JSON.parse(text)[0].address;
}

function nextHopCount(): number {
  const args = ['-n', `lab-rt${SUFFIX}`, '-json', 'route', 'show', '203.0.113.7'];
  const [route] = JSON.parse(execFileSync('ip', args, { encoding: 'utf8' }).trim() || '[]');
  return route?.nexthops?.length ?? 0;
}

describe.skipIf(SCRIPT === '')(SCRIPT || 'EDGEMUX_TOPOLOGY is not set', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edgemux-topology-'));
  const fabric = join(folder, 'fabric.json');

  afterAll(() => rmSync(folder, { recursive: true }));

  afterEach(async () => {
    const ended = running.map((one) => once(one, 'exit'));
    for (const one of running.splice(0)) one.kill('SIGTERM');
    const codes = (await Promise.all(ended)).map(([code]) => code);
    script('down', 'bird');
    expect(codes).toEqual([0, 0, 0, 0]);
  });

  test.each(ROWS)('router $router, MUX ports $mux, host ports $host', async ({ router, mux, host }) => {
    expect(script('up', router).status).toBe(0);
    writeFileSync(fabric, JSON.stringify(topologyFabric([vmMac(1), vmMac(2)])));
    for (const n of [1, 2]) {
      start(`lab-m${n}${SUFFIX}`, 'mux', fabric, '--mux', `mux-${n}`, '--port', `${mux}:up0`);
      start(`lab-h${n}${SUFFIX}`, 'host', fabric, '--host', `host-${n}`, '--port', `${host}:up0`, '--vm', `${host}:vm`);
    }
    await waitFor('two next hops', () => nextHopCount() === 2, START_MS_MAX);
    const { stdout } = script('test', router);
    console.log(stdout);
    expect(stdout).toMatch(
      /== 100 requests\n +\d+ v1 198\.51\.100\.10 10\.3\.1\.2\n +\d+ v2 198\.51\.100\.10 10\.3\.2\.2\n/,
    );
    expect(stdout).toContain('  m1 0\n  m2 0\n');
    expect(stdout).toContain('200 5000000 B');
    if (host === 'packet') expect(stdout).toContain('RESULT ok');
  });
});
