/**
 * loadBalancerMuxes: the multiplexers and the routers each announces its VIPs to. MS-NCNBI.
 */
import * as v from 'valibot';
import { integer, ipAddress, list, macAddress, object, properties, resource, words } from './schema.js';

const autonomousSystem = integer(1, 4294967295);

const PeerRouterConfigurationSchema = object(
  {
    routerName: v.exactOptional(words()),
    routerIPAddress: ipAddress(),
    peerASN: autonomousSystem,
    localIPAddress: v.exactOptional(ipAddress()),
  },
  ['id'],
);

const RouterConfigurationSchema = object({
  localASN: autonomousSystem,
  peerRouterConfigurations: list(PeerRouterConfigurationSchema),
});

// An edgemux extension, see `LoadBalancerMux`.
const MuxExtensionSchema = object({
  providerAddress: v.exactOptional(ipAddress()),
  macAddress: v.exactOptional(macAddress()),
  gatewayMacAddress: v.exactOptional(macAddress()),
});

/** Schema of `LoadBalancerMux`. */
export const LoadBalancerMuxSchema = resource(
  properties(
    {
      routerConfiguration: v.exactOptional(RouterConfigurationSchema),
      edgemux: v.optional(MuxExtensionSchema, {}),
    },
    ['virtualServer', 'connections'],
  ),
);

/**
 * A multiplexer.
 *
 * Autonomous system numbers are 1..4294967295. The extension `edgemux` says how the MUX is attached to the provider
 * network: `providerAddress` (default: the `localIPAddress` of its first peer that has one), `macAddress`, and
 * `gatewayMacAddress`, the default gateway's, for packet ports that cannot resolve it.
 */
export type LoadBalancerMux = v.InferOutput<typeof LoadBalancerMuxSchema>;
