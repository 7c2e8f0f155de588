/**
 * The program as bytes: to store, to fetch with an ETag, to ship to a worker.
 *
 *   0       4         6      7          8        40
 *   | EMUX  | version | kind | sections | digest | section | section | …
 *
 *   section   | id u16 | bytes u32 | payload |
 *   list      | count u32 | item | item | …
 *   text      | bytes u16 | UTF-8 |            address | bytes u8: 4 or 16 | network order |
 *
 * Integers are little-endian. The digest is SHA-256 of everything behind it, so equal programs are equal bytes.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { EdgemuxError } from '../errors.js';
import { formatIp, parseIp } from '../net/address.js';
import { ByteReader, ByteWriter } from '../net/bytes.js';
import { formatMac, MAC_BYTES, macBytes } from '../net/mac.js';
import { RING_SLOT_COUNTS } from '../resources/index.js';
import type {
  Attachment,
  Backend,
  Distribution,
  HostProgram,
  MuxProgram,
  Nic,
  Program,
  Ring,
  Service,
  Translation,
} from './types.js';

const MAGIC = 0x58554d45;
export const PROGRAM_VERSION = 1;
const DIGEST_BYTES = 32;
const HASH_KEY_BYTES = 16;

const KINDS = ['mux', 'host'] as const;
const DISTRIBUTIONS: readonly Distribution[] = ['Default', 'SourceIP', 'SourceIPProtocol'];

const SECTION_MACHINE = 1;
const SECTION_VIPS = 2;
const SECTION_BACKENDS = 3;
const SECTION_RINGS = 4;
const SECTION_SERVICES = 5;
const SECTION_NICS = 6;
const SECTION_TRANSLATIONS = 7;

/** Bytes of a program; `decodeProgram` gives back an equal one. */
export function encodeProgram(program: Program): Uint8Array<ArrayBuffer> {
  const sections = encodeSections(program);
  return new ByteWriter()
    .u32le(MAGIC)
    .u16le(PROGRAM_VERSION)
    .u8(KINDS.indexOf(program.kind))
    .u8(program.kind === 'mux' ? 5 : 3)
    .bytes(sha256(sections))
    .bytes(sections)
    .toBytes();
}

/** Completes a program with the digest of its sections. */
export function withDigest<T extends Program>(program: Omit<T, 'digest'>): T {
  const undigested = { ...program, digest: '' } as T;
  return { ...undigested, digest: bytesToHex(sha256(encodeSections(undigested))) };
}

/**
 * Reads a program.
 *
 * @throws EdgemuxError `ERR_PROGRAM_INVALID` when the bytes are no program, one of another version, or damaged
 */
export function decodeProgram(bytes: Uint8Array): Program {
  try {
    return decode(new ByteReader(bytes));
  } catch (error) {
    if (error instanceof EdgemuxError && error.code !== 'ERR_PROGRAM_INVALID') throw invalid(error.message);
    throw error;
  }
}

function decode(reader: ByteReader): Program {
  if (reader.u32le() !== MAGIC) throw invalid('it does not begin with EMUX');
  const version = reader.u16le();
  if (version !== PROGRAM_VERSION)
    throw invalid(`version ${version}, this release reads ${PROGRAM_VERSION}: compile it again`);
  const kind = KINDS[reader.u8()];
  if (kind === undefined) throw invalid('neither for a MUX nor for a host');
  const sectionCount = reader.u8();
  const digest = reader.bytes(DIGEST_BYTES);
  const payload = reader.bytes(reader.remaining);
  if (bytesToHex(sha256(payload)) !== bytesToHex(digest)) throw invalid('the digest does not match: it is damaged');

  const sections = new Map<number, ByteReader>();
  const body = new ByteReader(payload);
  for (let section = 0; section < sectionCount; section++) {
    const id = body.u16le();
    sections.set(id, new ByteReader(body.bytes(body.u32le())));
  }
  const section = <T>(id: number, read: (from: ByteReader) => T): T => {
    const from = sections.get(id);
    if (!from) throw invalid(`section ${id} is missing`);
    return read(from);
  };
  const machine = section(SECTION_MACHINE, readMachine);
  const program: Program =
    kind === 'mux'
      ? {
          kind,
          ...machine,
          digest: bytesToHex(digest),
          vips: section(SECTION_VIPS, (from) => readList(from, readAddress)),
          services: section(SECTION_SERVICES, (from) => readList(from, readService)),
          rings: section(SECTION_RINGS, (from) => readList(from, readRing)),
          backends: section(SECTION_BACKENDS, (from) => readList(from, readBackend)),
        }
      : {
          kind,
          ...machine,
          digest: bytesToHex(digest),
          nics: section(SECTION_NICS, (from) => readList(from, readNic)),
          translations: section(SECTION_TRANSLATIONS, (from) => readList(from, readTranslation)),
        };
  checkReferences(program);
  return program;
}

