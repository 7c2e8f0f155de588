/** BFD with the daemons of real routers, over IPv4 and IPv6 at once, in network namespaces; needs root and their programs. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../../sdk/appliance/lab/wait.js';
import { detectionTimeMs, readBfd } from './bfd-capture.js';
import { type BfdRouter, type BfdRouterKind, birdBfd, frrBfd } from './bfd-routers.js';
import { Lab } from './bgp/lab.js';
import type { LabProcess } from './bgp/lab-process.js';
import { frameCount } from './peers.js';

const AGENT = fileURLToPath(new URL('bfd-agent.mjs', import.meta.url));
const ADDRESSES = [
  { family: 'IPv4', mux: '192.0.2.1', router: '192.0.2.254' },
  { family: 'IPv6', mux: '2001:db8::1', router: '2001:db8::254' },
];
/** Network control, RFC 4594. */
const CS6 = 48;
const ADMIN_DOWN = 0;
const UP = 3;
/** Both sides begin at one packet a second. */
const UP_MS_MAX = 10_000;
const DOWN_MS_MAX = 5_000;
/** What 3 × 100 ms may become on a machine with other things to do. */
const DETECTION_MS_MAX = 1_500;

const here = async (program: string) => existsSync(program) || spawnSync('which', [program]).status === 0;

async function whyNot(kind: BfdRouterKind): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'not root';
  if ((await import('koffi').catch(() => undefined)) === undefined) return 'koffi not installed';
  for (const program of ['ip', 'dumpcap', 'tshark', ...kind.programs]) {
    if (!(await here(program))) return `${program} not installed`;
  }
  const namespace = spawnSync('ip', ['netns', 'exec', 'none-of-that-name', 'true'], { encoding: 'utf8' });
  return namespace.error ? namespace.error.message : undefined;
}

/** What the agent prints. */
interface Line {
  readonly remoteAddress?: string;
  readonly state?: string;
  readonly diagnostic?: number;
  readonly remoteState?: string;
  readonly watches?: readonly { readonly state: string; readonly detectionTimeMs: number }[];
}

