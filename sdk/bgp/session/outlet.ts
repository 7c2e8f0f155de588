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

/** Writes to one connection. */
export class Outlet {
  readonly #clock: Clock;
  readonly #tcp: TcpConnection;
  readonly #stuck: Alarm;
  #patienceMs = 0;
  #writtenByteCount = 0;
  #sentByteCountSeen = 0;

  /** @param stuck called when the peer has taken nothing for as long as `watch` said */
  constructor(clock: Clock, tcp: TcpConnection, stuck: () => void) {
    this.#clock = clock;
    this.#tcp = tcp;
    this.#stuck = new Alarm(clock, () => {
      if (!this.#hasProgressed()) stuck();
      else if (!this.isDrained) this.#stuck.start(this.#patienceMs);
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
    this.#hasProgressed();
    this.#tcp.write(bytes);
    this.#writtenByteCount += bytes.length;
    if (this.#patienceMs > 0 && !this.#stuck.isRunning && !this.isDrained) this.#stuck.start(this.#patienceMs);
  }

  /** To be called when the connection has drained. */
  drained(): void {
    this.#stuck.stop();
  }

  /** Sends what waits, then ends; a peer that does not take it loses it. */
  close(): void {
    this.#stuck.stop();
    this.#tcp.close();
    this.#linger(LINGER_MS);
  }

  /** Ends at once. */
  abort(): void {
    this.#stuck.stop();
    this.#tcp.abort();
  }

  /** Whether bytes have left since this was last asked; if so, patience begins anew. */
  #hasProgressed(): boolean {
    const sentByteCount = this.#writtenByteCount - this.#tcp.bufferedByteCount;
    const hasProgressed = sentByteCount > this.#sentByteCountSeen;
    this.#sentByteCountSeen = sentByteCount;
    if (hasProgressed && this.#stuck.isRunning) this.#stuck.start(this.#patienceMs);
    return hasProgressed;
  }

  #linger(remainingMs: number): void {
    if (this.isDrained) return;
    if (remainingMs <= 0) this.#tcp.abort();
    else this.#clock.after(LINGER_STEP_MS, () => this.#linger(remainingMs - LINGER_STEP_MS));
  }
}
