/** What happens to interfaces and processes under running roles: the worst of it, one after the other. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../cli.js';
import { RunningEdgemux, until } from '../running-edgemux.js';
import { ip, Stage, whyNoStage, withSecondVip, writeStageFabric } from './stage.js';

const missing = whyNoStage();
const at = temporaryFolder();
const fabric = at('fabric.json');
const stage = new Stage();
const running: RunningEdgemux[] = [];
const LINKS = { mux: ['lo', 'up0'], host: ['lo', 'up0', 'vm1'] };
const links = () => ({ mux: stage.linksOf(stage.mux), host: stage.linksOf(stage.host) });

beforeAll(async () => {
  if (missing === undefined) await stage.setUp();
});
afterAll(() => stage.tearDown());
afterEach(async () => {
  for (const one of running) one.end();
  for (const one of running.splice(0)) await one.exit();
});

function begin(kind: string) {
  const more = ['--json', '--stats', '1', '--drain', '0'];
  const mux = new RunningEdgemux(
    ['mux', fabric, '--mux', 'mux-1', '--no-bgp', '--port', `${kind}:up0`, ...more],
    stage.mux,
  );
  const host = new RunningEdgemux(
    ['host', fabric, '--host', 'host-1', '--port', `${kind}:up0`, '--vm', `vm-1-nic=${kind}:vm1`, ...more],
    stage.host,
  );
  running.push(mux, host);
  return { mux, host };
}

async function forwarding(kind: string) {
  writeStageFabric(fabric);
  const both = begin(kind);
  await both.mux.event('start');
  await both.host.event('start');
  return both;
}

/** Asks until there is an answer. */
async function answers(): Promise<void> {
  await until('an answer', () => {
    try {
      return stage.ask().status === 200;
    } catch {
      return false;
    }
  });
}

describe.skipIf(missing)(`upset${missing === undefined ? '' : ` (${missing})`}`, () => {
  test.each(['packet', 'xdp'])('%s: SIGTERM during start-up leaves nothing', async (kind) => {
    writeStageFabric(fabric);
    for (const delayMs of [0, 150, 300, 450, 600, 900]) {
      const { mux, host } = begin(kind);
      await passed(delayMs);
      for (const one of [mux, host]) one.signal('SIGTERM');
      // 143 before it listens to signals.
      for (const one of [mux, host]) expect([0, 143, null]).toContain(await one.exit());
      for (const one of [mux, host]) expect(one.stderr).toBe('');
      await until('nothing is left', () => JSON.stringify(links()) === JSON.stringify(LINKS), links);
    }
  });

  test.each(['packet', 'xdp'])('%s: the VM is pulled out and put back again and again', async (kind) => {
    const { host } = await forwarding(kind);
    const last = () => host.events.filter(({ event }) => event === 'stats').at(-1);
    await until('the port is counted', () => `${kind}:vm1` in ((last()?.ports ?? {}) as object), last);
    const freeChunks = last()?.freeChunks;
    for (let count = 0; count < 20; count++) {
      stage.removeVm();
      stage.addVm();
    }
    for (let count = 0; count < 100; count++) {
      ip(`-n ${stage.host} link set vm1 ${count % 2 === 0 ? 'down' : 'up'}`);
    }
    await answers();
    await until('all chunks are back', () => last()?.freeChunks === freeChunks, last);
  });

  test.each(['packet', 'xdp'])('%s: links down and up, another MAC address, another MTU', async (kind) => {
    await forwarding(kind);
    await answers();
    for (const [namespace, link] of [
      [stage.mux, 'up0'],
      [stage.host, 'up0'],
    ] as const) {
      ip(`-n ${namespace} link set ${link} down`);
      ip(`-n ${namespace} link set ${link} up`);
      ip(
        `-n ${namespace} route replace default via ${link === 'up0' && namespace === stage.mux ? '10.1.1.1' : '10.2.1.1'}`,
      );
      await answers();
      ip(`-n ${namespace} link set ${link} mtu 1590`);
      await answers();
      ip(`-n ${namespace} link set ${link} mtu 1600`);
    }
    ip(`-n ${stage.mux} link set up0 address 02:00:00:00:77:01`);
    ip(`-n ${stage.host} link set up0 address 02:00:00:00:77:02`);
    await answers();
  });

  test.each(['packet', 'xdp'])('%s: a storm of reloads under traffic', async (kind) => {
    const { mux, host } = await forwarding(kind);
    await answers();
    const countOf = () => mux.events.filter(({ event }) => event === 'reload').length;
    for (let count = 0; count < 50; count++) {
      writeStageFabric(fabric, count % 2 === 0 ? withSecondVip : () => {});
      for (const one of [mux, host]) one.signal('SIGHUP');
      if (count % 10 === 0) expect(stage.ask().status).toBe(200);
    }
    await until('reloads are done', () => countOf() > 0);
    expect(stage.ask().status).toBe(200);
    for (const one of [mux, host]) expect(one.events.filter(({ event }) => event === 'error')).toEqual([]);
  });

  test.each(['packet', 'xdp'])('%s: the provider interface goes: one line, exit code 1', async (kind) => {
    const { mux } = await forwarding(kind);
    ip(`-n ${stage.mux} link del up0`);
    expect(await mux.exit()).toBe(1);
    expect(mux.stderr).toBe('');
    expect(mux.events.at(-1)).toMatchObject({ event: 'error' });
    stage.tearDown();
    await stage.setUp();
  });
});

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
