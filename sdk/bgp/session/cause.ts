/** Why something happened to a connection: what the peer is told of it, and what the operator. */
import type { Action } from '../fsm/actions.js';
import type { FsmEvent } from '../fsm/events.js';
import type { State } from '../fsm/states.js';
import { notification } from '../wire/message-error.js';
import type { Message, NotificationMessage } from '../wire/messages.js';
import { NOTIFICATION, type NotificationKind } from '../wire/notification-kinds.js';
import { notificationText } from '../wire/notification-text.js';

/** What comes with an event. */
export interface Cause {
  /** The NOTIFICATION it calls for. */
  readonly notification?: NotificationMessage;
  /** The message it is about. */
  readonly message?: Message;
  /** The type of a message that was not read, as its state does not expect it. */
  readonly messageType?: number;
  /** For people. */
  readonly text?: string;
}

/** The NOTIFICATION that goes out with `actions`; `undefined` when none does. */
export function noticeFor(actions: readonly Action[], state: State, cause: Cause): NotificationMessage | undefined {
  if (actions.includes('send NOTIFICATION: hold timer expired')) return notification(NOTIFICATION.HOLD_TIMER_EXPIRED);
  if (actions.includes('send NOTIFICATION: FSM error')) return fsmError(state, cause.messageType);
  const isOther = actions.some((action) => action.startsWith('send NOTIFICATION'));
  return isOther ? (cause.notification ?? notification(NOTIFICATION.CEASE.UNSPECIFIC)) : undefined;
}

/** RFC 6608: which state was surprised, and by which type of message. */
function fsmError(state: State, messageType: number | undefined): NotificationMessage {
  const { FSM } = NOTIFICATION;
  const kinds: Partial<Record<State, NotificationKind>> = {
    OpenSent: FSM.UNEXPECTED_IN_OPEN_SENT,
    OpenConfirm: FSM.UNEXPECTED_IN_OPEN_CONFIRM,
    Established: FSM.UNEXPECTED_IN_ESTABLISHED,
  };
  const kind = kinds[state];
  if (messageType === undefined || kind === undefined) return notification(FSM.UNSPECIFIC);
  return notification(kind, Uint8Array.of(messageType));
}

/** Why a connection ended, in words: `sent OPEN message error: bad peer AS: AS 65002, not 65001`. */
export function reasonOf(event: FsmEvent, { text }: Cause, notice: NotificationMessage | undefined): string {
  if (event === 'ConnectRetryTimer_Expires') return 'no answer: unreachable, filtered, or another MD5 key or hop limit';
  if (notice === undefined) return text ?? event;
  return `sent ${notificationText(notice)}${text === undefined ? '' : `: ${text}`}`;
}

/** Whether an event is a failure an operator wants to hear of, and not the end of a connection that had to go. */
export function isFailure(event: FsmEvent, state: State, actions: readonly Action[]): boolean {
  if (event === 'OpenCollisionDump') return false;
  // Nobody has answered our SYN: there is no event for that but the timer's.
  if (event === 'ConnectRetryTimer_Expires') return state === 'Connect';
  return event === 'TcpConnectionFails' || actions.includes('damp');
}
