/**
 * The MUX in typed-array JavaScript, as fast as it gets without Wasm: staged like the data plane, one flow per pair of
 * 32-bit words, headers copied word by word into aligned slots.
 *
 * A parsed record is eight words:
 *
 *   0    1        2          3           4            5                    6         7
 *   | IP | length | hash low | hash high | VLAN tag | service or NO_INDEX | outcome | protocol, TCP flags |
 */
import * as abi from '../../assembly/abi.js';
import type { Tables } from '../tables.js';
import { FLOW_COUNTERS, type Implementation, type Outcome } from './implementation.js';
import { type Member, plainRing } from './ring.js';
import { flowHash } from './sip-hash.js';
import { Slots } from './slots.js';
import { TypedFlows } from './typed-flows.js';

const PARSED_WORDS = 8;
const IP = 0;
const IP_LENGTH = 1;
const HASH_LOW = 2;
const HASH_HIGH = 3;
const VLAN_TAG = 4;
const SERVICE = 5;
const OUTCOME = 6;
const PROTOCOL_AND_FLAGS = 7;

const TYPE_IPV4_NET = 0x0008;
const TYPE_VLAN_NET = 0x0081;
const TYPE_SERVICE_VLAN_NET = 0xa888;
const FRAGMENT_NET = 0xff3f;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;

const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const IPV4_LENGTH_MAX = 0xffff;
const HEADER_WORDS = abi.TEMPLATE_BYTES / 4;
const WORD_COUNT = 2 ** 32;

export class TypedMux implements Implementation {
  readonly slots: Slots;
  readonly #bytes: Uint8Array;
  readonly #halves: Uint16Array;
  readonly #words: Int32Array;
  readonly #parsed = new Int32Array(abi.STAGE_FRAME_COUNT * PARSED_WORDS);
  readonly #frameBytesMax: number;
  readonly #vlanTciNet: number;
  readonly #hashKey: Int32Array;

  readonly #endpoints: EndpointTable;
  readonly #flows: TypedFlows;
  readonly #rings: Uint16Array;

  // One array per field: services by index, then backends by index.
  readonly #ringStarts: Int32Array;
  readonly #ringSlotCounts: Int32Array;
  readonly #distributions: Uint8Array;
  readonly #fixedBackends: Int32Array;
  readonly #serviceTraffic: Float64Array;
  readonly #templates: Int32Array;
  readonly #headerSums: Int32Array;
  readonly #backendTraffic: Float64Array;

  readonly #verdicts = new Float64Array(abi.VERDICT_COUNT);
  readonly #reasons = new Float64Array(abi.REASON_COUNT);
  readonly #touched = new Int32Array(1);

  constructor(tables: Tables) {
    const { services, backends, slotBytes } = tables;
    this.slots = Slots.aligned(slotBytes);
    this.#bytes = this.slots.bytes;
    this.#halves = this.slots.halves;
    this.#words = this.slots.words;
    this.#frameBytesMax = tables.frameBytesMax;
    this.#vlanTciNet = tables.vlanTciNet;
    this.#hashKey = tables.hashKey;
    this.#endpoints = new EndpointTable(tables.endpoints);
    this.#rings = tables.rings;

    const serviceField = fieldReader(services, abi.SERVICE_BYTES);
    this.#ringStarts = serviceField((at) => (services.getUint32(at, true) - tables.ringsBase) / 2);
    this.#ringSlotCounts = serviceField((at) => services.getUint32(at + abi.SERVICE_RING_SLOT_COUNT, true));
    this.#distributions = Uint8Array.from(serviceField((at) => services.getUint8(at + abi.SERVICE_DISTRIBUTION)));
    const idleTicks = serviceField((at) => services.getUint32(at + abi.SERVICE_IDLE_TICKS, true));
    this.#fixedBackends = serviceField((at) => services.getInt32(at + abi.SERVICE_BACKEND, true));
    this.#serviceTraffic = new Float64Array(2 * idleTicks.length);

    const backendField = fieldReader(backends, abi.BACKEND_BYTES);
    this.#headerSums = backendField((at) => backends.getUint32(at + abi.BACKEND_HEADER_SUM, true));
    const generations = backendField((at) =>
      backends.getUint8(at + abi.BACKEND_STATE) === 0 ? -1 : backends.getUint8(at + abi.BACKEND_GENERATION),
    );
    this.#flows = new TypedFlows(tables, idleTicks, generations);
    this.#backendTraffic = new Float64Array(2 * generations.length);
    this.#templates = new Int32Array(HEADER_WORDS * generations.length);
    for (let word = 0; word < this.#templates.length; word++) {
      const backend = Math.floor(word / HEADER_WORDS);
      this.#templates[word] = backends.getInt32(backend * abi.BACKEND_BYTES + 4 * (word % HEADER_WORDS), true);
    }
  }

