/**
 * The MUX in JavaScript as it is commonly written: one frame at a time, Buffer reads, Maps keyed by text, and a new
 * buffer for what is sent.
 */
import * as abi from '../../assembly/abi.js';
import { BATCH_FRAME_COUNT } from '../scenario.js';
import type { Tables } from '../tables.js';
import { FlowCache, isLive, opens } from './idiomatic-flows.js';
import type { Implementation, Outcome } from './implementation.js';
import { type Member, plainRing } from './ring.js';
import { flowHash } from './sip-hash.js';
import { Slots } from './slots.js';

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_SERVICE_VLAN = 0x88a8;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
interface Traffic {
  packets: number;
  bytes: number;
}

export interface Backend extends Traffic {
  readonly headers: Uint8Array;
}

export interface Service extends Traffic {
  readonly index: number;
  readonly distribution: number;
  readonly idleMs: number;
  /** Backends by slot; empty for a service with one fixed backend. */
  readonly ring: Uint16Array;
  readonly fixedBackend: number;
}

interface Packet {
  readonly ip: Buffer;
  readonly vlanTag: Buffer | undefined;
  readonly protocol: number;
  readonly ports: Buffer;
  readonly tcpFlags: number;
  readonly service: Service;
}

const NOTHING = new Uint8Array(0);
const PASS: Outcome = { verdict: abi.VERDICT_PASS, reason: abi.REASON_NONE, bytes: NOTHING };

export class IdiomaticMux implements Implementation {
  readonly slots: Slots;
  readonly #frames: Buffer[];
  readonly #outcomes: Outcome[] = [];
  readonly #frameBytesMax: number;
  readonly #hashKey: Int32Array;
  readonly #vips = new Set<number>();
  readonly #services = new Map<string, Service>();
  readonly #backends: readonly Backend[];
  readonly #tables: Tables;
  #flows: FlowCache;

