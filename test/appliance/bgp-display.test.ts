/** How `edgemux bgp` shows sessions and events: a table that is drawn in place, and lines of JSON. */
import { describe, expect, test } from 'vitest';
import { sessionTable } from '../../sdk/appliance/bgp/session-table.js';
import { FileError } from '../../sdk/appliance/files.js';
import { durationText } from '../../sdk/appliance/service/columns.js';
import { textLine } from '../../sdk/appliance/service/event-text.js';
import { type EventRecord, errorRecord, jsonLine } from '../../sdk/appliance/service/events.js';
import { Screen } from '../../sdk/appliance/service/screen.js';
import { neverWaitFor } from '../../sdk/appliance/terminal.js';
import type { PeerStatus } from '../../sdk/bgp/index.js';
import { EdgemuxError } from '../../sdk/errors.js';

const none = { open: 0, update: 0, notification: 0, keepalive: 0, 'route-refresh': 0 };
const edge: PeerStatus = {
  name: 'edge',
  address: '10.10.56.1',
  as: 64623,
  state: 'Established',
  sinceMs: 252_000,
  families: ['ipv4', 'ipv6'],
  announcedCount: 3,
  pendingCount: 0,
  unannounced: [],
  received: none,
  sent: none,
  failureCount: 0,
};
const lost: PeerStatus = {
  ...edge,
  name: '2001:db8::1',
  address: '2001:db8::1',
  as: 4_200_000_000,
  state: 'Active',
  sinceMs: 900,
  families: [],
  announcedCount: 0,
  pendingCount: 3,
  lastError: 'hold timer expired',
};

describe('the table', () => {
  test('has a line per router', () => {
    const bfd = { state: 'Up', remoteState: 'Up' } as const;
    expect(sessionTable({ listeners: [], peers: [{ ...edge, bfd }, lost] }, 120)).toEqual([
      'ROUTER           AS          STATE        FOR     FAMILIES   ROUTES  BFD  LAST ERROR',
      'edge 10.10.56.1  64623       Established  4m 12s  IPv4 IPv6  3       Up',
      '2001:db8::1      4200000000  Active       0s                 0 +3         hold timer expired',
    ]);
  });

  test('says what is not announced to whom, and why', () => {
    const unannounced = Array.from({ length: 5 }, (_, i) => ({
      prefix: `2001:db8::${i}/128`,
      why: 'no IPv6 next hop',
    }));
    expect(sessionTable({ listeners: [], peers: [{ ...edge, unannounced }] }, 200).at(-1)).toBe(
      'not announced to edge: 2001:db8::0/128 (no IPv6 next hop), 2001:db8::1/128 (no IPv6 next hop), 2001:db8::2/128 (no IPv6 next hop), and 2 routes more',
    );
  });

  test('is no wider than the terminal', () => {
    const lines = sessionTable({ listeners: [], peers: [edge, lost] }, 40);
    expect(lines.map((line) => line.length)).toEqual(lines.map((line) => Math.min(line.length, 40)));
    expect(lines[1]).toMatch(/^edge 10\.10\.56\.1 {2}64623 {7}Establishe/);
  });

  test('lets no router move the cursor', () => {
    const lastError = 'received Cease: administrative shutdown ("\x1b[2J\u009b\n")';
    const [, line] = sessionTable({ listeners: [], peers: [{ ...lost, name: 'a\tb\x07', lastError }] }, 200);
    expect(line).toMatch(/^a b {2}2001:db8::1 /);
    expect(line).toContain('shutdown (" [2J ")');
  });
});

test.each([
  [-1, '0s'],
  [59_999, '59s'],
  [60_000, '1m 00s'],
  [3_600_000, '1h 00m'],
  [11_220_000, '3h 07m'],
  [446_400_000, '5d 04h'],
])('%i ms is %s', (ms, text) => expect(durationText(ms)).toBe(text));

describe('the screen', () => {
  const terminal = (columns?: number, rows?: number) => {
    const written: string[] = [];
    const write = (text: string) => written.push(text);
    return { written, terminal: { write, ...(columns && { columns }), ...(rows && { rows }) } };
  };

  test('draws over what it drew, and gives the cursor back', () => {
    const { written, terminal: to } = terminal(80, 24);
    const screen = new Screen(to);
    screen.draw(['a', 'b']);
    screen.draw(['c']);
    screen.end();
    screen.end();
    expect(written).toEqual(['\x1b[?25l\r\x1b[0Ja\nb\n', '\x1b[2A\r\x1b[0Jc\n', '\x1b[?25h']);
  });

  test('leaves out what a low terminal has no room for', () => {
    const { written, terminal: to } = terminal(80, 4);
    new Screen(to).draw(['a', 'b', 'c', 'd', 'e']);
    expect(written).toEqual(['\x1b[?25l\r\x1b[0Ja\nb\n… 3 more\n']);
  });

  test('draws nothing on a terminal that is stopped, and the latest once it goes on', () => {
    const { written, terminal: to } = terminal(80, 24);
    const stopped = { ...to, writableLength: 0 };
    const screen = new Screen(stopped);
    screen.draw(['a']);
    stopped.writableLength = 9;
    screen.draw(['b']);
    stopped.writableLength = 0;
    screen.draw(['c']);
    expect(written).toEqual(['\x1b[?25l\r\x1b[0Ja\n', '\x1b[1A\r\x1b[0Jc\n']);
  });

  test('does not wait for its terminal, whose Ctrl-S would end sessions', () => {
    const blocking: boolean[] = [];
    neverWaitFor({ _handle: { setBlocking: (is: boolean) => blocking.push(is) } } as unknown as NodeJS.WriteStream);
    neverWaitFor({} as NodeJS.WriteStream);
    expect(blocking).toEqual([false]);
  });

  test('takes a terminal that says no size for 80 × 24', () =>
    expect(new Screen(terminal().terminal).columnCount).toBe(79));
});

