/** `edgemux lab test` with every router and every kind of port: curl's way through real programs, and all that may happen. */
import { describe, expect, test } from 'vitest';
import { missingOf } from '../../../sdk/appliance/lab/needs.js';
import { ROUTER_KINDS } from '../../../sdk/appliance/lab/routers/kinds.js';
import { cleanUp, testLab, whyNoLab } from './live-lab.js';

const ROWS = [
  ['bird', 'xdp', 'node'],
  ['frr', 'xdp', 'node'],
  ['gobgp', 'xdp', 'node'],
  ['bird', 'packet', 'nginx'],
  ['frr', 'packet', 'node'],
  ['gobgp', 'packet', 'node'],
  ['bird', 'tun', 'node'],
] as const;

const reason = whyNoLab();
if (reason !== undefined) console.warn(`skipped: ${reason}`);
cleanUp();

describe.skipIf(reason !== undefined)('lab test', () => {
  for (const [router, port, web] of ROWS) {
    const isMissing = missingOf(ROUTER_KINDS[router].needs).length > 0;
    test.skipIf(isMissing)(`router ${router}, ${port} ports, ${web}`, () => {
      const { checks, failed } = testLab('--router', router, '--port', port, '--web', web);
      expect(checks.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
      expect(failed).toBe(0);
    });
  }
});
