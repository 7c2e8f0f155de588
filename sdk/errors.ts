/**
 * Every error edgemux throws on purpose, each with a stable `code` that programs may switch on.
 *
 * The control plane says which, expected and got, and says all of it at once; the data plane never throws: it
 * returns a verdict and counts a reason.
 */

/**
 * One thing that is wrong, and where.
 *
 * `path` is written as JavaScript would reach it, `loadBalancers[0].properties.probes[1].properties.port`;
 * `expected` is a phrase without a full stop; `got` is the JSON text of the offending value, or `nothing`.
 */
export interface Problem {
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

/**
 * The stable error codes.
 *
 * | code | thrown when |
 * |---|---|
 * | `ERR_FABRIC_SYNTAX` | a fabric file is not JSON |
 * | `ERR_RESOURCE_INVALID` | resources break the schema, or refer to what does not exist |
 * | `ERR_UNKNOWN_ID` | a MUX, host or other resource was asked for by an id the fabric does not have |
 * | `ERR_ADDRESS_INVALID` | text is not an IP address, prefix or MAC address |
 * | `ERR_CAPTURE_INVALID` | a file is no pcap or pcapng capture, or breaks off inside its header |
 * | `ERR_PROGRAM_INVALID` | bytes are not a program this version understands, or their digest does not match |
 * | `ERR_CAPACITY` | a program needs more than the capacities the data plane was loaded with |
 * | `ERR_ABI_MISMATCH` | the Wasm module was built from another version of the boundary |
 * | `ERR_OUT_OF_BOUNDS` | a reader or writer was asked to go past the end of its bytes |
 * | `ERR_UNSUPPORTED` | policy or platform asks for what this release cannot do |
 * | `ERR_FLOWS_INVALID` | bytes are no exported flows this version understands, or damaged |
 * | `ERR_FLOWS_FOREIGN` | exported flows were hashed with another `flowHashKey` than the MUX's |
 * | `ERR_SOCKET` | a port cannot be bound |
 * | `ERR_PORT` | a packet port cannot be opened: no such interface, no privilege, taken, too small an MTU, not in this kernel |
 * | `ERR_THREAD_LOST` | the thread of a data plane ended by itself, or was stopped before |
 * | `ERR_SPEAKER_LOST` | the thread of a speaker ended by itself, or was stopped before |
 * | `ERR_ROUTES_INVALID` | routes to announce cannot be read, contradict each other, or do not fit a BGP message |
 * | `ERR_SPEAKER_INVALID` | options of a BGP speaker break their ranges, or do not fit together |
 * | `ERR_FLOW_SYNTAX` | the text of a flow (`tcp 192.0.2.7:40000 > 80.80.80.80:80`) cannot be read |
 */
export type ErrorCode =
  | 'ERR_FABRIC_SYNTAX'
  | 'ERR_RESOURCE_INVALID'
  | 'ERR_UNKNOWN_ID'
  | 'ERR_ADDRESS_INVALID'
  | 'ERR_CAPTURE_INVALID'
  | 'ERR_PROGRAM_INVALID'
  | 'ERR_CAPACITY'
  | 'ERR_ABI_MISMATCH'
  | 'ERR_OUT_OF_BOUNDS'
  | 'ERR_UNSUPPORTED'
  | 'ERR_FLOWS_INVALID'
  | 'ERR_FLOWS_FOREIGN'
  | 'ERR_SOCKET'
  | 'ERR_PORT'
  | 'ERR_THREAD_LOST'
  | 'ERR_SPEAKER_LOST'
  | 'ERR_ROUTES_INVALID'
  | 'ERR_SPEAKER_INVALID'
  | 'ERR_FLOW_SYNTAX';

/**
 * An error with a stable `code` and, where input was at fault, every problem found in it.
 *
 * @example
 * ```ts
 * try {
 *   readFabric(text);
 * } catch (error) {
 *   if (error instanceof EdgemuxError) for (const p of error.problems) console.error(formatProblem(p));
 * }
 * ```
 */
export class EdgemuxError extends Error {
  override readonly name = 'EdgemuxError';
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, problems: readonly Problem[] = []) {
    super(problems.length === 0 ? message : [message, ...problems.map((p) => `  ${formatProblem(p)}`)].join('\n'));
    this.code = code;
    this.problems = problems;
  }
}

/** One problem as one line: `path: expected …, got …`. */
export function formatProblem(problem: Problem): string {
  return `${problem.path}: expected ${problem.expected}, got ${problem.got}`;
}
