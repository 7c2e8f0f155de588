/** The tables of the bench, for people. */
import type { LiveRow, RequestRow } from './slices.js';

export const LIVE_HEAD = [
  'bytes'.padStart(5),
  '  MUX'.padEnd(17),
  'thread'.padStart(9),
  'kernel'.padStart(9),
  'aside'.padStart(9),
  'per core'.padStart(12),
  'per second'.padStart(12),
  'lost'.padStart(9),
  'to C'.padStart(8),
  'to kernel'.padStart(11),
].join('');

export function liveLine(row: LiveRow): string {
  return [
    String(row.frameBytes).padStart(5),
    `  ${nameOf(row).padEnd(15)}`,
    `${row.threadUs.toFixed(2)} µs`.padStart(9),
    `${row.kernelUs.toFixed(2)} µs`.padStart(9),
    percent(row.asideShare, 1).padStart(9),
    thousands(row.perCore).padStart(12),
    thousands(row.perSecond).padStart(12),
    percent(row.lossShare, 2).padStart(9),
    ratio(row.ratioToC).padStart(8),
    ratio(row.ratioToKernel).padStart(11),
  ].join('');
}

export const REQUEST_HEAD = [
  'way'.padEnd(17),
  'requests/s'.padStart(12),
  'to kernel'.padStart(11),
  'p50'.padStart(10),
  'p99'.padStart(10),
  'added p50'.padStart(11),
  'added p99'.padStart(11),
].join('');

export function requestLine(row: RequestRow): string {
  return [
    nameOf(row).padEnd(17),
    thousands(row.perSecond).padStart(12),
    ratio(row.ratioToKernel).padStart(11),
    `${row.p50Us.toFixed(0)} µs`.padStart(10),
    `${row.p99Us.toFixed(0)} µs`.padStart(10),
    added(row.addedP50Us).padStart(11),
    added(row.addedP99Us).padStart(11),
  ].join('');
}

function nameOf({ subject, port }: { readonly subject: string; readonly port: string | null }): string {
  return port === null ? subject : `${subject} ${port}`;
}

/** 1234567 as `1,234,567`. */
function thousands(count: number): string {
  return count.toLocaleString('en-US');
}

function percent(share: number, digits: number): string {
  return share === 0 ? '' : `${(100 * share).toFixed(digits)} %`;
}

function ratio(value: number | null): string {
  return value === null ? '' : `×${value.toFixed(2)}`;
}

function added(us: number | null): string {
  return us === null ? '' : `${us < 0 ? '−' : '+'}${Math.abs(us).toFixed(0)} µs`;
}
