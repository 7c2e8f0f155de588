/** An explanation as one line: what the packet is, what becomes of its addresses, and by which rule. */
import type { Encapsulation } from '../program/types.js';
import type { HostExplanationFields } from './explanation.js';

const ENCAPSULATIONS: Readonly<Record<Encapsulation, string>> = { vxlan: 'VXLAN', nvgre: 'NVGRE' };

/** `VXLAN 5001 from 10.0.0.11 → 192.0.2.7:40000 > 80.80.80.80:80/tcp → DIP 10.0.0.4:8080 (rule …), new connection` */
export function explanationText(fields: HostExplanationFields): string {
  const packet = packetText(fields);
  if (fields.verdict === 'drop') return `drop ${fields.reason}${packet === '' ? '' : `: ${packet}`}`;
  if (fields.verdict === 'pass') return `pass: ${packet === '' ? '' : `${packet}, `}${whyPassed(fields)}`;
  if (fields.decision === 'redirect')
    return 'consume: redirect of a MUX, the connection goes straight to the other host';
  const rule = fields.rule === undefined ? '' : ` (rule ${fields.rule})`;
  return `${packet} → ${becomes(fields)}${rule}${connectionText(fields)}${straightText(fields)}`;
}

/** What the packet is, as far as it could be read. */
function packetText({ direction, tunnel, protocol, source, destination, decision }: HostExplanationFields): string {
  const carrier = tunnel && `${ENCAPSULATIONS[tunnel.encapsulation]} ${tunnel.vni} from ${tunnel.source}`;
  const packet = source === undefined ? undefined : `${source} > ${destination}/${protocol}`;
  if (direction === 'in') return [carrier, packet].filter((part) => part !== undefined).join(' → ');
  return packet === undefined ? '' : `${decision === 'answer' ? 'answer' : 'outbound'} ${packet}`;
}

function whyPassed({ direction, tunnel, source }: HostExplanationFields): string {
  if (direction === 'out') return source === undefined ? 'no IP packet of a local VM' : "under the VM's own address";
  return tunnel === undefined ? 'no tunnel to this host' : 'for no VIP of a local VM';
}

function becomes(fields: HostExplanationFields): string {
  const { direction, decision, newSource, newDestination, quoted, isHairpin } = fields;
  switch (decision) {
    case 'icmp-error':
      return `ICMP error about ${quoted} → ${direction === 'in' ? `DIP ${newDestination}` : `VIP ${newSource}`}`;
    case 'fragment':
      return `fragment of a known datagram → ${direction === 'in' ? `DIP ${newDestination}` : `VIP ${newSource}`}`;
    case 'instance-address':
      return direction === 'in' ? `DIP ${newDestination}` : `instance-level public IP ${newSource}`;
    case 'outbound':
      return `leased port ${newSource}`;
    case 'answer':
      return isHairpin ? `VIP ${newSource}, back to the VM at ${newDestination}` : `VIP ${newSource}`;
    default:
      return isHairpin ? `DIP ${newDestination}, which sees ${newSource} as its client` : `DIP ${newDestination}`;
  }
}

function straightText({ straightTo }: HostExplanationFields): string {
  if (straightTo === undefined) return '';
  const { encapsulation, vni, providerAddress } = straightTo;
  return `, straight in ${ENCAPSULATIONS[encapsulation]} ${vni} to ${providerAddress}`;
}

function connectionText({ connection, idleMs = 0 }: HostExplanationFields): string {
  if (connection === undefined) return '';
  if (connection === 'elsewhere') return ', of a connection that began elsewhere';
  return connection === 'new' ? ', new connection' : `, known connection, idle for ${Math.round(idleMs / 1000)} s`;
}
