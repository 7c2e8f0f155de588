/** One MUX and some model routers: what is promised for the days one plans for, and for some one does not. */
import { describe, expect, it } from 'vitest';
import { Bfd } from '../../sdk/bfd/index.js';
import type { PeerOptions, Route } from '../../sdk/bgp/options.js';
import { Speaker } from '../../sdk/bgp/speaker.js';
import { type SimulatedHost, SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';
import { type ModelPeerOptions, ModelRouter, type ModelRouterOptions } from '../model/bgp-router.js';

const MUX = '10.0.1.1';
const vips = (count: number, rest: Partial<Route> = {}): Route[] =>
  Array.from({ length: count }, (_, i) => ({
    prefix: `198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`,
    ...rest,
  }));

interface World {
  readonly routerCount?: number;
  readonly router?: Partial<ModelRouterOptions>;
  readonly toRouter?: Partial<PeerOptions>;
  readonly toMux?: Partial<ModelPeerOptions>;
}

/** A MUX and its routers, started and some seconds old. */
class Scene {
  readonly network = new SimulatedNetwork({ seed: 1 });
  readonly routers: ModelRouter[] = [];
  readonly hosts: SimulatedHost[] = [];
  mux!: SimulatedHost;
  speaker!: Speaker;
  readonly #peers: PeerOptions[] = [];

  static async of(routes: readonly Route[], { routerCount = 1, router, toRouter, toMux }: World = {}): Promise<Scene> {
    const scene = new Scene();
    for (let i = 0; i < routerCount; i++) {
      const address = `10.0.2.${i + 1}`;
      const peer = { address: MUX, as: 64512, localAddress: address, connects: false, ...toMux };
      const host = scene.network.host(address);
      const model = new ModelRouter(host, { ...ROUTER, name: `router-${i}`, peers: [peer], ...router });
      await model.start();
      scene.hosts.push(host);
      scene.routers.push(model);
      scene.#peers.push({ address, as: 64600, ...toRouter });
    }
    scene.startMux(routes);
    await scene.network.clock.runFor(20_000);
    return scene;
  }

  startMux(routes: readonly Route[], isRestarting = false): void {
    this.mux = this.network.host(MUX);
    const restart = isRestarting ? { gracefulRestart: { restartTimeSeconds: 20, isRestarting } } : {};
    const options = { as: 64512, routerId: MUX, addresses: {}, peers: this.#peers, ...restart };
    this.speaker = new Speaker(options, this.mux);
    this.speaker.announce(routes);
    void this.speaker.start();
  }

  get router(): ModelRouter {
    return this.routers[0]!;
  }

  get routeCount(): number {
    return this.router.routesOf(MUX).size;
  }

  /** Does what takes time, and says the least number of routes the router had meanwhile. */
  async during(work: () => Promise<void>, limitMs = 60_000): Promise<number> {
    let isDone = false;
    let leastCount = this.routeCount;
    const done = work().then(() => {
      isDone = true;
    });
    await this.network.clock.runUntil(() => {
      leastCount = Math.min(leastCount, this.routeCount);
      return isDone;
    }, limitMs);
    await done;
    return leastCount;
  }
}

const ROUTER: Omit<ModelRouterOptions, 'name' | 'peers'> = {
  as: 64600,
  id: 1,
  holdTimeSeconds: 90,
  families: ['ipv4', 'ipv6'],
  hasFourOctetAs: true,
  hasRefresh: true,
  hasEnhancedRefresh: true,
  hasExtendedNextHop: false,
  asksAtOnce: false,
  isRestartHelper: true,
};

describe('a planned restart', () => {
  it('loses no route, and drops those that did not come back at End-of-RIB', async () => {
    const scene = await Scene.of(vips(100));
    const least = await scene.during(async () => {
      await scene.speaker.prepareRestart({ restartTimeSeconds: 20 });
      await scene.speaker.stop({ kind: 'restart' });
      scene.mux.kill('ended');
      scene.startMux(vips(90), true);
      await new Promise<void>((resolve) => scene.network.clock.after(10_000, resolve));
    });
    // Reopening the session to prepare costs the routes for a moment; there is another MUX for that.
    expect(least).toBe(0);
    expect(scene.routeCount).toBe(90);
    expect(scene.router.violations).toEqual([]);
  });

  it('keeps every route from the stop on', async () => {
    const scene = await Scene.of(vips(100));
    await scene.during(() => scene.speaker.prepareRestart({ restartTimeSeconds: 20 }));
    expect(scene.routeCount).toBe(100);
    const least = await scene.during(async () => {
      await scene.speaker.stop({ kind: 'restart' });
      scene.mux.kill('ended');
      scene.startMux(vips(100), true);
      await new Promise<void>((resolve) => scene.network.clock.after(10_000, resolve));
    });
    expect(least).toBe(100);
    expect(scene.router.isEstablished(MUX)).toBe(true);
    expect(scene.router.violations).toEqual([]);
  });

  it('that does not come back keeps them for the restart time and no longer', async () => {
    const scene = await Scene.of(vips(100));
    await scene.during(() => scene.speaker.prepareRestart({ restartTimeSeconds: 20 }));
    await scene.during(() => scene.speaker.stop({ kind: 'restart' }));
    await scene.network.clock.runFor(19_500);
    expect(scene.routeCount).toBe(100);
    await scene.network.clock.runFor(1000);
    expect(scene.routeCount).toBe(0);
  });
});

describe('the end of a MUX', () => {
  it('drained: withdrawn, then Cease with the words of its operator', async () => {
    const scene = await Scene.of(vips(3000));
    await scene.during(() => scene.speaker.stop({ kind: 'drain', text: 'back at 18:00' }));
    await scene.network.clock.runFor(100);
    const [notification] = scene.router.notifications;
    expect(notification).toMatchObject({ code: 6, subcode: 2, routeCount: 0 });
    expect(String.fromCharCode(...notification!.data.slice(1))).toBe('back at 18:00');
    expect(scene.router.violations).toEqual([]);
  });

  it.each([
    { death: 'ended', goneAfterMs: 10 },
    { death: 'reset', goneAfterMs: 10 },
    { death: 'silent', goneAfterMs: 3010 },
  ] as const)('killed, $death: gone after $goneAfterMs ms', async ({ death, goneAfterMs }) => {
    const scene = await Scene.of(vips(10), { toRouter: { holdTimeSeconds: 3 } });
    scene.mux.kill(death);
    await scene.network.clock.runFor(goneAfterMs);
    expect(scene.routeCount).toBe(0);
  });

  it('stopped: gone after the hold time; continued: back', async () => {
    const scene = await Scene.of(vips(10), { toRouter: { holdTimeSeconds: 3 } });
    scene.mux.stop();
    await scene.network.clock.runFor(1900);
    expect(scene.routeCount).toBe(10);
    await scene.network.clock.runFor(1110);
    expect(scene.routeCount).toBe(0);
    scene.mux.continue();
    await scene.network.clock.runFor(20_000);
    expect(scene.routeCount).toBe(10);
  });
});

describe('BFD', () => {
  const bfd = { intervalMs: 100, multiplier: 3 };

  async function watchedScene(): Promise<Scene> {
    const scene = await Scene.of([], { toRouter: { bfd, localAddress: MUX } });
    const watched = { localAddress: '10.0.2.1', remoteAddress: MUX, ...bfd };
    const watch = await new Bfd(scene.hosts[0]!).watch(watched, (state) => {
      if (state === 'Down' && watch.remoteState !== 'AdminDown') scene.router.bfdDown(MUX);
    });
    await scene.network.clock.runFor(5000);
    scene.speaker.announce(vips(10));
    await scene.network.clock.runFor(1000);
    expect(scene.routeCount).toBe(10);
    return scene;
  }

  it('takes the routes of a stopped MUX away within three intervals', async () => {
    const scene = await watchedScene();
    scene.mux.stop();
    await scene.network.clock.runFor(190);
    expect(scene.routeCount).toBe(10);
    await scene.network.clock.runFor(130);
    expect(scene.routeCount).toBe(0);
  });

  it('takes a session away from a router that is silent, which learns of it', async () => {
    const scene = await watchedScene();
    scene.network.path('10.0.2.1', MUX).isCut = true;
    await scene.network.clock.runFor(330);
    expect(scene.speaker.status.peers[0]!.state).not.toBe('Established');
    expect(scene.routeCount).toBe(0);
  });

  it('leaves routes alone where the MUX ends BFD itself, for a restart', async () => {
    const scene = await watchedScene();
    await scene.during(() => scene.speaker.prepareRestart({ restartTimeSeconds: 20 }));
    await scene.during(() => scene.speaker.stop({ kind: 'restart' }));
    scene.mux.kill('ended');
    await scene.network.clock.runFor(2000);
    expect(scene.routeCount).toBe(10);
  });
});

describe('a router', () => {
  it('that dies in silence is given up after the hold time', async () => {
    const scene = await Scene.of(vips(10), { toRouter: { holdTimeSeconds: 3 } });
    scene.hosts[0]!.kill('silent');
    await scene.network.clock.runFor(1900);
    expect(scene.speaker.status.peers[0]!.state).toBe('Established');
    await scene.network.clock.runFor(1110);
    expect(scene.speaker.status.peers[0]!.state).not.toBe('Established');
  });

  it('that reads nothing for a while costs a set of prefixes, and hears the last state once', async () => {
    const scene = await Scene.of(vips(5000), { toRouter: { holdTimeSeconds: 0 } });
    const { clock } = scene.network;
    let announcementCount = 0;
    scene.router.announced = () => {
      announcementCount += 1;
    };
    scene.hosts[0]!.stopReading();
    for (let med = 0; med < 100; med++) {
      scene.speaker.announce(vips(5000, { med }));
      await clock.runFor(100);
    }
    expect(scene.speaker.status.peers[0]!.pendingCount).toBeLessThanOrEqual(5000);
    scene.hosts[0]!.startReading();
    await clock.runFor(1000);
    // What filled two kernels and 64 KiB of the process (5 bytes a prefix), and then each once.
    expect(announcementCount).toBeLessThan((3 * 65_536) / 5 + 5000);
    expect(new Set(scene.router.routesOf(MUX).values())).toEqual(new Set(['0a000101 med 99 [] []']));
    expect(scene.router.violations).toEqual([]);
  });

  it('with hold time 0 is never given up', async () => {
    const scene = await Scene.of(vips(10), { router: { holdTimeSeconds: 0 } });
    await scene.network.clock.runFor(3_600_000);
    expect(scene.router.isEstablished(MUX)).toBe(true);
    expect(scene.speaker.status.peers[0]).toMatchObject({ state: 'Established', holdTimeSeconds: 0 });
  });

  it.each([
    { name: 'the same MD5 key', toRouter: { md5Key: 'k' }, toMux: { md5Key: 'k' }, isUp: true },
    { name: 'another MD5 key', toRouter: { md5Key: 'k' }, toMux: { md5Key: 'x' }, isUp: false },
    { name: 'GTSM', toRouter: { ttlSecurityHops: 1 }, toMux: { ttlSecurityHops: 1 }, isUp: true },
    { name: 'GTSM on one side', toRouter: {}, toMux: { ttlSecurityHops: 1 }, isUp: false },
  ])('with $name', async ({ toRouter, toMux, isUp }) => {
    const scene = await Scene.of(vips(10), { toRouter, toMux: { ...toMux, connects: true } });
    await scene.network.clock.runFor(60_000);
    expect(scene.routeCount).toBe(isUp ? 10 : 0);
    expect(JSON.stringify(scene.speaker.status)).not.toContain('md5');
  });
});

describe('ten thousand VIPs', () => {
  it('reach eight routers, change and go', async () => {
    const routes = vips(10_000);
    const scene = await Scene.of(routes, { routerCount: 8 });
    const counts = () => scene.routers.map((router) => router.routesOf(MUX).size);
    expect(counts()).toEqual(Array(8).fill(10_000));
    const updateCount = () => scene.speaker.status.peers.reduce((sum, { sent }) => sum + sent.update, 0);
    const before = updateCount();
    // 810 prefixes of five bytes fit into a message.
    expect(before).toBeLessThanOrEqual(8 * (Math.ceil(10_000 / 800) + 2));
    scene.speaker.announce(routes);
    await scene.network.clock.runFor(1000);
    expect(updateCount()).toBe(before);
    scene.speaker.announce([...routes.slice(1), { ...routes[0]!, med: 1 }]);
    await scene.network.clock.runFor(1000);
    expect(updateCount()).toBe(before + 8);
    await scene.during(() => scene.speaker.stop());
    expect(counts()).toEqual(Array(8).fill(0));
    expect(scene.routers.flatMap(({ violations }) => violations)).toEqual([]);
  });
});
