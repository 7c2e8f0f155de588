/** The state machine against RFC 4271 section 8.2.2, cell by cell: the table here is written from the RFC alone. */
import { describe, expect, it } from 'vitest';
import type { Action } from '../../sdk/bgp/fsm/actions.js';
import { EVENTS, type FsmEvent } from '../../sdk/bgp/fsm/events.js';
import { isAtLeast, STATES, type State } from '../../sdk/bgp/fsm/states.js';
import { transition } from '../../sdk/bgp/fsm/table.js';

/** The RFC's bullets, short. */
const WORDS: Readonly<Record<string, Action>> = {
  'counter=0': 'reset ConnectRetryCounter',
  'counter+1': 'increment ConnectRetryCounter',
  retry: 'start ConnectRetryTimer',
  'retry=0': 'stop ConnectRetryTimer',
  connect: 'initiate TCP',
  drop: 'drop TCP',
  OPEN: 'send OPEN',
  'hold=large': 'wait for OPEN',
  KEEPALIVE: 'send KEEPALIVE',
  timers: 'start negotiated timers',
  hold: 'restart HoldTimer',
  keepalive: 'restart KeepaliveTimer',
  Cease: 'send NOTIFICATION: Cease',
  expired: 'send NOTIFICATION: hold timer expired',
  FSM: 'send NOTIFICATION: FSM error',
  error: 'send NOTIFICATION: message error',
  delete: 'delete routes',
  UPDATE: 'process UPDATE',
  REFRESH: 'process ROUTE-REFRESH',
  release: 'release resources',
  damp: 'damp',
};

/** Event numbers → next state and bullets; `ignored` or `tracked` is to stay and do nothing. */
const RFC_4271: Readonly<Record<State, Readonly<Record<string, string>>>> = {
  Idle: {
    '1 3': 'Connect counter=0 retry connect',
    '2 8': 'ignored',
    '4 5': 'Active counter=0 retry',
    '9-11 14-28': 'ignored',
  },
  Connect: {
    '1 3-7': 'ignored',
    '2': 'Idle drop release counter=0 retry=0',
    '9': 'Connect drop retry connect',
    '14 15': 'ignored',
    '16 17': 'OpenSent retry=0 OPEN hold=large',
    '18': 'Idle retry=0 drop release',
    '21 22': 'Idle retry=0 release drop counter+1 damp',
    '24': 'Idle retry=0 release drop counter+1 damp',
    '8 10-11 13 19 23 25-28': 'Idle retry=0 release drop counter+1 damp',
  },
  Active: {
    '1 3-7': 'ignored',
    '2': 'Idle release drop counter=0 retry=0',
    '9': 'Connect retry connect',
    '14 15': 'ignored',
    '16 17': 'OpenSent retry=0 OPEN hold=large',
    '18': 'Idle retry release counter+1 damp',
    '21 22': 'Idle retry=0 release drop counter+1 damp',
    '24': 'Idle retry=0 release drop counter+1 damp',
    '8 10-11 13 19 23 25-28': 'Idle retry=0 release drop counter+1 damp',
  },
  OpenSent: {
    '1 3-7': 'ignored',
    '2': 'Idle Cease retry=0 release drop counter=0',
    '8': 'Idle Cease retry=0 release drop counter+1 damp',
    '10': 'Idle expired retry=0 release drop counter+1 damp',
    '14 16 17': 'tracked',
    '15': 'ignored',
    '18': 'Active drop release retry',
    '19': 'OpenConfirm retry=0 KEEPALIVE timers',
    '21 22': 'Idle error retry=0 release drop counter+1 damp',
    '23': 'Idle Cease retry=0 release drop counter+1 damp',
    '24': 'Idle retry=0 release drop',
    '9 11 13 25-28': 'Idle FSM retry=0 release drop counter+1 damp',
  },
  OpenConfirm: {
    '1 3-7': 'ignored',
    '2': 'Idle Cease release drop counter=0 retry=0',
    '8': 'Idle Cease retry=0 release drop counter+1 damp',
    '10': 'Idle expired retry=0 release drop counter+1 damp',
    '11': 'OpenConfirm KEEPALIVE keepalive',
    '14 16 17': 'tracked',
    '15': 'ignored',
    '18 25': 'Idle retry=0 release drop counter+1 damp',
    '24': 'Idle retry=0 release drop',
    '19': 'Idle Cease retry=0 release drop counter+1 damp',
    '21 22': 'Idle error retry=0 release drop counter+1 damp',
    '23': 'Idle Cease retry=0 release drop counter+1 damp',
    '26': 'Established hold',
    '9 13 27 28': 'Idle FSM retry=0 release drop counter+1 damp',
  },
  Established: {
    '1 3-7': 'ignored',
    '2': 'Idle Cease retry=0 delete release drop counter=0',
    '8': 'Idle Cease retry=0 delete release drop counter+1 damp',
    '10': 'Idle expired retry=0 release drop counter+1 damp',
    '11': 'Established KEEPALIVE keepalive',
    '14 16 17': 'tracked',
    '15': 'ignored',
    '19': 'tracked',
    '23': 'Idle Cease retry=0 delete release drop counter+1 damp',
    '18 24 25': 'Idle retry=0 delete release drop counter+1',
    '26': 'Established hold',
    '27': 'Established UPDATE hold',
    '28': 'Idle error retry=0 delete release drop counter+1 damp',
    '9 13 21 22': 'Idle FSM delete retry=0 release drop counter+1 damp',
  },
};

