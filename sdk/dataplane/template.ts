/**
 * The encapsulation template: the headers in front of every packet to one backend of a MUX, or to one host of Fastpath, with what belongs to the packet left
 * zero for assembly/rewrite/encapsulate.ts.
 *
 *   | Eth 14 | IPv4 20 | UDP 8 | VXLAN 8 | inner Eth 14 |
 *   | Eth 14 | IPv4 20 | GRE 8 | inner Eth 14 |
 *   | Eth 14 | IPv6 40 | UDP 8 | VXLAN 8 | inner Eth 14 |
 *   | Eth 14 | IPv6 40 | GRE 8 | inner Eth 14 |
 */
import * as abi from '../../assembly/abi.js';
import { EdgemuxError } from '../errors.js';
import { type IpAddress, parseIp } from '../net/address.js';
import { ByteWriter } from '../net/bytes.js';
import { macBytes } from '../net/mac.js';
import type { Backend, Encapsulation, MuxProgram, Program } from '../program/types.js';
import type { DataPlane } from './instance.js';

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const OUTER_IP = 14;

const VERSION_4_IHL_5 = 0x45;
const VERSION_6 = 0x60000000;
/** A VTEP must not fragment (RFC 7348 section 4.3), and no router on the way should either. */
const DONT_FRAGMENT = 0x4000;
const OUTER_TTL = 64;
const IPV4_BYTES = 20;

const PROTOCOL_UDP = 17;
const VXLAN_PORT = 4789;
const VXLAN_VNI_VALID = 0x08000000;

const PROTOCOL_GRE = 47;
const GRE_KEY_PRESENT = 0x2000;
const GRE_TRANSPARENT_ETHERNET = 0x6558;

/** Who encapsulates, and how. */
export interface Encapsulator {
  readonly encapsulation: Encapsulation;
  readonly macAddress: string;
  readonly providerAddress: string;
  readonly secondProviderAddress: string | undefined;
}

/** A template, ready to be copied into the data plane. */
export interface Template {
  /** `KIND_…` */
  readonly kind: number;
  readonly bytes: Uint8Array;
  /** One's complement sum of the outer IPv4 header as little-endian words, not folded; 0 for IPv6. */
  readonly headerSum: number;
}

/** Whom a template is for. */
export type TunnelTarget = Pick<Backend, 'vni' | 'macAddress' | 'hostProviderAddress' | 'nextHopMacAddress'>;

/** Who encapsulates for a program. */
export function encapsulatorOf({ attachment, encapsulation = 'vxlan' }: Program): Encapsulator {
  const { macAddress, providerAddress, secondProviderAddress } = attachment;
  return { encapsulation, macAddress, providerAddress, secondProviderAddress };
}

/**
 * Makes sure that the MUX has a provider address of the family of every host's.
 *
 * @throws EdgemuxError `ERR_UNSUPPORTED` with every backend it cannot reach
 */
export function checkHostsInReach(program: MuxProgram): void {
  const families = ourAddresses(encapsulatorOf(program)).map(({ family }) => family);
  const problems = program.backends
    .filter(({ hostProviderAddress }) => !families.includes(parseIp(hostProviderAddress).family))
    .map(({ key, hostProviderAddress }) => ({
      path: key,
      expected: `a host with a provider address of IPv${families.join(' or IPv')}, as the MUX has`,
      got: hostProviderAddress,
    }));
  if (problems.length > 0) throw new EdgemuxError('ERR_UNSUPPORTED', 'the MUX cannot reach some hosts', problems);
}

/**
 * Builds the template for packets to a VM in reach. The family of its host's provider address decides that of the outer
 * header.
 */
export function encapsulationTemplate(from: Encapsulator, target: TunnelTarget): Template {
  const to = parseIp(target.hostProviderAddress);
  const isIpv6 = to.family === 6;
  const isNvgre = from.encapsulation === 'nvgre';
  const writer = new ByteWriter();
  writer.bytes(macBytes(target.nextHopMacAddress)).bytes(macBytes(from.macAddress));
  writer.u16be(isIpv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
  const source = ourAddresses(from).find(({ family }) => family === to.family) as IpAddress;
  writeIp(writer, source, to, isNvgre ? PROTOCOL_GRE : PROTOCOL_UDP);
  if (isNvgre)
    writer
      .u16be(GRE_KEY_PRESENT)
      .u16be(GRE_TRANSPARENT_ETHERNET)
      .u32be(target.vni * 256);
  else
    writer
      .u16be(0)
      .u16be(VXLAN_PORT)
      .u16be(0)
      .u16be(0)
      .u32be(VXLAN_VNI_VALID)
      .u32be(target.vni * 256);
  writer.bytes(macBytes(target.macAddress)).bytes(macBytes(from.macAddress)).u16be(ETHERTYPE_IPV4);
  const bytes = writer.toBytes();
  return {
    kind: (isNvgre ? abi.KIND_NVGRE_4 : 0) | (isIpv6 ? abi.KIND_VXLAN_6 : 0),
    bytes,
    headerSum: isIpv6 ? 0 : littleEndianSum(bytes.subarray(OUTER_IP, OUTER_IP + IPV4_BYTES)),
  };
}

function ourAddresses({ providerAddress, secondProviderAddress }: Encapsulator): IpAddress[] {
  return secondProviderAddress === undefined
    ? [parseIp(providerAddress)]
    : [parseIp(providerAddress), parseIp(secondProviderAddress)];
}

function writeIp(writer: ByteWriter, source: IpAddress, destination: IpAddress, protocol: number): void {
  if (destination.family === 6) {
    writer.u32be(VERSION_6).u16be(0).u8(protocol).u8(OUTER_TTL);
  } else {
    writer.u8(VERSION_4_IHL_5).u8(0).u16be(0).u16be(0).u16be(DONT_FRAGMENT).u8(OUTER_TTL).u8(protocol).u16be(0);
  }
  writer.bytes(source.bytes).bytes(destination.bytes);
}

function littleEndianSum(header: Uint8Array): number {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += view.getUint16(at, true);
  return sum;
}

/** Copies a template into the backend record at an address. */
export function writeTemplate({ bytes, view }: DataPlane, address: number, template: Template): void {
  bytes.set(template.bytes, address + abi.BACKEND_TEMPLATE);
  view.setUint32(address + abi.BACKEND_HEADER_SUM, template.headerSum, true);
  bytes[address + abi.BACKEND_KIND] = template.kind;
}
