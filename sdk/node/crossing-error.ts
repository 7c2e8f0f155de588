/** Errors between threads. */
import { EdgemuxError, type ErrorCode, formatProblem, type Problem } from '../errors.js';

/** An error on its way: a message between threads keeps the message of an error, and nothing else of a class. */
export type CrossingError =
  | { readonly code: ErrorCode; readonly summary: string; readonly problems: readonly Problem[] }
  | { readonly foreign: unknown };

/** Takes an error apart. */
export function packError(error: unknown): CrossingError {
  if (!(error instanceof EdgemuxError)) return { foreign: error };
  const { code, message, problems } = error;
  // EdgemuxError writes its problems below its message, and will do so again.
  const listed = problems.map((problem) => `\n  ${formatProblem(problem)}`).join('');
  return { code, summary: message.slice(0, message.length - listed.length), problems };
}

/** The error again. */
export function unpackError(packed: CrossingError): unknown {
  if ('foreign' in packed) return packed.foreign;
  return new EdgemuxError(packed.code, packed.summary, packed.problems);
}
