/**
 * The liberal half of reading: gives a value the spelling its schema has, before the schema judges it.
 *
 * Keys match in any case, `null` and (where a member is optional) `""` are absent, a singleton may be an array of one.
 * The value that comes out is a copy with schema keys only, so a `__proto__` in the input reaches nothing.
 */
import * as v from 'valibot';
import type { Problem } from '../errors.js';
import { isSecretKey, jsonExcerpt, type Path, pathText } from './problem.js';
import type { ObjectMetadata } from './schema.js';

/** A value in its schema's spelling, and what was noticed on the way. */
export interface Normalised {
  readonly value: unknown;
  readonly problems: Problem[];
  /** Paths of members the schema does not know. */
  readonly ignored: string[];
  readonly references: ReferenceSlot[];
}

/** A place in the normalised value where a reference stands; assigning `holder.resourceRef` changes it there. */
export interface ReferenceSlot {
  readonly holder: { resourceRef: string };
  readonly path: Path;
}

/** Walks value and schema together. Recursion is as deep as the schema, whatever the value. */
export function normalise(schema: v.GenericSchema, value: unknown): Normalised {
  const findings: Findings = { problems: [], ignored: [], references: [] };
  return { value: visit(schema, value, [], findings), ...findings };
}

type Findings = Omit<Normalised, 'value'>;

interface Entry {
  readonly key: string;
  readonly schema: v.GenericSchema;
  readonly optional: boolean;
}

function visit(schema: v.GenericSchema, value: unknown, path: Path, findings: Findings): unknown {
  const bare = unwrap(schema);
  if (isArraySchema(bare)) {
    if (!Array.isArray(value)) return value;
    return value.map((item, index) => visit(bare.item, item, [...path, index], findings));
  }
  if (!isObjectSchema(bare)) return value;
  const metadata: ObjectMetadata = v.getMetadata(bare);
  const only = metadata.singleton && Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (Array.isArray(only)) {
    // To valibot an array is an object too, one whose members are all missing; so the verdict is given here.
    findings.problems.push({ path: pathText(path), expected: 'object', got: jsonExcerpt(only, path.at(-1)) });
    return undefined;
  }
  if (typeof only !== 'object' || only === null) return only;
  return visitObject(bare, metadata, only as Record<string, unknown>, path, findings);
}

function visitObject(
  schema: ObjectSchema,
  metadata: ObjectMetadata,
  value: Record<string, unknown>,
  path: Path,
  findings: Findings,
): Record<string, unknown> {
  const entries = entriesOf(schema);
  const unread = new Set(metadata.unread?.map(fold));
  const spellings = new Map<string, string>();
  const output: Record<string, unknown> = {};

  for (const [key, input] of Object.entries(value)) {
    const entry = entries.get(fold(key));
    const memberPath = [...path, entry?.key ?? key];
    const twin = spellings.get(fold(key));
    spellings.set(fold(key), key);
    if (twin !== undefined) {
      const expected = 'one spelling of the key';
      findings.problems.push({ path: pathText(memberPath), expected, got: jsonExcerpt([twin, key]) });
    } else if (entry === undefined) {
      if (!unread.has(fold(key))) findings.ignored.push(pathText(memberPath));
    } else if (!isAbsent(input, entry)) {
      output[entry.key] = visit(entry.schema, input, memberPath, findings);
    }
  }
  // With the key there, the member's own schema says what it expected; without, only the object's would speak.
  for (const { key, optional } of entries.values()) if (!optional && !(key in output)) output[key] = undefined;

  if (metadata.references !== undefined && isHolder(output)) findings.references.push({ holder: output, path });
  return output;
}

function isAbsent(input: unknown, entry: Entry): boolean {
  if (input === null || input === undefined) return true;
  // A key that came out empty is a mistake: taken for absent, it would leave unprotected what it should protect.
  return input === '' && entry.optional && !isSecretKey(entry.key);
}

function isHolder(output: Record<string, unknown>): output is { resourceRef: string } {
  return typeof output.resourceRef === 'string';
}

type ObjectSchema = v.ObjectSchema<v.ObjectEntries, v.ErrorMessage<v.ObjectIssue> | undefined>;
type ArraySchema = v.ArraySchema<v.GenericSchema, v.ErrorMessage<v.ArrayIssue> | undefined>;

const ENTRIES = new WeakMap<ObjectSchema, ReadonlyMap<string, Entry>>();

function entriesOf(schema: ObjectSchema): ReadonlyMap<string, Entry> {
  const known = ENTRIES.get(schema);
  if (known !== undefined) return known;
  const entries = new Map<string, Entry>();
  for (const [key, inner] of Object.entries(schema.entries as Record<string, v.GenericSchema>)) {
    entries.set(fold(key), { key, schema: inner, optional: 'wrapped' in inner });
  }
  ENTRIES.set(schema, entries);
  return entries;
}

function unwrap(schema: v.GenericSchema): v.GenericSchema {
  return 'wrapped' in schema ? unwrap(schema.wrapped as v.GenericSchema) : schema;
}

function isObjectSchema(schema: v.GenericSchema): schema is ObjectSchema & v.GenericSchema {
  return schema.type === 'object';
}

function isArraySchema(schema: v.GenericSchema): schema is ArraySchema & v.GenericSchema {
  return schema.type === 'array';
}

function fold(key: string): string {
  return key.toLowerCase();
}
