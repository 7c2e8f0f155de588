/**
 * What a MUX sees: clients that talk to the VIPs of its program, in whole packets and in fragments, what comes back for
 * the outbound connections of its backends, and what routers have to say about the packets that left from a VIP.
 */

import {
  ANY_PORT,
  ANY_PROTOCOL,
  type MuxProgram,
  PROTOCOL_GRE,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  type RuleProtocol,
  type Service,
} from '../../sdk/program/types.js';
import { divisibleBytes, evenPieces, fragmentsOf, reordered } from './fragment-plan.js';
import { randomExtension } from './ipv6-lies.js';
import { packetLies } from './packet-lies.js';
import { isIpv6, type PacketPlan, plan } from './packet-plan.js';
import type { Random } from './random.js';
import { echo, errorAbout } from './random-icmp.js';
import { type Endpoint, fillIn, type Intent, intent, randomClient } from './random-intent.js';
import { randomPieces } from './random-pieces.js';

/** Nobody's VIPs. */
const OTHER_ADDRESSES = ['198.51.100.1', '2001:db8:ff::1'];
const CONNECTIONS_REMEMBERED = 64;

/** What a connection looks like from the client. */
interface Connection {
  readonly transport: PacketPlan['transport'];
  readonly protocol: number;
  readonly client: Endpoint;
  readonly vip: Endpoint;
}

export class MuxTraffic {
  readonly #program: MuxProgram;
  readonly #random: Random;
  readonly #recent: Connection[] = [];
  /** Fragments that are still on their way, each datagram in its own order. */
  readonly #underway: Intent[] = [];
  /** Packets to come of a storm of those that are too big. */
  #stormCount = 0;

  constructor(program: MuxProgram, random: Random) {
    this.#program = program;
    this.#random = random;
  }

