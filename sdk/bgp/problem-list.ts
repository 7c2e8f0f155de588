/** Collects what is wrong with options and routes, so that all of it is said at once. */
import { EdgemuxError, type ErrorCode, type Problem } from '../errors.js';
import { parseIp } from '../net/address.js';
import { unusablePrefixOf } from '../net/unicast.js';

const GOT_LENGTH_MAX = 80;

/** Problems by path, and the checks that several of the readers need. */
export class ProblemList {
  readonly #problems: Problem[] = [];

  get count(): number {
    return this.#problems.length;
  }

  /** Notes that `got`, the offending value itself, is not what was expected. */
  add(path: string, expected: string, got: unknown): void {
    this.#problems.push({ path, expected, got: valueText(got) });
  }

  /** An integer in first..last; an absent one is a problem. */
  checkInteger(path: string, value: unknown, first: number, last: number, alsoAllowed?: number): void {
    if (Number.isInteger(value) && ((value as number) >= first || value === alsoAllowed) && (value as number) <= last) {
      return;
    }
    const or = alsoAllowed === undefined ? '' : `${alsoAllowed} or `;
    this.add(path, `${or}${first}..${last}`, value);
  }

  /** An address of one machine, of `family` where that is given; returns whether it is. */
  checkAddress(path: string, value: unknown, family?: 4 | 6): value is string {
    return this.#checkAddress(path, value, family, false);
  }

  /** The same, or a loopback address: a peer may be a router on this very machine. */
  checkPeerAddress(path: string, value: unknown, family?: 4 | 6): value is string {
    return this.#checkAddress(path, value, family, true);
  }

  #checkAddress(path: string, value: unknown, family: 4 | 6 | undefined, mayBeLoopback: boolean): value is string {
    const isRight = typeof value === 'string' && isAddressOf(value, family, mayBeLoopback);
    if (!isRight)
      this.add(path, family === undefined ? 'an IP address of one host' : `an IPv${family} address of one host`, value);
    return isRight;
  }

  /** `true` or `false`, or nothing. */
  checkOptionalBoolean(path: string, value: unknown): void {
    if (value !== undefined && typeof value !== 'boolean') this.add(path, 'true or false', value);
  }

  /** @throws EdgemuxError with every problem, when there is one */
  throwIfAny(code: ErrorCode, message: string): void {
    if (this.#problems.length > 0) throw new EdgemuxError(code, message, this.#problems);
  }
}

const LOOPBACK = ['127.0.0.0/8', '::1/128'];

function isAddressOf(text: string, family: 4 | 6 | undefined, mayBeLoopback: boolean): boolean {
  try {
    const address = parseIp(text);
    const unusable = unusablePrefixOf(text);
    const isUsable = unusable === undefined || (mayBeLoopback && LOOPBACK.includes(unusable));
    return isUsable && (family === undefined || address.family === family);
  } catch {
    return false;
  }
}

function valueText(value: unknown): string {
  if (value === undefined) return 'nothing';
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A bigint, or a circle.
  }
  text ??= String(value);
  return text.length > GOT_LENGTH_MAX ? `${text.slice(0, GOT_LENGTH_MAX - 1)}…` : text;
}
