/** The class Bfd between simulated machines: which session a packet is of, which ports it uses, how watches end. */
import { describe, expect, it } from 'vitest';
import { Bfd } from '../../sdk/bfd/index.js';
import { EdgemuxError } from '../../sdk/errors.js';
import type { Clock, Runtime } from '../../sdk/runtime/index.js';
import { SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';
import { BarePorts, watching } from './neighbours.js';

const FAMILIES = [
  { family: 'IPv4', mux: '192.0.2.1', router: '192.0.2.254', other: '192.0.2.253' },
  { family: 'IPv6', mux: '2001:db8::1', router: '2001:db8::254', other: '2001:db8::253' },
];
const [{ mux: MUX, router: ROUTER, other: OTHER }] = FAMILIES as [(typeof FAMILIES)[number]];

/** Two machines that watch each other, up. */
async function pair(seed = 1, mux = MUX, router = ROUTER) {
  const network = new SimulatedNetwork({ seed });
  const hosts = { mux: network.host(mux), router: network.host(router) };
  const a = await watching(hosts.mux, mux, router);
  const b = await watching(hosts.router, router, mux);
  const isUp = await network.clock.runUntil(() => a.watch.state === 'Up' && b.watch.state === 'Up', 5000);
  expect(isUp, 'both are up within 5 s').toBe(true);
  // Until the Poll Sequences are over.
  await network.clock.runFor(1000);
  return { network, hosts, a, b };
}

/** A host whose UDP binds otherwise. */
function withUdp(host: Runtime, bind: Runtime['udp']['bind']): Runtime {
  return { clock: host.clock, tcp: host.tcp, random: () => host.random(), udp: { bind } };
}

describe('BFD between two', () => {
  it.each(FAMILIES)('$family: comes up, stays up, and finds a failure within 300 ms', async ({ mux, router }) => {
    const { network, hosts, a, b } = await pair(2, mux, router);
    await network.clock.runFor(60_000);
    expect(a.told.at(-1)).toBe('Up 0');
    expect(a.watch.detectionTimeMs).toBe(300);
    const diedAtMs = network.clock.nowMs();
    hosts.router.kill('silent');
    await network.clock.runFor(1000);
    expect(a.told.at(-1)).toBe('Down 1');
    const tookMs = a.toldAtMs.at(-1)! - diedAtMs;
    expect(tookMs).toBeGreaterThan(200);
    expect(tookMs).toBeLessThanOrEqual(302);
    expect(b.told.at(-1)).toBe('Up 0');
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i: both come up, whoever is first, and tell it once', async (seed) => {
    const { a, b } = await pair(seed);
    for (const { told } of [a, b]) expect(told.filter((line) => line === 'Up 0')).toHaveLength(1);
  });

  it('a stopped process is seen, and sees that it was; both come up again', async () => {
    const { network, hosts, a, b } = await pair();
    hosts.mux.stop();
    await network.clock.runFor(1000);
    expect(b.told.at(-1)).toBe('Down 1');
    hosts.mux.continue();
    await network.clock.runFor(5000);
    expect(a.told.slice(2)).toContain('Down 3');
    for (const { watch } of [a, b]) expect(watch.state).toBe('Up');
  });

  it('one direction cut: the deaf side sees it, and says so to the other', async () => {
    const { network, a, b } = await pair();
    network.path(ROUTER, MUX).isCut = true;
    await network.clock.runFor(1000);
    expect(a.told.at(-1)).toBe('Down 1');
    expect(b.told.at(-1)).toBe('Down 3');
    expect(b.watch.remoteDiagnostic).toBe(1);
  });

  it('a neighbour that restarts with another discriminator: down, and up again', async () => {
    const { network, hosts, a } = await pair();
    hosts.router.kill('silent');
    const restarted = await watching(network.host(ROUTER), ROUTER, MUX);
    await network.clock.runFor(5000);
    expect(a.told.slice(2)).toEqual(expect.arrayContaining(['Down 3', 'Up 0']));
    for (const { watch } of [a, restarted]) expect(watch.state).toBe('Up');
  });

  it('other timers while it is up: both sides end with the slower interval, and nobody goes down', async () => {
    const { network, a, b } = await pair();
    a.watch.setTimers({ intervalMs: 500, multiplier: 4 });
    await network.clock.runFor(10_000);
    expect(a.watch.detectionTimeMs).toBe(1500);
    expect(b.watch.detectionTimeMs).toBe(2000);
    a.watch.setTimers({});
    await network.clock.runFor(10_000);
    for (const { watch, told } of [a, b]) {
      expect(watch.detectionTimeMs).toBe(300);
      expect(told.at(-1)).toBe('Up 0');
    }
  });
});

describe('BFD ports, RFC 5881 section 4 and 5', () => {
  it('sends from one port of 49152..65535 for each session, to port 3784', async () => {
    const network = new SimulatedNetwork({ seed: 3 });
    const host = network.host(MUX);
    const [one, two] = await Promise.all(
      [ROUTER, OTHER].map((address) => BarePorts.open(network.host(address), address)),
    );
    const { bfd } = await watching(host, MUX, ROUTER);
    await watching(host, MUX, OTHER, {}, bfd);
    await network.clock.runFor(5000);
    const ports = [one, two].map(({ received }) => [...new Set(received.map(({ fromPort }) => fromPort))]);
    expect(ports.map(({ length }) => length)).toEqual([1, 1]);
    for (const [port] of ports) expect(port).toSatisfy((it: number) => it >= 49_152 && it <= 65_535);
    expect(ports[0]).not.toEqual(ports[1]);
    expect(one!.theirDiscriminator).not.toBe(two!.theirDiscriminator);
  });

  const rows = [
    { name: 'taken: another one', code: 'ERR_SOCKET' as const, refusals: 3, tries: 4, ends: undefined },
    { name: 'never free', code: 'ERR_SOCKET' as const, refusals: 99, tries: 16, ends: 'ERR_SOCKET' },
    { name: 'not to be had here', code: 'ERR_UNSUPPORTED' as const, refusals: 99, tries: 1, ends: 'ERR_UNSUPPORTED' },
  ];
  it.each(rows)('a source port that is $name', async ({ code, refusals, tries, ends }) => {
    const network = new SimulatedNetwork({ seed: 3 });
    const host = network.host(MUX);
    let triedCount = 0;
    const runtime = withUdp(host, async (options, received) => {
      if (options.port === 3784) return host.udp.bind(options, received);
      triedCount += 1;
      if (triedCount <= refusals) throw new EdgemuxError(code, 'no');
      return host.udp.bind(options, received);
    });
    const result = await watching(runtime, MUX, ROUTER).catch((error: EdgemuxError) => error);
    expect(result instanceof EdgemuxError ? result.code : undefined).toBe(ends);
    expect(triedCount).toBe(tries);
    if (ends !== undefined) await BarePorts.open(host, MUX);
  });

  it.each([
    { name: 'a packet that has passed a router is not taken', from: ROUTER, to: MUX },
    { name: 'ours are not taken behind a router', from: MUX, to: ROUTER },
  ])('$name: TTL 255 or nothing', async ({ from, to }) => {
    const network = new SimulatedNetwork({ seed: 4 });
    network.path(from, to).hops = 2;
    const a = await watching(network.host(MUX), MUX, ROUTER);
    const b = await watching(network.host(ROUTER), ROUTER, MUX);
    await network.clock.runFor(10_000);
    expect([...a.told, ...b.told]).not.toContain('Up 0');
  });
});

describe('BFD demultiplexing, RFC 5880 section 6.8.6', () => {
  async function muxAndBarePorts() {
    const network = new SimulatedNetwork({ seed: 5 });
    const router = await BarePorts.open(network.host(ROUTER), ROUTER);
    const stranger = await BarePorts.open(network.host(OTHER), OTHER);
    const mux = await watching(network.host(MUX), MUX, ROUTER);
    await network.clock.runFor(10);
    return { network, router, stranger, mux, ours: router.theirDiscriminator };
  }
  type Lab = Awaited<ReturnType<typeof muxAndBarePorts>>;
  const rows: { name: string; send: (lab: Lab) => void; told: readonly string[]; discarded: readonly string[] }[] = [
    {
      name: 'no discriminator: by addresses',
      send: ({ router }) => router.send(MUX, { state: 'Down', yourDiscriminator: 0 }),
      told: ['Init 0'],
      discarded: [],
    },
    {
      name: 'no discriminator, from somebody else',
      send: ({ stranger }) => stranger.send(MUX, { state: 'Down', yourDiscriminator: 0 }),
      told: [],
      discarded: ['unknown-session'],
    },
    {
      name: 'our discriminator',
      send: ({ router, ours }) => router.send(MUX, { state: 'Init', yourDiscriminator: ours }),
      told: ['Up 0'],
      discarded: [],
    },
    {
      name: 'our discriminator, whatever address it comes from',
      send: ({ stranger, ours }) => stranger.send(MUX, { state: 'Init', yourDiscriminator: ours }),
      told: ['Up 0'],
      discarded: [],
    },
    {
      name: 'a discriminator of nobody, from the neighbour itself',
      send: ({ router, ours }) => router.send(MUX, { state: 'Init', yourDiscriminator: ours ^ 1 }),
      told: [],
      discarded: ['unknown-session'],
    },
    {
      name: 'no packet at all',
      send: ({ router }) => router.send(MUX, new Uint8Array(24)),
      told: [],
      discarded: ['version'],
    },
  ];
  it.each(rows)('$name', async ({ send, told, discarded }) => {
    const lab = await muxAndBarePorts();
    send(lab);
    await lab.network.clock.runFor(10);
    expect(lab.mux.told).toEqual(told);
    expect([...lab.mux.bfd.discardedCounts.keys()]).toEqual(discarded);
  });

  it('discriminators are never 0, and never given twice', async () => {
    const network = new SimulatedNetwork({ seed: 6 });
    const host = network.host(MUX);
    // Each number is drawn as a port first and as a discriminator then; 0 and a number that is taken are drawn again.
    const drawn = [0.1, 0, 0.25, 0.5, 0.2, 0.25, 0.75, 0.5];
    const runtime: Runtime = { clock: host.clock, tcp: host.tcp, udp: host.udp, random: () => drawn.shift() ?? 0.5 };
    const ports = await Promise.all([ROUTER, OTHER].map((address) => BarePorts.open(network.host(address), address)));
    const { bfd } = await watching(runtime, MUX, ROUTER);
    await watching(runtime, MUX, OTHER, {}, bfd);
    await network.clock.runFor(10);
    expect(ports.map(({ theirDiscriminator }) => theirDiscriminator)).toEqual([0.25 * 2 ** 32, 0.75 * 2 ** 32]);
  });
});

describe('BFD watches end', () => {
  it('stop: the neighbour is told AdminDown, for a Detection Time, and then the ports are free', async () => {
    const { network, hosts, a, b } = await pair();
    a.watch.stop();
    const told = a.told.length;
    await network.clock.runFor(2900);
    expect(b.told.at(-1)).toBe('Down 3');
    expect(b.watch.remoteState).toBe('AdminDown');
    expect(b.watch.remoteDiagnostic).toBe(7);
    expect(a.watch.state).toBe('AdminDown');
    expect(a.told.length).toBe(told);
    await expect(BarePorts.open(hosts.mux, MUX)).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    await network.clock.runFor(200);
    await BarePorts.open(hosts.mux, MUX);
  });

  it('stop, and watch again at once: up with another discriminator', async () => {
    const { network, hosts, a, b } = await pair();
    a.watch.stop();
    const again = await watching(hosts.mux, MUX, ROUTER, {}, a.bfd);
    await network.clock.runFor(5000);
    for (const { watch } of [again, b]) expect(watch.state).toBe('Up');
    // The old session is silent: it would bring down the new one.
    expect(again.told.filter((line) => line.startsWith('Up'))).toHaveLength(1);
    expect(a.watch.state).toBe('AdminDown');
    a.watch.stop();
    expect(again.watch.state).toBe('Up');
  });

  it('stop twice is stop once', async () => {
    const { network, hosts, a } = await pair();
    a.watch.stop();
    await network.clock.runFor(2000);
    a.watch.stop();
    await network.clock.runFor(1100);
    await BarePorts.open(hosts.mux, MUX);
    a.watch.stop();
  });

  it('watch again while the old session is taking its leave, and binding takes longer than that', async () => {
    const network = new SimulatedNetwork({ seed: 13 });
    const host = network.host(MUX);
    const runtime = withUdp(host, async (options, received) => {
      await new Promise<void>((resolve) => host.clock.after(100, resolve));
      return host.udp.bind(options, received);
    });
    const bfd = new Bfd(runtime);
    const options = { localAddress: MUX, remoteAddress: ROUTER };
    const opening = bfd.watch(options, () => {});
    await network.clock.runFor(1000);
    (await opening).stop();
    await network.clock.runFor(2950);
    const again = bfd.watch(options, () => {});
    await network.clock.runFor(75);
    await expect(bfd.watch(options, () => {})).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' });
    const router = await watching(network.host(ROUTER), ROUTER, MUX);
    await network.clock.runFor(5000);
    expect((await again).state).toBe('Up');
    expect(router.watch.state).toBe('Up');
  });

  it('stop of one session leaves the other of the same address', async () => {
    const network = new SimulatedNetwork({ seed: 7 });
    const host = network.host(MUX);
    const one = await watching(host, MUX, ROUTER);
    const two = await watching(host, MUX, OTHER, {}, one.bfd);
    for (const address of [ROUTER, OTHER]) await watching(network.host(address), address, MUX);
    await network.clock.runFor(5000);
    one.watch.stop();
    await network.clock.runFor(60_000);
    expect(two.told.at(-1)).toBe('Up 0');
  });

  it('close: every neighbour is told once, and the ports are free', async () => {
    const { network, hosts, a, b } = await pair();
    a.bfd.close();
    await BarePorts.open(hosts.mux, MUX);
    await network.clock.runFor(100);
    expect(b.told.at(-1)).toBe('Down 3');
    expect(b.watch.remoteState).toBe('AdminDown');
  });

  it.each(['Down', 'Up', 'AdminDown'])(
    'close of a session that is %s leaves no timer, whatever is asked of the watch then',
    async (state) => {
      const network = new SimulatedNetwork({ seed: 12 });
      const host = network.host(MUX);
      const pending = new Set<symbol>();
      const clock: Clock = {
        nowMs: () => host.clock.nowMs(),
        after: (delayMs, callback) => {
          const id = Symbol();
          pending.add(id);
          const timer = host.clock.after(delayMs, () => {
            pending.delete(id);
            callback();
          });
          return {
            cancel: () => {
              pending.delete(id);
              timer.cancel();
            },
          };
        },
      };
      const runtime: Runtime = { clock, tcp: host.tcp, udp: host.udp, random: () => host.random() };
      const { bfd, watch } = await watching(runtime, MUX, ROUTER);
      if (state === 'Up') await watching(network.host(ROUTER), ROUTER, MUX);
      await network.clock.runFor(5000);
      if (state === 'AdminDown') watch.stop();
      expect(watch.state).toBe(state);
      expect(pending.size).toBeGreaterThan(0);
      bfd.close();
      watch.stop();
      watch.setTimers({ intervalMs: 5000 });
      expect(pending.size).toBe(0);
    },
  );

  it('close while a watch is being bound: it is refused, and its ports are free', async () => {
    const network = new SimulatedNetwork({ seed: 8 });
    const host = network.host(MUX);
    const bfd = new Bfd(host);
    const pending = watching(host, MUX, ROUTER, {}, bfd);
    bfd.close();
    await expect(pending).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    await network.clock.runFor(0);
    await BarePorts.open(host, MUX);
  });

  it('the owner may stop the watch from within what it is told', async () => {
    const network = new SimulatedNetwork({ seed: 9 });
    const bfd = new Bfd(network.host(MUX));
    const told: string[] = [];
    const watch = await bfd.watch({ localAddress: MUX, remoteAddress: ROUTER }, (state) => {
      told.push(state);
      if (state === 'Up') watch.stop();
    });
    const router = await watching(network.host(ROUTER), ROUTER, MUX);
    await network.clock.runFor(10_000);
    expect(told.at(-1)).toBe('Up');
    expect(router.watch.state).toBe('Down');
  });
});

describe('BFD refuses', () => {
  const rows = [
    { name: 'no address', options: { localAddress: 'mux', remoteAddress: ROUTER }, code: 'ERR_ADDRESS_INVALID' },
    { name: 'two families', options: { localAddress: MUX, remoteAddress: '2001:db8::1' }, code: 'ERR_UNSUPPORTED' },
    { name: 'an address of another machine', options: { localAddress: OTHER }, code: 'ERR_SOCKET' },
    { name: 'interval 9', options: { intervalMs: 9 }, code: 'ERR_UNSUPPORTED' },
    { name: 'interval 30001', options: { intervalMs: 30_001 }, code: 'ERR_UNSUPPORTED' },
    { name: 'interval 10.5', options: { intervalMs: 10.5 }, code: 'ERR_UNSUPPORTED' },
    { name: 'multiplier 0', options: { multiplier: 0 }, code: 'ERR_UNSUPPORTED' },
    { name: 'multiplier 256', options: { multiplier: 256 }, code: 'ERR_UNSUPPORTED' },
  ];
  it.each(rows)('$name', async ({ options, code }) => {
    const bfd = new Bfd(new SimulatedNetwork({ seed: 10 }).host(MUX));
    const wanted = { localAddress: MUX, remoteAddress: ROUTER, ...options };
    await expect(bfd.watch(wanted, () => {})).rejects.toMatchObject({ code });
  });

  it('both timers at once, each with its path', async () => {
    const bfd = new Bfd(new SimulatedNetwork({ seed: 10 }).host(MUX));
    const wanted = { localAddress: MUX, remoteAddress: ROUTER, intervalMs: 1, multiplier: 0 };
    await expect(bfd.watch(wanted, () => {})).rejects.toMatchObject({
      problems: [
        { path: 'intervalMs', expected: 'integer 10..30000', got: '1' },
        { path: 'multiplier', expected: 'integer 1..255', got: '0' },
      ],
    });
  });

  it('the same neighbour twice, however it is spelt; and has it again after an attempt that failed', async () => {
    const network = new SimulatedNetwork({ seed: 11 });
    const [mux, router] = [FAMILIES[1]!.mux, FAMILIES[1]!.router];
    const bfd = new Bfd(network.host(mux));
    const both = [router, '2001:DB8:0::254'].map((remoteAddress) =>
      bfd.watch({ localAddress: mux, remoteAddress }, () => {}),
    );
    await expect(Promise.allSettled(both)).resolves.toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'ERR_UNSUPPORTED' } },
    ]);
    const nowhere = { localAddress: '2001:db8::9', remoteAddress: router };
    await expect(bfd.watch(nowhere, () => {})).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    await expect(bfd.watch(nowhere, () => {})).rejects.toMatchObject({ code: 'ERR_SOCKET' });
  });
});
