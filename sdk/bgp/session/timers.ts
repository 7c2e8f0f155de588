/** The timers of a connection, RFC 4271 section 10: ConnectRetryTimer, HoldTimer and KeepaliveTimer. */
import type { Runtime } from '../../runtime/index.js';
import type { FsmEvent } from '../fsm/events.js';
import { Alarm, jittered } from './alarm.js';

/**
 * Milliseconds to wait for the peer's OPEN. RFC 4271 suggests four minutes; a router that has accepted TCP and says
 * nothing is hung, and a MUX that waits for it is missing from it meanwhile.
 */
const OPEN_WAIT_MS = 60_000;
/** A timer that goes off so much too late was held up with its process, and so was reading what the peer sent. */
const LATE_MS_MAX = 100;
/** Time to read that. */
const CATCH_UP_MS = 50;

/** The timers of one connection. */
export class ConnectionTimers {
  readonly #runtime: Runtime;
  readonly #expired: (event: FsmEvent, text?: string) => void;
  readonly #connectRetry: Alarm;
  readonly #hold: Alarm;
  readonly #keepalive: Alarm;
  /** What the hold timer waits for; 0 when that is not agreed on, or agreed to be never. */
  #holdTimeMs = 0;
  #isCatchingUp = false;

  constructor(runtime: Runtime, expired: (event: FsmEvent, text?: string) => void) {
    this.#runtime = runtime;
    this.#expired = expired;
    this.#connectRetry = new Alarm(runtime.clock, () => expired('ConnectRetryTimer_Expires'));
    this.#hold = new Alarm(runtime.clock, () => this.#holdExpired());
    this.#keepalive = new Alarm(runtime.clock, () => expired('KeepaliveTimer_Expires'));
  }

  startConnectRetry(ms: number): void {
    this.#connectRetry.start(this.#jittered(ms));
  }

  stopConnectRetry(): void {
    this.#connectRetry.stop();
  }

  /** The HoldTimer at its large value. */
  waitForOpen(): void {
    this.#isCatchingUp = false;
    this.#holdTimeMs = 0;
    this.#hold.start(OPEN_WAIT_MS);
  }

  /** HoldTimer and KeepaliveTimer by what was agreed on; 0 for neither. */
  startSession(holdTimeMs: number): void {
    this.#hold.stop();
    this.#holdTimeMs = holdTimeMs;
    this.restartHold();
    this.restartKeepalive();
  }

  restartHold(): void {
    this.#isCatchingUp = false;
    if (this.#holdTimeMs > 0) this.#hold.start(this.#holdTimeMs);
  }

  restartKeepalive(): void {
    if (this.#holdTimeMs > 0) this.#keepalive.start(this.#jittered(this.#holdTimeMs / 3));
  }

  stopSession(): void {
    this.#hold.stop();
    this.#keepalive.stop();
  }

  #holdExpired(): void {
    if (this.#hold.lateMs > LATE_MS_MAX && !this.#isCatchingUp) {
      this.#isCatchingUp = true;
      this.#hold.start(CATCH_UP_MS);
      return;
    }
    const [what, ms] = this.#holdTimeMs > 0 ? ['no message', this.#holdTimeMs] : ['no OPEN', OPEN_WAIT_MS];
    this.#expired('HoldTimer_Expires', `${what} for ${ms / 1000} s`);
  }

  #jittered(ms: number): number {
    return jittered(ms, () => this.#runtime.random());
  }
}
