/** MUXes and host agents under Deno, if there is one; `npm run test:live` has the other ports. */
import { describe, test } from 'vitest';
import { checkRolesUnderDeno, endAgents, whyNoDenoLab } from './deno-roles.js';
import { cleanUp } from './live-lab.js';

const reason = whyNoDenoLab();
if (reason !== undefined) console.warn(`skipped: ${reason}`);
cleanUp();
endAgents();

describe.skipIf(reason !== undefined)('roles under Deno', () => {
  test.each(['xdp'] as const)('%s ports', checkRolesUnderDeno);
});
