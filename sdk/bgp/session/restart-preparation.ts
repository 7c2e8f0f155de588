/** Before a planned restart, RFC 4724: the peers that can wait for us are told for how long they should. */
import type { Clock } from '../../runtime/clock.js';
import { notification } from '../wire/message-error.js';
import { NOTIFICATION } from '../wire/notification-kinds.js';
import type { Peer } from './peer.js';
import { until } from './until.js';

/** Reopens sessions for it; what was given up half-way is taken up the next time. */
export class RestartPreparation {
  readonly #clock: Clock;
  /** Those whose sessions were ended for it, until they have a session and its routes again. */
  readonly #reopened = new WeakSet<Peer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Reopens the sessions that need it, one after the other, so that the others carry traffic meanwhile.
   *
   * @param isPeer whether one that is waited for is still a peer of a speaker that runs
   * @throws the reason of `signal` when that is aborted
   */
  async prepare(peers: readonly Peer[], isPeer: (peer: Peer) => boolean, signal?: AbortSignal): Promise<void> {
    for (const peer of peers) {
      signal?.throwIfAborted();
      if (isPeer(peer) && peer.isUnpreparedForRestart) {
        this.#reopened.add(peer);
        peer.reopen(notification(NOTIFICATION.CEASE.ADMINISTRATIVE_RESET));
      }
      if (!this.#reopened.has(peer)) continue;
      await until(this.#clock, () => !isPeer(peer) || peer.isTold, Number.POSITIVE_INFINITY, signal);
      this.#reopened.delete(peer);
    }
  }
}
