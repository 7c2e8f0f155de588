/**
 * UPDATE as a strict router reads it: RFC 4271 section 4.3 with 4760, 4724, 6793, 8950, 1997 and 8092. Written from those,
 * with nothing of sdk/bgp in it; see bgp-message.ts.
 */
import { hex, Malformed, type ModelFamily, Reader, readFamily } from './bgp-message.js';

/** What an UPDATE says; prefixes as `c0000201/32`, paths as a line of text. */
export interface ModelUpdate {
  readonly withdrawn: readonly string[];
  readonly announced: readonly string[];
  readonly path: string;
  readonly family: ModelFamily;
  readonly endOfRib?: ModelFamily;
}

/** How UPDATEs of a session are written. */
export interface ModelSession {
  readonly families: readonly ModelFamily[];
  readonly hasFourOctetAs: boolean;
  readonly hasExtendedNextHop: boolean;
  readonly isExternal: boolean;
  /** The autonomous system of the sender. */
  readonly peerAs: number;
}

export function readUpdate(body: readonly number[], session: ModelSession): ModelUpdate {
  const reader = new Reader(body);
  const withdrawnField = reader.part(reader.u16());
  const attributes = reader.part(reader.u16());
  const isEmpty = reader.left + withdrawnField.left + attributes.left === 0;
  if (isEmpty) return { withdrawn: [], announced: [], path: '', family: 'ipv4', endOfRib: 'ipv4' };
  const withdrawn = readPrefixes(withdrawnField, 'ipv4');
  const announced = readPrefixes(reader, 'ipv4');
  const seen = new Map<number, Reader>();
  while (attributes.left > 0) {
    const flags = attributes.u8();
    const type = attributes.u8();
    const value = attributes.part(flags & 0x10 ? attributes.u16() : attributes.u8());
    const expected = FLAGS[type];
    if (expected === undefined) throw new Malformed(`attribute ${type}`);
    if ((flags & 0xe0) !== expected || (flags & 0x0f) !== 0) throw new Malformed(`flags ${flags} of attribute ${type}`);
    if (seen.has(type)) throw new Malformed(`attribute ${type} twice`);
    seen.set(type, value);
  }
  const unreach = seen.get(15);
  const reach = seen.get(14);
  let family: ModelFamily = 'ipv4';
  let endOfRib: ModelFamily | undefined;
  if (unreach !== undefined) {
    family = readFamily(unreach.u16());
    if (unreach.u8() !== 1) throw new Malformed('MP_UNREACH_NLRI: SAFI');
    if (unreach.left === 0 && seen.size === 1 && announced.length + withdrawn.length === 0) endOfRib = family;
    withdrawn.push(...readPrefixes(unreach, family));
  }
  let nextHop: string | undefined;
  if (reach !== undefined) {
    family = readFamily(reach.u16());
    if (reach.u8() !== 1) throw new Malformed('MP_REACH_NLRI: SAFI');
    nextHop = readNextHop(reach.part(reach.u8()), family, session);
    if (reach.u8() !== 0) throw new Malformed('MP_REACH_NLRI: reserved');
    if (announced.length > 0) throw new Malformed('MP_REACH_NLRI and NLRI');
    announced.push(...readPrefixes(reach, family));
    if (announced.length === 0) throw new Malformed('MP_REACH_NLRI without prefixes');
  }
  if (!session.families.includes(family)) throw new Malformed(`an UPDATE of ${family}, which was not agreed`);
  if (new Set([...withdrawn, ...announced]).size !== withdrawn.length + announced.length) {
    throw new Malformed('a prefix twice in one message');
  }
  if (announced.length === 0) {
    if (seen.size > (unreach === undefined ? 0 : 1)) throw new Malformed('attributes without prefixes');
    return { withdrawn, announced, path: '', family, ...(endOfRib && { endOfRib }) };
  }
  return { withdrawn, announced, family, path: readPath(seen, nextHop, session) };
}

/** Optional, transitive, partial by attribute: what a speaker that makes routes may send. */
const FLAGS: Readonly<Record<number, number>> = {
  1: 0x40,
  2: 0x40,
  3: 0x40,
  4: 0x80,
  5: 0x40,
  8: 0xc0,
  14: 0x80,
  15: 0x80,
  17: 0xc0,
  32: 0xc0,
};

