/**
 * Takes connections that were idle for too long out of the NAT flow table, a part of it per tick, so that every bucket is
 * visited twice a minute. Where the rule asks for it ("TCP reset on idle"), both ends of a TCP connection are told: else the
 * one that speaks next would wait for an answer until it gives up.
 *
 *   to the VM       | remote → DIP | RST, ACK |     deliver
 *   to the remote   | VIP → remote | RST, ACK |     reply; deliver, when the remote end is the VM itself
 *
 * What is sent takes free slots behind the frames of the batch. Without one the sweep stops where it is, and goes on with
 * the next call.
 */
import {
  CONFIG_GATEWAY_KNOWN,
  CONFIG_GATEWAY_MAC,
  COUNTER_NAT_FLOW_EXPIRED,
  COUNTER_RESETS_SENT,
  FIXED_CONFIG,
  NAT_FLOW_BUCKET_BYTES,
  NAT_FLOW_BYTES,
  NAT_FLOW_FLAG_HAIRPIN,
  NAT_FLOW_FLAG_TCP_RESET,
  NAT_FLOW_FLAG_TOLD,
  NAT_FLOW_REPLIED,
  VERDICT_DELIVER,
  VERDICT_REPLY,
} from './abi';
import { ticksBetween } from './clock';
import { count } from './counters';
import { natFlowsBase, natFlowsMask } from './layout';
import { freeSlot, hasFreeSlots, produce } from './produce';
import { configuredTag, localMac } from './rewrite/frame';
import { writeReset } from './rewrite/reset';
import {
  isOutside,
  natFlowFamily,
  natFlowIsLive,
  natFlowLocalPort,
  natFlowNic,
  natFlowProtocol,
  natFlowState,
  natFlowTwin,
  natFlowVipPort,
} from './table/nat-flow';
import {
  flagNatFlow,
  natFlowFlags,
  natFlowLocalAck,
  natFlowLocalAddress,
  natFlowRemoteAck,
  natFlowRemoteAddress,
  natFlowRemotePort,
  natFlowVipAddress,
} from './table/nat-flow-ends';
import { forgetNatFlow, isTaken } from './table/nat-flow-room';
import { findNicByIndex, nicMac } from './table/nic';
import { macAt, writeEthernetBefore } from './wire/ethernet';
import { PROTOCOL_TCP } from './wire/tcp';

/** In so many ticks the sweep visits every bucket: soon enough for whoever waits for a RST, and 1 MB of a default table. */
const SWEEP_TICKS: u32 = 32;
const NO_TAG: u32 = 0;

let isStarted = false;
let sweptTicks: u32 = 0;
let nextBucket: u32 = 0;
let dueBuckets: u32 = 0;

/** To be called with every batch; works once per tick, and goes on where it had to stop. */
export function sweepNatFlows(now: u32): void {
  if (now != sweptTicks || !isStarted) addDue(now);
  while (dueBuckets > 0 && sweepBucket(natFlowsBase + nextBucket * NAT_FLOW_BUCKET_BYTES, now)) {
    nextBucket = (nextBucket + 1) & natFlowsMask;
    dueBuckets--;
  }
}

function addDue(now: u32): void {
  // The epoch is the caller's: the first tick says nothing of how much time has passed.
  const passed = isStarted ? ticksBetween(sweptTicks, now) : 0;
  isStarted = true;
  sweptTicks = now;
  if (passed <= 0) return;
  const bucketCount = natFlowsMask + 1;
  const perTick = max<u32>(bucketCount / SWEEP_TICKS, 1);
  dueBuckets = <u32>min<u64>(<u64>passed * perTick + dueBuckets, bucketCount);
}

/** Whether it could be swept to its end. */
function sweepBucket(bucket: usize, now: u32): bool {
  for (let flow = bucket; flow < bucket + NAT_FLOW_BUCKET_BYTES; flow += NAT_FLOW_BYTES) {
    // The outside entry of an outbound connection goes with the other one, which knows whom to tell.
    if (!isTaken(flow) || (isOutside(flow) && natFlowTwin(flow) != 0) || natFlowIsLive(flow, now)) continue;
    if (owesReset(flow) && !tellBothEnds(flow)) return false;
    count(COUNTER_NAT_FLOW_EXPIRED);
    forgetNatFlow(flow);
  }
  return true;
}

function owesReset(flow: usize): bool {
  return (
    (natFlowFlags(flow) & NAT_FLOW_FLAG_TCP_RESET) != 0 &&
    natFlowProtocol(flow) == PROTOCOL_TCP &&
    natFlowState(flow) == NAT_FLOW_REPLIED
  );
}

/** Whether there were free slots; the first of two frames leaves a note, so that it is not sent twice. */
function tellBothEnds(flow: usize): bool {
  const nic = findNicByIndex(natFlowNic(flow));
  if (nic == 0) return true;
  const mac = nicMac(nic);
  if ((natFlowFlags(flow) & NAT_FLOW_FLAG_TOLD) == 0) {
    if (!hasFreeSlots(1)) return false;
    tellVm(flow, mac);
    flagNatFlow(flow, NAT_FLOW_FLAG_TOLD);
  }
  const isHairpin = (natFlowFlags(flow) & NAT_FLOW_FLAG_HAIRPIN) != 0;
  if (!isHairpin && load<u8>(FIXED_CONFIG + CONFIG_GATEWAY_KNOWN) == 0) return true;
  if (!hasFreeSlots(1)) return false;
  tellRemote(flow, isHairpin, mac);
  return true;
}

function tellVm(flow: usize, mac: u64): void {
  const ip = freeSlot();
  const ports = natFlowRemotePort(flow) | (natFlowLocalPort(flow) << 16);
  const source = natFlowRemoteAddress(flow);
  const destination = natFlowLocalAddress(flow);
  writeReset(ip, natFlowFamily(flow), source, destination, ports, natFlowLocalAck(flow), natFlowRemoteAck(flow));
  produce(VERDICT_DELIVER, writeEthernetBefore(ip, mac, localMac(), NO_TAG, NO_TAG), ip);
  count(COUNTER_RESETS_SENT);
}

/** The remote end of a hairpin is the VM, under its own address. */
function tellRemote(flow: usize, isHairpin: bool, vmMac: u64): void {
  const ip = freeSlot();
  const ports = natFlowVipPort(flow) | (natFlowRemotePort(flow) << 16);
  const source = natFlowVipAddress(flow);
  const destination = isHairpin ? natFlowLocalAddress(flow) : natFlowRemoteAddress(flow);
  writeReset(ip, natFlowFamily(flow), source, destination, ports, natFlowRemoteAck(flow), natFlowLocalAck(flow));
  if (isHairpin) {
    produce(VERDICT_DELIVER, writeEthernetBefore(ip, vmMac, localMac(), NO_TAG, NO_TAG), ip);
  } else {
    const gateway = macAt(FIXED_CONFIG + CONFIG_GATEWAY_MAC);
    produce(VERDICT_REPLY, writeEthernetBefore(ip, gateway, localMac(), configuredTag(), NO_TAG), ip);
  }
  count(COUNTER_RESETS_SENT);
}
