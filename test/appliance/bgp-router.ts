/** A router that a test plays: takes sessions, answers as RFC 4271 wants, and remembers what it was told. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  type Agreement,
  type Capabilities,
  decodeMessage,
  encodeKeepalive,
  encodeOpen,
  MessageFramer,
  NO_CAPABILITIES,
  notificationText,
  type OpenMessage,
  type PathAttributes,
} from '../../sdk/bgp/wire/index.js';
import { formatPrefix } from '../../sdk/net/prefix.js';

const KEEPALIVE_EVERY_MS = 500;
const capabilities: Capabilities = {
  ...NO_CAPABILITIES,
  families: ['ipv4', 'ipv6'],
  fourOctetAs: true,
  gracefulRestart: { isRestarting: false, restartTimeSeconds: 0, families: [] },
};
const AGREEMENT: Agreement = {
  fourOctetAs: true,
  isExternal: true,
  families: new Set(['ipv4', 'ipv6']),
  extendedNextHop: new Set(),
};

export class TestRouter {
  /** OPENs received, one per session. */
  readonly opens: OpenMessage[] = [];
  /** What it has now, by prefix. */
  readonly routes = new Map<string, { readonly nextHop: string; readonly attributes: PathAttributes }>();
  /** Prefixes in the order in which they were withdrawn. */
  readonly withdrawn: string[] = [];
  /** NOTIFICATIONs received, for people. */
  readonly notifications: string[] = [];
  /** How sessions ended: by a FIN, or by a RST. */
  readonly ends: ('ended' | 'failed')[] = [];
  readonly as: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(as: number, server: Server) {
    this.as = as;
    this.#server = server;
    server.on('connection', (socket) => this.#take(socket));
  }

  /** Listens on a port of the address that is free. */
  static async listen(address: string, as: number): Promise<TestRouter> {
    const server = createServer().listen(0, address);
    await once(server, 'listening');
    return new TestRouter(as, server);
  }

  get address(): string {
    return (this.#server.address() as AddressInfo).address;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get prefixes(): string[] {
    return [...this.routes.keys()];
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #take(socket: Socket): void {
    const framer = new MessageFramer();
    const keepalives = setInterval(() => socket.write(encodeKeepalive()), KEEPALIVE_EVERY_MS);
    this.#sockets.add(socket);
    socket.on('data', (bytes) => {
      framer.push(bytes);
      for (let frame = framer.next(); frame !== undefined; frame = framer.next()) this.#obey(socket, frame);
    });
    socket.on('end', () => this.ends.push('ended'));
    socket.on('error', () => this.ends.push('failed'));
    socket.on('close', () => {
      clearInterval(keepalives);
      this.#sockets.delete(socket);
    });
    socket.write(encodeOpen({ kind: 'open', as: this.as, holdTimeSeconds: 9, routerId: '192.0.2.254', capabilities }));
  }

  #obey(socket: Socket, frame: Uint8Array): void {
    const message = decodeMessage(frame, AGREEMENT);
    if (message.kind === 'notification') this.notifications.push(notificationText(message));
    if (message.kind === 'open') {
      this.opens.push(message);
      socket.write(encodeKeepalive());
    }
    if (message.kind !== 'update') return;
    for (const prefix of message.withdrawn.map(formatPrefix)) {
      this.withdrawn.push(prefix);
      this.routes.delete(prefix);
    }
    for (const { prefixes, nextHop, attributes } of message.announced) {
      for (const prefix of prefixes) this.routes.set(formatPrefix(prefix), { nextHop, attributes });
    }
  }
}
