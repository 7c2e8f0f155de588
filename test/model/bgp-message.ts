/**
 * BGP messages as a strict router reads them, UPDATE aside: RFC 4271 section 4 with 4760, 5492, 6793, 8950, 4724 and
 * 7313. Written from those, with nothing of sdk/bgp in it. What a sound speaker would not send is `Malformed`, however
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

export function hex(octets: readonly number[]): string {
  return octets.map((octet) => octet.toString(16).padStart(2, '0')).join('');
}

function afiOf(family: ModelFamily): number[] {
  return [0, family === 'ipv4' ? 1 : 2];
}

export function readFamily(afi: number): ModelFamily {
  if (afi !== 1 && afi !== 2) throw new Malformed(`AFI ${afi}`);
  return afi === 1 ? 'ipv4' : 'ipv6';
}

/** Octets in order; what is read beyond their end is `Malformed`. */
export class Reader {
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
