/** The state machine, row by row as RFC 5880 section 6.8.6 writes it, and the whole table against that. */
import { describe, expect, it } from 'vitest';
import { type BfdState, diagnosticText, type StateEvent, stateChange } from '../../sdk/bfd/state.js';

const STATES: readonly BfdState[] = ['AdminDown', 'Down', 'Init', 'Up'];
const EVENTS: readonly StateEvent[] = [...STATES, 'silence'];

interface Row {
  readonly rfc: string;
  readonly ours: BfdState;
  readonly event: StateEvent;
  readonly becomes: BfdState;
  readonly diagnostic?: number;
}

const ROWS: readonly Row[] = [
  { rfc: 'AdminDown discards', ours: 'AdminDown', event: 'AdminDown', becomes: 'AdminDown' },
  { rfc: 'AdminDown discards', ours: 'AdminDown', event: 'Down', becomes: 'AdminDown' },
  { rfc: 'AdminDown discards', ours: 'AdminDown', event: 'Init', becomes: 'AdminDown' },
  { rfc: 'AdminDown discards', ours: 'AdminDown', event: 'Up', becomes: 'AdminDown' },
  { rfc: 'only Init and Up can expire', ours: 'AdminDown', event: 'silence', becomes: 'AdminDown' },
  { rfc: 'received AdminDown, not unless not Down', ours: 'Down', event: 'AdminDown', becomes: 'Down' },
  { rfc: 'Down, received Down', ours: 'Down', event: 'Down', becomes: 'Init' },
  { rfc: 'Down, received Init', ours: 'Down', event: 'Init', becomes: 'Up', diagnostic: 0 },
  { rfc: 'Down, received Up: stays', ours: 'Down', event: 'Up', becomes: 'Down' },
  { rfc: 'only Init and Up can expire', ours: 'Down', event: 'silence', becomes: 'Down' },
  { rfc: 'received AdminDown', ours: 'Init', event: 'AdminDown', becomes: 'Down', diagnostic: 3 },
  { rfc: 'Init, received Down: stays', ours: 'Init', event: 'Down', becomes: 'Init' },
  { rfc: 'Init, received Init', ours: 'Init', event: 'Init', becomes: 'Up', diagnostic: 0 },
  { rfc: 'Init, received Up', ours: 'Init', event: 'Up', becomes: 'Up', diagnostic: 0 },
  { rfc: 'Detection Time expired', ours: 'Init', event: 'silence', becomes: 'Down', diagnostic: 1 },
  { rfc: 'received AdminDown', ours: 'Up', event: 'AdminDown', becomes: 'Down', diagnostic: 3 },
  { rfc: 'Up, received Down', ours: 'Up', event: 'Down', becomes: 'Down', diagnostic: 3 },
  { rfc: 'Up, received Init: stays', ours: 'Up', event: 'Init', becomes: 'Up' },
  { rfc: 'Up, received Up: stays', ours: 'Up', event: 'Up', becomes: 'Up' },
  { rfc: 'Detection Time expired', ours: 'Up', event: 'silence', becomes: 'Down', diagnostic: 1 },
];

describe('BFD states', () => {
  it.each(ROWS)('$ours, $event → $becomes ($rfc)', ({ ours, event, becomes, diagnostic }) => {
    const change = stateChange(ours, event);
    expect(change?.state ?? ours).toBe(becomes);
    expect(change?.diagnostic).toBe(diagnostic);
  });

  it('every state and every event has its row', () => {
    const pairs = (rows: readonly Pick<Row, 'ours' | 'event'>[]) => rows.map(({ ours, event }) => `${ours} ${event}`);
    const all = STATES.flatMap((ours) => EVENTS.map((event) => ({ ours, event })));
    expect(pairs(ROWS).sort()).toEqual(pairs(all).sort());
  });

  it.each([
    [0, 'no diagnostic'],
    [1, 'control detection time expired'],
    [3, 'neighbor signaled session down'],
    [7, 'administratively down'],
    [9, 'mis-connectivity defect'],
    [31, 'diagnostic 31'],
  ])('diagnostic %i is %s', (diagnostic, text) => {
    expect(diagnosticText(diagnostic)).toBe(text);
  });
});
