/**
 * What a host agent sees: tunnels of the MUXes, what the VMs send, and traffic that is neither.
 *
 * Answers are what makes the way back work at all, so conversations are remembered and go on in both directions.
 */

import type { HostProgram, Nic } from '../../sdk/program/types.js';
import { concat, ipBytes } from './bytes.js';
import { internetChecksum } from './checksum.js';
import { divisibleBytes, evenPieces, fragmentsOf, reordered } from './fragment-plan.js';
import {
  afterwards,
  asDelivered,
  type Conversation,
  familyOf,
  fromVm,
  inbound,
  outbound,
  towardsVm,
} from './host-conversations.js';
import { randomExtension } from './ipv6-lies.js';
import { ACK, PSH, SYN } from './packet.js';
import { packetLies, tunnelLies } from './packet-lies.js';
import { isIpv6, type PacketPlan, plan } from './packet-plan.js';
import type { Random } from './random.js';
import { echo, errorAbout } from './random-icmp.js';
import { type Endpoint, fillIn, type Intent, intent, possibleLies, randomClient } from './random-intent.js';
import { randomSynOptions } from './random-tcp-options.js';

const CONVERSATIONS_REMEMBERED = 64;
const UNDERWAY_COUNT_MAX = 40;
const MUX_ADDRESSES = ['10.255.0.1', '2001:db8:ffff::1'];
/** Exempt by policy, of the link, or right beside such. */
const SPECIAL_DESTINATIONS = [
  ...['10.1.2.3', '11.0.0.1', '198.51.100.127', '198.51.100.128', '192.168.1.200', '203.0.113.7', '8.8.8.8'],
  ...['224.0.0.5', '240.0.0.1', '255.255.255.255', '255.255.255.254', '169.254.169.254', '169.255.0.1', '127.0.0.1'],
  ...['2001:db8:ee00::1', '2001:db8:efff::1', '2001:db8:f000::1', 'fd00:1::99', 'fd00:1:0:1::99', '2606:4700::1111'],
  ...['ff02::1', 'fe80::1', 'febf::1', 'fec0::1', '::1', '::2'],
];

/** Of a datagram that is translated from one end to another: the corner where a computed zero is sent as all ones. */
function checksumThatBecomesZero(before: Endpoint, after: Endpoint): number {
  const sum = ([address, port]: Endpoint): number =>
    0xffff - internetChecksum(concat(ipBytes(address), Uint8Array.of(port >> 8, port & 0xff)));
  // All ones are the zero of one's complement: the sum of what is there before has to be that of what is there after.
  return 0xffff - ((sum(before) + 0xffff - sum(after)) % 0xffff);
}

type Direction = 'to the VM' | 'from the VM';

export class HostTraffic {
  readonly #program: HostProgram;
  readonly #random: Random;
  readonly #seen: Conversation[] = [];
  /** Fragments that are still on their way. */
  readonly #underway: Intent[] = [];

  constructor(program: HostProgram, random: Random) {
    this.#program = program;
    this.#random = random;
  }

