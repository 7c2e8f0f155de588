/**
 * What is to be done with the packet in hand. The ways in and out (host-in.ts, host-out.ts) only read the tables and
 * write this record; host-act.ts obeys it, and explain shows it. Drawn in abi.ts.
 */
import {
  ACTION_FLOW,
  ACTION_TRANSLATE,
  DECISION_ACTION,
  DECISION_ADDRESS,
  DECISION_FASTPATH,
  DECISION_FLAG_HAIRPIN,
  DECISION_FLAG_KNOWN,
  DECISION_FLAGS,
  DECISION_FLOW,
  DECISION_LOCAL,
  DECISION_OUTER_IP,
  DECISION_PEER,
  DECISION_PORT,
  DECISION_RULE,
  DECISION_VNI,
  FIXED_DECISION,
} from './abi';
import { OUTCOME_CONTINUE } from './parse';

/** The flag where it lies in a word that begins with the action. */
const KNOWN: u32 = DECISION_FLAG_KNOWN << 8;

/**
 * Begins a decision; flags, flow, rule, peer and local address are none until they are set.
 *
 * @param action ACTION_…
 * @param address what our end gets: an IPv4 address in network order, or the word of an IPv6 address
 * @param portNet its port, where the action gives it one
 * @returns OUTCOME_CONTINUE
 */
export function decide(action: u32, address: u32, portNet: u32): u32 {
  begin(action, address, portNet, 0, 0, 0);
  return OUTCOME_CONTINUE;
}

/** Begins the decision that a packet leaves by a flow that is alive, under the address and port of its VIP. @inline */
export function decideLeaving(flow: usize, vip: u32, vipPortNet: u32): void {
  begin(ACTION_FLOW | KNOWN, vip, vipPortNet, flow, 0, 0);
}

/** Begins the decision that a packet for a VIP is translated; the flow is none until it is set. @inline */
export function decideTranslation(translation: usize, vip: u32, dip: u32, dipPortNet: u32): void {
  begin(ACTION_TRANSLATE, dip, dipPortNet, 0, translation, vip);
}

/** What may be one store is one: each costs as much as a comparison. @inline */
function begin(actionFlags: u32, address: u32, portNet: u32, flow: usize, rule: usize, peer: u32): void {
  store<u64>(FIXED_DECISION, <u64>(actionFlags | (portNet << 16)) | ((<u64>address) << 32), DECISION_ACTION);
  store<u64>(FIXED_DECISION, <u64>flow | ((<u64>rule) << 32), DECISION_FLOW);
  store<u64>(FIXED_DECISION, peer, DECISION_PEER);
}

/** The packet belongs to a flow that is alive. */
export function decideFlow(flow: usize): void {
  store<u32>(FIXED_DECISION, <u32>flow, DECISION_FLOW);
  addFlag(DECISION_FLAG_KNOWN);
}

/** A flow has the packet's key, but is dead or another connection's: it makes room. */
export function decideOver(flow: usize): void {
  store<u32>(FIXED_DECISION, <u32>flow, DECISION_FLOW);
}

/** A translation or a SNAT rule decided. */
export function decideRule(rule: usize): void {
  store<u32>(FIXED_DECISION, <u32>rule, DECISION_RULE);
}

/** What stands on the other side: of ACTION_TRANSLATE the VIP, else what takes the place of the other address, or 0. */
export function decidePeer(address: u32): void {
  store<u32>(FIXED_DECISION, address, DECISION_PEER);
}

/** Both ends are one VM. */
export function decideHairpin(): void {
  addFlag(DECISION_FLAG_HAIRPIN);
}

/** The entry of the local address that calls out. */
export function decideLocal(entry: usize): void {
  store<u32>(FIXED_DECISION, <u32>entry, DECISION_LOCAL);
}

/** The packet came in a tunnel: for explain, which wants to say so whatever becomes of the packet. */
export function noteTunnel(outerIp: usize): void {
  store<u32>(FIXED_DECISION, <u32>outerIp, DECISION_OUTER_IP);
}

/** The tenant network the tunnel names. */
export function noteVni(vni: u32): void {
  store<u32>(FIXED_DECISION, vni, DECISION_VNI);
}

/** The packet leaves by a Fastpath entry: for explain. */
export function noteFastpath(entry: usize): void {
  store<u32>(FIXED_DECISION, <u32>entry, DECISION_FASTPATH);
}

export function decidedAction(): u32 {
  return load<u8>(FIXED_DECISION, DECISION_ACTION);
}

export function decidedAddress(): u32 {
  return load<u32>(FIXED_DECISION, DECISION_ADDRESS);
}

/** In network order. */
export function decidedPort(): u32 {
  return load<u16>(FIXED_DECISION, DECISION_PORT);
}

/** 0 when the table has none. */
export function decidedFlow(): usize {
  return load<u32>(FIXED_DECISION, DECISION_FLOW);
}

/** Whether the flow is that of the packet, and alive. */
export function isFlowKnown(): bool {
  return (load<u8>(FIXED_DECISION, DECISION_FLAGS) & DECISION_FLAG_KNOWN) != 0;
}

/** 0 without one. */
export function decidedRule(): usize {
  return load<u32>(FIXED_DECISION, DECISION_RULE);
}

export function decidedPeer(): u32 {
  return load<u32>(FIXED_DECISION, DECISION_PEER);
}

export function isHairpin(): bool {
  return (load<u8>(FIXED_DECISION, DECISION_FLAGS) & DECISION_FLAG_HAIRPIN) != 0;
}

export function decidedLocal(): usize {
  return load<u32>(FIXED_DECISION, DECISION_LOCAL);
}

function addFlag(flag: u32): void {
  store<u8>(FIXED_DECISION, <u8>(load<u8>(FIXED_DECISION, DECISION_FLAGS) | flag), DECISION_FLAGS);
}
