/**
 * The encapsulation template: the headers in front of every packet to one backend, with what belongs to the packet
 * left zero for assembly/rewrite/encapsulate.ts.
 *
 *   0        14      34    42      50             64
 *   | Eth 14 | IPv4 20 | UDP 8 | VXLAN 8 | inner Eth 14 |
 */
import * as abi from '../../assembly/abi.js';
import { parseIp } from '../net/address.js';
import { ByteWriter } from '../net/bytes.js';
import { macBytes } from '../net/mac.js';
import type { Attachment, Backend } from '../program/types.js';

const ETHERTYPE_IPV4 = 0x0800;
const VERSION_4_IHL_5 = 0x45;
/** A VTEP must not fragment (RFC 7348 section 4.3), and no router on the way should either. */
const DONT_FRAGMENT = 0x4000;
const OUTER_TTL = 64;
const PROTOCOL_UDP = 17;
const VXLAN_PORT = 4789;
const VXLAN_VNI_VALID = 0x08000000;

const OUTER_IPV4 = 14;
const OUTER_IPV4_END = 34;

/** A template, ready to be copied into the data plane. */
export interface Template {
  /** `TEMPLATE_BYTES` long. */
  readonly bytes: Uint8Array;
  /** One's complement sum of the outer IPv4 header as little-endian words, not folded. */
  readonly headerSum: number;
}

/** Builds the template for packets from a MUX to a backend. */
export function encapsulationTemplate(mux: Attachment, backend: Backend): Template {
  const writer = new ByteWriter();
  writer.bytes(macBytes(backend.nextHopMacAddress)).bytes(macBytes(mux.macAddress)).u16be(ETHERTYPE_IPV4);
  writer.u8(VERSION_4_IHL_5).u8(0).u16be(0).u16be(0).u16be(DONT_FRAGMENT).u8(OUTER_TTL).u8(PROTOCOL_UDP).u16be(0);
  writer.bytes(parseIp(mux.providerAddress).bytes).bytes(parseIp(backend.hostProviderAddress).bytes);
  writer.u16be(0).u16be(VXLAN_PORT).u16be(0).u16be(0);
  writer.u32be(VXLAN_VNI_VALID).u32be(backend.vni * 256);
  writer.bytes(macBytes(backend.macAddress)).bytes(macBytes(mux.macAddress)).u16be(ETHERTYPE_IPV4);
  const bytes = writer.toBytes();
  if (bytes.length !== abi.TEMPLATE_BYTES) throw new RangeError(`a template of ${bytes.length} bytes`);
  return { bytes, headerSum: littleEndianSum(bytes.subarray(OUTER_IPV4, OUTER_IPV4_END)) };
}

function littleEndianSum(header: Uint8Array): number {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += view.getUint16(at, true);
  return sum;
}
