/**
 * BGP messages as a strict router reads them: RFC 4271 section 4 with 4760, 5492, 6793, 8950, 4724, 7313, 1997, 8092 and
 * 9003. Written from those, with nothing of sdk/bgp in it. What a sound speaker would not send is `Malformed`, however
 * little a forgiving receiver would mind.
 */

/** A message that no speaker may send. */
export class Malformed extends Error {}

/** Type octets. */
export const OPEN = 1;
export const UPDATE = 2;
export const NOTIFICATION = 3;
export const KEEPALIVE = 4;
export const ROUTE_REFRESH = 5;

export type ModelFamily = 'ipv4' | 'ipv6';

/** What an OPEN says. */
export interface ModelOpen {
  readonly as: number;
  readonly holdTimeSeconds: number;
  /** BGP Identifier as a number. */
  readonly id: number;
  readonly families: readonly ModelFamily[];
  readonly hasFourOctetAs: boolean;
  readonly hasRefresh: boolean;
  readonly hasEnhancedRefresh: boolean;
  /** IPv4 prefixes with an IPv6 next hop. */
  readonly hasExtendedNextHop: boolean;
  readonly restart?: {
    readonly isRestarting: boolean;
    readonly seconds: number;
    readonly preserved: readonly ModelFamily[];
  };
}

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

/** Takes whole messages off the front of a stream: type and body of each. */
export function takeMessages(stream: number[]): { readonly type: number; readonly body: readonly number[] }[] {
  const messages = [];
  while (stream.length >= 19) {
    if (stream.slice(0, 16).some((octet) => octet !== 0xff)) throw new Malformed('marker is not all ones');
    const length = stream[16]! * 256 + stream[17]!;
    if (length < 19 || length > 4096) throw new Malformed(`length ${length}`);
    if (stream.length < length) break;
    const message = stream.splice(0, length);
    messages.push({ type: message[18]!, body: message.slice(19) });
  }
  return messages;
}

/** A whole message. */
export function message(type: number, ...body: readonly (readonly number[])[]): Uint8Array {
  const octets = body.flat();
  return Uint8Array.from([...Array(16).fill(0xff), ...u16(19 + octets.length), type, ...octets]);
}

export function u16(value: number): number[] {
  return [(value >> 8) & 255, value & 255];
}

export function u32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

export function openBody(open: ModelOpen): number[] {
  const capability = (code: number, ...value: number[]) => [code, value.length, ...value];
  const { restart } = open;
  const capabilities = [
    ...open.families.flatMap((family) => capability(1, ...afiOf(family), 0, 1)),
    ...(open.hasRefresh ? capability(2) : []),
    ...(open.hasExtendedNextHop ? capability(5, ...u16(1), ...u16(1), ...u16(2)) : []),
    ...(restart
      ? capability(
          64,
          ...u16((restart.isRestarting ? 0x8000 : 0) | restart.seconds),
          ...open.families.flatMap((family) => [...afiOf(family), 1, restart.preserved.includes(family) ? 0x80 : 0]),
        )
      : []),
    ...(open.hasFourOctetAs ? capability(65, ...u32(open.as)) : []),
    ...(open.hasEnhancedRefresh ? capability(70) : []),
  ];
  const parameters = capabilities.length === 0 ? [] : [2, capabilities.length, ...capabilities];
  const myAs = open.as > 0xffff ? 23456 : open.as;
  return [4, ...u16(myAs), ...u16(open.holdTimeSeconds), ...u32(open.id), parameters.length, ...parameters];
}

