/** How `edgemux bgp` shows sessions and events: a table that is drawn in place, and lines of JSON. */
import { describe, expect, test } from 'vitest';
import { errorRecord, jsonLine, textLine } from '../../sdk/appliance/bgp/events.js';
import { Screen } from '../../sdk/appliance/bgp/screen.js';
import { durationText, sessionTable } from '../../sdk/appliance/bgp/session-table.js';
import { FileError } from '../../sdk/appliance/files.js';
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
    expect(textLine({ event: 'state', peer: 'a\x1b[2Jb\u009b' }, time, 80)).toMatch(
      /^\d\d:\d\d:\d\d state peer a \[2Jb $/,
    );
  });

  test('is a short line for people', () => {
    const record = { event: 'reload', routes: 3, needsRestart: [], gone: undefined, peers: ['10.0.0.1'] };
    expect(textLine(record, time, 80)).toMatch(/^\d\d:\d\d:\d\d reload routes 3 peers \["10\.0\.0\.1"\]$/);
    expect(textLine(record, time, 10)).toHaveLength(10);
  });

  test('of an error has its code, its first line and its problems', () => {
    const problem = { path: 'a.b', expected: 'c', got: '1' };
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
