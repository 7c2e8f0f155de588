/** The decision record of the boundary as a value: what hostExplain has found out about one packet. */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from '../dataplane/instance.js';
import { formatIp } from '../net/address.js';

/** An end of a connection; `port` is `undefined` where there is none. */
export interface End {
  readonly address: string;
  readonly port: number | undefined;
}

/** Fields that were not reached are `undefined`. */
export interface Decision {
  readonly verdict: number;
  readonly reason: number;
  /** `ACTION_…` */
  readonly action: number;
  readonly isFromVm: boolean;
  readonly isHairpin: boolean;
  /** The packet's connection is in the table, alive. */
  readonly isKnown: boolean;
  /** It is one the VM has opened, from a leased port. */
  readonly isOutbound: boolean;
  /** A translation or SNAT rule decided. */
  readonly hasRule: boolean;
  /** An address of the VM decided: a public IP of its own, or leased ports. */
  readonly hasLocalAddress: boolean;
  readonly idleTicks: number;
  readonly nicIndex: number | undefined;
  readonly protocol: number | undefined;
  readonly source: End | undefined;
  readonly destination: End | undefined;
  /** What our end gets: the DIP on the way in, the VIP on the way out. */
  readonly address: string | undefined;
  /** The port it gets, or the identifier of a ping; of no meaning where the packet keeps its own. */
  readonly port: number;
  /** What the other end gets, or with a translation the VIP. */
  readonly peer: string | undefined;
  /** Of the packet an ICMP error quotes; of no meaning without one. */
  readonly quotedProtocol: number;
  readonly quotedSourcePort: number;
  readonly vni: number | undefined;
  /** Source of the outer IP header. */
  readonly outerSource: string | undefined;
}

const QUOTE = abi.FIXED_STATE + abi.STATE_QUOTE;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;

/** Whether a protocol has ports. */
export function hasPorts(protocol: number | undefined): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP;
}

/** Reads what hostExplain has left. */
export function readDecision(dataPlane: DataPlane): Decision {
  const { view, bytes } = dataPlane;
  const byte = (offset: number) => bytes[abi.FIXED_DECISION + offset];
  const word = (offset: number) => view.getUint32(abi.FIXED_DECISION + offset, true);
  const family = byte(abi.DECISION_FAMILY);
  const isRead = family !== 0;
  const protocol = isRead ? byte(abi.DECISION_PROTOCOL) : undefined;
  const flags = byte(abi.DECISION_FLAGS);
  const flow = word(abi.DECISION_FLOW);
  const action = byte(abi.DECISION_ACTION);
  const [source, destination] = isRead ? addressesAt(bytes, word(abi.DECISION_IP)) : [];
  const l4 = hasPorts(protocol) ? word(abi.DECISION_L4) : 0;
  const portAt = (offset: number) => (l4 === 0 ? undefined : view.getUint16(l4 + offset));
  const outerIp = word(abi.DECISION_OUTER_IP);
  const vni = word(abi.DECISION_VNI);
  return {
    verdict: byte(abi.DECISION_VERDICT),
    reason: byte(abi.DECISION_REASON),
    action,
    isFromVm: byte(abi.DECISION_FROM_VM) !== 0,
    isHairpin: (flags & abi.DECISION_FLAG_HAIRPIN) !== 0,
    isKnown: (flags & abi.DECISION_FLAG_KNOWN) !== 0,
    isOutbound: action === abi.ACTION_LEASE || (flow !== 0 && view.getUint32(flow + abi.NAT_FLOW_TWIN, true) !== 0),
    hasRule: word(abi.DECISION_RULE) !== 0,
    hasLocalAddress: word(abi.DECISION_LOCAL) !== 0,
    idleTicks: word(abi.DECISION_AGE),
    nicIndex: isRead ? view.getUint16(abi.FIXED_DECISION + abi.DECISION_NIC, true) : undefined,
    protocol,
    source: source === undefined ? undefined : { address: source, port: portAt(0) },
    destination: destination === undefined ? undefined : { address: destination, port: portAt(2) },
    address: addressOf(dataPlane, family, word(abi.DECISION_ADDRESS)),
    port: view.getUint16(abi.FIXED_DECISION + abi.DECISION_PORT),
    peer: addressOf(dataPlane, family, word(abi.DECISION_PEER)),
    quotedProtocol: bytes[QUOTE + abi.QUOTE_PROTOCOL],
    quotedSourcePort: view.getUint16(QUOTE + abi.QUOTE_SOURCE_PORT),
    vni: vni === abi.NO_INDEX ? undefined : vni,
    outerSource: vni === abi.NO_INDEX ? undefined : addressesAt(bytes, outerIp)[0],
  };
}

/** Source and destination of the IP header at an address. */
function addressesAt(bytes: Uint8Array, ip: number): [source: string, destination: string] {
  const [start, length] = bytes[ip] >> 4 === 6 ? [ip + 8, 16] : [ip + 12, 4];
  const addressAt = (at: number) => formatIp(bytes.slice(at, at + length));
  return [addressAt(start), addressAt(start + length)];
}

/** The address a word of the boundary stands for; 0 is none. */
function addressOf({ bytes, plan }: DataPlane, family: number, word: number): string | undefined {
  if (word === 0) return undefined;
  if (family === 6) {
    const value = plan.regions[abi.REGION_ADDRESS_VALUES].base + word * abi.ADDRESS_VALUE_BYTES;
    return formatIp(bytes.slice(value, value + abi.ADDRESS_VALUE_BYTES));
  }
  const scratch = new DataView(new ArrayBuffer(4));
  scratch.setUint32(0, word, true);
  return formatIp(new Uint8Array(scratch.buffer));
}
