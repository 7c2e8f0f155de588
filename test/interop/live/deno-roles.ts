/** What MUXes and host agents do under Deno, started as the lab says, with no permission but those the help names. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, expect } from 'vitest';
import { missingOf } from '../../../sdk/appliance/lab/needs.js';
import { ROUTER_KINDS } from '../../../sdk/appliance/lab/routers/kinds.js';
import { runtimeOf } from '../../../sdk/appliance/lab/runtimes.js';
import { waitFor } from '../../../sdk/appliance/lab/wait.js';
import { lab, labName, whyNoLab } from './live-lab.js';

const PATIENCE_MS = 30_000;

/** A router that is installed. */
const router = (['bird', 'frr', 'gobgp'] as const).find((name) => missingOf(ROUTER_KINDS[name].needs).length === 0);

/** Why there can be no roles under Deno in a lab here; `undefined` when there can. */
export function whyNoDenoLab(): string | undefined {
  if (missingOf(runtimeOf('deno').needs).length > 0) return 'there is no deno in PATH, and none named by EDGEMUX_DENO';
  return router === undefined ? 'no router is installed' : whyNoLab();
}

/** Requests, transfers, a changed file, a fabric Deno cannot have, SIGHUP, SIGTERM: in a lab of its own with these ports. */
export async function checkRolesUnderDeno(port: 'xdp' | 'packet' | 'tun'): Promise<void> {
  const name = labName();
  const { stdout, stderr, status } = lab(
    ...['up', '--empty', '--runtime', 'deno', '--port', port, '--router', router as string],
    ...['--name', name, '--json'],
  );
  expect([status, stderr]).toEqual([0, '']);
  const { free, fabric } = JSON.parse(stdout) as {
    fabric: string;
    free: { place: string; namespace: string; command: string[] }[];
  };
  const all = free.map(({ place, namespace, command }) => start(place, namespace, command));
  const [one, other] = all as [Agent, Agent];
  await waitFor('both MUXes', () => nextHops(name).length === 2, PATIENCE_MS);
  for (const url of ['http://203.0.113.7/', 'http://[2001:db8:7::7]/']) {
    await waitFor(`an answer of ${url}`, () => curl(name, url).startsWith('vm-'), PATIENCE_MS);
  }

  // Requests, 50 MB there and back, UDP, NAT rules: IPv4 and IPv6.
  const { checks } = JSON.parse(lab('test', '--name', name, '--quick', '--only', 'IPv', '--json').stdout);
  expect(checks.length).toBeGreaterThan(8);
  expect(checks.filter(({ outcome }: { outcome: string }) => outcome !== 'ok')).toEqual([]);

  const original = readFileSync(fabric, 'utf8');
  const changed = withHttpPort(original, 8888);
  const reloaded = await nextEvent(one, 'reload', () => replaceFile(fabric, changed));
  expect(reloaded).toMatchObject({ why: 'file changed', added: 0, removed: 0 });
  await waitFor(
    'an answer under the other port',
    () => curl(name, 'http://203.0.113.7:8888/').startsWith('vm-'),
    PATIENCE_MS,
  );
  const refused = await nextEvent(one, 'error', () => replaceFile(fabric, withBfd(changed)));
  expect(refused.message).toBe(
    'router edge: BFD needs Node, and this is Deno: take bfd out of the fabric, or run this by Node',
  );
  expect(curl(name, 'http://203.0.113.7:8888/')).toMatch(/^vm-/);
  await nextEvent(one, 'reload', () => replaceFile(fabric, original));
  expect(await nextEvent(one, 'reload', () => one.child.kill('SIGHUP'))).toMatchObject({ why: 'SIGHUP' });

  const ended = once(other.child, 'exit');
  other.child.kill('SIGTERM');
  await waitFor('one MUX', () => nextHops(name).length === 1, PATIENCE_MS);
  await waitFor('an answer of the other', () => curl(name, 'http://203.0.113.7/').startsWith('vm-'), PATIENCE_MS);
  expect(await ended).toEqual([0, null]);
  expect(other.events.at(-1)).toMatchObject({ event: 'stop', how: 'drain' });

  const rest = all.filter((agent) => agent !== other);
  const exits = rest.map(({ child }) => once(child, 'exit'));
  for (const { child } of rest) child.kill('SIGTERM');
  expect(await Promise.all(exits)).toEqual(rest.map(() => [0, null]));
  expect(all.flatMap(({ errors }) => errors)).toEqual([]);
  lab('down', '--name', name);
}

interface EventLine {
  readonly event: string;
  readonly [member: string]: unknown;
}

/** A MUX or a host agent, as a child of this process, so that its exit code is seen. */
interface Agent {
  readonly place: string;
  readonly child: ChildProcess;
  readonly events: EventLine[];
  readonly errors: string[];
}

const agents: Agent[] = [];

/** Ends what a test that has failed has left, when the tests of this file are over. */
export function endAgents(): void {
  afterAll(() => {
    for (const { child } of agents) child.kill('SIGKILL');
  });
}

function start(place: string, namespace: string, command: readonly string[]): Agent {
  const child = spawn('ip', ['netns', 'exec', namespace, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  const agent: Agent = { place, child, events: [], errors: [] };
  createInterface({ input: child.stdout }).on('line', (line) => agent.events.push(JSON.parse(line)));
  createInterface({ input: child.stderr }).on('line', (line) => agent.errors.push(line));
  agents.push(agent);
  return agent;
}

/** Waits for an event that is told after this was called. */
async function nextEvent({ place, events }: Agent, event: string, cause: () => void): Promise<EventLine> {
  const count = events.length;
  cause();
  return waitFor(`${event} of ${place}`, () => events.slice(count).find((one) => one.event === event), PATIENCE_MS);
}

function curl(name: string, url: string): string {
  return spawnSync('ip', ['netns', 'exec', `${name}-client`, 'curl', '-sS', '-m', '3', url], { encoding: 'utf8' })
    .stdout;
}

/** Ports by which the router sends packets to the VIP. */
function nextHops(name: string): string[] {
  const { stdout } = spawnSync('ip', ['-n', `${name}-router`, '-json', 'route', 'show', '203.0.113.7'], {
    encoding: 'utf8',
  });
  const [route] = JSON.parse(stdout.trim() || '[]');
  return (route?.nexthops ?? (route ? [route] : [])).map(({ dev }: { dev: string }) => dev).sort();
}

function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.test`, text);
  renameSync(`${path}.test`, path);
}

/** The fabric, with its web service on another port. */
function withHttpPort(text: string, port: number): string {
  const fabric = JSON.parse(text);
  const rules = fabric.loadBalancers[0].properties.loadBalancingRules;
  rules.find((rule: { resourceId: string }) => rule.resourceId === 'http').properties.frontendPort = port;
  return JSON.stringify(fabric);
}

/** The fabric, with BFD wanted of every router. */
function withBfd(text: string): string {
  const fabric = JSON.parse(text);
  for (const { properties } of fabric.loadBalancerMuxes) {
    for (const peer of properties.routerConfiguration.peerRouterConfigurations) peer.edgemux.bfd = {};
  }
  return JSON.stringify(fabric);
}
