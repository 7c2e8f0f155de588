/** What a peer is still to be told, grouped by what can share an UPDATE. Each prefix is in one group at most. */
import type { Family } from '../wire/messages.js';
import type { ResolvedRoute, RoutePath } from './session-routes.js';

/** Prefixes to withdraw, or to announce with one path; in the order they came. */
export interface PendingGroup {
  readonly family: Family;
  /** Absent: the prefixes are to be withdrawn. */
  readonly path: RoutePath | undefined;
  readonly routes: Map<string, ResolvedRoute>;
  /** Bytes of a message that are not prefixes, once that has been found out. */
  overheadBytes: number | undefined;
}

/** The groups of one family by the text of their path; withdrawals by `WITHDRAWN`. The oldest is first. */
type Groups = Map<string, PendingGroup>;

/** No path has this text. */
const WITHDRAWN = '';

/** A group of withdrawals per family, and a group of announcements per family and path. */
export class PendingRoutes {
  readonly #withdrawn: Record<Family, Groups> = { ipv4: new Map(), ipv6: new Map() };
  readonly #announced: Record<Family, Groups> = { ipv4: new Map(), ipv6: new Map() };
  readonly #groupOf = new Map<string, PendingGroup>();

  /** Prefixes in all groups. */
  get count(): number {
    return this.#groupOf.size;
  }

  /** The prefixes in all groups; they may be deleted while they are gone through. */
  prefixTexts(): Iterable<string> {
    return this.#groupOf.keys();
  }

  announce(route: ResolvedRoute): void {
    this.#put(route, route.path);
  }

  withdraw(route: ResolvedRoute): void {
    this.#put(route, undefined);
  }

  /** Nothing is to be said of a prefix any more. */
  delete(prefixText: string): void {
    const group = this.#groupOf.get(prefixText);
    if (group === undefined) return;
    this.#groupOf.delete(prefixText);
    group.routes.delete(prefixText);
    if (group.routes.size === 0) this.#groupsLike(group).delete(group.path?.text ?? WITHDRAWN);
  }

  firstWithdrawal(family: Family): PendingGroup | undefined {
    return this.#withdrawn[family].values().next().value;
  }

  firstAnnouncement(family: Family): PendingGroup | undefined {
    return this.#announced[family].values().next().value;
  }

  #put(route: ResolvedRoute, path: RoutePath | undefined): void {
    const { family, prefixText } = route;
    const key = path?.text ?? WITHDRAWN;
    const groups = this.#groupsLike({ family, path });
    if (groups.get(key)?.routes.has(prefixText)) return;
    this.delete(prefixText);
    let group = groups.get(key);
    if (group === undefined) {
      group = { family, path, routes: new Map(), overheadBytes: undefined };
      groups.set(key, group);
    }
    group.routes.set(prefixText, route);
    this.#groupOf.set(prefixText, group);
  }

  #groupsLike({ family, path }: Pick<PendingGroup, 'family' | 'path'>): Groups {
    return path === undefined ? this.#withdrawn[family] : this.#announced[family];
  }
}
