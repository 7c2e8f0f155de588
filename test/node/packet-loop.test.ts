/** The loop of a data plane thread, with ports that the test fills: nobody starves, nothing spins, messages come through. */
import { describe, expect, test } from 'vitest';
import { type PacketLoopParts, runPacketLoop } from '../../sdk/node/live/packet-loop.js';
import type { PacketPort } from '../../sdk/runtime/packet-port.js';

const NO_COUNTERS = { received: 0, sent: 0, sendDropped: 0, tooLong: 0, finished: 0, segmented: 0 };

class FakePort implements PacketPort {
  readonly number: number;
  readonly name: string;
  readonly descriptor: number;
  readonly interface = undefined;
  isAtEnd = false;
  /** Frames that each call of receive finds; then none. */
  arriving: number[] = [];
  receiveCount = 0;
  sendCount = 0;
  pendingCount = 0;
  fails = false;

  constructor(number: number, descriptor = number + 10) {
    this.number = number;
    this.name = `port ${number}`;
    this.descriptor = descriptor;
  }

  receive(): number {
    this.receiveCount += 1;
    if (this.fails) throw new Error('no such device');
    return this.arriving.shift() ?? 0;
  }

  send(): void {
    this.sendCount += 1;
    if (this.pendingCount > 0) this.pendingCount -= 1;
  }

  counters() {
    return NO_COUNTERS;
  }

  close(): void {}
}

/** Runs the loop until `rounds` rounds have gone by; time goes by in `wait`, and `stepMs` with each round. */
class Bench implements PacketLoopParts {
  ports: readonly FakePort[];
  now = 0;
  stepMs = 0;
  rounds = 0;
  log: string[] = [];
  processed: number[] = [];
  seconds = 0;
  obeyed: number[] = [];
  onWait: (timeoutMs: number, ready: (port: PacketPort, isTroubled: boolean) => void) => boolean = () => false;

  constructor(...ports: FakePort[]) {
    this.ports = ports;
  }

  run(rounds: number): this {
    this.rounds = rounds;
    runPacketLoop(this);
    return this;
  }

  nowMs(): number {
    this.now += this.stepMs;
    this.rounds -= 1;
    return this.now;
  }

  process(nowMs: number): void {
    this.processed.push(nowMs);
  }

  pendingCount(port: PacketPort): number {
    return (port as FakePort).pendingCount;
  }

  wait(ports: readonly PacketPort[], timeoutMs: number, ready: (port: PacketPort, isTroubled: boolean) => void) {
    this.log.push(`wait ${timeoutMs} for ${ports.map(({ name }) => name.slice(5)).join(' ')}`.trimEnd());
    const before = this.now;
    const isWoken = this.onWait(timeoutMs, ready);
    if (this.now === before && !isWoken) this.now += timeoutMs;
    return isWoken;
  }

  obey(): boolean {
    this.obeyed.push(this.now);
    return this.rounds <= 0;
  }

  everySecond(): void {
    this.seconds += 1;
  }

  lost(port: PacketPort, error: unknown): void {
    this.log.push(`lost ${port.name}: ${(error as Error).message}`);
    this.ports = this.ports.filter((one) => one !== port);
  }
}

describe('nothing comes', () => {
  test('it waits, and gives the data plane an empty batch each second', () => {
    const bench = new Bench(new FakePort(0), new FakePort(1)).run(4);
    expect(bench.log).toEqual(Array(4).fill('wait 1000 for 0 1'));
    expect(bench.processed).toEqual([0, 1000, 2000, 3000]);
    expect(bench.seconds).toBe(4);
  });

  test('a waiting port that has something is received from, the others are left alone', () => {
    const [first, second] = [new FakePort(0), new FakePort(1)];
    const bench = new Bench(first, second);
    bench.onWait = (_, ready) => {
      second.arriving = [3];
      ready(second, false);
      bench.now += 10;
      return false;
    };
    bench.run(5);
    expect(first.receiveCount).toBe(1);
    expect(second.receiveCount).toBeGreaterThanOrEqual(5);
  });

  test('a word of the owner is obeyed at once', () => {
    const bench = new Bench(new FakePort(0));
    bench.onWait = () => {
      bench.now += 0.1;
      return true;
    };
    bench.run(3);
    expect(bench.obeyed).toHaveLength(3);
  });
});

