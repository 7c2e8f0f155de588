/**
 * What a MUX does with a frame, slowly and obviously. The flow table is a Map and forgets nothing on its own, so whether
 * a flow is trusted, which only decides what a bounded table evicts, is not kept.
 */

import type { Backend, MuxProgram, Service } from '../../sdk/program/types.js';
import { concat, ipv4Bytes, macBytes, putBe16, putBe32 } from '../support/bytes.js';
import { internetChecksum, type Link } from '../support/checksum.js';
import { idleTicksOf, tickOf } from './clock.js';
import { ethernetHeader, outgoingTag } from './ethernet.js';
import { entropyPort, type FiveTuple, flowHash, ringSlot } from './flow-hash.js';
import {
  checkFragment,
  checkHeader,
  checkTransport,
  checkVersion,
  destinationOf,
  drop,
  type Ending,
  fiveTupleOf,
  isBalanced,
  openLink,
  opens,
  PASS,
  resets,
  trim,
} from './ipv4.js';
import { mostSpecific } from './lookup.js';
import { buildRing, permutationOf } from './maglev.js';

export interface MuxResult {
  verdict: 'pass' | 'drop' | 'forward' | 'reply';
  reason?: string;
  bytes?: Uint8Array;
  /** Key of the service that took the packet. */
  service?: string;
  /** Key of the backend that was chosen. */
  backend?: string;
}

const ICMP = 1;

interface Flow {
  service: string;
  backend: Backend;
  tick: number;
}

export class MuxModel {
  #program: MuxProgram;
  /** For each ring the backend of each slot. */
  #rings: Backend[][] = [];
  readonly #flows = new Map<string, Flow>();

  constructor(program: MuxProgram) {
    this.#program = program;
    this.#buildRings();
  }

  program(next: MuxProgram): void {
    this.#program = next;
    this.#buildRings();
    for (const [key, flow] of this.#flows) {
      const backend = next.backends.find((candidate) => candidate.key === flow.backend.key);
      const service = next.services.find((candidate) => candidate.key === flow.service);
      const isMember = service !== undefined && membersOf(next, service).includes(flow.backend.key);
      if (backend === undefined || !isMember || !isSameMachine(backend, flow.backend)) {
        this.#flows.delete(key);
      } else {
        // The VM may be on another host now.
        flow.backend = backend;
      }
    }
  }

