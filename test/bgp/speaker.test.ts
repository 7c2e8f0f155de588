/** The life of a speaker: start, failures and their patience, other peers, BFD, drain and restart. */

import { describe, expect, it } from 'vitest';
import { Bfd } from '../../sdk/bfd/index.js';
import { Speaker } from '../../sdk/bgp/speaker.js';
import { encodeUpdates, NOTIFICATION } from '../../sdk/bgp/wire/index.js';
import { EdgemuxError } from '../../sdk/errors.js';
import type { Tcp } from '../../sdk/runtime/index.js';
import { SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';
import {
  Bench,
  COMES_UP,
  KEEPALIVE,
  MUX,
  MUX_AS,
  notificationOf,
  OPEN,
  openWith,
  ROUTER,
  ROUTER_AS,
  ROUTER_OPEN,
  RouterConnection,
} from '../support/bgp-router.js';

const VIP = '203.0.113.7/32';
const PEER = { address: ROUTER, as: ROUTER_AS, localAddress: MUX, isPassive: true, holdTimeSeconds: 0 };

/** Waits for a promise while virtual time passes. */
async function settled<T>(bench: Bench, promise: Promise<T>, limitMs = 60_000): Promise<T> {
  let isDone = false;
  const done = promise.finally(() => {
    isDone = true;
  });
  done.catch(() => {});
  if (!(await bench.clock.runUntil(() => isDone, limitMs))) throw new Error(`not settled within ${limitMs} ms`);
  return done;
}

describe('speaker: start', () => {
  it.each([
    { name: 'a local address', peers: [PEER], at: [MUX] },
    {
      name: 'two peers at one local address',
      peers: [PEER, { ...PEER, address: '10.0.0.3' }],
      at: [MUX],
    },
    {
      name: 'an address of each family',
      peers: [PEER, { ...PEER, address: '2001:db8::2', localAddress: '2001:DB8:0::1' }],
      at: [MUX, '2001:db8::1'],
    },
    {
      name: 'a peer without a local address: the whole family',
      peers: [
        PEER,
        { ...PEER, address: '10.0.0.3', localAddress: undefined },
        { ...PEER, address: '2001:db8::2', localAddress: '2001:db8::1' },
      ],
      at: ['0.0.0.0', '2001:db8::1'],
    },
  ])('listens at the addresses of its peers: $name', async ({ peers, at }) => {
    const bench = new Bench({}, { peers: JSON.parse(JSON.stringify(peers)) });
    expect(bench.speaker.status.listeners).toEqual([]);
    await bench.speaker.start();
    expect(bench.speaker.status.listeners).toEqual(at.map((address) => ({ address, port: 179 })));
    await settled(bench, bench.speaker.stop());
    expect(bench.speaker.status.listeners).toEqual([]);
  });

  it('does not listen when it is not to, and connects all the same', async () => {
    const bench = new Bench({}, { listens: false });
    const connections = await bench.listen(COMES_UP);
    await bench.speaker.start();
    await bench.clock.runFor(1);
    expect([bench.speaker.status.listeners, bench.state, connections.length]).toEqual([[], 'Established', 1]);
    const refused = await bench.connect();
    expect(refused.heard).toEqual(['connection refused']);
  });

  it.each([
    {
      name: 'a port in use',
      peers: [PEER],
      says: 'BGP: cannot bind 10.0.0.1 port 179: in use; another BGP speaker may be running on this machine',
    },
    {
      name: 'an address of another machine',
      peers: [{ ...PEER, localAddress: '10.0.0.99' }],
      says: 'BGP: cannot bind 10.0.0.99 port 179: not an address of this machine; it is the localAddress of a peer',
    },
  ])('says what is wrong with $name, and then nothing runs', async ({ peers, says }) => {
    const bench = new Bench();
    const other = new Speaker({ as: 1, routerId: '1.1.1.1', addresses: {}, peers: [PEER] }, bench.mux);
    await other.start();
    await settled(bench, bench.speaker.setPeers(peers));
    await expect(settled(bench, bench.speaker.start())).rejects.toThrow(says);
    expect(bench.speaker.status).toMatchObject({ listeners: [], peers: [{ state: 'Idle' }] });
  });

  it('waits 3 s for an address that is not there yet: IPv6 asks the link first whether it is free', async () => {
    const bench = new Bench();
    const missing = new EdgemuxError('ERR_SOCKET', 'cannot bind: not an address of this machine');
    const { clock, udp } = bench.mux;
    const speakerThatBinds = (atMs: number) => {
      const listen: Tcp['listen'] = async (...how) => {
        if (clock.nowMs() < atMs) throw missing;
        return bench.mux.tcp.listen(...how);
      };
      const tcp: Tcp = { connect: (...how) => bench.mux.tcp.connect(...how), listen };
      const options = { as: MUX_AS, routerId: MUX, addresses: {}, peers: [PEER] };
      return new Speaker(options, { clock, udp, tcp, random: () => 0.5 });
    };
    const late = speakerThatBinds(2000);
    await settled(bench, late.start());
    expect([clock.nowMs(), late.status.listeners]).toEqual([2000, [{ address: MUX, port: 179 }]]);
    await settled(bench, late.stop());
    await expect(settled(bench, speakerThatBinds(99_000).start())).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    expect(clock.nowMs()).toBe(5000);
  });

  it('fails when the platform cannot protect a connection, also one that it only opens', async () => {
    const bench = new Bench({ md5Key: 'secret' }, { listens: false });
    const unsupported = new EdgemuxError('ERR_UNSUPPORTED', 'TCP MD5 signatures need koffi');
    bench.mux.tcp.connect = () => {
      throw unsupported;
    };
    await expect(bench.speaker.start()).rejects.toBe(unsupported);
    expect(bench.state).toBe('Idle');
  });

  it('gives the key of a peer to TCP and to nobody else', async () => {
    const bench = new Bench({ md5Key: 'secret-of-peer' });
    await bench.listen(COMES_UP);
    await bench.speaker.start();
    await bench.clock.runFor(20_000);
    expect(bench.speaker.status.peers[0]).toMatchObject({
      state: 'Connect',
      lastError: 'no answer: unreachable, filtered, or another MD5 key or hop limit',
    });
    expect(bench.events.filter(({ kind }) => kind === 'down')).toHaveLength(1);
    expect(JSON.stringify([bench.speaker.status, bench.events])).not.toContain('secret-of-peer');
  });
});

describe('speaker: patience', () => {
  it('retries a refused connection each 5 s, up to a quarter sooner, and says so once', async () => {
    const bench = new Bench();
    await bench.speaker.start();
    await bench.clock.runFor(60_000);
    const began = bench.events.filter((event) => event.kind === 'state' && event.state === 'Connect');
    expect(began.length).toBeGreaterThanOrEqual(12);
    expect(began.length).toBeLessThanOrEqual(17);
    expect(bench.events.filter(({ kind }) => kind === 'down')).toEqual([
      { kind: 'down', peer: ROUTER, address: ROUTER, state: 'Connect', reason: 'connection refused' },
    ]);
  });

  it('leaves a peer alone for 1 s, 2 s, 4 s … 60 s when sessions end in errors', async () => {
    const bench = new Bench();
    const beganMs: number[] = [];
    const options = { localAddress: ROUTER, port: 179, peers: [{ address: MUX }] };
    await bench.router.tcp.listen(options, (tcp) => {
      beganMs.push(bench.clock.nowMs());
      const connection = new RouterConnection(bench.router, { OPEN: [notificationOf(NOTIFICATION.OPEN.BAD_PEER_AS)] });
      connection.tcp = tcp;
      return connection;
    });
    await bench.speaker.start();
    await bench.clock.runFor(300_000);
    const gaps = beganMs.slice(1).map((at, i) => at - beganMs[i]);
    expect(gaps).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(bench.events.filter(({ kind }) => kind === 'down')).toHaveLength(1);
    expect(bench.speaker.status.peers[0]).toMatchObject({
      failureCount: 10,
      lastError: 'received OPEN message error: bad peer AS',
    });
  });

  it.each([
    { lastsMs: 59_999, failureCount: 3 },
    { lastsMs: 60_000, failureCount: 1 },
  ])('forgets failures after a session of 60 s: $lastsMs ms', async ({ lastsMs, failureCount }) => {
    const bench = new Bench(PEER);
    await bench.speaker.start();
    for (const holdMs of [1000, 2000]) {
      const router = await bench.connect(COMES_UP);
      router.send(notificationOf(NOTIFICATION.CEASE.OUT_OF_RESOURCES));
      await bench.clock.runFor(holdMs - 1);
      expect(bench.state).toBe('Idle');
      await bench.clock.runFor(1);
      expect(bench.state).toBe('Active');
    }
    const router = await bench.connect(COMES_UP);
    await bench.clock.runFor(lastsMs);
    router.tcp.abort();
    await bench.clock.runFor(0);
    expect(bench.speaker.status.peers[0]).toMatchObject({ state: 'Idle', failureCount });
  });

  it('refuses connections while it leaves a peer alone', async () => {
    const { bench, router } = await Bench.established();
    router.tcp.abort();
    await bench.clock.runFor(500);
    expect((await bench.connect()).heard).toEqual(['TCP', 'reset by peer']);
    await bench.clock.runFor(500);
    expect((await bench.connect(COMES_UP)).heard).toContain('OPEN');
    expect(bench.state).toBe('Established');
  });

  it('a router that breaks off before its OPEN is tried again by whoever comes first', async () => {
    const bench = new Bench();
    await bench.speaker.start();
    const router = await bench.connect();
    router.tcp.abort();
    await bench.clock.runFor(0);
    expect(bench.state).toBe('Active');
    await bench.connect(COMES_UP);
    expect(bench.state).toBe('Established');
  });
});

describe('speaker: drain', () => {
  it('withdraws, says why it goes, and closes; in that order', async () => {
    const { bench, router } = await Bench.established();
    bench.speaker.announce([{ prefix: VIP }]);
    await bench.clock.runFor(0);
    const before = router.news.length;
    await settled(bench, bench.speaker.stop({ kind: 'drain', text: 'maintenance until 18:00' }));
    const cease = 'NOTIFICATION 6/2 Cease: administrative shutdown ("maintenance until 18:00")';
    expect(router.news.slice(before)).toEqual([`-${VIP}`, cease, 'FIN']);
    expect(bench.state).toBe('Idle');
    await bench.clock.runFor(300_000);
    expect((await bench.connect()).heard).toEqual(['connection refused']);
  });

  it.each([
    { state: 'OpenSent', says: [], hears: 'NOTIFICATION 6/2 Cease: administrative shutdown' },
    { state: 'OpenConfirm', says: [OPEN], hears: 'NOTIFICATION 6/2 Cease: administrative shutdown' },
  ])('of a connection in $state', async ({ state, says, hears }) => {
    const bench = new Bench({ isPassive: true });
    await bench.speaker.start();
    const router = await bench.connect();
    router.send(...says);
    await bench.clock.runFor(0);
    expect(bench.state).toBe(state);
    await settled(bench, bench.speaker.stop());
    expect(router.news.slice(-2)).toEqual([hears, 'FIN']);
  });

  it('does not wait for ever for a router that does not read', async () => {
    const { bench } = await Bench.established();
    bench.router.stopReading();
    bench.speaker.announce(Array.from({ length: 40_000 }, (_, i) => ({ prefix: `10.9.${i >> 8}.${i & 255}/32` })));
    await bench.clock.runFor(0);
    const beganMs = bench.clock.nowMs();
    await settled(bench, bench.speaker.stop({ kind: 'drain', timeoutMs: 2000 }));
    expect(bench.clock.nowMs() - beganMs).toBeLessThanOrEqual(3010);
    await bench.clock.runFor(6000);
    expect(bench.mux.tcp.ends.size).toBe(0);
  });

  it('ends attempts to connect, and can be followed by another start', async () => {
    const bench = new Bench();
    bench.speaker.announce([{ prefix: VIP }]);
    await bench.speaker.start();
    await settled(bench, bench.speaker.stop());
    const connections = await bench.listen(COMES_UP);
    await bench.clock.runFor(60_000);
    expect(connections).toEqual([]);
    await bench.speaker.start();
    await bench.clock.runFor(0);
    expect(connections[0].news).toContain(`+${VIP}`);
  });
});

describe('speaker: graceful restart', () => {
  const helper = (name = ROUTER) =>
    openWith({
      routerId: name,
      capabilities: {
        ...ROUTER_OPEN.capabilities,
        gracefulRestart: { isRestarting: false, restartTimeSeconds: 120, families: [] },
      },
    });

  it('is not advertised unless it is asked for', async () => {
    const { router } = await Bench.established();
    expect(router.messages[0]).not.toHaveProperty('capabilities.gracefulRestart');
  });

  it('after a restart: the R bit until the first session, and End-of-RIB after the routes and not before', async () => {
    const gracefulRestart = { restartTimeSeconds: 120, isRestarting: true };
    const bench = new Bench(PEER, { gracefulRestart });
    await bench.speaker.start();
    const broken = await bench.connect();
    broken.tcp.abort();
    const router = await bench.connect({ OPEN: [helper(), KEEPALIVE] });
    for (const { messages } of [broken, router]) {
      expect(messages[0]).toMatchObject({
        capabilities: {
          gracefulRestart: {
            isRestarting: true,
            restartTimeSeconds: 120,
            families: [
              { family: 'ipv4', isForwardingPreserved: true },
              { family: 'ipv6', isForwardingPreserved: true },
            ],
          },
        },
      });
    }
    await bench.clock.runFor(5000);
    expect(router.news).toEqual(['TCP', 'OPEN']);
    bench.speaker.announce([{ prefix: VIP }]);
    await bench.clock.runFor(0);
    expect(router.news.slice(2)).toEqual([`+${VIP}`, 'End-of-RIB ipv4', 'End-of-RIB ipv6']);
    router.tcp.abort();
    await bench.clock.runFor(1000);
    const second = await bench.connect();
    expect(second.messages[0]).toMatchObject({ capabilities: { gracefulRestart: { isRestarting: false } } });
  });

  it('prepareRestart reopens the sessions that can, one after the other; then stop ends them without a word', async () => {
    const network = new SimulatedNetwork({ seed: 3, latencyMs: 0 });
    const bench = new Bench();
    const mux = network.host(MUX);
    const routers = ['10.0.0.2', '10.0.0.3', '10.0.0.4'];
    const peers = routers.map((address) => ({ address, as: ROUTER_AS, localAddress: MUX }));
    const speaker = new Speaker({ as: MUX_AS, routerId: MUX, addresses: {}, peers }, mux);
    const heard = new Map<string, RouterConnection[]>();
    for (const address of routers) {
      const host = network.host(address);
      const connections: RouterConnection[] = [];
      heard.set(address, connections);
      // The last one knows no graceful restart.
      const open = address === '10.0.0.4' ? openWith({ routerId: address }) : helper(address);
      await host.tcp.listen({ localAddress: address, port: 179, peers: [{ address: MUX }] }, (tcp) => {
        const connection = new RouterConnection(host, { OPEN: [open, KEEPALIVE] });
        connection.tcp = tcp;
        connections.push(connection);
        return connection;
      });
    }
    speaker.announce([{ prefix: VIP }]);
    await speaker.start();
    await network.clock.runFor(1000);
    const upCounts: number[] = [];
    speaker.subscribe(() => upCounts.push(speaker.status.peers.filter(({ state }) => state === 'Established').length));

    const prepared = speaker.prepareRestart({ restartTimeSeconds: 120 });
    let isPrepared = false;
    void prepared.then(() => {
      isPrepared = true;
    });
    expect(await network.clock.runUntil(() => isPrepared, 10_000)).toBe(true);
    expect(Math.min(...upCounts)).toBe(2);
    expect(speaker.status.peers).toMatchObject(routers.map(() => ({ state: 'Established', announcedCount: 1 })));
    const counts = routers.map((address) => heard.get(address)?.length);
    expect(counts).toEqual([2, 2, 1]);
    const [first, second] = heard.get('10.0.0.2') as RouterConnection[];
    expect(first.news.slice(-2)).toEqual(['NOTIFICATION 6/4 Cease: administrative reset', 'FIN']);
    expect(second.messages[0]).toMatchObject({
      capabilities: { gracefulRestart: { isRestarting: false, restartTimeSeconds: 120 } },
    });

    const before = second.news.length;
    let isStopped = false;
    void speaker.stop({ kind: 'restart' }).then(() => {
      isStopped = true;
    });
    await network.clock.runUntil(() => isStopped, 1000);
    await network.clock.runFor(0);
    expect(second.news.slice(before)).toEqual(['FIN']);
    expect(bench.events).toEqual([]);
  });

  it('prepareRestart can be given up', async () => {
    const { bench } = await Bench.established({}, {}, { OPEN: [helper(), KEEPALIVE] });
    const controller = new AbortController();
    const prepared = bench.speaker.prepareRestart({ restartTimeSeconds: 120 }, controller.signal);
    prepared.catch(() => {});
    await bench.clock.runFor(30_000);
    controller.abort(new Error('took too long'));
    await expect(settled(bench, prepared)).rejects.toThrow('took too long');
  });

  it('prepareRestart that was given up leaves nothing undone: the next one waits for the same session', async () => {
    const { bench } = await Bench.established({}, {}, { OPEN: [helper(), KEEPALIVE] });
    bench.speaker.announce([{ prefix: VIP }]);
    await bench.clock.runFor(0);
    const controller = new AbortController();
    const givenUp = bench.speaker.prepareRestart({ restartTimeSeconds: 120 }, controller.signal);
    givenUp.catch(() => {});
    await bench.clock.runFor(1000);
    controller.abort(new Error('took too long'));
    await expect(settled(bench, givenUp)).rejects.toThrow('took too long');

    let isPrepared = false;
    const prepared = bench.speaker.prepareRestart({ restartTimeSeconds: 120 }).then(() => {
      isPrepared = true;
    });
    await bench.clock.runFor(1000);
    expect([bench.state, isPrepared]).toEqual(['Active', false]);
    const router = await bench.connect({ OPEN: [helper(), KEEPALIVE] });
    await settled(bench, prepared, 1000);
    expect(router.news).toContain(`+${VIP}`);
  });

  it('prepareRestart touches no session when it is given up before it begins', async () => {
    const { bench } = await Bench.established({}, {}, { OPEN: [helper(), KEEPALIVE] });
    const prepared = bench.speaker.prepareRestart({ restartTimeSeconds: 120 }, AbortSignal.abort(new Error('no')));
    await expect(settled(bench, prepared)).rejects.toThrow('no');
    expect(bench.state).toBe('Established');
    await bench.speaker.setPeers([{ ...PEER, holdTimeSeconds: 30 }]);
    const again = await bench.connect(COMES_UP);
    expect(again.messages[0]).not.toHaveProperty('capabilities.gracefulRestart');
  });

  it('prepareRestart waits for no routes where there are none yet', async () => {
    const { bench } = await Bench.established({}, {}, { OPEN: [helper(), KEEPALIVE] });
    const prepared = bench.speaker.prepareRestart({ restartTimeSeconds: 120 });
    await bench.clock.runFor(1000);
    await bench.connect({ OPEN: [helper(), KEEPALIVE] });
    await settled(bench, prepared, 1000);
    expect(bench.state).toBe('Established');
  });

  it('prepareRestart checks the time', async () => {
    const { bench } = await Bench.established();
    await expect(bench.speaker.prepareRestart({ restartTimeSeconds: 4096 })).rejects.toMatchObject({
      code: 'ERR_SPEAKER_INVALID',
    });
  });
});

describe('speaker: other peers', () => {
  it.each([
    { name: 'gone', peers: [], hears: 'NOTIFICATION 6/3 Cease: peer de-configured' },
    {
      name: 'changed',
      peers: [{ ...PEER, holdTimeSeconds: 30 }],
      hears: 'NOTIFICATION 6/6 Cease: other configuration change',
    },
  ])('one that is $name hears it', async ({ peers, hears }) => {
    const { bench, router } = await Bench.established();
    await bench.speaker.setPeers(peers);
    await bench.clock.runFor(0);
    expect(router.news.slice(-2)).toEqual([hears, 'FIN']);
    const again = await bench.connect(COMES_UP);
    expect(again.heard.at(-1)).toBe(peers.length > 0 ? 'KEEPALIVE' : 'connection refused');
  });

  it('one that stays as it is notices nothing, and a new one gets the routes', async () => {
    const { bench, router } = await Bench.established();
    bench.speaker.announce([{ prefix: VIP }]);
    await bench.clock.runFor(0);
    const before = router.heard.length;
    await bench.speaker.setPeers([PEER, { ...PEER, address: '2001:db8::2', localAddress: '2001:db8::1' }]);
    const second = new RouterConnection(bench.router, COMES_UP);
    second.tcp = bench.router.tcp.connect({ remote: { address: '2001:db8::1', port: 179 } }, second);
    await bench.clock.runFor(0);
    expect(router.heard.length).toBe(before);
    expect(bench.speaker.status.peers.map(({ state }) => state)).toEqual(['Established', 'Established']);
    expect(second.news).toContain('End-of-RIB ipv4');
  });

  it('one that is only called something else keeps its session', async () => {
    const { bench, router } = await Bench.established({ name: 'edge' });
    const before = router.heard.length;
    await bench.speaker.setPeers([{ ...PEER, name: 'core' }]);
    await bench.clock.runFor(0);
    expect(router.heard.length).toBe(before);
    expect(bench.speaker.status.peers[0]).toMatchObject({ name: 'core', state: 'Established' });
    router.tcp.abort();
    await bench.clock.runFor(0);
    expect(bench.events.at(-1)).toMatchObject({ peer: 'core', state: 'Idle' });
  });

  it('that are wrong change nothing', async () => {
    const { bench, router } = await Bench.established();
    await expect(bench.speaker.setPeers([{ ...PEER, as: 0 }])).rejects.toMatchObject({ code: 'ERR_SPEAKER_INVALID' });
    const elsewhere = bench.speaker.setPeers([PEER, { ...PEER, address: '10.0.0.3', localAddress: '10.0.0.99' }]);
    await expect(settled(bench, elsewhere)).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    expect([bench.state, router.news]).toEqual(['Established', ['TCP', 'OPEN']]);
    expect(bench.speaker.status.listeners).toEqual([{ address: MUX, port: 179 }]);
  });
});

describe('speaker: other peers of which one cannot be started', () => {
  const third = { ...PEER, address: '10.0.0.3' };
  const states = ({ speaker }: Bench) => speaker.status.peers.map(({ address, state }) => `${address} ${state}`);

  /** A session, and BFD of another program on its address. */
  async function withoutBfd() {
    const { bench, router } = await Bench.established();
    await bench.mux.udp.bind({ localAddress: MUX, port: 3784, hopLimit: 255, hopLimitMin: 255 }, () => {});
    return { bench, router };
  }

  it('the peers are those of before, and one that stays notices nothing', async () => {
    const { bench, router } = await withoutBfd();
    const peers = [PEER, { ...third, bfd: {} }, { ...PEER, address: '10.0.0.4' }];
    await expect(settled(bench, bench.speaker.setPeers(peers))).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    expect([states(bench), router.news]).toEqual([['10.0.0.2 Established'], ['TCP', 'OPEN']]);
    await settled(bench, bench.speaker.setPeers([PEER, third]));
    expect(states(bench)).toEqual(['10.0.0.2 Established', '10.0.0.3 Active']);
  });

  it('one that was changed for it is as before, in a new session with its routes', async () => {
    const { bench, router } = await withoutBfd();
    bench.speaker.announce([{ prefix: VIP }]);
    const changed = bench.speaker.setPeers([{ ...PEER, bfd: {} }]);
    await expect(settled(bench, changed)).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    await bench.clock.runFor(0);
    expect(router.news.at(-2)).toBe('NOTIFICATION 6/6 Cease: other configuration change');
    const again = await bench.connect(COMES_UP);
    expect(again.news).toContain(`+${VIP}`);
    expect(bench.speaker.status.peers[0]).not.toHaveProperty('bfd');
  });
});

describe('speaker: BFD', () => {
  const timers = { intervalMs: 100, multiplier: 3 };

  async function watched() {
    const { bench, router } = await Bench.established({ bfd: timers });
    const bfd = new Bfd(bench.router);
    const watch = await bfd.watch({ localAddress: ROUTER, remoteAddress: MUX, ...timers }, () => {});
    await bench.clock.runFor(5000);
    expect(bench.speaker.status.peers[0]).toMatchObject({ bfd: { state: 'Up', remoteState: 'Up' } });
    return { bench, router, watch, bfd };
  }

  it('takes the session down when the router falls silent, and says so', async () => {
    const { bench } = await watched();
    const beganMs = bench.clock.nowMs();
    bench.network.cut(MUX, ROUTER);
    expect(await bench.clock.runUntil(() => bench.state !== 'Established', 10_000)).toBe(true);
    expect(bench.clock.nowMs() - beganMs).toBeLessThanOrEqual(300);
    expect(bench.events.filter(({ kind }) => kind === 'down')).toMatchObject([{ reason: 'sent Cease: BFD down' }]);
    expect(bench.events.filter(({ kind }) => kind === 'bfd').at(-1)).toMatchObject({
      state: 'Down',
      diagnostic: 'control detection time expired',
    });
  });

  it('leaves the session alone when the router switches BFD off', async () => {
    const { bench, watch } = await watched();
    watch.stop();
    await bench.clock.runFor(5000);
    expect(bench.speaker.status.peers[0]).toMatchObject({ state: 'Established', bfd: { remoteState: 'AdminDown' } });
  });

  it('that never comes up takes nothing down', async () => {
    const { bench } = await Bench.established({ bfd: timers });
    await bench.clock.runFor(60_000);
    expect(bench.speaker.status.peers[0]).toMatchObject({ state: 'Established', bfd: { state: 'Down' } });
  });

  it('ends with the speaker: the router is told AdminDown', async () => {
    const { bench, watch } = await watched();
    await settled(bench, bench.speaker.stop());
    await bench.clock.runFor(0);
    expect(watch.remoteState).toBe('AdminDown');
  });
});

describe('speaker: what it tells', () => {
  it('a listener that throws harms neither the session nor other listeners', async () => {
    const bench = new Bench(PEER);
    const thrown: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => thrown.push(error));
    let isFirst = true;
    bench.speaker.subscribe(() => {
      if (!isFirst) return;
      isFirst = false;
      throw new Error('of the listener');
    });
    await bench.speaker.start();
    await bench.connect(COMES_UP);
    for (const listener of before) process.on('uncaughtException', listener);
    expect(bench.state).toBe('Established');
    expect(thrown).toMatchObject([{ message: 'of the listener' }]);
  });

  it('stops telling who has had enough', async () => {
    const bench = new Bench(PEER);
    let count = 0;
    const stop = bench.speaker.subscribe(() => {
      count++;
    });
    stop();
    await bench.speaker.start();
    expect([count, bench.events.length]).toEqual([0, 1]);
  });

  it('counts what the router announces, and keeps none of it', async () => {
    const { bench, router } = await Bench.established();
    const path = {
      nextHop: ROUTER,
      attributes: { origin: 'igp', asPath: [ROUTER_AS], communities: [], largeCommunities: [] },
    } as const;
    const prefixes = [{ family: 4, bytes: Uint8Array.of(192, 0, 2, 0), length: 24 } as const];
    const agreement = {
      fourOctetAs: true,
      isExternal: true,
      families: new Set(['ipv4'] as const),
      extendedNextHop: new Set<never>(),
    };
    router.send(...encodeUpdates({ family: 'ipv4', prefixes, path }, agreement));
    await bench.clock.runFor(0);
    expect(bench.speaker.status.peers[0]).toMatchObject({ state: 'Established', received: { update: 1 } });
    expect(bench.events.filter(({ kind }) => kind === 'fault')).toEqual([]);
  });
});
