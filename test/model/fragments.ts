/**
 * Datagrams in parts: where the first fragment of each went, which parts of it have gone there, and the parts that came
 * too early. A part that overlaps another one ends its datagram (RFC 5722).
 */

import type { Backend, Service } from '../../sdk/program/types.js';
import type { Link } from '../support/checksum.js';
import type { IpPacket } from './ip.js';
import type { FragmentPart } from './ipv6.js';

const EXPIRY_TICKS = 30;
const RANGE_COUNT_MAX = 8;
const HELD_COUNT_MAX = 64;
const HELD_BYTES_MAX = 2048;

/** Where a packet goes; without a service when the port is leased. */
export interface Choice {
  readonly service: Service | undefined;
  readonly backend: Backend;
  /** What the outer headers show. */
  readonly hash: bigint;
}

/** No data, a middle that is no multiple of 8 bytes, or an end that no datagram has. */
export function isImpossible({ data, hasMore, offsetBytes }: FragmentPart): boolean {
  return data.length === 0 || (hasMore && data.length % 8 !== 0) || offsetBytes + data.length > 65535;
}

/** In units of 8 bytes, `end` excluded. */
interface Range {
  readonly start: number;
  readonly end: number;
}

function rangeOf({ offsetBytes, data }: FragmentPart): Range {
  return { start: offsetBytes / 8, end: Math.ceil((offsetBytes + data.length) / 8) };
}

/** A datagram whose first fragment was here. */
export class Datagram {
  readonly hash: bigint;
  readonly pinnedTick: number;
  /** `undefined` once it is gone. */
  service: Service | undefined;
  /** `undefined` once it is another machine or gone. */
  backend: Backend | undefined;
  #covered: Range[] = [];
  #isPoisoned = false;

  constructor({ service, backend, hash }: Choice, first: FragmentPart, tick: number) {
    this.service = service;
    this.backend = backend;
    this.hash = hash;
    this.pinnedTick = tick;
    this.cover(first);
  }

  /** What is wrong with a further part: its reason. An overlap is remembered. */
  refuse(part: FragmentPart): 'fragment-overlap' | 'fragment-limit' | undefined {
    const { start, end } = rangeOf(part);
    if (this.#covered.some((range) => start < range.end && range.start < end)) this.#isPoisoned = true;
    if (this.#isPoisoned) return 'fragment-overlap';
    return this.#with(part).length > RANGE_COUNT_MAX ? 'fragment-limit' : undefined;
  }

  cover(part: FragmentPart): void {
    this.#covered = this.#with(part);
  }

  /** The covered ranges and this one, neighbours joined. */
  #with(part: FragmentPart): Range[] {
    const sorted = [...this.#covered, rangeOf(part)].sort((a, b) => a.start - b.start);
    const joined: Range[] = [];
    for (const range of sorted) {
      const last = joined.at(-1);
      if (last !== undefined && last.end === range.start) {
        joined[joined.length - 1] = { start: last.start, end: range.end };
      } else {
        joined.push(range);
      }
    }
    return joined;
  }
}

/** A fragment that came before the first one of its datagram. */
export interface Held {
  readonly key: string;
  readonly frame: Uint8Array;
  readonly link: Link;
  readonly tick: number;
}

export class FragmentTable {
  readonly #datagrams = new Map<string, Datagram>();
  #held: Held[] = [];

  datagram(key: string, tick: number): Datagram | undefined {
    const datagram = this.#datagrams.get(key);
    return datagram !== undefined && tick - datagram.pinnedTick < EXPIRY_TICKS ? datagram : undefined;
  }

  pin(key: string, choice: Choice, first: FragmentPart, tick: number): void {
    this.#datagrams.set(key, new Datagram(choice, first, tick));
  }

  /** Keeps a frame as it came; false: there is no room for it. */
  hold(held: Held): boolean {
    if (this.#held.length === HELD_COUNT_MAX || held.frame.length > HELD_BYTES_MAX) return false;
    this.#held.push(held);
    return true;
  }

  /** Takes out those whose datagram is known now, in order of arrival, and gives up those that waited for too long. */
  release(tick: number, countMax: number): { released: Held[]; expiredCount: number } {
    const released: Held[] = [];
    const waiting: Held[] = [];
    let expiredCount = 0;
    for (const held of this.#held) {
      const isKnown = this.datagram(held.key, tick) !== undefined;
      if (isKnown && released.length < countMax) released.push(held);
      else if (!isKnown && tick - held.tick >= EXPIRY_TICKS) expiredCount++;
      else waiting.push(held);
    }
    this.#held = waiting;
    return { released, expiredCount };
  }

  /** Follows services and backends to a new program, each to what it is now. */
  keep(service: (before: Service) => Service | undefined, backend: (before: Backend) => Backend | undefined): void {
    for (const datagram of this.#datagrams.values()) {
      datagram.service = datagram.service && service(datagram.service);
      datagram.backend = datagram.backend && backend(datagram.backend);
    }
  }
}

/**
 * All parts of one datagram have this in common, and no parts of two within their expiry. The protocol is the one that
 * the fragment header announces: only the first fragment shows the upper protocol behind further IPv6 headers.
 */
export function datagramKey({ family, source, destination }: IpPacket, part: FragmentPart): string {
  return JSON.stringify([family, source, destination, part.protocol, part.identification]);
}
