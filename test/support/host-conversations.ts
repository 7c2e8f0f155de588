/**
 * Who talks to whom on a host: clients to the VIPs of its VMs, and VMs to the world from leased ports. Both are drawn
 * from few addresses and ports, so that connections repeat, meet each other and run out of ports.
 */

import {
  ANY_PORT,
  ANY_PROTOCOL,
  type HostProgram,
  type Nic,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  type SnatRule,
  type Translation,
} from '../../sdk/program/types.js';
import { type PacketPlan, plan } from './packet-plan.js';
import type { Random } from './random.js';
import { echo } from './random-icmp.js';
import { type Endpoint, randomClient } from './random-intent.js';

/** A connection, or a datagram and what answers it, as each side of the host agent shows it. */
export interface Conversation {
  readonly nic: Nic;
  readonly transport: 'tcp' | 'udp' | 'icmp' | 'raw';
  readonly protocol: number;
  /** The far end as the world shows it, and as the VM does: a VM that talks to its own VIP sees the VIP. */
  readonly client: Endpoint;
  readonly remote: Endpoint;
  /** The VM's end as the world shows it, and as the VM does. */
  readonly outside: Endpoint;
  readonly local: Endpoint;
}

const PROTOCOLS = [6, 6, 6, 17, 17, 47, 50, 132];
const LEASED_REMOTE_PORTS = [443, 443, 53];
/** Where most connections of VMs lead, so that ports towards it run out. */
const BUSY_REMOTES = { 4: '192.0.2.1', 6: '2001:db8:c::1' };

/** A client of a rule; `undefined` for a program without rules. */
export function inbound({ nics, translations }: HostProgram, random: Random): Conversation | undefined {
  if (translations.length === 0) return undefined;
  const translation = random.pick(translations);
  const { vip, dip, floatingIp, backendPort } = translation;
  const protocol = protocolOf(translation, random);
  const vipPort = translation.port === ANY_PORT ? random.pick([random.between(1, 1024), 7, 8443]) : translation.port;
  const outside = [vip, vipPort] as const;
  const local = [floatingIp ? vip : dip, backendPort || vipPort] as const;
  const talksToItself = random.oneIn(12);
  const client = randomClient(random, familyOf(vip));
  const [from, remote] = talksToItself ? [[local[0], client[1]] as const, [vip, client[1]] as const] : [client, client];
  return { nic: nics[translation.nic]!, ...transportOf(protocol), client: from, remote, outside, local };
}

/** A connection of a VM's own; which leased port it has is for the data plane to say, so it is guessed here. */
export function outbound({ nics, snatRules = [] }: HostProgram, random: Random): Conversation | undefined {
  if (snatRules.length === 0) return undefined;
  const rule = random.pick(snatRules);
  const protocol = rule.protocol || random.pick([PROTOCOL_TCP, PROTOCOL_TCP, PROTOCOL_UDP, 1]);
  const nic = nics[rule.nic]!;
  const outside = [rule.vip, leasedPort(rule, random)] as const;
  const local = [rule.dip, random.between(32_768, 32_785)] as const;
  const [address] = random.oneIn(4) ? randomClient(random, familyOf(rule.vip)) : [BUSY_REMOTES[familyOf(rule.vip)]];
  if (protocol === 1) {
    const remote = [address, 0] as const;
    return { nic, transport: 'icmp', protocol, client: remote, remote, outside, local };
  }
  const remote = [address, random.pick(LEASED_REMOTE_PORTS)] as const;
  return { nic, ...transportOf(protocol), client: remote, remote, outside, local };
}

/** What comes for the VM. */
export function towardsVm({ transport, protocol, client, outside }: Conversation): PacketPlan {
  if (transport === 'icmp') return echo('reply', client[0], outside[0], outside[1]);
  return planned(transport, protocol, client, outside);
}

/** What the VM sends. */
export function fromVm({ transport, protocol, local, remote }: Conversation): PacketPlan {
  if (transport === 'icmp') return echo('request', local[0], remote[0], local[1]);
  return planned(transport, protocol, local, remote);
}

/** What the VM sent, once it was translated. */
export function afterwards({ transport, protocol, outside, client }: Conversation): PacketPlan {
  if (transport === 'icmp') return echo('request', outside[0], client[0], outside[1]);
  return planned(transport, protocol, outside, client);
}

/** What came for the VM, once it was translated. */
export function asDelivered({ transport, protocol, remote, local }: Conversation): PacketPlan {
  if (transport === 'icmp') return echo('reply', remote[0], local[0], local[1]);
  return planned(transport, protocol, remote, local);
}

export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

function planned(
  transport: PacketPlan['transport'],
  protocol: number,
  source: Endpoint,
  destination: Endpoint,
): PacketPlan {
  const made = plan('tcp', source, destination);
  made.transport = transport;
  made.protocol = protocol;
  return made;
}

/** An instance-level public IP is pinged as well. */
function protocolOf({ protocol, vip, isInstanceAddress }: Translation, random: Random): number {
  if (protocol !== ANY_PROTOCOL) return protocol;
  return isInstanceAddress && random.oneIn(5) ? (familyOf(vip) === 6 ? 58 : 1) : random.pick(PROTOCOLS);
}

function transportOf(protocol: number): Pick<Conversation, 'transport' | 'protocol'> {
  if (protocol === PROTOCOL_TCP) return { transport: 'tcp', protocol };
  if (protocol === PROTOCOL_UDP) return { transport: 'udp', protocol };
  return { transport: protocol === 1 || protocol === 58 ? 'icmp' : 'raw', protocol };
}

/** One of the rule's, or right beside them. */
function leasedPort({ ranges }: SnatRule, random: Random): number {
  if (ranges.length === 0) return random.between(1024, 1100);
  const { firstPort, portCount } = random.pick(ranges);
  const port = random.oneIn(20) ? firstPort + random.pick([-1, portCount]) : firstPort + random.below(portCount);
  return Math.min(port, 65_535);
}
