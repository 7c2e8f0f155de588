/** The configuration block: what both pipelines need to know about the machine they run for. */
import * as abi from '../../assembly/abi.js';
import { parseIp } from '../net/address.js';
import { macBytes } from '../net/mac.js';
import type { Attachment } from '../program/types.js';
import type { DataPlane } from './instance.js';

/** Writes the flow hash key and the attachment of a program. */
export function writeConfig(dataPlane: DataPlane, attachment: Attachment, flowHashKey: string): void {
  const { bytes, view } = dataPlane;
  bytes.set(hexBytes(flowHashKey), abi.FIXED_CONFIG + abi.CONFIG_HASH_KEY_0);
  bytes.set(parseIp(attachment.providerAddress).bytes, abi.FIXED_CONFIG + abi.CONFIG_PROVIDER_ADDRESS);
  view.setUint16(abi.FIXED_CONFIG + abi.CONFIG_VLAN_TCI, attachment.vlanId);
  bytes.set(macBytes(attachment.macAddress), abi.FIXED_CONFIG + abi.CONFIG_LOCAL_MAC);
  const gateway = attachment.gatewayMacAddress;
  view.setUint8(abi.FIXED_CONFIG + abi.CONFIG_GATEWAY_KNOWN, gateway === undefined ? 0 : 1);
  if (gateway !== undefined) bytes.set(macBytes(gateway), abi.FIXED_CONFIG + abi.CONFIG_GATEWAY_MAC);
}

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
