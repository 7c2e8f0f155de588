/**
 * The ports of a role as a table for people:
 *
 *   PORT         RECEIVED  SENT     NOT SENT  TOO LONG
 *   packet:up0   120,332   120,330  2         0
 */
import { columnsOf } from '../service/columns.js';
import type { Totals } from './totals.js';

const HEADINGS = ['PORT', 'RECEIVED', 'SENT', 'NOT SENT', 'TOO LONG'];

/** The lines of the table, and below it what the data planes have dropped and why. */
export function portTable({ ports, dropped, flows }: Totals, columnCount: number): string[] {
  const rows = ports.map(({ name, received, sent, sendDropped, tooLong }) => [
    { text: name },
    ...[received, sent, sendDropped, tooLong].map((count) => ({ text: count.toLocaleString('en') })),
  ]);
  const reasons = Object.entries(dropped).map(([reason, count]) => `${reason} ${count.toLocaleString('en')}`);
  return [
    ...columnsOf(HEADINGS, rows, columnCount),
    `${flows.toLocaleString('en')} flows`.slice(0, columnCount),
    ...(reasons.length > 0 ? [`dropped: ${reasons.join(', ')}`.slice(0, columnCount)] : []),
  ];
}
