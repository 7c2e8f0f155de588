/**
 * Poll Sequences, RFC 5880 sections 6.5 and 6.8.3: packets carry the P bit until one with the F bit answers, and then
 * the other side is known to have heard what they said.
 * ```
 *            change      P sent            F                 no F
 *   idle ───────────► due ─────► polling ─────► settling ──────► idle, or due when there was a change meanwhile
 * ```
 * An F does not say which P it answers. So between two sequences there has to be a packet without it, the third of the
 * three choices section 6.8.3 leaves; and none ends a sequence that has not asked yet.
 */
export class PollSequence {
  #state: 'idle' | 'due' | 'polling' | 'settling' = 'idle';
  /** What is said now was not said when the sequence began. */
  #hasChanged = false;

  /** Whether packets are to carry the P bit. */
  get isPolling(): boolean {
    return this.#state === 'due' || this.#state === 'polling';
  }

  /** What packets say has changed: begins a sequence, or has another follow the one that is going on. */
  request(): void {
    if (this.#state === 'idle') this.#state = 'due';
    else if (this.#state !== 'due') this.#hasChanged = true;
  }

  /** A packet with the P bit has left. */
  sent(): void {
    if (this.#state === 'due') this.#state = 'polling';
  }

  /** A packet has arrived, with the F bit or without. True when the other side is known to have heard all that changed. */
  received(isFinal: boolean): boolean {
    if (this.#state === 'polling' && isFinal) {
      this.#state = 'settling';
      return !this.#hasChanged;
    }
    if (this.#state === 'settling' && !isFinal) {
      this.#state = this.#hasChanged ? 'due' : 'idle';
      this.#hasChanged = false;
    }
    return false;
  }

  /** The other side is gone, and its answers with it. */
  reset(): void {
    this.#state = 'idle';
    this.#hasChanged = false;
  }
}
