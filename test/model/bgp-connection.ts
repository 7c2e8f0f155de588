/** One TCP connection of a model router: its way to a session, and what a MUX says in it. */
import type { TcpConnection, TcpHandlers, Timer } from '../../sdk/runtime/index.js';
import type { ModelFamily, ModelOpen } from './bgp-message.js';
import * as bgp from './bgp-message.js';
import type { PeerState } from './bgp-router.js';
import { type ModelSession, type ModelUpdate, readUpdate } from './bgp-update.js';

/** NOTIFICATION code 6. */
export const CEASE = 6;
const CEASE_COLLISION = 7;
const OPEN_WAIT_MS = 30_000;

/** The states of RFC 4271 section 8.2.2, without those in which there is no connection. */
type State = 'Connect' | 'OpenSent' | 'OpenConfirm' | 'Established' | 'Closed';

/** One TCP connection. */
export class Connection implements TcpHandlers {
  state: State = 'Connect';
  tcp!: TcpConnection;
  holdTimeMs = 0;
  session!: ModelSession;
  readonly endOfRibs = new Set<ModelFamily>();
  readonly #stream: number[] = [];
  #hold: Timer | undefined;
  #keepalive: Timer | undefined;
  #peerOpen: ModelOpen | undefined;
  #ourOpen!: ModelOpen;
  /** Families that were asked for again: their routes may come unchanged. */
  readonly #asked = new Set<ModelFamily>();
  readonly #refreshing = new Set<ModelFamily>();
  #hasBeenNotified = false;

  constructor(
    readonly peer: PeerState,
    readonly origin: 'ours' | 'theirs',
  ) {
    peer.connections.add(this);
  }

