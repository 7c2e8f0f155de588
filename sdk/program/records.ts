/**
 * The records of a program's sections, each as a pair: what writes it and what reads it. Every record is its fields in
 * the order in which they stand here, made of the parts of record-parts.ts.
 *
 * What a program may leave out has a value that means so: an address of no bytes, an MTU of 0, a list of none.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import type { ByteReader, ByteWriter } from '../net/bytes.js';
import { MAC_BYTES, macBytes } from '../net/mac.js';
import { formatPrefix, parsePrefix } from '../net/prefix.js';
import {
  DISTRIBUTIONS,
  invalid,
  readAddress,
  readDistribution,
  readFlag,
  readList,
  readMac,
  readOptionalAddress,
  readPortRange,
  readProtocol,
  readSnatProtocol,
  readText,
  writeAddress,
  writeList,
  writePortRange,
  writeText,
} from './record-parts.js';
import type {
  Attachment,
  Backend,
  Exemption,
  HostProgram,
  MuxProgram,
  Nic,
  Ring,
  Service,
  SnatRange,
  SnatRule,
  Translation,
} from './types.js';

const HASH_KEY_BYTES = 16;
const ENCAPSULATIONS = ['vxlan', 'nvgre'] as const;

/** What programs for MUXes and for hosts have in common. */
export type Machine = Pick<MuxProgram | HostProgram, 'id' | 'attachment' | 'flowHashKey' | 'encapsulation'>;

export function writeMachine(to: ByteWriter, { id, attachment, flowHashKey, encapsulation = 'vxlan' }: Machine): void {
  writeText(to, id);
  writeAddress(to, attachment.providerAddress);
  writeAddress(to, attachment.secondProviderAddress);
  to.bytes(macBytes(attachment.macAddress));
  to.u8(attachment.gatewayMacAddress === undefined ? 0 : 1);
  to.bytes(
    attachment.gatewayMacAddress === undefined ? new Uint8Array(MAC_BYTES) : macBytes(attachment.gatewayMacAddress),
  );
  to.u16le(attachment.vlanId).u32le(attachment.mtuBytes ?? 0);
  to.bytes(hexToBytes(flowHashKey)).u8(ENCAPSULATIONS.indexOf(encapsulation));
}

export function readMachine(from: ByteReader): Machine {
  const id = readText(from);
  const providerAddress = readAddress(from);
  const secondProviderAddress = readOptionalAddress(from);
  const macAddress = readMac(from);
  const isGatewayKnown = readFlag(from);
  const gateway = readMac(from);
  const vlanId = from.u16le();
  const mtuBytes = from.u32le();
  const attachment: Attachment = {
    providerAddress,
    ...(secondProviderAddress !== undefined && { secondProviderAddress }),
    macAddress,
    gatewayMacAddress: isGatewayKnown ? gateway : undefined,
    vlanId,
    ...(mtuBytes !== 0 && { mtuBytes }),
  };
  const flowHashKey = bytesToHex(from.bytes(HASH_KEY_BYTES));
  const encapsulation = ENCAPSULATIONS[from.u8()];
  if (encapsulation === undefined) throw invalid('unknown encapsulation');
  return { id, attachment, flowHashKey, ...(encapsulation !== 'vxlan' && { encapsulation }) };
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
    .u8(service.floatingIp ? 1 : 0)
    .u8(service.isInstanceAddress ? 1 : 0);
  writeText(to, service.rule);
  const { target } = service;
  if ('ring' in target) to.u8(0).u32le(target.ring);
  else to.u8(1).u32le(target.backend);
}

export function readService(from: ByteReader): Service {
  const service = {
    key: readText(from),
    vip: readAddress(from),
    protocol: readProtocol(from),
    port: from.u16le(),
    distribution: readDistribution(from),
    idleTimeoutMs: from.u32le(),
    backendPort: from.u16le(),
    floatingIp: readFlag(from),
  };
  const isInstanceAddress = readFlag(from);
  return {
    ...service,
    rule: readText(from),
    target: readFlag(from) ? { backend: from.u32le() } : { ring: from.u32le() },
    ...(isInstanceAddress && { isInstanceAddress }),
  };
}

export function writeSnatRange(to: ByteWriter, range: SnatRange): void {
  writeAddress(to, range.vip);
  writePortRange(to, range);
  to.u32le(range.backend);
}

export function readSnatRange(from: ByteReader): SnatRange {
  return { vip: readAddress(from), ...readPortRange(from), backend: from.u32le() };
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
    .u32le(translation.idleTimeoutMs)
    .u8(translation.tcpReset ? 1 : 0)
    .u8(translation.isInstanceAddress ? 1 : 0);
  writeText(to, translation.rule);
}

export function readTranslation(from: ByteReader): Translation {
  const translation = {
    nic: from.u32le(),
    vip: readAddress(from),
    protocol: readProtocol(from),
    port: from.u16le(),
    dip: readAddress(from),
    backendPort: from.u16le(),
    floatingIp: readFlag(from),
    idleTimeoutMs: from.u32le(),
  };
  const tcpReset = readFlag(from);
  const isInstanceAddress = readFlag(from);
  return {
    ...translation,
    rule: readText(from),
    ...(tcpReset && { tcpReset }),
    ...(isInstanceAddress && { isInstanceAddress }),
  };
}

export function writeSnatRule(to: ByteWriter, rule: SnatRule): void {
  to.u32le(rule.nic);
  writeAddress(to, rule.dip);
  writeAddress(to, rule.vip);
  to.u8(rule.protocol);
  writeList(to, rule.ranges, writePortRange);
  to.u32le(rule.idleTimeoutMs).u8(rule.tcpReset ? 1 : 0);
  writeText(to, rule.rule);
}

export function readSnatRule(from: ByteReader): SnatRule {
  const rule = {
    nic: from.u32le(),
    dip: readAddress(from),
    vip: readAddress(from),
    protocol: readSnatProtocol(from),
    ranges: readList(from, readPortRange),
    idleTimeoutMs: from.u32le(),
  };
  const tcpReset = readFlag(from);
  return { ...rule, ...(tcpReset && { tcpReset }), rule: readText(from) };
}

/** A VNI has 24 bits: one of 32 is none. */
const ANY_VNI = 0xffffffff;

export function writeExemption(to: ByteWriter, { prefix, vni = ANY_VNI }: Exemption): void {
  const { bytes, length } = parsePrefix(prefix);
  to.u8(bytes.length).bytes(bytes).u8(length).u32le(vni);
}

export function readExemption(from: ByteReader): Exemption {
  const prefix = `${readAddress(from)}/${from.u8()}`;
  const vni = from.u32le();
  return { prefix: formatPrefix(parsePrefix(prefix)), ...(vni !== ANY_VNI && { vni }) };
}
