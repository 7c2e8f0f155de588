/** Which routers are there to test with, and why others are not. */
import { existsSync } from 'node:fs';
import { bird } from './bird.js';
import { frr } from './frr.js';
import { gobgp } from './gobgp.js';
import type { RouterKind } from './router.js';

const KINDS: readonly RouterKind[] = [frr, bird, gobgp];
const NEEDED_BY_ALL = ['/usr/sbin/ip', '/usr/sbin/sysctl'];

/** Why this router cannot be tested with here; undefined when it can. */
export function reasonToSkip({ name, programs }: RouterKind): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return `${name}: only root on Linux makes namespaces`;
  const missing = [...NEEDED_BY_ALL, ...programs].filter((path) => !existsSync(path) && !existsSync(`/usr${path}`));
  return missing.length > 0 ? `${name}: ${missing.join(', ')} not installed` : undefined;
}

/** Every router, with a title for its tests. */
export const ROUTERS = KINDS.map((kind) => ({ kind, name: kind.name, isMissing: reasonToSkip(kind) !== undefined }));

for (const reason of KINDS.map(reasonToSkip)) if (reason) console.warn(`skipped: ${reason}`);
