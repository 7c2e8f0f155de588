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

const BAD: ReadonlySet<string> = new Set(['down', 'fault', 'error', 'stalled', 'withdraw']);

// What is in a record its event says; this is no place to doubt it.
// biome-ignore lint/suspicious/noExplicitAny: see above
const WORDS: Readonly<Record<string, (record: any) => string>> = {
  start: ({ mux, host, peers, vips, nics }) =>
    peers !== undefined
      ? `${mux} speaks to ${counted(peers.length, 'router')}`
      : host !== undefined
        ? `${host} serves ${counted(nics, 'network interface')}`
        : `${mux} forwards for ${counted(vips, 'VIP')}`,
  port: ({ port, state, nic, queues, mtuBytes }) =>
    `${port} is ${state}${nic === undefined ? '' : ` for ${nic}`}${
      state === 'open'
        ? ` (${[...(mtuBytes === undefined ? [] : [`MTU ${mtuBytes}`]), counted(queues, 'queue')].join(', ')})`
        : ''
    }`,
  note: ({ port, text }) => (port === undefined ? text : `${port}: ${text}`),
  stalled: ({ thread }) => `data plane ${thread} does not answer`,
  recovered: ({ thread }) => `data plane ${thread} answers again`,
  withdraw: ({ why, routes }) => `${counted(routes, 'route')} withdrawn: ${why}`,
  announce: ({ routes }) => `${counted(routes, 'route')} announced again`,
  'next-hops': ({ unresolved }) =>
    unresolved.length === 0 ? 'every next hop is known' : `no MAC address known for ${unresolved.join(', ')}`,
  state: ({ peer, state, previous }) => `${peer} is ${state}, was ${previous}`,
  down: ({ peer, reason }) => `${peer} is down: ${reason}`,
  routes: ({ peer, announced, withdrawn, total }) =>
    `${peer} has ${counted(total, 'route')}: ${announced} announced, ${withdrawn} withdrawn`,
  fault: ({ peer, disposition, text }) => `${peer} sent a fault: ${text} (${disposition})`,
  bfd: ({ peer, state, diagnostic }) => `${peer} BFD is ${state}${state === 'Up' ? '' : `: ${diagnostic}`}`,
  refresh: ({ peer, family }) => `${peer} asks for all ${family} routes again`,
  reload: ({ why, routes, vips, nics, added, removed, needsRestart = [] }) => {
    const now =
      routes !== undefined
        ? counted(routes, 'route')
        : vips !== undefined
          ? counted(vips, 'VIP')
          : counted(nics, 'network interface');
    return `${why}: ${now}, ${added} new, ${removed} gone${restartText(needsRestart)}`;
  },
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
