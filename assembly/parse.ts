/**
 * From the first byte of a frame to the start of its IP packet.
 *
 * Every step answers with an outcome: go on, or a verdict with its reason. Lengths are compared, never subtracted
 * before the comparison, and nothing is read that the length has not covered.
 */
import {
  CONFIG_FRAME_BYTES_MAX,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  FIXED_CONFIG,
  LINK_BARE,
  PARSED_FAMILY,
  PARSED_IP,
  PARSED_VLAN_TAG,
  PARSED_VLAN_TAG_INNER,
  REASON_ETHERNET_TRUNCATED,
  REASON_IPV4_TRUNCATED,
  VERDICT_DROP,
  VERDICT_PASS,
} from './abi';
import {
  ETHERNET_BYTES,
  ETHERTYPE_IPV4_NET,
  ETHERTYPE_IPV6_NET,
  etherType,
  isVlanType,
  VLAN_TAG_BYTES,
  vlanTag,
} from './wire/ethernet';
import { ipVersion } from './wire/ipv4';

/** Nothing is decided yet. */
export const OUTCOME_CONTINUE: u32 = 0xffff;
export const OUTCOME_PASS: u32 = VERDICT_PASS;
/** A fragment, and an ICMP error: the second stage decides, as it depends on packets of the same batch. Never a verdict. */
export const PENDING_FRAGMENT: u32 = 0x80;
export const PENDING_QUOTE: u32 = 0x81;

export function isPending(outcome: u32): bool {
  return outcome == PENDING_FRAGMENT || outcome == PENDING_QUOTE;
}

/** An outcome is a verdict and a reason in one number, as they lie in the parsed record. */
export function dropFor(reason: u32): u32 {
  return VERDICT_DROP | (reason << 8);
}

export function verdictOf(outcome: u32): u32 {
  return outcome & 0xff;
}

export function reasonOf(outcome: u32): u32 {
  return outcome >>> 8;
}

/**
 * Finds the IP packet of a frame, the family it is announced as, and its VLAN tags; ARP, a third tag and whatever else
 * is not ours passes.
 *
 * @inline
 */
export function parseLink(descriptor: usize, parsed: usize): u32 {
  const frame = load<u32>(descriptor, DESCRIPTOR_OFFSET);
  const length = load<u32>(descriptor, DESCRIPTOR_LENGTH);
  store<u32>(parsed, 0, PARSED_VLAN_TAG);
  store<u32>(parsed, 0, PARSED_VLAN_TAG_INNER);
  // The L4 address beside it becomes 0.
  store<u64>(parsed, <u64>frame, PARSED_IP);
  store<u8>(parsed, 4, PARSED_FAMILY);
  if (load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_BARE) {
    if (length == 0) return dropFor(REASON_IPV4_TRUNCATED);
    if (ipVersion(frame) == 6) store<u8>(parsed, 6, PARSED_FAMILY);
    return OUTCOME_CONTINUE;
  }
  if (length < ETHERNET_BYTES) return dropFor(REASON_ETHERNET_TRUNCATED);
  let type = etherType(frame);
  let headerBytes = ETHERNET_BYTES;
  if (isVlanType(type)) {
    headerBytes += VLAN_TAG_BYTES;
    if (length < headerBytes) return dropFor(REASON_ETHERNET_TRUNCATED);
    store<u32>(parsed, vlanTag(frame), PARSED_VLAN_TAG);
    type = etherType(frame + VLAN_TAG_BYTES);
    if (isVlanType(type)) {
      headerBytes += VLAN_TAG_BYTES;
      if (length < headerBytes) return dropFor(REASON_ETHERNET_TRUNCATED);
      store<u32>(parsed, vlanTag(frame + VLAN_TAG_BYTES), PARSED_VLAN_TAG_INNER);
      type = etherType(frame + 2 * VLAN_TAG_BYTES);
    }
  }
  store<u32>(parsed, frame + headerBytes, PARSED_IP);
  if (type == ETHERTYPE_IPV4_NET) return OUTCOME_CONTINUE;
  if (type != ETHERTYPE_IPV6_NET) return OUTCOME_PASS;
  store<u8>(parsed, 6, PARSED_FAMILY);
  return OUTCOME_CONTINUE;
}

/** A frame that is longer than its slot was not copied into it: there is nothing to read. */
export function isOversize(descriptor: usize): bool {
  return load<u32>(descriptor, DESCRIPTOR_LENGTH) > load<u32>(FIXED_CONFIG + CONFIG_FRAME_BYTES_MAX);
}

/** Bytes from the start of the IP packet to the end of the frame; parseLink comes first. */
export function availableBytes(descriptor: usize, parsed: usize): u32 {
  const end = load<u32>(descriptor, DESCRIPTOR_OFFSET) + load<u32>(descriptor, DESCRIPTOR_LENGTH);
  return end - load<u32>(parsed, PARSED_IP);
}
