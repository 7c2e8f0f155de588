/**
 * A packet that came for a VIP, on its way into a VM: which connection it belongs to, and what the VM gets to see.
 */

import type { Nic, Translation } from '../../sdk/program/types.js';
import { be16 } from '../support/bytes.js';
import { isFirstFragment, isLaterFragment } from './datagrams.js';
import { drop, type Ending, isEnding } from './ending.js';
import { deliverError } from './host-errors.js';
import { type HostState, isUnmended, lifeOf, portless } from './host-state.js';
import { checkIcmp, echoIdentifier, ICMP, icmpKind } from './icmp.js';
import { type IpPacket, TCP } from './ip.js';
import { mostSpecific } from './lookup.js';
import { type FlowEnd, heard, touch } from './nat-flow.js';
import { type Change, rewrite } from './rewrite.js';
import { checkTransport, hasPorts } from './transport.js';

/** What a VM gets. */
export interface Delivery {
  readonly packet: Uint8Array;
  /** What the rest of a datagram is to share with its first fragment. */
  readonly change?: Change;
}

/** The packet as the VM gets it. `packet.destination` has a translation or an outbound rule on this NIC. */
export function deliver(state: HostState, packet: IpPacket, nic: Nic, tick: number): Delivery | Ending {
  const { family, protocol } = packet;
  if (isUnmended(protocol)) return drop('protocol');
  if (isLaterFragment(packet)) return deliverLaterFragment(state, packet, nic, tick);
  if (protocol === ICMP[family]) return deliverIcmp(state, packet, nic, tick);
  const change = hasPorts(protocol)
    ? changeOfTransport(state, packet, nic, tick)
    : changeOfOther(state, packet, nic, tick);
  return isEnding(change) ? change : { packet: rewrite(packet, change), change };
}

function deliverLaterFragment(state: HostState, packet: IpPacket, nic: Nic, tick: number): Delivery | Ending {
  const fate = state.datagrams.fateOf('in', nic.key, packet, tick);
  if (fate !== undefined) return { packet: rewrite(packet, fate.change) };
  const dip = state.instanceDip(nic, packet.destination);
  return dip === undefined ? drop('fragment') : { packet: rewrite(packet, { destination: { address: dip } }) };
}

/** Whole messages and first fragments. */
function deliverIcmp(state: HostState, packet: IpPacket, nic: Nic, tick: number): Delivery | Ending {
  const { family, protocol, source, destination: vip, upper } = packet;
  const dip = state.instanceDip(nic, vip);
  const toInstance = (address: string): Delivery => ({ packet: rewrite(packet, { destination: { address } }) });
  if (isFirstFragment(packet)) return dip === undefined ? drop('fragment') : toInstance(dip);
  const refused = checkIcmp(packet);
  if (refused !== undefined) return refused;
  const kind = icmpKind(family, upper);
  if (kind === 'error') return deliverError(state, packet, nic, tick);
  if (dip !== undefined) return toInstance(dip);
  if (kind !== 'echo reply') return drop('protocol');
  const outside = { address: vip, port: echoIdentifier(upper) };
  const flow = state.leaseOf(nic, protocol, portless(source), outside, tick);
  if (flow === undefined) return unknown(state, nic, vip);
  touch(flow, heard(packet, 'remote', tick));
  return { packet: rewrite(packet, { destination: flow.local }) };
}

function changeOfTransport(state: HostState, packet: IpPacket, nic: Nic, tick: number): Change | Ending {
  const refused = checkTransport(packet);
  if (refused !== undefined) return refused;
  const { protocol, upper } = packet;
  const remote = { address: packet.source, port: be16(upper, 0) };
  const outside = { address: packet.destination, port: be16(upper, 2) };
  const translation = mostSpecific(state.translationsOf(nic), outside.address, protocol, outside.port);
  if (translation !== undefined) return inbound(state, packet, nic, translation, remote, outside, tick);
  const flow = state.leaseOf(nic, protocol, remote, outside, tick);
  if (flow === undefined) return unknown(state, nic, outside.address);
  touch(flow, heard(packet, 'remote', tick));
  return { destination: flow.local };
}

function changeOfOther(state: HostState, packet: IpPacket, nic: Nic, tick: number): Change | Ending {
  const { protocol, source, destination: vip } = packet;
  const translation = mostSpecific(state.translationsOf(nic), vip, protocol, 0);
  if (translation === undefined) return drop('protocol');
  return inbound(state, packet, nic, translation, portless(source), portless(vip), tick);
}

/** Remembers the client, and says what its packet looks like to the VM. */
function inbound(
  { flows }: HostState,
  packet: IpPacket,
  nic: Nic,
  translation: Translation,
  client: FlowEnd,
  outside: FlowEnd,
  tick: number,
): Change | Ending {
  const { protocol } = packet;
  const local = {
    address: translation.floatingIp ? outside.address : translation.dip,
    port: hasPorts(protocol) ? translation.backendPort || outside.port : 0,
  };
  // A VM that talks to its own VIP: with its own address as the source it would answer itself, past us.
  const isHairpin = client.address === local.address;
  const remote = isHairpin ? { address: outside.address, port: client.port } : client;

  const first = heard(packet, 'remote', tick);
  const flow = flows.ofVm(nic.key, protocol, remote, local, tick);
  if (flow !== undefined && isSame(flow.outside, outside)) {
    touch(flow, first);
  } else if (flow !== undefined && protocol === TCP && !first.opens) {
    return drop('nat-conflict');
  } else {
    const ends = { remote, local, outside };
    flows.begin({ nic: nic.key, protocol, ...ends, isOutbound: false, isHairpin, ...lifeOf(translation) }, first);
  }
  return isHairpin ? { source: remote, destination: local } : { destination: local };
}

function unknown(state: HostState, nic: Nic, vip: string): Ending {
  return drop(state.snatRulesOf(nic).some((rule) => rule.vip === vip) ? 'snat-unknown' : 'no-rule');
}

function isSame(a: FlowEnd, b: FlowEnd): boolean {
  return a.address === b.address && a.port === b.port;
}
