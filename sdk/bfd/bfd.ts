/** Bidirectional Forwarding Detection between neighbours: RFC 5880 over single hops, RFC 5881. */
import { EdgemuxError, type Problem } from '../errors.js';
import { canonicalIp, parseIp } from '../net/address.js';
import type { Endpoint, Runtime, Timer } from '../runtime/index.js';
import { type ControlPacket, type DiscardReason, decodeControlPacket } from './packet.js';
import { BfdPorts, type Channel } from './ports.js';
import { Session, type SessionTimers } from './session.js';
import type { BfdState } from './state.js';

/** How fast a neighbour's failure is found: after `multiplier` × the slower of both sides' intervals. */
export interface BfdTimers {
  /** Desired and required interval between packets, 10..30000; default 100. */
  readonly intervalMs?: number;
  /** Packets in a row that may be lost, 1..255; default 3. */
  readonly multiplier?: number;
}

/** Which neighbour to watch, and how. */
export interface BfdWatchOptions extends BfdTimers {
  readonly localAddress: string;
  readonly remoteAddress: string;
}

/** A neighbour that is watched. */
export interface BfdWatch {
  readonly state: BfdState;
  /** The neighbour's own state as it said last; Down before it has said anything, and after it has fallen silent. */
  readonly remoteState: BfdState;
  /** Why `state` changed last; `diagnosticText` says it in words. */
  readonly diagnostic: number;
  /** Why the neighbour's state changed last, as it says. */
  readonly remoteDiagnostic: number;
  /** How long the neighbour may be silent before it is down; 0 while nothing is known of it. */
  readonly detectionTimeMs: number;
  /**
   * Changes the timers of the session without bringing it down; once the watch is stopped, nothing.
   *
   * @throws EdgemuxError `ERR_UNSUPPORTED` for timers out of range
   */
  setTimers(timers: BfdTimers): void;
  /** Ends the watch: the neighbour is told AdminDown for as long as it would take it to notice, and `changed` nothing. */
  stop(): void;
}

/**
 * The BFD of one machine: a session for each neighbour that is watched.
 *
 * @example
 * ```ts
 * const bfd = new Bfd(runtime);
 * const watch = await bfd.watch({ localAddress: '192.0.2.1', remoteAddress: '192.0.2.2' }, (state, diagnostic) =>
 *   console.log(state, diagnosticText(diagnostic)),
 * );
 * ```
 */
