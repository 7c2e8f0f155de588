/**
 * The host agent: a tunnel from a MUX becomes a packet for the VM, the VM's answer becomes one from the VIP.
 *
 *   underlay ─► tunnel.ts: verify, strip ─► host-in.ts: NIC, translation or leased port ─► host-act.ts: remember, DIP ─► VM
 *   gateway  ◄─ host-act.ts: remember, VIP ◄─ host-out.ts: connection, public IP or leased port ◄─────────────────────── VM
 *
 * What nearly every packet is goes a straight line beside them, host-plain.ts.
 *
 * What is neither passes: it belongs to the kernel (SSH, BGP) or to the rest of the virtual switch.
 */
import {
  DESCRIPTOR_BYTES,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_PORT,
  DESCRIPTOR_SERVICE,
  FIXED_PARSED,
  FIXED_TOUCH_SINK,
  LINK_ETHERNET,
  NO_INDEX,
  PARSED_BYTES,
  PORT_SHARED,
  PORT_UNDERLAY,
  REASON_OVERSIZE,
  STAGE_FRAME_COUNT,
} from './abi';
import { ticksOf } from './clock';
import { conclude } from './counters';
import { act, foresee } from './host-act';
import { beginExplanation, completeExplanation } from './host-explain';
import { fromVm } from './host-out';
import { isRecognised, leaveUnrecognised, plainOutcome, recognisePlain, touchPlain } from './host-plain';
import { sweepNatFlows } from './host-sweep';
import { descriptorsBase } from './layout';
import { dropFor, isOversize, OUTCOME_CONTINUE, reasonOf, verdictOf } from './parse';
import { beginProducing, producedCount } from './produce';
import { findNic } from './table/nic';
import { fromUnderlay } from './tunnel';
import { ETHERNET_BYTES, sourceMac } from './wire/ethernet';

/** NO_INDEX in two fields side by side. */
const NO_SERVICE_OR_BACKEND: u64 = <u64>NO_INDEX | ((<u64>NO_INDEX) << 32);

/**
 * Runs the first `count` frames of the batch; every descriptor then has a verdict. Returns how many frames there are:
 * those that the sweep has produced come behind the others.
 */
export function hostProcess(count: u32, nowMs: u32): u32 {
  const now = ticksOf(nowMs);
  beginProducing(count);
  sweepNatFlows(now);
  for (let first: u32 = 0; first < count; first += STAGE_FRAME_COUNT) {
    const staged = min<u32>(count - first, STAGE_FRAME_COUNT);
    const descriptors = descriptorsBase + first * DESCRIPTOR_BYTES;
    recogniseStage(descriptors, staged);
    touchStage(staged);
    actStage(descriptors, staged, now);
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

function recogniseStage(descriptors: usize, frames: u32): void {
  for (let frame: u32 = 0; frame < frames; frame++) {
    const descriptor = descriptors + frame * DESCRIPTOR_BYTES;
    const record = FIXED_PARSED + frame * PARSED_BYTES;
    if (isOversize(descriptor)) leaveUnrecognised(record);
    else recognisePlain(descriptor, record, isFromVm(descriptor));
  }
}

/** Reads a word of every line that is about to be needed: the processor waits for all of them at once. */
function touchStage(frames: u32): void {
  let sum: u32 = 0;
  const end: usize = FIXED_PARSED + frames * PARSED_BYTES;
  for (let record = <usize>FIXED_PARSED; record < end; record += PARSED_BYTES) sum ^= touchPlain(record);
  store<u32>(FIXED_TOUCH_SINK, sum);
}

function actStage(descriptors: usize, frames: u32, now: u32): void {
  for (let frame: u32 = 0; frame < frames; frame++) {
    const descriptor = descriptors + frame * DESCRIPTOR_BYTES;
    const record = FIXED_PARSED + frame * PARSED_BYTES;
    let outcome = isRecognised(record) ? plainOutcome(descriptor, record, now) : OUTCOME_CONTINUE;
    if (outcome == OUTCOME_CONTINUE) outcome = processGenerally(descriptor, record, now);
    store<u64>(descriptor, NO_SERVICE_OR_BACKEND, DESCRIPTOR_SERVICE);
    conclude(descriptor, verdictOf(outcome), reasonOf(outcome));
  }
}

function processGenerally(descriptor: usize, packet: usize, now: u32): u32 {
  const outcome = judge(descriptor, packet, now);
  return outcome == OUTCOME_CONTINUE ? act(descriptor, packet, now) : outcome;
}

/** Decides about a frame: an outcome, or OUTCOME_CONTINUE and a decision. */
function judge(descriptor: usize, packet: usize, now: u32): u32 {
  if (isOversize(descriptor)) return dropFor(REASON_OVERSIZE);
  return isFromVm(descriptor) ? fromVm(descriptor, packet, now) : fromUnderlay(descriptor, packet, now);
}

/** @inline */
function isFromVm(descriptor: usize): bool {
  const port = load<u8>(descriptor, DESCRIPTOR_PORT);
  return port == PORT_SHARED ? isSentByVm(descriptor) : port != PORT_UNDERLAY;
}

function isSentByVm(descriptor: usize): bool {
  return (
    load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_ETHERNET &&
    load<u32>(descriptor, DESCRIPTOR_LENGTH) >= ETHERNET_BYTES &&
    findNic(sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET))) != 0
  );
}
