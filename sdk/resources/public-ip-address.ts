/**
 * publicIPAddresses: VIPs that exist apart from the frontends that use them. MS-NCNBI.
 */
import * as v from 'valibot';
import { integer, ipAddress, oneOf, properties, resource } from './schema.js';

/** Schema of `PublicIpAddress`. */
export const PublicIpAddressSchema = resource(
  properties(
    {
      ipAddress: v.exactOptional(ipAddress()),
      publicIPAddressVersion: v.optional(oneOf(['IPv4', 'IPv6']), 'IPv4'),
      publicIPAllocationMethod: v.exactOptional(oneOf(['Dynamic', 'Static', 'Unmanaged'])),
      idleTimeoutInMinutes: v.optional(integer(4, 30), 4),
    },
    ['ipConfiguration', 'previousIpConfiguration', 'dnsSettings', 'counters'],
  ),
);

/** A public address; one that is allocated dynamically has no `ipAddress` until it is. */
export type PublicIpAddress = v.InferOutput<typeof PublicIpAddressSchema>;
