/** Why a MUX does with a packet what it does. */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from '../dataplane/instance.js';
import { protocolName } from '../dataplane/protocol-name.js';
import { type DropReason, reasonName, type Verdict, verdictName } from '../dataplane/reasons.js';
import { formatIp, hostText } from '../net/address.js';
import type { Backend, Encapsulation, Service } from '../program/types.js';
import { explanationText } from './explanation-text.js';
import { overheadBytes } from './fitting.js';
import { readQuotedConnection } from './quoted-connection.js';

/**
 * How the backend was found.
 *
 * | source | |
 * |---|---|
 * | `ring` | chosen by the ring of the rule |
 * | `flow` | remembered in the flow table |
 * | `fixed` | the one backend of an inbound NAT rule or an instance-level public IP |
 * | `snat` | the port is leased to it for outbound connections |
 * | `fragment` | the first fragment of the datagram went there |
 * | `quoted-flow`, `quoted-ring` | as `flow` and `ring`, of the connection an ICMP error is about |
 */
export type BackendSource = 'ring' | 'flow' | 'fixed' | 'snat' | 'fragment' | 'quoted-flow' | 'quoted-ring';

/** What the MUX knows about one packet. Fields that were not reached are `undefined`. */
export interface ExplanationFields {
  readonly verdict: Verdict;
  readonly reason: DropReason | undefined;
  /** `tcp`, `udp`, `gre`, `esp`, `icmp`, `icmpv6`, or the number: `132`. */
  readonly protocol: string | undefined;
  /** `192.0.2.7:40000`, `[2001:db8::7]:40000`; without the port where there is none. */
  readonly source: string | undefined;
  readonly destination: string | undefined;
  /** Flow hash of the 5-tuple, 16 hexadecimal digits. */
  readonly hash: string | undefined;
  readonly service: Service | undefined;
  readonly backendSource: BackendSource | undefined;
  /** The slot of the ring that was read. */
  readonly ringSlot: number | undefined;
  /** The port of the VIP that is leased to the backend, `80.80.80.80:1027`; with `snat` only. */
  readonly leasedPort: string | undefined;
  readonly backend: Backend | undefined;
  /** Port on the backend that the host agent will translate to. */
  readonly backendPort: number | undefined;
  /** What carries the packet to the backend. */
  readonly encapsulation: Encapsulation | undefined;
  /** The connection an ICMP error is about, as its client sends it. */
  readonly about: { readonly protocol: string; readonly source: string; readonly destination: string } | undefined;
  /** Bytes of the longest IP packet for this backend: what the sender of one that is too big is told. */
  readonly toldMtuBytes: number | undefined;
  /** Fastpath: the packet makes the MUX tell the hosts of both VMs to send to each other, where the batch has room for it. */
  readonly isRedirected: true | undefined;
}

/** An explanation: its fields, and one line of text that says the same (`text`, also what console.log shows). */
export class Explanation {
  readonly fields: ExplanationFields;
  readonly text: string;

  constructor(fields: ExplanationFields) {
    this.fields = fields;
    this.text = explanationText(fields);
  }

  toString(): string {
    return this.text;
  }

  toJSON(): object {
    const { service, backend, ...rest } = this.fields;
    return {
      ...rest,
      service: service && { key: service.key, rule: service.rule, distribution: service.distribution },
      backend: backend && {
        key: backend.key,
        dip: backend.dip,
        vni: backend.vni,
        host: backend.host,
        hostProviderAddress: backend.hostProviderAddress,
      },
      text: this.text,
    };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.text;
  }
}

/** What the boundary's indexes mean, and how packets are carried. */
export interface Explaining {
  serviceAt(index: number): Service | undefined;
  backendAt(index: number): Backend | undefined;
  readonly encapsulation: Encapsulation;
  /** Of the provider network, if there is one. */
  readonly mtuBytes: number | undefined;
}

