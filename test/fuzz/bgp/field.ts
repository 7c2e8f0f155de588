/**
 * A message as a tree of fields, so that a mutation can lie about one length, repeat one attribute or cut one list and
 * leave the rest of the message as it should be.
 */
import { concat } from '../../support/bytes.js';
import type { Random } from '../../support/random.js';

/** Bytes without structure of their own, or fields that are counted by a length in front of them. */
export type Field = Leaf | Group;

export interface Leaf {
  readonly name: string;
  bytes: Uint8Array;
}

export interface Group {
  readonly name: string;
  /** Octets of the length in front, 0..2; 0 is a group that nothing counts. */
  lengthOctets: number;
  /** What the length says beyond the bytes of the fields, as the header's counts the header too. */
  readonly countedBefore: number;
  /** The lie: added to the length. */
  lengthError: number;
  fields: Field[];
}

export function leaf(name: string, ...bytes: readonly number[]): Leaf {
  return { name, bytes: Uint8Array.from(bytes) };
}

export function bytesLeaf(name: string, bytes: Uint8Array): Leaf {
  return { name, bytes };
}

export function u16(name: string, value: number): Leaf {
  return leaf(name, (value >> 8) & 0xff, value & 0xff);
}

export function u32(name: string, value: number): Leaf {
  return leaf(name, value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

export function group(name: string, lengthOctets: number, fields: readonly Field[], countedBefore = 0): Group {
  return { name, lengthOctets, countedBefore, lengthError: 0, fields: [...fields] };
}

/** The bytes of a field, lengths included. */
export function bytesOf(field: Field): Uint8Array {
  if ('bytes' in field) return field.bytes;
  const content = field.fields.map(bytesOf);
  const byteCount = content.reduce((sum, bytes) => sum + bytes.length, 0);
  const length = byteCount + field.countedBefore + field.lengthError;
  const front = Array.from(
    { length: field.lengthOctets },
    (_, i) => (length >> (8 * (field.lengthOctets - 1 - i))) & 0xff,
  );
  return concat(Uint8Array.from(front), ...content);
}

/** Every field of a tree, with the group it stands in. */
function places(root: Group): { readonly parent: Group; readonly index: number; readonly field: Field }[] {
  return root.fields.flatMap((field, index) => [
    { parent: root, index, field },
    ...('fields' in field ? places(field) : []),
  ]);
}

/** Values at which parsers change their mind. */
const EDGES = [0, 1, 2, 3, 4, 5, 31, 32, 33, 127, 128, 129, 254, 255];

/** Changes one thing about one field, in place; says what. */
export function mutate(root: Group, random: Random): string {
  const all = places(root);
  if (all.length === 0) return 'nothing left to change';
  const { parent, index, field } = random.pick(all);
  const twin = random.pick(all);
  switch (random.below(9)) {
    case 0:
      parent.fields.splice(index, 1);
      return `${field.name} left out`;
    case 1:
      parent.fields.splice(index, 0, structuredClone(field));
      return `${field.name} twice`;
    case 2:
      // A copy, so that no field becomes its own ancestor.
      parent.fields[index] = structuredClone(twin.field);
      return `${field.name} replaced by ${twin.field.name}`;
    case 3:
      if ('fields' in field)
        field.lengthError = random.pick([-2, -1, 1, 2, 4, 255, 4096, 65_535]) - (random.oneIn(3) ? 0 : random.below(3));
      else field.bytes = field.bytes.subarray(0, random.below(field.bytes.length + 1));
      return `length of ${field.name}`;
    case 4:
      if ('fields' in field) field.fields.reverse();
      else field.bytes = concat(field.bytes, random.bytes(random.between(1, 5)));
      return `${field.name} longer, or its fields the other way round`;
    case 5:
      if ('fields' in field) field.fields.push(bytesLeaf('noise', random.bytes(random.between(1, 40))));
      else field.bytes = random.bytes(field.bytes.length);
      return `noise in ${field.name}`;
    case 6:
      if ('fields' in field) field.lengthOctets = random.below(3);
      else field.bytes = field.bytes.map((byte) => (random.oneIn(2) ? byte : random.pick(EDGES)));
      return `edges in ${field.name}`;
    case 7:
      if ('fields' in field)
        for (let times = random.between(2, 300); times > 0; times--) field.fields.push(...field.fields.slice(0, 1));
      else field.bytes = field.bytes.map((byte) => byte ^ (1 << random.below(8)));
      return `${field.name} many times, or bits of it`;
    default:
      if ('fields' in field) field.fields = [];
      else field.bytes = new Uint8Array(0);
      return `${field.name} empty`;
  }
}
