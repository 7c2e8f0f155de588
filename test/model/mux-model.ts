/**
 * What a MUX does with a frame, slowly and obviously: who it is for, which backend gets it, and what is sent. Written
 * from the contract alone, so that the data plane has somebody to disagree with.
 */

import type { MuxProgram } from '../../sdk/program/types.js';
import { be16, concat, macBytes } from '../support/bytes.js';
import type { Link } from '../support/checksum.js';
import { type Family, familyOf } from './address.js';
import { tickOf } from './clock.js';
import { encapsulate, fitsOuterHeader, overheadBytes } from './encapsulation.js';
import { drop, type Ending, isEnding, PASS } from './ending.js';
import type { FiveTuple } from './flow-hash.js';
import { FlowTable } from './flow-table.js';
import { type Choice, datagramKey, FragmentTable, isImpossible } from './fragments.js';
import { checkIcmp, echoIdentifier, echoReply, ICMP, icmpKind } from './icmp.js';
import { checkHeader, checkSender, checkStart, destinationOf, type IpPacket, sourceOf, takeApart } from './ip.js';
import type { FragmentPart } from './ipv6.js';
import { ethernetHeader, openLink, outgoingTag } from './link.js';
import { MuxCounters } from './mux-counters.js';
import { MuxPolicy } from './mux-policy.js';
import { readQuote } from './quote.js';
import { mayBeTold, TokenBucket, tooBig } from './too-big.js';
import { checkTransport, hasPorts, hasReadablePorts, type Signals, signalsOf, tupleOf } from './transport.js';

export interface MuxResult {
  readonly verdict: 'pass' | 'drop' | 'forward' | 'reply' | 'hold';
  readonly reason?: string;
  readonly bytes?: Uint8Array;
  /** Key of the service that took the packet. */
  readonly service?: string;
  /** Key of the backend that was chosen. */
  readonly backend?: string;
}

/** As in the capacities of a data plane. */
export interface MuxRoom {
  readonly frameBytesMax: number;
  readonly batchFrameCountMax: number;
}

const ROOM: MuxRoom = { frameBytesMax: 65_600, batchFrameCountMax: 256 };

/** A frame as it came, and when. */
interface Arrival {
  readonly frame: Uint8Array;
  readonly link: Link;
  readonly tag: Uint8Array;
  readonly nowMs: number;
  readonly tick: number;
}

export class MuxModel {
  readonly #room: MuxRoom;
  #policy: MuxPolicy;
  readonly #flows = new FlowTable();
  readonly #fragments = new FragmentTable();
  readonly #tokens = new TokenBucket();
  #batchFrameCount = 0;
  readonly counters = new MuxCounters();

  constructor(program: MuxProgram, room: MuxRoom = ROOM) {
    this.#policy = new MuxPolicy(program);
    this.#room = room;
  }

