/** Two connections with one peer, of which one must go: RFC 4271 section 6.8. */
import { isAtLeast } from '../fsm/states.js';
import type { Identity } from './agreement.js';
import type { Connection } from './connection.js';

/**
 * Which of two connections stays: the one begun by the side with the higher router id, or with the higher AS where
 * those are equal (RFC 6286 section 2.3).
 */
export function collisionWinner(ours: Identity, theirs: Identity): 'outgoing' | 'incoming' {
  const difference = numberOf(ours.routerId) - numberOf(theirs.routerId) || ours.as - theirs.as;
  return difference > 0 ? 'outgoing' : 'incoming';
}

/** Whether a connection stays whose OPEN has just come, beside the peer's other one. */
export function survives(
  connection: Connection,
  other: Connection | undefined,
  ours: Identity,
  theirs: Identity,
): boolean {
  if (other === undefined || !isAtLeast(other.state, 'OpenConfirm')) return true;
  if (other.state === 'Established') return isForPeerToEnd(connection, ours, theirs);
  return collisionWinner(ours, theirs) === connection.origin;
}

/**
 * Whether to leave it to the peer to end this connection or the one that is Established beside it.
 *
 * The peer has the higher identifier, and this is the connection it began. It may be about to end the other one, which
 * is Established here and not there yet. Were we to end this one meanwhile, as the RFC has it, none would be left.
 */
export function isForPeerToEnd({ origin }: Connection, ours: Identity, theirs: Identity): boolean {
  return origin === 'incoming' && collisionWinner(ours, theirs) === 'incoming';
}

function numberOf(routerId: string): number {
  return routerId.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}
