/** A router written by hand: it says exactly what a test has it say, and writes down what it hears. */

import type { PeerOptions, SpeakerOptions } from '../../sdk/bgp/options.js';
import { Speaker } from '../../sdk/bgp/speaker.js';
import type { SpeakerEvent } from '../../sdk/bgp/status.js';
import {
  type Agreement,
  decodeMessage,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  type Message,
  MessageFramer,
  type NotificationKind,
  notification,
  notificationText,
  type OpenMessage,
} from '../../sdk/bgp/wire/index.js';
import { formatPrefix } from '../../sdk/net/prefix.js';
import { type SimulatedHost, SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';
import type { TcpConnection, TcpHandlers } from '../../sdk/runtime/tcp.js';

export const MUX = '10.0.0.1';
export const ROUTER = '10.0.0.2';
export const MUX_AS = 65001;
export const ROUTER_AS = 65002;

/** The OPEN of a router that can do everything; hold time 90 s, so that ours counts. */
export const ROUTER_OPEN: OpenMessage = {
  kind: 'open',
  as: ROUTER_AS,
  holdTimeSeconds: 90,
  routerId: ROUTER,
  capabilities: {
    families: ['ipv4', 'ipv6'],
    extendedNextHop: [],
    routeRefresh: true,
    enhancedRouteRefresh: true,
    fourOctetAs: true,
  },
};

/** How the router reads UPDATEs. */
const AGREEMENT: Agreement = {
  fourOctetAs: true,
  isExternal: true,
  families: new Set(['ipv4', 'ipv6']),
  extendedNextHop: new Set(),
};

export const KEEPALIVE = encodeKeepalive();
export const OPEN = encodeOpen(ROUTER_OPEN);

/** An OPEN that differs from the router's usual one. */
export function openWith(changes: Partial<OpenMessage>): Uint8Array {
  return encodeOpen({ ...ROUTER_OPEN, ...changes });
}

export function notificationOf(kind: NotificationKind, data?: Uint8Array): Uint8Array {
  return encodeNotification(notification(kind, data));
}

/** A message with a body of any bytes. */
export function raw(
  type: number,
  body: readonly number[],
  { length = 19 + body.length, marker = 0xff } = {},
): Uint8Array {
  return Uint8Array.of(...new Array(16).fill(marker), length >> 8, length & 0xff, type, ...body);
}

/** One connection of the router. */
export class RouterConnection implements TcpHandlers {
  /** What came, in words and in order: `OPEN`, `+203.0.113.7/32`, `NOTIFICATION 4/0 hold timer expired`, `FIN`. */
  readonly heard: string[] = [];
  /** When each of them came. */
  readonly heardAtMs: number[] = [];
  readonly messages: Message[] = [];
  tcp!: TcpConnection;
  readonly #framer = new MessageFramer();

  constructor(
    readonly host: SimulatedHost,
    /** Says the next thing when the one before has been answered: the answers that let a session come up. */
    readonly answers: Readonly<Record<string, readonly Uint8Array[]>> = {},
  ) {}

  send(...messages: readonly Uint8Array[]): void {
    for (const message of messages) this.tcp.write(message);
  }

  opened(): void {
    this.#hear('TCP');
  }

  received(bytes: Uint8Array): void {
    this.#framer.push(bytes);
    for (let frame = this.#framer.next(); frame !== undefined; frame = this.#framer.next()) {
      const message = decodeMessage(frame, AGREEMENT);
      this.messages.push(message);
      for (const text of textsOf(message)) this.#hear(text);
    }
  }

  closed({ how, text }: { how: string; text: string }): void {
    this.#hear(how === 'ended' ? 'FIN' : text);
  }

  /** What came, KEEPALIVEs left out. */
  get news(): readonly string[] {
    return this.heard.filter((text) => text !== 'KEEPALIVE');
  }

  /** When a thing came first. */
  atMs(text: string): number | undefined {
    return this.heardAtMs[this.heard.findIndex((heard) => heard.startsWith(text))];
  }

  #hear(text: string): void {
    this.heard.push(text);
    this.heardAtMs.push(this.host.clock.nowMs());
    for (const answer of this.answers[text] ?? []) this.tcp.write(answer);
  }
}