  process(frame: Uint8Array, link: Link, nowMs: number): MuxResult {
    const opened = openLink(frame, link);
    if ('verdict' in opened) return opened;
    const { packet, tag } = opened;

    const malformed = checkVersion(packet);
    if (malformed !== undefined) return malformed;
    if (!this.#program.vips.includes(destinationOf(packet))) return PASS;
    const unsound = checkHeader(packet) ?? checkFragment(packet);
    if (unsound !== undefined) return unsound;
    if (packet[9] === ICMP) return this.#answerEcho(frame, link, tag, packet);
    const refused = checkProtocol(packet) ?? checkTransport(packet);
    if (refused !== undefined) return refused;

    const tuple = fiveTupleOf(packet);
    const service = mostSpecific(this.#program.services, tuple.destination, tuple.protocol, tuple.destinationPort);
    if (service === undefined) return drop('no-rule');
    const backend = this.#choose(service, packet, tuple, tickOf(nowMs));
    if (backend === undefined) return { ...drop('no-backend'), service: service.key };

    const chosen = { service: service.key, backend: backend.key };
    const inner = trim(packet);
    if (50 + inner.length > 65535) return { ...drop('oversize'), ...chosen };
    const tunnel = this.#encapsulate(inner, tuple, backend);
    if (link === 'bare') return { verdict: 'forward', bytes: tunnel, ...chosen };
    const { attachment } = this.#program;
    const header = ethernetHeader(
      macBytes(backend.nextHopMacAddress),
      attachment.macAddress,
      outgoingTag(attachment, tag),
    );
    return { verdict: 'forward', bytes: concat(header, tunnel), ...chosen };
  }

  /** The answer to a ping, built anew and not by changing the question. */
  #answerEcho(frame: Uint8Array, link: Link, tag: Uint8Array, packet: Uint8Array): MuxResult {
    const request = trim(packet);
    const headerBytes = (request[0]! & 15) * 4;
    const message = request.subarray(headerBytes);
    if (message.length < 8) return drop('icmp-truncated');
    if (message[0] !== 8 || message[1] !== 0) return drop('protocol');
    if (internetChecksum(message) !== 0) return drop('icmp-checksum');

    const reply = concat(Uint8Array.of(0, 0, 0, 0), message.subarray(4));
    putBe16(reply, 2, internetChecksum(reply));
    const header = request.slice(0, headerBytes);
    header[8] = 64;
    header.set(request.subarray(16, 20), 12);
    header.set(request.subarray(12, 16), 16);
    putBe16(header, 10, 0);
    putBe16(header, 10, internetChecksum(header));
    if (link === 'bare') return { verdict: 'reply', bytes: concat(header, reply) };
    const { attachment } = this.#program;
    const ethernet = ethernetHeader(frame.subarray(6, 12), attachment.macAddress, outgoingTag(attachment, tag));
    return { verdict: 'reply', bytes: concat(ethernet, header, reply) };
  }

  #choose(service: Service, packet: Uint8Array, tuple: FiveTuple, tick: number): Backend | undefined {
    if ('backend' in service.target) {
      return this.#program.backends[service.target.backend];
    }
    const ring = this.#rings[service.target.ring]!;
    const hash = flowHash(this.#program.flowHashKey, tuple, service.distribution);
    const owner = ring.length === 0 ? undefined : ring[ringSlot(hash, ring.length)]!;

    const key = JSON.stringify([service.key, tuple]);
    const flow = this.#flows.get(key);
    if (opens(packet)) {
      if (owner !== undefined) this.#flows.set(key, { service: service.key, backend: owner, tick });
      return owner;
    }
    if (flow !== undefined && tick - flow.tick <= idleTicksOf(service.idleTimeoutMs)) {
      flow.tick = tick;
      return flow.backend;
    }
    if (owner !== undefined && !resets(packet)) {
      this.#flows.set(key, { service: service.key, backend: owner, tick });
    }
    return owner;
  }

  /** Outer IPv4, UDP and VXLAN headers and the inner Ethernet header in front of the packet. */
  #encapsulate(inner: Uint8Array, tuple: FiveTuple, backend: Backend): Uint8Array {
    const { attachment, flowHashKey } = this.#program;
    const frame = concat(ethernetHeader(macBytes(backend.macAddress), attachment.macAddress, new Uint8Array(0)), inner);

    const vxlan = new Uint8Array(8);
    vxlan[0] = 0x08;
    putBe32(vxlan, 4, backend.vni * 256);

    const udp = new Uint8Array(8);
    putBe16(udp, 0, entropyPort(flowHash(flowHashKey, tuple, 'Default')));
    putBe16(udp, 2, 4789);
    putBe16(udp, 4, 8 + 8 + frame.length);

    const header = new Uint8Array(20);
    header[0] = 0x45;
    header[1] = inner[1]!;
    putBe16(header, 2, 20 + 8 + 8 + frame.length);
    putBe16(header, 6, 0x4000);
    header[8] = 64;
    header[9] = 17;
    header.set(ipv4Bytes(attachment.providerAddress), 12);
    header.set(ipv4Bytes(backend.hostProviderAddress), 16);
    putBe16(header, 10, internetChecksum(header));

    return concat(header, udp, vxlan, frame);
  }

  #buildRings(): void {
    const { rings, backends } = this.#program;
    this.#rings = rings.map(({ members, slotCount }) => {
      const backendOf = members.map((member) => backends[member.backend]!);
      if (members.length === 0) return [];
      const permuted = members.map(({ weight }, index) => ({
        ...permutationOf(backendOf[index]!.key, slotCount),
        weight,
      }));
      return buildRing(permuted, slotCount).map((owner) => backendOf[owner]!);
    });
  }
}

function checkProtocol(packet: Uint8Array): Ending | undefined {
  return isBalanced(packet) ? undefined : drop('protocol');
}

/** Same DIP in the same tenant network on the same VM: its connections go on, wherever the VM is now. */
/** Keys of the backends that may have connections of a service by way of its ring. */
function membersOf({ rings, backends }: MuxProgram, { target }: Service): string[] {
  if (!('ring' in target)) return [];
  const { members, drained = [] } = rings[target.ring]!;
  return [...members.map(({ backend }) => backend), ...drained].map((index) => backends[index]!.key);
}

function isSameMachine(a: Backend, b: Backend): boolean {
  return a.dip === b.dip && a.vni === b.vni && a.macAddress === b.macAddress;
}
