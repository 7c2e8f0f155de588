/** The routers there are to choose from, by the word of the command line. */
import { bird } from './bird.js';
import { frr } from './frr.js';
import { gobgp } from './gobgp.js';
import type { RouterKind } from './router.js';

/** Every router by its word. */
export const ROUTER_KINDS: { readonly bird: RouterKind; readonly frr: RouterKind; readonly gobgp: RouterKind } = {
  bird,
  frr,
  gobgp,
};

/** The word for a router. */
export type RouterName = keyof typeof ROUTER_KINDS;