  process(count: number, nowMs: number): void {
    const now = nowMs >>> 10;
    this.#flows.sweep(now);
    for (let first = 0; first < count; first += abi.STAGE_FRAME_COUNT) {
      const frames = Math.min(count - first, abi.STAGE_FRAME_COUNT);
      const descriptors = (this.slots.descriptors + first * abi.DESCRIPTOR_BYTES) >> 2;
      for (let frame = 0; frame < frames; frame++) {
        const record = frame * PARSED_WORDS;
        this.#parsed[record + OUTCOME] = this.#classify(descriptors + frame * (abi.DESCRIPTOR_BYTES >> 2), record);
      }
      this.#touch(frames);
      for (let frame = 0; frame < frames; frame++) {
        this.#forward(descriptors + frame * (abi.DESCRIPTOR_BYTES >> 2), frame * PARSED_WORDS, now);
      }
    }
  }

  outcome(index: number): Outcome {
    return this.slots.outcome(index);
  }

  counters(): number[] {
    return [this.#verdicts[abi.VERDICT_FORWARD], ...FLOW_COUNTERS.map((counter) => this.#flows.counters[counter])];
  }

  buildRing(members: readonly Member[], slotCount: number): Uint16Array {
    return plainRing(members, slotCount);
  }

  reset(): void {
    this.#flows.reset();
    this.#verdicts.fill(0);
    this.#reasons.fill(0);
  }

  // First stage.

  /** The verdict so far, the reason in its second byte. */
  #classify(descriptor: number, record: number): number {
    const halves = this.#halves;
    const parsed = this.#parsed;
    const frame = this.#words[descriptor];
    const length = this.#words[descriptor + 1];
    parsed[record + SERVICE] = -1;
    parsed[record + HASH_LOW] = 0;
    parsed[record + VLAN_TAG] = 0;
    if (length > this.#frameBytesMax) return dropFor(abi.REASON_OVERSIZE);
    if (length < ETHERNET_BYTES) return dropFor(abi.REASON_ETHERNET_TRUNCATED);
    let ip = frame + ETHERNET_BYTES;
    let type = halves[(frame + 12) >> 1];
    if (type === TYPE_VLAN_NET || type === TYPE_SERVICE_VLAN_NET) {
      ip += 4;
      if (length < ip - frame) return dropFor(abi.REASON_ETHERNET_TRUNCATED);
      parsed[record + VLAN_TAG] = type | (halves[(frame + 14) >> 1] << 16);
      type = halves[(frame + 16) >> 1];
    }
    if (type !== TYPE_IPV4_NET) return abi.VERDICT_PASS;
    return this.#classifyIpv4(record, ip, frame + length - ip);
  }

  #classifyIpv4(record: number, ip: number, available: number): number {
    if (available < IPV4_BYTES) return dropFor(abi.REASON_IPV4_TRUNCATED);
    const words = this.#words;
    const word = ip >> 2;
    const first = words[word];
    if ((first & 0xf0) !== 0x40) return dropFor(abi.REASON_IPV4_VERSION);
    const headerBytes = (first & 15) << 2;
    const totalLength = ((first >>> 8) & 0xff00) | (first >>> 24);
    let reason = checkHeader(words, word, headerBytes, totalLength, available);
    const protocol = (words[word + 2] >>> 8) & 0xff;
    const l4 = word + (headerBytes >> 2);
    if (reason === abi.REASON_NONE) reason = this.#checkSegment(protocol, l4 << 2, totalLength - headerBytes);
    const destination = words[word + 4];
    if (reason !== abi.REASON_NONE) return this.#endpoints.hasVip(destination) ? dropFor(reason) : abi.VERDICT_PASS;

    const ports = words[l4];
    const service = this.#endpoints.find(destination, protocol, ports >>> 16);
    if (service < 0) return this.#endpoints.hasVip(destination) ? dropFor(abi.REASON_NO_RULE) : abi.VERDICT_PASS;
    const parsed = this.#parsed;
    flowHash(this.#hashKey, words[word + 3], destination, ports, protocol, parsed, record + HASH_LOW);
    parsed[record + IP] = ip;
    parsed[record + IP_LENGTH] = totalLength;
    parsed[record + SERVICE] = service;
    parsed[record + PROTOCOL_AND_FLAGS] =
      protocol | (protocol === PROTOCOL_TCP ? ((words[l4 + 3] >>> 8) & 0xff) << 8 : 0);
    return abi.VERDICT_FORWARD;
  }

  #checkSegment(protocol: number, l4: number, segmentBytes: number): number {
    if (protocol === PROTOCOL_TCP) {
      if (segmentBytes < 20) return abi.REASON_TCP_TRUNCATED;
      const headerBytes = (this.#bytes[l4 + 12] >> 4) << 2;
      return headerBytes < 20 || headerBytes > segmentBytes ? abi.REASON_TCP_HEADER_LENGTH : abi.REASON_NONE;
    }
    if (protocol === PROTOCOL_UDP) {
      if (segmentBytes < 8) return abi.REASON_UDP_TRUNCATED;
      const length = swap16(this.#halves[(l4 + 4) >> 1]);
      return length < 8 || length > segmentBytes ? abi.REASON_UDP_LENGTH : abi.REASON_NONE;
    }
    return abi.REASON_PROTOCOL;
  }

  /** Reads one word of every bucket, so that their cache misses overlap; the sum is kept, or the reads would not be. */
  #touch(frames: number): void {
    const parsed = this.#parsed;
    let sum = 0;
    for (let record = 0; record < frames * PARSED_WORDS; record += PARSED_WORDS) {
      sum ^= this.#flows.touch(parsed[record + HASH_LOW]);
    }
    this.#touched[0] = sum;
  }

  // Second stage.

  #forward(descriptor: number, record: number, now: number): void {
    const parsed = this.#parsed;
    const service = parsed[record + SERVICE];
    let verdict = parsed[record + OUTCOME] & 0xff;
    let reason = parsed[record + OUTCOME] >>> 8;
    let backend = -1;
    if (verdict === abi.VERDICT_FORWARD) {
      const slotCount = this.#ringSlotCounts[service];
      const ipLength = parsed[record + IP_LENGTH];
      backend = this.#fixedBackends[service];
      if (slotCount === 0 && backend < 0) {
        reason = abi.REASON_NO_BACKEND;
      } else if (ipLength + abi.TEMPLATE_BARE_BYTES > IPV4_LENGTH_MAX) {
        reason = abi.REASON_OVERSIZE;
      } else {
        if (slotCount !== 0) backend = this.#choose(record, service, slotCount, now);
        this.#encapsulate(descriptor, record, backend);
        this.#backendTraffic[2 * backend]++;
        this.#backendTraffic[2 * backend + 1] += ipLength;
        this.#serviceTraffic[2 * service]++;
        this.#serviceTraffic[2 * service + 1] += ipLength;
      }
      if (reason !== abi.REASON_NONE) verdict = abi.VERDICT_DROP;
    }
    this.#halves[(descriptor << 1) + abi.DESCRIPTOR_VERDICT / 2] = verdict | (reason << 8);
    this.#words[descriptor + abi.DESCRIPTOR_SERVICE / 4] = service;
    this.#words[descriptor + abi.DESCRIPTOR_BACKEND / 4] = backend;
    this.#verdicts[verdict]++;
    if (verdict === abi.VERDICT_DROP) this.#reasons[reason]++;
  }

