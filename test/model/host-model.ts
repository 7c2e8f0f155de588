/**
 * What a host agent does with a frame, slowly and obviously: a tunnel of the MUX becomes a packet for a VM, the VM's
 * answer becomes a packet of the VIP, and the VM's own connections leave from ports that are leased to it. The tables
 * are Maps and forget nothing on their own.
 */

import type { HostProgram, Nic } from '../../sdk/program/types.js';
import { be16, concat, macBytes, macText } from '../support/bytes.js';
import type { Link } from '../support/checksum.js';
import { tickOf } from './clock.js';
import { isFirstFragment } from './datagrams.js';
import { decapsulateEcn } from './ecn.js';
import { drop, isEnding, PASS } from './ending.js';
import { deliver } from './host-deliver.js';
import { depart, type PortChoice } from './host-depart.js';
import { HostState } from './host-state.js';
import { checkHeader, checkStart, destinationOf, takeApart } from './ip.js';
import { ethernetHeader, isVlanType, openLink, outgoingTag } from './link.js';
import type { NatFlow } from './nat-flow.js';
import { type ProducedFrame, resetFrames } from './reset-frames.js';
import { openTunnel, type Tunnelled } from './tunnel.js';

/** Where a frame came from; `shared` is a capture of both, told apart by the source MAC address. */
export type Port = 'underlay' | 'vm' | 'shared';

export interface HostResult {
  readonly verdict: 'pass' | 'drop' | 'deliver' | 'reply';
  readonly reason?: string;
  readonly bytes?: Uint8Array;
  /** Key of the NIC the packet is for or from. */
  readonly nic?: string;
}

const FAMILY = new Map([
  [0x0800, 4],
  [0x86dd, 6],
] as const);

export class HostModel {
  readonly #state: HostState;
  /** What one end of a connection has not been told yet, when the other one has. */
  #owed: ProducedFrame[] = [];

  constructor(program: HostProgram) {
    this.#state = new HostState(program);
  }

  program(next: HostProgram): void {
    this.#state.change(next);
  }

  /** `produced` is what a data plane made of the frame: the model takes the leased port it chose, if it was free. */
  process(frame: Uint8Array, link: Link, port: Port, nowMs: number, produced?: Uint8Array): HostResult {
    const isFromVm =
      port === 'vm' ||
      (port === 'shared' &&
        link === 'ethernet' &&
        frame.length >= 14 &&
        this.#state.nicOf(macText(frame, 6)) !== undefined);
    return isFromVm
      ? this.#fromVm(frame, link, tickOf(nowMs), produced)
      : this.#fromUnderlay(frame, link, tickOf(nowMs));
  }

  /** Frames for the ends of connections that died of idleness, those of one connection together; a sweep sends each once. */
  resetsDue(nowMs: number): ProducedFrame[][] {
    return [...this.#dueResets(nowMs).values()];
  }

  /**
   * The frames of one sweep of the tables: it comes to the dead connections in its own order and not to all of them, so
   * the model follows what a data plane produced, as long as that was due. Connections that were told are gone; when a
   * batch has room for one end only, the other end is told at the beginning of the next sweep.
   */
  resetsLike(produced: readonly { readonly bytes?: Uint8Array | undefined }[], nowMs: number): ProducedFrame[] {
    if (produced.length === 0) return [];
    const due = this.#dueResets(nowMs);
    const sent = this.#owed.filter(({ bytes }) => isSameBytes(bytes, produced[0]!.bytes));
    while (sent.length < produced.length) {
      const next = [...due].find(([, frames]) => isSameBytes(frames[0]!.bytes, produced[sent.length]!.bytes));
      if (next === undefined) break;
      const [flow, frames] = next;
      this.#state.flows.forget(flow);
      due.delete(flow);
      sent.push(...frames);
    }
    this.#owed = sent.splice(produced.length);
    return sent;
  }

  #dueResets(nowMs: number): Map<NatFlow, ProducedFrame[]> {
    const { flows, program } = this.#state;
    return new Map(
      flows.unheard(tickOf(nowMs)).map((flow) => {
        const nic = program.nics.find(({ key }) => key === flow.nic) as Nic;
        return [flow, resetFrames(flow, nic, program.attachment)];
      }),
    );
  }

  #fromUnderlay(frame: Uint8Array, link: Link, tick: number): HostResult {
    const { attachment, encapsulation = 'vxlan' } = this.#state.program;
    const tunnelled = openTunnel(frame, link, attachment, encapsulation);
    return isEnding(tunnelled) ? tunnelled : this.#fromTunnel(tunnelled, link, tick);
  }

