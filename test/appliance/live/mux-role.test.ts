/** A live MUX on a machine the test plays: the order of its effects, and what is left when something goes wrong. */
import { describe, expect, test, vi } from 'vitest';
import { type LiveMux, liveMuxOf } from '../../../sdk/appliance/live/live-mux.js';
import { MuxRole, type MuxSettings } from '../../../sdk/appliance/live/mux-role.js';
import type { EventRecord } from '../../../sdk/appliance/service/events.js';
import type { MuxProgram } from '../../../sdk/program/index.js';
import { parseFabric } from '../../../sdk/resources/index.js';
import { parsePortSpec } from '../../../sdk/runtime/node/ports/port-spec.js';
import { example, type Json, lb, mux, router } from '../../resources/example.js';
import { FakeSystem, NEXT_MAC, OUR_MAC } from './fake-system.js';

function liveMux(change: (fabric: Json) => void = () => {}): LiveMux {
  return liveMuxOf(parseFabric(example(change)), 'mux-1');
}

/** Frontends with these addresses, in place of the one there is or beside it. */
function vips(...addresses: readonly string[]): (fabric: Json) => void {
  return (fabric) => {
    for (const [i, ipAddress] of addresses.entries()) {
      if (i === 0) fabric.publicIPAddresses[0].properties.ipAddress = ipAddress;
      else {
        fabric.publicIPAddresses.push({ resourceId: `vip-${i}`, properties: { ipAddress } });
        lb(fabric).frontendIPConfigurations.push({
          resourceId: `fe-${i}`,
          properties: { publicIPAddress: { resourceRef: `/publicIPAddresses/vip-${i}` } },
        });
      }
    }
  };
}

const SETTINGS: MuxSettings = { ports: [parsePortSpec('packet:up0')], queueCount: 1, bgp: {}, drainMs: 0 };
const FIRST = '80.80.80.80';
const SECOND = '80.80.80.81';

const STARTED = [
  'attach packet:up0',
  'thread 0 start',
  `thread 0 program ${FIRST}`,
  'thread 0 open packet:up0',
  'speaker start 10.10.56.1',
  `select packet:up0 to ${FIRST}`,
  `announce ${FIRST}/32`,
];

async function start(settings: Partial<MuxSettings> = {}, system = new FakeSystem(), initial = liveMux()) {
  const events: EventRecord[] = [];
  const role = await MuxRole.start(initial, { ...SETTINGS, ...settings }, system, (event) => events.push(event));
  return { system, role, events };
}

describe('start', () => {
  test('attaches, programs, starts the speaker, takes frames, announces', async () => {
    const { system, events } = await start();
    expect(system.log).toEqual(STARTED);
    expect(events.map(({ event }) => event)).toEqual(['port', 'start']);
    expect(events.at(-1)).toMatchObject({ event: 'start', mux: 'mux-1', vips: 1, queues: 1, routers: ['10.10.56.1'] });
  });

  test('with what the kernel knows of the way', async () => {
    const { system } = await start();
    const { attachment, backends } = system.threads[0].program_ as MuxProgram;
    expect(attachment).toMatchObject({ macAddress: OUR_MAC, gatewayMacAddress: NEXT_MAC, mtuBytes: 1600 });
    expect(backends.map(({ nextHopMacAddress }) => nextHopMacAddress)).toEqual([NEXT_MAC, NEXT_MAC]);
    expect(system.nextHops.wanted).toEqual(['10.10.56.11', '10.10.56.12']);
  });

  test.each([
    { name: '--no-bgp', settings: { bgp: undefined }, change: () => {} },
    {
      name: 'no routers in the fabric',
      settings: {},
      change: (fabric: Json) => {
        router(fabric).peerRouterConfigurations = [];
      },
    },
  ])('$name: the data plane alone', async ({ settings, change }) => {
    const { system } = await start(settings, new FakeSystem(), liveMux(change));
    expect(system.log).toEqual(STARTED.filter((step) => !/speaker|announce/.test(step)));
  });

  test('a thread for each queue', async () => {
    const { system } = await start({ queueCount: 2 });
    expect(system.log.filter((step) => step.includes(' open '))).toEqual([
      'thread 0 open packet:up0',
      'thread 1 open packet:up0',
    ]);
    expect(system.log.filter((step) => step.includes(' program '))).toHaveLength(2);
  });

  test.each([
    { step: 'attach packet:up0', says: /attach packet:up0/ },
    { step: 'thread 0 start', says: /thread 0 start/ },
    { step: 'thread 1 start', says: /thread 1 start/ },
    { step: 'thread 1 open', says: /thread 1 open packet:up0/ },
    { step: 'thread 0 program', says: /thread 0 program/ },
    { step: 'speaker start', says: /speaker start/ },
    { step: 'select', says: /select/ },
  ])('nothing is left when this fails: $step', async ({ step, says }) => {
    const system = new FakeSystem();
    system.refused.add(step);
    await expect(start({ queueCount: 2 }, system)).rejects.toThrow(says);
    expect(system.openCount).toBe(0);
    expect(system.log.some((words) => words.startsWith('announce'))).toBe(false);
  });

  test('an MTU below that of the fabric', async () => {
    const system = new FakeSystem();
    const small = liveMux((fabric) => {
      mux(fabric).edgemux.mtuBytes = 1700;
    });
    await expect(start({}, system, small)).rejects.toThrow('packet:up0: MTU 1600');
    expect(system.openCount).toBe(0);
  });

  test('xdp and another port', async () => {
    const ports = ['xdp:up0', 'packet:up1'].map(parsePortSpec);
    await expect(start({ ports })).rejects.toThrow('xdp:up0 and packet:up1 cannot share a data plane');
  });

  test('a next hop nobody knows is waited for a moment, told, and put in when it is known', async () => {
    const system = new FakeSystem();
    system.nextHops.macAddress = undefined;
    const { events } = await start({}, system);
    expect(events[0]).toEqual({ event: 'next-hops', unresolved: ['10.10.56.11', '10.10.56.12'] });
    system.nextHops.macAddress = NEXT_MAC;
    system.nextHops.change();
    await vi.waitFor(() => expect(events.at(-1)).toEqual({ event: 'next-hops', unresolved: [] }));
    const { backends } = system.threads[0].program_ as MuxProgram;
    expect(backends[0].nextHopMacAddress).toBe(NEXT_MAC);
  });
});

