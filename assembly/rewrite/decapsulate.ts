/**
 * The other end of encapsulate.ts: which bytes of a frame go to the VM or out to the gateway.
 *
 * Nothing is moved. The descriptor is pointed at the Ethernet header right in front of the IP packet (or at the
 * packet itself on a bare link), and padding behind the packet is cut off.
 */
import {
  CONFIG_GATEWAY_KNOWN,
  CONFIG_GATEWAY_MAC,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  FIXED_CONFIG,
  LINK_BARE,
  PARSED_IP,
} from '../abi';
import { destinationMac, macAt, writeEthernetBefore } from '../wire/ethernet';
import { localMac, setFrame, writeOutgoingEthernet } from './frame';

/** The inner packet becomes the frame, addressed to the VM. @inline */
export function frameForVm(descriptor: usize, ip: usize, vmMac: u64): void {
  if (load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_BARE) {
    setFrame(descriptor, ip, ip);
    return;
  }
  setFrame(descriptor, writeEthernetBefore(ip, vmMac, localMac(), 0, 0), ip);
}

/** The VM's packet leaves by the default gateway: our MAC as source, the gateway's as destination where we know it. */
export function frameForGateway(descriptor: usize, parsed: usize): void {
  const ip = load<u32>(parsed, PARSED_IP);
  const frame = load<u32>(descriptor, DESCRIPTOR_OFFSET);
  const isKnown = load<u8>(FIXED_CONFIG + CONFIG_GATEWAY_KNOWN) != 0;
  const gateway = isKnown ? macAt(FIXED_CONFIG + CONFIG_GATEWAY_MAC) : destinationMac(frame);
  setFrame(descriptor, writeOutgoingEthernet(parsed, ip, gateway), ip);
}
