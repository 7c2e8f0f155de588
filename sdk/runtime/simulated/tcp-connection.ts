/** One end of a simulated connection: its process's side of it, and its kernel's. */
import { concat } from '../../net/bytes.js';
import type { Endpoint, TcpConnection, TcpEnd, TcpHandlers, TcpProtection } from '../tcp.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { Segment, TcpSender } from './tcp-sender.js';

/** Bytes from one process to the other that neither of them holds: a send buffer and a receive buffer. */
export const WINDOW_BYTES = 65_536;

/** What an end needs of the host it is on. */
export interface EndHost {
  readonly process: SimulatedProcess;
  /** Whether the process reads its sockets. */
  readonly isReading: boolean;
  /** The end is no more: its port is free. */
  forget(end: SimulatedTcpConnection): void;
}

/**
 * opening ─► open ─► lingering (we have sent a FIN, what arrives is ignored) ─► gone
 *
 * `gone` is the kernel's word: what arrives for such an end is answered with a RST.
 */
type Phase = 'opening' | 'open' | 'lingering' | 'gone';

/** A connection of the code under test. Its `handlers` are dropped when nothing more may be told. */
export class SimulatedTcpConnection implements TcpConnection {
  /** Set by the host as soon as the end exists. */
  sender!: TcpSender;
  /** The other end, once it exists. */
  peer: SimulatedTcpConnection | undefined;
  phase: Phase = 'opening';
  #handlers: TcpHandlers | undefined;
  readonly #host: EndHost;
  #inbox: Uint8Array[] = [];
  #inboxByteCount = 0;
  #end: TcpEnd | undefined;
  #isReadDue = false;

  constructor(
    host: EndHost,
    readonly local: Endpoint,
    readonly remote: Endpoint,
    readonly protection: TcpProtection,
    handlers?: TcpHandlers,
  ) {
    this.#host = host;
    this.#handlers = handlers;
  }

  get bufferedByteCount(): number {
    return this.sender.bufferedByteCount;
  }

  /** How many bytes this end's kernel still takes. */
  get windowByteCount(): number {
    return WINDOW_BYTES - this.#inboxByteCount;
  }

  write(bytes: Uint8Array): void {
    if (this.phase === 'open' && this.#host.process.isAlive) this.sender.write(bytes);
  }

  close(): void {
    this.#handlers = undefined;
    if (this.phase === 'opening') this.#leave();
    if (this.phase !== 'open') return;
    this.phase = 'lingering';
    this.#ignoreInbox();
    this.sender.finish();
    if (this.#end !== undefined) this.#leave();
  }

  abort(): void {
    this.#handlers = undefined;
    if (this.phase === 'open' || this.phase === 'lingering') this.sender.reset();
    this.#leave();
  }

  /** The power is off: nothing is sent. */
  vanish(): void {
    this.#handlers = undefined;
    this.sender.drop();
    this.#leave();
  }

  /** The handshake of a connecting end is through. */
  open(): void {
    this.phase = 'open';
    this.sender.establish();
    this.#host.process.enter(() => this.#handlers?.opened?.());
  }

  /** The handshake of an accepted end is through: asks the listener's owner. */
  accept(ask: (connection: TcpConnection) => TcpHandlers | undefined): void {
    this.phase = 'open';
    this.#host.process.enter(() => {
      const handlers = ask(this);
      if (handlers === undefined) this.abort();
      else if (this.phase !== 'gone' || this.#end !== undefined) this.#handlers = handlers;
    });
  }

  /** What was written has left the process. */
  drained(): void {
    this.#host.process.enter(() => {
      if (this.phase === 'open' && this.bufferedByteCount === 0) this.#handlers?.drained?.();
    });
  }

  /** The connection is over, and not because the peer closed it. */
  fail(text: string): void {
    this.sender.drop();
    this.#finish({ how: 'failed', text });
  }

  /** Takes what arrives for this end. */
  receive(segment: Segment): void {
    if (segment.kind === 'rst') this.fail('reset by peer');
    else if (this.phase === 'lingering') this.#receiveLingering(segment);
    else if (segment.kind === 'data') {
      this.#inbox.push(segment.bytes);
      this.#inboxByteCount += segment.bytes.length;
      this.readSoon();
    } else if (segment.kind === 'fin') {
      this.sender.finish();
      this.#finish({ how: 'ended', text: 'closed by peer' });
    }
  }

  /** Lets the process read what its kernel has, if it reads at all. */
  readSoon(): void {
    if (this.#isReadDue || !this.#mayRead()) return;
    this.#isReadDue = true;
    this.#host.process.enter(() => {
      this.#isReadDue = false;
      if (this.#mayRead()) this.#read();
    });
  }

  // Who does not read still hears that a connection has ended, unless data come first.
  #mayRead(): boolean {
    return this.#host.isReading || this.#inboxByteCount === 0;
  }

  #receiveLingering(segment: Segment): void {
    if (segment.kind === 'fin') this.#leave();
    else this.peer?.sender.windowOpened();
  }

  #read(): void {
    const bytes = concat(this.#inbox);
    this.#ignoreInbox();
    if (bytes.length > 0) this.#handlers?.received(bytes);
    const handlers = this.#handlers;
    if (this.#end === undefined || handlers === undefined) return;
    this.#handlers = undefined;
    handlers.closed(this.#end);
  }

  #ignoreInbox(): void {
    this.#inbox = [];
    this.#inboxByteCount = 0;
    this.peer?.sender.windowOpened();
  }

  /** The end is over for the kernel; the process learns of it behind the data it has not read. */
  #finish(end: TcpEnd): void {
    this.#end ??= end;
    this.#leave();
    this.readSoon();
  }

  #leave(): void {
    this.phase = 'gone';
    this.#host.forget(this);
  }
}
