/**
 * The messages that open, keep and close a session, and what Wireshark is to see in each but for its length; written down
 * from the RFCs, and never from what edgemux itself reads.
 */
import {
  type Capabilities,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  NO_CAPABILITIES,
  NOTIFICATION,
  type NotificationKind,
  notification,
  notificationWithText,
} from '../../sdk/bgp/wire/index.js';
import { fromHex } from '../support/bytes.js';
import type { BgpSeen } from './bgp-fields.js';
import { restartSeen } from './bgp-random.js';

/** Name, bytes, what Wireshark sees but for the length of the message. */
export type Row = readonly [name: string, bytes: Uint8Array, seen: BgpSeen];

function open(name: string, capabilities: Partial<Capabilities>, seen: BgpSeen, as = 64512): Row {
  const fields = { kind: 'open', as, holdTimeSeconds: 9, routerId: '10.0.0.4' } as const;
  const bytes = encodeOpen({ ...fields, capabilities: { ...NO_CAPABILITIES, ...capabilities } });
  return [`OPEN: ${name}`, bytes, { ...OPEN, ...seen }];
}

const OPEN: BgpSeen = { type: '1', version: '4', myAs: '64512', holdTime: '9', identifier: '10.0.0.4' };
/** Any other capability brings the one of IPv4 with it. */
const IPV4 = { parameters: '2', families: '1', familySafis: '1' };
const IPV4_IPV6 = { parameters: '2', families: '1,2', familySafis: '1,1' };
const RESTART = {
  isRestarting: true,
  restartTimeSeconds: 4095,
  families: [
    { family: 'ipv4', isForwardingPreserved: true },
    { family: 'ipv6', isForwardingPreserved: false },
  ],
} as const;

const OPENS: readonly Row[] = [
  open('no capabilities', {}, {}),
  open('IPv6 alone', { families: ['ipv6'] }, { parameters: '2', capabilities: '1', families: '2', familySafis: '1' }),
  open('IPv4 and IPv6', { families: ['ipv4', 'ipv6'] }, { ...IPV4_IPV6, capabilities: '1,1' }),
  open('route refresh', { routeRefresh: true }, { ...IPV4, capabilities: '1,2' }),
  open('enhanced route refresh', { enhancedRouteRefresh: true }, { ...IPV4, capabilities: '1,70' }),
  open(
    'extended next hop',
    { extendedNextHop: ['ipv4'] },
    { ...IPV4, capabilities: '1,5', nextHopOf: '1', nextHopOfSafi: '1', nextHopIn: '2' },
  ),
  open('four-octet AS', { fourOctetAs: true }, { ...IPV4, capabilities: '1,65', fourOctetAs: '64512' }),
  open(
    'four-octet AS that needs it',
    { fourOctetAs: true },
    { ...IPV4, capabilities: '1,65', myAs: '23456', fourOctetAs: '4200000001' },
    4200000001,
  ),
  open('graceful restart', { gracefulRestart: RESTART }, { ...IPV4, capabilities: '1,64', ...restartSeen(RESTART) }),
  open(
    'graceful restart of nothing',
    { gracefulRestart: { isRestarting: false, restartTimeSeconds: 0, families: [] } },
    { ...IPV4, capabilities: '1,64', isRestarting: '0', hasNotificationBit: '0', restartTime: '0' },
  ),
  open(
    'everything',
    {
      families: ['ipv4', 'ipv6'],
      extendedNextHop: ['ipv4'],
      routeRefresh: true,
      enhancedRouteRefresh: true,
      fourOctetAs: true,
      gracefulRestart: RESTART,
    },
    {
      ...{ ...IPV4_IPV6, capabilities: '1,1,2,5,64,65,70', myAs: '23456', fourOctetAs: '4294967295' },
      ...{ nextHopOf: '1', nextHopOfSafi: '1', nextHopIn: '2' },
      ...{ isRestarting: '1', hasNotificationBit: '0', restartTime: '4095' },
      ...{ restartFamilies: '1,2', restartSafis: '1,1', forwarding: '0x80,0x00' },
    },
    4294967295,
  ),
];

function closing(kind: NotificationKind, code: number, subcode: number, data = '', seenData: BgpSeen = { data }): Row {
  const bytes = encodeNotification(notification(kind, fromHex(data)));
  const seen = { type: '3', code: String(code), subcode: String(subcode), ...(data && seenData) };
  return [`NOTIFICATION: ${code}/${subcode} ${kind.name}`, bytes, seen];
}

function told(kind: NotificationKind, subcode: number, text: string, seenText = text): Row {
  const textLength = String(Buffer.byteLength(seenText));
  const seen = { type: '3', code: '6', subcode: String(subcode), textLength, ...(seenText && { text: seenText }) };
  return [`NOTIFICATION: with a text of ${text.length}`, encodeNotification(notificationWithText(kind, text)), seen];
}

