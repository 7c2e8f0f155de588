/** Tables on a terminal: a head, and columns as wide as what is in them. */
import { styled } from '../terminal.js';

const GAP = '  ';

type Style = Parameters<typeof styled>[0];

/** Text and how it looks; what follows text of no style is plain. */
export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

/**
 * The lines of a table, its head first.
 *
 * @param columnCount width of the terminal: longer lines are cut
 */
export function columnsOf(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  columnCount: number,
): string[] {
  const head = headings.map((text): Cell => ({ text, style: 'dim' }));
  const all = [head, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column].text.length)));
  return all.map((row) => lineOf(row, widths, columnCount));
}

/** One line of cells; the last one is not padded. */
export function lineOf(cells: readonly Cell[], widths: readonly number[], columnCount: number): string {
  let left = columnCount;
  let line = '';
  for (const [column, { text, style }] of cells.entries()) {
    const isLast = column === cells.length - 1;
    const padded = isLast ? text : `${text.padEnd(widths[column])}${GAP}`;
    const cut = padded.slice(0, Math.max(0, left));
    left -= padded.length;
    line += style === undefined || cut === '' ? cut : styled(style, cut);
  }
  return line.trimEnd();
}

/** Text of others on a terminal of ours: what could move its cursor is left out. */
export function printable(text: string): string {
  return text.replaceAll(/\p{C}+/gu, ' ');
}

/** `12s`, `4m 12s`, `3h 07m`, `5d 02h`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts: readonly [count: number, unit: string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = Math.max(
    0,
    parts.findIndex(([count]) => count > 0),
  );
  if (seconds < 60) return `${seconds}s`;
  return parts
    .slice(first, first + 2)
    .map(([count, unit], i) => `${i === 0 ? count : String(count).padStart(2, '0')}${unit}`)
    .join(' ');
}
