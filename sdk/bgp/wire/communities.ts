/**
 * Communities as text: `65000:100` (RFC 1997) and `4200000000:1:2` (RFC 8092 section 5), and the names of those that
 * every router knows.
 */
import { EdgemuxError } from '../../errors.js';

/** Well-known communities: RFC 1997, RFC 7999 (blackhole), RFC 8326 (graceful shutdown). */
const NAMED: ReadonlyMap<string, number> = new Map([
  ['graceful-shutdown', 0xffff0000],
  ['blackhole', 0xffff029a],
  ['no-export', 0xffffff01],
  ['no-advertise', 0xffffff02],
  ['no-export-subconfed', 0xffffff03],
]);

const NAME_OF: ReadonlyMap<number, string> = new Map([...NAMED].map(([name, value]) => [value, name]));

/** A large community: global administrator (an AS), and two numbers of its choice, each 0..4294967295. */
export type LargeCommunity = readonly [globalAdministrator: number, data1: number, data2: number];

/**
 * Reads a community: two numbers 0..65535, or a name of RFC 1997, 7999 or 8326.
 *
 * @returns its 32 bits
 * @throws EdgemuxError `ERR_ROUTES_INVALID`
 * @example
 * ```ts
 * parseCommunity('65000:100'); // 0xfde80064
 * parseCommunity('no-export'); // 0xffffff01
 * ```
 */
export function parseCommunity(text: string): number {
  const named = NAMED.get(text);
  if (named !== undefined) return named;
  const [as, value] = numbers(text, 2, 0xffff) ?? fail('a community such as 65000:100 or no-export', text);
  return as! * 0x10000 + value!;
}

/** Writes the 32 bits of a community: its name where it has one, else `65000:100`. */
export function formatCommunity(community: number): string {
  return NAME_OF.get(community) ?? `${community >>> 16}:${community & 0xffff}`;
}

/**
 * Reads a large community: three numbers 0..4294967295 without leading zeros, so that equal ones are equal strings.
 *
 * @throws EdgemuxError `ERR_ROUTES_INVALID`
 */
export function parseLargeCommunity(text: string): LargeCommunity {
  const parts = numbers(text, 3, 0xffffffff) ?? fail('a large community such as 4200000000:1:2', text);
  return [parts[0]!, parts[1]!, parts[2]!];
}

/** Writes a large community, `4200000000:1:2`. */
export function formatLargeCommunity(community: LargeCommunity): string {
  return community.join(':');
}

function numbers(text: string, count: number, max: number): readonly number[] | undefined {
  const parts = text.split(':');
  const isSound = parts.every((part) => /^(0|[1-9]\d{0,9})$/.test(part) && Number(part) <= max);
  return parts.length === count && isSound ? parts.map(Number) : undefined;
}

function fail(expected: string, text: string): never {
  throw new EdgemuxError('ERR_ROUTES_INVALID', `expected ${expected}, got ${JSON.stringify(text)}`);
}
