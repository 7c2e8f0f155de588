/**
 * SNAT rules: the VIP and the leased ports under which connections of a local address leave, and what was asked of them.
 * The rules of an address lie side by side in the order in which they are tried; so do the ranges of a rule. The SDK
 * writes both.
 *
 *   0     4             8             12           16           18         19      20      24          32          40         48
 *   | VIP | first range | range count | port count | idle ticks | protocol | flags | spare | allocated | exhausted | reserved |
 *
 *   0            4            8
 *   | first port | port count |
 */
import {
  SNAT_RANGE_BYTES,
  SNAT_RULE_ALLOCATED,
  SNAT_RULE_BYTES,
  SNAT_RULE_EXHAUSTED,
  SNAT_RULE_FLAGS,
  SNAT_RULE_IDLE_TICKS,
  SNAT_RULE_PORT_COUNT,
  SNAT_RULE_PROTOCOL,
  SNAT_RULE_RANGE_COUNT,
  SNAT_RULE_RANGE_FIRST,
  SNAT_RULE_VIP,
} from '../abi';
import { snatRangesBase, snatRulesBase } from '../layout';

const PORT_COUNT = 4;
const ANY_PROTOCOL: u32 = 0;

export function snatRule(index: u32): usize {
  return snatRulesBase + index * SNAT_RULE_BYTES;
}

/**
 * Whether connections of a protocol may use a rule: its own, or when it names none, any that has ports or identifiers.
 *
 * @param hasPorts whether the protocol is TCP, UDP or that of pings
 */
export function snatRuleTakes(rule: usize, protocol: u32, hasPorts: bool): bool {
  const own: u32 = load<u8>(rule, SNAT_RULE_PROTOCOL);
  return own == ANY_PROTOCOL ? hasPorts : own == protocol;
}

export function snatRuleVip(rule: usize): u32 {
  return load<u32>(rule, SNAT_RULE_VIP);
}

export function snatRuleIdleTicks(rule: usize): u32 {
  return load<u16>(rule, SNAT_RULE_IDLE_TICKS);
}

/** The flags its flows take over. */
export function snatRuleFlags(rule: usize): u32 {
  return load<u8>(rule, SNAT_RULE_FLAGS);
}

/** Ports of all its ranges. */
export function snatRulePortCount(rule: usize): u32 {
  return load<u32>(rule, SNAT_RULE_PORT_COUNT);
}

/**
 * The range that holds a place of the rule's list of ports, which must be below its port count; what is left of the place
 * is left in placeInRange.
 */
export function snatRuleRange(rule: usize, place: u32): usize {
  let range = rangeAt(rule, 0);
  while (place >= snatRangePortCount(range)) {
    place -= snatRangePortCount(range);
    range += SNAT_RANGE_BYTES;
  }
  placeInRange = place;
  return range;
}

/** Where in its range the place is that snatRuleRange was asked for. */
export let placeInRange: u32 = 0;

/** The range behind another one of a rule; behind the last comes the first. */
export function snatRangeAfter(rule: usize, range: usize): usize {
  const next = range + SNAT_RANGE_BYTES;
  return next < rangeAt(rule, load<u32>(rule, SNAT_RULE_RANGE_COUNT)) ? next : rangeAt(rule, 0);
}

export function snatRangeFirst(range: usize): u32 {
  return load<u32>(range);
}

export function snatRangePortCount(range: usize): u32 {
  return load<u32>(range, PORT_COUNT);
}

/** Whether a port is leased to a rule. */
export function snatRuleHasPort(rule: usize, port: u32): bool {
  const count = load<u32>(rule, SNAT_RULE_RANGE_COUNT);
  for (let index: u32 = 0; index < count; index++) {
    const range = rangeAt(rule, index);
    if (port - snatRangeFirst(range) < snatRangePortCount(range)) return true;
  }
  return false;
}

/** A connection was given a port of the rule. */
export function countAllocated(rule: usize): void {
  store<u64>(rule, load<u64>(rule, SNAT_RULE_ALLOCATED) + 1, SNAT_RULE_ALLOCATED);
}

/** The rule had no port for a connection. */
export function countExhausted(rule: usize): void {
  store<u64>(rule, load<u64>(rule, SNAT_RULE_EXHAUSTED) + 1, SNAT_RULE_EXHAUSTED);
}

function rangeAt(rule: usize, index: u32): usize {
  return snatRangesBase + (load<u32>(rule, SNAT_RULE_RANGE_FIRST) + index) * SNAT_RANGE_BYTES;
}
