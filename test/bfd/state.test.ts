/** The state machine, row by row as RFC 5880 section 6.8.6 writes it, and the whole table against that. */
import { describe, expect, it } from 'vitest';
import { type BfdState, diagnosticText, type StateEvent, stateChange } from '../../sdk/bfd/state.js';

const STATES: readonly BfdState[] = ['AdminDown', 'Down', 'Init', 'Up'];
const EVENTS: readonly StateEvent[] = [...STATES, 'silence'];

interface Row {
  readonly rfc: string;
  readonly ours: BfdState;
  readonly event: StateEvent;
  readonly then: BfdState;
  readonly diagnostic?: number;
}

const ROWS: readonly Row[] = [
  { rfc: 'AdminDown discards', ours: 'AdminDown', event: 'AdminDown', then: 'AdminDown' },
  { rfc: 'AdminDown discards', ours: 'AdminDown', event: 'Down', then: 'AdminDown' },
  { rfc: 'AdminDown discards', ours: 'AdminDown', event: 'Init', then: 'AdminDown' },
  { rfc: 'AdminDown discards', ours: 'AdminDown', event: 'Up', then: 'AdminDown' },
  { rfc: 'only Init and Up can expire', ours: 'AdminDown', event: 'silence', then: 'AdminDown' },
  { rfc: 'received AdminDown, not unless not Down', ours: 'Down', event: 'AdminDown', then: 'Down' },
  { rfc: 'Down, received Down', ours: 'Down', event: 'Down', then: 'Init' },
  { rfc: 'Down, received Init', ours: 'Down', event: 'Init', then: 'Up', diagnostic: 0 },
  { rfc: 'Down, received Up: stays', ours: 'Down', event: 'Up', then: 'Down' },
  { rfc: 'only Init and Up can expire', ours: 'Down', event: 'silence', then: 'Down' },
  { rfc: 'received AdminDown', ours: 'Init', event: 'AdminDown', then: 'Down', diagnostic: 3 },
  { rfc: 'Init, received Down: stays', ours: 'Init', event: 'Down', then: 'Init' },
  { rfc: 'Init, received Init', ours: 'Init', event: 'Init', then: 'Up', diagnostic: 0 },
  { rfc: 'Init, received Up', ours: 'Init', event: 'Up', then: 'Up', diagnostic: 0 },
  { rfc: 'Detection Time expired', ours: 'Init', event: 'silence', then: 'Down', diagnostic: 1 },
  { rfc: 'received AdminDown', ours: 'Up', event: 'AdminDown', then: 'Down', diagnostic: 3 },
  { rfc: 'Up, received Down', ours: 'Up', event: 'Down', then: 'Down', diagnostic: 3 },
  { rfc: 'Up, received Init: stays', ours: 'Up', event: 'Init', then: 'Up' },
  { rfc: 'Up, received Up: stays', ours: 'Up', event: 'Up', then: 'Up' },
  { rfc: 'Detection Time expired', ours: 'Up', event: 'silence', then: 'Down', diagnostic: 1 },
];

describe('BFD states', () => {
  it.each(ROWS)('$ours, $event → $then ($rfc)', ({ ours, event, then, diagnostic }) => {
    const change = stateChange(ours, event);
    expect(change?.state ?? ours).toBe(then);
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
