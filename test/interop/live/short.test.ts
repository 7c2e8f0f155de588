/** What every run of the tests asks of the lab: `npm run test:live` asks the rest. */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { missingOf } from '../../../sdk/appliance/lab/needs.js';
import { ROUTER_KINDS } from '../../../sdk/appliance/lab/routers/kinds.js';
import { cleanUp, testLab, whyNoLab } from './live-lab.js';

const ROUTERS = ['bird', 'frr', 'gobgp'] as const;
const router = ROUTERS.find((name) => missingOf(ROUTER_KINDS[name].needs).length === 0);

const reason = router === undefined ? 'no router is installed' : whyNoLab();
if (reason !== undefined) console.warn(`skipped: ${reason}`);
cleanUp();

describe.skipIf(reason !== undefined)('lab test --quick', () => {
  test(`router ${router}, xdp ports`, () => {
    const { checks } = testLab('--quick', '--router', router as string);
    expect(checks.length).toBeGreaterThan(10);
    expect(checks.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    expect(existsSync(`/run/edgemux-lab/emx-${process.pid}-l1`)).toBe(false);
  });
});
