/**
 * Adj-RIB-Out, RFC 4271 section 3.2: what one peer has been told, what it is to be told, and the messages from the one
 * to the other.
 *
 *   replace(routes) ─► differences against what was sent ─► next() ─► one UPDATE at a time
 *
 * Messages are made when they are asked for. A peer that does not read therefore costs a set of prefixes and no queue,
 * and a route that changes ten times meanwhile is sent once.
 */
import { MESSAGE_BYTES_MAX } from '../wire/header.js';
import type { Agreement, Family } from '../wire/messages.js';
import { prefixByteCount } from '../wire/nlri.js';
import { encodeEndOfRib, encodeUpdates } from '../wire/pack.js';
import { encodeRouteRefresh } from '../wire/route-refresh.js';
import { type PendingGroup, PendingRoutes } from './pending-routes.js';
import type { ResolvedRoute, RoutePath } from './session-routes.js';

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/** The path of a route that the peer has and wants to hear again; no path to announce is like it. */
const STALE: RoutePath = {
  text: 'stale',
  nextHop: '',
  attributes: { origin: 'igp', asPath: [], communities: [], largeCommunities: [] },
};

/**
 * The routes of one session.
 *
 * @example
 * ```ts
 * ribOut.agree(agreement, isRefreshEnhanced);
 * ribOut.replace(routesOnSession(resolveRoutes(routes), localAs, ends).routes);
 * for (let message = ribOut.next(); message !== undefined; message = ribOut.next()) connection.write(message);
 * ```
 */
export class RibOut {
  #agreement: Agreement | undefined;
  #isRefreshEnhanced = false;
  /** Absent until the first set: an End-of-RIB before it would have a router drop what it kept over our restart. */
  #wanted: ReadonlyMap<string, ResolvedRoute> | undefined;
  #sent = new Map<string, ResolvedRoute>();
  #pending = new PendingRoutes();
  readonly #writtenCounts = { announced: 0, withdrawn: 0 };
  #endOfRibDue = new Set<Family>();
  #refreshDue = new Set<Family>();
  /** Families between BoRR and EoRR. */
  #refreshing = new Set<Family>();
  /** Made with another message, should a set of prefixes have taken two. */
  #ready: Uint8Array[] = [];

  /** Prefixes the peer has been told of. */
  get announcedCount(): number {
    return this.#sent.size;
  }

  /** Prefixes the peer is still to be told of, or that they are gone. */
  get pendingCount(): number {
    return this.#pending.count;
  }