/** A digest proves that nobody damaged a program, not that whoever made it did so well. */
function checkReferences(program: Program): void {
  if (program.kind === 'host') {
    if (program.translations.some(({ nic }) => nic >= program.nics.length)) throw invalid('a translation of no NIC');
    return;
  }
  const { backends, rings, services } = program;
  const ringSlotCounts: readonly number[] = RING_SLOT_COUNTS;
  for (const { slotCount, members } of rings) {
    if (!ringSlotCounts.includes(slotCount)) throw invalid(`a ring of ${slotCount} slots`);
    if (members.some(({ backend }) => backend >= backends.length)) throw invalid('a ring member that is no backend');
    if (members.some(({ weight }) => weight < 1 || weight > 65_535)) throw invalid('a weight outside 1..65535');
  }
  for (const { key, target } of services) {
    const isKnown = 'ring' in target ? target.ring < rings.length : target.backend < backends.length;
    if (!isKnown) throw invalid(`service ${key} leads nowhere`);
  }
}

function encodeSections(program: Program): Uint8Array {
  const writer = new ByteWriter();
  const section = (id: number, write: (to: ByteWriter) => void) => {
    const payload = new ByteWriter();
    write(payload);
    writer.u16le(id).u32le(payload.offset).bytes(payload.toBytes());
  };
  section(SECTION_MACHINE, (to) => writeMachine(to, program));
  if (program.kind === 'mux') {
    section(SECTION_VIPS, (to) => writeList(to, program.vips, writeAddress));
    section(SECTION_BACKENDS, (to) => writeList(to, program.backends, writeBackend));
    section(SECTION_RINGS, (to) => writeList(to, program.rings, writeRing));
    section(SECTION_SERVICES, (to) => writeList(to, program.services, writeService));
  } else {
    section(SECTION_NICS, (to) => writeList(to, program.nics, writeNic));
    section(SECTION_TRANSLATIONS, (to) => writeList(to, program.translations, writeTranslation));
  }
  return writer.toBytes();
}

// Records, each as a pair: what writes it and what reads it.

type Machine = Pick<MuxProgram | HostProgram, 'id' | 'attachment' | 'flowHashKey'>;

function writeMachine(to: ByteWriter, { id, attachment, flowHashKey }: Machine): void {
  writeText(to, id);
  writeAddress(to, attachment.providerAddress);
  to.bytes(macBytes(attachment.macAddress));
  to.u8(attachment.gatewayMacAddress === undefined ? 0 : 1);
  to.bytes(
    attachment.gatewayMacAddress === undefined ? new Uint8Array(MAC_BYTES) : macBytes(attachment.gatewayMacAddress),
  );
  to.u16le(attachment.vlanId);
  to.bytes(hexToBytes(flowHashKey));
}

function readMachine(from: ByteReader): Machine {
  const id = readText(from);
  const providerAddress = readAddress(from);
  const macAddress = readMac(from);
  const isGatewayKnown = from.u8() !== 0;
  const gateway = readMac(from);
  const attachment: Attachment = {
    providerAddress,
    macAddress,
    gatewayMacAddress: isGatewayKnown ? gateway : undefined,
    vlanId: from.u16le(),
  };
  return { id, attachment, flowHashKey: bytesToHex(from.bytes(HASH_KEY_BYTES)) };
}

function writeBackend(to: ByteWriter, backend: Backend): void {
  writeText(to, backend.key);
  writeAddress(to, backend.dip);
  to.u32le(backend.vni).bytes(macBytes(backend.macAddress));
  writeText(to, backend.host);
  writeAddress(to, backend.hostProviderAddress);
  to.bytes(macBytes(backend.nextHopMacAddress));
}

