/** The manager's own settings against each other. */
import { FLOW_HASH_KEY_DEFAULT, type LoadBalancerManager } from './load-balancer-manager.js';
import type { Report } from './problem.js';

/** Checks the manager of a fabric, if it has one: whoever knows the key could redirect the connections of others. */
export function checkManager(manager: LoadBalancerManager | undefined, report: Report): void {
  const { enableFastpath = false, flowHashKey = FLOW_HASH_KEY_DEFAULT } = manager?.properties.edgemux ?? {};
  if (!enableFastpath || flowHashKey.toLowerCase() !== FLOW_HASH_KEY_DEFAULT) return;
  const expected = 'false, or a flowHashKey beside it that is not the public default';
  report('loadBalancerManager.properties.edgemux.enableFastpath', expected, enableFastpath);
}
