/** What a connection told its owner, in order, and a way to wait for it. */
import { readdirSync, readlinkSync } from 'node:fs';
import type { TcpConnection, TcpEnd, TcpHandlers } from '../../sdk/runtime/index.js';

/** `opened`, `drained`, `ended: …`, `failed: …`; bytes are kept apart, as TCP cuts them as it likes. */
export class Recorder implements TcpHandlers {
  readonly events: string[] = [];
  /** The connection of an accepted one. */
  connection: TcpConnection | undefined;
  #received: number[] = [];
  #waiting: { isTrue: () => boolean; resolve: () => void }[] = [];

  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#received));
  }

  get receivedByteCount(): number {
    return this.#received.length;
  }

  readonly opened = () => this.#tell('opened');
  readonly drained = () => this.#tell('drained');
  readonly closed = (end: TcpEnd) => this.#tell(`${end.how}: ${end.text}`);
  readonly received = (bytes: Uint8Array) => {
    for (const byte of bytes) this.#received.push(byte);
    this.#check();
  };

  /** An accepted connection, from here on told to this. */
  accepted(connection: TcpConnection): this {
    this.connection = connection;
    this.#tell('accepted');
    return this;
  }

  /** Waits for an event, which may have been there before. */
  until(event: string): Promise<void> {
    return this.untilTrue(() => this.events.includes(event));
  }

  /** Waits until something is true that changes with what is told. */
  untilTrue(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ isTrue, resolve }));
  }

  #tell(event: string): void {
    this.events.push(event);
    this.#check();
  }

  #check(): void {
    for (const waiting of [...this.#waiting]) {
      if (!waiting.isTrue()) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve();
    }
  }
}

/** UTF-8. */
export const utf8 = (text: string) => new TextEncoder().encode(text);

/** The sockets this process has open. */
export function socketCount(): number {
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

/** Waits until this process has no more sockets than that. */
export async function untilSocketCount(count: number): Promise<void> {
  while (socketCount() > count) await new Promise((resolve) => setTimeout(resolve, 5));
}