  program(next: MuxProgram): void {
    const policy = new MuxPolicy(next);
    this.#policy = policy;
    this.#flows.keep((service, backend) =>
      policy.isMember(service, backend) ? policy.sameMachine(backend) : undefined,
    );
    this.#fragments.keep(
      (service) => next.services.find(({ key }) => key === service.key),
      (backend) => policy.sameMachine(backend),
    );
    this.counters.keep(next);
  }

  /** One frame of a batch. */
  process(frame: Uint8Array, link: Link, nowMs: number): MuxResult {
    this.#batchFrameCount++;
    return this.#count(this.#judge(frame, link, nowMs));
  }

  /** Ends the batch: the frames that are put behind it, kept fragments whose first one is here now. */
  endOfBatch(nowMs: number): MuxResult[] {
    const room = this.#room.batchFrameCountMax - this.#batchFrameCount;
    this.#batchFrameCount = 0;
    const { released, expiredCount } = this.#fragments.release(tickOf(nowMs), room);
    for (let count = 0; count < expiredCount; count++) this.counters.drop('fragment-expired');
    this.counters.releasedCount += released.length;
    return released.map(({ frame, link }) => this.#count(this.#judge(frame, link, nowMs)));
  }

  #count(result: MuxResult): MuxResult {
    this.counters.count(result.verdict, result.reason);
    return result;
  }

  #judge(frame: Uint8Array, link: Link, nowMs: number): MuxResult {
    if (frame.length > this.#room.frameBytesMax) return drop('oversize');
    const opened = openLink(frame, link);
    if (isEnding(opened)) return opened;
    const { family, packet: bytes, tag } = opened;
    const malformed = checkStart(family, bytes);
    if (malformed !== undefined) return malformed;
    if (!this.#policy.isVip(destinationOf(family, bytes))) return PASS;
    const unsound = checkHeader(family, bytes) ?? this.#checkSender(family, bytes);
    if (unsound !== undefined) return unsound;
    const packet = takeApart(family, bytes);
    if (isEnding(packet)) return packet;

    const arrival = { frame, link, tag, nowMs, tick: tickOf(nowMs) };
    const answer = this.#decide(packet, arrival);
    return 'verdict' in answer ? answer : this.#send(packet, answer, arrival);
  }

  /** A VM that reaches its own VIP from a leased port of it is the one sender that may be the destination. */
  #checkSender(family: Family, bytes: Uint8Array): Ending | undefined {
    const refused = checkSender(family, bytes);
    if (refused?.reason !== 'source' || sourceOf(family, bytes) !== destinationOf(family, bytes)) return refused;
    const isWhole = family === 6 || (be16(bytes, 6) & 0x3fff) === 0;
    const l4 = family === 6 ? 40 : (bytes[0]! & 15) * 4;
    const end = family === 6 ? 40 + be16(bytes, 4) : be16(bytes, 2);
    if (!isWhole || !hasPorts(bytes[family === 6 ? 6 : 9]!) || end - l4 < 4) return refused;
    const vip = destinationOf(family, bytes);
    const isLeased = (port: number) => this.#policy.leaseholder(vip, port) !== undefined;
    return isLeased(be16(bytes, l4)) || isLeased(be16(bytes, l4 + 2)) ? undefined : refused;
  }

  #decide(packet: IpPacket, arrival: Arrival): Choice | MuxResult {
    const instance = this.#policy.instanceService(packet.destination);
    if (instance !== undefined) {
      const backend = this.#policy.fixedBackend(instance)!;
      return { service: instance, backend, hash: this.#policy.hash(tupleOf(packet, hasReadablePorts(packet))) };
    }
    const isIcmp = packet.protocol === ICMP[packet.family];
    if (packet.fragment !== undefined) {
      return isIcmp ? drop('fragment') : this.#decideFragment(packet, packet.fragment, arrival);
    }
    return isIcmp ? this.#decideIcmp(packet, arrival) : this.#decideConnection(packet, arrival.tick);
  }

  /** A whole packet, or a first fragment. */
  #decideConnection(packet: IpPacket, tick: number): Choice | MuxResult {
    const refused = checkTransport(packet);
    if (refused !== undefined) return refused;
    const isConnection = hasPorts(packet.protocol);
    const tuple = tupleOf(packet, isConnection);
    return this.#choose(tuple, isConnection ? 'no-rule' : 'protocol', signalsOf(packet), tick);
  }

  #choose(tuple: FiveTuple, reason: 'no-rule' | 'protocol', signals: Signals, tick: number): Choice | MuxResult {
    const hash = this.#policy.hash(tuple);
    const service = this.#policy.service(tuple.destination, tuple.protocol, tuple.destinationPort);
    if (service === undefined) {
      const leaseholder = hasPorts(tuple.protocol) ? this.#leaseholder(tuple) : undefined;
      return leaseholder ? { service, backend: leaseholder, hash } : drop(reason);
    }
    const backend =
      this.#policy.fixedBackend(service) ??
      this.#flows.choose(service, tuple, signals, this.#policy.owner(service, tuple), tick);
    return backend ? { service, backend, hash } : { ...drop('no-backend'), service: service.key };
  }

  #leaseholder({ destination, destinationPort }: FiveTuple) {
    return this.#policy.leaseholder(destination, destinationPort);
  }

  #decideFragment(packet: IpPacket, part: FragmentPart, { frame, link, tick }: Arrival): Choice | MuxResult {
    if (isImpossible(part)) return drop('fragment');
    const key = datagramKey(packet, part);
    const datagram = this.#fragments.datagram(key, tick);
    if (datagram !== undefined) {
      const refused = datagram.refuse(part);
      if (refused !== undefined) return drop(refused);
      const { service, backend, hash } = datagram;
      if (backend === undefined) return { ...drop('no-backend'), ...(service && { service: service.key }) };
      datagram.cover(part);
      return { service, backend, hash };
    }
    if (part.offsetBytes > 0) {
      return this.#fragments.hold({ key, frame, link, tick }) ? { verdict: 'hold' } : drop('fragment-limit');
    }
    const choice = this.#decideConnection(packet, tick);
    if (!('verdict' in choice)) this.#fragments.pin(key, choice, part, tick);
    return choice;
  }

  #decideIcmp(packet: IpPacket, arrival: Arrival): Choice | MuxResult {
    const refused = checkIcmp(packet);
    if (refused !== undefined) return refused;
    const { family, upper, source, destination, protocol } = packet;
    switch (icmpKind(family, upper)) {
      case 'echo request':
        return { verdict: 'reply', bytes: this.#sentBack(echoReply(packet), packet, arrival) };
      case 'echo reply': {
        const tuple = { source, destination, sourcePort: 0, destinationPort: echoIdentifier(upper), protocol };
        const backend = this.#leaseholder(tuple);
        return backend ? { service: undefined, backend, hash: this.#policy.hash(tuple) } : drop('no-rule');
      }
      case 'error':
        return this.#decideError(packet, arrival.tick);
      case 'other':
        return drop('protocol');
    }
  }

  /** An error follows the connection it is about, and leaves no trace of its own. */
  #decideError({ family, upper, destination: vip }: IpPacket, tick: number): Choice | MuxResult {
    const quoted = readQuote(family, upper.subarray(8), vip);
    if (quoted === undefined) return drop('icmp-quote');
    const { protocol, destinationPort, isEcho, hasNoPorts } = quoted;
    const hash = this.#policy.hash(quoted);
    const service = isEcho ? undefined : this.#policy.service(vip, protocol, destinationPort);
    if (service !== undefined) {
      const backend =
        this.#policy.fixedBackend(service) ??
        this.#flows.peek(service, quoted, tick) ??
        this.#policy.owner(service, quoted);
      return backend ? { service, backend, hash } : { ...drop('no-backend'), service: service.key };
    }
    if (hasNoPorts) return drop('icmp-quote');
    const leaseholder = isEcho || hasPorts(protocol) ? this.#leaseholder(quoted) : undefined;
    return leaseholder ? { service: undefined, backend: leaseholder, hash } : drop('no-rule');
  }

  #send(packet: IpPacket, { service, backend, hash }: Choice, arrival: Arrival): MuxResult {
    const { program } = this.#policy;
    const { attachment } = program;
    const chosen = { ...(service && { service: service.key }), backend: backend.key };
    if (!fitsOuterHeader(program, backend, packet)) return { ...drop('oversize'), ...chosen };

    const mtuBytes = attachment.mtuBytes ?? 0;
    const overhead = overheadBytes(program, backend);
    const isTooBig = mtuBytes > 0 && overhead + packet.bytes.length > mtuBytes;
    if (isTooBig && !packet.isDivisible) {
      if (!mayBeTold(packet) || !this.#tokens.take(arrival.nowMs)) return { ...drop('mtu'), ...chosen };
      this.counters.toldCount++;
      const told = tooBig(packet, mtuBytes - overhead);
      return { verdict: 'reply', bytes: this.#sentBack(told, packet, arrival), ...chosen };
    }

    if (service !== undefined) this.counters.forward('service', service.key, packet.bytes.length);
    this.counters.forward('backend', backend.key, packet.bytes.length);
    const tunnel = encapsulate(program, backend, packet, hash, isTooBig);
    if (arrival.link === 'bare') return { verdict: 'forward', bytes: tunnel, ...chosen };
    const header = ethernetHeader(
      macBytes(backend.nextHopMacAddress),
      attachment.macAddress,
      outgoingTag(attachment, arrival.tag),
      familyOf(backend.hostProviderAddress),
    );
    return { verdict: 'forward', bytes: concat(header, tunnel), ...chosen };
  }

  /** An answer of our own, to whoever sent the frame. */
  #sentBack(answer: Uint8Array, { family }: IpPacket, { frame, link, tag }: Arrival): Uint8Array {
    if (link === 'bare') return answer;
    const { attachment } = this.#policy.program;
    const sender = frame.subarray(6, 12);
    return concat(ethernetHeader(sender, attachment.macAddress, outgoingTag(attachment, tag), family), answer);
  }
}
