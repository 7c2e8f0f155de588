/**
 * Every error a NOTIFICATION can report, by the names of the IANA registries "BGP Error (Notification) Codes" and
 * "… Subcodes": RFC 4271 section 4.5, RFC 5492 (2/7), RFC 6608 (5/*), RFC 4486, 8538 and 9384 (6/*), RFC 7313 (7/*),
 * RFC 9687 (8). What RFC 4271 deprecates (2/5, 3/7) is left out.
 */

/** A reason to send a NOTIFICATION. */
export interface NotificationKind {
  /** Error code, 1..8. */
  readonly code: number;
  /** Error subcode; 0 is unspecific. */
  readonly subcode: number;
  /** For people, without the name of the code: `bad peer AS`; empty where the code says it all. */
  readonly name: string;
}

/** For people: what each error code is about. */
export const CODE_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'message header error'],
  [2, 'OPEN message error'],
  [3, 'UPDATE message error'],
  [4, 'hold timer expired'],
  [5, 'finite state machine error'],
  [6, 'Cease'],
  [7, 'ROUTE-REFRESH message error'],
  [8, 'send hold timer expired'],
]);

/** The reasons, a group for each code. */
export const NOTIFICATION = {
  HEADER: {
    CONNECTION_NOT_SYNCHRONIZED: kind(1, 1, 'connection not synchronized'),
    /** Data: the length field, 2 bytes. */
    BAD_LENGTH: kind(1, 2, 'bad message length'),
    /** Data: the type field, 1 byte. */
    BAD_TYPE: kind(1, 3, 'bad message type'),
  },
  OPEN: {
    /** An optional parameter that is known but malformed. */
    UNSPECIFIC: kind(2, 0, ''),
    /** Data: the version we speak, 2 bytes. */
    UNSUPPORTED_VERSION: kind(2, 1, 'unsupported version number'),
    BAD_PEER_AS: kind(2, 2, 'bad peer AS'),
    BAD_BGP_IDENTIFIER: kind(2, 3, 'bad BGP identifier'),
    UNSUPPORTED_OPTIONAL_PARAMETER: kind(2, 4, 'unsupported optional parameter'),
    UNACCEPTABLE_HOLD_TIME: kind(2, 6, 'unacceptable hold time'),
    /** Data: the capabilities that are missing, each as in an OPEN. */
    UNSUPPORTED_CAPABILITY: kind(2, 7, 'unsupported capability'),
    ROLE_MISMATCH: kind(2, 11, 'role mismatch'),
  },
  UPDATE: {
    UNSPECIFIC: kind(3, 0, ''),
    MALFORMED_ATTRIBUTE_LIST: kind(3, 1, 'malformed attribute list'),
    /** Data of this and the next five: the attribute at fault, or for the next alone its type code. */
    UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE: kind(3, 2, 'unrecognized well-known attribute'),
    MISSING_WELL_KNOWN_ATTRIBUTE: kind(3, 3, 'missing well-known attribute'),
    ATTRIBUTE_FLAGS: kind(3, 4, 'attribute flags error'),
    ATTRIBUTE_LENGTH: kind(3, 5, 'attribute length error'),
    INVALID_ORIGIN: kind(3, 6, 'invalid ORIGIN attribute'),
    INVALID_NEXT_HOP: kind(3, 8, 'invalid NEXT_HOP attribute'),
    OPTIONAL_ATTRIBUTE: kind(3, 9, 'optional attribute error'),
    INVALID_NETWORK_FIELD: kind(3, 10, 'invalid network field'),
    MALFORMED_AS_PATH: kind(3, 11, 'malformed AS_PATH'),
  },
  HOLD_TIMER_EXPIRED: kind(4, 0, ''),
  FSM: {
    UNSPECIFIC: kind(5, 0, ''),
    /** Data of this and the next two: the type of the message that was not expected, 1 byte. */
    UNEXPECTED_IN_OPEN_SENT: kind(5, 1, 'unexpected message in OpenSent state'),
    UNEXPECTED_IN_OPEN_CONFIRM: kind(5, 2, 'unexpected message in OpenConfirm state'),
    UNEXPECTED_IN_ESTABLISHED: kind(5, 3, 'unexpected message in Established state'),
  },
  CEASE: {
    UNSPECIFIC: kind(6, 0, ''),
    MAXIMUM_PREFIXES: kind(6, 1, 'maximum number of prefixes reached'),
    /** Data of this and of administrative reset: a text, RFC 9003. */
    ADMINISTRATIVE_SHUTDOWN: kind(6, 2, 'administrative shutdown'),
    PEER_DECONFIGURED: kind(6, 3, 'peer de-configured'),
    ADMINISTRATIVE_RESET: kind(6, 4, 'administrative reset'),
    CONNECTION_REJECTED: kind(6, 5, 'connection rejected'),
    OTHER_CONFIGURATION_CHANGE: kind(6, 6, 'other configuration change'),
    CONNECTION_COLLISION: kind(6, 7, 'connection collision resolution'),
    OUT_OF_RESOURCES: kind(6, 8, 'out of resources'),
    /** Data: the code, subcode and data of the NOTIFICATION that is meant, RFC 8538. */
    HARD_RESET: kind(6, 9, 'hard reset'),
    BFD_DOWN: kind(6, 10, 'BFD down'),
  },
  ROUTE_REFRESH: {
    UNSPECIFIC: kind(7, 0, ''),
    /** Data: the whole message. */
    INVALID_LENGTH: kind(7, 1, 'invalid message length'),
  },
  SEND_HOLD_TIMER_EXPIRED: kind(8, 0, ''),
} as const;

function kind(code: number, subcode: number, name: string): NotificationKind {
  return { code, subcode, name };
}