  /** Prefixes written since this was made, one that was written twice counted twice. */
  get writtenCounts(): { readonly announced: number; readonly withdrawn: number } {
    return { ...this.#writtenCounts };
  }

  /** The prefixes the peer has been told of, canonical. */
  announcedPrefixes(): Iterable<string> {
    return this.#sent.keys();
  }

  /**
   * A session is established, and the peer knows nothing. There is nothing to send until `replace` says what.
   *
   * @param isRefreshEnhanced a refresh is to be sent between BoRR and EoRR, RFC 7313
   */
  agree(agreement: Agreement, isRefreshEnhanced: boolean): void {
    this.reset();
    this.#agreement = agreement;
    this.#isRefreshEnhanced = isRefreshEnhanced;
    this.#endOfRibDue = new Set(agreement.families);
  }

  /** The session is over: nothing is to be sent, and nothing has been. */
  reset(): void {
    this.#agreement = undefined;
    this.#wanted = undefined;
    this.#sent = new Map();
    this.#pending = new PendingRoutes();
    this.#endOfRibDue = new Set();
    this.#refreshDue = new Set();
    this.#refreshing = new Set();
    this.#ready = [];
  }

  /**
   * Replaces all that the peer is to know. Without a session nothing happens.
   *
   * @param routes resolved for this session, each prefix once
   */
  replace(routes: readonly ResolvedRoute[]): void {
    if (this.#agreement === undefined) return;
    const wanted = new Map<string, ResolvedRoute>();
    let sentCount = 0;
    for (const route of routes) {
      wanted.set(route.prefixText, route);
      const sent = this.#sent.get(route.prefixText);
      if (sent !== undefined) sentCount += 1;
      this.#compare(route.prefixText, route, sent);
    }
    this.#wanted = wanted;
    if (sentCount < this.#sent.size) {
      for (const [prefixText, sent] of this.#sent) {
        if (!wanted.has(prefixText)) this.#compare(prefixText, undefined, sent);
      }
    }
    for (const prefixText of this.#pending.prefixTexts()) {
      if (!wanted.has(prefixText)) this.#compare(prefixText, undefined, this.#sent.get(prefixText));
    }
  }

  /**
   * The peer wants all routes of a family again, RFC 2918. Between BoRR and EoRR they come after the End-of-RIB of the
   * family, and after the refresh before (RFC 7313 section 4).
   */
  refresh(family: Family): void {
    if (this.#agreement?.families.has(family)) this.#refreshDue.add(family);
  }

  /**
   * The next message to write, withdrawals before announcements; `undefined` when the peer knows everything. End-of-RIB
   * of a family comes the first time that nothing of the family is left to say.
   */
  next(): Uint8Array | undefined {
    const agreement = this.#agreement;
    if (agreement === undefined || this.#wanted === undefined) return undefined;
    const ready = this.#ready.shift();
    if (ready !== undefined) return ready;
    for (const family of FAMILIES) {
      const withdrawal = this.#pending.firstWithdrawal(family);
      if (withdrawal !== undefined) return this.#write(withdrawal, agreement);
    }
    for (const family of FAMILIES) {
      const message = this.#nextOf(family, agreement);
      if (message !== undefined) return message;
    }
    return undefined;
  }

  #nextOf(family: Family, agreement: Agreement): Uint8Array | undefined {
    const begin = this.#beginRefresh(family);
    if (begin !== undefined) return begin;
    const announcement = this.#pending.firstAnnouncement(family);
    if (announcement !== undefined) return this.#write(announcement, agreement);
    if (this.#endOfRibDue.delete(family)) return encodeEndOfRib(family);
    if (this.#refreshing.delete(family)) return encodeRouteRefresh({ family, subtype: 'end' });
    return undefined;
  }

  #beginRefresh(family: Family): Uint8Array | undefined {
    const mustWait = this.#isRefreshEnhanced && (this.#endOfRibDue.has(family) || this.#refreshing.has(family));
    if (mustWait || !this.#refreshDue.delete(family)) return undefined;
    for (const [prefixText, route] of this.#sent) {
      if (route.family !== family) continue;
      const stale = { ...route, path: STALE };
      this.#sent.set(prefixText, stale);
      this.#compare(prefixText, this.#wanted?.get(prefixText), stale);
    }
    if (!this.#isRefreshEnhanced) return undefined;
    this.#refreshing.add(family);
    return encodeRouteRefresh({ family, subtype: 'begin' });
  }

  /** Notes what is to be said of a prefix: what is wanted against what the peer has. */
  #compare(prefixText: string, wanted: ResolvedRoute | undefined, sent: ResolvedRoute | undefined): void {
    if (wanted !== undefined && wanted.path.text !== sent?.path.text) this.#pending.announce(wanted);
    else if (wanted === undefined && sent !== undefined) this.#pending.withdraw(sent);
    else this.#pending.delete(prefixText);
  }

  /** One message with as many prefixes of a group as fit, which the peer is taken to know from here on. */
  #write(group: PendingGroup, agreement: Agreement): Uint8Array {
    const routes = this.#take(group, agreement);
    this.#writtenCounts[group.path === undefined ? 'withdrawn' : 'announced'] += routes.length;
    for (const route of routes) {
      this.#pending.delete(route.prefixText);
      if (group.path === undefined) this.#sent.delete(route.prefixText);
      else this.#sent.set(route.prefixText, route);
    }
    const [first, ...more] = encoded(group, routes, agreement);
    this.#ready = more;
    return first!;
  }

  #take(group: PendingGroup, agreement: Agreement): readonly ResolvedRoute[] {
    const routes: ResolvedRoute[] = [];
    let room = MESSAGE_BYTES_MAX - this.#overheadBytes(group, agreement);
    for (const route of group.routes.values()) {
      room -= prefixByteCount(route.prefix);
      if (room < 0 && routes.length > 0) break;
      routes.push(route);
    }
    return routes;
  }

  #overheadBytes(group: PendingGroup, agreement: Agreement): number {
    if (group.overheadBytes === undefined) {
      const [route] = group.routes.values();
      const [message] = encoded(group, [route!], agreement);
      // An attribute of more than 255 bytes has one more byte of length.
      group.overheadBytes = message!.length - prefixByteCount(route!.prefix) + 1;
    }
    return group.overheadBytes;
  }
}

function encoded({ family, path }: PendingGroup, routes: readonly ResolvedRoute[], agreement: Agreement) {
  return encodeUpdates({ family, prefixes: routes.map(({ prefix }) => prefix), ...(path && { path }) }, agreement);
}