const { HEADER, OPEN: OPEN_ERROR, UPDATE, FSM, CEASE, ROUTE_REFRESH } = NOTIFICATION;
const NOTIFICATIONS: readonly Row[] = [
  closing(HEADER.CONNECTION_NOT_SYNCHRONIZED, 1, 1),
  closing(HEADER.BAD_LENGTH, 1, 2, '0012'),
  closing(HEADER.BAD_TYPE, 1, 3, '09'),
  closing(OPEN_ERROR.UNSPECIFIC, 2, 0),
  closing(OPEN_ERROR.UNSUPPORTED_VERSION, 2, 1, '0004'),
  closing(OPEN_ERROR.BAD_PEER_AS, 2, 2),
  closing(OPEN_ERROR.BAD_BGP_IDENTIFIER, 2, 3),
  closing(OPEN_ERROR.UNSUPPORTED_OPTIONAL_PARAMETER, 2, 4),
  closing(OPEN_ERROR.UNACCEPTABLE_HOLD_TIME, 2, 6),
  // Wireshark reads this data as capabilities.
  closing(OPEN_ERROR.UNSUPPORTED_CAPABILITY, 2, 7, '010400020001', {
    capabilities: '1',
    families: '2',
    familySafis: '1',
  }),
  closing(OPEN_ERROR.ROLE_MISMATCH, 2, 11),
  closing(UPDATE.UNSPECIFIC, 3, 0),
  closing(UPDATE.MALFORMED_ATTRIBUTE_LIST, 3, 1),
  closing(UPDATE.UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE, 3, 2, '40630101'),
  closing(UPDATE.MISSING_WELL_KNOWN_ATTRIBUTE, 3, 3, '02'),
  closing(UPDATE.ATTRIBUTE_FLAGS, 3, 4, 'c0010100'),
  closing(UPDATE.ATTRIBUTE_LENGTH, 3, 5, '4001020000'),
  closing(UPDATE.INVALID_ORIGIN, 3, 6, '40010109'),
  closing(UPDATE.INVALID_NEXT_HOP, 3, 8, '400304ffffffff'),
  closing(UPDATE.OPTIONAL_ATTRIBUTE, 3, 9, '800e0100'),
  closing(UPDATE.INVALID_NETWORK_FIELD, 3, 10),
  closing(UPDATE.MALFORMED_AS_PATH, 3, 11),
  closing(NOTIFICATION.HOLD_TIMER_EXPIRED, 4, 0),
  closing(FSM.UNSPECIFIC, 5, 0),
  closing(FSM.UNEXPECTED_IN_OPEN_SENT, 5, 1, '04'),
  closing(FSM.UNEXPECTED_IN_OPEN_CONFIRM, 5, 2, '02'),
  closing(FSM.UNEXPECTED_IN_ESTABLISHED, 5, 3, '01'),
  closing(CEASE.UNSPECIFIC, 6, 0),
  closing(CEASE.MAXIMUM_PREFIXES, 6, 1),
  closing(CEASE.ADMINISTRATIVE_SHUTDOWN, 6, 2),
  closing(CEASE.PEER_DECONFIGURED, 6, 3),
  closing(CEASE.ADMINISTRATIVE_RESET, 6, 4),
  closing(CEASE.CONNECTION_REJECTED, 6, 5),
  closing(CEASE.OTHER_CONFIGURATION_CHANGE, 6, 6),
  closing(CEASE.CONNECTION_COLLISION, 6, 7),
  closing(CEASE.OUT_OF_RESOURCES, 6, 8),
  closing(CEASE.HARD_RESET, 6, 9, '0602'),
  closing(CEASE.BFD_DOWN, 6, 10),
  closing(ROUTE_REFRESH.UNSPECIFIC, 7, 0),
  closing(ROUTE_REFRESH.INVALID_LENGTH, 7, 1, `${'ff'.repeat(16)}0018050001000100`),
  closing(NOTIFICATION.SEND_HOLD_TIMER_EXPIRED, 8, 0),
  told(CEASE.ADMINISTRATIVE_SHUTDOWN, 2, 'maintenance until 18:00'),
  told(CEASE.ADMINISTRATIVE_RESET, 4, 'Wartung bis 18:00 – Grüße, 保守'),
  told(CEASE.ADMINISTRATIVE_SHUTDOWN, 2, 'x'.repeat(300), 'x'.repeat(255)),
  // 85 characters of 3 bytes are 255, and none is cut in two.
  told(CEASE.ADMINISTRATIVE_SHUTDOWN, 2, '保'.repeat(86), '保'.repeat(85)),
  told(CEASE.ADMINISTRATIVE_SHUTDOWN, 2, `${'x'.repeat(253)}保`, 'x'.repeat(253)),
];

const SUBTYPES = ['request', 'begin', 'end'] as const;
const REFRESHES = (['ipv4', 'ipv6'] as const).flatMap((family, index) =>
  SUBTYPES.map((subtype, number): Row => {
    const seen = { refreshAfi: String(index + 1), refreshSubtype: String(number), refreshSafi: '1' };
    return [`ROUTE-REFRESH: ${subtype} of ${family}`, encodeRouteRefresh({ family, subtype }), { type: '5', ...seen }];
  }),
);

/** Every row. */
export const SESSION_ROWS: readonly Row[] = [
  ...OPENS,
  ['KEEPALIVE', encodeKeepalive(), { type: '4' }],
  ...NOTIFICATIONS,
  ...REFRESHES,
];
