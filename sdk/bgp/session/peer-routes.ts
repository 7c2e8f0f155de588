/** The routes of one peer: those it is to have, what becomes of them in its session, and what it has been told. */
import type { WantedRoute } from '../rib/resolve-routes.js';
import { RibOut } from '../rib/rib-out.js';
import { routesOnSession, type UnannouncedRoute } from '../rib/session-routes.js';
import type { RoutesEvent } from '../status.js';
import type { Family } from '../wire/messages.js';
import type { Session } from './agreement.js';

/** What the routes of a session depend on beside the agreement. */
export interface RouteOptions {
  /** Our own autonomous system. */
  readonly as: number;
  readonly remoteAddress: string;
  /** Next hops for families that a session's own address is not of. */
  readonly addresses: { readonly ipv4?: string; readonly ipv6?: string };
}

/** The routes of a peer, with a session or without. */
export class PeerRoutes {
  readonly #options: RouteOptions;
  readonly #rib = new RibOut();
  #wanted: readonly WantedRoute[] | undefined;
  #ends: { readonly localAddress: string; readonly session: Session } | undefined;
  #unannounced: readonly UnannouncedRoute[] = [];
  /** What had been written when that was last told. */
  #told = { announced: 0, withdrawn: 0 };

  constructor(options: RouteOptions) {
    this.#options = options;
  }

  get announcedCount(): number {
    return this.#rib.announcedCount;
  }

  get pendingCount(): number {
    return this.#rib.pendingCount;
  }

  get unannounced(): readonly UnannouncedRoute[] {
    return this.#unannounced;
  }

  /** All that the peer can have has been written to it; before any routes have been given, that is nothing. */
  get isWritten(): boolean {
    return this.#ends !== undefined && this.#rib.pendingCount === 0;
  }

  /** Replaces the routes the peer is to have. */
  replace(wanted: readonly WantedRoute[]): void {
    this.#wanted = wanted;
    this.#resolve();
  }

  /** A session begins, in which the peer knows nothing. */
  begin(localAddress: string, session: Session): void {
    this.#ends = { localAddress, session };
    this.#rib.agree(session.agreement, session.isRefreshEnhanced);
    this.#resolve();
  }

  /** The session is over. */
  end(): void {
    this.#ends = undefined;
    this.#rib.reset();
    this.#unannounced = [];
    this.#told = this.#rib.writtenCounts;
  }

  refresh(family: Family): void {
    this.#rib.refresh(family);
  }

  /** The next message for the peer. */
  next(): Uint8Array | undefined {
    return this.#rib.next();
  }

  /** What has been written since this was last asked; `undefined` for nothing. */
  news(): RoutesEvent | undefined {
    const counts = this.#rib.writtenCounts;
    const announced = counts.announced - this.#told.announced;
    const withdrawn = counts.withdrawn - this.#told.withdrawn;
    this.#told = counts;
    if (announced === 0 && withdrawn === 0) return undefined;
    return { kind: 'routes', announced, withdrawn, total: this.#rib.announcedCount };
  }

  #resolve(): void {
    if (this.#ends === undefined || this.#wanted === undefined) return;
    const { as, remoteAddress, addresses } = this.#options;
    const { localAddress, session } = this.#ends;
    const ends = { localAddress, remoteAddress, addresses, agreement: session.agreement };
    const { routes, unannounced } = routesOnSession(this.#wanted, as, ends);
    this.#rib.replace(routes);
    this.#unannounced = unannounced;
  }
}
