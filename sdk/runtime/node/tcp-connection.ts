/** One TCP connection over a `net.Socket`. */
import type { Socket } from 'node:net';
import type { Endpoint, TcpConnection, TcpEnd, TcpHandlers } from '../tcp.js';
import { endpoint } from './endpoint.js';
import { errorText } from './error-text.js';

/**
 * How long a closed connection waits for the peer to take what is queued and to close too. A BGP peer reads its
 * NOTIFICATION at once; whoever does not in this time is not going to.
 */
const CLOSE_MS_MAX = 5000;

/**
 * A connection, opening or open.
 *
 * The socket must allow half-open connections: what Node would otherwise do about a FIN is decided here.
 */
export class NodeTcpConnection implements TcpConnection {
  readonly remote: Endpoint;
  readonly #socket: Socket;
  /** Kept, as a socket forgets it when it is closed. */
  #local: Endpoint;
  /** `undefined` for a connection still without an owner, and for one that has nothing more to tell. */
  #handlers: TcpHandlers | undefined;
  #isOver = false;
  /** Whether the owner may have seen a `bufferedByteCount` that was not 0, and not been told `drained` since. */
  #isBuffered = false;

  /** Takes a socket over; `remote` is where it goes, or where an accepted one came from. */
  constructor(socket: Socket, remote: Endpoint, handlers?: TcpHandlers) {
    this.#socket = socket;
    this.remote = remote;
    this.#handlers = handlers;
    this.#local = endpoint(socket.localAddress, socket.localPort);
    socket.once('connect', () => {
      this.#local = endpoint(socket.localAddress, socket.localPort);
      this.#handlers?.opened?.();
    });
    // A Buffer is not what a caller takes bytes for: its slice() is a view.
    socket.on('data', (chunk: Buffer) =>
      this.#handlers?.received(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)),
    );
    socket.once('end', () => this.#finish({ how: 'ended', text: 'closed by peer' }));
    // Stays for good: an error after the end concerns nobody, and without a listener it would end the process.
    socket.on('error', (error) => this.#finish({ how: 'failed', text: errorText(error) }));
    socket.once('close', () => this.#finish({ how: 'failed', text: 'closed' }));
  }

  /** Gives an accepted connection its owner. */
  own(handlers: TcpHandlers): void {
    if (!this.#isOver) this.#handlers = handlers;
  }

  get local(): Endpoint {
    return this.#local;
  }

  get bufferedByteCount(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#isOver || this.#socket.pending) return;
    this.#socket.write(bytes, (error) => {
      if (!error) this.#written();
    });
    if (this.#socket.writableLength > 0) this.#isBuffered = true;
  }

  close(): void {
    if (this.#isOver) return;
    this.#silence();
    const socket = this.#socket;
    if (socket.pending) {
      socket.destroy();
      return;
    }
    // The socket goes on reading, for nobody, until the peer closes too: closed with bytes unread it would send a RST,
    // and the peer may then lose what was sent last.
    socket.end();
    const limit = setTimeout(() => this.#destroy(), CLOSE_MS_MAX);
    socket.once('close', () => clearTimeout(limit));
  }

  abort(): void {
    this.#silence();
    this.#destroy();
  }

  #written(): void {
    if (!this.#isBuffered || this.#socket.writableLength > 0) return;
    this.#isBuffered = false;
    this.#handlers?.drained?.();
  }

  #finish(end: TcpEnd): void {
    const handlers = this.#handlers;
    if (this.#isOver) return;
    this.#silence();
    this.#socket.destroy();
    handlers?.closed(end);
  }

  #silence(): void {
    this.#isOver = true;
    this.#handlers = undefined;
  }

  #destroy(): void {
    const socket = this.#socket;
    // A reset of a socket that is opening waits for it to open, and one that is sending its FIN refuses it.
    const isShutting = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
    if (socket.pending || socket.destroyed || isShutting) socket.destroy();
    else socket.resetAndDestroy();
  }
}
