/**
 * JSON text to a value, with the line and column of the first mistake. Engines word their messages differently and most
 * of them leave the position out, so a text that JSON.parse refuses is read once more here, only to find the place.
 */
import { EdgemuxError } from '../errors.js';

/**
 * Parses JSON (RFC 8259); a byte order mark in front, which Windows editors write, is skipped.
 *
 * @throws EdgemuxError `ERR_FABRIC_SYNTAX`, its message saying `line 3, column 14`
 */
export function parseJson(text: string): unknown {
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return JSON.parse(json);
  } catch {
    const offset = mistakeOffset(json);
    const line = json.slice(0, offset).split('\n').length;
    const column = offset - json.lastIndexOf('\n', offset - 1);
    const found = offset < json.length ? JSON.stringify(String.fromCodePoint(json.codePointAt(offset)!)) : 'end';
    throw new EdgemuxError('ERR_FABRIC_SYNTAX', `not JSON: unexpected ${found} at line ${line}, column ${column}`);
  }
}

type Expectation = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma or close' | 'end';

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const CONTROL_MAX = 0x1f;

/** The offset of the first token that cannot stand where it stands; a stack, not recursion, so depth is no danger. */
function mistakeOffset(json: string): number {
  const open: string[] = [];
  let expected: Expectation = 'value';
  let offset = 0;
  const skip = (length: number): boolean => {
    offset += length;
    return length > 0;
  };
  const afterValue = (): Expectation => (open.length === 0 ? 'end' : 'comma or close');

  for (;;) {
    skip(matchLength(SPACE, json, offset));
    const character = json[offset];
    const closes = character !== undefined && character === (open.at(-1) === '{' ? '}' : ']');
    if (closes && open.length > 0 && ['value or ]', 'key or }', 'comma or close'].includes(expected)) {
      open.pop();
      expected = afterValue();
    } else if (expected === 'comma or close' && character === ',') {
      expected = open.at(-1) === '{' ? 'key' : 'value';
    } else if (expected === 'colon' && character === ':') {
      expected = 'value';
    } else if (expected === 'key' || expected === 'key or }') {
      if (!skip(stringLength(json, offset))) return offset;
      expected = 'colon';
      continue;
    } else if ((expected === 'value' || expected === 'value or ]') && (character === '{' || character === '[')) {
      open.push(character);
      expected = character === '{' ? 'key or }' : 'value or ]';
    } else if (
      (expected === 'value' || expected === 'value or ]') &&
      (skip(stringLength(json, offset)) || skip(matchLength(SCALAR, json, offset)))
    ) {
      expected = afterValue();
      continue;
    } else {
      return offset;
    }
    offset += 1;
  }
}

function matchLength(pattern: RegExp, json: string, start: number): number {
  pattern.lastIndex = start;
  return pattern.exec(json)?.[0].length ?? 0;
}

// A loop, because one pattern for a whole string overflows the pattern engine's stack on strings of some megabytes.
function stringLength(json: string, start: number): number {
  if (json[start] !== '"') return 0;
  for (let i = start + 1; i < json.length; i++) {
    if (json[i] === '"') return i + 1 - start;
    if (json.charCodeAt(i) <= CONTROL_MAX) return 0;
    if (json[i] === '\\') {
      const escapeLength = matchLength(ESCAPE, json, i);
      if (escapeLength === 0) return 0;
      i += escapeLength - 1;
    }
  }
  return 0;
}
