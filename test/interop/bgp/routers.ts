/** Which routers are there to test with, and why others are not. */
import { canMakeNamespaces } from '../../../sdk/appliance/lab/namespaces.js';
import { installLine, missingOf, NEEDED_BY_ALL } from '../../../sdk/appliance/lab/needs.js';
import { ROUTER_KINDS } from '../../../sdk/appliance/lab/routers/kinds.js';
import type { RouterKind } from '../../../sdk/appliance/lab/routers/router.js';

const hasNamespaces = canMakeNamespaces();

/** Why this router cannot be tested with here; undefined when it can. */
export function reasonToSkip({ name, needs }: RouterKind): string | undefined {
  if (!hasNamespaces) return `${name}: network namespaces take Linux and its root`;
  const missing = missingOf([...NEEDED_BY_ALL, ...needs]);
  return missing.length > 0 ? `${name}: ${installLine(missing)}` : undefined;
}

const { frr, bird, gobgp } = ROUTER_KINDS;

/** Every router, with a title for its tests. */
export const ROUTERS = [frr, bird, gobgp].map((kind) => {
  const reason = reasonToSkip(kind);
  if (reason !== undefined) console.warn(`skipped: ${reason}`);
  return { kind, name: kind.name, isMissing: reason !== undefined };
});