  next(): Intent {
    const random = this.#random;
    if (this.#underway.length > 0 && random.oneIn(4)) return this.#underway.shift()!;
    const dice = random.below(100);
    if (dice < 5) return this.#otherUnderlay();
    if (dice < 10) return this.#ownTraffic();
    if (dice < 35 || this.#seen.length === 0) return this.#opening();
    const conversation = random.pick(this.#seen);
    if (dice < 45) return this.#error(conversation);
    if (dice < 53 && this.#underway.length < UNDERWAY_COUNT_MAX) return this.#fragments(conversation);
    if (dice < 57) return this.#ping(conversation);
    return this.#said(conversation, random.oneIn(2) ? 'to the VM' : 'from the VM');
  }

  /** The first packet of a conversation, of whoever begins it. */
  #opening(): Intent {
    const random = this.#random;
    const isOutbound = random.oneIn(2);
    const opened = (isOutbound ? outbound : inbound)(this.#program, random);
    if (opened === undefined) return this.#otherUnderlay();
    this.#remember(opened);
    return this.#said(opened, isOutbound ? 'from the VM' : 'to the VM');
  }

  #said(conversation: Conversation, direction: Direction): Intent {
    const { outside, local, nic } = conversation;
    const packet = this.#filled(direction === 'to the VM' ? towardsVm(conversation) : fromVm(conversation), direction);
    if (packet.transport === 'udp' && this.#random.oneIn(16)) {
      const [before, after] = direction === 'to the VM' ? [outside, local] : [local, outside];
      packet.udp.checksum = checksumThatBecomesZero(before, after);
    }
    return this.#sent(direction, packet, nic, packet.transport);
  }

  /** About a packet of a conversation, or of one that never was. */
  #error(conversation: Conversation): Intent {
    const random = this.#random;
    const { nic, local } = conversation;
    const direction = random.below(3) < 2 ? 'to the VM' : 'from the VM';
    const quoted = this.#filled(
      direction === 'to the VM' ? afterwards(conversation) : asDelivered(conversation),
      direction,
    );
    if (random.oneIn(8)) quoted.destination = randomClient(random, familyOf(quoted.source))[0];
    if (random.oneIn(8)) quoted.destinationPort = random.below(65536);
    if (random.oneIn(6)) random.pick(packetLies(quoted)).tell(quoted, random);
    const payload = random.oneIn(8) ? random.pick(this.#pieces(quoted)) : quoted;
    const router =
      direction === 'to the VM' || random.oneIn(10) ? randomClient(random, familyOf(quoted.source))[0] : local[0];
    const error = errorAbout(payload, router, random);
    if (random.oneIn(12)) error.destination = random.pick(this.#addresses(familyOf(router)));
    const quote = error.payload;
    this.#filled(error, direction).payload = quote;
    return this.#sent(direction, error, nic, `error about ${quoted.transport}`);
  }

  /** A datagram in parts, some of which are lost. */
  #fragments(conversation: Conversation): Intent {
    const random = this.#random;
    const direction = random.oneIn(2) ? 'to the VM' : 'from the VM';
    const whole = this.#filled(direction === 'to the VM' ? towardsVm(conversation) : fromVm(conversation), direction);
    whole.payload = random.bytes(random.pick([random.between(1, 100), random.between(100, 400), 1400]));
    for (const fragment of this.#pieces(whole)) {
      if (!random.oneIn(12)) {
        this.#underway.push(this.#sent(direction, fragment, conversation.nic, `fragment of ${whole.transport}`));
      }
    }
    return this.#underway.shift() ?? this.#otherUnderlay();
  }

  #pieces(whole: PacketPlan): PacketPlan[] {
    const random = this.#random;
    const pieces = evenPieces(Math.max(8, divisibleBytes(whole)), random.pick([2, 2, 3, 4, 9]));
    const fragments = fragmentsOf(whole, pieces, random.below(random.pick([2, 65536])));
    return random.oneIn(3) ? reordered(fragments, random) : fragments;
  }

  /** Of a VIP or a VM, from a client or a VM: only instance-level public IPs answer. */
  #ping({ nic, client, outside, local, remote }: Conversation): Intent {
    const random = this.#random;
    const identifier = random.pick([outside[1], local[1], random.below(65536)]);
    const kind = random.pick(['request', 'reply'] as const);
    return random.oneIn(2)
      ? this.#sent('to the VM', this.#filled(echo(kind, client[0], outside[0], identifier), 'to the VM'), nic, 'ping')
      : this.#sent(
          'from the VM',
          this.#filled(echo(kind, local[0], remote[0], identifier), 'from the VM'),
          nic,
          'ping',
        );
  }

  /** From an address and port of the VM that a client never reached, to a stranger or to nobody in particular. */
  #ownTraffic(): Intent {
    const random = this.#random;
    const family = random.pick([4, 6] as const);
    const source = random.pick(this.#addresses(family));
    const special = random.pick(SPECIAL_DESTINATIONS.filter((address) => familyOf(address) === family));
    const stranger = randomClient(random, family);
    const packet = random.oneIn(5)
      ? echo('request', source, special, random.below(8))
      : plan(
          random.pick(['tcp', 'udp']),
          [source, random.below(65536)],
          random.oneIn(2) ? stranger : [special, random.pick([443, 53])],
        );
    return this.#sent(
      'from the VM',
      this.#filled(packet, 'from the VM'),
      random.pick(this.#program.nics),
      'own traffic',
    );
  }

  /** For the host itself or for someone else; not a tunnel. */
  #otherUnderlay(): Intent {
    const random = this.#random;
    const { attachment } = this.#program;
    const destination = random.pick([
      ...this.#providerAddresses(),
      '10.255.0.2',
      ...this.#addresses(4),
      ...this.#addresses(6),
    ]);
    const packet = plan(random.pick(['tcp', 'udp', 'gre']), randomClient(random, familyOf(destination)), [
      destination,
      random.pick([22, 4788, 4789, 4790]),
    ]);
    if (packet.transport === 'gre') Object.assign(packet, { transport: 'raw', protocol: 47 });
    packet.ethernet = { dst: attachment.macAddress };
    fillIn(packet, random);
    const port = random.pick(['underlay', 'shared', 'vm'] as const);
    return intent(`${packet.transport} to ${destination}, no tunnel`, packet, port);
  }

  #sent(direction: Direction, packet: PacketPlan, nic: Nic, what: string): Intent {
    const about = `${what} ${direction} of ${nic.key}, ${packet.source} > ${packet.destination}`;
    return direction === 'to the VM' ? this.#tunnelled(packet, nic, about) : this.#fromNic(packet, nic, about);
  }

  #tunnelled(inner: PacketPlan, rightNic: Nic, about: string): Intent {
    const random = this.#random;
    const { attachment, nics, encapsulation = 'vxlan' } = this.#program;
    const nic = random.oneIn(25) ? random.pick(nics) : rightNic;
    inner.ethernet = { dst: nic.macAddress };
    const provider = random.pick(this.#providerAddresses());
    const mux = MUX_ADDRESSES.find((address) => familyOf(address) === familyOf(provider))!;
    // A tunnel of the other kind now and then.
    const isVxlan = (encapsulation === 'vxlan') !== random.oneIn(60);
    const outer = plan(isVxlan ? 'udp' : 'gre', [mux, random.between(49152, 65535)], [provider, 4789]);
    outer.ethernet = { dst: attachment.macAddress };
    outer.tunnel = { vni: nic.vni, fields: {}, gre: { flowId: random.below(256) }, inner };
    if (random.oneIn(4)) {
      outer.ip.tos = random.below(256);
      outer.ip6.trafficClass = random.below(256);
    }
    return {
      about: `tunnel, ${about}`,
      plan: outer,
      port: random.oneIn(4) ? 'shared' : 'underlay',
      lies: [
        ...possibleLies('outer ', outer),
        ...tunnelLies(outer).map((lie) => ({ about: 'outer ', plan: outer, lie })),
        ...possibleLies('inner ', inner),
      ],
    };
  }

  #fromNic(packet: PacketPlan, nic: Nic, about: string): Intent {
    const random = this.#random;
    packet.ethernet = { src: random.oneIn(30) ? '02:00:00:00:ff:ff' : nic.macAddress, dst: '02:00:00:00:00:fe' };
    return intent(about, packet, random.oneIn(4) ? 'shared' : 'vm');
  }

  #filled(packet: PacketPlan, direction: Direction): PacketPlan {
    const random = this.#random;
    fillIn(packet, random);
    packet.tcp.seq = random.uint32();
    packet.tcp.ack = random.uint32();
    // Most connections are left to grow old.
    if (random.oneIn(2)) packet.tcpFlags = random.pick(direction === 'to the VM' ? [SYN, ACK] : [SYN, ACK, ACK | PSH]);
    if ((packet.tcpFlags & SYN) !== 0 && random.oneIn(2)) packet.tcp.options = randomSynOptions(random);
    if (random.oneIn(4)) {
      packet.ip.tos = random.below(256);
      packet.ip6.trafficClass = random.below(256);
    }
    if (isIpv6(packet) && random.oneIn(8)) {
      packet.extensions = Array.from({ length: random.between(1, 3) }, () => randomExtension(random));
    }
    return packet;
  }

  #providerAddresses(): string[] {
    const { providerAddress, secondProviderAddress } = this.#program.attachment;
    return secondProviderAddress === undefined ? [providerAddress] : [providerAddress, secondProviderAddress];
  }

  /** VIPs, DIPs and one that is neither. */
  #addresses(family: 4 | 6): string[] {
    const { translations, snatRules = [] } = this.#program;
    const ours = [...translations, ...snatRules].flatMap(({ vip, dip }) => [vip, dip]);
    return [...['192.0.2.200', '2001:db8:c::200'], ...ours].filter((address) => familyOf(address) === family);
  }

  #remember(conversation: Conversation): void {
    if (this.#seen.length < CONVERSATIONS_REMEMBERED) {
      this.#seen.push(conversation);
    } else {
      this.#seen[this.#random.below(CONVERSATIONS_REMEMBERED)] = conversation;
    }
  }
}
