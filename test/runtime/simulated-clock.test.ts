/** Virtual time, and processes in it. */
import { describe, expect, it } from 'vitest';
import { SimulatedNetwork, VirtualClock } from '../../sdk/runtime/simulated/index.js';

describe('VirtualClock', () => {
  it('fires in order of time, then of setting, and stands at the end of the run', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name} ${clock.nowMs()}`);
    clock.after(20, note('late'));
    clock.after(10, note('first'));
    clock.after(10, note('second'));
    clock.after(-5, note('now'));
    clock.after(31, note('never'));
    await clock.run(30);
    expect(fired).toEqual(['now 0', 'first 10', 'second 10', 'late 20']);
    expect(clock.nowMs()).toBe(30);
  });

  it('never fires from within after, nor what was taken back', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const second = clock.after(10, () => fired.push('second'));
    clock.after(5, () => second.cancel());
    clock.after(0, () => fired.push('zero'));
    expect(fired).toEqual([]);
    await clock.runFor(100);
    expect(fired).toEqual(['zero']);
  });

  it('lets promises go on before time does', async () => {
    const clock = new VirtualClock();
    const seenMs: number[] = [];
    clock.after(10, async () => {
      for (let i = 0; i < 50; i++) await null;
      seenMs.push(clock.nowMs());
    });
    clock.after(10.5, () => seenMs.push(clock.nowMs()));
    await clock.runFor(100);
    expect(seenMs).toEqual([10, 10.5]);
  });

  it('stops where it is told to', async () => {
    const clock = new VirtualClock();
    let count = 0;
    const tick = () => {
      count += 1;
      clock.after(10, tick);
    };
    tick();
    expect(await clock.runUntil(() => count === 4, 1000)).toBe(true);
    expect(clock.nowMs()).toBe(30);
    expect(await clock.runUntil(() => count === 40, 100)).toBe(false);
    expect(clock.nowMs()).toBe(130);
  });

  it('keeps ten thousand timers in order', async () => {
    const clock = new VirtualClock();
    const fired: number[] = [];
    for (let i = 0; i < 10_000; i++) {
      const delayMs = (i * 7919) % 10_007;
      clock.after(delayMs, () => fired.push(delayMs));
    }
    await clock.run(10_007);
    expect(fired).toEqual([...fired].sort((a, b) => a - b));
    expect(fired).toHaveLength(10_000);
  });

  it('gives what a timer throws to who winds it, and can be wound on', async () => {
    const clock = new VirtualClock();
    clock.after(1, () => {
      throw new Error('boom');
    });
    await expect(clock.runFor(5)).rejects.toThrow('boom');
    await clock.runFor(5);
    expect(clock.nowMs()).toBe(6);
  });

  it('is wound by one', async () => {
    const clock = new VirtualClock();
    const run = clock.runFor(5);
    await expect(clock.runFor(5)).rejects.toThrow('the clock runs already');
    await run;
  });
});

describe('a process', () => {
  it('takes its timers with it', async () => {
    const network = new SimulatedNetwork({ seed: 1 });
    const host = network.host('10.0.0.1');
    const fired: string[] = [];
    host.clock.after(10, () => fired.push('dead'));
    network.clock.after(10, () => fired.push('alive'));
    host.kill('ended');
    await network.clock.runFor(20);
    expect(fired).toEqual(['alive']);
  });

  it('may take back a timer that it missed while it was stopped', async () => {
    const network = new SimulatedNetwork({ seed: 1 });
    const host = network.host('10.0.0.1');
    const fired: string[] = [];
    const second = host.clock.after(20, () => fired.push('second'));
    host.clock.after(10, () => second.cancel());
    host.stop();
    await network.clock.runFor(30);
    host.continue();
    await network.clock.runFor(1);
    expect(fired).toEqual([]);
  });

  it('is the only one with its addresses until it is dead', () => {
    const network = new SimulatedNetwork({ seed: 1 });
    const host = network.host('2001:db8::1');
    expect(() => network.host('2001:DB8:0::1')).toThrow('alive');
    host.kill('silent');
    expect(network.host('2001:db8::1').isAlive).toBe(true);
  });
});
