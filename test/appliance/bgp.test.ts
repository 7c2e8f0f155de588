/** `edgemux bgp`, the real command, with a router that the test plays: from the first OPEN to the last NOTIFICATION. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { BgpProcess, type RouterResource, until, writeFabric } from './bgp-process.js';
import { TestRouter } from './bgp-router.js';
import { CLI, edgemux, FABRIC, temporaryFolder } from './cli.js';

const VIP = '80.80.80.80/32';
const KEY = 'a key that nobody may see';

const at = temporaryFolder();
const path = at('fabric.json');
const ending: (() => void)[] = [];

afterEach(() => {
  for (const end of ending.splice(0)) end();
});

function start(...more: string[]): BgpProcess {
  const running = new BgpProcess([path, '--mux', 'mux-1', '--port', '0', ...more]);
  ending.push(() => running.end());
  return running;
}

async function router(address = '127.0.0.1'): Promise<TestRouter> {
  const one = await TestRouter.listen(address, 64623);
  ending.push(() => one.close());
  return one;
}

/** How the MUX is told of it. */
function resourceOf({ address, port, as }: TestRouter, routerName = 'edge'): RouterResource {
  const edgemux = { port, connectRetrySeconds: 1 };
  return { routerName, routerIPAddress: address, peerASN: as, localIPAddress: '127.0.0.2', edgemux };
}

test('from start to SIGTERM', async () => {
  const edge = await router();
  writeFabric(path, { routers: [resourceOf(edge)] });
  const bgp = start('--json');
  expect(await bgp.event('start')).toMatchObject({
    mux: 'mux-1',
    as: 64628,
    routerId: '10.10.56.21',
    peers: ['127.0.0.1'],
    routes: 1,
  });
  expect(bgp.events[0].event).toBe('start');
  expect(await bgp.event('state', { state: 'Established' })).toMatchObject({ peer: 'edge', address: '127.0.0.1' });
  expect(await bgp.event('routes')).toMatchObject({ announced: 1, withdrawn: 0, total: 1 });
  await until('the VIP', () => edge.routes.has(VIP));
  expect(edge.opens).toMatchObject([{ as: 64628, holdTimeSeconds: 9, routerId: '10.10.56.21' }]);
  expect(edge.opens[0].capabilities.gracefulRestart).toBeUndefined();
  // A loopback address is nobody's next hop: the MUX's own takes its place.
  expect(edge.routes.get(VIP)).toMatchObject({
    nextHop: '10.10.56.21',
    attributes: { origin: 'igp', asPath: [64628] },
  });

  writeFabric(path, { routers: [resourceOf(edge)], vips: ['80.80.80.81'] });
  bgp.signal('SIGHUP');
  expect(await bgp.event('reload', { why: 'SIGHUP' })).toMatchObject({
    routes: 2,
    added: 1,
    removed: 0,
    needsRestart: [],
  });
  await until('the new VIP', () => edge.routes.has('80.80.80.81/32'));

  bgp.signal('SIGTERM');
  expect(await bgp.exit()).toBe(0);
  await until('the end', () => edge.ends.length > 0);
  expect({ withdrawn: [...edge.withdrawn].sort(), left: edge.prefixes, opens: edge.opens.length }).toEqual({
    withdrawn: [VIP, '80.80.80.81/32'],
    left: [],
    opens: 1,
  });
  expect(edge.notifications).toEqual([expect.stringContaining('edgemux stopped by SIGTERM')]);
  expect(bgp.events.at(-1)).toMatchObject({ event: 'stop', how: 'drain' });
  expect(bgp.stderr).toBe('');
});

test('a signal while it waits for an address that never comes is no crash', async () => {
  const edge = await router();
  writeFabric(path, { routers: [{ ...resourceOf(edge), localIPAddress: '192.0.2.77' }] });
  const bgp = start();
  await bgp.obeysSignals();
  bgp.signal('SIGTERM');
  expect(await bgp.exit()).toBe(1);
  expect(bgp.stderr.trimEnd().split('\n')).toEqual([
    expect.stringContaining('192.0.2.77:0: not an address of this machine'),
  ]);
});

test('a log reader that dies takes nothing with it', async () => {
  const edge = await router();
  writeFabric(path, { routers: [resourceOf(edge)] });
  const bgp = start('--json');
  await bgp.event('state', { state: 'Established' });
  bgp.stopReading();
  writeFabric(path, { routers: [resourceOf(edge)], vips: ['80.80.80.81'] });
  await until('the new VIP', () => edge.routes.has('80.80.80.81/32'));
  await until('a word of it', () => bgp.stderr.includes('going on without'));
  expect(edge.notifications).toEqual([]);
  bgp.signal('SIGTERM');
  expect(await bgp.exit()).toBe(0);
});

