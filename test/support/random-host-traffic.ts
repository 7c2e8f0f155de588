/**
 * What a host agent sees: VXLAN frames from MUXes, answers of the VMs to them, and traffic that is neither.
 *
 * Answers are what makes the way back work at all, so the flows that went in are remembered and often answered.
 */

import { ANY_PORT, type HostProgram, type Nic, PROTOCOL_UDP } from '../../sdk/program/types.js';
import { tunnelLies } from './packet-lies.js';
import { type PacketPlan, plan } from './packet-plan.js';
import type { Random } from './random.js';
import { type Endpoint, fillIn, type Intent, intent, possibleLies, randomClient } from './random-intent.js';

const FLOWS_REMEMBERED = 64;
const MUX_ADDRESS = '10.255.0.1';

interface SeenFlow {
  nic: Nic;
  transport: 'tcp' | 'udp';
  remote: Endpoint;
  local: Endpoint;
}

export class HostTraffic {
  readonly #program: HostProgram;
  readonly #random: Random;
  readonly #seen: SeenFlow[] = [];

  constructor(program: HostProgram, random: Random) {
    this.#program = program;
    this.#random = random;
  }

  next(): Intent {
    const random = this.#random;
    const dice = random.below(100);
    if (dice < 35 && this.#seen.length > 0) return this.#answer();
    if (dice < 45 && this.#program.nics.length > 0) return this.#ownTraffic();
    if (dice < 50 || this.#program.translations.length === 0) return this.#otherUnderlay();
    return this.#tunnelled();
  }

  #tunnelled(): Intent {
    const random = this.#random;
    const { attachment, nics, translations } = this.#program;
    const translation = random.pick(translations);
    const nic = nics[translation.nic]!;
    const protocol = translation.protocol || random.pick([6, 17]);
    const transport = protocol === PROTOCOL_UDP ? 'udp' : 'tcp';
    const client = randomClient(random);
    const vipPort = translation.port === ANY_PORT ? random.between(1, 1024) : translation.port;

    const inner = plan(transport, client, [translation.vip, vipPort]);
    inner.ethernet = { dst: nic.macAddress };
    fillIn(inner, random);
    const outer = plan('udp', [MUX_ADDRESS, random.between(49152, 65535)], [attachment.providerAddress, 4789]);
    outer.ethernet = { dst: attachment.macAddress };
    outer.tunnel = { vni: nic.vni, fields: {}, gre: {}, inner };

    this.#remember({
      nic,
      transport,
      remote: client,
      local: [translation.floatingIp ? translation.vip : translation.dip, translation.backendPort || vipPort],
    });
    return {
      about: `VXLAN with ${transport} to ${translation.vip}:${vipPort}`,
      plan: outer,
      port: random.oneIn(4) ? 'shared' : 'underlay',
      lies: [
        ...possibleLies('outer ', outer),
        ...tunnelLies(outer).map((lie) => ({ about: 'outer ', plan: outer, lie })),
        ...possibleLies('inner ', inner),
      ],
    };
  }

  #answer(): Intent {
    const { nic, transport, remote, local } = this.#random.pick(this.#seen);
    return this.#fromVm(nic, plan(transport, local, remote), 'answer');
  }

  /** From an address and port of the VM that a client never reached, or to a stranger. */
  #ownTraffic(): Intent {
    const random = this.#random;
    const source = [random.pick(this.#addresses()), random.below(65536)] as const;
    const packet = plan(random.pick(['tcp', 'udp']), source, randomClient(random));
    return this.#fromVm(random.pick(this.#program.nics), packet, 'own traffic');
  }

  #fromVm(nic: Nic, packet: PacketPlan, what: string): Intent {
    const random = this.#random;
    fillIn(packet, random);
    packet.ethernet = { src: random.oneIn(30) ? '02:00:00:00:ff:ff' : nic.macAddress, dst: '02:00:00:00:00:fe' };
    return intent(`${packet.transport} ${what} of ${nic.key}`, packet, random.oneIn(4) ? 'shared' : 'vm');
  }

  /** For the host itself or for someone else; not a tunnel. */
  #otherUnderlay(): Intent {
    const random = this.#random;
    const { attachment } = this.#program;
    const destination = random.pick([attachment.providerAddress, '10.255.0.2', ...this.#addresses()]);
    const packet = plan(random.pick(['tcp', 'udp']), randomClient(random), [
      destination,
      random.pick([22, 4788, 4789, 4790]),
    ]);
    packet.ethernet = { dst: attachment.macAddress };
    fillIn(packet, random);
    const port = random.pick(['underlay', 'shared', 'vm'] as const);
    return intent(`${packet.transport} to ${destination}, no tunnel`, packet, port);
  }

  #addresses(): string[] {
    return ['192.0.2.200', ...this.#program.translations.flatMap(({ vip, dip }) => [vip, dip])];
  }

  #remember(flow: SeenFlow): void {
    if (this.#seen.length < FLOWS_REMEMBERED) {
      this.#seen.push(flow);
    } else {
      this.#seen[this.#random.below(FLOWS_REMEMBERED)] = flow;
    }
  }
}
