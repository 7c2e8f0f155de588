/** What the packets of a NAT flow do to it: its clock, its state, and what its ends have acknowledged. */
import {
  NAT_FLOW_CLOSING,
  NAT_FLOW_FLAG_TCP_RESET,
  NAT_FLOW_FLAGS,
  NAT_FLOW_LOCAL_ACK,
  NAT_FLOW_NEW,
  NAT_FLOW_REMOTE_ACK,
  NAT_FLOW_REPLIED,
  NAT_FLOW_RESET,
  NAT_FLOW_STATE,
  NAT_FLOW_TICKS,
} from './abi';
import { acknowledges, endsConnection, opensConnection, resetsConnection, tcpAcknowledgment } from './wire/tcp';

/** A packet without TCP flags used the flow; `answers`: it comes from the end that was called. @inline */
export function touchNatFlow(flow: usize, answers: bool, now: u32): void {
  store<u32>(flow, now, NAT_FLOW_TICKS);
  if (answers && load<u8>(flow, NAT_FLOW_STATE) != NAT_FLOW_REPLIED) store<u8>(flow, NAT_FLOW_REPLIED, NAT_FLOW_STATE);
}

/**
 * A TCP segment used the flow.
 *
 * FIN of either end leaves it a minute, RST a few seconds, and a SYN behind FIN begins anew. A segment behind a RST shows
 * that its receiver did not obey (RFC 5961): the flow lives on.
 *
 * @param flags TCP flags
 * @param answers it comes from the end that was called
 *
 * @inline
 */
export function touchTcpFlow(flow: usize, flags: u32, answers: bool, now: u32): void {
  store<u32>(flow, now, NAT_FLOW_TICKS);
  const state: u32 = load<u8>(flow, NAT_FLOW_STATE);
  if (state != NAT_FLOW_REPLIED || endsConnection(flags)) changeState(flow, state, flags, answers);
}

function changeState(flow: usize, state: u32, flags: u32, answers: bool): void {
  let next = state;
  if (resetsConnection(flags)) next = NAT_FLOW_RESET;
  else if (endsConnection(flags)) next = NAT_FLOW_CLOSING;
  else if (state != NAT_FLOW_CLOSING || opensConnection(flags)) {
    if (answers) next = NAT_FLOW_REPLIED;
    else if (state != NAT_FLOW_REPLIED) next = NAT_FLOW_NEW;
  }
  store<u8>(flow, <u8>next, NAT_FLOW_STATE);
}

/** Keeps the acknowledgment number of a segment, where the rule resets connections that were idle for too long. @inline */
export function noteAcknowledgment(flow: usize, tcp: usize, flags: u32, isFromVm: bool): void {
  if ((load<u8>(flow, NAT_FLOW_FLAGS) & NAT_FLOW_FLAG_TCP_RESET) != 0) keepAcknowledgment(flow, tcp, flags, isFromVm);
}

function keepAcknowledgment(flow: usize, tcp: usize, flags: u32, isFromVm: bool): void {
  if (!acknowledges(flags)) return;
  if (isFromVm) store<u32>(flow, tcpAcknowledgment(tcp), NAT_FLOW_LOCAL_ACK);
  else store<u32>(flow, tcpAcknowledgment(tcp), NAT_FLOW_REMOTE_ACK);
}
