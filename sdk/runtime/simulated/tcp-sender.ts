/**
 * One direction of a simulated connection: what was written, what is on its way, and what is sent again.
 *
 *   write ─► queued (this process) ─► in flight (kernel, network) ─► receiver's kernel ─► receiver's process
 *                  bufferedByteCount        at most `windowBytes` from here to the process
 */
import type { Clock, Timer } from '../clock.js';
import type { Path } from './path.js';
import type { SeededRandom } from './seeded-random.js';

/** What travels: data, the last ACK of the handshake, FIN or RST. */
export type Segment =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'established' | 'fin' | 'rst' };

/** What a sender needs to know of the world. */
export interface SenderWorld {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** The way of the data. */
  readonly path: Path;
  /** The way of acknowledgements. */
  readonly back: Path;
  /** Milliseconds a packet takes. */
  transitMs(path: Path): number;
  /** How many bytes the other side would take now, those in flight included. */
  windowByteCount(): number;
  /** Hands a segment to the other side; `false` when it did not get there. */
  deliver(segment: Segment): boolean;
  /** Nothing that was written is left in the process. */
  drained(): void;
  /** The other side has not answered for too long. */
  gaveUp(): void;
}

const SEGMENT_BYTES_MAX = 1460;
const RETRANSMIT_MS_FIRST = 200;
/** Linux goes on doubling up to two minutes; a simulation should not have to wait that long after a partition. */
const RETRANSMIT_MS_MAX = 2000;
/** Linux with tcp_retries2 = 15. */
const GIVE_UP_MS = 924_600;

interface Flying {
  readonly segment: Segment;
  readonly arrivesMs: number;
}

/** The sending half of one end. Segments arrive in order, cut at random. */
export class TcpSender {
  readonly #world: SenderWorld;
  #queued: Uint8Array[] = [];
  #queuedByteCount = 0;
  #inFlight: Flying[] = [];
  #inFlightByteCount = 0;
  #fin: 'open' | 'wanted' | 'sent' = 'open';
  #pump: Timer | undefined;
  #arrival: Timer | undefined;
  #retransmitMs = RETRANSMIT_MS_FIRST;
  #unansweredSinceMs: number | undefined;

  constructor(world: SenderWorld) {
    this.#world = world;
  }

  get bufferedByteCount(): number {
    return this.#queuedByteCount;
  }

  establish(): void {
    this.#launch({ kind: 'established' });
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#fin !== 'open') return;
    this.#queued.push(bytes.slice());
    this.#queuedByteCount += bytes.length;
    this.#pumpAfter(0);
  }

  /** A FIN behind all that is queued. */
  finish(): void {
    if (this.#fin !== 'open') return;
    this.#fin = 'wanted';
    this.#pumpAfter(0);
  }

  /** Drops what is queued; a RST follows what has left already. Nothing is sent again from here on. */
  reset(): void {
    this.drop({ keepsInFlight: true });
    this.#launch({ kind: 'rst' });
  }

  /** Sends nothing any more. */
  drop({ keepsInFlight = false } = {}): void {
    this.#fin = 'sent';
    this.#queued = [];
    this.#queuedByteCount = 0;
    this.#pump?.cancel();
    if (keepsInFlight) return;
    this.#inFlight = [];
    this.#arrival?.cancel();
    this.#arrival = undefined;
  }

  /** The other side has read: its window is open again once it has said so. */
  windowOpened(): void {
    if (this.#queuedByteCount > 0 || this.#fin === 'wanted') {
      this.#pumpAfter(this.#world.transitMs(this.#world.back));
    }
  }

  #pumpAfter(delayMs: number): void {
    this.#pump ??= this.#world.clock.after(delayMs, () => {
      this.#pump = undefined;
      if (delayMs > 0 && this.#world.back.isCut) this.#pumpAfter(RETRANSMIT_MS_FIRST);
      else this.#send();
    });
  }

  #send(): void {
    const hadQueue = this.#queuedByteCount > 0;
    let room = this.#world.windowByteCount() - this.#inFlightByteCount;
    while (room > 0 && this.#queued.length > 0) {
      const bytes = this.#takeQueued(Math.min(room, this.#segmentByteCount()));
      room -= bytes.length;
      this.#inFlightByteCount += bytes.length;
      this.#launch({ kind: 'data', bytes });
    }
    if (this.#queuedByteCount > 0) return;
    if (this.#fin === 'wanted') {
      this.#fin = 'sent';
      this.#launch({ kind: 'fin' });
    }
    if (hadQueue) this.#world.drained();
  }

  /** Mostly full segments, and now and then a few bytes: no reader may rely on where one ends. */
  #segmentByteCount(): number {
    const { random } = this.#world;
    return random.next() < 0.1 ? random.between(1, 24) : random.between(1, SEGMENT_BYTES_MAX);
  }

  #takeQueued(byteCount: number): Uint8Array {
    const first = this.#queued[0]!;
    if (first.length <= byteCount) this.#queued.shift();
    else this.#queued[0] = first.subarray(byteCount);
    const taken = first.slice(0, byteCount);
    this.#queuedByteCount -= taken.length;
    return taken;
  }

  #launch(segment: Segment): void {
    const { clock, path } = this.#world;
    this.#inFlight.push({ segment, arrivesMs: clock.nowMs() + this.#world.transitMs(path) });
    this.#awaitArrival();
  }

  #awaitArrival(): void {
    const next = this.#inFlight[0];
    if (next === undefined) return;
    this.#arrival ??= this.#world.clock.after(next.arrivesMs - this.#world.clock.nowMs(), () => this.#arrive());
  }

  #arrive(): void {
    this.#arrival = undefined;
    const { segment } = this.#inFlight[0]!;
    if (this.#world.path.isCut || !this.#world.deliver(segment)) {
      this.#lose();
      return;
    }
    this.#unansweredSinceMs = undefined;
    this.#retransmitMs = RETRANSMIT_MS_FIRST;
    this.#inFlight.shift();
    if (segment.kind === 'data') this.#inFlightByteCount -= segment.bytes.length;
    this.#awaitArrival();
  }

  #lose(): void {
    // Who has sent a RST has forgotten the connection: what is lost now stays lost.
    if (this.#inFlight.at(-1)?.segment.kind === 'rst') {
      this.drop();
      return;
    }
    const { clock } = this.#world;
    this.#unansweredSinceMs ??= clock.nowMs();
    if (clock.nowMs() - this.#unansweredSinceMs > GIVE_UP_MS) {
      this.drop();
      this.#world.gaveUp();
      return;
    }
    this.#arrival = clock.after(this.#retransmitMs, () => this.#arrive());
    this.#retransmitMs = Math.min(this.#retransmitMs * 2, RETRANSMIT_MS_MAX);
  }
}