describe('an event', () => {
  const time = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 6));

  test('is a line of JSON, its time first', () => {
    expect(jsonLine({ event: 'state', peer: 'edge', state: 'Established' }, time)).toBe(
      '{"time":"2026-01-02T03:04:05.006Z","event":"state","peer":"edge","state":"Established"}',
    );
  });

  test('has nothing in it that a terminal obeys', () => {
    const line = jsonLine({ event: 'down', reason: '\x1b\n\x7f\u009b\u2028' }, time);
    expect(line).toMatch(/"\\u001b\\n\\u007f\\u009b\\u2028"/);
    expect(JSON.parse(line).reason).toBe('\x1b\n\x7f\u009b\u2028');
    const down = { event: 'down', peer: 'a\x1b[2Jb\u009b', reason: '\n' };
    expect(textLine(down, time, 80)).toMatch(/^\d\d:\d\d:\d\d a \[2Jb {2}is down: {2}$/);
  });

  const peer = { peer: 'edge', address: '10.10.56.1' };
  const problem = { path: 'a.b', expected: 'c', got: '1' };
  const reload = { event: 'reload', why: 'SIGHUP', routes: 3, added: 2, removed: 0, needsRestart: [] };
  const rows: { record: EventRecord; words: string }[] = [
    { record: { event: 'start', mux: 'mux-1', peers: ['10.10.56.1'] }, words: 'mux-1 speaks to 1 router' },
    { record: { event: 'state', ...peer, state: 'Active', previous: 'Idle' }, words: 'edge is Active, was Idle' },
    { record: { event: 'down', ...peer, reason: 'hold timer expired' }, words: 'edge is down: hold timer expired' },
    {
      record: { event: 'routes', ...peer, announced: 1, withdrawn: 0, total: 1 },
      words: 'edge has 1 route: 1 announced, 0 withdrawn',
    },
    {
      record: { event: 'fault', ...peer, disposition: 'attribute-discard', text: 'MED has 3 bytes' },
      words: 'edge sent a fault: MED has 3 bytes (attribute-discard)',
    },
    { record: { event: 'bfd', ...peer, state: 'Up', diagnostic: 'no diagnostic' }, words: 'edge BFD is Up' },
    { record: { event: 'bfd', ...peer, state: 'Down', diagnostic: 'expired' }, words: 'edge BFD is Down: expired' },
    { record: { event: 'refresh', ...peer, family: 'ipv6' }, words: 'edge asks for all ipv6 routes again' },
    { record: reload, words: 'SIGHUP: 3 routes, 2 new, 0 gone' },
    {
      record: { ...reload, needsRestart: ['as', 'routerId'] },
      words: 'SIGHUP: 3 routes, 2 new, 0 gone; as, routerId changed: that takes a restart',
    },
    { record: { event: 'stop', how: 'drain' }, words: 'ended, routes withdrawn' },
    { record: { event: 'stop', how: 'restart' }, words: 'ended, routes left for the restart' },
    {
      record: {
        event: 'error',
        message: 'm',
        problems: [problem, problem],
        during: 'reload (SIGHUP)',
        kept: '2 routes',
      },
      words: 'reload (SIGHUP): m – a.b: expected c, got 1, and 1 problem more (2 routes kept)',
    },
  ];
  test.each(rows)('in words: $words', ({ record, words }) => {
    expect(textLine(record, time, 200).slice(9)).toBe(words);
    expect(textLine(record, time, 12)).toHaveLength(12);
  });

  test('of an error has its code, its first line and its problems', () => {
    expect(errorRecord(new EdgemuxError('ERR_RESOURCE_INVALID', 'the fabric has 1 problem', [problem]))).toEqual({
      event: 'error',
      code: 'ERR_RESOURCE_INVALID',
      message: 'the fabric has 1 problem',
      problems: [problem],
    });
    expect(errorRecord(new FileError('cannot read x'))).toEqual({
      event: 'error',
      code: 'ERR_FILE',
      message: 'cannot read x',
    });
    expect(errorRecord(new Error('odd'))).toEqual({ event: 'error', message: 'Error: odd' });
  });
});
