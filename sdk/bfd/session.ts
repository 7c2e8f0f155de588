/**
 * One BFD session in asynchronous mode, RFC 5880 sections 6.5 to 6.8: its variables, its two timers, and when which
 * packet leaves. Without echo (Required Min Echo RX 0), without authentication, in the Active role, and never in demand
 * mode itself; the other side may be.
 *
 * Intervals are µs as on the wire, moments are the clock's ms.
 */
import type { Clock, Timer } from '../runtime/index.js';
import { type ControlPacket, encodeControlPacket } from './packet.js';
import { PollSequence } from './poll.js';
import { type BfdState, DIAGNOSTIC, type StateChange, stateChange } from './state.js';

/** How often packets go, and how many may be lost. */
export interface SessionTimers {
  /** Desired and required interval while Up, µs. */
  readonly intervalUs: number;
  /** Packets in a row that may be missing, 1..255. */
  readonly multiplier: number;
}

/** What a session needs. */
export interface SessionOptions extends SessionTimers {
  /** Our name for the session: not 0, and no other session's. */
  readonly discriminator: number;
  readonly clock: Clock;
  /** A number in 0..1, 1 excluded. */
  random(): number;
  send(packet: Uint8Array): void;
  /** The state is another one. */
  changed(state: BfdState, diagnostic: number): void;
}

/** RFC 5880 section 6.8.3: who is not Up sends no faster, so that a link full of dead sessions stays usable. */
const SLOW_INTERVAL_US = 1_000_000;

/**
 * A session: packets of the other side go in by `receive`, ours leave by `send`.
 *
 * `start` makes it talk; `disable` takes it to AdminDown, where it still talks until `end`.
 */
