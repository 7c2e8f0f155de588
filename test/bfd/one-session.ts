/** One session with the test as its other side: what it sends is kept with the moment, what it hears is said here. */
import type { ControlPacket } from '../../sdk/bfd/packet.js';
import { Session, type SessionTimers } from '../../sdk/bfd/session.js';
import { VirtualClock } from '../../sdk/runtime/simulated/index.js';
import { controlPacket, decoded, OURS } from './packets.js';

/** A packet that was sent, and when. */
export interface Sent extends ControlPacket {
  readonly atMs: number;
}

/** A session at 3 × 100 ms, unless told otherwise; without jitter, so that intervals are the longest allowed. */
export class OneSession {
  readonly clock = new VirtualClock();
  readonly session: Session;
  /** What it sent, oldest first; tests empty it. */
  sent: Sent[] = [];
  /** What it told its owner: `Up 0 @1234`, the state, the diagnostic and when. */
  readonly told: string[] = [];
  /** What the runtime answers when asked for chance. */
  chance = 1 - 2 ** -32;

  constructor(timers: Partial<SessionTimers> = {}) {
    this.session = new Session({
      intervalUs: 100_000,
      multiplier: 3,
      ...timers,
      discriminator: OURS,
      clock: this.clock,
      random: () => this.chance,
      send: (bytes) => this.sent.push({ atMs: this.clock.nowMs(), ...decoded(bytes) }),
      changed: (state, diagnostic) => this.told.push(`${state} ${diagnostic} @${this.clock.nowMs()}`),
    });
    this.session.start();
  }

  /** A session that is Up, its first Poll Sequence answered and settled; what it sent and told so far is forgotten. */
  static up(timers: Partial<SessionTimers> = {}, changes: Partial<ControlPacket> = {}): OneSession {
    const one = new OneSession(timers);
    one.hear({ ...changes, state: 'Init' });
    one.hear({ ...changes, isFinal: true });
    one.hear(changes);
    one.sent = [];
    one.told.length = 0;
    return one;
  }

  /** The other side says something, now. */
  hear(changes: Partial<ControlPacket> = {}): void {
    this.session.receive(controlPacket(changes));
  }

  /** The other side says the same at an interval, for some time; the last of it at the end of that time. */
  async hearFor(durationMs: number, intervalMs: number, changes: Partial<ControlPacket> = {}): Promise<void> {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= intervalMs) {
      await this.clock.runFor(Math.min(intervalMs, leftMs));
      this.hear(changes);
    }
  }

  /** Intervals between what it sent, ms, rounded. */
  get intervalsMs(): number[] {
    return this.sent.slice(1).map(({ atMs }, index) => Math.round(atMs - this.sent[index]!.atMs));
  }

  /** Empties and returns what it sent. */
  takeSent(): Sent[] {
    const taken = this.sent;
    this.sent = [];
    return taken;
  }
}