  constructor(tables: Tables) {
    this.slots = Slots.aligned(tables.slotBytes);
    this.#frames = Array.from({ length: BATCH_FRAME_COUNT }, (_, at) =>
      Buffer.from(this.slots.buffer, this.slots.frames + at * tables.slotBytes, tables.frameBytesMax),
    );
    this.#frameBytesMax = tables.frameBytesMax;
    this.#hashKey = tables.hashKey;
    this.#backends = readBackends(tables);
    this.#tables = tables;
    this.#flows = new FlowCache(tables);
    const { endpoints } = tables;
    for (let at = 0; at < endpoints.byteLength; at += abi.ENDPOINT_BYTES) {
      if (endpoints.getUint8(at + abi.ENDPOINT_FAMILY) === 0) continue;
      const address = endpoints.getUint32(at);
      const protocol = endpoints.getUint8(at + abi.ENDPOINT_PROTOCOL);
      const port = endpoints.getUint16(at + abi.ENDPOINT_PORT);
      if (protocol === abi.ENDPOINT_PROTOCOL_VIP) this.#vips.add(address);
      else this.#services.set(`${address}:${port}/${protocol}`, readService(tables, endpoints.getUint32(at + 8, true)));
    }
  }

  process(count: number, nowMs: number): void {
    const { words, descriptors } = this.slots;
    this.#flows.forgetDead(nowMs);
    for (let index = 0; index < count; index++) {
      const length = words[(descriptors + index * abi.DESCRIPTOR_BYTES + abi.DESCRIPTOR_LENGTH) >> 2];
      this.#outcomes[index] = this.#processFrame(this.#frames[index].subarray(0, length), nowMs);
    }
  }

  outcome(index: number): Outcome {
    return this.#outcomes[index];
  }

  counters(): number[] {
    return [];
  }

  buildRing(members: readonly Member[], slotCount: number): Uint16Array {
    return plainRing(members, slotCount);
  }

  reset(): void {
    this.#flows = new FlowCache(this.#tables);
  }

  #processFrame(frame: Buffer, nowMs: number): Outcome {
    const parsed = this.#parse(frame);
    if ('verdict' in parsed) return parsed;
    const { ip, protocol, ports, service, vlanTag } = parsed;
    const hash = this.#hash(ip, ports.readInt32LE(0), protocol);
    const backend = this.#choose(parsed, hash.high, nowMs);
    if (!backend) return drop(abi.REASON_NO_BACKEND);
    const bytes = encapsulate(ip, backend, hash.low, vlanTag);
    if (!bytes) return drop(abi.REASON_OVERSIZE);
    backend.packets++;
    backend.bytes += ip.length;
    service.packets++;
    service.bytes += ip.length;
    return { verdict: abi.VERDICT_FORWARD, reason: abi.REASON_NONE, bytes };
  }

  #parse(frame: Buffer): Packet | Outcome {
    if (frame.length > this.#frameBytesMax) return drop(abi.REASON_OVERSIZE);
    if (frame.length < 14) return drop(abi.REASON_ETHERNET_TRUNCATED);
    let type = frame.readUInt16BE(12);
    const isTagged = type === ETHERTYPE_VLAN || type === ETHERTYPE_SERVICE_VLAN;
    if (isTagged) {
      if (frame.length < 18) return drop(abi.REASON_ETHERNET_TRUNCATED);
      type = frame.readUInt16BE(16);
    }
    if (type !== ETHERTYPE_IPV4) return PASS;
    const ip = frame.subarray(isTagged ? 18 : 14);
    if (ip.length < 20) return drop(abi.REASON_IPV4_TRUNCATED);
    if (ip[0] >> 4 !== 4) return drop(abi.REASON_IPV4_VERSION);
    const headerBytes = (ip[0] & 15) * 4;
    const totalLength = ip.readUInt16BE(2);
    const protocol = ip.readUInt8(9);
    const destination = ip.readUInt32BE(16);
    const segment = ip.subarray(headerBytes, totalLength);
    const reason = checkIpv4(ip, headerBytes, totalLength) || checkSegment(protocol, segment);
    if (reason) return this.#vips.has(destination) ? drop(reason) : PASS;
    const service =
      this.#services.get(`${destination}:${segment.readUInt16BE(2)}/${protocol}`) ??
      this.#services.get(`${destination}:0/${protocol}`) ??
      this.#services.get(`${destination}:0/0`);
    if (!service) return this.#vips.has(destination) ? drop(abi.REASON_NO_RULE) : PASS;
    return {
      ip: ip.subarray(0, totalLength),
      vlanTag: isTagged ? frame.subarray(12, 16) : undefined,
      protocol,
      ports: segment.subarray(0, 4),
      tcpFlags: protocol === PROTOCOL_TCP ? segment.readUInt8(13) : 0,
      service,
    };
  }

  #choose({ ip, ports, protocol, tcpFlags, service }: Packet, hashHigh: number, nowMs: number): Backend | undefined {
    if (service.ring.length === 0) return this.#backends[service.fixedBackend];
    const key = `${ip.readUInt32BE(12)}:${ports.readUInt32BE(0)}:${service.index}:${protocol}`;
    const flow = this.#flows.get(key);
    if (flow && !opens(tcpFlags) && isLive(flow, nowMs)) {
      this.#flows.follow(key, flow, tcpFlags, nowMs);
      return flow.backend;
    }
    let high = hashHigh;
    if (service.distribution === abi.DISTRIBUTION_SOURCE_IP) high = this.#hash(ip, 0, 0).high;
    if (service.distribution === abi.DISTRIBUTION_SOURCE_IP_PROTOCOL) high = this.#hash(ip, 0, protocol).high;
    const backend = this.#backends[service.ring[Math.floor(((high >>> 0) * service.ring.length) / 2 ** 32)]];
    this.#flows.start(key, backend, service, tcpFlags, nowMs);
    return backend;
  }

  #hash(ip: Buffer, ports: number, protocol: number): { low: number; high: number } {
    const hash = new Int32Array(2);
    flowHash(this.#hashKey, ip.readInt32LE(12), ip.readInt32LE(16), ports, protocol, hash, 0);
    return { low: hash[0], high: hash[1] };
  }
}

function drop(reason: number): Outcome {
  return { verdict: abi.VERDICT_DROP, reason, bytes: NOTHING };
}

