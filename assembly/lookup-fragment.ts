/**
 * MUX, second stage: where a fragment goes. The first one of a datagram is treated as a whole packet is, and pins the
 * datagram to its backend; the others have no ports and follow it. What comes before the first one is kept for it.
 *
 * chooseForFragment only reads, so that explain can ask it; rememberFragment writes what the choice leaves behind. In
 * between it is kept in variables of this module what the first one found.
 */
import {
  PARSED_FAMILY,
  PARSED_IP,
  PARSED_IP_LENGTH,
  PARSED_L4,
  PARSED_PROTOCOL,
  PARSED_SOURCE,
  PARSED_TCP_FLAGS,
  REASON_FRAGMENT,
  REASON_FRAGMENT_LIMIT,
  REASON_FRAGMENT_OVERLAP,
  REASON_NONE,
  REASON_UDP_LENGTH,
  REASON_UDP_TRUNCATED,
  SOURCE_NONE,
  VERDICT_FORWARD,
  VERDICT_HOLD,
} from './abi';
import { classifyService } from './classify-service';
import { datagramKeyV4, datagramKeyV6 } from './datagram-key';
import { chooseBackendRarely, rememberFlowRarely } from './lookup';
import { dropFor, OUTCOME_CONTINUE, reasonOf } from './parse';
import { addressWord } from './table/address';
import { checkCoverage, cover, datagramIsPoisoned, poisonDatagram } from './table/coverage';
import { findDatagram, insertDatagram } from './table/fragment';
import { hasRoomToHold, hold, markHeldDue } from './table/held';
import { followPin, writePin } from './table/pin';
import { ipv4Destination, ipv4FragmentOffset, ipv4HasMoreFragments, ipv4HeaderBytes } from './wire/ipv4';
import {
  FRAGMENT_HEADER_BYTES,
  ipv6Destination,
  ipv6FragmentOffset,
  ipv6HasMoreFragments,
  walkedFragment,
  walkedL4,
  walkIpv6,
} from './wire/ipv6';
import { isTcpOrUdp, portPair } from './wire/ports';
import { checkTcp, PROTOCOL_TCP, tcpFlags } from './wire/tcp';
import { UDP_BYTES, udpLength } from './wire/udp';

const NIC_OF_MUX: u32 = 0;
/** No datagram is longer (RFC 791); neither is what is behind an IPv6 fragment header. */
const PAYLOAD_BYTES_MAX: u32 = 0xffff;
const UNIT_BYTES: u32 = 8;

let key: usize = 0;
/** The record of the datagram; 0 as long as its first fragment has not been here. */
let datagram: usize = 0;
/** What the fragment covers of its datagram, in units of 8 bytes. */
let firstUnit: u32 = 0;
let endUnit: u32 = 0;

/** Finds the backend of a fragment that classify has left pending: FORWARD, HOLD, or a drop. */
export function chooseForFragment(descriptor: usize, parsed: usize, now: u32): u32 {
  const isIpv6 = load<u8>(parsed, PARSED_FAMILY) == 6;
  const l4 = isIpv6 ? readIpv6(parsed) : readIpv4(parsed);
  if (l4 == 0) return dropFor(REASON_FRAGMENT);
  datagram = findDatagram(key, now);
  if (datagram != 0) {
    let reason = datagramIsPoisoned(datagram) ? REASON_FRAGMENT_OVERLAP : checkCoverage(datagram, firstUnit, endUnit);
    if (reason == REASON_NONE) reason = followPin(datagram, parsed);
    return reason == REASON_NONE ? VERDICT_FORWARD : dropFor(reason);
  }
  if (firstUnit != 0) return hasRoomToHold(descriptor) ? VERDICT_HOLD : dropFor(REASON_FRAGMENT_LIMIT);
  return chooseForFirst(parsed, l4, now);
}

