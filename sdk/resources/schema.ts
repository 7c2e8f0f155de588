/**
 * The building blocks all resource schemas are made of: liberal in what they read, canonical in what they give back.
 *
 * A block's message is the `expected` of its problem. Blocks never see `null`, and never see `""` where a value may be
 * absent: `normalise` has removed both.
 */
import * as v from 'valibot';
import { canonicalIp, formatIp, parseIp } from '../net/address.js';
import { canonicalMac } from '../net/mac.js';
import { canonicalPrefix } from '../net/prefix.js';
import { parseReference, type ResourceKind, referencePattern } from './reference.js';

/** A schema known by what it gives: the full types of schemas run to pages in every message of the compiler. */
export type Schema<TOutput> = v.GenericSchema<unknown, TOutput>;

/** A reference as it stands in a resource: the canonical path of the resource it names. */
export interface ResourceReference {
  readonly resourceRef: string;
}

type ObjectOf<TEntries extends v.ObjectEntries> = Readonly<v.InferOutput<v.ObjectSchema<TEntries, undefined>>>;
type ResourceOf<TProperties extends v.GenericSchema> = {
  readonly resourceId: string;
  readonly properties: v.InferOutput<TProperties>;
};

/** What the walk over a value needs to know of an object schema beyond its entries. */
export interface ObjectMetadata extends Record<string, unknown> {
  /** Members a client may send and nobody reads: server-computed, or of features edgemux does not have. */
  readonly unread?: readonly string[];
  /** The kinds of resources a reference may name. */
  readonly references?: readonly ResourceKind[];
  /** The object may come as an array of one. */
  readonly singleton?: boolean;
}

/** An object; of its other members those in `unread` are dropped silently, the rest are reported as ignored. */
export function object<const TEntries extends v.ObjectEntries>(
  entries: TEntries,
  unread: readonly string[] = [],
): Schema<ObjectOf<TEntries>> {
  return v.pipe(v.object(entries, 'object'), v.metadata({ unread } satisfies ObjectMetadata));
}

/** A resource in its envelope: `{ resourceId, properties }`; MS-NCNBI. */
export function resource<TProperties extends v.GenericSchema>(
  properties: TProperties,
): Schema<ResourceOf<TProperties>> {
  return object({ resourceId: resourceId(), properties }, ENVELOPE_UNREAD) as Schema<ResourceOf<TProperties>>;
}

/** A resource there is one of, with the constant resourceId the Network Controller gives it. */
export function singleton<TProperties extends v.GenericSchema>(
  constantId: string,
  properties: TProperties,
): Schema<ResourceOf<TProperties>> {
  const schema = object({ resourceId: v.optional(oneOf([constantId]), constantId), properties }, ENVELOPE_UNREAD);
  return v.pipe(schema as Schema<ResourceOf<TProperties>>, v.metadata({ singleton: true } satisfies ObjectMetadata));
}

/** The properties of a resource: `object`, with the members every resource's server adds dropped silently too. */
export function properties<const TEntries extends v.ObjectEntries>(
  entries: TEntries,
  unread: readonly string[] = [],
): Schema<ObjectOf<TEntries>> {
  return object(entries, [...unread, 'provisioningState', 'configurationState', 'resourceGuid']);
}

/** A list that is empty when it is absent. */
export function list<TOutput>(item: Schema<TOutput>): v.OptionalSchema<Schema<readonly TOutput[]>, readonly never[]> {
  return v.optional(v.array(item, 'array'), []);
}

/** A list that must be there and have a member; `member` names one. */
export function nonEmptyList<TOutput>(item: Schema<TOutput>, member: string): Schema<readonly TOutput[]> {
  const expected = `array of at least one ${member}`;
  return v.pipe(v.array(item, expected), v.minLength(1, expected));
}

/** An integer from `min` to `max`, both included; also as decimal text, `"80"`. */
export function integer(min: number, max: number, expected = `integer ${min}..${max}`): Schema<number> {
  return v.pipe(
    v.unknown(),
    v.transform(numberOfText),
    v.number(expected),
    v.integer(expected),
    v.minValue(min, expected),
    v.maxValue(max, expected),
  );
}

