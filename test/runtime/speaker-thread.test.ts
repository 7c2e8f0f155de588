/** A speaker on a thread of its own: its sessions live while this thread does not, and what it says comes through whole. */

import { execFileSync } from 'node:child_process';
import type { Worker } from 'node:worker_threads';
import { EdgemuxError } from 'edgemux';
import { checkPeerOptions } from 'edgemux/bgp';
import { nodeRuntime, SpeakerThread } from 'edgemux/node';
import { afterEach, describe, expect, it } from 'vitest';
import type { PeerOptions, SpeakerEvent, SpeakerOptions } from '../../sdk/bgp/index.js';
import { enterNetworkNamespace } from './namespace.js';
import { socketCount, untilSocketCount } from './recorder.js';

const HOLD_TIME_SECONDS = 3;
const MUX = '192.0.2.1';
const ROUTER = '192.0.2.2';

const missing = await enterNetworkNamespace();
if (missing) console.log(`skipped: a speaker on a thread of its own was not tried, as ${missing}`);
// BGP has no peers on the loopback network; threads that start from here on are in the namespace too.
else for (const address of [MUX, ROUTER]) execFileSync('ip', ['addr', 'add', `${address}/32`, 'dev', 'lo']);

/** A speaker under test, and what it told. */
class Told {
  readonly events: SpeakerEvent[] = [];
  thread!: SpeakerThread;
  #check = () => {};

  static async start(options: SpeakerOptions): Promise<Told> {
    const told = new Told();
    told.thread = await SpeakerThread.start(options, (event) => {
      told.events.push(event);
      told.#check();
    });
    running.push(told.thread);
    return told;
  }

  /** Waits for an event with these members, which may have come before. */
  async until(members: Partial<Record<string, unknown>>): Promise<void> {
    const isThere = () =>
      this.events.some((event) => Object.entries(members).every(([key, value]) => Reflect.get(event, key) === value));
    while (!isThere()) await new Promise<void>((resolve) => (this.#check = resolve));
  }
}

const running: SpeakerThread[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((thread) => thread.stop({ kind: 'restart' }).catch(() => {})));
});

/** A MUX that waits for its router, at a port of its own. */
const muxOptions = (peer: Partial<PeerOptions> = {}): SpeakerOptions => ({
  as: 64512,
  routerId: '192.0.2.1',
  addresses: { ipv6: '2001:db8::1' },
  port: 0,
  peers: [
    {
      address: ROUTER,
      as: 64513,
      localAddress: MUX,
      isPassive: true,
      holdTimeSeconds: HOLD_TIME_SECONDS,
      name: 'router',
      ...peer,
    },
  ],
});

/** The router, which connects to it. */
const routerOptions = (mux: Told, peer: Partial<PeerOptions> = {}): SpeakerOptions => ({
  as: 64513,
  routerId: '192.0.2.2',
  addresses: {},
  listens: false,
  peers: [
    {
      address: MUX,
      as: 64512,
      localAddress: ROUTER,
      port: mux.thread.status.listeners[0].port,
      holdTimeSeconds: HOLD_TIME_SECONDS,
      connectRetrySeconds: 1,
      ...peer,
    },
  ],
});

/** A router that keeps the routes of a MUX that restarts. */
const GRACEFUL = { gracefulRestart: { restartTimeSeconds: 10, isRestarting: false } };

/** A MUX and its router with a session between them. */
async function session(
  protection: Partial<PeerOptions> = {},
  capabilities: Partial<SpeakerOptions> = {},
): Promise<{ mux: Told; router: Told }> {
  const mux = await Told.start(muxOptions(protection));
  const router = await Told.start({ ...routerOptions(mux, protection), ...capabilities });
  await Promise.all([mux.until({ state: 'Established' }), router.until({ state: 'Established' })]);
  return { mux, router };
}

/** Does nothing else for so long, as a thread that compiles policy or forwards packets does. */
function beBusy(ms: number): void {
  const { clock } = nodeRuntime();
  const endMs = clock.nowMs() + ms;
  while (clock.nowMs() < endMs);
}