/** Events the RFC leaves to the implementation, and those that came with other RFCs. */
const OURS: Readonly<Record<State, Readonly<Record<string, string>>>> = {
  Idle: {
    AutomaticStart_with_DampPeerOscillations: 'Connect retry connect',
    AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: 'Active',
    IdleHoldTimer_Expires: 'Connect retry connect',
    SendHoldTimer_Expires: 'ignored',
    BfdDown: 'ignored',
    RouteRefreshMsg: 'ignored',
    RouteRefreshMsgErr: 'ignored',
    SilentStop: 'ignored',
  },
  Connect: {
    SendHoldTimer_Expires: 'Idle retry=0 release drop counter+1 damp',
    BfdDown: 'ignored',
    RouteRefreshMsg: 'Idle retry=0 release drop counter+1 damp',
    RouteRefreshMsgErr: 'Idle retry=0 release drop counter+1 damp',
    SilentStop: 'Idle retry=0 release drop',
  },
  Active: {
    SendHoldTimer_Expires: 'Idle retry=0 release drop counter+1 damp',
    BfdDown: 'ignored',
    RouteRefreshMsg: 'Idle retry=0 release drop counter+1 damp',
    RouteRefreshMsgErr: 'Idle retry=0 release drop counter+1 damp',
    SilentStop: 'Idle retry=0 release drop',
  },
  OpenSent: {
    SendHoldTimer_Expires: 'Idle retry=0 release drop counter+1 damp',
    BfdDown: 'Idle Cease retry=0 release drop counter+1 damp',
    RouteRefreshMsg: 'Idle FSM retry=0 release drop counter+1 damp',
    RouteRefreshMsgErr: 'Idle FSM retry=0 release drop counter+1 damp',
    SilentStop: 'Idle retry=0 release drop',
  },
  OpenConfirm: {
    SendHoldTimer_Expires: 'Idle retry=0 release drop counter+1 damp',
    BfdDown: 'Idle Cease retry=0 release drop counter+1 damp',
    RouteRefreshMsg: 'Idle FSM retry=0 release drop counter+1 damp',
    RouteRefreshMsgErr: 'Idle FSM retry=0 release drop counter+1 damp',
    SilentStop: 'Idle retry=0 release drop',
  },
  Established: {
    SendHoldTimer_Expires: 'Idle retry=0 delete release drop counter+1 damp',
    BfdDown: 'Idle Cease retry=0 delete release drop counter+1 damp',
    RouteRefreshMsg: 'Established REFRESH hold',
    RouteRefreshMsgErr: 'Idle error retry=0 delete release drop counter+1 damp',
    SilentStop: 'Idle retry=0 delete release drop',
  },
};

/** The cells where the machine differs from the RFC's text on purpose; sdk/bgp/fsm/table.ts says why. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  'Idle 4': 'Active counter=0',
  'Idle 5': 'Active counter=0',
  'Connect 18': 'Active retry release',
  'OpenSent 24': 'Idle retry=0 release drop damp',
  'OpenSent 25': 'Idle retry=0 release drop counter+1 damp',
  'OpenConfirm 19': 'Idle FSM retry=0 release drop counter+1 damp',
  'OpenConfirm 24': 'Idle retry=0 release drop damp',
  'Established 10': 'Idle expired delete retry=0 release drop counter+1 damp',
  'Established 18': 'Idle retry=0 delete release drop counter+1 damp',
  'Established 19': 'Idle FSM delete retry=0 release drop counter+1 damp',
  'Established 21': 'Idle error delete retry=0 release drop counter+1 damp',
  'Established 24': 'Idle retry=0 delete release drop counter+1 damp',
  'Established 25': 'Idle retry=0 delete release drop counter+1 damp',
};

/** For a connection that only waits for the peer. */
const PASSIVE_DIFFERENCES: Readonly<Record<string, string>> = {
  'Idle 13': 'Active',
  'OpenSent 18': 'Active drop release',
};