test('a changed file is read, a broken one changes nothing', async () => {
  const edge = await router();
  writeFabric(path, { routers: [resourceOf(edge)], vips: ['80.80.80.81'] });
  const bgp = start();
  await until('both VIPs', () => edge.routes.size === 2);

  writeFileSync(path, '{ "loadBalancers": [');
  expect(await bgp.event('error')).toMatchObject({
    code: 'ERR_FABRIC_SYNTAX',
    message: expect.stringContaining('line 1'),
    during: 'reload (file changed)',
    kept: '2 routes',
  });
  expect(edge.prefixes).toHaveLength(2);

  writeFabric(path, { routers: [{ ...resourceOf(edge), edgemux: { port: edge.port, md5Key: [KEY] } }] });
  const { problems } = await bgp.event('error', { code: 'ERR_RESOURCE_INVALID' });
  expect(problems).toMatchObject([{ expected: 'text of 1..80 bytes', got: '"…"' }]);

  writeFabric(path, { routers: [] });
  await bgp.event('error', { message: 'mux-1 has no routers' });
  expect(edge.prefixes).toHaveLength(2);

  writeFabric(path, { routers: [resourceOf(edge)] });
  expect(await bgp.event('reload', { why: 'file changed' })).toMatchObject({ routes: 1, added: 0, removed: 1 });
  await until('the withdrawal', () => edge.routes.size === 1);
  expect(edge.opens).toHaveLength(1);
  bgp.signal('SIGINT');
  expect(await bgp.exit()).toBe(0);
  expect(bgp.stdout).not.toContain(KEY);
});

test('routers come and go with the file', async () => {
  const [first, second] = [await router(), await router('127.0.0.4')];
  writeFabric(path, { routers: [resourceOf(first)] });
  const bgp = start();
  await until('the first', () => first.routes.size === 1);
  writeFabric(path, { routers: [resourceOf(second, 'other')] });
  bgp.signal('SIGHUP');
  await until('the second', () => second.routes.size === 1);
  await until('the end of the first', () => first.ends.length === 1);
  expect(first.notifications).toHaveLength(1);
});

test('planned restart: the routers are asked to wait, and told when it was done', async () => {
  const edge = await router();
  writeFabric(path, { routers: [resourceOf(edge)] });
  const before = start();
  await until('the VIP', () => edge.routes.has(VIP));
  before.signal('SIGUSR2');
  before.signal('SIGUSR2');
  expect(await before.exit()).toBe(0);
  expect(before.events.filter(({ event }) => event === 'stop')).toMatchObject([{ how: 'restart' }]);
  expect(edge.opens.map(({ capabilities }) => capabilities.gracefulRestart?.restartTimeSeconds)).toEqual([
    undefined,
    30,
  ]);
  expect(edge.opens[1].capabilities.gracefulRestart?.isRestarting).toBe(false);
  const { length: notificationCount } = edge.notifications;
  expect(edge.withdrawn).toEqual([]);

  const after = start('--restarting', '--graceful-restart', '60');
  await until('the next session', () => edge.opens.length === 3);
  expect(edge.opens[2].capabilities.gracefulRestart).toMatchObject({ isRestarting: true, restartTimeSeconds: 60 });
  await after.event('routes');
  after.signal('SIGUSR2');
  expect(await after.exit()).toBe(0);
  expect([edge.opens.length, edge.withdrawn, edge.notifications.length]).toEqual([3, [], notificationCount]);
});

test('two of it speak with each other', async () => {
  const swapped = at('swapped.json');
  const near = {
    routerIPAddress: '127.0.0.2',
    peerASN: 64628,
    localIPAddress: '127.0.0.3',
    edgemux: { passive: true },
  };
  writeFabric(swapped, { routers: [near], localASN: 64623 });
  const waiting = new BgpProcess([swapped, '--mux', 'mux-1', '--port', '0', '--json']);
  ending.push(() => waiting.end());
  const [{ port }] = (await waiting.event('start')).listeners;

  const edgemux = { port, connectRetrySeconds: 1, families: ['IPv6', 'IPv4'], holdTimeSeconds: 3 };
  const far = { routerIPAddress: '127.0.0.3', peerASN: 64623, localIPAddress: '127.0.0.2', edgemux };
  writeFabric(path, { routers: [far] });
  const calling = start('--json');
  for (const one of [waiting, calling]) {
    await one.event('state', { state: 'Established' });
    await one.event('routes', { total: 1 });
  }
  calling.signal('SIGTERM');
  expect(await calling.exit()).toBe(0);
  const { reason } = await waiting.event('down');
  expect(reason).toContain('administrative shutdown ("edgemux stopped by SIGTERM")');
  waiting.signal('SIGTERM');
  expect(await waiting.exit()).toBe(0);
});

