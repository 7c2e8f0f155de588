/** What MUXes and routers of a fleet are like, at random: every habit that a session has to live with. */
import type { PeerOptions } from '../../sdk/bgp/options.js';
import type { ModelPeerOptions, ModelRouterOptions } from '../model/bgp-router.js';
import type { Random } from './random.js';

/** A router's configuration; MUXes are added to it. */
export type RouterPlan = ModelRouterOptions & { readonly peers: ModelPeerOptions[] };

/** A MUX or a router. */
interface Addressed {
  readonly name: string;
  readonly as: number;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Both ends of a session, as each is configured for the other. */
interface LinkPlan {
  readonly muxAddress: string;
  readonly routerAddress: string;
  readonly peer: PeerOptions;
  readonly muxAsPeer: ModelPeerOptions;
}

/** Slow, for BFD: a run of a quarter of an hour would be nothing else. */
export const BFD = { intervalMs: 500, multiplier: 3 };

/** A router without peers yet. */
export function randomRouter(index: number, random: Random): RouterPlan {
  const hasFourOctetAs = !random.oneIn(4);
  return {
    name: `router-${index}`,
    // The second one is internal to the MUXes of AS 64512.
    as: index === 1 ? 64512 : hasFourOctetAs ? 4200000100 + index : 64600 + index,
    // Below every MUX, or above.
    id: random.oneIn(2) ? 1 + index : 0xf0000000 + index,
    // Never 0: a session that both sides keep without a word outlives the death of either.
    holdTimeSeconds: random.pick([3, 9, 30]),
    families: random.pick([['ipv4', 'ipv6'], ['ipv4', 'ipv6'], ['ipv4'], ['ipv6']] as const),
    hasFourOctetAs,
    hasRefresh: !random.oneIn(5),
    hasEnhancedRefresh: random.oneIn(2),
    hasExtendedNextHop: random.oneIn(2),
    asksAtOnce: random.oneIn(4),
    isRestartHelper: random.oneIn(2),
    peers: [],
  };
}

/** How a MUX and a router are to speak: over which family, who begins, and what protects it. */
export function randomLink(
  mux: Addressed,
  router: Omit<Addressed, 'name' | 'as'> & { readonly options: RouterPlan },
  random: Random,
): LinkPlan {
  const isOverIpv6 = random.oneIn(2);
  const muxAddress = isOverIpv6 ? mux.ipv6 : mux.ipv4;
  const routerAddress = isOverIpv6 ? router.ipv6 : router.ipv4;
  const protection = {
    ...(random.oneIn(4) && { md5Key: `${mux.name} ${router.options.name}` }),
    ...(random.oneIn(4) && { ttlSecurityHops: 1 }),
  };
  const who = random.pick(['mux', 'router', 'both', 'both']);
  const muxAsPeer: ModelPeerOptions = {
    address: muxAddress,
    as: mux.as,
    localAddress: routerAddress,
    connects: who !== 'mux',
    ...protection,
  };
  const peer: PeerOptions = {
    name: router.options.name,
    address: routerAddress,
    as: router.options.as,
    holdTimeSeconds: random.pick([3, 9, 20]),
    isPassive: who === 'router',
    ...(random.oneIn(3) ? { localAddress: muxAddress, bfd: BFD } : random.oneIn(2) && { localAddress: muxAddress }),
    ...protection,
  };
  return { muxAddress, routerAddress, peer, muxAsPeer };
}
