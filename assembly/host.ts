/**
 * The host agent: a tunnel from a MUX becomes a packet for the VM, the VM's answer becomes one from the VIP.
 *
 *   underlay ─► tunnel.ts: verify, strip ─► host-in.ts: NIC, translation or leased port ─► host-act.ts: remember, DIP ─► VM
 *   gateway  ◄─ host-act.ts: remember, VIP ◄─ host-out.ts: connection, public IP or leased port ◄─────────────────────── VM
 *
 * What is neither passes: it belongs to the kernel (SSH, BGP) or to the rest of the virtual switch.
 */
import {
  DESCRIPTOR_BACKEND,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_PORT,
  DESCRIPTOR_SERVICE,
  FIXED_PARSED,
  LINK_ETHERNET,
  NO_INDEX,
  PARSED_BYTES,
  PORT_SHARED,
  PORT_UNDERLAY,
  REASON_OVERSIZE,
} from './abi';
import { ticksOf } from './clock';
import { conclude } from './counters';
import { act, foresee } from './host-act';
import { beginExplanation, completeExplanation } from './host-explain';
import { fromVm } from './host-out';
import { sweepNatFlows } from './host-sweep';
import { descriptorsBase } from './layout';
import { dropFor, isOversize, OUTCOME_CONTINUE, reasonOf, verdictOf } from './parse';
import { beginProducing, producedCount } from './produce';
import { findNic } from './table/nic';
import { fromUnderlay } from './tunnel';
import { ETHERNET_BYTES, sourceMac } from './wire/ethernet';

/**
 * Runs the first `count` frames of the batch; every descriptor then has a verdict. Returns how many frames there are:
 * those that the sweep has produced come behind the others.
 */
export function hostProcess(count: u32, nowMs: u32): u32 {
  const now = ticksOf(nowMs);
  beginProducing(count);
  sweepNatFlows(now);
  for (let frame: u32 = 0; frame < count; frame++) {
    const descriptor = descriptorsBase + frame * DESCRIPTOR_BYTES;
    store<u32>(descriptor, NO_INDEX, DESCRIPTOR_SERVICE);
    store<u32>(descriptor, NO_INDEX, DESCRIPTOR_BACKEND);
    let outcome = judge(descriptor, FIXED_PARSED, now);
    if (outcome == OUTCOME_CONTINUE) outcome = act(descriptor, FIXED_PARSED, now);
    conclude(descriptor, verdictOf(outcome), reasonOf(outcome));
  }
  return producedCount();
}

/**
 * Answers what would happen with frame `index` now, and changes nothing: no flow, no counter, no byte of the frame. The
 * answer is the decision (abi.ts).
 */
export function hostExplain(index: u32, nowMs: u32): void {
  const now = ticksOf(nowMs);
  const descriptor = descriptorsBase + index * DESCRIPTOR_BYTES;
  const packet: usize = FIXED_PARSED;
  memory.fill(packet, 0, PARSED_BYTES);
  beginExplanation(isFromVm(descriptor));
  let outcome = judge(descriptor, packet, now);
  if (outcome == OUTCOME_CONTINUE) outcome = foresee(packet, now);
  completeExplanation(packet, verdictOf(outcome), reasonOf(outcome), now);
}

/** Decides about a frame: an outcome, or OUTCOME_CONTINUE and a decision. */
function judge(descriptor: usize, packet: usize, now: u32): u32 {
  if (isOversize(descriptor)) return dropFor(REASON_OVERSIZE);
  return isFromVm(descriptor) ? fromVm(descriptor, packet, now) : fromUnderlay(descriptor, packet, now);
}

function isFromVm(descriptor: usize): bool {
  const port = load<u8>(descriptor, DESCRIPTOR_PORT);
  if (port != PORT_SHARED) return port != PORT_UNDERLAY;
  return (
    load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_ETHERNET &&
    load<u32>(descriptor, DESCRIPTOR_LENGTH) >= ETHERNET_BYTES &&
    findNic(sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET))) != 0
  );
}
