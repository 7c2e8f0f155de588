/**
 * loadBalancerManager/config: what holds for all load balancing of a fabric. MS-NCNBI.
 */
import * as v from 'valibot';
import { boolean, hex, ipAddress, ipPrefix, list, object, properties, reference, singleton } from './schema.js';

// An edgemux extension, see `LoadBalancerManager`.
const ManagerExtensionSchema = object({ flowHashKey: v.exactOptional(hex(32)) });

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
 * must agree on it, and whoever knows it can aim flows at one backend.
 */
export type LoadBalancerManager = v.InferOutput<typeof LoadBalancerManagerSchema>;