// The pseudo-terminal is that of script(1), which hands on what is typed.
test.skipIf(spawnSync('script', ['--version']).status !== 0)(
  'on a terminal: a table drawn in place, until Ctrl-C',
  async () => {
    const edge = await router();
    writeFabric(path, { routers: [resourceOf(edge)] });
    const command = `stty cols 100 rows 24; exec '${process.execPath}' '${CLI}' bgp '${path}' --mux mux-1 --port 0`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { env: { ...process.env, NO_COLOR: '1' } });
    ending.push(() => terminal.kill('SIGKILL'));
    let shown = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text.replaceAll('\x1b', 'ESC');
    });
    const exited = once(terminal, 'close');
    await until(
      'the session',
      () => /edge 127\.0\.0\.1 +64623 +Established +\d+s +IPv4 IPv6 +1\b/.test(shown),
      () => shown,
    );
    await until(
      'the second frame',
      () => /ESC\[\d+A\rESC\[0J/.test(shown),
      () => shown,
    );
    expect(shown).toMatch(/\d\d:\d\d:\d\d edge has 1 route: 1 announced, 0 withdrawn\r\n/);
    expect(shown).not.toContain('{');
    terminal.stdin.write('\x03');
    expect(await exited).toEqual([0, null]);
    expect(edge.prefixes).toEqual([]);
    expect(shown).toMatch(/ended, routes withdrawn\r\nESC\[\?25h/);
  },
);

describe('what ends it before it begins: exit code 1 and one reason', () => {
  test('a MUX nobody knows', () => {
    const { status, stdout, stderr } = edgemux(['bgp', FABRIC, '--mux', 'mux-9']);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(
      'error: the fabric has no such machine\n  loadBalancerMuxes: expected one of mux-1, mux-2',
    );
  });

  test('the same as a line of JSON', () => {
    const { status, stdout, stderr } = edgemux(['bgp', FABRIC, '--mux', 'mux-9', '--json']);
    expect([status, stderr]).toEqual([1, '']);
    expect(stdout.split('\n')).toEqual([expect.any(String), '']);
    expect(JSON.parse(stdout)).toMatchObject({ event: 'error', code: 'ERR_UNKNOWN_ID', problems: [{}] });
  });

  test('no routers', () => {
    writeFabric(path, { routers: [] });
    const { status, stderr } = edgemux(['bgp', path, '--mux', 'mux-1']);
    expect([status, stderr]).toEqual([
      1,
      'error: mux-1 has no routers\n  loadBalancerMuxes[0].properties.routerConfiguration.peerRouterConfigurations: expected at least one router to speak to, got nothing\n',
    ]);
  });

  test('a port that somebody has', async () => {
    const taken = createServer().listen(0, '127.0.0.2');
    await once(taken, 'listening');
    ending.push(() => taken.close());
    const { port } = taken.address() as { port: number };
    writeFabric(path, { routers: [{ routerIPAddress: '127.0.0.1', peerASN: 1, localIPAddress: '127.0.0.2' }] });
    const { status, stdout, stderr } = edgemux(['bgp', path, '--mux', 'mux-1', '--port', String(port)]);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(new RegExp(`^error: .*127\\.0\\.0\\.2.*${port}.*\n$`));
  });

  test.skipIf(process.getuid?.() === 0)('port 179 without the right to it', () => {
    writeFabric(path, { routers: [{ routerIPAddress: '127.0.0.1', peerASN: 1, localIPAddress: '127.0.0.2' }] });
    const { status, stdout, stderr } = edgemux(['bgp', path, '--mux', 'mux-1']);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^error: .*179.*permission denied.*\n$/);
  });
});

describe('--dry-run', () => {
  const peer = {
    routerName: 'edge',
    routerIPAddress: '127.0.0.1',
    peerASN: 64623,
    localIPAddress: '127.0.0.2',
    edgemux: { port: 1790, md5Key: KEY, bfd: {}, ttlSecurityHops: 1, passive: true, families: ['ipv4'] },
  };

  test('says whom it would speak to and what it would announce, and no key', () => {
    writeFabric(path, { routers: [peer], vips: ['80.80.80.9'] });
    expect(edgemux(['bgp', path, '--mux', 'mux-1', '--dry-run'])).toEqual({
      status: 0,
      stdout: [
        'mux-1: AS 64628, BGP Identifier 10.10.56.21',
        'router edge 127.0.0.1 port 1790, AS 64623, from 127.0.0.2, ipv4, waits for it, BFD, TTL security 1, MD5',
        'route 80.80.80.9/32',
        'route 80.80.80.80/32',
        '',
      ].join('\n'),
      stderr: '',
    });
  });

  test('in JSON too', () => {
    writeFabric(path, { routers: [peer] });
    const { stdout } = edgemux(['bgp', path, '--mux', 'mux-1', '--dry-run', '--json']);
    expect(stdout).not.toContain(KEY);
    expect(JSON.parse(stdout)).toMatchObject({
      mux: 'mux-1',
      as: 64628,
      peers: [{ address: '127.0.0.1', hasMd5Key: true }],
      routes: [{ prefix: VIP }],
    });
  });
});
