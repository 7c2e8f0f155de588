/** The job `load`: requests all the time, while something happens to the lab. */
import { Agent, request } from 'node:http';
import { reasonOf, Tally } from './client-jobs.js';
import type { LoadJob, LoadOfOneSort, LoadSummary } from './jobs.js';

/** Requests of one sort as they come back. */
class Sort {
  readonly #slowMs: number;
  readonly #tookMs: number[] = [];
  readonly #reasons = new Tally();
  readonly #failedAtMs: number[] = [];
  #made = 0;
  #gapMs = 0;

  constructor(slowMs: number) {
    this.#slowMs = slowMs;
  }

  async make(asking: () => Promise<void>): Promise<boolean> {
    this.#made++;
    const [startMs, atMs] = [performance.now(), Date.now()];
    try {
      await asking();
      this.#tookMs.push(performance.now() - startMs);
      return true;
    } catch (error) {
      this.#failedAtMs.push(atMs);
      this.#reasons.add(reasonOf(error));
      return false;
    }
  }

  /** Nothing came back for this long. */
  waited(gapMs: number): void {
    this.#gapMs = Math.max(this.#gapMs, gapMs);
  }

  get summary(): LoadOfOneSort {
    const sorted = this.#tookMs.sort((one, other) => one - other);
    const at = (share: number): number => Math.round((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) * 10) / 10;
    return {
      made: this.#made,
      failed: this.#failedAtMs.length,
      slow: sorted.filter((ms) => ms > this.#slowMs).length,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      maxMs: at(1),
      gapMs: Math.round(this.#gapMs),
      reasons: this.#reasons.counts,
      failedAtMs: this.#failedAtMs,
    };
  }
}

/** Runs `load` until SIGTERM, and then until the last request has its answer or its timeout. */
export async function runLoad(job: LoadJob): Promise<LoadSummary> {
  const ending = new AbortController();
  process.once('SIGTERM', () => ending.abort());
  const { urls, keptCount, slowMs } = job;
  const [fresh, kept] = [new Sort(slowMs), new Sort(slowMs)];
  const broken = { count: 0 };
  await Promise.all([
    makeFresh(job, fresh, ending.signal),
    ...urls.flatMap((url) => Array.from({ length: keptCount }, () => keep(url, job, kept, broken, ending.signal))),
  ]);
  return { fresh: fresh.summary, kept: { ...kept.summary, brokenConnections: broken.count } };
}

/** A new connection at a fixed rate, whatever became of those before. */
function makeFresh({ urls, everyMs, timeoutMs }: LoadJob, fresh: Sort, ending: AbortSignal): Promise<void> {
  const running = new Set<Promise<unknown>>();
  let number = 0;
  let answeredAtMs = performance.now();
  const start = (): void => {
    const url = urls[number++ % urls.length] as string;
    const one = fresh
      .make(() => get(url, false, timeoutMs))
      .then((isAnswered) => {
        running.delete(one);
        if (!isAnswered) return;
        const nowMs = performance.now();
        fresh.waited(nowMs - answeredAtMs);
        answeredAtMs = nowMs;
      });
    running.add(one);
  };
  const timer = setInterval(start, everyMs);
  return new Promise((resolve) => {
    ending.addEventListener('abort', () => {
      clearInterval(timer);
      resolve(Promise.all(running).then(() => {}));
    });
  });
}

/** One connection that stays and asks again and again; when it breaks, another one takes its place. */
async function keep(
  url: string,
  { keptEveryMs, timeoutMs }: LoadJob,
  kept: Sort,
  broken: { count: number },
  ending: AbortSignal,
): Promise<void> {
  let agent = oneConnection();
  let answeredAtMs = performance.now();
  while (!ending.aborted) {
    const startMs = performance.now();
    const isAnswered = await kept.make(() => get(url, agent, timeoutMs));
    const nowMs = performance.now();
    if (isAnswered) {
      kept.waited(nowMs - answeredAtMs);
      answeredAtMs = nowMs;
    } else {
      broken.count++;
      agent.destroy();
      agent = oneConnection();
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, keptEveryMs - (nowMs - startMs))));
  }
  agent.destroy();
}

function oneConnection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}

function get(url: string, agent: Agent | false, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { agent }, (response) => {
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`HTTP ${response.statusCode}`)),
      );
      response.on('close', () => clearTimeout(timer));
      response.resume();
    });
    const timer = setTimeout(() => asking.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    asking.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    asking.end();
  });
}
