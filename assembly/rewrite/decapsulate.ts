/**
 * The other end of encapsulate.ts: which bytes of a frame go to the VM or out to the gateway.
 *
 * Nothing is moved. The descriptor is pointed at the Ethernet header right in front of the IP packet (or at the
 * packet itself on a bare link), and padding behind the packet is cut off. The type and the tags of that header are
 * already right, unless a VLAN is configured.
 */
import {
  CONFIG_GATEWAY_KNOWN,
  CONFIG_GATEWAY_MAC,
  CONFIG_VLAN_TCI,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  FIXED_CONFIG,
  LINK_BARE,
} from '../abi';
import { packetIp, packetLength } from '../host-packet';
import { destinationMac, ETHERNET_BYTES, macAt, sourceMac, writeEthernetBefore, writeMacs } from '../wire/ethernet';
import { localMac, writeOutgoingEthernet } from './frame';

/** The inner packet becomes the frame, which is addressed to the VM already. */
export function frameForVm(descriptor: usize, packet: usize): void {
  const ip = packetIp(packet);
  if (load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_BARE) {
    setPacketFrame(descriptor, packet, ip);
    return;
  }
  const frame = ip - ETHERNET_BYTES;
  writeMacs(frame, destinationMac(frame), localMac());
  setPacketFrame(descriptor, packet, frame);
}

/** A VM's packet goes back to the VM it came from, without the tags it came with. */
export function frameForSender(descriptor: usize, packet: usize): void {
  const vmMac = sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET));
  setPacketFrame(descriptor, packet, writeEthernetBefore(packetIp(packet), vmMac, localMac(), 0, 0));
}

/** A VM's packet leaves by the default gateway: our MAC as source, the gateway's as destination where we know it. */
export function frameForGateway(descriptor: usize, packet: usize): void {
  const frame: usize = load<u32>(descriptor, DESCRIPTOR_OFFSET);
  const isKnown = load<u8>(FIXED_CONFIG + CONFIG_GATEWAY_KNOWN) != 0;
  const gateway = isKnown ? macAt(FIXED_CONFIG + CONFIG_GATEWAY_MAC) : destinationMac(frame);
  if (load<u16>(FIXED_CONFIG + CONFIG_VLAN_TCI) == 0) {
    writeMacs(frame, gateway, localMac());
    setPacketFrame(descriptor, packet, frame);
  } else {
    setPacketFrame(descriptor, packet, writeOutgoingEthernet(packet, packetIp(packet), gateway));
  }
}

/** The frame begins at `frame` and ends with the packet. @inline */
function setPacketFrame(descriptor: usize, packet: usize, frame: usize): void {
  const length = <u32>(packetIp(packet) - frame) + packetLength(packet);
  store<u64>(descriptor, <u64>frame | ((<u64>length) << 32), DESCRIPTOR_OFFSET);
}
