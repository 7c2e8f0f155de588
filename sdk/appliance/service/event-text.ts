/** Events in words, for the lines below the table: `17:03:12 edge is Established`. */
import { formatProblem, type Problem } from '../../errors.js';
import { counted } from '../output.js';
import { styled } from '../terminal.js';
import { printable } from './columns.js';
import type { EventRecord } from './events.js';

/** An event as a line of at most `columnCount` characters. */
export function textLine(record: EventRecord, time: Date, columnCount: number): string {
  const text = WORDS[record.event]?.(record) ?? record.event;
  const line = printable(`${time.toTimeString().slice(0, 8)} ${text}`).slice(0, columnCount);
  return BAD.has(record.event) ? styled('red', line) : line;
}

const BAD: ReadonlySet<string> = new Set(['down', 'fault', 'error']);

// What is in a record its event says; this is no place to doubt it.
// biome-ignore lint/suspicious/noExplicitAny: see above
const WORDS: Readonly<Record<string, (record: any) => string>> = {
  start: ({ mux, peers }) => `${mux} speaks to ${counted(peers.length, 'router')}`,
  state: ({ peer, state, previous }) => `${peer} is ${state}, was ${previous}`,
  down: ({ peer, reason }) => `${peer} is down: ${reason}`,
  routes: ({ peer, announced, withdrawn, total }) =>
    `${peer} has ${counted(total, 'route')}: ${announced} announced, ${withdrawn} withdrawn`,
  fault: ({ peer, disposition, text }) => `${peer} sent a fault: ${text} (${disposition})`,
  bfd: ({ peer, state, diagnostic }) => `${peer} BFD is ${state}${state === 'Up' ? '' : `: ${diagnostic}`}`,
  refresh: ({ peer, family }) => `${peer} asks for all ${family} routes again`,
  reload: ({ why, routes, added, removed, needsRestart }) =>
    `${why}: ${counted(routes, 'route')}, ${added} new, ${removed} gone${restartText(needsRestart)}`,
  stop: ({ how }) => (how === 'drain' ? 'ended, routes withdrawn' : 'ended, routes left for the restart'),
  error: ({ during, message, problems = [], kept }) =>
    [...(during ? [`${during}:`] : []), message, ...problemText(problems), ...(kept ? [`(${kept} kept)`] : [])].join(
      ' ',
    ),
};

function restartText(changed: readonly string[]): string {
  return changed.length === 0 ? '' : `; ${changed.join(', ')} changed: that takes a restart`;
}

function problemText([first, ...others]: readonly Problem[]): string[] {
  if (first === undefined) return [];
  return [`– ${formatProblem(first)}${others.length > 0 ? `, and ${counted(others.length, 'problem')} more` : ''}`];
}
