/**
 * How a problem names its place and shows the offending value: `loadBalancers[0].properties.probes[1]` and JSON text.
 */

/** The keys and indexes that lead from the fabric to a value. */
export type Path = readonly (string | number)[];

/** Collects one problem; `got` is the offending value itself. */
export type Report = (path: string, expected: string, got: unknown) => void;

const SECRET_KEYS = new Set(['md5key']);
const SECRET_TEXT = '"…"';

/** A path as JavaScript would reach it; the fabric itself is `fabric`. */
export function pathText(path: Path): string {
  if (path.length === 0) return 'fabric';
  return path.map((key, i) => stepText(key, i === 0)).join('');
}

/** Whether the value under a key is for nobody's eyes; in any case, as keys are. */
export function isSecretKey(key: string | number | undefined): boolean {
  return typeof key === 'string' && SECRET_KEYS.has(key.toLowerCase());
}

/**
 * The JSON text of a value, cut after about `lengthMax` characters; `nothing` for a value that is absent. A secret in it
 * becomes `"…"`, and so does the value itself when `key`, its own, is a secret's.
 */
export function jsonExcerpt(value: unknown, key?: string | number, lengthMax = 80): string {
  if (value === undefined) return 'nothing';
  if (isSecretKey(key)) return SECRET_TEXT;
  const text = jsonText(value, lengthMax);
  return text.length > lengthMax ? `${text.slice(0, lengthMax - 1)}…` : text;
}

function stepText(key: string | number, first: boolean): string {
  if (typeof key === 'number') return `[${key}]`;
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `[${jsonExcerpt(key)}]`;
  return first ? key : `.${key}`;
}

// JSON.stringify walks the whole value and its recursion overflows on a hostile depth. Here every level spends at least
// one character of the budget, so neither width nor depth matters.
function jsonText(value: unknown, budget: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, budget + 1));
  if (typeof value !== 'object' || value === null) return String(value);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  let text = open;
  for (const [key, member] of Object.entries(value)) {
    if (text.length > budget) return text;
    if (text !== open) text += ',';
    if (!Array.isArray(value)) text += `${JSON.stringify(key.slice(0, budget + 1))}:`;
    text += isSecretKey(key) ? SECRET_TEXT : jsonText(member, budget - text.length);
  }
  return text + close;
}
