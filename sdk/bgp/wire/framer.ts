/**
 * Messages out of a TCP stream, RFC 4271 section 4.1: bytes go in as they arrive, whole messages come out.
 *
 *     pushed:   … 19 bytes | header · body | header · bo      the cut message waits in `#partial`
 *     next():             one                                 a view of what was pushed, or a copy of `#partial`
 *
 * Every byte is copied at most twice, however the stream is cut, and what waits for its end is at most one message:
 * a header that promises more is an error as soon as it is there.
 */
import { HEADER_BYTES, MESSAGE_BYTES_MAX, readHeader } from './header.js';

/**
 * Cuts a stream of bytes into messages.
 *
 * @example
 * ```ts
 * framer.push(bytes);
 * for (let frame = framer.next(); frame !== undefined; frame = framer.next()) handle(decodeMessage(frame));
 * ```
 */
export class MessageFramer {
  /** What was pushed and has not been read; those before `#inputIndex` have been, and the one there in part. */
  #inputs: Uint8Array[] = [];
  #inputIndex = 0;
  /** The front of a message whose end has not arrived. */
  readonly #partial = new Uint8Array(MESSAGE_BYTES_MAX);
  #partialByteCount = 0;
  #fault: unknown;

  /** Takes bytes of the stream, which belong to the framer from here on. After a fault they are dropped. */
  push(bytes: Uint8Array): void {
    if (bytes.length > 0 && this.#fault === undefined) this.#inputs.push(bytes);
  }

  /**
   * The next whole message, header included and checked; it may be a view of bytes that were pushed.
   *
   * @returns `undefined` when more bytes are needed
   * @throws MessageError as `readHeader`, and from then on the same one: where a message begins is no longer known
   */
  next(): Uint8Array | undefined {
    if (this.#fault !== undefined) throw this.#fault;
    try {
      return this.#wholeInput() ?? this.#wholePartial();
    } catch (fault) {
      this.#fault = fault;
      this.#inputs = [];
      throw fault;
    }
  }

  /** A message that lies whole in one input needs no copy. */
  #wholeInput(): Uint8Array | undefined {
    const input = this.#inputs[this.#inputIndex];
    if (this.#partialByteCount > 0 || input === undefined || input.length < HEADER_BYTES) return undefined;
    const { byteCount } = readHeader(input);
    return input.length < byteCount ? undefined : this.#take(byteCount);
  }

  #wholePartial(): Uint8Array | undefined {
    if (!this.#fillPartial(HEADER_BYTES)) return undefined;
    const { byteCount } = readHeader(this.#partial);
    if (!this.#fillPartial(byteCount)) return undefined;
    this.#partialByteCount = 0;
    return this.#partial.slice(0, byteCount);
  }

  /** Moves input to the partial message until that has `byteCount` bytes; false when there is not enough. */
  #fillPartial(byteCount: number): boolean {
    while (this.#partialByteCount < byteCount) {
      const bytes = this.#take(byteCount - this.#partialByteCount);
      if (bytes.length === 0) return false;
      this.#partial.set(bytes, this.#partialByteCount);
      this.#partialByteCount += bytes.length;
    }
    return true;
  }

  /** Up to `byteCount` bytes of the first input that has any; none when all has been read. */
  #take(byteCount: number): Uint8Array {
    const input = this.#inputs[this.#inputIndex];
    if (input === undefined) return new Uint8Array();
    if (byteCount < input.length) {
      this.#inputs[this.#inputIndex] = input.subarray(byteCount);
      return input.subarray(0, byteCount);
    }
    this.#inputIndex++;
    if (this.#inputIndex === this.#inputs.length) {
      this.#inputs = [];
      this.#inputIndex = 0;
    }
    return input;
  }
}