describe('frames without end', () => {
  const busy = (port: FakePort) => {
    port.arriving = Array(10_000).fill(64);
    return port;
  };

  test('it never waits; what the owner asks is obeyed each millisecond, and each second is told', () => {
    const bench = new Bench(busy(new FakePort(0)));
    bench.stepMs = 0.5;
    bench.run(5000);
    expect(bench.log).toEqual([]);
    expect(bench.obeyed.length).toBeGreaterThanOrEqual(1250);
    expect(bench.seconds).toBe(3);
  });

  test('a port that had nothing is asked again all the same', () => {
    const quiet = new FakePort(1);
    const bench = new Bench(busy(new FakePort(0)), quiet);
    bench.stepMs = 0.1;
    bench.run(1000);
    expect(quiet.receiveCount).toBeGreaterThan(40);
  });

  test('ports take turns at being the first: the batch may be full before the last', () => {
    const ports = [new FakePort(0), new FakePort(1), new FakePort(2)];
    let room = 0;
    const firsts = [0, 0, 0];
    for (const port of ports) {
      port.receive = () => {
        if (room === 0) return 0;
        room = 0;
        firsts[port.number] += 1;
        return 256;
      };
    }
    const bench = new Bench(...ports);
    bench.stepMs = 0.1;
    const { nowMs } = bench;
    bench.nowMs = () => {
      room = 1;
      return nowMs.call(bench);
    };
    bench.run(300);
    for (const count of firsts) expect(count).toBeGreaterThanOrEqual(95);
  });
});

test('what could not be sent is tried again a millisecond later', () => {
  const port = new FakePort(0);
  port.pendingCount = 4;
  const bench = new Bench(port).run(5);
  expect(bench.log.slice(0, 4)).toEqual([...Array(3).fill('wait 1 for 0'), 'wait 997 for 0']);
});

test('a port in trouble is not waited for during a moment', () => {
  const [good, bad] = [new FakePort(0), new FakePort(1)];
  const bench = new Bench(good, bad);
  bench.onWait = (_, ready) => {
    if (bench.log.at(-1)?.endsWith('0 1')) {
      ready(bad, true);
      bench.now += 1;
    }
    return false;
  };
  bench.run(4);
  expect(bench.log.map((line) => line.replace(/^wait \d+ /, ''))).toEqual(['for 0 1', 'for 0', 'for 0 1', 'for 0']);
});

test('a port that throws is left out, the others go on', () => {
  const [good, bad] = [new FakePort(0), new FakePort(1)];
  bad.fails = true;
  const bench = new Bench(good, bad).run(3);
  expect(bench.log).toEqual(['lost port 1: no such device', ...Array(3).fill('wait 1000 for 0')]);
});

test('ports come and go', () => {
  const [first, second] = [new FakePort(0), new FakePort(1)];
  const bench = new Bench(first);
  const obey = bench.obey.bind(bench);
  bench.obey = () => {
    if (bench.obeyed.length === 1) bench.ports = [first, second];
    if (bench.obeyed.length === 3) bench.ports = [second];
    return obey();
  };
  bench.run(6);
  expect(bench.log.map((line) => line.split('for ')[1])).toEqual(['0', '0', '0 1', '0 1', '1', '1']);
});

test('a capture is read to its end, and nobody waits for it', () => {
  const capture = new FakePort(0, -1);
  capture.arriving = [256, 256, 10];
  const { receive } = capture;
  capture.receive = () => {
    capture.isAtEnd = capture.arriving.length <= 1;
    return receive.call(capture);
  };
  const bench = new Bench(capture).run(5);
  expect(bench.processed.slice(0, 3)).toEqual([0, 0, 0]);
  expect(bench.log.at(-1)).toMatch(/^wait \d+ for/);
});
