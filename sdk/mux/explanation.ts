/** Why a MUX does with a packet what it does. */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from '../dataplane/instance.js';
import { type DropReason, reasonName, type Verdict, verdictName } from '../dataplane/reasons.js';
import { formatIp } from '../net/address.js';
import type { Backend, Service } from '../program/types.js';

/** How the backend was found: by the ring, by the flow table, or as the one backend of an inbound NAT rule. */
export type BackendSource = 'ring' | 'flow' | 'fixed';

/** What the MUX knows about one packet. Fields that were not reached are `undefined`. */
export interface ExplanationFields {
  readonly verdict: Verdict;
  readonly reason: DropReason | undefined;
  /** `tcp` or `udp` */
  readonly protocol: string | undefined;
  readonly source: string | undefined;
  readonly destination: string | undefined;
  /** Flow hash of the 5-tuple, 16 hexadecimal digits. */
  readonly hash: string | undefined;
  readonly service: Service | undefined;
  readonly backendSource: BackendSource | undefined;
  /** The slot of the ring that was read. */
  readonly ringSlot: number | undefined;
  readonly backend: Backend | undefined;
  /** Port on the backend that the host agent will translate to. */
  readonly backendPort: number | undefined;
}

/** An explanation: its fields, and one line of text that says the same (`text`, also what console.log shows). */
export class Explanation {
  readonly fields: ExplanationFields;
  readonly text: string;

  constructor(fields: ExplanationFields) {
    this.fields = fields;
    this.text = textOf(fields);
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

/** Reads what muxExplain has left in the first parsed record. */
export function readExplanation(
  dataPlane: DataPlane,
  serviceAt: (index: number) => Service | undefined,
  backendAt: (index: number) => Backend | undefined,
): Explanation {
  const { view, bytes } = dataPlane;
  const field = (offset: number) => view.getUint32(abi.FIXED_PARSED + offset, true);
  const index = (offset: number) => (field(offset) === abi.NO_INDEX ? undefined : field(offset));

  const l4 = bytes[abi.FIXED_PARSED + abi.PARSED_PROTOCOL] === 0 ? undefined : field(abi.PARSED_L4);
  const ip = field(abi.PARSED_IP);
  const serviceIndex = index(abi.PARSED_SERVICE);
  const backendIndex = index(abi.PARSED_BACKEND);
  const service = serviceIndex === undefined ? undefined : serviceAt(serviceIndex);
  const port = l4 === undefined ? undefined : view.getUint16(l4 + 2);
  return new Explanation({
    verdict: verdictName(bytes[abi.FIXED_PARSED + abi.PARSED_VERDICT]),
    reason: reasonName(bytes[abi.FIXED_PARSED + abi.PARSED_REASON]),
    protocol: l4 === undefined ? undefined : protocolName(bytes[abi.FIXED_PARSED + abi.PARSED_PROTOCOL]),
    source: l4 === undefined ? undefined : `${formatIp(bytes.slice(ip + 12, ip + 16))}:${view.getUint16(l4)}`,
    destination: l4 === undefined ? undefined : `${formatIp(bytes.slice(ip + 16, ip + 20))}:${port}`,
    hash:
      service &&
      view
        .getBigUint64(abi.FIXED_PARSED + abi.PARSED_HASH, true)
        .toString(16)
        .padStart(16, '0'),
    service,
    backendSource: BACKEND_SOURCES[bytes[abi.FIXED_PARSED + abi.PARSED_SOURCE]],
    ringSlot: index(abi.PARSED_RING_SLOT),
    backend: backendIndex === undefined ? undefined : backendAt(backendIndex),
    backendPort: service && (service.backendPort === 0 ? port : service.backendPort),
  });
}

const BACKEND_SOURCES: Readonly<Record<number, BackendSource | undefined>> = {
  [abi.SOURCE_FIXED]: 'fixed',
  [abi.SOURCE_RING]: 'ring',
  [abi.SOURCE_FLOW]: 'flow',
};

function protocolName(protocol: number): string {
  return protocol === 6 ? 'tcp' : 'udp';
}

function textOf(fields: ExplanationFields): string {
  const { verdict, reason, service, backend } = fields;
  if (verdict === 'pass') return 'pass: not for a VIP of ours';
  if (verdict === 'reply') return 'reply: the MUX answers an echo request for a VIP';
  if (!service || !backend || verdict === 'drop') {
    const rule = service ? `VIP ${service.key} (${service.rule}) → ` : '';
    const packet = fields.destination ? `${fields.protocol} ${fields.source} > ${fields.destination} → ` : '';
    return `${packet}${rule}drop: ${reason}`;
  }
  return [
    `VIP ${service.key}`,
    how(fields),
    `DIP ${backend.dip}${service.floatingIp ? ` with floating IP ${service.vip}` : ''}:${fields.backendPort} on ${backend.host}`,
    `VXLAN ${backend.vni} to ${backend.hostProviderAddress}`,
  ]
    .join(' → ')
    .replace(/ → VXLAN/, ', VXLAN');
}

function how({ backendSource, ringSlot, service }: ExplanationFields): string {
  if (backendSource === 'ring') return `ring[${ringSlot}]`;
  if (backendSource === 'flow') return 'known flow';
  return `inbound NAT rule ${service?.rule}`;
}
