/**
 * What a host agent does with a frame, slowly and obviously: VXLAN from the MUX becomes a packet for a VM, and the VM's
 * answer becomes a packet of the VIP. The NAT flow table is a Map and forgets nothing on its own,
 * so whether the VM has answered, which only decides what a bounded table evicts, is not kept.
 */

import type { HostProgram, Nic, Translation } from '../../sdk/program/types.js';
import { be16, be32, concat, macBytes, macText } from '../support/bytes.js';
import type { Link } from '../support/checksum.js';
import { idleTicksOf, tickOf } from './clock.js';
import { ethernetHeader, outgoingTag } from './ethernet.js';
import {
  checkFragment,
  checkHeader,
  checkTransport,
  checkVersion,
  destinationOf,
  drop,
  ETHERTYPE_IPV4,
  fiveTupleOf,
  isBalanced,
  isVlanType,
  openLink,
  opens,
  PASS,
  segmentOf,
  TCP,
  UDP,
} from './ipv4.js';
import { mostSpecific } from './lookup.js';
import { translate } from './rewrite.js';

/** Where a frame came from; `shared` is a capture of both, told apart by the source MAC address. */
export type Port = 'underlay' | 'vm' | 'shared';

export interface HostResult {
  verdict: 'pass' | 'drop' | 'deliver' | 'reply';
  reason?: string;
  bytes?: Uint8Array;
  /** Key of the NIC the packet is for or from. */
  nic?: string;
}

interface NatFlow {
  nic: string;
  vip: string;
  vipPort: number;
  tick: number;
  idleTicks: number;
}

const VXLAN_PORT = 4789;

export class HostModel {
  #program: HostProgram;
  readonly #flows = new Map<string, NatFlow>();

  constructor(program: HostProgram) {
    this.#program = program;
  }

  /** A flow lasts as long as its NIC: it holds all that the way back needs. */
  program(next: HostProgram): void {
    this.#program = next;
    for (const [key, flow] of this.#flows) {
      if (!next.nics.some((nic) => nic.key === flow.nic)) this.#flows.delete(key);
    }
  }

  process(frame: Uint8Array, link: Link, port: Port, nowMs: number): HostResult {
    const sharedFromVm =
      port === 'shared' && link === 'ethernet' && frame.length >= 14 && this.#nic(macText(frame, 6)) !== undefined;
    return port === 'vm' || sharedFromVm
      ? this.#fromVm(frame, link, tickOf(nowMs))
      : this.#fromUnderlay(frame, link, tickOf(nowMs));
  }

  #fromUnderlay(frame: Uint8Array, link: Link, tick: number): HostResult {
    const opened = openLink(frame, link);
    if ('verdict' in opened) return opened;
    const outer = opened.packet;
    const malformed = checkVersion(outer);
    if (malformed !== undefined) return malformed;
    if (destinationOf(outer) !== this.#program.attachment.providerAddress) return PASS;
    if (outer[9] !== UDP) return PASS;
    const refused = checkHeader(outer);
    if (refused !== undefined) return refused;

    const datagram = segmentOf(outer);
    const isForVxlan = datagram.length >= 8 && be16(datagram, 2) === VXLAN_PORT;
    if (checkFragment(outer) !== undefined) {
      // Ports are in the first fragment only; the others are left to whoever reassembles.
      const isFirst = (be16(outer, 6) & 0x1fff) === 0;
      return isFirst && isForVxlan ? drop('fragment') : PASS;
    }
    if (datagram.length < 8) return drop('udp-truncated');
    if (!isForVxlan) return PASS;
    const udpLength = be16(datagram, 4);
    if (udpLength < 8 || udpLength > datagram.length) return drop('udp-length');
    if (udpLength < 16) return drop('vxlan-truncated');
    if ((datagram[8]! & 0x08) === 0) return drop('vxlan-flags');
    const vni = be32(datagram, 12) >>> 8;
    return this.#fromTunnel(datagram.subarray(16, udpLength), vni, link, tick);
  }

  #fromTunnel(inner: Uint8Array, vni: number, link: Link, tick: number): HostResult {
    if (inner.length < 14) return drop('inner-truncated');
    const type = be16(inner, 12);
    if (isVlanType(type)) return drop('inner-vlan');
    if (type !== ETHERTYPE_IPV4) return PASS;
    const nic = this.#nic(macText(inner, 0));
    if (nic === undefined) return drop('nic-unknown');
    if (nic.vni !== vni) return drop('vni-mismatch');

