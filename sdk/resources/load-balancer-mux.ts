/**
 * loadBalancerMuxes: the multiplexers and the routers each announces its VIPs to. MS-NCNBI.
 */
import * as v from 'valibot';
import { BgpPeerSchema } from './bgp-peer.js';
import { BgpRoutesSchema } from './bgp-routes.js';
import {
  integer,
  ipAddress,
  list,
  macAddress,
  mtuBytes,
  object,
  properties,
  resource,
  routerId,
  words,
} from './schema.js';

const autonomousSystem = integer(1, 4294967295);

const PeerRouterConfigurationSchema = object(
  {
    routerName: v.exactOptional(words()),
    routerIPAddress: ipAddress(),
    peerASN: autonomousSystem,
    localIPAddress: v.exactOptional(ipAddress()),
    edgemux: v.optional(BgpPeerSchema, {}),
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
  secondProviderAddress: v.exactOptional(ipAddress()),
  macAddress: v.exactOptional(macAddress()),
  gatewayMacAddress: v.exactOptional(macAddress()),
  mtuBytes: v.exactOptional(mtuBytes()),
  routerId: v.exactOptional(routerId()),
  routes: v.exactOptional(BgpRoutesSchema),
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
 * network: `providerAddress` (default: the `localIPAddress` of its first peer that has one), `secondProviderAddress` of
 * the other family, `macAddress`, `gatewayMacAddress`, the default gateway's, for packet ports that cannot resolve it,
 * and `mtuBytes`, 1350..65535, the longest IP packet the network carries. For its routers it has `routerId`, its BGP
 * Identifier (default: its first IPv4 provider address), and `routes`, what its routes carry (`BgpRoutes`); each peer has
 * an extension `edgemux` of its own, `BgpPeer`.
 */
export type LoadBalancerMux = v.InferOutput<typeof LoadBalancerMuxSchema>;
