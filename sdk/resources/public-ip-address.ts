/**
 * publicIPAddresses: VIPs that exist apart from the frontends that use them. MS-NCNBI.
 */
import * as v from 'valibot';
import { integer, ipAddress, oneOf, properties, resource } from './schema.js';

/** Minutes until an idle connection is forgotten, where nobody says; that of Azure and of Windows Admin Center. */
export const IDLE_TIMEOUT_IN_MINUTES_DEFAULT = 4;

/** Schema of `PublicIpAddress`. */
export const PublicIpAddressSchema = resource(
  properties(
    {
      ipAddress: v.exactOptional(ipAddress()),
      publicIPAddressVersion: v.optional(oneOf(['IPv4', 'IPv6']), 'IPv4'),
      publicIPAllocationMethod: v.exactOptional(oneOf(['Dynamic', 'Static', 'Unmanaged'])),
      idleTimeoutInMinutes: v.optional(integer(4, 30), IDLE_TIMEOUT_IN_MINUTES_DEFAULT),
    },
    ['ipConfiguration', 'previousIpConfiguration', 'dnsSettings', 'counters'],
  ),
);

/**
 * A public address, of a frontend or as an instance-level address of an ipConfiguration, whose connections then have its
 * `idleTimeoutInMinutes`; one that is allocated dynamically has no `ipAddress` until it is.
 */
export type PublicIpAddress = v.InferOutput<typeof PublicIpAddressSchema>;
