/** An explanation as one line: from what the packet is for, by way of how the choice was made, to where it goes. */
import { hostText } from '../net/address.js';
import type { Encapsulation } from '../program/types.js';
import type { ExplanationFields } from './explanation.js';

const ENCAPSULATIONS: Readonly<Record<Encapsulation, string>> = { vxlan: 'VXLAN', nvgre: 'NVGRE' };

/** `VIP 80.80.80.80:80/tcp → ring[17] → DIP 10.0.0.4:80 on host-1, VXLAN 5001 to 10.0.0.21` */
export function explanationText(fields: ExplanationFields): string {
  const { verdict, reason, service, backend } = fields;
  if (verdict === 'pass') return 'pass: not for a VIP of ours';
  if (verdict === 'hold') return 'hold: the first fragment of this datagram is not here yet';
  if (verdict === 'reply' && !backend) return 'reply: the MUX answers an echo request for a VIP';
  if (verdict === 'drop' || !backend) {
    const rule = service ? `VIP ${service.key} (${service.rule}) → ` : '';
    const packet = fields.destination ? `${fields.protocol} ${fields.source} > ${fields.destination} → ` : '';
    return `${packet}${about(fields)}${rule}drop: ${reason}`;
  }
  const carrier = fields.encapsulation && ENCAPSULATIONS[fields.encapsulation];
  const tunnel = `${carrier} ${backend.vni} to ${backend.hostProviderAddress}`;
  const told = fields.isRedirected ? '; both hosts are told to talk directly' : '';
  const route = `${about(fields)}${choice(fields)} → DIP ${dip(fields)} on ${backend.host}, ${tunnel}${told}`;
  return verdict === 'reply' ? `${route} → reply: too big, the sender is told an MTU of ${fields.toldMtuBytes}` : route;
}

/** What an ICMP error says before anything else: whose connection it is about. */
function about({ about: connection }: ExplanationFields): string {
  return connection ? `error about ${connection.protocol} ${connection.source} > ${connection.destination} → ` : '';
}

function choice({ backendSource, leasedPort, ringSlot, service }: ExplanationFields): string {
  const vip = service ? `VIP ${service.key}` : 'leased port';
  switch (backendSource) {
    case 'ring':
    case 'quoted-ring':
      return `${vip} → ring[${ringSlot}]`;
    case 'flow':
    case 'quoted-flow':
      return `${vip} → known flow`;
    case 'snat':
      return `leased port ${leasedPort}`;
    case 'fragment':
      return `${vip} → fragment of a known datagram`;
    default:
      return `${vip} → ${service?.isInstanceAddress ? 'instance-level public IP' : 'inbound NAT rule'} ${service?.rule}`;
  }
}

/** The DIP and the port on it; with a floating IP the VM has the VIP itself. */
function dip({ backend, backendPort, service }: ExplanationFields): string {
  const address = backend?.dip ?? '';
  const before = service?.floatingIp ? `${address} with floating IP ` : '';
  const last = service?.floatingIp ? service.vip : address;
  return before + (backendPort === undefined ? last : `${hostText(last)}:${backendPort}`);
}
