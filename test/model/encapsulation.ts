/**
 * The tunnel from a MUX to a host: VXLAN (RFC 7348) or NVGRE (RFC 7637) over IPv4 or IPv6.
 *
 *   VXLAN   | IPv4 20 or IPv6 40 | UDP 8 | VXLAN 8 | Ethernet 14 | packet |
 *   NVGRE   | IPv4 20 or IPv6 40 | GRE 8           | Ethernet 14 | packet |
 *
 * DSCP and ECN of the packet are copied to the outer header (RFC 6040 section 4.1, normal mode).
 */

import type { Backend, Encapsulation, MuxProgram } from '../../sdk/program/types.js';
import { concat, ipBytes, macBytes, putBe16, putBe32 } from '../support/bytes.js';
import { internetChecksum } from '../support/checksum.js';
import { type Family, familyOf } from './address.js';
import { entropy, entropyLabel, entropyPort } from './flow-hash.js';
import type { IpPacket } from './ip.js';
import { ethernetHeader } from './link.js';

const UDP = 17;
const GRE = 47;
const VXLAN_PORT = 4789;
const TRANSPARENT_ETHERNET_BRIDGING = 0x6558;

const IP_HEADER_BYTES: Readonly<Record<Family, number>> = { 4: 20, 6: 40 };
/** Between the outer IP header and the packet. */
const TUNNEL_HEADER_BYTES: Readonly<Record<Encapsulation, number>> = { vxlan: 8 + 8 + 14, nvgre: 8 + 14 };

/** Bytes a packet to this backend grows by, without the outer Ethernet header. */
export function overheadBytes(program: MuxProgram, backend: Backend): number {
  return IP_HEADER_BYTES[familyOf(backend.hostProviderAddress)] + TUNNEL_HEADER_BYTES[encapsulationOf(program)];
}

/** Whether the outer header can say how long the tunnel packet is: IPv4 counts itself, IPv6 does not. */
export function fitsOuterHeader(program: MuxProgram, backend: Backend, packet: IpPacket): boolean {
  const outerBytes = overheadBytes(program, backend) + packet.bytes.length;
  const isIpv6 = familyOf(backend.hostProviderAddress) === 6;
  return outerBytes - (isIpv6 ? IP_HEADER_BYTES[6] : 0) <= 65535;
}

/** The tunnel packet, from its outer IP header on. `isDivisible`: a router of an IPv4 underlay may cut it. */
export function encapsulate(
  program: MuxProgram,
  backend: Backend,
  packet: IpPacket,
  hash: bigint,
  isDivisible: boolean,
): Uint8Array {
  const inner = concat(
    ethernetHeader(macBytes(backend.macAddress), program.attachment.macAddress, new Uint8Array(0), packet.family),
    packet.bytes,
  );
  const isNvgre = encapsulationOf(program) === 'nvgre';
  const tunnel = isNvgre ? nvgre(backend.vni, hash, inner) : vxlan(backend.vni, hash, inner);
  const protocol = isNvgre ? GRE : UDP;
  const destination = backend.hostProviderAddress;
  const source = providerAddress(program, familyOf(destination));
  const header =
    familyOf(destination) === 6
      ? outerIpv6(source, destination, protocol, packet.trafficClass, tunnel.length, entropyLabel(hash))
      : outerIpv4(source, destination, protocol, packet.trafficClass, tunnel.length, isDivisible);
  return concat(header, tunnel);
}

function vxlan(vni: number, hash: bigint, inner: Uint8Array): Uint8Array {
  const header = new Uint8Array(16);
  putBe16(header, 0, entropyPort(hash));
  putBe16(header, 2, VXLAN_PORT);
  putBe16(header, 4, header.length + inner.length);
  // The UDP checksum stays 0: RFC 7348 section 5, and RFC 6935 for IPv6.
  header[8] = 0x08;
  putBe32(header, 12, vni * 256);
  return concat(header, inner);
}

function nvgre(vsid: number, hash: bigint, inner: Uint8Array): Uint8Array {
  const header = new Uint8Array(8);
  putBe16(header, 0, 0x2000);
  putBe16(header, 2, TRANSPARENT_ETHERNET_BRIDGING);
  putBe32(header, 4, vsid * 256 + (entropy(hash) & 0xff));
  return concat(header, inner);
}

function outerIpv4(
  source: string,
  destination: string,
  protocol: number,
  tos: number,
  payloadBytes: number,
  isDivisible: boolean,
): Uint8Array {
  const header = concat(new Uint8Array(12), ipBytes(source), ipBytes(destination));
  header[0] = 0x45;
  header[1] = tos;
  putBe16(header, 2, header.length + payloadBytes);
  putBe16(header, 6, isDivisible ? 0 : 0x4000);
  header[8] = 64;
  header[9] = protocol;
  putBe16(header, 10, internetChecksum(header));
  return header;
}

function outerIpv6(
  source: string,
  destination: string,
  protocol: number,
  trafficClass: number,
  payloadBytes: number,
  flowLabel: number,
): Uint8Array {
  const header = concat(new Uint8Array(8), ipBytes(source), ipBytes(destination));
  putBe32(header, 0, 6 * 2 ** 28 + trafficClass * 2 ** 20 + flowLabel);
  putBe16(header, 4, payloadBytes);
  header[6] = protocol;
  header[7] = 64;
  return header;
}

function encapsulationOf({ encapsulation = 'vxlan' }: MuxProgram): Encapsulation {
  return encapsulation;
}

function providerAddress({ attachment }: MuxProgram, family: Family): string {
  const { providerAddress, secondProviderAddress } = attachment;
  const own = [providerAddress, secondProviderAddress ?? ''].find((address) => familyOf(address) === family);
  if (!own) throw new RangeError(`expected a provider address of family ${family}`);
  return own;
}
