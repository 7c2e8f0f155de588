/** What happens to a speaker: a record per event, and its line of JSON for programs. */
import { EdgemuxError, type Problem } from '../../errors.js';
import { FileError } from '../files.js';

/** One event; its members besides `event` are plain values that JSON can say. */
export interface EventRecord {
  /** `start`, `state`, `down`, `routes`, `fault`, `bfd`, `refresh`, `reload`, `stop` or `error`. */
  readonly event: string;
  readonly [member: string]: unknown;
}

/** An event as a line of JSON, its time (UTC, RFC 3339) first. */
export function jsonLine(record: EventRecord, time: Date): string {
  const text = JSON.stringify({ time: time.toISOString(), ...record });
  // What routers say is in here, and JSON leaves some characters alone that move the cursor of a terminal.
  return text.replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** What went wrong, as an event. */
export function errorRecord(error: unknown): EventRecord {
  if (!(error instanceof EdgemuxError || error instanceof FileError)) return { event: 'error', message: String(error) };
  const { code, message } = error;
  const problems: readonly Problem[] = error.problems;
  return { event: 'error', code, message: message.split('\n')[0], ...(problems.length > 0 && { problems }) };
}
