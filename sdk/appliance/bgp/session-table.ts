/**
 * The sessions of a speaker as a table for people:
 *
 *   ROUTER           AS     STATE        FOR     FAMILIES   ROUTES  BFD  LAST ERROR
 *   edge 10.10.56.1  64623  Established  4m 12s  IPv4 IPv6  3       up
 */
import type { PeerStatus, SpeakerStatus } from '../../bgp/index.js';
import { counted } from '../output.js';
import { styled } from '../terminal.js';

/** Routes that are not announced, told by name until there are more. */
const UNANNOUNCED_SHOWN_MAX = 3;
const GAP = '  ';

type Style = Parameters<typeof styled>[0];

/** Text and how it looks; what follows text of no style is plain. */
interface Cell {
  readonly text: string;
  readonly style?: Style;
}

/**
 * The lines of the table: its head, a line per peer, and what cannot be announced to whom and why.
 *
 * @param columnCount width of the terminal: longer lines are cut
 */
export function sessionTable(status: SpeakerStatus, columnCount: number): string[] {
  const head: Cell[] = HEADINGS.map((text) => ({ text, style: 'dim' }));
  const rows = [head, ...status.peers.map(rowOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column].text.length)));
  return [
    ...rows.map((row) => lineOf(row, widths, columnCount)),
    ...status.peers.flatMap(unannouncedOf).map((text) => lineOf([{ text, style: 'yellow' }], [0], columnCount)),
  ];
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

const HEADINGS = ['ROUTER', 'AS', 'STATE', 'FOR', 'FAMILIES', 'ROUTES', 'BFD', 'LAST ERROR'];

function rowOf(peer: PeerStatus): Cell[] {
  const isUp = peer.state === 'Established';
  return [
    { text: printable(peer.name === peer.address ? peer.address : `${peer.name} ${peer.address}`) },
    { text: String(peer.as) },
    { text: peer.state, style: isUp ? 'green' : 'yellow' },
    { text: durationText(peer.sinceMs) },
    { text: isUp ? peer.families.map((family) => (family === 'ipv4' ? 'IPv4' : 'IPv6')).join(' ') : '' },
    { text: routesOf(peer) },
    { text: peer.bfd?.state ?? '' },
    { text: printable(peer.lastError ?? ''), style: isUp ? 'dim' : 'red' },
  ];
}

/** `120`, and `120 +30` while thirty changes have not been written. */
function routesOf({ announcedCount, pendingCount }: PeerStatus): string {
  return pendingCount > 0 ? `${announcedCount} +${pendingCount}` : String(announcedCount);
}

function unannouncedOf({ name, unannounced }: PeerStatus): string[] {
  if (unannounced.length === 0) return [];
  const shown = unannounced.slice(0, UNANNOUNCED_SHOWN_MAX).map(({ prefix, why }) => `${prefix} (${why})`);
  const more = unannounced.length - shown.length;
  const rest = more > 0 ? `, and ${counted(more, 'route')} more` : '';
  return [printable(`not announced to ${name}: ${shown.join(', ')}${rest}`)];
}

function lineOf(cells: readonly Cell[], widths: readonly number[], columnCount: number): string {
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