  #choose(record: number, service: number, slotCount: number, now: number): number {
    const flows = this.#flows;
    const parsed = this.#parsed;
    const protocol = parsed[record + PROTOCOL_AND_FLAGS] & 0xff;
    const tcpFlags = parsed[record + PROTOCOL_AND_FLAGS] >>> 8;
    const word = parsed[record + IP] >> 2;
    const source = this.#words[word + 3];
    const ports = this.#words[word + (this.#words[word] & 15)];
    const flowClass = protocol === PROTOCOL_UDP ? abi.FLOW_CLASS_UDP : abi.FLOW_CLASS_TCP;
    const hashLow = parsed[record + HASH_LOW];
    const flow = flows.find(hashLow, source, ports, service, flowClass);
    const known = flows.follow(flow, tcpFlags, now);
    if (known >= 0) return known;
    const backend = this.#ringBackend(record, service, slotCount, protocol);
    flows.start(flow, { hashLow, source, ports, service, flowClass, backend, tcpFlags, now });
    return backend;
  }

  #ringBackend(record: number, service: number, slotCount: number, protocol: number): number {
    const parsed = this.#parsed;
    const distribution = this.#distributions[service];
    let high = parsed[record + HASH_HIGH];
    if (distribution !== abi.DISTRIBUTION_DEFAULT) {
      const word = parsed[record + IP] >> 2;
      const covered = distribution === abi.DISTRIBUTION_SOURCE_IP ? 0 : protocol;
      const hash = new Int32Array(2);
      flowHash(this.#hashKey, this.#words[word + 3], this.#words[word + 4], 0, covered, hash, 0);
      high = hash[1];
    }
    const slot = Math.floor(((high >>> 0) * slotCount) / WORD_COUNT);
    return this.#rings[this.#ringStarts[service] + slot];
  }

  #encapsulate(descriptor: number, record: number, backend: number): void {
    const words = this.#words;
    const parsed = this.#parsed;
    const ip = parsed[record + IP];
    const ipLength = parsed[record + IP_LENGTH];
    const outerLength = ipLength + abi.TEMPLATE_BARE_BYTES;

    const templates = this.#templates;
    const from = backend * HEADER_WORDS;
    const to = (ip >> 2) - HEADER_WORDS;
    const tos = (words[ip >> 2] >>> 8) & 0xff;
    const lengthNet = swap16(outerLength);
    const checksum = ~fold(this.#headerSums[backend] + (tos << 8) + lengthNet) & 0xffff;
    const sourcePort = swap16(49152 + (parsed[record + HASH_LOW] >>> 18));
    words[to] = templates[from];
    words[to + 1] = templates[from + 1];
    words[to + 2] = templates[from + 2];
    words[to + 3] = templates[from + 3] | (tos << 24);
    words[to + 4] = templates[from + 4] | lengthNet;
    words[to + 5] = templates[from + 5];
    words[to + 6] = templates[from + 6] | checksum;
    words[to + 7] = templates[from + 7];
    words[to + 8] = templates[from + 8] | (sourcePort << 16);
    words[to + 9] = templates[from + 9] | (swap16(outerLength - IPV4_BYTES) << 16);
    words[to + 10] = templates[from + 10];
    words[to + 11] = templates[from + 11];
    words[to + 12] = templates[from + 12];
    words[to + 13] = templates[from + 13];
    words[to + 14] = templates[from + 14];
    words[to + 15] = templates[from + 15];

    let frame = to;
    const tag = this.#vlanTciNet !== 0 ? TYPE_VLAN_NET | (this.#vlanTciNet << 16) : parsed[record + VLAN_TAG];
    if (tag !== 0) {
      frame = to - 1;
      words[frame] = templates[from];
      words[frame + 1] = templates[from + 1];
      words[frame + 2] = templates[from + 2];
      words[frame + 3] = tag;
    }
    words[descriptor] = frame << 2;
    words[descriptor + 1] = ip - (frame << 2) + ipLength;
  }
}

