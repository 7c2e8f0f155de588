/** A RibOut and the messages it gives, as lines that read like a router's log. */
import type { Route } from '../../sdk/bgp/options.js';
import { RibOut, resolveRoutes, routesOnSession } from '../../sdk/bgp/rib/index.js';
import { type Agreement, decodeMessage, type Message } from '../../sdk/bgp/wire/index.js';
import { formatPrefix } from '../../sdk/net/prefix.js';

/** An external session over IPv4 with a router that takes both families. */
export const AGREEMENT: Agreement = {
  fourOctetAs: true,
  isExternal: true,
  families: new Set(['ipv4', 'ipv6']),
  extendedNextHop: new Set(),
};

export const ENDS = {
  localAddress: '10.0.0.1',
  remoteAddress: '10.0.0.254',
  addresses: { ipv4: '10.0.0.1', ipv6: '2001:db8::1' },
  agreement: AGREEMENT,
};

/** One session of AS 65000. */
export class RibSession {
  readonly rib = new RibOut();
  readonly #agreement: Agreement;

  constructor({ agreement = {} as Partial<Agreement>, isRefreshEnhanced = false } = {}) {
    this.#agreement = { ...AGREEMENT, ...agreement };
    this.rib.agree(this.#agreement, isRefreshEnhanced);
  }

  /** Announces a set; prefixes alone will do. */
  set(...routes: readonly (Route | string)[]): this {
    const wanted = resolveRoutes(routes.map((route) => (typeof route === 'string' ? { prefix: route } : route)));
    this.rib.replace(routesOnSession(wanted, 65000, { ...ENDS, agreement: this.#agreement }).routes);
    return this;
  }

  /** The next `count` messages, or all there are. */
  take(count = Number.POSITIVE_INFINITY): string[] {
    const lines: string[] = [];
    while (lines.length < count) {
      const message = this.rib.next();
      if (message === undefined) break;
      lines.push(lineOf(decodeMessage(message, this.#agreement)));
    }
    return lines;
  }
}

/** `+` announced, `-` withdrawn, and the marks. */
function lineOf(message: Message): string {
  if (message.kind === 'route-refresh') return `${message.subtype === 'begin' ? 'BoRR' : 'EoRR'} ${message.family}`;
  if (message.kind !== 'update') throw new Error(`unexpected ${message.kind}`);
  if (message.faults.length > 0) throw new Error(message.faults.map(({ text }) => text).join('; '));
  if (message.endOfRib !== undefined) return `EoR ${message.endOfRib}`;
  const withdrawn = message.withdrawn.map((prefix) => `-${formatPrefix(prefix)}`);
  const announced = message.announced.flatMap(({ nextHop, prefixes, attributes: { med, communities } }) => [
    ...prefixes.map((prefix) => `+${formatPrefix(prefix)}`),
    `via ${nextHop}`,
    ...(med === undefined ? [] : [`med ${med}`]),
    ...communities,
  ]);
  return [...withdrawn, ...announced].join(' ');
}