describe('reload', () => {
  test('a new VIP is programmed, taken, announced', async () => {
    const { system, role, events } = await start();
    system.log.length = 0;
    await role.reload('SIGHUP', liveMux(vips(FIRST, SECOND)));
    expect(system.log).toEqual([
      `thread 0 program ${FIRST} ${SECOND}`,
      `select packet:up0 to ${FIRST} ${SECOND}`,
      'peers 10.10.56.1',
      `announce ${FIRST}/32 ${SECOND}/32`,
    ]);
    expect(events.at(-1)).toMatchObject({ event: 'reload', why: 'SIGHUP', vips: 2, added: 1, removed: 0 });
  });

  test('one that has gone is withdrawn, left to the kernel, forgotten', async () => {
    const { system, role, events } = await start({}, new FakeSystem(), liveMux(vips(FIRST, SECOND)));
    system.log.length = 0;
    await role.reload('file changed', liveMux());
    expect(system.log).toEqual([
      `announce ${FIRST}/32`,
      `select packet:up0 to ${FIRST}`,
      `thread 0 program ${FIRST}`,
      `select packet:up0 to ${FIRST}`,
      'peers 10.10.56.1',
      `announce ${FIRST}/32`,
    ]);
    expect(events.at(-1)).toMatchObject({ event: 'reload', vips: 1, added: 0, removed: 1 });
  });

  test('a program the data plane refuses changes nothing', async () => {
    const { system, role } = await start({}, new FakeSystem(), liveMux(vips(FIRST, SECOND)));
    system.refused.add('thread 0 program');
    await expect(role.reload('SIGHUP', liveMux())).rejects.toThrow('refused by the test');
    expect(system.log.slice(-2)).toEqual([
      `select packet:up0 to ${FIRST} ${SECOND}`,
      `announce ${FIRST}/32 ${SECOND}/32`,
    ]);
    expect(role.program.vips).toEqual([FIRST, SECOND]);
  });

  test('routers come and go', async () => {
    const none = liveMux((fabric) => {
      router(fabric).peerRouterConfigurations = [];
    });
    const { system, role } = await start({}, new FakeSystem(), none);
    await role.reload('SIGHUP', liveMux());
    expect(system.log.slice(-2)).toEqual(['speaker start 10.10.56.1', `announce ${FIRST}/32`]);
    await role.reload('SIGHUP', none);
    expect(system.log.at(-1)).toBe('withdraw and say goodbye');
  });
});

describe('the end', () => {
  test('withdraws, forwards on, gives everything back', async () => {
    const { system, role, events } = await start();
    system.log.length = 0;
    await role.drain('edgemux stopped by SIGTERM');
    expect(system.log).toEqual(['withdraw and say goodbye', 'select packet:up0', 'thread 0 stop', 'close packet:up0']);
    expect([system.openCount, events.at(-1)]).toEqual([0, { event: 'stop', how: 'drain' }]);
  });

  test('a thread that dies takes the MUX with it', async () => {
    const { system, role } = await start();
    system.threads[0].die(new Error('out of bounds'));
    await expect(role.ended).rejects.toThrow('out of bounds');
    await role.abandon('edgemux failed');
    expect([system.openCount, system.log.includes('withdraw and say goodbye')]).toEqual([0, true]);
  });

  test('so does the speaker', async () => {
    const { system, role } = await start();
    system.speaker?.die(new Error('gone'));
    await expect(role.ended).rejects.toThrow('gone');
  });

  test('captures end', async () => {
    const { system, role } = await start({ queueCount: 2 });
    system.threads[0].tell({ kind: 'end' });
    system.threads[1].tell({ kind: 'end' });
    await expect(role.ended).resolves.toBeUndefined();
  });
});

test('a thread that does not answer: routes are withdrawn until it does', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  try {
    const { system, events } = await start({ queueCount: 2 });
    system.log.length = 0;
    system.threads[1].isStalled = true;
    vi.advanceTimersByTime(1900);
    expect(system.log).toEqual([]);
    vi.advanceTimersByTime(600);
    expect(system.log).toEqual(['announce']);
    expect(events.slice(-2)).toEqual([
      { event: 'stalled', thread: 1 },
      { event: 'withdraw', why: 'a data plane thread does not answer', routes: 1 },
    ]);
    system.threads[1].isStalled = false;
    vi.advanceTimersByTime(400);
    expect(system.log).toEqual(['announce', `announce ${FIRST}/32`]);
    expect(events.slice(-2)).toEqual([
      { event: 'recovered', thread: 1 },
      { event: 'announce', routes: 1 },
    ]);
  } finally {
    vi.useRealTimers();
  }
});
