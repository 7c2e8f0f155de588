/**
 * The states of a session as a pure table, RFC 5880 sections 6.2 and 6.8.6: what a state becomes when the other side's
 * state arrives, or when nothing has arrived for the Detection Time; a number is the diagnostic it leaves behind.
 * ```
 * ours \ received   AdminDown  Down    Init  Up   nothing
 * AdminDown         ·          ·       ·     ·    ·
 * Down              ·          Init    Up    ·    ·
 * Init              Down 3     ·       Up    Up   Down 1
 * Up                Down 3     Down 3  ·     ·    Down 1
 * ```
 * Down → Init → Up is the handshake: each side goes up only on hearing that the other has heard it.
 */

/** `bfd.SessionState`. */
export type BfdState = 'AdminDown' | 'Down' | 'Init' | 'Up';

/** What happens to a state: the other side's state as it says, or `silence` for a whole Detection Time. */
export type StateEvent = BfdState | 'silence';

/** A state to go to, and why where that is worth telling the other side. */
export interface StateChange {
  readonly state: BfdState;
  readonly diagnostic?: number;
}

/** Diagnostic codes that are set here, RFC 5880 section 4.1. */
export const DIAGNOSTIC = {
  NONE: 0,
  CONTROL_DETECTION_TIME_EXPIRED: 1,
  NEIGHBOR_SIGNALED_SESSION_DOWN: 3,
  ADMINISTRATIVELY_DOWN: 7,
} as const;

const DIAGNOSTIC_TEXTS = [
  'no diagnostic',
  'control detection time expired',
  'echo function failed',
  'neighbor signaled session down',
  'forwarding plane reset',
  'path down',
  'concatenated path down',
  'administratively down',
  'reverse concatenated path down',
  'mis-connectivity defect',
];

const SIGNALED: StateChange = { state: 'Down', diagnostic: DIAGNOSTIC.NEIGHBOR_SIGNALED_SESSION_DOWN };
const SILENT: StateChange = { state: 'Down', diagnostic: DIAGNOSTIC.CONTROL_DETECTION_TIME_EXPIRED };
const INIT: StateChange = { state: 'Init' };
/** Up leaves no diagnostic; until then the other side can read why the session before this one ended. */
const UP: StateChange = { state: 'Up', diagnostic: DIAGNOSTIC.NONE };

const TABLE: Readonly<Record<BfdState, Readonly<Partial<Record<StateEvent, StateChange>>>>> = {
  AdminDown: {},
  Down: { Down: INIT, Init: UP },
  Init: { AdminDown: SIGNALED, Init: UP, Up: UP, silence: SILENT },
  Up: { AdminDown: SIGNALED, Down: SIGNALED, silence: SILENT },
};

/** Where a state goes on an event; `undefined` where it stays. */
export function stateChange(state: BfdState, event: StateEvent): StateChange | undefined {
  return TABLE[state][event];
}

/** A diagnostic code for people: `control detection time expired`; RFC 5880 section 4.1 and RFC 6428. */
export function diagnosticText(diagnostic: number): string {
  return DIAGNOSTIC_TEXTS[diagnostic] ?? `diagnostic ${diagnostic}`;
}
