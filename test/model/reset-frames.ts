/**
 * What both ends of a TCP connection are told that died of idleness: a RST each, as the other end would have sent it.
 *
 *   IPv4 header of 20 bytes (TOS 0, identification 0, DF, TTL 64) or IPv6 header (traffic class 0, flow label 0, hop
 *   limit 64), TCP header of 20 bytes: RST and ACK, window 0
 */

import type { Attachment, Nic } from '../../sdk/program/types.js';
import { concat, ipBytes, macBytes, putBe16, putBe32 } from '../support/bytes.js';
import { internetChecksum, transportChecksum } from '../support/checksum.js';
import { familyOf } from './address.js';
import { TCP } from './ip.js';
import { ethernetHeader, outgoingTag } from './link.js';
import type { FlowEnd, NatFlow } from './nat-flow.js';

export interface ProducedFrame {
  readonly verdict: 'deliver' | 'reply';
  readonly bytes: Uint8Array;
}

const RST_ACK = 0x14;

/** To the VM and, where we know the way, to the remote end; to the VM twice when it talks to itself. */
export function resetFrames(flow: NatFlow, nic: Nic, attachment: Attachment): ProducedFrame[] {
  const { remote, local, outside, acknowledged, isHairpin } = flow;
  const { macAddress, gatewayMacAddress } = attachment;
  const family = familyOf(local.address);
  const none = new Uint8Array(0);
  const toNic = ethernetHeader(macBytes(nic.macAddress), macAddress, none, family);
  const deliver = (packet: Uint8Array): ProducedFrame => ({ verdict: 'deliver', bytes: concat(toNic, packet) });
  const toVm = deliver(resetPacket(remote, local, acknowledged.vm, acknowledged.remote));
  const toRemote = (end: FlowEnd): Uint8Array => resetPacket(outside, end, acknowledged.remote, acknowledged.vm);
  if (isHairpin) return [toVm, deliver(toRemote({ address: local.address, port: remote.port }))];
  if (gatewayMacAddress === undefined) return [toVm];
  const toGateway = ethernetHeader(macBytes(gatewayMacAddress), macAddress, outgoingTag(attachment, none), family);
  return [toVm, { verdict: 'reply', bytes: concat(toGateway, toRemote(remote)) }];
}

/** A RST is believed when its sequence number is what its receiver expects next (RFC 5961 section 3.2). */
function resetPacket(source: FlowEnd, destination: FlowEnd, sequence: number, acknowledgement: number): Uint8Array {
  const addresses = concat(ipBytes(source.address), ipBytes(destination.address));
  const segment = new Uint8Array(20);
  putBe16(segment, 0, source.port);
  putBe16(segment, 2, destination.port);
  putBe32(segment, 4, sequence);
  putBe32(segment, 8, acknowledgement);
  segment[12] = 5 << 4;
  segment[13] = RST_ACK;
  putBe16(segment, 16, transportChecksum(addresses, TCP, segment));
  return concat(familyOf(source.address) === 6 ? headerIpv6(addresses) : headerIpv4(addresses), segment);
}

function headerIpv4(addresses: Uint8Array): Uint8Array {
  const header = concat(Uint8Array.of(0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, TCP, 0, 0), addresses);
  putBe16(header, 10, internetChecksum(header));
  return header;
}

function headerIpv6(addresses: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0x60, 0, 0, 0, 0, 20, TCP, 64), addresses);
}
