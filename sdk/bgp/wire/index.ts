/** BGP messages as bytes and as values, RFC 4271 section 4. */
export { multiprotocolCapabilities, NO_CAPABILITIES } from './capabilities.js';
export {
  formatCommunity,
  formatLargeCommunity,
  type LargeCommunity,
  parseCommunity,
  parseLargeCommunity,
} from './communities.js';
export { decodeMessage, messageKind } from './decode.js';
export { MessageFramer } from './framer.js';
export { HEADER_BYTES, MESSAGE_BYTES_MAX, MESSAGE_TYPE } from './header.js';
export { encodeKeepalive, KEEPALIVE } from './keepalive.js';
export { MessageError, notification } from './message-error.js';
export type {
  Agreement,
  Announcement,
  Capabilities,
  Family,
  GracefulRestart,
  KeepaliveMessage,
  Message,
  NotificationMessage,
  OpenMessage,
  PathAttributes,
  RouteChange,
  RouteRefreshMessage,
  UpdateFault,
  UpdateMessage,
} from './messages.js';
export { encodeNotification, notificationWithText, shutdownText } from './notification.js';
export { NOTIFICATION, type NotificationKind } from './notification-kinds.js';
export { notificationText } from './notification-text.js';
export { AS_TRANS, BGP_VERSION, encodeOpen } from './open.js';
export { encodeEndOfRib, encodeUpdates } from './pack.js';
export { encodeRouteRefresh } from './route-refresh.js';
export { decodeUpdate } from './update.js';
