/**
 * MUX, first stage: what is neither TCP nor UDP, is not whole, is not sound, or is for a port that no service names.
 *
 * Until here nobody has asked whether the destination is a VIP at all; a service's own port says so by itself.
 */
import {
  NO_INDEX,
  PARSED_FAMILY,
  PARSED_HASH,
  PARSED_IP,
  PARSED_IP_LENGTH,
  PARSED_L4,
  PARSED_PROTOCOL,
  PARSED_SERVICE,
  REASON_FRAGMENT,
  REASON_PROTOCOL,
} from './abi';
import { classifyFragment } from './classify-fragment';
import { classifyIcmp } from './classify-icmp';
import { classifyService, classifyWiderService, hashOf } from './classify-service';
import { dropFor, OUTCOME_CONTINUE, OUTCOME_PASS } from './parse';
import { findVip, isVip, vipInstanceService } from './table/endpoint';
import { PROTOCOL_ICMP } from './wire/icmp';
import { PROTOCOL_ICMPV6 } from './wire/icmpv6';
import { isTcpOrUdp, PORT_PAIR_BYTES, portPair } from './wire/ports';

const NO_PORTS: u32 = 0;

/** A header that lies: a drop when the packet is for a VIP. */
export function dropIfOurs(vip: u32, family: u32, reason: u32): u32 {
  return isVip(vip, family) ? dropFor(reason) : OUTCOME_PASS;
}

/** A whole and sound TCP or UDP packet for a port without a service of its own. */
export function classifyUnnamed(parsed: usize, vip: u32, ports: u32): u32 {
  const entry = findVip(vip, load<u8>(parsed, PARSED_FAMILY));
  if (entry == 0) return OUTCOME_PASS;
  const instance = vipInstanceService(entry);
  return instance == NO_INDEX ? classifyWiderService(parsed, vip, ports) : takeAll(parsed, instance, ports);
}

/**
 * A packet with a sound IP header that is no whole and sound TCP or UDP packet; `reason` says why: FRAGMENT, PROTOCOL,
 * or what is wrong with its segment at `l4`.
 */
export function classifyRare(parsed: usize, vip: u32, l4: usize, reason: u32): u32 {
  const family: u32 = load<u8>(parsed, PARSED_FAMILY);
  const entry = findVip(vip, family);
  if (entry == 0) return OUTCOME_PASS;
  const instance = vipInstanceService(entry);
  if (instance != NO_INDEX) return takeAll(parsed, instance, portsOf(parsed, l4, reason));
  if (reason == REASON_FRAGMENT) return classifyFragment(parsed);
  if (reason != REASON_PROTOCOL) return dropFor(reason);
  const protocol: u32 = load<u8>(parsed, PARSED_PROTOCOL);
  if (protocol == (family == 6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP)) return classifyIcmp(parsed, vip, l4);
  store<u32>(parsed, <u32>l4, PARSED_L4);
  return classifyService(parsed, vip, NO_PORTS);
}

/** An instance-level address: its backend gets all there is for it, and answers pings and reassembles itself. */
function takeAll(parsed: usize, service: u32, ports: u32): u32 {
  store<u32>(parsed, service, PARSED_SERVICE);
  store<u64>(parsed, hashOf(parsed, ports), PARSED_HASH);
  return OUTCOME_CONTINUE;
}

/** The ports of a segment nobody vouches for, as far as they are there. */
function portsOf(parsed: usize, l4: usize, reason: u32): u32 {
  const bytes = <u32>(<usize>load<u32>(parsed, PARSED_IP) + load<u32>(parsed, PARSED_IP_LENGTH) - l4);
  const hasPorts = isTcpOrUdp(load<u8>(parsed, PARSED_PROTOCOL)) && bytes >= PORT_PAIR_BYTES;
  if (!hasPorts || reason == REASON_FRAGMENT) return NO_PORTS;
  store<u32>(parsed, <u32>l4, PARSED_L4);
  return portPair(l4);
}
