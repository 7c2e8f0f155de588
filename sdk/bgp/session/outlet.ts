/**
 * The sending side of a connection: whether there is room, whether the peer still takes anything, and how it ends.
 *
 * A peer that reads slowly costs at most `ROOM_BYTES` and one message: what it is to be told waits in the RIB, where a
 * route that changes again is told once.
 */
import type { Clock } from '../../runtime/clock.js';
import type { TcpConnection } from '../../runtime/tcp.js';
import { Alarm } from './alarm.js';

/** Bytes that may wait in the process before nothing more is written. */
const ROOM_BYTES = 65_536;
/** How long a closed connection may keep what the peer has not taken: time for a NOTIFICATION, not for a dead peer. */
const LINGER_MS = 5000;
const LINGER_STEP_MS = 50;

/** How often it is looked at whether anything has left. */
const LOOK_MS = 1000;

/** Writes to one connection. */
export class Outlet {
  readonly #clock: Clock;
  readonly #tcp: TcpConnection;
  readonly #look: Alarm;
  #patienceMs = 0;
  #writtenByteCount = 0;
  #leftByteCount = 0;
  /** When it was last seen that bytes had left, or that none were waiting. */
  #progressMs = 0;

  /** @param stuck called when the peer has taken nothing for as long as `watch` said, or up to a second longer */
  constructor(clock: Clock, tcp: TcpConnection, stuck: () => void) {
    this.#clock = clock;
    this.#tcp = tcp;
    this.#look = new Alarm(clock, () => {
      this.#noteProgress();
      if (clock.nowMs() - this.#progressMs >= this.#patienceMs) stuck();
      else if (!this.isDrained) this.#look.start(LOOK_MS);
    });
  }

  get hasRoom(): boolean {
    return this.#tcp.bufferedByteCount < ROOM_BYTES;
  }

  /** Everything written has left this process. */
  get isDrained(): boolean {
    return this.#tcp.bufferedByteCount === 0;
  }

  /** The SendHoldTimer, RFC 9687: from now on, watches whether what is written leaves. */
  watch(patienceMs: number): void {
    this.#patienceMs = patienceMs;
  }

  write(bytes: Uint8Array): void {
    this.#noteProgress();
    this.#tcp.write(bytes);
    this.#writtenByteCount += bytes.length;
    if (this.#patienceMs > 0 && !this.#look.isRunning && !this.isDrained) this.#look.start(LOOK_MS);
  }

  /** Sends what waits, then ends; a peer that does not take it loses it. */
  close(): void {
    this.#look.stop();
    this.#tcp.close();
    this.#linger(LINGER_MS);
  }

  /** Ends at once. */
  abort(): void {
    this.#look.stop();
    this.#tcp.abort();
  }

  #noteProgress(): void {
    const leftByteCount = this.#writtenByteCount - this.#tcp.bufferedByteCount;
    if (leftByteCount > this.#leftByteCount || this.isDrained) this.#progressMs = this.#clock.nowMs();
    this.#leftByteCount = leftByteCount;
  }

  #linger(remainingMs: number): void {
    if (this.isDrained) return;
    if (remainingMs <= 0) this.#tcp.abort();
    else this.#clock.after(LINGER_STEP_MS, () => this.#linger(remainingMs - LINGER_STEP_MS));
  }
}
