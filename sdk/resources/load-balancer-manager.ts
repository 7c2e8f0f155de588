/**
 * loadBalancerManager/config: what holds for all load balancing of a fabric. MS-NCNBI.
 */
import * as v from 'valibot';
import { BgpRoutesSchema } from './bgp-routes.js';
import { boolean, hex, ipAddress, ipPrefix, list, object, properties, reference, singleton } from './schema.js';

/**
 * The key of the flow hash of a fabric that does not choose one. It is public: set
 * `loadBalancerManager.properties.edgemux.flowHashKey` where clients may be hostile.
 */
export const FLOW_HASH_KEY_DEFAULT = '656467656d757820666c6f7720686173';

// An edgemux extension, see `LoadBalancerManager`.
const ManagerExtensionSchema = object({
  flowHashKey: v.exactOptional(hex(32)),
  enableFastpath: v.exactOptional(boolean()),
  routes: v.exactOptional(BgpRoutesSchema),
});

/** Schema of `LoadBalancerManager`. */
export const LoadBalancerManagerSchema = singleton(
  'config',
  properties(
    {
      loadBalancerManagerIPAddress: v.exactOptional(ipAddress()),
      outboundNatIPExemptions: list(ipPrefix()),
      vipIpPools: list(reference('ipPool')),
      isOutboundNatEnabled: v.optional(boolean(), true),
      edgemux: v.optional(ManagerExtensionSchema, {}),
    },
    ['vipPoolsInUse', 'loadBalancerMuxMode'],
  ),
);

/**
 * The SLB manager's own settings: its VIP, what outbound NAT leaves alone, and the pools VIPs come from.
 *
 * The extension `edgemux` has `flowHashKey`, 32 hexadecimal digits: the key of the flow hash. All MUXes of a fabric
 * must agree on it, and whoever knows it can aim flows at one backend. With `enableFastpath` connections between two VMs
 * leave the MUXes out; it wants a `flowHashKey` of the fabric's own, as the messages that say so are signed with one made
 * of it. `routes` is what the routes of all MUXes carry to their routers (`BgpRoutes`): ECMP wants the same of each.
 */
export type LoadBalancerManager = v.InferOutput<typeof LoadBalancerManagerSchema>;
