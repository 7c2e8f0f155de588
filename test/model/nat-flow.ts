/**
 * Connections of the local VMs as a host agent remembers them, in two maps: by what a packet of the VM shows, and, for
 * those that were given a leased port, by what a packet from outside shows.
 *
 * The maps forget nothing on their own. A flow that is idle for too long is dead: nobody sees it but the sweep.
 */

import { be32 } from '../support/bytes.js';
import { type IpPacket, TCP } from './ip.js';
import { type Signals, signalsOf } from './transport.js';

/** new: not answered yet; closing: a FIN was seen; reset: a RST. */
export type FlowState = 'new' | 'replied' | 'closing' | 'reset';

/** Who sent a packet of a flow. */
export type Side = 'vm' | 'remote';

/** An end of a connection; port 0 for protocols without ports, and for the remote end of a ping. */
export interface FlowEnd {
  readonly address: string;
  readonly port: number;
}

export interface NatFlow {
  /** Key of the NIC. */
  readonly nic: string;
  readonly protocol: number;
  readonly remote: FlowEnd;
  /** The VM's end, as the VM knows it. */
  readonly local: FlowEnd;
  /** The VM's end, as the world knows it. */
  readonly outside: FlowEnd;
  /** The VM began it, from a leased port. */
  readonly isOutbound: boolean;
  /** The remote end is the VM itself, behind its own VIP. */
  readonly isHairpin: boolean;
  readonly idleTicks: number;
  /** Both ends get a RST when it was idle for too long. */
  readonly tcpReset: boolean;
  state: FlowState;
  tick: number;
  /** The last acknowledgement number that each side sent. */
  readonly acknowledged: Record<Side, number>;
}

/** What a new flow is made of; the rest follows from its first packet. */
export type FlowOpening = Omit<NatFlow, 'state' | 'tick' | 'acknowledged'>;

/** A packet as a flow hears it. */
export interface Heard extends Signals {
  readonly from: Side;
  readonly tick: number;
  /** The acknowledgement number, where the ACK flag says that there is one. */
  readonly acknowledges: number | undefined;
}

export function heard(packet: IpPacket, from: Side, tick: number): Heard {
  const { protocol, upper } = packet;
  const acknowledges = protocol === TCP && (upper[13]! & ACK) !== 0 ? be32(upper, 8) : undefined;
  return { ...signalsOf(packet), from, tick, acknowledges };
}

const ACK = 0x10;

const CLOSING_TICKS = 60;
const RESET_TICKS = 4;

export class NatFlows {
  readonly #byVm = new Map<string, NatFlow>();
  readonly #byOutside = new Map<string, NatFlow>();

  /** The live flow a packet of a VM belongs to. */
  ofVm(nic: string, protocol: number, remote: FlowEnd, local: FlowEnd, tick: number): NatFlow | undefined {
    return live(this.#byVm.get(vmKey(nic, protocol, remote, local)), tick);
  }

  /** The live flow that has a leased port towards this remote end. */
  ofLease(protocol: number, remote: FlowEnd, outside: FlowEnd, tick: number): NatFlow | undefined {
    return live(this.#byOutside.get(outsideKey(protocol, remote, outside)), tick);
  }

  /** Remembers a flow by its first packet; those with one of its keys give way altogether. */
  begin(opening: FlowOpening, first: Heard): void {
    const flow: NatFlow = { ...opening, state: 'new', tick: first.tick, acknowledged: { vm: 0, remote: 0 } };
    touch(flow, first);
    const others = [this.#byVm.get(vmKeyOf(flow)), flow.isOutbound && this.#byOutside.get(outsideKeyOf(flow))];
    for (const other of others) if (other) this.forget(other);
    this.#byVm.set(vmKeyOf(flow), flow);
    if (flow.isOutbound) this.#byOutside.set(outsideKeyOf(flow), flow);
  }

  keepOnly(isKept: (flow: NatFlow) => boolean): void {
    for (const flow of this.#all()) {
      if (!isKept(flow)) this.forget(flow);
    }
  }

  /** Connections that died of idleness and whose rule says that both ends are told. */
  unheard(tick: number): NatFlow[] {
    return this.#all().filter(
      (flow) => flow.tcpReset && flow.protocol === TCP && flow.state === 'replied' && !isLive(flow, tick),
    );
  }

  forget(flow: NatFlow): void {
    if (this.#byVm.get(vmKeyOf(flow)) === flow) this.#byVm.delete(vmKeyOf(flow));
    if (this.#byOutside.get(outsideKeyOf(flow)) === flow) this.#byOutside.delete(outsideKeyOf(flow));
  }

  #all(): NatFlow[] {
    return [...new Set([...this.#byVm.values(), ...this.#byOutside.values()])];
  }
}

/** A packet of a live flow. */
export function touch(flow: NatFlow, packet: Heard): void {
  flow.state = stateAfter(flow, packet);
  flow.tick = packet.tick;
  if (packet.acknowledges !== undefined) flow.acknowledged[packet.from] = packet.acknowledges;
}

function stateAfter({ state, isOutbound }: NatFlow, { resets, finishes, opens, from }: Heard): FlowState {
  if (resets) return 'reset';
  if (finishes) return 'closing';
  const isAnswer = from === (isOutbound ? 'remote' : 'vm');
  const startsAgain = state === 'reset' || (state === 'closing' && opens);
  if (startsAgain) return isAnswer ? 'replied' : 'new';
  return state === 'new' && isAnswer ? 'replied' : state;
}

function live(flow: NatFlow | undefined, tick: number): NatFlow | undefined {
  return flow !== undefined && isLive(flow, tick) ? flow : undefined;
}

function isLive({ state, idleTicks, tick: seen }: NatFlow, tick: number): boolean {
  const most = { new: idleTicks, replied: idleTicks, closing: CLOSING_TICKS, reset: RESET_TICKS }[state];
  return tick - seen <= Math.min(idleTicks, most);
}

function vmKeyOf({ nic, protocol, remote, local }: NatFlow): string {
  return vmKey(nic, protocol, remote, local);
}

function outsideKeyOf({ protocol, remote, outside }: NatFlow): string {
  return outsideKey(protocol, remote, outside);
}

function vmKey(nic: string, protocol: number, remote: FlowEnd, local: FlowEnd): string {
  return [nic, protocol, remote.address, remote.port, local.address, local.port].join(' ');
}

function outsideKey(protocol: number, remote: FlowEnd, outside: FlowEnd): string {
  return [protocol, remote.address, remote.port, outside.address, outside.port].join(' ');
}