const NAMES = new Map<number | string, FsmEvent>(
  (Object.keys(EVENTS) as FsmEvent[]).map((event) => [EVENTS[event], event]),
);

/** `9-11 14` → the numbers that are events here. */
function numbersIn(text: string): number[] {
  return text
    .split(' ')
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    })
    .filter((number) => NAMES.has(number));
}

function read(state: State, text: string): { state: State; actions: string[] } {
  if (text === 'ignored' || text === 'tracked') return { state, actions: [] };
  const [next, ...words] = text.split(' ');
  return { state: next as State, actions: words.map((word) => WORDS[word] ?? `no such word: ${word}`).sort() };
}

/** What the machine does; that routes are sent in Established is no bullet of section 8.2.2. */
function cell(state: State, event: FsmEvent, isPassive = false) {
  const { state: next, actions } = transition(state, event, { isPassive });
  return { state: next, actions: actions.filter((action) => action !== 'send routes').sort() };
}

const cellsOfRfc = STATES.flatMap((state) =>
  Object.entries(RFC_4271[state]).flatMap(([numbers, text]) =>
    numbersIn(numbers).map((number) => ({ state, number, event: NAMES.get(number) as FsmEvent, text })),
  ),
);
const cellsOfOurs = STATES.flatMap((state) =>
  Object.entries(OURS[state]).map(([event, text]) => ({ state, event: event as FsmEvent, text })),
);

describe('FSM: every cell', () => {
  it('is in the table of the RFC or in ours, once', () => {
    const cells = [...cellsOfRfc, ...cellsOfOurs].map(({ state, event }) => `${state} ${event}`).sort();
    const all = STATES.flatMap((state) => Object.keys(EVENTS).map((event) => `${state} ${event}`)).sort();
    expect(cells).toEqual(all);
  });

  it.each(cellsOfRfc)('$state × $number $event', ({ state, number, event, text }) => {
    const differs = DIFFERENCES[`${state} ${number}`];
    expect(cell(state, event)).toEqual(read(state, differs ?? text));
    if (differs !== undefined) expect(read(state, differs), 'no difference at all').not.toEqual(read(state, text));
  });

  it.each(cellsOfOurs)('$state × $event', ({ state, event, text }) => {
    expect(cell(state, event)).toEqual(read(state, text));
  });

  it('depends on who opens the connection in two cells', () => {
    const different = STATES.flatMap((state) =>
      [...NAMES].flatMap(([number, event]) => {
        const [active, passive] = [cell(state, event), cell(state, event, true)];
        return JSON.stringify(active) === JSON.stringify(passive) ? [] : [[`${state} ${number}`, passive] as const];
      }),
    );
    const expected = Object.entries(PASSIVE_DIFFERENCES).map(([at, text]) => [at, read('Idle', text)]);
    expect(Object.fromEntries(different)).toEqual(Object.fromEntries(expected));
  });
});

describe('FSM: what must hold in every cell', () => {
  const transitions = STATES.flatMap((state) =>
    [...NAMES.values()].flatMap((event) =>
      [true, false].map((isPassive) => ({ from: state, event, ...transition(state, event, { isPassive }) })),
    ),
  );
  const has = (actions: readonly Action[], action: Action) => actions.includes(action);

  it('who leaves a session drops TCP and releases its resources', () => {
    const leaving = transitions.filter(
      ({ from, state }) => isAtLeast(from, 'OpenSent') && !isAtLeast(state, 'OpenSent'),
    );
    expect(leaving.filter(({ actions }) => !has(actions, 'drop TCP') || !has(actions, 'release resources'))).toEqual(
      [],
    );
  });

  it('routes are deleted on leaving Established, and only then', () => {
    const wrong = transitions.filter(
      ({ from, state, actions }) =>
        has(actions, 'delete routes') !== (from === 'Established' && state !== 'Established'),
    );
    expect(wrong).toEqual([]);
  });

  it('a NOTIFICATION goes out only where an OPEN has, and before TCP is dropped', () => {
    const wrong = transitions.filter(({ from, actions }) => {
      const at = actions.findIndex((action) => action.startsWith('send NOTIFICATION'));
      return at >= 0 && (!isAtLeast(from, 'OpenSent') || at > actions.indexOf('drop TCP'));
    });
    expect(wrong).toEqual([]);
  });

  it('damping ends in Idle', () => {
    expect(transitions.filter(({ state, actions }) => has(actions, 'damp') && state !== 'Idle')).toEqual([]);
  });
});