for (const kind of [frrBfd, birdBfd]) {
  const why = await whyNot(kind);
  if (why !== undefined) console.warn(`skipped: BFD with ${kind.name}: ${why}`);

  describe.skipIf(why !== undefined)(`BFD with ${kind.name}`, () => {
    let lab: Lab;
    let router: BfdRouter;
    let agent: LabProcess;
    let capturing: LabProcess;
    let capture: string;
    const lines: Line[] = [];
    const stoppedAtMs = { router: 0, mux: 0 };

    beforeAll(async () => {
      lab = await Lab.open();
      const [mux, other] = [await lab.namespace('mux'), await lab.namespace('router')];
      const addresses = (side: 'mux' | 'router') =>
        ADDRESSES.map((pair) => `${pair[side]}/${pair.family === 'IPv4' ? 24 : 64}`);
      await lab.link(
        { namespace: mux, name: 'uplink', addresses: addresses('mux') },
        { namespace: other, name: 'mux', addresses: addresses('router') },
      );
      capture = join(lab.folder, 'bfd.pcap');
      capturing = lab.spawn(mux, 'dumpcap', [
        'dumpcap',
        '-q',
        '-P',
        '-i',
        'uplink',
        '-f',
        'udp port 3784',
        '-w',
        capture,
      ]);
      await waitFor('dumpcap', () => existsSync(capture), 10_000);
      router = await kind.start({ lab, namespace: other, interface: 'mux', addresses: ADDRESSES });
      const watched = ADDRESSES.map((pair) => `${pair.mux},${pair.router}`);
      agent = lab.spawn(mux, 'agent', [process.execPath, AGENT, ...watched]);
      agent.onLine = (line) => lines.push(JSON.parse(line));
    });
    afterAll(() => lab?.close());

    /** The last state the agent told of each session. */
    const ours = () =>
      ADDRESSES.map((pair) => lines.filter(({ remoteAddress }) => remoteAddress === pair.router).at(-1));
    async function everybodyIs(isUp: boolean, timeoutMs: number): Promise<void> {
      const ask = async () => {
        const states = [
          ...ours().map((line) => line?.state === 'Up'),
          ...(await router.sessions()).map((it) => it.isUp),
        ];
        return states.every((it) => it === isUp);
      };
      await waitFor(isUp ? 'both sides up' : 'both sides down', ask, timeoutMs);
    }
    async function ourDetectionTimesMs(): Promise<number[]> {
      const before = lines.length;
      agent.signal('SIGUSR1');
      const line = await waitFor(
        'what the watches are like',
        () => lines.slice(before).find(({ watches }) => watches),
        5_000,
      );
      return line.watches!.map(({ detectionTimeMs }) => detectionTimeMs);
    }

    it('comes up at 3 × 100 ms, over both families', async () => {
      await everybodyIs(true, UP_MS_MAX);
      const agreed = async () => {
        const theirs = (await router.sessions()).map(({ detectionTimeMs }) => detectionTimeMs);
        return [...theirs, ...(await ourDetectionTimesMs())].every((it) => it === 300);
      };
      await waitFor('Detection Times of 300 ms', agreed, UP_MS_MAX);
    });

    it('sees a router that has stopped, and takes it up again', async () => {
      stoppedAtMs.router = Date.now();
      router.process.signal('SIGSTOP');
      const areDown = () => ours().every((line) => line?.state === 'Down' && line.diagnostic === 1);
      await waitFor('both sessions down', areDown, DOWN_MS_MAX);
      router.process.signal('SIGCONT');
      await everybodyIs(true, UP_MS_MAX);
    });

    it('is seen when it has stopped, and is taken up again', async () => {
      stoppedAtMs.mux = Date.now();
      agent.signal('SIGSTOP');
      const areDown = async () => (await router.sessions()).every(({ isUp }) => !isUp);
      await waitFor('both sessions down', areDown, DOWN_MS_MAX);
      agent.signal('SIGCONT');
      await everybodyIs(true, UP_MS_MAX);
    });

    it.runIf(kind.canShutDown)('a router that is shut down on purpose says so', async () => {
      await router.setShutdown(true);
      const isShut = () => ours()[0]?.state === 'Down' && ours()[0]?.remoteState === 'AdminDown';
      await waitFor('AdminDown', isShut, DOWN_MS_MAX);
      expect(ours()[0]).toMatchObject({ diagnostic: 3 });
      await router.setShutdown(false);
      await everybodyIs(true, UP_MS_MAX);
    });

    it('changes its timers without going down, by a Poll Sequence the router answers', async () => {
      const before = lines.length;
      agent.signal('SIGUSR2');
      const agreed = async () => (await router.sessions()).every(({ detectionTimeMs }) => detectionTimeMs === 900);
      await waitFor('Detection Times of 900 ms', agreed, UP_MS_MAX);
      expect(await ourDetectionTimesMs()).toEqual([900, 900]);
      expect(lines.slice(before).filter(({ state }) => state !== undefined)).toEqual([]);
    });

    it('closed, says AdminDown', async () => {
      expect(await agent.stop('SIGTERM')).toEqual({ code: 0, signal: null });
      await waitFor('down', async () => (await router.sessions()).every(({ isUp }) => !isUp), DOWN_MS_MAX);
    });

    it('on the wire: ports, hop limits and Finals of RFC 5881, and failures found in 3 × 100 ms', async () => {
      // What the kernel has captured reaches the file some time later.
      const isLast = (pair: (typeof ADDRESSES)[number]) =>
        readBfd(capture).some((it) => it.from === pair.mux && it.diagnostic === 7);
      await waitFor('the last packets in the capture', () => ADDRESSES.every(isLast), 10_000, 500);
      await capturing.stop('SIGINT');
      const packets = readBfd(capture);
      for (const { family, mux, router } of ADDRESSES) {
        const sent = packets.filter(({ from }) => from === mux);
        const marks = sent.map(({ destinationPort, hopLimit, dscp }) => `${destinationPort} ${hopLimit} ${dscp}`);
        expect(new Set(marks)).toEqual(new Set([`3784 255 ${CS6}`]));
        const [port, ...others] = new Set(sent.map(({ sourcePort }) => sourcePort));
        expect(others).toEqual([]);
        expect(port).toBeGreaterThanOrEqual(49_152);
        expect(sent.some(({ isPoll, isFinal }) => isPoll && isFinal)).toBe(false);
        expect(sent.filter(({ isPoll }) => isPoll).length).toBeGreaterThan(0);
        const last = sent.at(-1)!;
        expect(last).toMatchObject({ state: ADMIN_DOWN, diagnostic: 7 });
        const polls = packets.filter(({ from, isPoll, atMs }) => from === router && isPoll && atMs < last.atMs);
        expect(sent.filter(({ isFinal }) => isFinal).length).toBe(polls.length);
        expect(sent.some(({ state }) => state === UP)).toBe(true);
        const weFound = detectionTimeMs(packets, { by: mux, failed: router, sinceMs: stoppedAtMs.router }) ?? 0;
        const theyFound = detectionTimeMs(packets, { by: router, failed: mux, sinceMs: stoppedAtMs.mux }) ?? 0;
        const figures = `${family}: we found it in ${weFound.toFixed(1)} ms, it found us in ${theyFound.toFixed(1)} ms`;
        console.log(`BFD with ${kind.name} over ${figures}`);
        for (const found of [weFound, theyFound]) {
          expect(found).toBeGreaterThan(295);
          expect(found).toBeLessThan(DETECTION_MS_MAX);
        }
      }
      expect(frameCount(capture, '_ws.malformed')).toBe(0);
    });
  });
}
