/**
 * Ethernet II header, IEEE 802.3, with up to two IEEE 802.1Q tags (802.1ad, "QinQ").
 *
 *   0             6        12       14       16          18
 *   | destination | source | type   | payload                    untagged
 *   | destination | source | 0x8100 | TCI    | type | payload    tagged (0x88a8 for a service tag)
 *   | destination | source | 0x88a8 | TCI    | 0x8100 | TCI | type | payload    tagged twice
 *
 * Types are compared as they lie in memory: 0x0800 on the wire reads 0x0008.
 */
import { ipVersion } from './ipv4';

export const ETHERNET_BYTES: u32 = 14;
export const VLAN_TAG_BYTES: u32 = 4;

const SOURCE = 6;
const TYPE = 12;

export const ETHERTYPE_IPV4_NET: u32 = 0x0008;
export const ETHERTYPE_IPV6_NET: u32 = 0xdd86;
const ETHERTYPE_VLAN_NET: u32 = 0x0081;
const ETHERTYPE_SERVICE_VLAN_NET: u32 = 0xa888;

export function etherType(frame: usize): u32 {
  return load<u16>(frame, TYPE);
}

export function isVlanType(typeNet: u32): bool {
  return typeNet == ETHERTYPE_VLAN_NET || typeNet == ETHERTYPE_SERVICE_VLAN_NET;
}

/** The tag of a tagged frame, TPID and TCI as they lie in memory; never 0, so 0 can say "untagged". */
export function vlanTag(frame: usize): u32 {
  return load<u32>(frame, TYPE);
}

/** The tag for a TCI: what an outgoing frame carries when its VLAN is configured. */
export function vlanTagOf(tciNet: u32): u32 {
  return ETHERTYPE_VLAN_NET | (tciNet << 16);
}

/** A MAC address as a number: the first byte of the wire lowest. */
export function macAt(address: usize): u64 {
  return <u64>load<u32>(address) | ((<u64>load<u16>(address, 4)) << 32);
}

export function destinationMac(frame: usize): u64 {
  return macAt(frame);
}

export function sourceMac(frame: usize): u64 {
  return macAt(frame + SOURCE);
}

/** Announces an IP packet in the header that ends where the packet starts: its type follows from the packet's version. */
export function setEtherTypeBefore(ip: usize): void {
  store<u16>(ip - 2, <u16>(ipVersion(ip) == 6 ? ETHERTYPE_IPV6_NET : ETHERTYPE_IPV4_NET));
}

/**
 * Writes the header of an IP packet so that it ends where the packet starts; returns its first byte. A tag of 0 is
 * none, and without an outer tag there is no inner one.
 */
export function writeEthernetBefore(ip: usize, destination: u64, source: u64, tag: u32, innerTag: u32): usize {
  setEtherTypeBefore(ip);
  let frame = ip - ETHERNET_BYTES;
  if (innerTag != 0) {
    frame -= VLAN_TAG_BYTES;
    store<u32>(frame, innerTag, TYPE);
  }
  if (tag != 0) {
    frame -= VLAN_TAG_BYTES;
    store<u32>(frame, tag, TYPE);
  }
  writeMacs(frame, destination, source);
  return frame;
}

/** Writes both addresses of a header. */
export function writeMacs(frame: usize, destination: u64, source: u64): void {
  store<u64>(frame, destination | (source << 48));
  store<u32>(frame, <u32>(source >> 16), 8);
}
