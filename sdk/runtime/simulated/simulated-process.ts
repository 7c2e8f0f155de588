/** A process of a simulation: it can be stopped, continued and killed, and then none of its code runs. */
import type { Clock } from '../clock.js';

/** Everything that calls the code under test goes through here. */
export class SimulatedProcess {
  /** The clock of this process alone: its timers wait while it is stopped and die with it. */
  readonly clock: Clock;
  readonly #world: Clock;
  /** What happened while it was stopped. */
  #missed: (() => void)[] = [];
  #state: 'running' | 'stopped' | 'dead' = 'running';

  constructor(world: Clock) {
    this.#world = world;
    this.clock = { nowMs: () => world.nowMs(), after: (delayMs, callback) => this.#after(delayMs, callback) };
  }

  get isAlive(): boolean {
    return this.#state !== 'dead';
  }

  /** Calls into the process: now when it runs, when it is continued otherwise, never when it is dead. */
  enter(call: () => void): void {
    if (this.#state === 'dead') return;
    if (this.#state === 'stopped' || this.#missed.length > 0) this.#missed.push(call);
    else call();
  }

  /** SIGSTOP. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  /** SIGCONT: what was missed happens now, in order. */
  continue(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    this.#world.after(0, () => this.#catchUp());
  }

  kill(): void {
    this.#state = 'dead';
    this.#missed = [];
  }

  #catchUp(): void {
    while (this.#state === 'running' && this.#missed.length > 0) this.#missed.shift()!();
  }

  #after(delayMs: number, callback: () => void) {
    let isWanted = true;
    const timer = this.#world.after(delayMs, () => {
      this.enter(() => {
        if (isWanted) callback();
      });
    });
    return {
      cancel: () => {
        isWanted = false;
        timer.cancel();
      },
    };
  }
}
