/** What a message of the peer means to the state machine: its event, by kind and by the state it arrives in. */
import type { FsmEvent } from '../fsm/events.js';
import type { State } from '../fsm/states.js';
import { decodeMessage } from '../wire/decode.js';
import { MESSAGE_TYPE } from '../wire/header.js';
import type { MessageError } from '../wire/message-error.js';
import type { Agreement, Message, NotificationMessage } from '../wire/messages.js';
import { NOTIFICATION, type NotificationKind } from '../wire/notification-kinds.js';
import { notificationText } from '../wire/notification-text.js';
import type { Cause } from './cause.js';

/** The one state in which a kind of message is expected; a NOTIFICATION and a KEEPALIVE are understood in any. */
const EXPECTED_IN: Partial<Record<Message['kind'], State>> = {
  open: 'OpenSent',
  update: 'Established',
  'route-refresh': 'Established',
};

const EVENTS: Readonly<Record<Exclude<Message['kind'], 'notification'>, FsmEvent>> = {
  open: 'BGPOpen',
  update: 'UpdateMsg',
  keepalive: 'KeepAliveMsg',
  'route-refresh': 'RouteRefreshMsg',
};

/** The event of a fault in a message, by the code of the NOTIFICATION it calls for. */
const FAULT_EVENTS: Readonly<Record<number, FsmEvent>> = {
  1: 'BGPHeaderErr',
  2: 'BGPOpenMsgErr',
  3: 'UpdateMsgErr',
  7: 'RouteRefreshMsgErr',
};

/** An event and why it happened. */
export interface Occurrence {
  readonly event: FsmEvent;
  readonly cause: Cause;
}

/**
 * What a whole message leads to. One that its state does not expect is an error whatever it says, and is not read.
 *
 * @param agreement what was agreed, once the state is Established
 * @throws MessageError for a fault in the message
 */
export function occurrenceOf(
  kind: Message['kind'],
  frame: Uint8Array,
  state: State,
  agreement: Agreement | undefined,
): Occurrence {
  if (kind === 'notification') return notified(decodeMessage(frame) as NotificationMessage);
  const isExpected = (EXPECTED_IN[kind] ?? state) === state;
  const unread = { messageType: MESSAGE_TYPE[kind], text: kind.toUpperCase() };
  return { event: EVENTS[kind], cause: isExpected ? { ...unread, message: decodeMessage(frame, agreement) } : unread };
}

/** What a fault in a message leads to. */
export function faultOf({ notification, message, isForPeer }: MessageError): Occurrence {
  // Whatever it was to say, the peer has closed the session with it.
  if (!isForPeer) return { event: 'NotifMsg', cause: { text: `received ${message}` } };
  return { event: FAULT_EVENTS[notification.code] ?? 'BGPHeaderErr', cause: { notification, text: message } };
}

/** Whether a NOTIFICATION is of this kind. */
export function isKind(message: NotificationMessage, kind: NotificationKind): boolean {
  return message.code === kind.code && message.subcode === kind.subcode;
}

function notified(message: NotificationMessage): Occurrence {
  const isVersion = isKind(message, NOTIFICATION.OPEN.UNSUPPORTED_VERSION);
  const text = `received ${notificationText(message)}`;
  return { event: isVersion ? 'NotifMsgVerErr' : 'NotifMsg', cause: { message, text } };
}