export function readOpen(body: readonly number[]): ModelOpen {
  const reader = new Reader(body);
  if (reader.u8() !== 4) throw new Malformed('OPEN: version');
  const myAs = reader.u16();
  const holdTimeSeconds = reader.u16();
  const id = reader.u32();
  if (id === 0) throw new Malformed('OPEN: BGP identifier 0');
  const parameters = reader.part(reader.u8());
  reader.end('OPEN');
  const capabilities = new Map<number, Reader[]>();
  while (parameters.left > 0) {
    if (parameters.u8() !== 2) throw new Malformed('OPEN: optional parameter');
    const list = parameters.part(parameters.u8());
    while (list.left > 0) {
      const code = list.u8();
      capabilities.set(code, [...(capabilities.get(code) ?? []), list.part(list.u8())]);
    }
  }
  const families = (capabilities.get(1) ?? []).map((value) => {
    const family = readFamily(value.u16());
    if (value.u8() !== 0 || value.u8() !== 1) throw new Malformed('OPEN: multiprotocol');
    value.end('multiprotocol');
    return family;
  });
  const as4 = capabilities.get(65)?.[0]?.u32();
  if (as4 !== undefined && myAs !== (as4 > 0xffff ? 23456 : as4)) throw new Malformed('OPEN: My AS');
  const restart = capabilities.get(64)?.[0];
  return {
    as: as4 ?? myAs,
    holdTimeSeconds,
    id,
    families: families.length > 0 ? families : ['ipv4'],
    hasFourOctetAs: as4 !== undefined,
    hasRefresh: capabilities.has(2),
    hasEnhancedRefresh: capabilities.has(70),
    hasExtendedNextHop: capabilities.has(5),
    ...(restart && { restart: readRestart(restart) }),
  };
}

function readRestart(value: Reader): NonNullable<ModelOpen['restart']> {
  const first = value.u16();
  const preserved: ModelFamily[] = [];
  while (value.left > 0) {
    const family = readFamily(value.u16());
    if (value.u8() !== 1) throw new Malformed('graceful restart: SAFI');
    if (value.u8() & 0x80) preserved.push(family);
  }
  return { isRestarting: (first & 0x8000) !== 0, seconds: first & 0x0fff, preserved };
}

/** Reads a ROUTE-REFRESH: its family and subtype (0 asks, 1 begins, 2 ends). */
export function readRefresh(body: readonly number[]): { family: ModelFamily; subtype: number } {
  const reader = new Reader(body);
  const family = readFamily(reader.u16());
  const subtype = reader.u8();
  if (reader.u8() !== 1 || subtype > 2) throw new Malformed('ROUTE-REFRESH');
  reader.end('ROUTE-REFRESH');
  return { family, subtype };
}

export function refreshBody(family: ModelFamily): number[] {
  return [...afiOf(family), 0, 1];
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

export function hex(octets: readonly number[]): string {
  return octets.map((octet) => octet.toString(16).padStart(2, '0')).join('');
}

function afiOf(family: ModelFamily): number[] {
  return [0, family === 'ipv4' ? 1 : 2];
}

function readFamily(afi: number): ModelFamily {
  if (afi !== 1 && afi !== 2) throw new Malformed(`AFI ${afi}`);
  return afi === 1 ? 'ipv4' : 'ipv6';
}

function need<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Malformed(`${name} is missing`);
  return value;
}

class Reader {
  #at = 0;
  constructor(readonly all: readonly number[]) {}

  get left(): number {
    return this.all.length - this.#at;
  }

  octets(count: number): number[] {
    if (count > this.left) throw new Malformed(`${count} octets wanted, ${this.left} there`);
    this.#at += count;
    return this.all.slice(this.#at - count, this.#at);
  }

  u8(): number {
    return this.octets(1)[0]!;
  }

  u16(): number {
    return this.u8() * 256 + this.u8();
  }

  u32(): number {
    return this.u16() * 65536 + this.u16();
  }

  part(count: number): Reader {
    return new Reader(this.octets(count));
  }

  whole<T>(read: (reader: Reader) => T, name: string): T {
    const value = read(this);
    this.end(name);
    return value;
  }

  end(name: string): void {
    if (this.left > 0) throw new Malformed(`${name}: ${this.left} octets too many`);
  }
}