/** (VIP, protocol, port) → service: open addressing over three words per entry. */
class EndpointTable {
  readonly #entries: Int32Array;
  readonly #mask: number;

  constructor(endpoints: DataView) {
    const count = endpoints.byteLength / abi.ENDPOINT_BYTES;
    this.#entries = new Int32Array(3 * count);
    this.#mask = count - 1;
    for (let at = 0; at < endpoints.byteLength; at += abi.ENDPOINT_BYTES) {
      if (endpoints.getUint8(at + abi.ENDPOINT_FAMILY) === 0) continue;
      const portAndProtocol = endpoints.getUint32(at + abi.ENDPOINT_PORT, true) & 0xffffff;
      const entry = this.#probe(endpoints.getInt32(at, true), portAndProtocol);
      this.#entries[entry] = endpoints.getInt32(at, true);
      this.#entries[entry + 1] = portAndProtocol;
      // The entry of a VIP names no service: whatever is not 0 says that it is there.
      const service = endpoints.getUint32(at + abi.ENDPOINT_SERVICE, true);
      this.#entries[entry + 2] = service === abi.NO_INDEX ? 1 : service + 1;
    }
  }

  /** The service of a packet: its own port, then any port, then any protocol; -1 when there is none. */
  find(destination: number, protocol: number, portNet: number): number {
    let service = this.#at(destination, portNet | (protocol << 16));
    if (service < 0) service = this.#at(destination, protocol << 16);
    if (service < 0) service = this.#at(destination, 0);
    return service;
  }

