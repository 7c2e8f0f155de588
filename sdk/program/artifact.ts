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
import { ByteReader, ByteWriter } from '../net/bytes.js';
import { checkProgram } from './check-program.js';
import { invalid, readAddress, readList, writeAddress, writeList } from './record-parts.js';
import {
  readBackend,
  readExemption,
  readMachine,
  readNic,
  readRing,
  readService,
  readSnatRange,
  readSnatRule,
  readTranslation,
  writeBackend,
  writeExemption,
  writeMachine,
  writeNic,
  writeRing,
  writeService,
  writeSnatRange,
  writeSnatRule,
  writeTranslation,
} from './records.js';
import type { HostProgram, MuxProgram, Program } from './types.js';

const MAGIC = 0x58554d45;
/** Version of the bytes; a release reads its own only. */
export const PROGRAM_VERSION = 2;
const DIGEST_BYTES = 32;

const KINDS = ['mux', 'host'] as const;

const SECTION_COUNTS = { mux: 6, host: 5 } as const;

const SECTION_MACHINE = 1;
const SECTION_VIPS = 2;
const SECTION_BACKENDS = 3;
const SECTION_RINGS = 4;
const SECTION_SERVICES = 5;
const SECTION_NICS = 6;
const SECTION_TRANSLATIONS = 7;
const SECTION_SNAT_RANGES = 8;
const SECTION_SNAT_RULES = 9;
const SECTION_EXEMPTIONS = 10;

/** Bytes of a program; `decodeProgram` gives back an equal one. */
export function encodeProgram(program: Program): Uint8Array<ArrayBuffer> {
  const sections = encodeSections(program);
  return new ByteWriter()
    .u32le(MAGIC)
    .u16le(PROGRAM_VERSION)
    .u8(KINDS.indexOf(program.kind))
    .u8(SECTION_COUNTS[program.kind])
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
    return decode(bytes);
  } catch (error) {
    if (error instanceof EdgemuxError && error.code !== 'ERR_PROGRAM_INVALID') throw invalid(error.message);
    throw error;
  }
}

function decode(bytes: Uint8Array): Program {
  const reader = new ByteReader(bytes);
  if (reader.u32le() !== MAGIC) throw invalid('it does not begin with EMUX');
  const version = reader.u16le();
  if (version !== PROGRAM_VERSION)
    throw invalid(`version ${version}, this release reads ${PROGRAM_VERSION}: compile it again`);
  const kind = KINDS[reader.u8()];
  if (kind === undefined) throw invalid('neither for a MUX nor for a host');
  const sectionCount = reader.u8();
  const digest = bytesToHex(reader.bytes(DIGEST_BYTES));
  const payload = reader.bytes(reader.remaining);
  if (bytesToHex(sha256(payload)) !== digest) throw invalid('the digest does not match: it is damaged');

  const sections = new Sections(new ByteReader(payload), sectionCount);
  const program = kind === 'mux' ? readMux(sections, digest) : readHost(sections, digest);
  checkProgram(program);
  // One program, one form: otherwise equal programs could have two digests.
  const canonical = encodeProgram(program);
  if (bytes.length !== canonical.length || bytes.some((byte, at) => byte !== canonical[at])) {
    throw invalid('it is not written as this release writes it');
  }
  return program;
}

function readMux(sections: Sections, digest: string): MuxProgram {
  const snatRanges = sections.list(SECTION_SNAT_RANGES, readSnatRange);
  return {
    kind: 'mux',
    ...sections.read(SECTION_MACHINE, readMachine),
    digest,
    vips: sections.list(SECTION_VIPS, readAddress),
    services: sections.list(SECTION_SERVICES, readService),
    rings: sections.list(SECTION_RINGS, readRing),
    backends: sections.list(SECTION_BACKENDS, readBackend),
    ...(snatRanges.length > 0 && { snatRanges }),
  };
}

function readHost(sections: Sections, digest: string): HostProgram {
  const snatRules = sections.list(SECTION_SNAT_RULES, readSnatRule);
  const exemptions = sections.list(SECTION_EXEMPTIONS, readExemption);
  return {
    kind: 'host',
    ...sections.read(SECTION_MACHINE, readMachine),
    digest,
    nics: sections.list(SECTION_NICS, readNic),
    translations: sections.list(SECTION_TRANSLATIONS, readTranslation),
    ...(snatRules.length > 0 && { snatRules }),
    ...(exemptions.length > 0 && { exemptions }),
  };
}

/** The sections of a program by their id. */
class Sections {
  readonly #sections = new Map<number, ByteReader>();

  constructor(from: ByteReader, count: number) {
    for (let section = 0; section < count; section++) {
      const id = from.u16le();
      this.#sections.set(id, new ByteReader(from.bytes(from.u32le())));
    }
  }

  read<T>(id: number, read: (from: ByteReader) => T): T {
    const from = this.#sections.get(id);
    if (!from) throw invalid(`section ${id} is missing`);
    return read(from);
  }

  list<T>(id: number, read: (from: ByteReader) => T): T[] {
    return this.read(id, (from) => readList(from, read));
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
    section(SECTION_SNAT_RANGES, (to) => writeList(to, program.snatRanges ?? [], writeSnatRange));
  } else {
    section(SECTION_NICS, (to) => writeList(to, program.nics, writeNic));
    section(SECTION_TRANSLATIONS, (to) => writeList(to, program.translations, writeTranslation));
    section(SECTION_SNAT_RULES, (to) => writeList(to, program.snatRules ?? [], writeSnatRule));
    section(SECTION_EXEMPTIONS, (to) => writeList(to, program.exemptions ?? [], writeExemption));
  }
  return writer.toBytes();
}