  opened(): void {
    this.state = 'OpenSent';
    const { options } = this.peer.router;
    this.#ourOpen = {
      as: options.claimedAs ?? options.as,
      holdTimeSeconds: options.holdTimeSeconds,
      id: options.id,
      families: options.families,
      hasFourOctetAs: options.hasFourOctetAs,
      hasRefresh: options.hasRefresh,
      hasEnhancedRefresh: options.hasEnhancedRefresh,
      hasExtendedNextHop: options.hasExtendedNextHop,
      ...(options.isRestartHelper && { restart: { isRestarting: false, seconds: 0, preserved: [] } }),
    };
    this.#send(bgp.message(bgp.OPEN, bgp.openBody(this.#ourOpen)));
    this.#restartHold(OPEN_WAIT_MS);
  }

  received(bytes: Uint8Array): void {
    for (const octet of bytes) this.#stream.push(octet);
    try {
      for (const { type, body } of bgp.takeMessages(this.#stream)) {
        if (this.#hasBeenNotified) this.peer.violate(`a message of type ${type} after a NOTIFICATION`);
        if (this.state === 'Closed') return;
        this.#message(type, body);
      }
    } catch (error) {
      if (!(error instanceof bgp.Malformed)) throw error;
      this.peer.violate(`malformed: ${error.message}`);
      this.notify(1, 0);
    }
  }

  closed(): void {
    this.#end('connection lost');
  }

  /** Ends the connection without a word. */
  drop(): void {
    this.#end('connection lost');
    this.tcp.abort();
  }

  /** Sends a NOTIFICATION and ends. */
  notify(code: number, subcode: number): void {
    if (this.state === 'Connect') {
      this.drop();
      return;
    }
    this.#send(bgp.message(bgp.NOTIFICATION, [code, subcode]));
    this.#end('notification');
    this.tcp.close();
  }

  askAgain(family: ModelFamily): void {
    if (!this.#peerOpen!.hasRefresh || !this.#ourOpen.hasRefresh || !this.session.families.includes(family)) return;
    this.#asked.add(family);
    this.#send(bgp.message(bgp.ROUTE_REFRESH, bgp.refreshBody(family)));
  }

  #message(type: number, body: readonly number[]): void {
    if (type === bgp.NOTIFICATION) {
      this.#notified(body);
      return;
    }
    if (type === bgp.OPEN && this.state === 'OpenSent') {
      this.#opened(bgp.readOpen(body));
      return;
    }
    if (type === bgp.KEEPALIVE && body.length === 0 && this.state === 'OpenConfirm') {
      this.#confirmed();
      return;
    }
    if (this.state !== 'Established') throw new bgp.Malformed(`a message of type ${type} in ${this.state}`);
    this.#restartHold(this.holdTimeMs);
    if (type === bgp.KEEPALIVE && body.length === 0) return;
    if (type === bgp.UPDATE) {
      this.#update(readUpdate(body, this.session));
      return;
    }
    if (type === bgp.ROUTE_REFRESH) {
      this.#refreshMark(bgp.readRefresh(body));
      return;
    }
    throw new bgp.Malformed(`a message of type ${type} with ${body.length} octets in Established`);
  }

  #opened(open: ModelOpen): void {
    const { options } = this.peer.router;
    if (open.as !== this.peer.options.as) this.peer.violate(`OPEN with AS ${open.as}`);
    if (open.holdTimeSeconds === 1 || open.holdTimeSeconds === 2)
      this.peer.violate(`hold time ${open.holdTimeSeconds}`);
    if (open.restart !== undefined && open.restart.seconds === 0) this.peer.violate('graceful restart of 0 s');
    if (!this.#survives(open)) {
      this.notify(CEASE, CEASE_COLLISION);
      return;
    }
    this.#peerOpen = open;
    const families = options.families.filter((family) => open.families.includes(family));
    this.session = {
      families,
      hasFourOctetAs: options.hasFourOctetAs && open.hasFourOctetAs,
      hasExtendedNextHop: options.hasExtendedNextHop && open.hasExtendedNextHop,
      isExternal: options.as !== open.as,
      peerAs: open.as,
    };
    this.holdTimeMs = Math.min(this.#ourOpen.holdTimeSeconds, open.holdTimeSeconds) * 1000;
    this.state = 'OpenConfirm';
    this.#send(bgp.message(bgp.KEEPALIVE));
    this.#restartHold(this.holdTimeMs);
    this.#startKeepalive();
  }

  /** Section 6.8, and RFC 4724 section 5 for a peer that is back before we knew it was gone. */
  #survives(open: ModelOpen): boolean {
    for (const other of [...this.peer.connections]) {
      if (other === this || (other.state !== 'OpenConfirm' && other.state !== 'Established')) continue;
      this.peer.router.count(`collision in ${other.state}`);
      if (other.state === 'Established') {
        const isBack = this.#ourOpen.restart !== undefined && other.#peerOpen!.restart !== undefined;
        if (!isBack) return false;
        other.drop();
        continue;
      }
      const areOursKept = this.#ourOpen.id > open.id || (this.#ourOpen.id === open.id && this.#ourOpen.as > open.as);
      if ((this.origin === 'ours') !== areOursKept) return false;
      other.notify(CEASE, CEASE_COLLISION);
    }
    return true;
  }

  #confirmed(): void {
    this.state = 'Established';
    this.peer.router.count(`session ${this.origin}`);
    this.#restartHold(this.holdTimeMs);
    this.peer.begin(this.#peerOpen!);
    for (const other of [...this.peer.connections]) if (other !== this) other.notify(CEASE, CEASE_COLLISION);
    if (this.peer.router.options.asksAtOnce) for (const family of this.session.families) this.askAgain(family);
  }

  #update({ withdrawn, announced, path, family, endOfRib }: ModelUpdate): void {
    const { held } = this.peer;
    for (const [what, prefixes] of Object.entries({ withdrawal: withdrawn, announcement: announced })) {
      if (prefixes.length > 0) this.peer.router.count(`${what} of ${family}`);
    }
    if (endOfRib !== undefined) {
      if (this.endOfRibs.has(endOfRib)) this.peer.violate(`End-of-RIB of ${endOfRib} twice`);
      this.endOfRibs.add(endOfRib);
      this.peer.dropStale(endOfRib);
    }
    for (const prefix of withdrawn) {
      // A route that is stale over a restart is not known to the speaker that has restarted.
      const route = held.get(prefix);
      if (route === undefined || (route.isStale && !this.#refreshing.has(family))) {
        this.peer.violate(`withdrawal of ${prefix}, which this session has not announced`);
      }
      held.delete(prefix);
    }
    for (const prefix of announced) {
      const before = held.get(prefix);
      const isAgain = before !== undefined && !before.isStale && before.path === path;
      if (isAgain && !this.#asked.has(family)) this.peer.violate(`${prefix} announced again, and unchanged: ${path}`);
      held.set(prefix, { path, family, isStale: false });
      this.peer.router.announced(this.peer.options.address, prefix, path);
    }
  }

  /** BoRR and EoRR, RFC 7313 section 4. */
  #refreshMark({ family, subtype }: { family: ModelFamily; subtype: number }): void {
    if (!this.#ourOpen.hasEnhancedRefresh || !this.#peerOpen!.hasEnhancedRefresh) {
      throw new bgp.Malformed(`ROUTE-REFRESH of subtype ${subtype} without the capability`);
    }
    const isEnd = subtype === 2;
    if (subtype === 0) {
      this.peer.violate('a MUX asks for routes');
      return;
    }
    if (!this.#asked.has(family)) this.peer.violate(`a refresh of ${family} nobody asked for`);
    if (!this.endOfRibs.has(family)) this.peer.violate(`a refresh of ${family} before its End-of-RIB`);
    if (this.#refreshing.has(family) !== isEnd) this.peer.violate(isEnd ? 'EoRR without BoRR' : 'BoRR twice');
    if (isEnd) {
      this.#refreshing.delete(family);
      this.peer.router.count('enhanced refresh');
      const staleCount = this.peer.dropStale(family);
      if (staleCount > 0) this.peer.violate(`${staleCount} routes of ${family} left out of a refresh`);
      return;
    }
    this.#refreshing.add(family);
    for (const held of this.peer.held.values()) if (held.family === family) held.isStale = true;
  }

  #notified(body: readonly number[]): void {
    if (body.length < 2) throw new bgp.Malformed('a NOTIFICATION without code and subcode');
    const [code, subcode, ...data] = body as [number, number, ...number[]];
    const isShutdownText = code === CEASE && (subcode === 2 || subcode === 4) && data.length > 0;
    if (isShutdownText && data[0] !== data.length - 1) this.peer.violate('shutdown communication of another length');
    const peer = this.peer.options.address;
    this.peer.router.count(`NOTIFICATION ${code}/${subcode}`);
    const atMs = this.peer.router.runtime.clock.nowMs();
    // Of this session: another connection's NOTIFICATION says nothing of the routes.
    const routeCount = this.state === 'Established' ? this.peer.held.size : 0;
    this.peer.router.notifications.push({ peer, atMs, code, subcode, data, routeCount });
    this.#hasBeenNotified = true;
    this.#end('notification');
    this.tcp.close();
  }

  #end(how: 'connection lost' | 'notification'): void {
    if (this.state === 'Closed') return;
    const wasEstablished = this.state === 'Established';
    this.state = 'Closed';
    this.#hold?.cancel();
    this.#keepalive?.cancel();
    this.peer.connections.delete(this);
    if (wasEstablished) this.peer.end(this.#peerOpen!, how);
  }

  #send(bytes: Uint8Array): void {
    this.tcp.write(bytes);
  }

  #restartHold(delayMs: number): void {
    this.#hold?.cancel();
    if (delayMs > 0) this.#hold = this.peer.router.runtime.clock.after(delayMs, () => this.notify(4, 0));
  }

  #startKeepalive(): void {
    if (this.holdTimeMs === 0) return;
    this.#keepalive = this.peer.router.runtime.clock.after(this.holdTimeMs / 3, () => {
      this.#send(bgp.message(bgp.KEEPALIVE));
      this.#startKeepalive();
    });
  }
}