export class Bfd {
  readonly #runtime: Runtime;
  readonly #ports: BfdPorts;
  readonly #byDiscriminator = new Map<number, Watched>();
  /** By `addressesOf`; `undefined` while ports are being bound. */
  readonly #byAddresses = new Map<string, Watched | undefined>();
  readonly #discardedCounts = new Map<DiscardReason, number>();
  #isClosed = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#ports = new BfdPorts(runtime, (...datagram) => this.#received(...datagram));
  }

  /** How many datagrams were not taken, by reason; those with too low a TTL never got here. */
  get discardedCounts(): ReadonlyMap<DiscardReason, number> {
    return this.#discardedCounts;
  }

  /**
   * Begins a session with a neighbour. It is Down at first; `changed` is called with each later state, and why, until
   * the watch is stopped.
   *
   * A neighbour that says AdminDown takes the session Down like one that fails, but has failed nothing: `remoteState`
   * tells them apart (RFC 5882 section 3.2).
   *
   * @throws EdgemuxError (as a rejection) `ERR_ADDRESS_INVALID`; `ERR_UNSUPPORTED` for timers out of range, a neighbour
   *   that is watched already, and a runtime that cannot check hop limits; `ERR_SOCKET` when no port can be bound
   */
  async watch(options: BfdWatchOptions, changed: (state: BfdState, diagnostic: number) => void): Promise<BfdWatch> {
    const timers = sessionTimers(options);
    const localAddress = canonicalIp(options.localAddress);
    const remoteAddress = canonicalIp(options.remoteAddress);
    const refuse = (code: 'ERR_UNSUPPORTED' | 'ERR_SOCKET', why: string) =>
      new EdgemuxError(code, `BFD from ${localAddress} to ${remoteAddress}: ${why}`);
    if (parseIp(localAddress).family !== parseIp(remoteAddress).family) {
      throw refuse('ERR_UNSUPPORTED', 'addresses of two families');
    }
    const addresses = addressesOf(localAddress, remoteAddress);
    const before = this.#byAddresses.get(addresses);
    // RFC 5881 section 2: one session between two addresses.
    if (this.#byAddresses.has(addresses) && before?.session.state !== 'AdminDown') {
      throw refuse('ERR_UNSUPPORTED', 'watched already');
    }
    this.#byAddresses.set(addresses, undefined);
    try {
      const channel = await this.#ports.open(localAddress, remoteAddress);
      if (this.#isClosed) {
        channel.close();
        throw refuse('ERR_SOCKET', 'closed meanwhile');
      }
      if (before) this.#forget(before);
      return this.#begin(addresses, channel, timers, changed);
    } catch (error) {
      this.#byAddresses.delete(addresses);
      throw error;
    }
  }

  /** Ends every watch, each neighbour being told AdminDown once, and unbinds the ports. */
  close(): void {
    this.#isClosed = true;
    for (const watched of [...this.#byDiscriminator.values()]) {
      watched.session.disable();
      this.#forget(watched);
    }
  }

  #begin(
    addresses: string,
    channel: Channel,
    timers: SessionTimers,
    changed: (state: BfdState, diagnostic: number) => void,
  ): BfdWatch {
    const { clock } = this.#runtime;
    const discriminator = this.#newDiscriminator();
    const session = new Session({
      ...timers,
      discriminator,
      clock,
      random: () => this.#runtime.random(),
      send: (packet) => channel.send(packet),
      changed,
    });
    const watched: Watched = { addresses, discriminator, session, channel };
    this.#byDiscriminator.set(discriminator, watched);
    this.#byAddresses.set(addresses, watched);
    session.start();
    return {
      get state() {
        return session.state;
      },
      get remoteState() {
        return session.remoteState;
      },
      get diagnostic() {
        return session.diagnostic;
      },
      get remoteDiagnostic() {
        return session.remoteDiagnostic;
      },
      get detectionTimeMs() {
        return session.detectionTimeMs;
      },
      setTimers: (wanted) => {
        const changedTimers = sessionTimers(wanted);
        if (session.state !== 'AdminDown') session.setTimers(changedTimers);
      },
      stop: () => {
        if (session.state === 'AdminDown') return;
        session.disable();
        watched.farewell = clock.after(session.remoteDetectionTimeMs, () => this.#forget(watched));
      },
    };
  }

  #received(localAddress: string, datagram: Uint8Array, from: Endpoint): void {
    const packet = decodeControlPacket(datagram);
    if (typeof packet === 'string') {
      this.#countDiscarded(packet);
      return;
    }
    const watched = this.#find(packet, localAddress, from);
    if (watched === undefined) this.#countDiscarded('unknown-session');
    else watched.session.receive(packet);
  }

  /** By the name we gave the session; by addresses while the neighbour does not know it (RFC 5881 section 3). */
  #find({ yourDiscriminator }: ControlPacket, localAddress: string, from: Endpoint): Watched | undefined {
    return yourDiscriminator === 0
      ? this.#byAddresses.get(addressesOf(localAddress, from.address))
      : this.#byDiscriminator.get(yourDiscriminator);
  }

  #countDiscarded(reason: DiscardReason): void {
    this.#discardedCounts.set(reason, (this.#discardedCounts.get(reason) ?? 0) + 1);
  }

  #forget(watched: Watched): void {
    if (this.#byDiscriminator.get(watched.discriminator) !== watched) return;
    this.#byDiscriminator.delete(watched.discriminator);
    // Its addresses may be another watch's by now.
    if (this.#byAddresses.get(watched.addresses) === watched) this.#byAddresses.delete(watched.addresses);
    watched.farewell?.cancel();
    watched.session.end();
    watched.channel.close();
  }

  /** RFC 5880 section 6.8.1: unique, not 0, and random, so that nobody off the link can guess it. */
  #newDiscriminator(): number {
    for (;;) {
      const discriminator = Math.floor(this.#runtime.random() * 2 ** 32);
      if (discriminator !== 0 && !this.#byDiscriminator.has(discriminator)) return discriminator;
    }
  }
}

interface Watched {
  readonly addresses: string;
  readonly discriminator: number;
  readonly session: Session;
  readonly channel: Channel;
  /** Pending while the neighbour is told that the watch was stopped. */
  farewell?: Timer;
}

function addressesOf(localAddress: string, remoteAddress: string): string {
  return `${localAddress} ${remoteAddress}`;
}

function sessionTimers({ intervalMs = 100, multiplier = 3 }: BfdTimers): SessionTimers {
  const problems: Problem[] = [
    ...integerProblems('intervalMs', intervalMs, 10, 30_000),
    ...integerProblems('multiplier', multiplier, 1, 255),
  ];
  if (problems.length > 0) throw new EdgemuxError('ERR_UNSUPPORTED', 'BFD timers', problems);
  return { intervalUs: intervalMs * 1000, multiplier };
}

function integerProblems(path: string, value: number, min: number, max: number): Problem[] {
  const isInRange = Number.isInteger(value) && value >= min && value <= max;
  return isInRange ? [] : [{ path, expected: `integer ${min}..${max}`, got: String(value) }];
}