function readPath(seen: ReadonlyMap<number, Reader>, mpNextHop: string | undefined, session: ModelSession): string {
  const { isExternal, hasFourOctetAs, peerAs } = session;
  const origin = need(seen.get(1), 'ORIGIN').whole((value) => value.u8(), 'ORIGIN');
  if (origin !== 0) throw new Malformed(`ORIGIN ${origin}`);
  const asPath = readAsPath(need(seen.get(2), 'AS_PATH'), hasFourOctetAs);
  const as4Path = seen.has(17) ? readAsPath(seen.get(17)!, true) : undefined;
  const isAs4PathNeeded = isExternal && !hasFourOctetAs && peerAs > 0xffff;
  if ((as4Path !== undefined) !== isAs4PathNeeded) throw new Malformed('AS4_PATH');
  const expected = isExternal ? [peerAs] : [];
  if ((as4Path ?? asPath).join() !== expected.join()) throw new Malformed(`AS_PATH ${as4Path ?? asPath}`);
  if (as4Path !== undefined && asPath.join() !== '23456') throw new Malformed(`AS_PATH ${asPath} beside AS4_PATH`);
  if (seen.has(3) === (mpNextHop !== undefined)) throw new Malformed('NEXT_HOP');
  const nextHop = mpNextHop ?? readNextHop(seen.get(3)!, 'ipv4', { ...session, hasExtendedNextHop: false });
  const localPref = seen.get(5)?.whole((value) => value.u32(), 'LOCAL_PREF');
  if ((localPref !== undefined) === isExternal) throw new Malformed(`LOCAL_PREF ${localPref}`);
  const med = seen.get(4)?.whole((value) => value.u32(), 'MULTI_EXIT_DISC');
  const communities = readList(seen.get(8), 1);
  const largeCommunities = readList(seen.get(32), 3);
  return pathText({ nextHop, med, communities, largeCommunities });
}

/** A path as it is compared: next hop in hexadecimal, communities as numbers, sorted. */
export function pathText(path: {
  readonly nextHop: string;
  readonly med: number | undefined;
  readonly communities: readonly string[];
  readonly largeCommunities: readonly string[];
}): string {
  const { nextHop, med, communities, largeCommunities } = path;
  return `${nextHop} med ${med ?? 'none'} [${[...communities].sort()}] [${[...largeCommunities].sort()}]`;
}

function readAsPath(value: Reader, hasFourOctetAs: boolean): number[] {
  const path: number[] = [];
  while (value.left > 0) {
    if (value.u8() !== 2) throw new Malformed('AS_PATH: not a sequence');
    const count = value.u8();
    if (count === 0) throw new Malformed('AS_PATH: an empty segment');
    for (let i = 0; i < count; i++) path.push(hasFourOctetAs ? value.u32() : value.u16());
  }
  return path;
}

function readNextHop(value: Reader, family: ModelFamily, { hasExtendedNextHop }: ModelSession): string {
  const isExtended = family === 'ipv4' && hasExtendedNextHop && value.left === 16;
  const octetCount = family === 'ipv6' || isExtended ? 16 : 4;
  if (value.left !== octetCount) throw new Malformed(`next hop of ${value.left} octets for ${family}`);
  return hex(value.octets(octetCount));
}

function readList(value: Reader | undefined, wordCount: number): string[] {
  if (value === undefined) return [];
  const items: string[] = [];
  while (value.left > 0) items.push(Array.from({ length: wordCount }, () => value.u32()).join(':'));
  if (items.length === 0 || new Set(items).size !== items.length) throw new Malformed('communities empty or twice');
  return items;
}

function readPrefixes(field: Reader, family: ModelFamily): string[] {
  const octetCount = family === 'ipv4' ? 4 : 16;
  const prefixes: string[] = [];
  while (field.left > 0) {
    const length = field.u8();
    if (length > octetCount * 8) throw new Malformed(`prefix length ${length}`);
    const octets = field.octets(Math.ceil(length / 8));
    const spareBits = octets.length * 8 - length;
    if (spareBits > 0 && (octets.at(-1)! & ((1 << spareBits) - 1)) !== 0) throw new Malformed('host bits in a prefix');
    prefixes.push(`${hex([...octets, ...Array(octetCount - octets.length).fill(0)])}/${length}`);
  }
  return prefixes;
}

function need<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Malformed(`${name} is missing`);
  return value;
}
