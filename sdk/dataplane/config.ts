/** The configuration block: what both pipelines need to know about the machine they run for. */
import * as abi from '../../assembly/abi.js';
import { parseIp } from '../net/address.js';
import { macBytes } from '../net/mac.js';
import type { Attachment, Encapsulation, MuxFastpath } from '../program/types.js';
import type { DataPlane } from './instance.js';

const ENCAPSULATIONS: Readonly<Record<Encapsulation, number>> = {
  vxlan: abi.ENCAPSULATION_VXLAN,
  nvgre: abi.ENCAPSULATION_NVGRE,
};

/** Writes the flow hash key, the attachment and the encapsulation of a program. */
export function writeConfig(
  dataPlane: DataPlane,
  attachment: Attachment,
  flowHashKey: string,
  encapsulation: Encapsulation = 'vxlan',
): void {
  const { bytes, view } = dataPlane;
  bytes.set(hexBytes(flowHashKey), abi.FIXED_CONFIG + abi.CONFIG_HASH_KEY_0);
  view.setUint16(abi.FIXED_CONFIG + abi.CONFIG_VLAN_TCI, attachment.vlanId);
  bytes.set(macBytes(attachment.macAddress), abi.FIXED_CONFIG + abi.CONFIG_LOCAL_MAC);
  const gateway = attachment.gatewayMacAddress;
  view.setUint8(abi.FIXED_CONFIG + abi.CONFIG_GATEWAY_KNOWN, gateway === undefined ? 0 : 1);
  if (gateway !== undefined) bytes.set(macBytes(gateway), abi.FIXED_CONFIG + abi.CONFIG_GATEWAY_MAC);
  view.setUint32(abi.FIXED_CONFIG + abi.CONFIG_MTU_BYTES, attachment.mtuBytes ?? 0, true);
  view.setUint8(abi.FIXED_CONFIG + abi.CONFIG_ENCAPSULATION, ENCAPSULATIONS[encapsulation]);
  writeProviderAddresses(dataPlane, attachment);
}

/** Turns Fastpath on, with the key of its redirects, or off. */
export function writeFastpathConfig({ bytes, view }: DataPlane, fastpath: MuxFastpath | undefined): void {
  view.setUint8(abi.FIXED_CONFIG + abi.CONFIG_FASTPATH, fastpath === undefined ? 0 : 1);
  if (fastpath) bytes.set(hexBytes(fastpath.key), abi.FIXED_CONFIG + abi.CONFIG_REDIRECT_KEY_0);
}

/** An address there is none of is zero: no packet comes for it. */
function writeProviderAddresses({ bytes, view }: DataPlane, attachment: Attachment): void {
  const { providerAddress, secondProviderAddress } = attachment;
  const first = parseIp(providerAddress);
  const ours = secondProviderAddress === undefined ? [first] : [first, parseIp(secondProviderAddress)];
  const bytesOf = (family: 4 | 6) => ours.find((address) => address.family === family)?.bytes;
  bytes.set(bytesOf(4) ?? new Uint8Array(4), abi.FIXED_CONFIG + abi.CONFIG_PROVIDER_ADDRESS);
  bytes.set(bytesOf(6) ?? new Uint8Array(16), abi.FIXED_CONFIG + abi.CONFIG_PROVIDER_ADDRESS_6);
  view.setUint8(abi.FIXED_CONFIG + abi.CONFIG_PROVIDER_FAMILY, first.family);
  view.setUint8(abi.FIXED_CONFIG + abi.CONFIG_SECOND_PROVIDER_KNOWN, ours.length - 1);
}

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
