/** What the rewriters of frames have in common: our own MAC address, the VLAN tags, and the end of the work. */
import {
  CONFIG_LOCAL_MAC,
  CONFIG_VLAN_TCI,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  FIXED_CONFIG,
  LINK_BARE,
  PARSED_VLAN_TAG,
  PARSED_VLAN_TAG_INNER,
} from '../abi';
import { macAt, vlanTagOf, writeEthernetBefore } from '../wire/ethernet';
import { ipTotalLength } from '../wire/ip';

export function localMac(): u64 {
  return macAt(FIXED_CONFIG + CONFIG_LOCAL_MAC);
}

/** The outer tag of an outgoing frame: the configured VLAN's, else the one the frame came with, else none (0). */
export function outgoingTag(parsed: usize): u32 {
  const configured = configuredTag();
  return configured != 0 ? configured : load<u32>(parsed, PARSED_VLAN_TAG);
}

/** The tag of the configured VLAN, 0 without one: what a frame of our own carries. */
export function configuredTag(): u32 {
  const tciNet: u32 = load<u16>(FIXED_CONFIG + CONFIG_VLAN_TCI);
  return tciNet != 0 ? vlanTagOf(tciNet) : 0;
}

/** The inner tag of an outgoing frame: a configured VLAN takes the place of both tags. */
export function outgoingInnerTag(parsed: usize): u32 {
  return load<u16>(FIXED_CONFIG + CONFIG_VLAN_TCI) != 0 ? 0 : load<u32>(parsed, PARSED_VLAN_TAG_INNER);
}

/** Addresses the frame of a packet on the provider network, from us; returns its first byte. */
export function writeOutgoingEthernet(parsed: usize, ip: usize, destination: u64): usize {
  return writeEthernetBefore(ip, destination, localMac(), outgoingTag(parsed), outgoingInnerTag(parsed));
}

/** The frame begins at `frame` and ends with the packet at `ip`: padding behind it is cut off. */
export function setFrame(descriptor: usize, frame: usize, ip: usize): void {
  store<u32>(descriptor, <u32>frame, DESCRIPTOR_OFFSET);
  store<u32>(descriptor, <u32>(ip - frame) + ipTotalLength(ip), DESCRIPTOR_LENGTH);
}

/** The frame of a packet that goes back out the way another one came, to the MAC address that one came from. */
export function sendBack(descriptor: usize, parsed: usize, ip: usize, sender: u64): void {
  const isBare = load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_BARE;
  setFrame(descriptor, isBare ? ip : writeOutgoingEthernet(parsed, ip, sender), ip);
}
