/** What explain wants to know beside the decision: the packet it was made for. Fields in abi.ts. */
import {
  DECISION_AGE,
  DECISION_BYTES,
  DECISION_FAMILY,
  DECISION_FROM_VM,
  DECISION_IP,
  DECISION_L4,
  DECISION_NIC,
  DECISION_PROTOCOL,
  DECISION_REASON,
  DECISION_VERDICT,
  DECISION_VNI,
  FIXED_DECISION,
  NO_INDEX,
} from './abi';
import { decidedFlow } from './host-decision';
import {
  FRAGMENT_LATER,
  packetFamily,
  packetFragment,
  packetIp,
  packetL4,
  packetL4Bytes,
  packetNic,
  packetProtocol,
} from './host-packet';
import { natFlowAge } from './table/nat-flow';

/** Of a UDP header and of any ICMP message; ports lie in front of that. */
const L4_BYTES_MIN: u32 = 8;

/** An empty decision about a packet of a VM or of the underlay. */
export function beginExplanation(isFromVm: bool): void {
  memory.fill(FIXED_DECISION, 0, DECISION_BYTES);
  store<u32>(FIXED_DECISION, NO_INDEX, DECISION_VNI);
  store<u8>(FIXED_DECISION, isFromVm ? 1 : 0, DECISION_FROM_VM);
}

/** @param packet a record that was all zeros before the packet was read */
export function completeExplanation(packet: usize, verdict: u32, reason: u32, now: u32): void {
  store<u8>(FIXED_DECISION, <u8>verdict, DECISION_VERDICT);
  store<u8>(FIXED_DECISION, <u8>reason, DECISION_REASON);
  const flow = decidedFlow();
  if (flow != 0) store<u32>(FIXED_DECISION, natFlowAge(flow, now), DECISION_AGE);
  const family = packetFamily(packet);
  store<u8>(FIXED_DECISION, <u8>family, DECISION_FAMILY);
  if (family == 0) return;
  store<u8>(FIXED_DECISION, <u8>packetProtocol(packet), DECISION_PROTOCOL);
  store<u16>(FIXED_DECISION, <u16>packetNic(packet), DECISION_NIC);
  store<u32>(FIXED_DECISION, <u32>packetIp(packet), DECISION_IP);
  const hasL4 = packetFragment(packet) != FRAGMENT_LATER && packetL4Bytes(packet) >= L4_BYTES_MIN;
  if (hasL4) store<u32>(FIXED_DECISION, <u32>packetL4(packet), DECISION_L4);
}