function checkIpv4(ip: Buffer, headerBytes: number, totalLength: number): number {
  if (headerBytes < 20) return abi.REASON_IPV4_HEADER_LENGTH;
  if (headerBytes > ip.length) return abi.REASON_IPV4_TRUNCATED;
  if (totalLength < headerBytes) return abi.REASON_IPV4_TOTAL_LENGTH;
  if (totalLength > ip.length) return abi.REASON_IPV4_TRUNCATED;
  if (checksum(ip.subarray(0, headerBytes)) !== 0) return abi.REASON_IPV4_CHECKSUM;
  if (ip[8] === 0) return abi.REASON_TTL;
  if (ip[12] === 0 || ip[12] === 127 || ip[12] >= 224) return abi.REASON_SOURCE;
  if (ip.readUInt32BE(12) === ip.readUInt32BE(16)) return abi.REASON_SOURCE;
  return ip.readUInt16BE(6) & 0x3fff ? abi.REASON_FRAGMENT : abi.REASON_NONE;
}

function checkSegment(protocol: number, segment: Buffer): number {
  if (protocol === PROTOCOL_TCP) {
    if (segment.length < 20) return abi.REASON_TCP_TRUNCATED;
    const headerBytes = (segment[12] >> 4) * 4;
    return headerBytes < 20 || headerBytes > segment.length ? abi.REASON_TCP_HEADER_LENGTH : abi.REASON_NONE;
  }
  if (protocol === PROTOCOL_UDP) {
    if (segment.length < 8) return abi.REASON_UDP_TRUNCATED;
    const length = segment.readUInt16BE(4);
    return length < 8 || length > segment.length ? abi.REASON_UDP_LENGTH : abi.REASON_NONE;
  }
  return abi.REASON_PROTOCOL;
}

/** The checksum of a header; 0 when the header carries the right one. */
function checksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function encapsulate(ip: Buffer, backend: Backend, hashLow: number, vlanTag: Buffer | undefined): Buffer | undefined {
  const outerLength = ip.length + abi.TEMPLATE_BARE_BYTES;
  if (outerLength > 0xffff) return undefined;
  const tagBytes = vlanTag ? 4 : 0;
  const frame = Buffer.allocUnsafe(tagBytes + abi.TEMPLATE_BYTES + ip.length);
  frame.set(backend.headers, tagBytes);
  frame.set(ip, tagBytes + abi.TEMPLATE_BYTES);
  if (vlanTag) {
    frame.set(backend.headers.subarray(0, 12));
    frame.set(vlanTag, 12);
  }
  const outerIp = frame.subarray(tagBytes + 14, tagBytes + 34);
  outerIp.writeUInt8(ip.readUInt8(1), 1);
  outerIp.writeUInt16BE(outerLength, 2);
  outerIp.writeUInt16BE(checksum(outerIp), 10);
  frame.writeUInt16BE(49152 + (hashLow >>> 18), tagBytes + 34);
  frame.writeUInt16BE(outerLength - 20, tagBytes + 38);
  return frame;
}

function readService({ services, rings, ringsBase }: Tables, index: number): Service {
  const at = index * abi.SERVICE_BYTES;
  const slotCount = services.getUint32(at + abi.SERVICE_RING_SLOT_COUNT, true);
  const start = (services.getUint32(at + abi.SERVICE_RING_BASE, true) - ringsBase) / 2;
  return {
    index,
    distribution: services.getUint8(at + abi.SERVICE_DISTRIBUTION),
    idleMs: services.getUint32(at + abi.SERVICE_IDLE_TICKS, true) * 1024,
    ring: slotCount === 0 ? new Uint16Array(0) : rings.subarray(start, start + slotCount),
    fixedBackend: services.getUint32(at + abi.SERVICE_BACKEND, true),
    packets: 0,
    bytes: 0,
  };
}

function readBackends({ backends }: Tables): Backend[] {
  return Array.from({ length: backends.byteLength / abi.BACKEND_BYTES }, (_, index) => ({
    headers: new Uint8Array(backends.buffer, backends.byteOffset + index * abi.BACKEND_BYTES, abi.TEMPLATE_BYTES),
    packets: 0,
    bytes: 0,
  }));
}
