/** The faults of one UPDATE while it is read, RFC 7606: each is dealt with as it says, and the strongest decides. */
import type { AttributeDefinition, Disposition, FaultIn } from './attributes/definition.js';
import { MessageError } from './message-error.js';
import type { UpdateFault } from './messages.js';
import { NOTIFICATION, type NotificationKind } from './notification-kinds.js';

/** What has been found wrong so far. */
export class UpdateFaults {
  readonly #withdrawing: MessageError[] = [];
  readonly #discarding: string[] = [];

  /** The routes of the message are to be treated as withdrawn. */
  get withdraws(): boolean {
    return this.#withdrawing.length > 0;
  }

  /** Worst first, and then in the order they were found. */
  get list(): UpdateFault[] {
    return [
      ...this.#withdrawing.map(({ message }) => ({ disposition: 'treat-as-withdraw' as const, text: message })),
      ...this.#discarding.map((text) => ({ disposition: 'attribute-discard' as const, text })),
    ];
  }

  /**
   * Notes a fault.
   *
   * @param kind and
   * @param data what the NOTIFICATION says, should the fault end the session
   * @throws MessageError at once for a session reset: nothing is stronger
   */
  add(disposition: Disposition, text: string, kind: NotificationKind, data?: Uint8Array): void {
    if (disposition === 'attribute-discard') {
      this.#discarding.push(text);
      return;
    }
    const error = new MessageError(kind, text, data);
    if (disposition === 'session-reset') throw error;
    this.#withdrawing.push(error);
  }

  /** Notes a fault in an attribute, by its row of the table. The data is the attribute, except with a bad AS_PATH. */
  addInAttribute(definition: AttributeDefinition, faultIn: FaultIn, text: string, bytes: Uint8Array): void {
    const kind = definition.notifications[faultIn];
    const data = kind === NOTIFICATION.UPDATE.MALFORMED_AS_PATH ? undefined : bytes;
    this.add(definition.dispositions[faultIn], `${definition.name} ${text}`, kind, data);
  }

  /** Ignores something that costs no route anything. */
  ignore(text: string): void {
    this.#discarding.push(text);
  }

  /**
   * RFC 7606 section 5.2: where a message announces nothing, nobody knows what a fault wants withdrawn.
   *
   * @throws MessageError the first fault that would have the routes withdrawn
   */
  resetIfWithdrawing(): void {
    const [first] = this.#withdrawing;
    if (first !== undefined) throw first;
  }
}
