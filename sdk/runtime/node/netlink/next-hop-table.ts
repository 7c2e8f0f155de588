/**
 * The first hops of wanted destinations: which interface, which machine on its link, which MAC address.
 *
 * The kernel is asked for each destination, as it would look up a packet of its own (RTM_GETROUTE): rules, tables, metrics,
 * and the choice among several paths are its business. It is asked again when it tells of something that may change the
 * answer, and every 10 s for what it does not tell of, such as redirects by ICMP. MAC addresses are those of its neighbour
 * tables, followed as they change.
 *
 * The kernel keeps a neighbour fresh that packets go to; ours go past it. So it is told of every hop, each 3 s, that it is in
 * use (NTF_USE), which resolves it and has it asked whether it is still there. Such an entry is an ordinary one: when we are
 * gone, by whatever way, it ages and is forgotten. Entries that someone else keeps are left alone. Without CAP_NET_ADMIN the
 * tables are followed as they are.
 *
 * A neighbour that no longer answers keeps its last MAC address here until there is a new one. It may have been slow for a
 * moment, or its answers were lost where packets are lost, and frames to it would still arrive; if it is really gone, then
 * frames to its old address are lost as they would be with none.
 */
import { performance } from 'node:perf_hooks';
import { canonicalIp, type IpAddress, parseIp } from '../../../net/address.js';
import { type Prefix, prefixContains } from '../../../net/prefix.js';
import type { NextHop, NextHops } from '../../next-hops.js';
import { AddressTable } from './address-table.js';
import { type Hop, HopTable } from './hop-table.js';
import { InterfaceTable } from './interface-table.js';
import {
  type Message,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from './message.js';
import * as netlink from './netlink-events.js';
import { NetlinkSocket } from './netlink-socket.js';
import { Rota } from './rota.js';
import { readRoute } from './route-message.js';
import { defaultWay, type Way, wayTo } from './way.js';

const GROUPS = [
  netlink.RTNLGRP_LINK,
  netlink.RTNLGRP_NEIGH,
  netlink.RTNLGRP_IPV4_IFADDR,
  netlink.RTNLGRP_IPV6_IFADDR,
  netlink.RTNLGRP_IPV4_ROUTE,
  netlink.RTNLGRP_IPV6_ROUTE,
  netlink.RTNLGRP_IPV4_RULE,
  netlink.RTNLGRP_IPV6_RULE,
  netlink.RTNLGRP_NEXTHOP,
];

const USE_PERIOD_MS = 3000;
const ASK_PERIOD_MS = 10_000;
/** An interface is told to be down before its routes are gone, and IPv4 does not tell of those. */
const ASK_AGAIN_AFTER_MS = 200;

/** Lookups in a row, some milliseconds, before others get their turn. */
const ASKS_PER_TURN = 256;
/** With more routes changed than this in one turn, all destinations are asked for instead of those they cover. */
const ROUTES_PER_TURN = 64;

/** A rule, or a next hop that routes share, may concern any destination. */
const TYPES_ABOUT_ALL: ReadonlySet<number> = new Set([RTM_NEWRULE, RTM_DELRULE, RTM_NEWNEXTHOP, RTM_DELNEXTHOP]);

/** A destination that is followed, and its first hop by the last answer. */
interface Destination {
  /** `undefined` for the default route, which every change of a route may concern. */
  readonly ip: IpAddress | undefined;
  readonly ask: () => Way | undefined;
  hop: Hop | undefined;
  /** What whoever listens has been called for. */
  told: NextHop | undefined;
}

/** Next hops by the kernel of the network namespace this is made in. Does not hold the process. */
export class NextHopTable implements NextHops {
  readonly #netlink = new NetlinkSocket();
  readonly #events: netlink.NetlinkEvents;
  readonly #interfaces = new InterfaceTable(() => this.#interfaceChanged());
  readonly #addresses = new AddressTable();
  readonly #hops = new HopTable(this.#netlink);
  readonly #listeners = new Set<() => void>();

  #wanted: ReadonlyMap<string, Destination> = new Map();
  readonly #defaults = new Map<4 | 6, Destination>();
  #all: readonly Destination[] = [];
  readonly #toAsk = new Set<Destination>();
  #changedRoutes: Prefix[] = [];
  #askAgainAtMs = Number.POSITIVE_INFINITY;

  readonly #useRota = new Rota<Hop>(USE_PERIOD_MS);
  readonly #askRota = new Rota<Destination>(ASK_PERIOD_MS);
  #turnMs = performance.now();
  #mayHaveChanged = false;
  #toldAddresses: readonly string[] = [];

  /**
   * @param options receiveBufferBytes: room for what the kernel tells faster than it is read, 1 MiB by default; when it is
   *   not enough, everything is asked for again
   * @throws EdgemuxError `ERR_UNSUPPORTED` where there is no Linux or no koffi; `ERR_SOCKET` when the kernel refuses
   */
  constructor({ receiveBufferBytes }: { readonly receiveBufferBytes?: number } = {}) {
    const listener = {
      message: (message: Message) => this.#apply(message),
      load: () => this.#load(),
      turn: () => this.#turn(),
    };
    try {
      // Heard first, and asked then, so that nothing is missed in between.
      this.#events = new netlink.NetlinkEvents({ groups: GROUPS, listener, receiveBufferBytes });
    } catch (error) {
      this.#netlink.close();
      throw error;
    }
    this.#events.start();
    this.#toldAddresses = this.#addresses.all;
  }

  /** @throws EdgemuxError `ERR_ADDRESS_INVALID` */
  want(destinations: readonly string[]): void {
    const before = this.#wanted;
    const addresses = destinations.map(canonicalIp);
    this.#wanted = new Map(addresses.map((address) => [address, before.get(address) ?? this.#follow(address)]));
    this.#listAll();
    this.#events.soon();
  }

  of(destination: string): NextHop | undefined {
    const wanted = this.#wanted.get(destination) ?? this.#wanted.get(canonicalIp(destination));
    return wanted && this.#upToDate(wanted);
  }

  ofDefault(family: 4 | 6): NextHop | undefined {
    let wanted = this.#defaults.get(family);
    if (!wanted) {
      wanted = this.#add({
        ip: undefined,
        ask: () => defaultWay(this.#netlink, family),
        hop: undefined,
        told: undefined,
      });
      this.#defaults.set(family, wanted);
      this.#listAll();
      wanted.told = this.#upToDate(wanted);
    }
    return this.#upToDate(wanted);
  }

  get localAddresses(): readonly string[] {
    return this.#addresses.all;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Closes both sockets at once; answers stay what they were. */
  close(): void {
    this.#listeners.clear();
    this.#toAsk.clear();
    this.#events.close();
    this.#netlink.close();
  }

  #follow(address: string): Destination {
    const ask = () => wayTo(this.#netlink, address);
    return this.#add({ ip: parseIp(address), ask, hop: undefined, told: undefined });
  }

  #add(destination: Destination): Destination {
    this.#toAsk.add(destination);
    return destination;
  }

  #listAll(): void {
    this.#all = [...this.#wanted.values(), ...this.#defaults.values()];
    const all = new Set(this.#all);
    for (const destination of this.#toAsk) if (!all.has(destination)) this.#toAsk.delete(destination);
    this.#mayHaveChanged = true;
  }

  #upToDate(destination: Destination): NextHop | undefined {
    if (this.#toAsk.has(destination)) this.#ask(destination);
    return this.#answer(destination);
  }

  #ask(destination: Destination): void {
    this.#toAsk.delete(destination);
    const way = destination.ask();
    const hop = way && this.#hops.hop(way.interfaceIndex, way.address);
    if (hop !== destination.hop) this.#mayHaveChanged = true;
    destination.hop = hop;
  }

  #answer({ hop }: Destination): NextHop | undefined {
    const found = hop && this.#interfaces.at(hop.interfaceIndex);
    return found && { interface: found, address: hop.address, macAddress: found.macAddress && hop.macAddress };
  }

  #load(): boolean {
    const isWhole = [this.#interfaces.load(this.#netlink), this.#addresses.load(this.#netlink), this.#hops.load()];
    this.#askAll();
    return !isWhole.includes(false);
  }

  #apply(message: Message): void {
    this.#interfaces.apply(message);
    if (this.#hops.apply(message)) this.#mayHaveChanged = true;
    if (this.#addresses.apply(message)) this.#askAll();
    if (message.type === RTM_NEWROUTE || message.type === RTM_DELROUTE) {
      const route = readRoute(message);
      if (route) this.#changedRoutes.push(route.destination);
    } else if (TYPES_ABOUT_ALL.has(message.type)) {
      this.#askAll();
    }
  }

  #interfaceChanged(): void {
    this.#askAgainAtMs = performance.now() + ASK_AGAIN_AFTER_MS;
    this.#askAll();
  }

  #askAll(): void {
    this.#mayHaveChanged = true;
    for (const destination of this.#all) this.#toAsk.add(destination);
  }

  #turn(): boolean {
    const nowMs = performance.now();
    const elapsedMs = nowMs - this.#turnMs;
    this.#turnMs = nowMs;
    if (nowMs >= this.#askAgainAtMs) {
      this.#askAgainAtMs = Number.POSITIVE_INFINITY;
      this.#askAll();
    }
    this.#askWhatRoutesCover();
    for (const destination of this.#askRota.due(this.#all, elapsedMs)) this.#toAsk.add(destination);
    let count = 0;
    for (const destination of this.#toAsk) {
      if (++count > ASKS_PER_TURN) break;
      this.#ask(destination);
    }
    for (const hop of this.#useRota.due(this.#hops.all, elapsedMs)) {
      if (this.#hops.use(hop)) this.#mayHaveChanged = true;
    }
    this.#tell();
    return this.#toAsk.size > 0;
  }

  #askWhatRoutesCover(): void {
    const prefixes = this.#changedRoutes;
    if (prefixes.length === 0) return;
    this.#changedRoutes = [];
    const isMany = prefixes.length > ROUTES_PER_TURN;
    for (const destination of this.#all) {
      const { ip } = destination;
      if (isMany || !ip || prefixes.some((prefix) => prefixContains(prefix, ip))) this.#toAsk.add(destination);
    }
  }

  /** Calls whoever listens, once, if an answer is another one than when it was called last. */
  #tell(): void {
    if (!this.#mayHaveChanged) return;
    this.#mayHaveChanged = false;
    this.#hops.keepOnly(new Set(this.#all.flatMap(({ hop }) => hop ?? [])));
    let isChanged = this.#toldAddresses.join() !== this.#addresses.all.join();
    this.#toldAddresses = this.#addresses.all;
    for (const destination of this.#all) {
      const answer = this.#answer(destination);
      if (!isSameHop(answer, destination.told)) isChanged = true;
      destination.told = answer;
    }
    if (isChanged) for (const listener of [...this.#listeners]) listener();
  }
}

function isSameHop(a: NextHop | undefined, b: NextHop | undefined): boolean {
  return a?.interface === b?.interface && a?.address === b?.address && a?.macAddress === b?.macAddress;
}
