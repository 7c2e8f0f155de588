/** Labs that come and go: twice, side by side, half built, interrupted, where something is missing. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { missingOf } from '../../../sdk/appliance/lab/needs.js';
import { ROUTER_KINDS } from '../../../sdk/appliance/lab/routers/kinds.js';
import { waitFor } from '../../../sdk/appliance/lab/wait.js';
import { CLI } from '../../appliance/cli.js';
import { cleanUp, lab, labName, namespacesOf, startLab, whyNoLab } from './live-lab.js';

const UP = ['up', '--router', 'bird', '--data-plane', 'kernel'];
const NOBODY = 65_534;
const BUILDING_MS_MAX = 10_000;

const reason = missingOf(ROUTER_KINDS.bird.needs).length > 0 ? 'BIRD is not installed' : whyNoLab();
if (reason !== undefined) console.warn(`skipped: ${reason}`);
cleanUp();

function up(name: string, ...more: string[]) {
  return lab(...UP, '--name', name, ...more);
}

function curl(name: string, url: string): string {
  return spawnSync('ip', ['netns', 'exec', `${name}-client`, 'curl', '-sS', '-m', '3', url], { encoding: 'utf8' })
    .stdout;
}

/** Whether that user may read these files at all. */
function canRunAs(uid: number): boolean {
  return spawnSync(process.execPath, [CLI, '--version'], { uid }).status === 0;
}

function expectNothingOf(name: string): void {
  expect(namespacesOf(name)).toEqual([]);
  expect(existsSync(`/run/edgemux-lab/${name}`)).toBe(false);
}

describe.skipIf(reason !== undefined)('lab up, lab down', () => {
  test('two side by side; a second one of the same name is refused', () => {
    const [one, other] = [labName(), labName()];
    for (const name of [one, other]) {
      const { status, stdout, stderr } = up(name);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain(`ip netns exec ${name}-client curl http://203.0.113.7/`);
    }
    expect(up(one)).toEqual({
      status: 1,
      stdout: '',
      stderr: `error: there is a lab ${one} already: edgemux lab down --name ${one}\n`,
    });
    expect(lab('down', '--name', one)).toEqual({ status: 0, stdout: '', stderr: '' });
    expectNothingOf(one);
    expect(curl(other, 'http://203.0.113.7/')).toMatch(/^vm-[12] 198\.51\.100\.10 10\.0\.0\.1[12]\n$/);
    expect(curl(other, 'http://[2001:db8:7::7]/')).toMatch(/^vm-[12] 2001:db8:c::10 2001:db8:a:1::1[12]\n$/);
    lab('down', '--name', other);
    expectNothingOf(other);
    expect(lab('down', '--name', other)).toEqual({ status: 0, stdout: '', stderr: `note: there is no lab ${other}\n` });
  });

  test('the builder is killed half-way: up says so, down removes what there is', async () => {
    const name = labName();
    const building = startLab(...UP, '--name', name);
    await waitFor('some namespaces', () => namespacesOf(name).length > 2, BUILDING_MS_MAX, 10);
    building.kill('SIGKILL');
    await once(building, 'exit');
    const { status, stderr } = up(name);
    expect([status, stderr]).toEqual([
      1,
      `error: there is a lab ${name} already, half built: edgemux lab down --name ${name}\n`,
    ]);
    expect(lab('down', '--name', name).status).toBe(0);
    expectNothingOf(name);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('the builder is interrupted by %s: nothing is left', async (signal) => {
    const name = labName();
    const building = startLab(...UP, '--name', name);
    await waitFor('some namespaces', () => namespacesOf(name).length > 2, BUILDING_MS_MAX, 10);
    building.kill(signal);
    const [code] = await once(building, 'exit');
    expect(code).toBe(signal === 'SIGINT' ? 130 : 143);
    expectNothingOf(name);
  });

  test('--json names every process', () => {
    const name = labName();
    const { status, stdout, stderr } = lab('up', '--name', name, '--json');
    expect([status, stderr]).toEqual([0, '']);
    const { processes } = JSON.parse(stdout);
    expect(processes.map((one: { name: string }) => one.name).sort()).toEqual(
      ['bird', 'host-1', 'host-2', 'mux-1', 'mux-2', 'web-1', 'web-2', 'web-client'].sort(),
    );
    lab('down', '--name', name);
    expectNothingOf(name);
  });

  test('a namespace of somebody else is not touched', () => {
    const name = labName();
    spawnSync('ip', ['netns', 'add', `${name}-client`]);
    try {
      const { status, stderr } = up(name);
      expect([status, stderr]).toEqual([
        1,
        `error: there is a namespace ${name}-client that is of no lab: choose another --name\n`,
      ]);
      expect(namespacesOf(name)).toEqual([`${name}-client`]);
    } finally {
      spawnSync('ip', ['netns', 'del', `${name}-client`]);
    }
  });

  test('--empty: what it prints fills the places', async () => {
    const name = labName();
    const { stdout } = lab('up', '--empty', '--name', name, '--json');
    const { free } = JSON.parse(stdout) as { free: { namespace: string; command: string[] }[] };
    expect(free).toHaveLength(4);
    const running = free.map(({ namespace, command: [, ...args] }) =>
      spawn('ip', ['netns', 'exec', namespace, process.execPath, CLI, ...args], { stdio: 'ignore' }),
    );
    await waitFor('an answer', () => curl(name, 'http://203.0.113.7/').startsWith('vm-'), 30_000);
    const ended = running.map((one) => once(one, 'exit'));
    for (const one of running) one.kill('SIGTERM');
    expect((await Promise.all(ended)).map(([code]) => code)).toEqual([0, 0, 0, 0]);
    lab('down', '--name', name);
    expectNothingOf(name);
  });
});

describe('what is missing is said in one line', () => {
  test.skipIf(process.platform !== 'linux')('programs: the line that installs them', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'lab', 'up', '--name', labName()], {
      encoding: 'utf8',
      env: { PATH: '/nonexistent' },
    });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: not installed: .*\bcurl\b.*; this installs them: apt-get install .*\bcurl\b.*\n$/);
  });

  test.skipIf(reason !== undefined || !canRunAs(NOBODY))('root', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'lab', 'up', '--name', labName()], {
      encoding: 'utf8',
      uid: NOBODY,
    });
    expect([status, stdout, stderr]).toEqual([1, '', 'error: not permitted: network namespaces take root\n']);
  });
});
