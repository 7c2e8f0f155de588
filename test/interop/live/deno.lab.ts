/** MUXes and host agents under Deno, with ports other than those of deno.test.ts. */
import { describe, test } from 'vitest';
import { checkRolesUnderDeno, endAgents, whyNoDenoLab } from './deno-roles.js';
import { cleanUp } from './live-lab.js';

const reason = whyNoDenoLab();
if (reason !== undefined) console.warn(`skipped: ${reason}`);
cleanUp();
endAgents();

describe.skipIf(reason !== undefined)('roles under Deno', () => {
  test.each(['packet', 'tun'] as const)('%s ports', checkRolesUnderDeno);
});
