/** `edgemux mux` and `edgemux host`, the real commands, with real packets of real programs. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CLI, temporaryFolder } from '../cli.js';
import { RunningEdgemux, until } from '../running-edgemux.js';
import { CLIENT, ip, SECOND_VIP, Stage, whyNoStage, withSecondVip, writeStageFabric } from './stage.js';

const missing = whyNoStage();
const at = temporaryFolder();
const fabric = at('fabric.json');
const stage = new Stage();
const running: RunningEdgemux[] = [];

beforeAll(async () => {
  if (missing === undefined) await stage.setUp();
});
afterAll(() => stage.tearDown());
afterEach(() => {
  for (const one of running.splice(0)) one.end();
});

function begin(args: readonly string[], within: string): RunningEdgemux {
  const one = new RunningEdgemux([...args, '--json', '--stats', '1'], within);
  running.push(one);
  return one;
}

const mux = (port: string, ...more: string[]) =>
  begin(['mux', fabric, '--mux', 'mux-1', '--port', port, '--no-bgp', ...more], stage.mux);
const host = (ports: readonly string[], vm: string, ...more: string[]) =>
  begin(
    ['host', fabric, '--host', 'host-1', ...ports.flatMap((port) => ['--port', port]), '--vm', vm, ...more],
    stage.host,
  );

/** Both, forwarding. */
async function both(muxPort = 'packet:up0', hostPorts = ['packet:up0'], vm = 'vm-1-nic=packet:vm1') {
  writeStageFabric(fabric);
  const all = { mux: mux(muxPort), host: host(hostPorts, vm) };
  await all.mux.event('start');
  await all.host.event('start');
  return all;
}

const LINKS = { mux: ['lo', 'up0'], host: ['lo', 'up0', 'vm1'] };
const links = () => ({ mux: stage.linksOf(stage.mux), host: stage.linksOf(stage.host) });

