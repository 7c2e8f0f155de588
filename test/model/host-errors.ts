/**
 * ICMP errors through the translation, both ways: an error quotes a packet of the connection it is about as its
 * receiver never sent it, so the quote is translated as well (RFC 5508 section 4).
 */

import type { Nic } from '../../sdk/program/types.js';
import { be16, concat } from '../support/bytes.js';
import { isLaterFragment, type Receiver } from './datagrams.js';
import { drop, type Ending } from './ending.js';
import type { Delivery } from './host-deliver.js';
import { type HostState, portless } from './host-state.js';
import { checkIcmp, echoIdentifier, ICMP, icmpKind, icmpMessage } from './icmp.js';
import { checkStart, destinationOf, fragmentOfIpv4, type IpPacket, sourceOf } from './ip.js';
import { walkExtensions } from './ipv6.js';
import { mostSpecific } from './lookup.js';
import type { FlowEnd } from './nat-flow.js';
import { again, type Change, type End, rewrite } from './rewrite.js';
import { hasPorts } from './transport.js';

const ERROR_HEADER_BYTES = 8;

/** To a VM, about a packet it sent that left from a VIP. The message must have been checked. */
export function deliverError(state: HostState, packet: IpPacket, nic: Nic, tick: number): Delivery | Ending {
  const quote = quoteOf(packet);
  const ends = quote && endsOf(quote, 'source');
  if (quote === undefined || ends === undefined || quote.source !== packet.destination) return drop('icmp-quote');
  const local = localOf(state, nic, quote, ends, tick);
  if (local === undefined) return drop('icmp-quote');
  const { address } = local;
  return { packet: errorAbout(packet, { destination: { address } }, rewrite(quote, { source: local })) };
}

/** What an error of a VM becomes, and who gets it. */
export interface ErrorFromVm {
  readonly to: Receiver;
  readonly packet: Uint8Array;
}

/** From a VM, about a packet that came to a VIP; `undefined` when it is about no connection of ours. */
export function errorFromVm(state: HostState, packet: IpPacket, nic: Nic, tick: number): ErrorFromVm | undefined {
  const quote = checkIcmp(packet) === undefined ? quoteOf(packet) : undefined;
  const ends = quote && endsOf(quote, 'destination');
  if (quote === undefined || ends === undefined || quote.destination !== packet.source) return undefined;
  const flow = state.flows.ofVm(nic.key, quote.protocol, ends.source, ends.destination, tick);
  if (flow === undefined) return undefined;
  if (!flow.isHairpin) return { to: 'gateway', packet: errorFromOutside(packet, quote, flow.outside) };
  // Of a VM that talks to itself: about what it sent, when it was not yet translated.
  const asked = { address: flow.local.address, port: flow.remote.port };
  const change = { source: { address: flow.outside.address }, destination: { address: asked.address } };
  return { to: 'vm', packet: errorAbout(packet, change, rewrite(quote, { source: asked, destination: flow.outside })) };
}

/** The same without a flow, from an instance-level public IP. */
export function errorOfInstance(packet: IpPacket, vip: string): Uint8Array | undefined {
  const quote = checkIcmp(packet) === undefined ? quoteOf(packet) : undefined;
  if (quote === undefined || endsOf(quote, 'destination') === undefined || quote.destination !== packet.source)
    return undefined;
  return errorFromOutside(packet, quote, { address: vip });
}

export function isError({ family, protocol, upper, fragment }: IpPacket): boolean {
  return (
    protocol === ICMP[family] && fragment === undefined && upper.length >= 8 && icmpKind(family, upper) === 'error'
  );
}

function errorFromOutside(packet: IpPacket, quote: IpPacket, outside: End): Uint8Array {
  return errorAbout(packet, { source: { address: outside.address } }, rewrite(quote, { destination: outside }));
}

/** Which VM's end stands behind the VIP's end that the quote shows. */
function localOf(
  state: HostState,
  nic: Nic,
  { protocol }: IpPacket,
  { source: outside, destination: remote }: Ends,
  tick: number,
): End | undefined {
  const dip = state.instanceDip(nic, outside.address);
  if (dip !== undefined) return { address: dip };
  const translation = mostSpecific(state.translationsOf(nic), outside.address, protocol, outside.port);
  if (translation !== undefined) {
    const address = translation.floatingIp ? outside.address : translation.dip;
    const port = hasPorts(protocol) ? translation.backendPort || outside.port : 0;
    const flow = state.flows.ofVm(nic.key, protocol, remote, { address, port }, tick);
    if (flow?.outside.address === outside.address && flow.outside.port === outside.port) return flow.local;
  }
  return state.leaseOf(nic, protocol, remote, outside, tick)?.local;
}

/** The ICMP packet with another end and another quote. Its checksum was right, so it may be computed anew. */
function errorAbout(packet: IpPacket, change: Change, quote: Uint8Array): Uint8Array {
  const { source, destination, upperAt, bytes } = again(packet, rewrite(packet, change));
  const body = concat(packet.upper.subarray(4, ERROR_HEADER_BYTES), quote);
  const message = icmpMessage(packet.family, source, destination, packet.upper[0]!, packet.upper[1]!, body);
  return concat(bytes.subarray(0, upperAt), message);
}

/** The quoted packet, as far as it goes: its lengths and its checksum are not judged, because it is cut off. */
function quoteOf({ family, upper }: IpPacket): IpPacket | undefined {
  const bytes = upper.subarray(ERROR_HEADER_BYTES);
  if (checkStart(family, bytes) !== undefined) return undefined;
  const inner = family === 6 ? walkExtensions(bytes) : headerOfIpv4(bytes);
  if (inner === undefined) return undefined;
  return {
    family,
    bytes,
    source: sourceOf(family, bytes),
    destination: destinationOf(family, bytes),
    trafficClass: 0,
    isDivisible: false,
    protocol: inner.protocol,
    upperAt: inner.at,
    upper: bytes.subarray(inner.at),
    fragment: inner.fragment,
  };
}

function headerOfIpv4(bytes: Uint8Array): ReturnType<typeof walkExtensions> {
  const at = (bytes[0]! & 15) * 4;
  return at < 20 || at > bytes.length ? undefined : { protocol: bytes[9]!, at, fragment: fragmentOfIpv4(bytes) };
}

interface Ends {
  readonly source: FlowEnd;
  readonly destination: FlowEnd;
}

/**
 * The connection of a quoted packet; `undefined` when the quote ends before its ports, or when it is ICMP but no ping.
 * The identifier of a ping is the port of the VM's end, which is `ours`.
 */
function endsOf(quote: IpPacket, ours: 'source' | 'destination'): Ends | undefined {
  const { family, protocol, source, destination, upper } = quote;
  const ends = { source: portless(source), destination: portless(destination) };
  if (protocol === ICMP[family]) {
    const isPing = !isLaterFragment(quote) && upper.length >= 8 && icmpKind(family, upper) === 'echo request';
    return isPing ? { ...ends, [ours]: { address: quote[ours], port: echoIdentifier(upper) } } : undefined;
  }
  if (isLaterFragment(quote) || !hasPorts(protocol)) return ends;
  if (upper.length < 4) return undefined;
  return {
    source: { address: source, port: be16(upper, 0) },
    destination: { address: destination, port: be16(upper, 2) },
  };
}
