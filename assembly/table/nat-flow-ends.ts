/** The ends of a NAT flow as packets show them, and what was heard of them: for packets of our own. No outside entries. */
import {
  NAT_FLOW_FLAGS,
  NAT_FLOW_LOCAL_ACK,
  NAT_FLOW_LOCAL_ADDRESS,
  NAT_FLOW_REMOTE_ACK,
  NAT_FLOW_REMOTE_ADDRESS,
  NAT_FLOW_REMOTE_PORT,
  NAT_FLOW_VIP,
} from '../abi';
import { addressValue } from './address-value';
import { natFlowFamily } from './nat-flow';

/** Where the 4 or 16 bytes of the remote address lie. */
export function natFlowRemoteAddress(flow: usize): usize {
  return flow + NAT_FLOW_REMOTE_ADDRESS;
}

/** Where those of the VM's address lie. */
export function natFlowLocalAddress(flow: usize): usize {
  return addressIn(flow, NAT_FLOW_LOCAL_ADDRESS);
}

/** Where those of the VIP lie. */
export function natFlowVipAddress(flow: usize): usize {
  return addressIn(flow, NAT_FLOW_VIP);
}

export function natFlowRemotePort(flow: usize): u32 {
  return load<u16>(flow, NAT_FLOW_REMOTE_PORT);
}

/** The last acknowledgment number of the remote end, net; 0 when it has sent none. */
export function natFlowRemoteAck(flow: usize): u32 {
  return load<u32>(flow, NAT_FLOW_REMOTE_ACK);
}

/** The same of the VM. */
export function natFlowLocalAck(flow: usize): u32 {
  return load<u32>(flow, NAT_FLOW_LOCAL_ACK);
}

/** NAT_FLOW_FLAG_… */
export function natFlowFlags(flow: usize): u32 {
  return load<u8>(flow, NAT_FLOW_FLAGS);
}

/** Adds a flag. */
export function flagNatFlow(flow: usize, flag: u32): void {
  store<u8>(flow, <u8>(natFlowFlags(flow) | flag), NAT_FLOW_FLAGS);
}

/** An IPv4 address lies in the flow itself, of an IPv6 address the word that stands for it. */
function addressIn(flow: usize, field: usize): usize {
  return natFlowFamily(flow) == 6 ? addressValue(load<u32>(flow + field)) : flow + field;
}
