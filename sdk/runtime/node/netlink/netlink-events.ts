/**
 * What the kernel tells by itself: changes of interfaces, addresses, routes, neighbours.
 *
 * The socket is looked at every 20 ms. Node cannot wait on a descriptor it has not made. To wait in poll(2) on a thread of
 * libuv would take one of its four for good, from file access and name resolution, would hold the process for as long as it
 * waits, and needs a second descriptor to be woken by. A look costs one system call of a microsecond, and to wake up for it
 * a little more: together about a hundredth of a core; and `close` has nobody to wait for. No packet waits for these 20 ms:
 * those on their way follow the last answer, as they do while a router makes up its mind.
 */
import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import { type Message, orNothing, readMessages } from './message.js';
import { NetlinkSocket } from './netlink-socket.js';

/** Groups that can be heard (linux/rtnetlink.h). */
export const RTNLGRP_LINK = 1;
export const RTNLGRP_NEIGH = 3;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV4_ROUTE = 7;
export const RTNLGRP_IPV4_RULE = 8;
export const RTNLGRP_IPV6_IFADDR = 9;
export const RTNLGRP_IPV6_ROUTE = 11;
export const RTNLGRP_IPV6_RULE = 19;
export const RTNLGRP_NEXTHOP = 32;

/** How long the socket is left alone, and how many datagrams are read in a row before others get their turn. */
const LOOK_PERIOD_MS = 20;
const DATAGRAMS_PER_TURN = 256;

/** How long to wait before everything is asked for again: what makes messages come too fast may go on for a while. */
const LOAD_PERIOD_MS = 200;

/** Some seconds of a network in turmoil. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

const EAGAIN = 11;

/** Who is told. */
export interface NetlinkListener {
  /** A message; it may throw `ERR_OUT_OF_BOUNDS` for one it cannot read, which then counts as lost. */
  message(message: Message): void;
  /**
   * Everything is to be asked for, as messages have been lost: they came faster than they were read. Returns whether the
   * answers are the whole truth; if not, this is called again.
   */
  load(): boolean;
  /** All that has arrived has been told, or as much as fits one turn; returns whether another turn is needed at once. */
  turn(): boolean;
}

/** What to hear. */
export interface NetlinkEventsOptions {
  readonly groups: readonly number[];
  readonly listener: NetlinkListener;
  /** Room for what has not been read yet; 1 MiB by default. */
  readonly receiveBufferBytes?: number | undefined;
}

/** Looks at a socket from time to time, and has everything asked for when something was lost. Does not hold the process. */
export class NetlinkEvents {
  readonly #socket: NetlinkSocket;
  readonly #listener: NetlinkListener;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSoon = false;
  #isClosed = false;
  #isLoaded = false;
  #loadDueMs = 0;

  /** @throws EdgemuxError as `NetlinkSocket` does */
  constructor({ groups, listener, receiveBufferBytes = RECEIVE_BUFFER_BYTES }: NetlinkEventsOptions) {
    this.#listener = listener;
    this.#socket = new NetlinkSocket({ groups, receiveBufferBytes });
    this.#lookAfter(LOOK_PERIOD_MS);
  }

  /** Has everything asked for the first time, once whoever listens is ready. What changes meanwhile has been heard. */
  start(): void {
    this.#load();
  }

  /** Has the next turn come as soon as it can. */
  soon(): void {
    if (this.#isSoon || this.#isClosed) return;
    this.#isSoon = true;
    this.#lookAfter(0);
  }

  /** Tells what has arrived until now, up to what fits one turn; returns whether that was all. */
  read(): boolean {
    for (let count = 0; count < DATAGRAMS_PER_TURN && !this.#isClosed; count += 1) {
      const datagram = this.#socket.receive();
      if (datagram === EAGAIN) return true;
      if (typeof datagram === 'number') this.#isLoaded = false;
      else this.#tell(datagram);
    }
    return this.#isClosed;
  }

  #tell(datagram: Uint8Array): void {
    const isRead = orNothing(() => {
      for (const message of readMessages(datagram)) this.#listener.message(message);
      return true;
    });
    if (!isRead) this.#isLoaded = false;
  }

  #load(): void {
    this.#isLoaded = this.#listener.load();
    this.#loadDueMs = performance.now() + LOAD_PERIOD_MS;
  }

  /** Nothing is told any more, not even what has arrived already. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #lookAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), delayMs);
    this.#timer.unref();
  }

  #look(): void {
    this.#isSoon = false;
    try {
      const isAll = this.read();
      if (!this.#isLoaded && !this.#isClosed && performance.now() >= this.#loadDueMs) this.#load();
      const isBusy = !this.#isClosed && this.#listener.turn();
      if (!isAll || isBusy) this.soon();
    } finally {
      // Whatever a listener throws, the next look comes.
      if (!this.#isClosed && !this.#isSoon) this.#lookAfter(LOOK_PERIOD_MS);
    }
  }
}
