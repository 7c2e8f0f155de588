/** Garbage at full rate at a MUX, a host agent and from a VM, while somebody wants to be served. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../appliance/cli.js';
import { ip, Stage, VIP, VM_MAC, whyNoStage, writeStageFabric } from '../../appliance/live/stage.js';
import { RunningEdgemux } from '../../appliance/running-edgemux.js';

const SENDER = fileURLToPath(new URL('./garbage-sender.mjs', import.meta.url));
const LOAD = fileURLToPath(new URL('./garbage-load.mjs', import.meta.url));
const MTU_BYTES = 1600;
/** Of the subnet of the stage. */
const VNI = 5001;
/** Until memory that is touched for the first time has been: tables of flows, chunks, code that is compiled. */
const WARM_UP_SHARE = 0.4;
const QUIET_MS = 4000;

/** How it went. */
export interface GarbageReport {
  readonly sent: readonly { readonly sent: number; readonly refused: number }[];
  readonly requests: { readonly succeeded: number; readonly failed: number };
  readonly machines: Readonly<Record<'mux' | 'host', MachineReport>>;
}

/** What became of one process. */
export interface MachineReport {
  readonly received: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly rssBefore: number;
  readonly rssWarm: number;
  readonly rssAfter: number;
  readonly freeChunksBefore: number;
  readonly freeChunksAfter: number;
  readonly flowsAfter: number;
  readonly stderr: string;
  readonly errors: readonly unknown[];
  readonly exitCode: number | null;
}

/** Starts both roles with a kind of port, and throws garbage at them for so long. The stage is set up. */
export async function throwGarbage(
  stage: Stage,
  fabric: string,
  kind: string,
  seconds: number,
): Promise<GarbageReport> {
  writeStageFabric(fabric);
  const told = ['--json', '--stats', '1'];
  const mux = new RunningEdgemux(
    ['mux', fabric, '--mux', 'mux-1', '--no-bgp', '--port', `${kind}:up0`, ...told],
    stage.mux,
  );
  const host = new RunningEdgemux(
    ['host', fabric, '--host', 'host-1', '--port', `${kind}:up0`, '--vm', `vm-1-nic=${kind}:vm1`, ...told],
    stage.host,
  );
  try {
    for (const one of [mux, host]) await one.event('start');
    stage.ask();
    const before = await Promise.all([mux, host].map(lookAt));
    const toMux = send(stage.client, 'm0', 1, seconds, macOf(stage.mux, 'up0'));
    const toHost = send(stage.client, 'h0', 2, seconds, macOf(stage.host, 'up0'));
    const fromVm = send(stage.vm, 'eth0', 3, seconds, macOf(stage.host, 'vm1'), true);
    const load = run(stage.client, [LOAD, VIP, String(seconds)]);
    await passed(seconds * 1000 * WARM_UP_SHARE);
    const warm = [mux, host].map(({ pid }) => rssOf(pid));
    const sent = (await Promise.all([toMux, toHost, fromVm])) as GarbageReport['sent'];
    const requests = (await load) as GarbageReport['requests'];
    await passed(QUIET_MS);
    const after = await Promise.all([mux, host].map(lookAt));
    stage.ask();
    for (const one of [mux, host]) one.signal('SIGTERM');
    const exitCodes = [await mux.exit(), await host.exit()];
    const machine = (one: RunningEdgemux, at: 0 | 1): MachineReport => ({
      received: after[at].received,
      dropped: after[at].dropped,
      rssBefore: before[at].rss,
      rssWarm: warm[at],
      rssAfter: after[at].rss,
      freeChunksBefore: before[at].freeChunks,
      freeChunksAfter: after[at].freeChunks,
      flowsAfter: after[at].flows,
      stderr: one.stderr,
      errors: one.events.filter(({ event }) => ['error', 'stalled'].includes(event)),
      exitCode: exitCodes[at],
    });
    return { sent, requests, machines: { mux: machine(mux, 0), host: machine(host, 1) } };
  } finally {
    for (const one of [mux, host]) one.end();
  }
}

/** What its next statistics say, and what memory it has then. */
async function lookAt(one: RunningEdgemux) {
  const count = one.events.filter(({ event }) => event === 'stats').length;
  const { freeChunks, dropped, flows, ports } = await one.event('stats', {}, count + 1);
  const received = Object.values<{ received: number }>(ports).reduce((sum, port) => sum + port.received, 0);
  return { rss: rssOf(one.pid), freeChunks, dropped, flows, received };
}

function send(namespace: string, link: string, seed: number, seconds: number, macAddress: string, isVirtio = false) {
  const target = {
    macAddress,
    vips: [VIP],
    providerAddresses: ['10.1.1.2', '10.2.1.2'],
    vmAddresses: ['10.3.1.2'],
    vmMacAddress: VM_MAC,
    vni: VNI,
    mtuBytes: isVirtio ? 1500 : MTU_BYTES,
  };
  const args = [link, String(seconds), String(seed), isVirtio ? 'vnet' : 'plain', JSON.stringify(target)];
  return run(namespace, [SENDER, ...args]);
}

async function run(namespace: string, args: readonly string[]): Promise<unknown> {
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  await once(child, 'close');
  return JSON.parse(text);
}

function macOf(namespace: string, link: string): string {
  const [found] = JSON.parse(ip(`-n ${namespace} -json link show ${link}`));
  return found.address;
}

/** Bytes of memory a process has. */
export function rssOf(pid: number): number {
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kilobytes) * 1024;
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Processors are shared by senders, both machines, and whoever else there is: some requests may wait too long. */
const FAILED_SHARE_MAX = 0.1;

/** Frames of the kernel's own that are on their way whenever somebody counts: neighbours, acknowledgements. */
const CHUNKS_ON_THEIR_WAY_MAX = 8;

/** What garbage may not do, however short it is. */
export function expectServed({ sent, requests, machines }: GarbageReport): void {
  for (const one of sent) expect(one.sent).toBeGreaterThan(0);
  expect(requests.succeeded).toBeGreaterThan(0);
  expect(requests.failed).toBeLessThanOrEqual(1 + FAILED_SHARE_MAX * requests.succeeded);
  for (const machine of Object.values(machines)) {
    expect(machine).toMatchObject({ stderr: '', errors: [], exitCode: 0 });
    expect(Math.abs(machine.freeChunksAfter - machine.freeChunksBefore)).toBeLessThanOrEqual(CHUNKS_ON_THEIR_WAY_MAX);
    // It has come through to the data plane, and was told apart there.
    expect(Object.keys(machine.dropped).length).toBeGreaterThan(4);
  }
}

/** A test for each kind of port, on a stage of their own. */
export function onStage(
  title: string,
  kinds: readonly string[],
  seconds: number,
  check: (report: GarbageReport) => void,
): void {
  const missing = whyNoStage();
  if (missing !== undefined) console.warn(`skipped: ${missing}`);
  const at = temporaryFolder();
  const stage = new Stage();
  beforeAll(async () => {
    if (missing === undefined) await stage.setUp();
  });
  afterAll(() => stage.tearDown());
  describe.skipIf(missing)(title, () => {
    test.each(kinds)('%s ports', async (kind) => {
      const report = await throwGarbage(stage, at('fabric.json'), kind, seconds);
      console.log(`${kind} ports, ${seconds} s of garbage\n${JSON.stringify(report, null, 1)}`);
      check(report);
    });
  });
}