describe.skipIf(missing)(`live, on a stage${missing === undefined ? '' : ` (${missing})`}`, () => {
  test.each([
    { name: 'AF_PACKET', muxPort: 'packet:up0', hostPorts: ['packet:up0'], vm: 'vm-1-nic=packet:vm1' },
    { name: 'AF_XDP', muxPort: 'xdp:up0', hostPorts: ['xdp:up0'], vm: 'VM-1-NIC=xdp:vm1' },
    {
      name: 'AF_XDP generic',
      muxPort: 'xdp:up0,mode=generic',
      hostPorts: ['xdp:up0,mode=generic'],
      vm: 'xdp:vm1,mode=generic',
      // Frames that nobody cuts because they stay on virtual links fit no chunk.
      isSmall: true,
    },
    { name: 'TUN at the MUX', muxPort: 'tun:mux0', hostPorts: ['packet:up0'], vm: 'packet:vm1' },
    { name: 'UDP and TUN at the host', muxPort: 'packet:up0', hostPorts: ['udp', 'tun:out0'], vm: 'packet:vm1' },
  ])('$name: both directions, intact, from the client to its own address; nothing is left', async (row) => {
    const { mux, host } = await both(row.muxPort, row.hostPorts, row.vm);
    for (const size of [{}, ...('isSmall' in row ? [] : [{ wantBytes: 3_000_000 }, { sendBytes: 3_000_000 }])]) {
      expect(stage.ask(size)).toEqual({
        status: 200,
        client: CLIENT,
        receivedBytes: 0,
        sentBytes: 0,
        ...renamed(size),
      });
    }
    const told = await mux.event('stats', {}, 1);
    expect(Object.keys(told.verdicts)).toEqual(['forward']);
    expect((await host.event('stats', {}, 1)).verdicts).toMatchObject({
      deliver: expect.any(Number),
      reply: expect.any(Number),
    });
    for (const one of [mux, host]) one.signal('SIGTERM');
    expect([await mux.exit(), await host.exit(), mux.stderr, host.stderr]).toEqual([0, 0, '', '']);
    expect([mux.events.at(-1), host.events.at(-1)]).toMatchObject([
      { event: 'stop', how: 'drain' },
      { event: 'stop', how: 'drain' },
    ]);
    expect(links()).toEqual(LINKS);
  });

  test.each(['packet:up0', 'tun:mux0'])(
    '%s: two threads share it, and each connection stays with one',
    async (port) => {
      writeStageFabric(fabric);
      const two = mux(port, '--queues', '2');
      const agent = host(['packet:up0'], 'packet:vm1');
      await agent.event('start');
      expect(await two.event('start')).toMatchObject({ queues: 2 });
      for (let turn = 0; turn < 4; turn++) {
        expect(stage.ask({ wantBytes: 500_000, sendBytes: 500_000 })).toMatchObject({ status: 200, client: CLIENT });
      }
      const { flows } = await two.event('stats', { flows: 4 });
      expect(flows).toBe(4);
      two.signal('SIGTERM');
      expect([await two.exit(), two.stderr]).toEqual([0, '']);
    },
  );

  test.each(['packet', 'xdp'])('%s: killed, nothing is left; started again, it goes on', async (kind) => {
    const first = await both(`${kind}:up0`, [`${kind}:up0`], `${kind}:vm1`);
    expect(stage.ask().status).toBe(200);
    for (const one of [first.mux, first.host]) one.signal('SIGKILL');
    await first.mux.exit();
    await first.host.exit();
    await until('nothing is left', () => JSON.stringify(links()) === JSON.stringify(LINKS), links);
    await both(`${kind}:up0`, [`${kind}:up0`], `${kind}:vm1`);
    expect(stage.ask().status).toBe(200);
  });

  test('the fabric changes: a VIP comes and goes, a broken file changes nothing', async () => {
    const { mux, host } = await both();
    expect(stage.ask().status).toBe(200);
    writeStageFabric(fabric, withSecondVip);
    mux.signal('SIGHUP');
    expect(await mux.event('reload')).toMatchObject({ vips: 2, added: 1, removed: 0 });
    await host.event('reload');
    expect(stage.ask({ vip: SECOND_VIP }).status).toBe(200);

    writeFileSync(fabric, '{ "loadBalancers": [');
    for (const one of [mux, host]) {
      expect(await one.event('error')).toMatchObject({ code: 'ERR_FABRIC_SYNTAX', during: 'reload (file changed)' });
    }
    expect(stage.ask({ vip: SECOND_VIP }).status).toBe(200);

    writeStageFabric(fabric);
    await mux.event('reload', { vips: 1 });
    expect(() => stage.ask({ vip: SECOND_VIP })).toThrow('no answer');
    expect(stage.ask().status).toBe(200);
  });

  test('a VM whose interface goes and comes back', async () => {
    const { host } = await both();
    stage.removeVm();
    await host.event('port', { port: 'packet:vm1', state: 'gone' });
    stage.addVm();
    await host.event('port', { port: 'packet:vm1', state: 'open' }, 1);
    expect(stage.ask().status).toBe(200);
  });

  test('a second signal ends it at once', async () => {
    const { mux } = await both();
    const lasting = begin(
      ['mux', fabric, '--mux', 'mux-1', '--port', 'tun:other0', '--no-bgp', '--drain', '60'],
      stage.vm,
    );
    await lasting.event('start');
    lasting.signal('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(lasting.exitCode).toBeUndefined();
    lasting.signal('SIGTERM');
    expect(await lasting.exit()).toBe(143);
    expect(stage.linksOf(stage.vm)).not.toContain('other0');
    mux.signal('SIGINT');
    expect(await mux.exit()).toBe(0);
  });

  describe('what ends it before it begins: exit code 1, one line, nothing left', () => {
    const MUX = ['mux', fabric, '--mux', 'mux-1', '--no-bgp', '--port'];
    const HOST = ['host', fabric, '--host', 'host-1', '--port'];
    test.each([
      {
        name: 'no such interface',
        args: [...MUX, 'xdp:eth9'],
        says: 'xdp:eth9: there is no interface eth9 (there are ',
      },
      { name: 'a VM port that is no port', args: [...HOST, 'packet:up0', '--vm', 'packet:lo'], says: 'packet:lo: ' },
      {
        name: 'the second port',
        args: [...MUX, 'packet:up0', '--port', 'packet:eth9'],
        says: 'packet:eth9: there is no',
      },
      { name: 'mixed', args: [...MUX, 'xdp:up0', '--port', 'packet:up1'], says: 'cannot share a data plane' },
      {
        name: 'nobody',
        args: ['mux', fabric, '--mux', 'mux-9', '--port', 'packet:up0'],
        says: 'the fabric has no such machine',
      },
    ])('$name', async ({ args, says }) => {
      writeStageFabric(fabric);
      const one = begin(args, args[0] === 'mux' ? stage.mux : stage.host);
      expect([await one.exit(), one.stderr]).toEqual([1, '']);
      expect(one.events).toMatchObject([{ event: 'error', message: expect.stringContaining(says) }]);
      expect(links()).toEqual(LINKS);
    });

    test.each([
      { port: 'packet:up0', says: 'error: packet:up0: not permitted: it takes CAP_NET_RAW' },
      { port: 'xdp:up0', says: 'error: xdp:up0: not permitted: it takes CAP_NET_RAW' },
      { port: 'tun:mux0', says: 'error: tun:mux0: not permitted: it takes CAP_NET_ADMIN' },
    ])('$port: no privilege', ({ port, says }) => {
      writeStageFabric(fabric);
      const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all'];
      const command = [process.execPath, CLI, 'mux', '-', '--mux', 'mux-1', '--no-bgp', '--port', port];
      const args = ['netns', 'exec', stage.mux, 'setpriv', ...nobody, ...command];
      const { status, stderr } = spawnSync('ip', args, { input: readFileSync(fabric), encoding: 'utf8' });
      expect([status, stderr.split('\n').length, stderr]).toEqual([1, 2, expect.stringContaining(says)]);
    });

    test.each(['packet:up0', 'xdp:up0'])('%s: an MTU that tunnels do not fit', async (port) => {
      writeStageFabric(fabric, (json) => {
        json.loadBalancerMuxes[0].properties.edgemux.mtuBytes = 1650;
      });
      const one = begin([...MUX, port], stage.mux);
      expect(await one.exit()).toBe(1);
      expect(one.events).toMatchObject([
        { event: 'error', message: `${port}: MTU 1600 is too small: tunnels of the fabric take 1650 bytes` },
      ]);
    });

    test('a queue that somebody has', async () => {
      await both('xdp:up0', ['xdp:up0'], 'xdp:vm1');
      const second = begin([...MUX, 'xdp:up0'], stage.mux);
      expect(await second.exit()).toBe(1);
      expect(second.events).toHaveLength(1);
      expect(second.events[0].message).toMatch(/^xdp:up0: (another XDP program is on up0|queue 0 is taken)/);
      expect(stage.ask().status).toBe(200);
    });

    test('an interface that is down', async () => {
      writeStageFabric(fabric);
      ip(`-n ${stage.client} link set m0 down`);
      ip(`-n ${stage.mux} link set up0 down`);
      const one = begin([...MUX, 'packet:up0'], stage.mux);
      expect(await one.exit()).toBe(1);
      expect(one.events).toMatchObject([{ message: 'packet:up0: up0 is down: ip link set up0 up' }]);
    });
  });
});

function renamed({ sendBytes, wantBytes }: { sendBytes?: number; wantBytes?: number }): object {
  return {
    ...(sendBytes !== undefined && { sentBytes: sendBytes }),
    ...(wantBytes !== undefined && { receivedBytes: wantBytes }),
  };
}
