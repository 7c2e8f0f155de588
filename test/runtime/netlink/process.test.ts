/** Next hops in processes of their own: one that ends by itself, is killed, has no privilege, or is Deno's. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sysctl } from '../namespace.js';
import { enterLab, ip, ipJson, join, leaveLab, Machine, until } from './lab.js';

const missing = await enterLab('next hops in other processes');

const MAC = '02:00:00:00:01:02';
const root = new URL('../../..', import.meta.url).pathname;
const script = `${root}/netlink-test-${process.pid}.mjs`;
const deno = ['deno', '/tmp/rt/node_modules/.bin/deno'].find((path) => spawnSync(path, ['--version']).status === 0);
const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0;

const SCRIPT = `
  import { NextHopTable, InterfaceWatch, addDeviceRoute, withNetlink } from '${root}/dist/sdk/runtime/node/netlink/index.js';
  const table = new NextHopTable();
  const watch = new InterfaceWatch();
  const mac = () => table.of('10.1.0.2')?.macAddress;
  const known = new Promise((resolve) => table.subscribe(() => mac() && resolve()));
  table.want(['10.1.0.2', 'fd01::2', '198.51.100.1']);
  table.ofDefault(4);
  const holds = setTimeout(() => {}, 10_000);
  await known;
  let refused;
  try {
    withNetlink((netlink) => addDeviceRoute(netlink, '203.0.113.99', 'up0'));
  } catch (error) {
    refused = error.message;
  }
  console.log(JSON.stringify({ hop: table.of('10.1.0.2'), names: watch.all.map(({ name }) => name).sort(), refused }));
  if (!process.argv.includes('stay')) clearTimeout(holds);
`;

describe.skipIf(missing)('next hops', () => {
  beforeAll(() => {
    writeFileSync(script, SCRIPT);
    const one = new Machine('one');
    join('up0', ['10.1.0.1/24', 'fd01::1/64'], one, 'down0', ['10.1.0.2/24', 'fd01::2/64'], MAC);
  });
  afterAll(() => {
    rmSync(script, { force: true });
    leaveLab();
  });

  const hop = { interface: expect.objectContaining({ name: 'up0' }), address: '10.1.0.2', macAddress: MAC };

  // That the process ends at all shows that neither table nor watch holds it, as neither is closed.
  it.each([
    ['Node', process.execPath, [script]],
    ['Deno', deno, ['run', '-A', '--node-modules-dir=manual', script]],
  ])('do not hold a process of %s', (name, path, args) => {
    if (!path) return console.log(`skipped: next hops were not tried under ${name}, as there is none`);
    ip('neigh flush dev up0');
    const output = execFileSync(path, args, { encoding: 'utf8', timeout: 60_000 });
    expect(JSON.parse(output)).toEqual({ hop, names: ['lo', 'up0'] });
    ip('route del 203.0.113.99');
  });

  it.skipIf(!hasSetpriv)('without privilege are those the kernel has', async () => {
    ip('neigh flush dev up0');
    const unprivileged = ['--reuid', '65534', '--clear-groups', '--bounding-set=-all', process.execPath, script];
    const child = spawn('setpriv', unprivileged, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(output).toBe('');
    ip(`neigh replace 10.1.0.2 lladdr ${MAC} dev up0 nud reachable`);
    await once(child, 'exit');
    const refused = '203.0.113.99/32 dev up0: not permitted: it takes CAP_NET_ADMIN';
    expect(JSON.parse(output)).toEqual({ hop, names: ['lo', 'up0'], refused });
  });

  it('leave nothing but ordinary entries when killed', async () => {
    ip('neigh flush dev up0');
    // As by default, an entry is fresh for longer than its use counts for; only faster.
    sysctl('net.ipv4.neigh.up0.base_reachable_time_ms', 3000);
    sysctl('net.ipv4.neigh.up0.delay_first_probe_time', 1);
    const child = spawn(process.execPath, [script, 'stay'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const left = ipJson('neigh show dev up0');
    expect(left.map(({ dst }) => dst).sort()).toEqual(['10.1.0.2', 'fd01::2']);
    expect(ip('neigh show dev up0')).not.toMatch(/PERMANENT|managed|extern_learn|NOARP/);
    // Once nobody uses it, the entry is no longer fresh; nobody keeps it.
    await until(
      () => ipJson('neigh show 10.1.0.2 dev up0')[0]?.state,
      (seen) => JSON.stringify(seen) === '["STALE"]',
    );
    ip('route del 203.0.113.99');
  });
});
