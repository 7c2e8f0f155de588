/**
 * The program as bytes: to store, to fetch with an ETag, to ship to a worker.
 *
 *   0       4         6      7          8        40
 *   | EMUX  | version | kind | sections | digest | section | section | …
 *
 *   section | id u16 | bytes u32 | list of records (records.ts) |
 *
 * Integers are little-endian. The digest is SHA-256 of everything behind it, so equal programs are equal bytes.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { EdgemuxError } from '../errors.js';
import { parseIp } from '../net/address.js';
import { ByteReader, ByteWriter } from '../net/bytes.js';
import { RING_SLOT_COUNTS } from '../resources/index.js';
import {
  invalid,
  readAddress,
  readBackend,
  readList,
  readMachine,
  readNic,
  readRing,
  readService,
  readTranslation,
  writeAddress,
  writeBackend,
  writeList,
  writeMachine,
  writeNic,
  writeRing,
  writeService,
  writeTranslation,
} from './records.js';
import type { HostProgram, MuxProgram, Program } from './types.js';

const MAGIC = 0x58554d45;
/** Version of the bytes; a release reads its own only. */
export const PROGRAM_VERSION = 1;
const DIGEST_BYTES = 32;

const KINDS = ['mux', 'host'] as const;

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
  checkIpv4(program.attachment.providerAddress);
  if (program.attachment.vlanId > VLAN_ID_MAX) throw invalid(`VLAN ${program.attachment.vlanId}`);
  if (program.kind === 'host') checkHost(program);
  else checkMux(program);
}

function checkHost({ nics, translations }: HostProgram): void {
  checkUnique(
    'NIC',
    nics.map(({ key }) => key),
  );
  checkUnique(
    'MAC address',
    nics.map(({ macAddress }) => macAddress),
  );
  for (const { vni } of nics) checkVni(vni);
  for (const { nic, vip, dip } of translations) {
    if (nic >= nics.length) throw invalid('a translation of no NIC');
    checkIpv4(vip);
    checkIpv4(dip);
  }
}

function checkMux({ backends, rings, services, vips }: MuxProgram): void {
  checkUnique(
    'backend',
    backends.map(({ key }) => key),
  );
  checkUnique(
    'service',
    services.map(({ key }) => key),
  );
  for (const vip of vips) checkIpv4(vip);
  for (const { vni, dip, hostProviderAddress } of backends) {
    checkVni(vni);
    checkIpv4(dip);
    checkIpv4(hostProviderAddress);
  }
  const ringSlotCounts: readonly number[] = RING_SLOT_COUNTS;
  for (const { slotCount, members, drained = [] } of rings) {
    checkUnique('ring member', [...members.map(({ backend }) => backend), ...drained]);
    if (drained.some((backend) => backend >= backends.length)) throw invalid('a drained member that is no backend');
    if (!ringSlotCounts.includes(slotCount)) throw invalid(`a ring of ${slotCount} slots`);
    if (members.some(({ backend }) => backend >= backends.length)) throw invalid('a ring member that is no backend');
    if (members.some(({ weight }) => weight < 1 || weight > 65_535)) throw invalid('a weight outside 1..65535');
  }
  for (const { key, vip, target } of services) {
    checkIpv4(vip);
    const isKnown = 'ring' in target ? target.ring < rings.length : target.backend < backends.length;
    if (!isKnown) throw invalid(`service ${key} leads nowhere`);
  }
}

const VLAN_ID_MAX = 4094;
const VNI_MAX = 0xffffff;

function checkIpv4(address: string): void {
  if (parseIp(address).family !== 4) throw invalid(`the address ${address}, where this release has IPv4 only`);
}

function checkVni(vni: number): void {
  if (vni > VNI_MAX) throw invalid(`VNI ${vni}`);
}

function checkUnique(what: string, keys: readonly (string | number)[]): void {
  if (new Set(keys).size !== keys.length) throw invalid(`the same ${what} twice`);
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