function textsOf(message: Message): string[] {
  switch (message.kind) {
    case 'open':
      return ['OPEN'];
    case 'keepalive':
      return ['KEEPALIVE'];
    case 'notification':
      return [`NOTIFICATION ${message.code}/${message.subcode} ${notificationText(message)}`];
    case 'route-refresh':
      return [`${{ request: 'REFRESH', begin: 'BoRR', end: 'EoRR', unknown: '?' }[message.subtype]} ${message.family}`];
    case 'update':
      return [
        ...message.withdrawn.map((prefix) => `-${formatPrefix(prefix)}`),
        ...message.announced.flatMap(({ prefixes }) => prefixes.map((prefix) => `+${formatPrefix(prefix)}`)),
        ...(message.endOfRib ? [`End-of-RIB ${message.endOfRib}`] : []),
      ];
  }
}

/** What a router says to come up, and to stay up without being asked: nothing more is needed with hold time 0. */
export const COMES_UP = { OPEN: [OPEN, KEEPALIVE] };

/** A speaker and a router on a network without latency, so that times are exact. */
export class Bench {
  readonly network: SimulatedNetwork;
  readonly mux: SimulatedHost;
  readonly router: SimulatedHost;
  readonly speaker: Speaker;
  readonly events: SpeakerEvent[] = [];

  constructor(peer: Partial<PeerOptions> = {}, speaker: Partial<SpeakerOptions> = {}, seed = 1) {
    this.network = new SimulatedNetwork({ seed, latencyMs: 0 });
    this.mux = this.network.host(MUX, '2001:db8::1');
    this.router = this.network.host(ROUTER, '2001:db8::2');
    const peers = [{ address: ROUTER, as: ROUTER_AS, localAddress: MUX, ...peer }];
    this.speaker = new Speaker({ as: MUX_AS, routerId: MUX, addresses: {}, peers, ...speaker }, this.mux);
    this.speaker.subscribe((event) => this.events.push(event));
  }

  get clock() {
    return this.network.clock;
  }

  get state() {
    return this.speaker.status.peers[0]?.state;
  }

  /** The router connects, once the speaker runs. */
  async connect(answers?: RouterConnection['answers']): Promise<RouterConnection> {
    const connection = new RouterConnection(this.router, answers);
    connection.tcp = this.router.tcp.connect({ remote: { address: MUX, port: 179 } }, connection);
    await this.clock.runFor(0);
    return connection;
  }

  /** The router waits, and answers each connection; they are collected in what is returned. */
  async listen(answers?: RouterConnection['answers']): Promise<RouterConnection[]> {
    const connections: RouterConnection[] = [];
    const options = { localAddress: ROUTER, port: 179, peers: [{ address: MUX }] };
    await this.router.tcp.listen(options, (tcp) => {
      const connection = new RouterConnection(this.router, answers);
      connection.tcp = tcp;
      connections.push(connection);
      return connection;
    });
    return connections;
  }

  /** A speaker that only waits, and the router's connection to it in Established. */
  static async established(
    peer: Partial<PeerOptions> = {},
    speaker: Partial<SpeakerOptions> = {},
    answers: RouterConnection['answers'] = COMES_UP,
  ): Promise<{ bench: Bench; router: RouterConnection }> {
    const bench = new Bench({ isPassive: true, holdTimeSeconds: 0, ...peer }, speaker);
    await bench.speaker.start();
    const router = await bench.connect(answers);
    if (bench.state !== 'Established') throw new Error(`the session is ${bench.state}: ${router.heard.join(', ')}`);
    return { bench, router };
  }
}
