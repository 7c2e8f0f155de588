/**
 * The records of a program's sections, each as a pair: what writes it and what reads it.
 *
 *   list | count u32 | item | item | …
 *   text | bytes u16 | UTF-8 |            address | bytes u8: 4 or 16 | network order |
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { EdgemuxError } from '../errors.js';
import { formatIp, parseIp } from '../net/address.js';
import type { ByteReader, ByteWriter } from '../net/bytes.js';
import { formatMac, MAC_BYTES, macBytes } from '../net/mac.js';
import type {
  Attachment,
  Backend,
  Distribution,
  HostProgram,
  MuxProgram,
  Nic,
  Ring,
  Service,
  Translation,
} from './types.js';

const HASH_KEY_BYTES = 16;
const DISTRIBUTIONS: readonly Distribution[] = ['Default', 'SourceIP', 'SourceIPProtocol'];

/** What programs for MUXes and for hosts have in common. */
export type Machine = Pick<MuxProgram | HostProgram, 'id' | 'attachment' | 'flowHashKey'>;

export function writeMachine(to: ByteWriter, { id, attachment, flowHashKey }: Machine): void {
  writeText(to, id);
  writeAddress(to, attachment.providerAddress);
  to.bytes(macBytes(attachment.macAddress));
  to.u8(attachment.gatewayMacAddress === undefined ? 0 : 1);
  to.bytes(
    attachment.gatewayMacAddress === undefined ? new Uint8Array(MAC_BYTES) : macBytes(attachment.gatewayMacAddress),
  );
  to.u16le(attachment.vlanId);
  to.bytes(hexToBytes(flowHashKey));
}

export function readMachine(from: ByteReader): Machine {
  const id = readText(from);
  const providerAddress = readAddress(from);
  const macAddress = readMac(from);
  const isGatewayKnown = from.u8() !== 0;
  const gateway = readMac(from);
  const attachment: Attachment = {
    providerAddress,
    macAddress,
    gatewayMacAddress: isGatewayKnown ? gateway : undefined,
    vlanId: from.u16le(),
  };
  return { id, attachment, flowHashKey: bytesToHex(from.bytes(HASH_KEY_BYTES)) };
}

export function writeBackend(to: ByteWriter, backend: Backend): void {
  writeText(to, backend.key);
  writeAddress(to, backend.dip);
  to.u32le(backend.vni).bytes(macBytes(backend.macAddress));
  writeText(to, backend.host);
  writeAddress(to, backend.hostProviderAddress);
  to.bytes(macBytes(backend.nextHopMacAddress));
}

export function readBackend(from: ByteReader): Backend {
  return {
    key: readText(from),
    dip: readAddress(from),
    vni: from.u32le(),
    macAddress: readMac(from),
    host: readText(from),
    hostProviderAddress: readAddress(from),
    nextHopMacAddress: readMac(from),
  };
}

export function writeRing(to: ByteWriter, ring: Ring): void {
  to.u32le(ring.slotCount);
  writeList(to, ring.members, (into, { backend, weight }) => into.u32le(backend).u32le(weight));
  writeList(to, ring.drained ?? [], (into, backend) => into.u32le(backend));
}

export function readRing(from: ByteReader): Ring {
  const slotCount = from.u32le();
  const members = readList(from, (of) => ({ backend: of.u32le(), weight: of.u32le() }));
  const drained = readList(from, (of) => of.u32le());
  return { slotCount, members, ...(drained.length > 0 && { drained }) };
}

export function writeService(to: ByteWriter, service: Service): void {
  writeText(to, service.key);
  writeAddress(to, service.vip);
  to.u8(service.protocol).u16le(service.port).u8(DISTRIBUTIONS.indexOf(service.distribution));
  to.u32le(service.idleTimeoutMs)
    .u16le(service.backendPort)
    .u8(service.floatingIp ? 1 : 0);
  writeText(to, service.rule);
  const { target } = service;
  if ('ring' in target) to.u8(0).u32le(target.ring);
  else to.u8(1).u32le(target.backend);
}

export function readService(from: ByteReader): Service {
  return {
    key: readText(from),
    vip: readAddress(from),
    protocol: readProtocol(from),
    port: from.u16le(),
    distribution: readDistribution(from),
    idleTimeoutMs: from.u32le(),
    backendPort: from.u16le(),
    floatingIp: from.u8() !== 0,
    rule: readText(from),
    target: from.u8() === 0 ? { ring: from.u32le() } : { backend: from.u32le() },
  };
}

export function writeNic(to: ByteWriter, nic: Nic): void {
  writeText(to, nic.key);
  to.bytes(macBytes(nic.macAddress)).u32le(nic.vni);
}

export function readNic(from: ByteReader): Nic {
  return { key: readText(from), macAddress: readMac(from), vni: from.u32le() };
}

export function writeTranslation(to: ByteWriter, translation: Translation): void {
  to.u32le(translation.nic);
  writeAddress(to, translation.vip);
  to.u8(translation.protocol).u16le(translation.port);
  writeAddress(to, translation.dip);
  to.u16le(translation.backendPort)
    .u8(translation.floatingIp ? 1 : 0)
    .u32le(translation.idleTimeoutMs);
  writeText(to, translation.rule);
}

export function readTranslation(from: ByteReader): Translation {
  return {
    nic: from.u32le(),
    vip: readAddress(from),
    protocol: readProtocol(from),
    port: from.u16le(),
    dip: readAddress(from),
    backendPort: from.u16le(),
    floatingIp: from.u8() !== 0,
    idleTimeoutMs: from.u32le(),
    rule: readText(from),
  };
}

// Parts of records.

export function writeList<T>(to: ByteWriter, items: readonly T[], write: (to: ByteWriter, item: T) => void): void {
  to.u32le(items.length);
  for (const item of items) write(to, item);
}

export function readList<T>(from: ByteReader, read: (from: ByteReader) => T): T[] {
  const items: T[] = [];
  // No array of the announced length is made: the bytes have to be there first.
  for (let left = from.u32le(); left > 0; left--) items.push(read(from));
  return items;
}

function writeText(to: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text);
  to.u16le(bytes.length).bytes(bytes);
}

function readText(from: ByteReader): string {
  return from.utf8(from.u16le());
}

export function writeAddress(to: ByteWriter, address: string): void {
  const { bytes } = parseIp(address);
  to.u8(bytes.length).bytes(bytes);
}

export function readAddress(from: ByteReader): string {
  return formatIp(from.bytes(from.u8()));
}

function readMac(from: ByteReader): string {
  return formatMac(from.bytes(MAC_BYTES));
}

function readProtocol(from: ByteReader): Service['protocol'] {
  const protocol = from.u8();
  if (protocol !== 0 && protocol !== 6 && protocol !== 17) throw invalid(`protocol ${protocol}`);
  return protocol;
}

function readDistribution(from: ByteReader): Distribution {
  const distribution = DISTRIBUTIONS[from.u8()];
  if (distribution === undefined) throw invalid('unknown distribution');
  return distribution;
}

/** Why bytes are no program. */
export function invalid(why: string): EdgemuxError {
  return new EdgemuxError('ERR_PROGRAM_INVALID', `not a program of edgemux: ${why}`);
}