  #fromTunnel({ frame, vni, trafficClass }: Tunnelled, link: Link, tick: number): HostResult {
    const state = this.#state;
    if (frame.length < 14) return drop('inner-truncated');
    const type = be16(frame, 12);
    if (isVlanType(type)) return drop('inner-vlan');
    const family = FAMILY.get(type as 0x0800);
    if (family === undefined) return PASS;
    const nic = state.nicOf(macText(frame, 0));
    if (nic === undefined) return drop('nic-unknown');
    if (nic.vni !== vni) return drop('vni-mismatch');

    const bytes = frame.subarray(14);
    const malformed = checkStart(family, bytes);
    if (malformed !== undefined) return malformed;
    const ours = [...state.translationsOf(nic), ...state.snatRulesOf(nic)];
    if (!ours.some(({ vip }) => vip === destinationOf(family, bytes))) return PASS;
    const packet = checkHeader(family, bytes) ?? takeApart(family, bytes);
    if (isEnding(packet)) return packet;
    const delivery = deliver(state, packet, nic, tick);
    if (isEnding(delivery)) return delivery;
    const marked = decapsulateEcn(trafficClass, packet.trafficClass, family, delivery.packet);
    if (isEnding(marked)) return marked;
    if (isFirstFragment(packet) && delivery.change !== undefined) {
      state.datagrams.record('in', nic.key, packet, { to: 'vm', change: delivery.change }, tick);
    }
    return this.#toVm(marked, family, nic, link);
  }

  #fromVm(frame: Uint8Array, link: Link, tick: number, produced: Uint8Array | undefined): HostResult {
    if (link === 'bare') return PASS;
    const opened = openLink(frame, link);
    if (isEnding(opened)) return opened;
    const nic = this.#state.nicOf(macText(frame, 6));
    if (nic === undefined) return PASS;
    const { family, packet: bytes, tag } = opened;
    // Only what belongs to a connection of ours is ours to judge.
    const packet = checkStart(family, bytes) ?? checkHeader(family, bytes) ?? takeApart(family, bytes);
    if (isEnding(packet)) return PASS;

    const { attachment } = this.#state.program;
    const gateway = attachment.gatewayMacAddress;
    const destinationMac = gateway === undefined ? frame.slice(0, 6) : macBytes(gateway);
    const header = ethernetHeader(destinationMac, attachment.macAddress, outgoingTag(attachment, tag), family);
    const departure = depart(this.#state, packet, nic, tick, likeIn(produced, header.length));
    if (isEnding(departure)) return departure;
    if (departure.to === 'vm') return this.#toVm(departure.packet, family, nic, link);
    return { verdict: 'reply', bytes: concat(header, departure.packet), nic: nic.key };
  }

  #toVm(packet: Uint8Array, family: 4 | 6, nic: Nic, link: Link): HostResult {
    const { macAddress } = this.#state.program.attachment;
    const header = ethernetHeader(macBytes(nic.macAddress), macAddress, new Uint8Array(0), family);
    return { verdict: 'deliver', bytes: link === 'bare' ? packet : concat(header, packet), nic: nic.key };
  }
}

function isSameBytes(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && Buffer.compare(one, other) === 0;
}

/** The free port that a produced frame shows where the model would write it; else the first one. */
function likeIn(produced: Uint8Array | undefined, headerBytes: number): PortChoice {
  return (free, portAt) => {
    const at = headerBytes + portAt;
    const shown = produced !== undefined && produced.length >= at + 2 ? be16(produced, at) : undefined;
    return free.find((port) => port === shown) ?? free[0]!;
  };
}
