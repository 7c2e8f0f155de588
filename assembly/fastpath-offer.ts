/**
 * MUX: two VMs of ours that talk through VIPs are told apart from clients of the outside by the address one of them calls
 * from. Their hosts are told to send to each other (wire/redirect.ts), with every packet that shows in a new tick that the
 * connection is still here: then it goes past the hosts' knowledge, or it would not be here.
 *
 * Only the calling side is seen in the flow table; what comes back has a leased port or an instance-level address as its
 * destination, and leaves no trace. So one packet of the caller makes two redirects.
 */
import {
  CONFIG_FASTPATH,
  COUNTER_REDIRECTS_SENT,
  DESCRIPTOR_LINK,
  FIXED_CONFIG,
  LINK_BARE,
  NO_INDEX,
  PARSED_BACKEND,
  PARSED_FAMILY,
  PARSED_IP,
  PARSED_L4,
  PARSED_PROTOCOL,
  VERDICT_FORWARD,
} from './abi';
import { count } from './counters';
import { freeSlot, hasFreeSlots, produceFor } from './produce';
import { writeOutgoingEthernet } from './rewrite/frame';
import { writeRedirect } from './rewrite/redirect';
import { addressWord } from './table/address';
import { backendAt, backendHostAddress, backendHostFamily } from './table/backend';
import { findVip, vipInstanceService } from './table/endpoint';
import { serviceAt, serviceFixedBackend } from './table/service';
import { findSnatBackend } from './table/snat-block';
import { destinationMac } from './wire/ethernet';
import { ipv4Source } from './wire/ipv4';
import { ipv6Source } from './wire/ipv6';
import { sourcePort } from './wire/ports';
import { SIDE_CALLED, SIDE_CALLER } from './wire/redirect';
import { PROTOCOL_TCP } from './wire/tcp';

/** Tells both hosts, when a backend of ours has sent the packet, and there is room for both messages. */
export function offerFastpath(descriptor: usize, parsed: usize): void {
  const caller = findCaller(parsed);
  if (caller == NO_INDEX || !hasFreeSlots(2)) return;
  const called = load<u32>(parsed, PARSED_BACKEND);
  tell(descriptor, parsed, caller, called, SIDE_CALLER);
  tell(descriptor, parsed, called, caller, SIDE_CALLED);
}

/** The backend that calls with a TCP packet whose backend was chosen, on another host than that; else NO_INDEX. */
export function findCaller(parsed: usize): u32 {
  if (load<u8>(FIXED_CONFIG + CONFIG_FASTPATH) == 0 || load<u8>(parsed, PARSED_PROTOCOL) != PROTOCOL_TCP)
    return NO_INDEX;
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const family: u32 = load<u8>(parsed, PARSED_FAMILY);
  const source = family == 6 ? addressWord(ipv6Source(ip)) : ipv4Source(ip);
  const vip = findVip(source, family);
  if (vip == 0) return NO_INDEX;
  const service = vipInstanceService(vip);
  const caller =
    service != NO_INDEX
      ? serviceFixedBackend(serviceAt(service))
      : findSnatBackend(source, family, sourcePort(load<u32>(parsed, PARSED_L4)));
  if (caller == NO_INDEX || isSameHost(caller, load<u32>(parsed, PARSED_BACKEND))) return NO_INDEX;
  return caller;
}

/** Two VMs of one host have nothing to gain. */
function isSameHost(one: u32, other: u32): bool {
  const a = backendAt(one);
  const b = backendAt(other);
  const family = backendHostFamily(a);
  if (family != backendHostFamily(b)) return false;
  return memory.compare(backendHostAddress(a), backendHostAddress(b), family == 6 ? 16 : 4) == 0;
}

/** Puts a message for the host of `told` behind the batch: `peer` is at the other end. It leaves as the packet does. */
function tell(descriptor: usize, parsed: usize, told: u32, peer: u32, side: u32): void {
  const ip = freeSlot();
  writeRedirect(ip, parsed, backendAt(told), backendAt(peer), side);
  const isBare = load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_BARE;
  produceFor(
    told,
    VERDICT_FORWARD,
    isBare ? ip : writeOutgoingEthernet(parsed, ip, destinationMac(backendAt(told))),
    ip,
  );
  count(COUNTER_REDIRECTS_SENT);
}