/** Reads what muxExplain has left in the first parsed record. */
export function readExplanation(dataPlane: DataPlane, explaining: Explaining): Explanation {
  const { view, bytes } = dataPlane;
  const byte = (offset: number) => bytes[abi.FIXED_PARSED + offset];
  const field = (offset: number) => view.getUint32(abi.FIXED_PARSED + offset, true);
  const index = (offset: number) => (field(offset) === abi.NO_INDEX ? undefined : field(offset));

  const { source, destination, ports } = readAddresses(dataPlane);
  const serviceIndex = index(abi.PARSED_SERVICE);
  const backendIndex = index(abi.PARSED_BACKEND);
  const service = serviceIndex === undefined ? undefined : explaining.serviceAt(serviceIndex);
  const backend = backendIndex === undefined ? undefined : explaining.backendAt(backendIndex);
  const isKnown = service !== undefined || backend !== undefined;
  const isLeased = byte(abi.PARSED_SOURCE) === abi.SOURCE_SNAT;
  return new Explanation({
    verdict: verdictName(byte(abi.PARSED_VERDICT)),
    reason: reasonName(byte(abi.PARSED_REASON)),
    protocol: source === undefined ? undefined : protocolName(byte(abi.PARSED_PROTOCOL)),
    source: withPort(source, ports?.source),
    destination: withPort(destination, ports?.destination),
    hash: isKnown
      ? view
          .getBigUint64(abi.FIXED_PARSED + abi.PARSED_HASH, true)
          .toString(16)
          .padStart(16, '0')
      : undefined,
    service,
    backendSource: BACKEND_SOURCES[byte(abi.PARSED_SOURCE)],
    ringSlot: index(abi.PARSED_RING_SLOT),
    leasedPort: isLeased ? withPort(destination, view.getUint16(abi.FIXED_PARSED + abi.PARSED_LEASED_PORT)) : undefined,
    backend,
    backendPort: service && (service.backendPort === 0 ? ports?.destination : service.backendPort),
    encapsulation: backend && explaining.encapsulation,
    about: readAbout(dataPlane, reasonName(byte(abi.PARSED_REASON))),
    toldMtuBytes: readToldMtu(dataPlane, backend, explaining),
    isRedirected: byte(abi.PARSED_SOURCE) === abi.SOURCE_FLOW_REDIRECTED || undefined,
  });
}

function readAbout(dataPlane: DataPlane, reason: DropReason | undefined): ExplanationFields['about'] {
  const quoted = reason === 'icmp-quote' ? undefined : readQuotedConnection(dataPlane);
  return quoted && { ...quoted, protocol: protocolName(quoted.protocol) };
}

function readToldMtu(
  { bytes }: DataPlane,
  backend: Backend | undefined,
  { encapsulation, mtuBytes }: Explaining,
): number | undefined {
  const isTold = bytes[abi.FIXED_PARSED + abi.PARSED_VERDICT] === abi.VERDICT_REPLY;
  if (!isTold || backend === undefined || mtuBytes === undefined) return undefined;
  const fitting = mtuBytes - overheadBytes(encapsulation, backend.hostProviderAddress);
  return bytes[abi.FIXED_PARSED + abi.PARSED_FAMILY] === 6 ? Math.max(fitting, IPV6_MTU_BYTES_MIN) : fitting;
}

interface Addresses {
  readonly source?: string;
  readonly destination?: string;
  readonly ports?: { readonly source: number; readonly destination: number };
}

/** The addresses of a packet whose IP header was found sound, and the ports of a sound TCP or UDP header behind it. */
function readAddresses({ view, bytes }: DataPlane): Addresses {
  const field = (offset: number) => view.getUint32(abi.FIXED_PARSED + offset, true);
  const protocol = bytes[abi.FIXED_PARSED + abi.PARSED_PROTOCOL];
  if (protocol === 0) return {};
  const ip = field(abi.PARSED_IP);
  const [start, length] = bytes[abi.FIXED_PARSED + abi.PARSED_FAMILY] === 6 ? [ip + 8, 16] : [ip + 12, 4];
  const addresses = {
    source: formatIp(bytes.slice(start, start + length)),
    destination: formatIp(bytes.slice(start + length, start + 2 * length)),
  };
  const l4 = field(abi.PARSED_L4);
  if (l4 === 0 || (protocol !== 6 && protocol !== 17)) return addresses;
  return { ...addresses, ports: { source: view.getUint16(l4), destination: view.getUint16(l4 + 2) } };
}

function withPort(address: string | undefined, port: number | undefined): string | undefined {
  return address === undefined || port === undefined ? address : `${hostText(address)}:${port}`;
}

const BACKEND_SOURCES: Readonly<Record<number, BackendSource | undefined>> = {
  [abi.SOURCE_FIXED]: 'fixed',
  [abi.SOURCE_RING]: 'ring',
  [abi.SOURCE_FLOW]: 'flow',
  [abi.SOURCE_SNAT]: 'snat',
  [abi.SOURCE_FRAGMENT]: 'fragment',
  [abi.SOURCE_QUOTED_FLOW]: 'quoted-flow',
  [abi.SOURCE_QUOTED_RING]: 'quoted-ring',
  [abi.SOURCE_FLOW_REDIRECTED]: 'flow',
};

/** RFC 8200 section 5: a packet of so many bytes goes through everywhere. */
const IPV6_MTU_BYTES_MIN = 1280;
