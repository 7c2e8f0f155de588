/** Which routers are there to test with, and why others are not. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { bird } from './bird.js';
import { frr } from './frr.js';
import { gobgp } from './gobgp.js';
import type { RouterKind } from './router.js';

const KINDS: readonly RouterKind[] = [frr, bird, gobgp];
const NEEDED_BY_ALL = ['/usr/sbin/ip', '/usr/sbin/sysctl'];

/** Containers have a root that may not. */
const canMakeNamespaces = process.platform === 'linux' && process.getuid?.() === 0 && makesNamespace();

/** Why this router cannot be tested with here; undefined when it can. */
export function reasonToSkip({ name, programs }: RouterKind): string | undefined {
  if (!canMakeNamespaces) return `${name}: network namespaces take Linux and its root`;
  const missing = [...NEEDED_BY_ALL, ...programs].filter((path) => !existsSync(path) && !existsSync(`/usr${path}`));
  return missing.length > 0 ? `${name}: ${missing.join(', ')} not installed` : undefined;
}

/** Every router, with a title for its tests. */
export const ROUTERS = KINDS.map((kind) => ({ kind, name: kind.name, isMissing: reasonToSkip(kind) !== undefined }));

for (const reason of KINDS.map(reasonToSkip)) if (reason) console.warn(`skipped: ${reason}`);

function makesNamespace(): boolean {
  const name = `emx-${process.pid}-0-trial`;
  const isMade = spawnSync('ip', ['netns', 'add', name]).status === 0;
  if (isMade) spawnSync('ip', ['netns', 'del', name]);
  return isMade;
}
