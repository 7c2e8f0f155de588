/**
 * virtualNetworkManager/configuration: how tenant packets are carried over the provider network. MS-NCNBI.
 */
import * as v from 'valibot';
import { oneOf, properties, singleton } from './schema.js';

/** Schema of `VirtualNetworkManager`. */
export const VirtualNetworkManagerSchema = singleton(
  'configuration',
  properties({ networkVirtualizationProtocol: v.optional(oneOf(['Vxlan', 'Nvgre']), 'Vxlan') }),
);

/** The encapsulation of a fabric: VXLAN (RFC 7348, the default) or NVGRE (RFC 7637). */
export type VirtualNetworkManager = v.InferOutput<typeof VirtualNetworkManagerSchema>;
