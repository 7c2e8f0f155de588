/**
 * The MUX: a packet to a VIP goes in, the same packet in VXLAN or NVGRE to the host of its backend comes out.
 *
 *   parse ─► classify ─► │ touch │ ─► lookup ─► encapsulate
 *     ▲                                  ├─► lookup-fragment.ts: follows its first fragment, or is kept for it
 *     │                                  └─► lookup-quote.ts: follows the connection an ICMP error is about
 *     └── kept fragments whose first one came: release.ts, at the end of the batch
 *
 * Sixty-four frames go through each stage together. Between the first and the last stands a loop that does nothing
 * but read one word of every flow bucket: the processor then waits for all their cache misses at once instead of for
 * one after the other, which is worth more than everything else on a table larger than the cache.
 *
 * What most packets go through is one piece of code (`@inline`, see inline.mjs). What few packets need stays a call, so
 * that it takes no registers from the many.
 */
import {
  CONFIG_FITTING_BYTES,
  COUNTER_MTU_TOLD,
  DESCRIPTOR_BACKEND,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_SERVICE,
  FIXED_CONFIG,
  FIXED_PARSED,
  FIXED_STATE,
  FIXED_TOUCH_SINK,
  NO_INDEX,
  PARSED_BACKEND,
  PARSED_BUCKET,
  PARSED_BYTES,
  PARSED_IP_LENGTH,
  PARSED_SERVICE,
  PARSED_SOURCE,
  PARSED_VERDICT,
  REASON_FAIR_SHARE,
  REASON_NONE,
  SOURCE_FLOW_REDIRECTED,
  SOURCE_NONE,
  STAGE_FRAME_COUNT,
  STATE_NOW_MS,
  VERDICT_FORWARD,
  VERDICT_REPLY,
} from './abi';
import { classify } from './classify';
import { ticksOf } from './clock';
import { conclude, count, countTraffic } from './counters';
import { losesToFairShare } from './fair-share';
import { descriptorsBase } from './layout';
import { chooseBackend, rememberFlow, tellsHosts } from './lookup';
import { chooseForFragment, rememberFragment } from './lookup-fragment';
import { chooseForQuote } from './lookup-quote';
import { dropFor, isPending, PENDING_FRAGMENT, reasonOf, verdictOf } from './parse';
import { beginProducing, freeDescriptor, producedCount, takeSlot } from './produce';
import { spendToken } from './rate-limit';
import { beginRelease, releaseNext } from './release';
import { answerEcho } from './rewrite/echo';
import { allowOuterFragments, encapsulate } from './rewrite/encapsulate';
import { tellTooBig } from './rewrite/too-big';
import { backendAt, backendTraffic } from './table/backend';
import { sweepFlows } from './table/flow-sweep';
import { clearHeldDue, heldAreDue } from './table/held';
import { serviceAt, serviceTraffic } from './table/service';
import { fittingBytes, isAboveMtu, judgeLong } from './too-long';
import { forgetQuote } from './wire/quote';

/** Runs the first `count` frames of the batch; every descriptor then has a verdict. Returns the new number of frames. */
export function muxProcess(count: u32, nowMs: u32): u32 {
  const now = ticksOf(nowMs);
  store<u32>(FIXED_STATE + STATE_NOW_MS, nowMs);
  beginProducing(count);
  sweepFlows(now);
  for (let first: u32 = 0; first < count; first += STAGE_FRAME_COUNT) {
    const frames = min<u32>(count - first, STAGE_FRAME_COUNT);
    const descriptors = descriptorsBase + first * DESCRIPTOR_BYTES;
    classifyStage(descriptors, frames);
    touchStage(frames);
    forwardStage(descriptors, frames, now);
  }
  if (heldAreDue(now)) releaseStage(now);
  return producedCount();
}

/**
 * Answers what would happen with frame `index` now, and changes nothing: no flow, no counter, no byte of the frame.
 * The answer is the first parsed record.
 */
export function muxExplain(index: u32, nowMs: u32): void {
  const parsed: usize = FIXED_PARSED;
  const descriptor: usize = descriptorsBase + index * DESCRIPTOR_BYTES;
  store<u32>(FIXED_STATE + STATE_NOW_MS, nowMs);
  forgetQuote();
  classify(descriptor, parsed);
  let outcome: u32 = load<u16>(parsed, PARSED_VERDICT);
  if (outcome == VERDICT_FORWARD) outcome = choose(parsed, ticksOf(nowMs));
  else if (isPending(outcome)) outcome = choosePending(descriptor, parsed, outcome, ticksOf(nowMs));
  if (outcome == VERDICT_FORWARD) {
    if (tellsHosts(parsed, ticksOf(nowMs))) store<u8>(parsed, SOURCE_FLOW_REDIRECTED, PARSED_SOURCE);
    if (!isShort(parsed)) outcome = judgeLong(parsed);
  }
  store<u16>(parsed, <u16>outcome, PARSED_VERDICT);
}

function classifyStage(descriptors: usize, frames: u32): void {
  for (let frame: u32 = 0; frame < frames; frame++) {
    classify(descriptors + frame * DESCRIPTOR_BYTES, FIXED_PARSED + frame * PARSED_BYTES);
  }
}

