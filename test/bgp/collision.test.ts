/** Speakers that connect to each other at once, and while a session is up: RFC 4271 section 6.8. */

import { describe, expect, it } from 'vitest';
import { Speaker } from '../../sdk/bgp/speaker.js';
import { NOTIFICATION } from '../../sdk/bgp/wire/index.js';
import { SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';
import {
  Bench,
  COMES_UP,
  KEEPALIVE,
  MUX,
  notificationOf,
  OPEN,
  openWith,
  ROUTER,
  ROUTER_AS,
  ROUTER_OPEN,
  RouterConnection,
} from '../support/bgp-router.js';

const COLLISION = 'NOTIFICATION 6/7 Cease: connection collision resolution';

describe('collision: the connection of the higher identifier stays', () => {
  it.each([
    { routerId: '10.0.0.9', name: 'the router is higher: its own stays', stays: 'theirs', loses: 'ours' },
    { routerId: '10.0.0.0', name: 'we are higher: ours stays', stays: 'ours', loses: 'theirs' },
  ] as const)('$name, whichever OPEN comes first', async ({ routerId, stays, loses }) => {
    for (const first of ['ours', 'theirs'] as const) {
      const bench = new Bench();
      const [open, connections] = [openWith({ routerId }), await bench.listen()];
      await bench.speaker.start();
      const theirs = await bench.connect();
      const both = { ours: connections[0], theirs };
      const second = first === 'ours' ? 'theirs' : 'ours';
      expect([both.ours.news.at(-1), both.theirs.news.at(-1)]).toEqual(['OPEN', 'OPEN']);
      both[first].send(open);
      await bench.clock.runFor(0);
      both[second].send(open);
      await bench.clock.runFor(0);
      expect(both[loses].news.slice(-2), `${first} first`).toEqual([COLLISION, 'FIN']);
      expect(both[stays].news.at(-1)).toBe('OPEN');
      both[stays].send(KEEPALIVE);
      await bench.clock.runFor(0);
      expect(bench.speaker.status.peers[0]).toMatchObject({ state: 'Established', failureCount: 0 });
      expect(bench.events.filter(({ kind }) => kind === 'down')).toEqual([]);
    }
  });

  it('and what the router says to the one that goes changes nothing', async () => {
    const bench = new Bench();
    const connections = await bench.listen();
    await bench.speaker.start();
    const theirs = await bench.connect();
    theirs.send(OPEN);
    connections[0].send(notificationOf(NOTIFICATION.CEASE.CONNECTION_COLLISION));
    await bench.clock.runFor(0);
    theirs.send(KEEPALIVE);
    await bench.clock.runFor(5000);
    expect(bench.speaker.status.peers[0]).toMatchObject({ state: 'Established' });
    expect(bench.speaker.status.peers[0]).not.toHaveProperty('lastError');
    expect(connections.length).toBe(1);
  });

  it.each([
    { ends: 'ours', stays: 'theirs' },
    { ends: 'theirs', stays: 'ours' },
  ] as const)('a higher router decides when ours is up before its own: it ends $ends', async ({ ends, stays }) => {
    const bench = new Bench();
    const connections = await bench.listen(COMES_UP);
    await bench.speaker.start();
    bench.speaker.announce([{ prefix: '203.0.113.7/32' }]);
    const theirs = await bench.connect();
    const both = { ours: connections[0], theirs };
    expect([bench.state, theirs.news]).toEqual(['Established', ['TCP', 'OPEN']]);
    theirs.send(OPEN);
    await bench.clock.runFor(0);
    both[ends].send(notificationOf(NOTIFICATION.CEASE.CONNECTION_COLLISION));
    if (stays === 'theirs') theirs.send(KEEPALIVE);
    await bench.clock.runFor(0);
    expect([bench.state, both[ends].news.at(-1)]).toEqual(['Established', 'FIN']);
    expect(both[stays].news.slice(-3)).toEqual(['+203.0.113.7/32', 'End-of-RIB ipv4', 'End-of-RIB ipv6']);
    expect(bench.speaker.status.peers[0]).toMatchObject({ announcedCount: 1, failureCount: 0 });
  });

  it('a session that is up ends the attempt beside it', async () => {
    const bench = new Bench();
    const connections = await bench.listen();
    await bench.speaker.start();
    const theirs = await bench.connect(COMES_UP);
    expect(bench.state).toBe('Established');
    expect(connections[0].news).toEqual(['OPEN', COLLISION, 'FIN']);
    await bench.clock.runFor(8000);
    expect([connections.length, theirs.news]).toEqual([1, ['TCP', 'OPEN']]);
  });
});

describe('collision: a connection that comes while a session is up', () => {
  it('is refused', async () => {
    const { bench, router } = await Bench.established();
    const second = await bench.connect();
    expect(second.news).toEqual(['TCP', 'reset by peer']);
    expect([bench.state, router.news]).toEqual(['Established', ['TCP', 'OPEN']]);
  });

  it('replaces it when both sides restart gracefully, without a word (RFC 4724 section 5)', async () => {
    const families = [{ family: 'ipv4', isForwardingPreserved: true } as const];
    const gracefulRestart = { isRestarting: true, restartTimeSeconds: 60, families };
    const open = openWith({ capabilities: { ...ROUTER_OPEN.capabilities, gracefulRestart } });
    const answers = { OPEN: [open, KEEPALIVE] };
    const speaker = { gracefulRestart: { restartTimeSeconds: 60, isRestarting: false } };
    const { bench, router } = await Bench.established({}, speaker, answers);
    bench.speaker.announce([{ prefix: '203.0.113.7/32' }]);
    await bench.clock.runFor(0);
    const second = await bench.connect(answers);
    expect(router.news.at(-1)).toBe('FIN');
    expect(router.news.join()).not.toContain('NOTIFICATION');
    expect(second.news).toEqual(['TCP', 'OPEN', '+203.0.113.7/32', 'End-of-RIB ipv4', 'End-of-RIB ipv6']);
    expect(bench.state).toBe('Established');
    expect(bench.events).toContainEqual(expect.objectContaining({ kind: 'down', reason: 'the peer has restarted' }));
  });

  it('before the first one is a session, the peer has forgotten that one', async () => {
    const bench = new Bench({ isPassive: true });
    await bench.speaker.start();
    const first = await bench.connect();
    const second = await bench.connect(COMES_UP);
    expect(first.news).toEqual(['TCP', 'OPEN', 'FIN']);
    expect([bench.state, second.news]).toEqual(['Established', ['TCP', 'OPEN']]);
  });

  it('to another address than the peer is to use is refused', async () => {
    const anywhere = { address: '10.0.0.3', as: 65003 };
    const bench = new Bench();
    const mux = bench.network.host('10.1.0.1', '10.1.0.2');
    const peers = [{ address: ROUTER, as: ROUTER_AS, localAddress: '10.1.0.1', isPassive: true }, anywhere];
    const speaker = new Speaker({ as: 65001, routerId: MUX, addresses: {}, peers }, mux);
    await speaker.start();
    expect(speaker.status.listeners).toEqual([{ address: '0.0.0.0', port: 179 }]);
    const heard = ['10.1.0.1', '10.1.0.2'].map((address) => {
      const connection = new RouterConnection(bench.router);
      connection.tcp = bench.router.tcp.connect({ remote: { address, port: 179 } }, connection);
      return connection.heard;
    });
    await bench.clock.runFor(1);
    expect(heard).toEqual([
      ['TCP', 'OPEN'],
      ['TCP', 'reset by peer'],
    ]);
  });

  it('of a stranger is reset', async () => {
    const bench = new Bench({ isPassive: true });
    await bench.speaker.start();
    const stranger = bench.network.host('10.0.0.66');
    const heard: string[] = [];
    stranger.tcp.connect(
      { remote: { address: MUX, port: 179 } },
      { received: () => heard.push('bytes'), closed: ({ text }) => heard.push(text) },
    );
    await bench.clock.runFor(10);
    expect(heard).toEqual(['reset by peer']);
    expect(bench.state).toBe('Active');
  });
});

describe('collision: two speakers that start at once', () => {
  const seeds = Array.from({ length: 60 }, (_, i) => i + 1);
  it('have one session in the end, for each of 60 seeds', async () => {
    for (const seed of seeds) {
      const network = new SimulatedNetwork({ seed, latencyMs: 20 });
      const speakerAt = (address: string, as: number, peer: string, peerAs: number) =>
        new Speaker(
          { as, routerId: address, addresses: {}, peers: [{ address: peer, as: peerAs, localAddress: address }] },
          network.host(address),
        );
      const [a, b] = [speakerAt('10.0.0.1', 1, '10.0.0.2', 2), speakerAt('10.0.0.2', 2, '10.0.0.1', 1)];
      const downs: string[] = [];
      for (const speaker of [a, b]) {
        speaker.subscribe(
          (event) => event.kind === 'down' && event.state === 'Established' && downs.push(event.reason),
        );
        speaker.announce([]);
      }
      await a.start();
      await network.clock.runFor(seed % 3 === 0 ? 0 : network.random.next() * 100);
      await b.start();
      await network.clock.runFor(30_000);
      const states = [a, b].map(({ status }) => status.peers[0]);
      expect(states, `seed ${seed}`).toMatchObject([{ state: 'Established' }, { state: 'Established' }]);
      expect(Math.min(...states.map(({ sinceMs }) => sinceMs)), `seed ${seed}: ${downs}`).toBeGreaterThan(20_000);
      const ends = [network.hostAt('10.0.0.1'), network.hostAt('10.0.0.2')].map((host) => host?.tcp.ends.size);
      expect(ends, `seed ${seed}`).toEqual([1, 1]);
    }
  });
});
