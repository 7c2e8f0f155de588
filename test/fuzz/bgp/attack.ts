/**
 * A speaker in the hands of a hostile router: whatever it sends, and in whatever state, the speaker answers with sound
 * messages, ends what must end, and has a session with the next router that behaves.
 */
import { type MessageCounts, Speaker, type SpeakerOptions } from '../../../sdk/bgp/index.js';
import { encodeKeepalive, encodeOpen, MessageFramer } from '../../../sdk/bgp/wire/index.js';
import { type SimulatedHost, SimulatedNetwork } from '../../../sdk/runtime/simulated/index.js';
import type { TcpConnection, TcpHandlers } from '../../../sdk/runtime/tcp.js';
import { Random } from '../../support/random.js';
import { randomInput } from './input.js';

const MUX = '10.0.0.1';
const ROUTER = '10.0.0.254';
const MUX_AS = 64_512;
const ROUTER_AS = 64_513;
const ROUTE_COUNT = 40;
const ATTACK_MS = 60_000;
/** The longest a speaker leaves a peer alone, and the time to connect and converge. */
const RECOVERY_MS = 75_000;

/** What came of an attack. */
export interface Outcome {
  /** What the speaker did wrong. */
  readonly complaint?: string;
  /** Messages of the enemy that were read, by kind. */
  readonly received: MessageCounts;
}

/** Plays one attack. */
export async function attack(seed: number): Promise<Outcome> {
  const network = new SimulatedNetwork({ seed });
  const speaker = speakerOn(network.host(MUX), MUX_AS, ROUTER, ROUTER_AS);
  speaker.announce(Array.from({ length: ROUTE_COUNT }, (_, i) => ({ prefix: `203.0.113.${i}/32` })));
  await speaker.start();

  const enemyHost = network.host(ROUTER);
  const enemy = new Enemy(enemyHost, new Random(seed));
  await enemy.begin();
  await network.clock.runFor(ATTACK_MS);
  const { received } = speaker.status.peers[0]!;
  if (enemy.complaint !== undefined) return { received, complaint: enemy.complaint };
  enemyHost.kill('reset');

  const router = speakerOn(network.host(ROUTER), ROUTER_AS, MUX, MUX_AS);
  await router.start();
  await network.clock.runFor(RECOVERY_MS);
  const [status] = speaker.status.peers;
  const isWell = status?.state === 'Established' && status.announcedCount === ROUTE_COUNT;
  return isWell ? { received } : { received, complaint: `after the attack: ${JSON.stringify(status)}` };
}

function speakerOn(host: SimulatedHost, as: number, peer: string, peerAs: number): Speaker {
  const address = peer === ROUTER ? MUX : ROUTER;
  const options: SpeakerOptions = {
    as,
    routerId: address,
    addresses: { ipv4: address },
    peers: [{ address: peer, as: peerAs, localAddress: address }],
  };
  return new Speaker(options, host);
}

/** Accepts, connects, says some right things and then many wrong ones, on every connection anew. */
class Enemy {
  complaint: string | undefined;
  readonly #host: SimulatedHost;
  readonly #random: Random;

  constructor(host: SimulatedHost, random: Random) {
    this.#host = host;
    this.#random = random;
  }

  async begin(): Promise<void> {
    const peers = [{ address: MUX }];
    await this.#host.tcp.listen({ localAddress: ROUTER, port: 179, peers }, (connection) =>
      this.#random.oneIn(8) ? undefined : this.#fight(() => connection),
    );
    this.#knock();
  }

  /** Connects now and then, also while another connection is open. */
  #knock(): void {
    this.#host.clock.after(this.#random.between(100, 20_000), () => {
      const remote = { address: MUX, port: 179 };
      const connection: TcpConnection = this.#host.tcp.connect(
        { remote, localAddress: ROUTER },
        this.#fight(() => connection),
      );
      this.#knock();
    });
  }

  #fight(connection: () => TcpConnection): TcpHandlers {
    const framer = new MessageFramer();
    let hasBegun = false;
    const begin = () => {
      if (hasBegun) return;
      hasBegun = true;
      this.#speak(connection());
    };
    this.#host.clock.after(50, begin);
    return {
      opened: begin,
      closed: () => {},
      received: (bytes) => {
        try {
          framer.push(bytes);
          while (framer.next() !== undefined);
        } catch (error) {
          this.complaint ??= `the speaker sent what is no message: ${error}`;
        }
      },
    };
  }

  #speak(connection: TcpConnection): void {
    const random = this.#random;
    const parts: Uint8Array[] = [];
    // How far it goes before it misbehaves: not even an OPEN, OpenConfirm, Established, Established for long.
    const isOpen = !random.oneIn(4);
    if (isOpen) parts.push(this.#open());
    if (isOpen && !random.oneIn(4)) parts.push(encodeKeepalive());
    for (let count = random.below(6); count > 0; count--) {
      parts.push(...randomInput(random.uint32()).segments);
      if (random.oneIn(3)) parts.push(encodeKeepalive());
    }
    let atMs = 0;
    for (const part of parts) {
      atMs += random.oneIn(4) ? random.below(4000) : random.below(5);
      this.#host.clock.after(atMs, () => connection.write(part));
    }
    if (random.oneIn(3)) {
      this.#host.clock.after(random.below(12_000), () => (random.oneIn(2) ? connection.close() : connection.abort()));
    }
  }

  #open(): Uint8Array {
    const random = this.#random;
    return encodeOpen({
      kind: 'open',
      as: random.oneIn(8) ? random.between(1, 70_000) : ROUTER_AS,
      holdTimeSeconds: random.pick([0, 3, 9, 180]),
      routerId: random.oneIn(8) ? MUX : random.pick(['10.0.0.254', '9.0.0.1', '255.255.255.255']),
      capabilities: {
        families: random.pick([['ipv4'], ['ipv4', 'ipv6'], ['ipv6']] as const),
        extendedNextHop: random.oneIn(2) ? ['ipv4'] : [],
        routeRefresh: random.oneIn(2),
        enhancedRouteRefresh: random.oneIn(2),
        fourOctetAs: !random.oneIn(4),
        ...(random.oneIn(3) && {
          gracefulRestart: {
            isRestarting: random.oneIn(2),
            restartTimeSeconds: 60,
            families: [{ family: 'ipv4', isForwardingPreserved: true }],
          },
        }),
      },
    });
  }
}