function touchStage(frames: u32): void {
  let sum: u32 = 0;
  const end: usize = FIXED_PARSED + frames * PARSED_BYTES;
  for (let parsed = <usize>FIXED_PARSED; parsed < end; parsed += PARSED_BYTES) {
    sum ^= load<u32>(load<u32>(parsed, PARSED_BUCKET));
  }
  store<u32>(FIXED_TOUCH_SINK, sum);
}

function forwardStage(descriptors: usize, frames: u32, now: u32): void {
  for (let frame: u32 = 0; frame < frames; frame++) {
    forward(descriptors + frame * DESCRIPTOR_BYTES, FIXED_PARSED + frame * PARSED_BYTES, now);
  }
}

/** Puts kept fragments that may go on behind the batch, and processes them. */
function releaseStage(now: u32): void {
  clearHeldDue(now);
  beginRelease();
  while (releaseNext(now)) {
    const descriptor = freeDescriptor();
    takeSlot();
    classifyStage(descriptor, 1);
    forwardStage(descriptor, 1, now);
  }
}

/** @inline */
function forward(descriptor: usize, parsed: usize, now: u32): void {
  let outcome: u32 = load<u16>(parsed, PARSED_VERDICT);
  if (outcome == VERDICT_FORWARD) {
    outcome = choose(parsed, now);
    if (outcome == VERDICT_FORWARD) {
      rememberFlow(descriptor, parsed, now);
      if (isShort(parsed)) sendToBackend(descriptor, parsed);
      else outcome = sendLong(descriptor, parsed);
    }
  } else if (outcome == VERDICT_REPLY) {
    answerEcho(descriptor, parsed);
  } else if (isPending(outcome)) {
    outcome = forwardPending(descriptor, parsed, outcome, now);
  }
  store<u32>(descriptor, load<u32>(parsed, PARSED_SERVICE), DESCRIPTOR_SERVICE);
  store<u32>(descriptor, load<u32>(parsed, PARSED_BACKEND), DESCRIPTOR_BACKEND);
  conclude(descriptor, verdictOf(outcome), reasonOf(outcome));
}

/** FORWARD or a drop. A leased port names its backend by itself. @inline */
function choose(parsed: usize, now: u32): u32 {
  if (load<u8>(parsed, PARSED_SOURCE) != SOURCE_NONE) return VERDICT_FORWARD;
  const reason = losesItsTurn(parsed) ? REASON_FAIR_SHARE : chooseBackend(parsed, now);
  return reason == REASON_NONE ? VERDICT_FORWARD : dropFor(reason);
}

/** Whether the VIP takes more than its share of an overloaded MUX, and this packet is one it has to give back. @inline */
function losesItsTurn(parsed: usize): bool {
  return losesToFairShare(serviceAt(load<u32>(parsed, PARSED_SERVICE)), load<u32>(parsed, PARSED_IP_LENGTH));
}

/** A fragment or an ICMP error: where its datagram, or the connection it is about, went before. */
function forwardPending(descriptor: usize, parsed: usize, pending: u32, now: u32): u32 {
  const outcome = choosePending(descriptor, parsed, pending, now);
  if (pending == PENDING_FRAGMENT) rememberFragment(descriptor, parsed, outcome, now);
  return outcome == VERDICT_FORWARD ? sendLong(descriptor, parsed) : outcome;
}

function choosePending(descriptor: usize, parsed: usize, pending: u32, now: u32): u32 {
  return pending == PENDING_FRAGMENT ? chooseForFragment(descriptor, parsed, now) : chooseForQuote(parsed, now);
}

/** Whether a packet fits the provider network whatever its backend. @inline */
function isShort(parsed: usize): bool {
  return load<u32>(parsed, PARSED_IP_LENGTH) <= load<u32>(FIXED_CONFIG + CONFIG_FITTING_BYTES);
}

/** Sends a packet of any length to its backend, or says why not. */
function sendLong(descriptor: usize, parsed: usize): u32 {
  const outcome = judgeLong(parsed);
  if (outcome == VERDICT_FORWARD) {
    const mayFragment = isAboveMtu(parsed);
    sendToBackend(descriptor, parsed);
    if (mayFragment) allowOuterFragments(parsed);
  } else if (outcome == VERDICT_REPLY) {
    spendToken(load<u32>(FIXED_STATE + STATE_NOW_MS));
    tellTooBig(descriptor, parsed, fittingBytes(parsed));
    count(COUNTER_MTU_TOLD);
  }
  return outcome;
}

/** @inline */
function sendToBackend(descriptor: usize, parsed: usize): void {
  const backend = backendAt(load<u32>(parsed, PARSED_BACKEND));
  encapsulate(descriptor, parsed, backend);
  const ipLength = load<u32>(parsed, PARSED_IP_LENGTH);
  countTraffic(backendTraffic(backend), ipLength);
  const service = load<u32>(parsed, PARSED_SERVICE);
  if (service != NO_INDEX) countTraffic(serviceTraffic(serviceAt(service)), ipLength);
}