/** A boolean; also as text in any case, `"True"`. */
export function boolean(): Schema<boolean> {
  return v.pipe(v.unknown(), v.transform(booleanOfText), v.boolean('boolean'));
}

/** One of a set of words, in any case; the output has the spelling given here. */
export function oneOf<const TOption extends string>(options: readonly TOption[]): Schema<TOption> {
  return v.pipe(
    v.unknown(),
    v.transform((input) => options.find((option) => isSameWord(option, input)) ?? input),
    v.picklist(options, options.length === 1 ? `"${options[0]}"` : `one of ${options.join(', ')}`),
  );
}

/** An IPv4 or IPv6 address; the output is canonical. */
export const ipAddress = () => text('ip', 'IPv4 or IPv6 address', canonicalIp);

/** An IP prefix; the output has its host bits cleared. */
export const ipPrefix = () => text('ip-prefix', 'IP prefix such as 10.0.0.0/24', canonicalPrefix);

/** A BGP Identifier: four octets that are not all zero, as an IPv4 address (RFC 6286); the output is canonical. */
export const routerId = () =>
  text('router-id', 'IPv4 address other than 0.0.0.0', (input) => {
    const { family, bytes } = parseIp(input);
    return family === 4 && bytes.some((byte) => byte !== 0) ? formatIp(bytes) : undefined;
  });

/** A MAC address, bare or with separators; the output is lower case with colons. */
export const macAddress = () => text('mac', 'MAC address such as 00:1d:d8:00:00:04', canonicalMac);

/** Exactly `digitCount` hexadecimal digits; the output is lower case. */
export const hex = (digitCount: number) =>
  text('hex', `${digitCount} hexadecimal digits`, (input) =>
    input.length === digitCount && /^[0-9a-f]+$/i.test(input) ? input.toLowerCase() : undefined,
  );

/**
 * Bytes of the longest IP packet a provider network carries: what is left of the least of them inside the largest outer
 * headers is the 1280 bytes every IPv6 link must carry (RFC 8200 section 5).
 */
export const mtuBytes = () => integer(1350, 65535);

/** Free text for people. */
export const words = (): Schema<string> => v.string('text');

/** A reference to a resource of one of `kinds`, `{ resourceRef: '/servers/host-1' }`; the output is canonical. */
export function reference(...kinds: readonly ResourceKind[]): Schema<ResourceReference> {
  const expected = kinds.map((kind) => `reference to a ${kind}, ${referencePattern(kind)}`).join(', or ');
  const resourceRef = text('resource-ref', expected, (input) => {
    const parsed = parseReference(input);
    return parsed !== undefined && kinds.includes(parsed.kind) ? parsed.canonical : undefined;
  });
  return v.pipe(v.object({ resourceRef }, expected), v.metadata({ references: kinds } satisfies ObjectMetadata));
}

const ENVELOPE_UNREAD = ['resourceRef', 'instanceId', 'etag', 'tags', 'resourceMetadata', 'markServerReadOnly'];

// A slash would end the resourceId in every reference to it.
function resourceId(): Schema<string> {
  return text('resource-id', 'resourceId: text without "/"', (input) =>
    input === '' || input.includes('/') ? undefined : input,
  );
}

/** Text with one canonical spelling; `canonical` throws or answers undefined for text that has none. */
export function text(
  format: string,
  expected: string,
  canonical: (input: string) => string | undefined,
): Schema<string> {
  return v.pipe(
    v.string(expected),
    v.rawTransform<string, string>(({ dataset, addIssue, NEVER }) => {
      const spelling = attempt(canonical, dataset.value);
      if (spelling !== undefined) return spelling;
      addIssue({ message: expected });
      return NEVER;
    }),
    v.metadata({ format }),
  );
}

function attempt(canonical: (input: string) => string | undefined, input: string): string | undefined {
  try {
    return canonical(input);
  } catch {
    return undefined;
  }
}

function numberOfText(input: unknown): unknown {
  return typeof input === 'string' && /^-?\d+$/.test(input) ? Number(input) : input;
}

function booleanOfText(input: unknown): unknown {
  if (isSameWord('true', input)) return true;
  return isSameWord('false', input) ? false : input;
}

function isSameWord(word: string, input: unknown): boolean {
  return typeof input === 'string' && input.toLowerCase() === word.toLowerCase();
}
