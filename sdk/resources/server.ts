/**
 * servers: the hosts that carry VMs. What the Network Controller itself keeps of a host (credentials, physical network
 * interfaces) is of no use to load balancing and is not read.
 */
import * as v from 'valibot';
import { ipAddress, macAddress, mtuBytes, nonEmptyList, object, properties, resource } from './schema.js';

// An edgemux extension, see `Server`.
const ServerExtensionSchema = object({
  providerAddresses: nonEmptyList(ipAddress(), 'IPv4 or IPv6 address'),
  macAddress: v.exactOptional(macAddress()),
  gatewayMacAddress: v.exactOptional(macAddress()),
  mtuBytes: v.exactOptional(mtuBytes()),
});

/** Schema of `Server`. */
export const ServerSchema = resource(
  v.optional(
    properties({ edgemux: v.exactOptional(ServerExtensionSchema) }, [
      'connections',
      'certificate',
      'networkInterfaces',
      'virtualNetworkInterfaces',
      'virtualServers',
      'auditingEnabled',
      'isBMC',
      'rackSlot',
      'os',
      'vendor',
      'model',
    ]),
    {},
  ),
);

/**
 * A host.
 *
 * The extension `edgemux` says how it is attached to the provider network: `providerAddresses` (PA, at least one; a MUX
 * sends to the first of a family it has an address of), `macAddress`, `gatewayMacAddress`, the default gateway's, and
 * `mtuBytes`, 1350..65535, the longest IP packet the network carries. A host without it can carry VMs, but none that is
 * load balanced: the Network Controller hands PAs out by itself and its REST API does not show them.
 */
export type Server = v.InferOutput<typeof ServerSchema>;