  next(): Intent {
    const random = this.#random;
    const { services, snatRanges = [] } = this.#program;
    if (this.#stormCount > 0 && random.below(100) < 80) return this.#tooBig();
    if (this.#underway.length > 0 && random.below(100) < 25) return this.#underway.shift()!;
    if (services.length > 0 && random.oneIn(10_000)) this.#stormCount = random.between(100, 400);
    const dice = random.below(100);
    if (dice < 12 && this.#recent.length > 0) return this.#error();
    if (dice < 20 && snatRanges.length > 0) return this.#named('return', this.#snatReturn());
    if (dice < 24) return this.#named('ping', this.#ping());
    if (dice < 30 && this.#underway.length < 40) return this.#fragments();
    if (dice < 34 || services.length === 0) return this.#named('stray', this.#toAddress());
    if (dice < 60 && this.#recent.length > 0) return this.#named('again', this.#again());
    return this.#named('connection', this.#toService());
  }

  #named(what: string, packet: PacketPlan): Intent {
    return intent(`${what}: ${packet.transport} ${packet.source} > ${packet.destination}`, packet, 'underlay');
  }

  /** Mostly to one that has somebody to serve it. */
  #toService(): PacketPlan {
    const random = this.#random;
    const { rings, services } = this.#program;
    const isServed = ({ target }: Service) => !('ring' in target) || rings[target.ring]!.members.length > 0;
    const { vip, protocol, port } = random.pick(random.oneIn(20) ? services : services.filter(isServed));
    const destinationPort = port === ANY_PORT ? random.pick([random.between(1, 65535), 5000, 5001]) : port;
    return this.#connection(protocol, [vip, destinationPort]);
  }

  /** The same connection goes on: what a flow table is for. */
  #again(): PacketPlan {
    const connection = this.#random.pick(this.#recent);
    return this.#filled(planOf(connection, connection.client, connection.vip));
  }

  /** To a VIP, whether or not anything listens on the port, or to an address that is none. */
  #toAddress(): PacketPlan {
    const random = this.#random;
    const address = random.pick([...this.#program.vips, ...OTHER_ADDRESSES]);
    return this.#connection(random.pick([PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_GRE]), [
      address,
      random.between(1, 65535),
    ]);
  }

  /** To a leased port, or right beside one. */
  #snatReturn(): PacketPlan {
    const random = this.#random;
    const { vip, firstPort, portCount } = random.pick(this.#program.snatRanges ?? []);
    const port = random.oneIn(5)
      ? firstPort + random.pick([-1, portCount])
      : firstPort + random.below(Math.min(portCount, random.oneIn(2) ? 4 : portCount));
    if (random.oneIn(4)) return this.#filled(echo('reply', this.#client(vip)[0], vip, port));
    return this.#connection(random.pick([PROTOCOL_TCP, PROTOCOL_UDP]), [vip, port]);
  }

  #ping(): PacketPlan {
    const random = this.#random;
    const vip = random.pick(this.#program.vips);
    return this.#filled(echo('request', this.#client(vip)[0], vip, random.below(65536)));
  }

  #client(vip: string): Endpoint {
    return randomClient(this.#random, vip.includes(':') ? 6 : 4);
  }

  #connection(protocol: RuleProtocol, vip: Endpoint): PacketPlan {
    const random = this.#random;
    const wanted = protocol === ANY_PROTOCOL ? random.pick([6, 6, 17, 17, 47, 50, 132]) : protocol;
    const transport = wanted === PROTOCOL_TCP ? 'tcp' : wanted === PROTOCOL_UDP ? 'udp' : 'raw';
    const connection = { transport, protocol: wanted, client: this.#client(vip[0]), vip } as const;
    this.#remember(connection);
    return this.#filled(planOf(connection, connection.client, connection.vip));
  }

  #filled(packet: PacketPlan): PacketPlan {
    const random = this.#random;
    packet.ethernet = { dst: this.#program.attachment.macAddress };
    const { icmp } = packet;
    fillIn(packet, random);
    packet.icmp = icmp;
    if (isIpv6(packet) && random.oneIn(8)) {
      packet.extensions = Array.from({ length: random.between(1, 3) }, () => randomExtension(random));
    }
    if (random.oneIn(6)) packet.ip.tos = random.below(256);
    if (random.oneIn(6)) packet.ip6.trafficClass = random.below(256);
    if (random.oneIn(3)) packet.ip.df = false;
    return packet;
  }

  /** About a packet that a VM sent from a VIP, or of a stranger who never was connected, or to nobody. */
  #error(): Intent {
    const random = this.#random;
    const connection = random.pick(this.#recent);
    const vip = random.oneIn(12) ? ([random.pick(this.#program.vips), connection.vip[1]] as const) : connection.vip;
    const client = random.oneIn(6) ? this.#client(vip[0]) : connection.client;
    const isSameFamily = vip[0].includes(':') === client[0].includes(':');
    const quoted = isSameFamily ? this.#quoted(connection, vip, client) : this.#ping();
    // Whatever may be wrong with a packet may be wrong with a quoted one.
    if (random.oneIn(4)) random.pick(packetLies(quoted)).tell(quoted, random);
    const router = this.#client(quoted.source)[0];
    const error = errorAbout(quoted, router, random);
    const others = this.#program.vips.filter((other) => isIpv6(error) === other.includes(':'));
    if (random.oneIn(20) && others.length > 0) error.destination = random.pick(others);
    const { payload } = error;
    this.#filled(error);
    error.payload = payload;
    return this.#named(`error about ${quoted.transport} from port ${quoted.sourcePort}`, error);
  }

  #quoted(connection: Connection, vip: Endpoint, client: Endpoint): PacketPlan {
    const random = this.#random;
    if (random.oneIn(10)) {
      const ping = this.#filled(echo(random.pick(['request', 'request', 'reply']), vip[0], client[0], vip[1]));
      if (random.oneIn(4)) markAsLaterFragment(ping);
      return ping;
    }
    const quoted = this.#filled(planOf(connection, vip, client));
    if (!random.oneIn(6)) return quoted;
    const fragments = fragmentsOf(
      quoted,
      evenPieces(divisibleBytes(quoted), random.between(1, 3)),
      random.below(65536),
    );
    return fragments.length > 0 ? random.pick(fragments) : quoted;
  }

  /** A datagram in parts: the first is sent now or later, the others follow between other packets. */
  #fragments(): Intent {
    const random = this.#random;
    const whole = this.#datagram();
    const pieces = randomPieces(divisibleBytes(whole), random);
    const fragments = fragmentsOf(whole, pieces, random.below(random.pick([2, 65536])));
    const about = `fragment of ${whole.transport} ${whole.source} > ${whole.destination}`;
    const isSafe = !random.oneIn(4);
    for (const [index, fragment] of reordered([...fragments.entries()], random)) {
      // Some are lost; without the first one all others wait in vain.
      if (random.oneIn(index === 0 ? 30 : 15)) continue;
      const sent = intent(`${about}, piece ${index} of ${pieces.length}`, fragment, 'underlay');
      this.#underway.push({ ...sent, isSafe });
    }
    return this.#underway.shift() ?? this.#named('connection', this.#toService());
  }

  #datagram(): PacketPlan {
    const random = this.#random;
    const hasLeases = (this.#program.snatRanges ?? []).length > 0;
    const whole = hasLeases && random.oneIn(5) ? this.#snatReturn() : this.#toService();
    whole.payload = random.bytes(random.pick([100, random.between(1, 400), 1400]));
    return whole;
  }

  /** Long packets, one behind the other, that may not be cut: more than anybody is told about. */
  #tooBig(): Intent {
    const random = this.#random;
    this.#stormCount--;
    const packet = this.#toService();
    packet.ip.df = true;
    packet.payload = new Uint8Array(random.between(1500, 1700));
    return this.#named('too big', packet);
  }

  #remember(connection: Connection): void {
    if (this.#recent.length < CONNECTIONS_REMEMBERED) {
      this.#recent.push(connection);
    } else {
      this.#recent[this.#random.below(CONNECTIONS_REMEMBERED)] = connection;
    }
  }
}

function planOf({ transport, protocol }: Connection, source: Endpoint, destination: Endpoint): PacketPlan {
  const planned = plan('tcp', source, destination);
  planned.transport = transport;
  planned.protocol = protocol;
  return planned;
}

/** What was the beginning of a message looks like its middle. */
function markAsLaterFragment(packet: PacketPlan): void {
  packet.ip.fragmentOffset = 1;
  packet.extensions.push({ kind: 'fragment', fields: { offset: 1 } });
}
