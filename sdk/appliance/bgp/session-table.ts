/**
 * The sessions of a speaker as a table for people:
 *
 *   ROUTER           AS     STATE        FOR     FAMILIES   ROUTES  BFD  LAST ERROR
 *   edge 10.10.56.1  64623  Established  4m 12s  IPv4 IPv6  3       up
 */
import type { PeerStatus, SpeakerStatus } from '../../bgp/index.js';
import { counted } from '../output.js';
import { type Cell, columnsOf, durationText, lineOf, printable } from '../service/columns.js';

/** Routes that are not announced, told by name until there are more. */
const UNANNOUNCED_SHOWN_MAX = 3;

/**
 * The lines of the table: its head, a line per peer, and what cannot be announced to whom and why.
 *
 * @param columnCount width of the terminal: longer lines are cut
 */
export function sessionTable(status: SpeakerStatus, columnCount: number): string[] {
  return [
    ...columnsOf(HEADINGS, status.peers.map(rowOf), columnCount),
    ...status.peers.flatMap(unannouncedOf).map((text) => lineOf([{ text, style: 'yellow' }], [0], columnCount)),
  ];
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