    const packet = inner.subarray(14);
    const malformed = checkVersion(packet);
    if (malformed !== undefined) return malformed;
    const translations = this.#translationsOf(nic);
    if (!translations.some(({ vip }) => vip === destinationOf(packet))) return PASS;
    const refused =
      checkHeader(packet) ??
      checkFragment(packet) ??
      (isBalanced(packet) ? undefined : drop('protocol')) ??
      checkTransport(packet);
    if (refused !== undefined) return refused;
    return this.#deliver(packet, nic, translations, link, tick);
  }

  #deliver(packet: Uint8Array, nic: Nic, translations: readonly Translation[], link: Link, tick: number): HostResult {
    const { source, sourcePort, destination: vip, destinationPort: vipPort, protocol } = fiveTupleOf(packet);
    const translation = mostSpecific(translations, vip, protocol, vipPort);
    if (translation === undefined) return drop('no-rule');
    const address = translation.floatingIp ? vip : translation.dip;
    const port = translation.backendPort !== 0 ? translation.backendPort : vipPort;

    const key = natKey(nic, protocol, source, sourcePort, address, port);
    const flow = this.#liveFlow(key, tick);
    if (flow !== undefined && flow.vip === vip && flow.vipPort === vipPort) {
      flow.tick = tick;
    } else if (flow !== undefined && protocol === TCP && !opens(packet)) {
      return drop('nat-conflict');
    } else {
      const idleTicks = idleTicksOf(translation.idleTimeoutMs);
      this.#flows.set(key, { nic: nic.key, vip, vipPort, tick, idleTicks });
    }

    const translated = translate(packet, 'destination', address, port);
    const header = ethernetHeader(macBytes(nic.macAddress), this.#program.attachment.macAddress, new Uint8Array(0));
    const bytes = link === 'bare' ? translated : concat(header, translated);
    return { verdict: 'deliver', bytes, nic: nic.key };
  }

  #fromVm(frame: Uint8Array, link: Link, tick: number): HostResult {
    if (link === 'bare') return PASS;
    const opened = openLink(frame, link);
    if ('verdict' in opened) return opened;
    const nic = this.#nic(macText(frame, 6));
    if (nic === undefined) return PASS;
    const { packet, tag } = opened;
    // Only what answers a connection of ours is ours to judge.
    if (checkVersion(packet) !== undefined || !isBalanced(packet) || checkHeader(packet) !== undefined) return PASS;
    if ((be16(packet, 6) & 0x1fff) !== 0 || segmentOf(packet).length < 8) return PASS;

    const { source, sourcePort, destination, destinationPort, protocol } = fiveTupleOf(packet);
    const flow = this.#liveFlow(natKey(nic, protocol, destination, destinationPort, source, sourcePort), tick);
    if (flow === undefined) return PASS;
    const refused = checkFragment(packet) ?? checkTransport(packet);
    if (refused !== undefined) return refused;
    flow.tick = tick;

    const { attachment } = this.#program;
    const gateway = attachment.gatewayMacAddress;
    const destinationMac = gateway === undefined ? frame.slice(0, 6) : macBytes(gateway);
    const header = ethernetHeader(destinationMac, attachment.macAddress, outgoingTag(attachment, tag));
    const translated = translate(packet, 'source', flow.vip, flow.vipPort);
    return { verdict: 'reply', bytes: concat(header, translated), nic: nic.key };
  }

  #nic(macAddress: string): Nic | undefined {
    return this.#program.nics.find((nic) => nic.macAddress === macAddress);
  }

  #translationsOf(nic: Nic): Translation[] {
    return this.#program.translations.filter((translation) => this.#program.nics[translation.nic] === nic);
  }

  #liveFlow(key: string, tick: number): NatFlow | undefined {
    const flow = this.#flows.get(key);
    return flow !== undefined && tick - flow.tick <= flow.idleTicks ? flow : undefined;
  }
}

/** What the VM's answer will show: the NIC, the protocol, the client and the VM's end of the connection. */
function natKey(
  nic: Nic,
  protocol: number,
  remote: string,
  remotePort: number,
  local: string,
  localPort: number,
): string {
  return JSON.stringify([nic.key, protocol, remote, remotePort, local, localPort]);
}
