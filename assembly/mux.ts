/**
 * The MUX: a packet to a VIP goes in, the same packet in VXLAN to the host of its backend comes out.
 *
 *   parse ─► classify ─► │ touch │ ─► lookup ─► encapsulate
 *
 * Sixty-four frames go through each stage together. Between the first and the last stands a loop that does nothing
 * but read one word of every flow bucket: the processor then waits for all their cache misses at once instead of for
 * one after the other, which is worth more than everything else on a table larger than the cache.
 *
 * What most packets go through is one piece of code (`@inline`, see inline.mjs). What few packets need stays a call, so
 * that it takes no registers from the many.
 */
import {
  DESCRIPTOR_BACKEND,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_SERVICE,
  FIXED_PARSED,
  FIXED_TOUCH_SINK,
  NO_INDEX,
  PARSED_BACKEND,
  PARSED_BUCKET,
  PARSED_BYTES,
  PARSED_IP_LENGTH,
  PARSED_REASON,
  PARSED_SERVICE,
  PARSED_SOURCE,
  PARSED_VERDICT,
  REASON_NONE,
  SOURCE_NONE,
  STAGE_FRAME_COUNT,
  VERDICT_DROP,
  VERDICT_FORWARD,
  VERDICT_REPLY,
} from './abi';
import { classify } from './classify';
import { ticksOf } from './clock';
import { conclude, countTraffic } from './counters';
import { descriptorsBase } from './layout';
import { chooseBackend, rememberFlow } from './lookup';
import { answerEcho } from './rewrite/echo';
import { checkOuterLength, encapsulate } from './rewrite/encapsulate';
import { backendAt, backendTraffic } from './table/backend';
import { serviceAt, serviceTraffic } from './table/service';

/** Runs the first `count` frames of the batch; every descriptor then has a verdict. */
export function muxProcess(count: u32, nowMs: u32): void {
  const now = ticksOf(nowMs);
  for (let first: u32 = 0; first < count; first += STAGE_FRAME_COUNT) {
    const frames = min<u32>(count - first, STAGE_FRAME_COUNT);
    const descriptors = descriptorsBase + first * DESCRIPTOR_BYTES;
    classifyStage(descriptors, frames);
    touchStage(frames);
    forwardStage(descriptors, frames, now);
  }
}

/**
 * Answers what would happen with frame `index` now, and changes nothing: no flow, no counter, no byte of the frame.
 * The answer is the first parsed record.
 */
export function muxExplain(index: u32, nowMs: u32): void {
  const parsed: usize = FIXED_PARSED;
  classify(descriptorsBase + index * DESCRIPTOR_BYTES, parsed);
  if (load<u8>(parsed, PARSED_VERDICT) != VERDICT_FORWARD) return;
  const isChosen = load<u8>(parsed, PARSED_SOURCE) != SOURCE_NONE;
  let reason = isChosen ? REASON_NONE : chooseBackend(parsed, ticksOf(nowMs));
  if (reason == REASON_NONE) reason = checkOuterLength(parsed);
  if (reason == REASON_NONE) return;
  store<u8>(parsed, VERDICT_DROP, PARSED_VERDICT);
  store<u8>(parsed, <u8>reason, PARSED_REASON);
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

/** @inline */
function forward(descriptor: usize, parsed: usize, now: u32): void {
  const verdict: u32 = load<u8>(parsed, PARSED_VERDICT);
  let reason: u32 = load<u8>(parsed, PARSED_REASON);
  if (verdict == VERDICT_FORWARD) {
    // A leased port names its backend by itself.
    if (load<u8>(parsed, PARSED_SOURCE) == SOURCE_NONE) {
      reason = chooseBackend(parsed, now);
      if (reason == REASON_NONE) rememberFlow(parsed, now);
    }
    if (reason == REASON_NONE) reason = checkOuterLength(parsed);
    if (reason == REASON_NONE) send(descriptor, parsed);
  } else if (verdict == VERDICT_REPLY) {
    answerEcho(descriptor, parsed);
  }
  const backend = load<u32>(parsed, PARSED_BACKEND);
  store<u32>(descriptor, load<u32>(parsed, PARSED_SERVICE), DESCRIPTOR_SERVICE);
  store<u32>(descriptor, backend, DESCRIPTOR_BACKEND);
  conclude(descriptor, reason == REASON_NONE ? verdict : VERDICT_DROP, reason);
}

function send(descriptor: usize, parsed: usize): void {
  const backend = backendAt(load<u32>(parsed, PARSED_BACKEND));
  encapsulate(descriptor, parsed, backend);
  const ipLength = load<u32>(parsed, PARSED_IP_LENGTH);
  countTraffic(backendTraffic(backend), ipLength);
  const service = load<u32>(parsed, PARSED_SERVICE);
  if (service != NO_INDEX) countTraffic(serviceTraffic(serviceAt(service)), ipLength);
}
