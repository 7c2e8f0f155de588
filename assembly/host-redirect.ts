/**
 * Host agent: a MUX says where the other end of a connection lives (wire/redirect.ts).
 *
 * It is obeyed when it comes from the provider address of a MUX, bears the tag that only MUXes and hosts of the fabric can
 * make, is about a connection of a VM that is here, and leads to a host of the fabric. What a VM sends never comes here.
 */
import {
  ACTION_REDIRECT,
  COUNTER_REDIRECTS_OBEYED,
  FIXED_STATE,
  NAT_FLOW_FLAG_HAIRPIN,
  NAT_FLOW_KIND_OUTSIDE,
  NAT_FLOW_KIND_VM,
  NAT_FLOW_REPLIED,
  PARSED_FAMILY,
  PARSED_IP,
  PEER_HOST,
  PEER_MUX,
  REASON_REDIRECT,
  STATE_QUOTED_KEY,
  VERDICT_CONSUME,
} from './abi';
import { count } from './counters';
import { decide, decidedAddress, decidedFlow, decidedRule, decideFlow, decideRule } from './host-decision';
import { dropFor, OUTCOME_CONTINUE } from './parse';
import { addressWord } from './table/address';
import { writeFastpath } from './table/fastpath';
import {
  findNatFlow,
  natFlowIsLive,
  natFlowState,
  natFlowTwin,
  natFlowVip,
  natFlowVipPort,
  writeNatKeyEnds,
  writeNatKeyOwner,
  writeNatKeyRemote,
} from './table/nat-flow';
import { natFlowFlags } from './table/nat-flow-ends';
import { findNic, nicIndex } from './table/nic';
import { findPeer } from './table/peer';
import { findAnyTranslation, findTranslation, translatedAddress, translatedPort } from './table/translation';
import { macAt } from './wire/ethernet';
import { ipv4SourceAt } from './wire/ipv4';
import { ipv6Source } from './wire/ipv6';
import {
  carriesRedirect,
  isRedirect,
  redirectClient,
  redirectFamily,
  redirectOwnMac,
  redirectPeerAddress,
  redirectPeerFamily,
  redirectPeerMac,
  redirectPorts,
  redirectSide,
  redirectVip,
  redirectVni,
  SIDE_CALLER,
} from './wire/redirect';
import { PROTOCOL_TCP } from './wire/tcp';
import { UDP_BYTES } from './wire/udp';

const KEY: usize = FIXED_STATE + STATE_QUOTED_KEY;
const NO_PORT: u32 = 0;

/** A datagram for the port of redirects; answers with an outcome, and where it is OUTCOME_CONTINUE with a decision. */
export function fromMux(packet: usize, udp: usize, segmentBytes: u32, now: u32): u32 {
  if (!isFromMux(packet) || !carriesRedirect(udp, segmentBytes)) return dropFor(REASON_REDIRECT);
  const message = udp + UDP_BYTES;
  if (!isRedirect(message)) return dropFor(REASON_REDIRECT);
  const flow = findToldFlow(message, now);
  const peer = findPeer(redirectPeerAddress(message), redirectPeerFamily(message), PEER_HOST);
  if (flow == 0 || peer == 0) return dropFor(REASON_REDIRECT);
  decide(ACTION_REDIRECT, <u32>message, NO_PORT);
  decideFlow(flow);
  decideRule(peer);
  return OUTCOME_CONTINUE;
}

/** Does what fromMux has decided. */
export function obeyRedirect(now: u32): u32 {
  const message: usize = decidedAddress();
  writeFastpath(decidedFlow(), decidedRule(), redirectVni(message), macAt(redirectPeerMac(message)), now);
  count(COUNTER_REDIRECTS_OBEYED);
  return VERDICT_CONSUME;
}

function isFromMux(packet: usize): bool {
  const ip: usize = load<u32>(packet, PARSED_IP);
  const family: u32 = load<u8>(packet, PARSED_FAMILY);
  return findPeer(family == 6 ? ipv6Source(ip) : ipv4SourceAt(ip), family, PEER_MUX) != 0;
}

/** The flow by which packets of the VM leave that the message is about, alive and neither closing nor reset; else 0. */
function findToldFlow(message: usize, now: u32): usize {
  const nic = findNic(macAt(redirectOwnMac(message)));
  if (nic == 0) return 0;
  const isCaller = redirectSide(message) == SIDE_CALLER;
  const flow = isCaller ? findCalling(message, nicIndex(nic), now) : findAnswering(message, nicIndex(nic), now);
  if (flow == 0 || natFlowState(flow) > <u32>NAT_FLOW_REPLIED) return 0;
  return (natFlowFlags(flow) & NAT_FLOW_FLAG_HAIRPIN) == 0 ? flow : 0;
}

/** The VM calls: from a leased port, or from an address of its own, for which the first answer has left a flow. */
function findCalling(message: usize, nic: u32, now: u32): usize {
  const family = redirectFamily(message);
  const clientPort = redirectPorts(message) & 0xffff;
  const vipPort = redirectPorts(message) >>> 16;
  const client = wordOf(redirectClient(message), family);
  const vip = redirectVip(message);
  writeNatKeyRemote(KEY, load<u64>(vip), load<u64>(vip, 8));
  const outside = findLive(nic, family | NAT_FLOW_KIND_OUTSIDE, client, vipPort, clientPort, now);
  if (outside != 0) return natFlowTwin(outside);
  return findAnsweredAs(nic, family, client, clientPort, vipPort, now);
}

/** The VM is called. */
function findAnswering(message: usize, nic: u32, now: u32): usize {
  const family = redirectFamily(message);
  const client = redirectClient(message);
  writeNatKeyRemote(KEY, load<u64>(client), load<u64>(client, 8));
  const ports = redirectPorts(message);
  return findAnsweredAs(nic, family, wordOf(redirectVip(message), family), ports >>> 16, ports & 0xffff, now);
}

/** The flow by which a VM answers as `vip`; KEY has the remote address. */
function findAnsweredAs(nic: u32, family: u32, vip: u32, vipPort: u32, remotePort: u32, now: u32): usize {
  let translation = findTranslation(nic, vip, family, PROTOCOL_TCP, vipPort);
  if (translation == 0) translation = findAnyTranslation(nic, vip, family, PROTOCOL_TCP);
  if (translation == 0) return 0;
  const dip = translatedAddress(translation, vip);
  const dipPort = translatedPort(translation, vipPort);
  const flow = findLive(nic, family | NAT_FLOW_KIND_VM, dip, remotePort, dipPort, now);
  return flow != 0 && natFlowVip(flow) == vip && natFlowVipPort(flow) == vipPort ? flow : 0;
}

function findLive(nic: u32, kind: u32, local: u32, remotePort: u32, localPort: u32, now: u32): usize {
  writeNatKeyEnds(KEY, local, remotePort | (localPort << 16));
  writeNatKeyOwner(KEY, nic, PROTOCOL_TCP, kind);
  const flow = findNatFlow(KEY);
  return flow != 0 && natFlowIsLive(flow, now) ? flow : 0;
}

/** What stands for an address in keys; no key has 0. */
function wordOf(address: usize, family: u32): u32 {
  return family == 6 ? addressWord(address) : load<u32>(address);
}