function readBackend(from: ByteReader): Backend {
  return {
    key: readText(from),
    dip: readAddress(from),
    vni: from.u32le(),
    macAddress: readMac(from),
    host: readText(from),
    hostProviderAddress: readAddress(from),
    nextHopMacAddress: readMac(from),
  };
}

function writeRing(to: ByteWriter, ring: Ring): void {
  to.u32le(ring.slotCount);
  writeList(to, ring.members, (into, { backend, weight }) => into.u32le(backend).u32le(weight));
}

function readRing(from: ByteReader): Ring {
  return {
    slotCount: from.u32le(),
    members: readList(from, (of) => ({ backend: of.u32le(), weight: of.u32le() })),
  };
}

function writeService(to: ByteWriter, service: Service): void {
  writeText(to, service.key);
  writeAddress(to, service.vip);
  to.u8(service.protocol).u16le(service.port).u8(DISTRIBUTIONS.indexOf(service.distribution));
  to.u32le(service.idleTimeoutMs)
    .u16le(service.backendPort)
    .u8(service.floatingIp ? 1 : 0);
  writeText(to, service.rule);
  const { target } = service;
  if ('ring' in target) to.u8(0).u32le(target.ring);
  else to.u8(1).u32le(target.backend);
}

function readService(from: ByteReader): Service {
  return {
    key: readText(from),
    vip: readAddress(from),
    protocol: readProtocol(from),
    port: from.u16le(),
    distribution: readDistribution(from),
    idleTimeoutMs: from.u32le(),
    backendPort: from.u16le(),
    floatingIp: from.u8() !== 0,
    rule: readText(from),
    target: from.u8() === 0 ? { ring: from.u32le() } : { backend: from.u32le() },
  };
}

function writeNic(to: ByteWriter, nic: Nic): void {
  writeText(to, nic.key);
  to.bytes(macBytes(nic.macAddress)).u32le(nic.vni);
}

function readNic(from: ByteReader): Nic {
  return { key: readText(from), macAddress: readMac(from), vni: from.u32le() };
}

function writeTranslation(to: ByteWriter, translation: Translation): void {
  to.u32le(translation.nic);
  writeAddress(to, translation.vip);
  to.u8(translation.protocol).u16le(translation.port);
  writeAddress(to, translation.dip);
  to.u16le(translation.backendPort)
    .u8(translation.floatingIp ? 1 : 0)
    .u32le(translation.idleTimeoutMs);
  writeText(to, translation.rule);
}

function readTranslation(from: ByteReader): Translation {
  return {
    nic: from.u32le(),
    vip: readAddress(from),
    protocol: readProtocol(from),
    port: from.u16le(),
    dip: readAddress(from),
    backendPort: from.u16le(),
    floatingIp: from.u8() !== 0,
    idleTimeoutMs: from.u32le(),
    rule: readText(from),
  };
}

// Parts of records.

function writeList<T>(to: ByteWriter, items: readonly T[], write: (to: ByteWriter, item: T) => void): void {
  to.u32le(items.length);
  for (const item of items) write(to, item);
}

function readList<T>(from: ByteReader, read: (from: ByteReader) => T): T[] {
  const items: T[] = [];
  // No array of the announced length is made: the bytes have to be there first.
  for (let left = from.u32le(); left > 0; left--) items.push(read(from));
  return items;
}

function writeText(to: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text);
  to.u16le(bytes.length).bytes(bytes);
}

function readText(from: ByteReader): string {
  return from.utf8(from.u16le());
}

function writeAddress(to: ByteWriter, address: string): void {
  const { bytes } = parseIp(address);
  to.u8(bytes.length).bytes(bytes);
}

function readAddress(from: ByteReader): string {
  return formatIp(from.bytes(from.u8()));
}

function readMac(from: ByteReader): string {
  return formatMac(from.bytes(MAC_BYTES));
}

function readProtocol(from: ByteReader): Service['protocol'] {
  const protocol = from.u8();
  if (protocol !== 0 && protocol !== 6 && protocol !== 17) throw invalid(`protocol ${protocol}`);
  return protocol;
}

function readDistribution(from: ByteReader): Distribution {
  const distribution = DISTRIBUTIONS[from.u8()];
  if (distribution === undefined) throw invalid('unknown distribution');
  return distribution;
}

function invalid(why: string): EdgemuxError {
  return new EdgemuxError('ERR_PROGRAM_INVALID', `not a program of edgemux: ${why}`);
}
