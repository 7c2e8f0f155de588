/** BFD beside a session: it finds out in milliseconds that a peer is gone. RFC 5882 section 4. */
import { type Bfd, type BfdState, type BfdWatch, diagnosticText } from '../../bfd/index.js';
import type { PeerOptions } from '../options.js';
import type { BfdEvent, BfdStatus } from '../status.js';

/** Watches a peer by BFD. */
export class BfdGuard {
  readonly #changed: (event: BfdEvent) => void;
  readonly #lost: () => void;
  #watch: BfdWatch | undefined;
  #before: BfdState = 'Down';

  /** @param lost called when a peer that was up is not any more, unless it has switched BFD off */
  constructor(changed: (event: BfdEvent) => void, lost: () => void) {
    this.#changed = changed;
    this.#lost = lost;
  }

  get status(): BfdStatus | undefined {
    return this.#watch && { state: this.#watch.state, remoteState: this.#watch.remoteState };
  }

  /** @throws EdgemuxError (as a rejection) as `Bfd.watch` */
  async start(bfd: Bfd, { address, localAddress, bfd: timers }: PeerOptions): Promise<void> {
    const options = { ...timers, localAddress: localAddress!, remoteAddress: address };
    this.#before = 'Down';
    const watch = await bfd.watch(options, (state, diagnostic) => this.#hear(watch, state, diagnostic));
    this.#watch = watch;
  }

  stop(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }

  #hear({ remoteState }: BfdWatch, state: BfdState, diagnostic: number): void {
    // Whoever switches BFD off has not failed (RFC 5882 section 3.2), and who was never up may have none.
    const isLost = this.#before === 'Up' && state === 'Down' && remoteState !== 'AdminDown';
    this.#before = state;
    this.#changed({ kind: 'bfd', state, remoteState, diagnostic: diagnosticText(diagnostic) });
    if (isLost) this.#lost();
  }
}