  hasVip(destination: number): boolean {
    return this.#at(destination, abi.ENDPOINT_PROTOCOL_VIP << 16) >= 0;
  }

  #at(address: number, portAndProtocol: number): number {
    return this.#entries[this.#probe(address, portAndProtocol) + 2] - 1;
  }

  #probe(address: number, portAndProtocol: number): number {
    const entries = this.#entries;
    const mask = this.#mask;
    let slot = (Math.imul(address, 0x9e3779b1) ^ Math.imul(portAndProtocol, 0x85ebca77)) >>> 8;
    for (;;) {
      const entry = 3 * (slot++ & mask);
      if (entries[entry + 2] === 0 || (entries[entry] === address && entries[entry + 1] === portAndProtocol)) {
        return entry;
      }
    }
  }
}

function checkHeader(
  words: Int32Array,
  word: number,
  headerBytes: number,
  totalLength: number,
  available: number,
): number {
  if (headerBytes < IPV4_BYTES) return abi.REASON_IPV4_HEADER_LENGTH;
  if (headerBytes > available) return abi.REASON_IPV4_TRUNCATED;
  if (totalLength < headerBytes) return abi.REASON_IPV4_TOTAL_LENGTH;
  if (totalLength > available) return abi.REASON_IPV4_TRUNCATED;
  let sum = 0;
  for (let at = word; at < word + (headerBytes >> 2); at++) sum += (words[at] & 0xffff) + (words[at] >>> 16);
  if (fold(sum) !== 0xffff) return abi.REASON_IPV4_CHECKSUM;
  if ((words[word + 2] & 0xff) === 0) return abi.REASON_TTL;
  const network = words[word + 3] & 0xff;
  if (network === 0 || network === 127 || network >= 224) return abi.REASON_SOURCE;
  if (words[word + 3] === words[word + 4]) return abi.REASON_SOURCE;
  return (words[word + 1] >>> 16) & FRAGMENT_NET ? abi.REASON_FRAGMENT : abi.REASON_NONE;
}

function dropFor(reason: number): number {
  return abi.VERDICT_DROP | (reason << 8);
}

function fold(sum: number): number {
  const folded = (sum & 0xffff) + (sum >>> 16);
  return (folded & 0xffff) + (folded >>> 16);
}

function swap16(half: number): number {
  return ((half & 0xff) << 8) | ((half >>> 8) & 0xff);
}

/** Reads a field of every record of a section. */
function fieldReader(section: DataView, recordBytes: number): (read: (at: number) => number) => Int32Array {
  return (read) =>
    Int32Array.from({ length: section.byteLength / recordBytes }, (_, index) => read(index * recordBytes));
}