/** Writes what chooseForFragment found into flow table, fragment table, and the fragments that are kept. */
export function rememberFragment(descriptor: usize, parsed: usize, outcome: u32, now: u32): void {
  if (reasonOf(outcome) == REASON_FRAGMENT_OVERLAP) poisonDatagram(datagram);
  else if (outcome == VERDICT_HOLD) hold(descriptor, key, now);
  if (outcome != VERDICT_FORWARD) return;
  if (datagram == 0) {
    rememberFlowRarely(descriptor, parsed, now);
    datagram = insertDatagram(key, now);
    writePin(datagram, parsed);
    markHeldDue();
  }
  cover(datagram, firstUnit, endUnit);
}

/** As for a whole packet, but for lengths that the datagram has and the fragment need not have. */
function chooseForFirst(parsed: usize, l4: usize, now: u32): u32 {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const protocol: u32 = load<u8>(parsed, PARSED_PROTOCOL);
  const reason = checkFirst(protocol, l4, <u32>(ip + load<u32>(parsed, PARSED_IP_LENGTH) - l4));
  if (reason != REASON_NONE) return dropFor(reason);
  const hasPorts = isTcpOrUdp(protocol);
  store<u32>(parsed, <u32>l4, PARSED_L4);
  if (protocol == PROTOCOL_TCP) store<u8>(parsed, <u8>tcpFlags(l4), PARSED_TCP_FLAGS);
  const outcome = classifyService(parsed, vipOf(parsed), hasPorts ? portPair(l4) : 0);
  if (outcome != OUTCOME_CONTINUE) return outcome;
  if (load<u8>(parsed, PARSED_SOURCE) != SOURCE_NONE) return VERDICT_FORWARD;
  const chosen = chooseBackendRarely(parsed, now);
  return chosen == REASON_NONE ? VERDICT_FORWARD : dropFor(chosen);
}

/** Whether the header that has the ports is in the first fragment, all of it (RFC 1858), and makes sense so far. */
function checkFirst(protocol: u32, l4: usize, bytes: u32): u32 {
  if (protocol == PROTOCOL_TCP) return checkTcp(l4, bytes);
  if (!isTcpOrUdp(protocol)) return REASON_NONE;
  if (bytes < UDP_BYTES) return REASON_UDP_TRUNCATED;
  return udpLength(l4) < UDP_BYTES ? REASON_UDP_LENGTH : REASON_NONE;
}

function vipOf(parsed: usize): u32 {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  return load<u8>(parsed, PARSED_FAMILY) == 6 ? addressWord(ipv6Destination(ip)) : ipv4Destination(ip);
}

/** Reads key and range; answers where the upper header begins if this is the first fragment, 0 for one that cannot be. */
function readIpv4(parsed: usize): usize {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const l4 = ip + ipv4HeaderBytes(ip);
  key = datagramKeyV4(ip, load<u8>(parsed, PARSED_PROTOCOL), NIC_OF_MUX);
  const bytes = <u32>(ip + load<u32>(parsed, PARSED_IP_LENGTH) - l4);
  return readRange(ipv4FragmentOffset(ip), bytes, ipv4HasMoreFragments(ip)) ? l4 : 0;
}

/** The same; the packet is walked once more, as others were in the meantime. */
function readIpv6(parsed: usize): usize {
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const ipLength = load<u32>(parsed, PARSED_IP_LENGTH);
  walkIpv6(ip, ipLength);
  const fragment = walkedFragment;
  key = datagramKeyV6(ip, fragment, NIC_OF_MUX);
  const bytes = <u32>(ip + ipLength - fragment) - FRAGMENT_HEADER_BYTES;
  return readRange(ipv6FragmentOffset(fragment), bytes, ipv6HasMoreFragments(fragment)) ? walkedL4 : 0;
}

/** False for a fragment without payload, one that the next one cannot follow, and one past the end of any datagram. */
function readRange(offset: u32, bytes: u32, hasMore: bool): bool {
  if (bytes == 0 || (hasMore && bytes % UNIT_BYTES != 0) || offset + bytes > PAYLOAD_BYTES_MAX) return false;
  firstUnit = offset / UNIT_BYTES;
  endUnit = (offset + bytes + UNIT_BYTES - 1) / UNIT_BYTES;
  return true;
}
