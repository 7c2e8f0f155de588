/** What happens to a speaker, for people and for programs: one record, shown as a line of JSON or of a table. */
import { EdgemuxError, type Problem } from '../../errors.js';
import { FileError } from '../files.js';
import { styled } from '../terminal.js';
import { printable } from './session-table.js';

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

/** An event as a line of at most `columnCount` characters: `17:03:12 routes peer 10.10.56.1 announced 3 total 3`. */
export function textLine({ event, ...members }: EventRecord, time: Date, columnCount: number): string {
  const words = Object.entries(members).flatMap(([key, value]) => (isShown(value) ? [`${key} ${wordOf(value)}`] : []));
  const line = printable([time.toTimeString().slice(0, 8), event, ...words].join(' ')).slice(0, columnCount);
  return event === 'error' || event === 'down' || event === 'fault' ? styled('red', line) : line;
}

/** What went wrong, as an event. */
export function errorRecord(error: unknown): EventRecord {
  if (!(error instanceof EdgemuxError || error instanceof FileError)) return { event: 'error', message: String(error) };
  const { code, message } = error;
  const problems: readonly Problem[] = error.problems;
  return { event: 'error', code, message: message.split('\n')[0], ...(problems.length > 0 && { problems }) };
}

function isShown(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

function wordOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