export class Session {
  readonly #options: SessionOptions;
  #state: BfdState = 'Down';
  #diagnostic: number = DIAGNOSTIC.NONE;
  #timers: SessionTimers;
  /** What our packets say, and what counts here: the same but during a Poll Sequence, RFC 5880 section 6.8.3. */
  #announced: Intervals;
  #used: Intervals;
  readonly #poll = new PollSequence();
  #remote: Remote = UNKNOWN_REMOTE;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #receivedAtMs = 0;
  #transmission: Timer | undefined;
  #detection: Timer | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#timers = options;
    this.#announced = this.#intervalsFor('Down');
    this.#used = this.#announced;
  }

  /** `bfd.SessionState` */
  get state(): BfdState {
    return this.#state;
  }

  /** `bfd.LocalDiag`: why `state` changed last. */
  get diagnostic(): number {
    return this.#diagnostic;
  }

  /** `bfd.RemoteSessionState`: Down until the other side has said something, and after it has fallen silent. */
  get remoteState(): BfdState {
    return this.#remote.state;
  }

  /** Why the other side's state changed last, as it says. */
  get remoteDiagnostic(): number {
    return this.#remote.diagnostic;
  }

  /** How long the other side may be silent, RFC 5880 section 6.8.4; 0 while it has said nothing. */
  get detectionTimeMs(): number {
    const { detectMultiplier, desiredMinTxUs } = this.#remote;
    return (detectMultiplier * Math.max(this.#used.requiredMinRxUs, desiredMinTxUs)) / 1000;
  }

  /** How long we may be silent: the Detection Time as the other side reckons it. */
  get remoteDetectionTimeMs(): number {
    return (this.#timers.multiplier * this.#transmitIntervalUs) / 1000;
  }

  /** Sends the first packet, and from then on when one is due. */
  start(): void {
    this.#transmit();
  }

  /** Takes a packet that was demultiplexed to this session; the order is that of RFC 5880 section 6.8.6. */
  receive(packet: ControlPacket): void {
    const schedule = this.#schedule;
    this.#remote = packet;
    if (this.#poll.received(packet.isFinal)) this.#used = this.#announced;
    if (this.#state === 'AdminDown') {
      if (this.#schedule !== schedule) this.#scheduleTransmission();
      return;
    }
    this.#receivedAtMs = this.#options.clock.nowMs();
    const change = stateChange(this.#state, packet.state);
    if (change) this.#enter(change);
    // A Final leaves at once, whatever the timer; it tells of a new state as well as a packet of its own would.
    if (packet.isPoll) this.#send({ isFinal: true });
    if (change && !packet.isPoll) this.#transmit();
    else if (this.#schedule !== schedule) this.#scheduleTransmission();
    this.#awaitPacket();
    if (change) this.#options.changed(this.#state, this.#diagnostic);
  }

  /** Other timers from now on; what that may break is put off until the other side knows (RFC 5880 section 6.8.3). */
  setTimers(timers: SessionTimers): void {
    const schedule = this.#schedule;
    const { multiplier } = this.#timers;
    this.#timers = timers;
    this.#announce(this.#intervalsFor(this.#state));
    // Only where the other side is in demand mode would it miss another multiplier without a Poll Sequence.
    if (multiplier !== timers.multiplier) this.#poll.request();
    if (this.#schedule !== schedule) this.#scheduleTransmission();
    if (this.#detection) this.#awaitPacket();
  }

  /** Tells the other side that we are down on purpose, RFC 5880 section 6.8.16, and goes on saying so. */
  disable(): void {
    this.#detection?.cancel();
    this.#detection = undefined;
    this.#enter({ state: 'AdminDown', diagnostic: DIAGNOSTIC.ADMINISTRATIVELY_DOWN });
    this.#transmit();
  }

  /** Falls silent for good. */
  end(): void {
    this.#transmission?.cancel();
    this.#detection?.cancel();
  }

  #enter({ state, diagnostic }: StateChange): void {
    this.#state = state;
    this.#diagnostic = diagnostic ?? this.#diagnostic;
    this.#announce(this.#intervalsFor(state));
  }

  #intervalsFor(state: BfdState): Intervals {
    const { intervalUs } = this.#timers;
    return {
      desiredMinTxUs: state === 'Up' ? intervalUs : Math.max(intervalUs, SLOW_INTERVAL_US),
      requiredMinRxUs: intervalUs,
    };
  }

  // To send more rarely, or to wait less long, is only safe once the other side has heard of it.
  #announce(intervals: Intervals): void {
    const { desiredMinTxUs, requiredMinRxUs } = intervals;
    if (desiredMinTxUs !== this.#announced.desiredMinTxUs || requiredMinRxUs !== this.#announced.requiredMinRxUs) {
      this.#poll.request();
    }
    this.#announced = intervals;
    this.#used =
      this.#state === 'Up'
        ? {
            desiredMinTxUs: Math.min(desiredMinTxUs, this.#used.desiredMinTxUs),
            requiredMinRxUs: Math.max(requiredMinRxUs, this.#used.requiredMinRxUs),
          }
        : intervals;
  }

  get #transmitIntervalUs(): number {
    return Math.max(this.#used.desiredMinTxUs, this.#remote.requiredMinRxUs);
  }

  /** Interval of the periodic packets, µs; infinite while there are none to be sent (RFC 5880 section 6.8.7). */
  get #schedule(): number {
    const { requiredMinRxUs, isDemand, state } = this.#remote;
    const isQuietWanted = isDemand && this.#state === 'Up' && state === 'Up' && !this.#poll.isPolling;
    return requiredMinRxUs === 0 || isQuietWanted ? Number.POSITIVE_INFINITY : this.#transmitIntervalUs;
  }

  /** A periodic packet, or one in between because our state is another (RFC 5880 section 6.8.7). */
  #transmit(): void {
    this.#sentAtMs = this.#options.clock.nowMs();
    this.#send({ isFinal: false });
    this.#scheduleTransmission();
  }

  #scheduleTransmission(): void {
    const { clock } = this.#options;
    this.#transmission?.cancel();
    this.#transmission = undefined;
    const schedule = this.#schedule;
    if (schedule === Number.POSITIVE_INFINITY) return;
    const dueAtMs = this.#sentAtMs + (schedule / 1000) * this.#jitter();
    this.#transmission = clock.after(Math.max(0, dueAtMs - clock.nowMs()), () => this.#transmit());
  }

  /** RFC 5880 section 6.8.7: 75..100 %, so that sessions do not fall into step; 75..90 % where no packet may be lost. */
  #jitter(): number {
    return 0.75 + this.#options.random() * (this.#timers.multiplier === 1 ? 0.15 : 0.25);
  }

  #send({ isFinal }: { isFinal: boolean }): void {
    const isPoll = this.#poll.isPolling && !isFinal;
    if (isPoll) this.#poll.sent();
    this.#options.send(
      encodeControlPacket({
        diagnostic: this.#diagnostic,
        state: this.#state,
        isPoll,
        isFinal,
        // BFD runs in the process of the speaker: when that dies, both do.
        isControlPlaneIndependent: false,
        isDemand: false,
        detectMultiplier: this.#timers.multiplier,
        myDiscriminator: this.#options.discriminator,
        yourDiscriminator: this.#remote.myDiscriminator,
        ...this.#announced,
        requiredMinEchoRxUs: 0,
      }),
    );
  }

  #awaitPacket(): void {
    const { clock } = this.#options;
    this.#detection?.cancel();
    const dueAtMs = this.#receivedAtMs + this.detectionTimeMs;
    this.#detection = clock.after(Math.max(0, dueAtMs - clock.nowMs()), () => {
      // A process that was held up runs its timers before its sockets: what has arrived meanwhile is read first.
      this.#detection = clock.after(0, () => this.#fallSilent());
    });
  }

  /** RFC 5880 sections 6.8.4, 6.8.1 and 6.8.18: the other side is gone, and so is all that was known of it. */
  #fallSilent(): void {
    this.#detection = undefined;
    this.#remote = UNKNOWN_REMOTE;
    this.#poll.reset();
    const change = stateChange(this.#state, 'silence');
    if (change === undefined) {
      this.#scheduleTransmission();
      return;
    }
    this.#enter(change);
    this.#transmit();
    this.#options.changed(this.#state, this.#diagnostic);
  }
}

type Intervals = Pick<ControlPacket, 'desiredMinTxUs' | 'requiredMinRxUs'>;

type Remote = Pick<
  ControlPacket,
  'state' | 'diagnostic' | 'isDemand' | 'detectMultiplier' | 'myDiscriminator' | 'desiredMinTxUs' | 'requiredMinRxUs'
>;

/** As RFC 5880 section 6.8.1 wants the variables in the beginning: it would take packets at any rate. */
const UNKNOWN_REMOTE: Remote = {
  state: 'Down',
  diagnostic: DIAGNOSTIC.NONE,
  isDemand: false,
  detectMultiplier: 0,
  myDiscriminator: 0,
  desiredMinTxUs: 0,
  requiredMinRxUs: 1,
};
