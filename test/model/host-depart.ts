/**
 * A packet of a VM on its way out: an answer to a connection of a VIP, or a connection of the VM's own.
 */

import type { Nic, SnatRule } from '../../sdk/program/types.js';
import { be16 } from '../support/bytes.js';
import { isFirstFragment, isLaterFragment, type Receiver } from './datagrams.js';
import { drop, type Ending, PASS } from './ending.js';
import { isExempt } from './exemption.js';
import { errorFromVm, errorOfInstance, isError } from './host-errors.js';
import { type HostState, isUnmended, lifeOf, portless } from './host-state.js';
import { echoIdentifier, ICMP, icmpKind } from './icmp.js';
import { type IpPacket, TCP } from './ip.js';
import { clampMss, mssMax } from './mss.js';
import { type FlowEnd, heard, type NatFlow, touch } from './nat-flow.js';
import { type Change, rewrite } from './rewrite.js';
import { checkTransport, hasPorts } from './transport.js';

/** Where a VM's packet goes once it is translated: out, or back to the VM. */
export interface Departure {
  readonly to: Receiver;
  readonly packet: Uint8Array;
}

/**
 * Which of the free ports of a rule a new connection is given. Where a search begins is the data plane's own affair, so
 * whoever compares with one says what it chose. `portAt` is where the packet has its port.
 */
export type PortChoice = (free: readonly number[], portAt: number) => number;

interface Ends {
  readonly remote: FlowEnd;
  readonly local: FlowEnd;
}

export function depart(
  state: HostState,
  packet: IpPacket,
  nic: Nic,
  tick: number,
  choose: PortChoice,
): Departure | Ending {
  if (isUnmended(packet.protocol)) return PASS;
  if (isLaterFragment(packet)) return departLaterFragment(state, packet, nic, tick);
  if (isCutBeforeItsPorts(packet)) return PASS;
  const ends = endsOf(packet);
  const flow = ends && state.flows.ofVm(nic.key, packet.protocol, ends.remote, ends.local, tick);
  if (flow !== undefined) return answer(state, packet, nic, flow, tick);
  const aboutFlow = isError(packet) ? errorFromVm(state, packet, nic, tick) : undefined;
  if (aboutFlow !== undefined) return aboutFlow;
  if (isExempt(state.program, nic, packet.destination)) return PASS;
  const vip = state.instanceVip(nic, packet.source);
  if (vip !== undefined) return departFromInstance(state, packet, vip);
  return ends === undefined ? PASS : departFromLease(state, packet, nic, ends, tick, choose);
}

function departLaterFragment(state: HostState, packet: IpPacket, nic: Nic, tick: number): Departure | Ending {
  const fate = state.datagrams.fateOf('out', nic.key, packet, tick);
  if (fate !== undefined) return { to: fate.to, packet: rewrite(packet, fate.change) };
  if (isExempt(state.program, nic, packet.destination)) return PASS;
  const address = state.instanceVip(nic, packet.source);
  return address === undefined ? PASS : { to: 'gateway', packet: rewrite(packet, { source: { address } }) };
}

/** A packet of a live flow. */
function answer(state: HostState, packet: IpPacket, nic: Nic, flow: NatFlow, tick: number): Departure | Ending {
  const refused = checkTransport(packet);
  if (refused !== undefined) return refused;
  touch(flow, heard(packet, 'vm', tick));
  if (!flow.isHairpin) return leave(state, packet, nic, { source: flow.outside }, tick);
  // The other end is this VM too: it must see its VIP answer, under the address it asked from.
  const change = { source: flow.outside, destination: { address: flow.local.address, port: flow.remote.port } };
  if (isFirstFragment(packet)) {
    state.datagrams.record('out', nic.key, packet, { to: 'vm', change }, tick);
  }
  return { to: 'vm', packet: rewrite(packet, change) };
}

/** Stateless: every port of an instance-level public IP is the VM's. */
function departFromInstance(state: HostState, packet: IpPacket, vip: string): Departure | Ending {
  const refused = checkTransport(packet);
  if (refused !== undefined) return refused;
  const error = isError(packet) ? errorOfInstance(packet, vip) : undefined;
  const clamped = clampMss(packet, mssMax(state.program, packet.family));
  return { to: 'gateway', packet: error ?? rewrite(clamped, { source: { address: vip } }) };
}

/** A connection of the VM's own, from a port that is leased to it. */
function departFromLease(
  state: HostState,
  packet: IpPacket,
  nic: Nic,
  ends: Ends,
  tick: number,
  choose: PortChoice,
): Departure | Ending {
  const { protocol, source } = packet;
  const isPing = protocol === ICMP[packet.family];
  if (!hasPorts(protocol) && !isPing) return PASS;
  const rules = state
    .snatRulesOf(nic)
    .filter((rule) => rule.dip === source && (rule.protocol === 0 || rule.protocol === protocol));
  if (rules.length === 0) return PASS;
  const refused = checkTransport(packet);
  if (refused !== undefined) return refused;
  const first = heard(packet, 'vm', tick);
  if (protocol === TCP && !first.opens) return drop('snat-unknown');

  for (const rule of rules) {
    const free = leasedPorts(rule).filter(
      (port) => state.flows.ofLease(protocol, ends.remote, { address: rule.vip, port }, tick) === undefined,
    );
    if (free.length === 0) continue;
    const port = choose(free, packet.upperAt + (isPing ? 4 : 0));
    const outside = { address: rule.vip, port };
    const flow = { nic: nic.key, protocol, ...ends, outside, isOutbound: true, isHairpin: false, ...lifeOf(rule) };
    state.flows.begin(flow, first);
    return leave(state, packet, nic, { source: outside }, tick);
  }
  return drop('snat-exhausted');
}

function leasedPorts({ ranges }: SnatRule): number[] {
  return ranges.flatMap(({ firstPort, portCount }) =>
    Array.from({ length: portCount }, (_, index) => firstPort + index),
  );
}

/** Out of the fabric, with segments small enough to come back. */
function leave(state: HostState, packet: IpPacket, nic: Nic, change: Change, tick: number): Departure {
  if (isFirstFragment(packet)) {
    state.datagrams.record('out', nic.key, packet, { to: 'gateway', change }, tick);
  }
  return { to: 'gateway', packet: rewrite(clampMss(packet, mssMax(state.program, packet.family)), change) };
}

/** Nobody knows whose such a packet is. */
function isCutBeforeItsPorts({ family, protocol, upper, fragment }: IpPacket): boolean {
  return (hasPorts(protocol) || (protocol === ICMP[family] && fragment === undefined)) && upper.length < 8;
}

/** The two ends a flow would have; `undefined` for ICMP that is no ping. */
function endsOf(packet: IpPacket): Ends | undefined {
  const { family, protocol, source, destination, upper, fragment } = packet;
  if (hasPorts(protocol)) {
    return { remote: { address: destination, port: be16(upper, 2) }, local: { address: source, port: be16(upper, 0) } };
  }
  if (protocol !== ICMP[family]) return { remote: portless(destination), local: portless(source) };
  if (fragment !== undefined || icmpKind(family, upper) !== 'echo request') return undefined;
  return { remote: portless(destination), local: { address: source, port: echoIdentifier(upper) } };
}