/** The error of something that throws or rejects. */
async function errorOf(action: () => unknown): Promise<EdgemuxError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof EdgemuxError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe.skipIf(missing)('SpeakerThread', () => {
  it('keeps sessions while the thread that owns it is busy for longer than the hold time', async () => {
    const { mux, router } = await session();
    mux.thread.announce([{ prefix: '203.0.113.7/32' }]);
    await mux.until({ kind: 'routes', total: 1 });
    const before = { mux: mux.events.length, router: router.events.length };
    const keepalives = mux.thread.status.peers[0].received.keepalive;

    beBusy(2 * HOLD_TIME_SECONDS * 1000);

    // Long enough for the thread to report how it is, which it does every second.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(mux.events.slice(before.mux)).toEqual([]);
    expect(router.events.slice(before.router)).toEqual([]);
    const [peer] = mux.thread.status.peers;
    expect(peer.state).toBe('Established');
    expect(peer.sinceMs).toBeGreaterThan(2 * HOLD_TIME_SECONDS * 1000);
    expect(peer.received.keepalive - keepalives).toBeGreaterThanOrEqual(4);
  });

  it('signs its sessions where it is told to', async () => {
    const { mux } = await session({ md5Key: 'correct horse', ttlSecurityHops: 1 });
    expect(mux.thread.status.peers[0].state).toBe('Established');
  });

  it('announces, withdraws, drains with a word, and ends', async () => {
    const before = socketCount();
    const { mux, router } = await session();
    mux.thread.announce([{ prefix: '203.0.113.7/32' }, { prefix: '2001:db8:7::7/128' }]);
    await mux.until({ kind: 'routes', announced: 2, total: 2 });
    expect(mux.thread.status.peers[0]).toMatchObject({ name: 'router', announcedCount: 2, pendingCount: 0 });
    mux.thread.announce([{ prefix: '203.0.113.7/32' }]);
    await mux.until({ kind: 'routes', withdrawn: 1, total: 1 });
    await mux.thread.stop({ kind: 'drain', text: 'maintenance until 18:00' });
    await mux.thread.ended;
    await router.until({
      kind: 'down',
      reason: 'received Cease: administrative shutdown ("maintenance until 18:00")',
    });
    await router.thread.stop();
    await Promise.all([mux.thread.stop(), router.thread.ended]);
    await untilSocketCount(before);
  });

  it('takes other peers, and refuses bad ones with every problem', async () => {
    const { mux, router } = await session();
    const peers = [{ address: 'nowhere', as: 0 }];
    const error = await errorOf(() => mux.thread.setPeers(peers));
    const original = await errorOf(async () => checkPeerOptions(peers, {}));
    expect(error.code).toBe('ERR_SPEAKER_INVALID');
    expect(error.problems.length).toBeGreaterThan(1);
    expect(error.problems).toEqual(original.problems);
    expect(error.message).toBe(original.message);
    expect(mux.thread.status.peers[0].state).toBe('Established');

    await mux.thread.setPeers([]);
    expect(mux.thread.status.peers).toEqual([]);
    await router.until({ kind: 'down', reason: 'received Cease: peer de-configured' });
  });

  it('is prepared for a restart', async () => {
    const { mux, router } = await session({}, GRACEFUL);
    mux.thread.announce([{ prefix: '203.0.113.7/32' }]);
    await mux.until({ kind: 'routes', total: 1 });
    await mux.thread.prepareRestart({ restartTimeSeconds: 30 });
    await router.until({ kind: 'down', reason: 'received Cease: administrative reset' });
    expect(mux.thread.status.peers[0]).toMatchObject({ state: 'Established', announcedCount: 1 });
    const error = await errorOf(() => mux.thread.prepareRestart({ restartTimeSeconds: 5000 }));
    expect(error.code).toBe('ERR_SPEAKER_INVALID');
  });

  it('is not, when that is called off', async () => {
    const { mux } = await session({}, GRACEFUL);
    const calling = new AbortController();
    const reason = new Error('not today');
    const prepared = mux.thread.prepareRestart({ restartTimeSeconds: 30 }, calling.signal);
    calling.abort(reason);
    await expect(prepared).rejects.toBe(reason);
    await expect(mux.thread.prepareRestart({ restartTimeSeconds: 30 }, calling.signal)).rejects.toBe(reason);
  });

  it('refuses bad routes before anything has changed', async () => {
    const mux = await Told.start(muxOptions());
    const error = await errorOf(() => mux.thread.announce([{ prefix: '203.0.113.7/33' }]));
    expect(error.code).toBe('ERR_ROUTES_INVALID');
    expect(error.problems.length).toBe(1);
  });

  it('cannot start where its port is taken, and leaves no socket behind', async () => {
    const mux = await Told.start(muxOptions());
    const { port } = mux.thread.status.listeners[0];
    const before = socketCount();
    const error = await errorOf(() => SpeakerThread.start({ ...muxOptions(), port }));
    expect(error.code).toBe('ERR_SOCKET');
    expect(error.message).toContain(`${MUX}:${port}`);
    await untilSocketCount(before);
  });

  it.each([
    { name: 'an error on it', crash: (worker: Worker) => worker.postMessage(null), why: 'Cannot read' },
    { name: 'its end', crash: (worker: Worker) => void worker.terminate(), why: 'exit code 1' },
  ])('tells its owner that the thread is lost: $name', async ({ crash, why }) => {
    const created = new Promise<Worker>((resolve) => process.once('worker', resolve));
    const mux = await Told.start(muxOptions());
    crash(await created);
    const pending = errorOf(() => mux.thread.prepareRestart({ restartTimeSeconds: 30 }));
    const error = await errorOf(() => mux.thread.ended);
    expect(error.code).toBe('ERR_SPEAKER_LOST');
    expect(error.message).toContain(why);
    await pending;
    for (const action of [() => mux.thread.announce([]), () => mux.thread.setPeers([]), () => mux.thread.stop()]) {
      expect(await errorOf(action)).toBe(error);
    }
  });

  it('takes no calls after it was stopped', async () => {
    const mux = await Told.start(muxOptions());
    const stopped = mux.thread.stop();
    expect(await errorOf(() => mux.thread.setPeers([]))).toMatchObject({ code: 'ERR_SPEAKER_LOST' });
    await stopped;
    await mux.thread.ended;
  });
});
