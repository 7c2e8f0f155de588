/**
 * Connections on their way from one MUX to another, or through a planned restart of one.
 *
 *   0      4         6       8             40              72
 *   | EMFL | version | spare | digest (32) | hash key (32) | services | backends | flows
 *
 *   services | count u32 | { number u16, key }…
 *   backends | count u32 | { number u16, key, DIP, VNI u32, MAC address }…      text: bytes u16, UTF-8
 *   flows    | count u32 | { key u64, value u64 }…
 *
 *   key   IPv4 { source address 4, ports 4 as on the wire; class 3: protocol u32 }, IPv6 { flow hash u64 }
 *   value { service number:16 | backend number:16 | 0:8 | class:2 | state:3 | age:19 }, low bits first
 *
 * Integers are little-endian, ages in ticks of 1024 ms, classes and states as in assembly/abi.ts. Numbers are the
 * exporting MUX's and mean nothing beyond their lists. The digest is SHA-256 of everything behind it; of the flow hash key
 * there is only a SHA-256, for the key is a secret.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import * as abi from '../../assembly/abi.js';
import { wrapMs } from '../dataplane/clock.js';
import type { DataPlane } from '../dataplane/instance.js';
import { EdgemuxError } from '../errors.js';
import { ByteReader, ByteWriter, concat } from '../net/bytes.js';
import { type FlowList, type FlowOwner, type FlowsImported, Importer, invalidFlows } from './flow-importer.js';

const MAGIC = 0x4c464d45;
/** Version of the bytes; a release reads its own only. */
const VERSION = 1;
const DIGEST_BYTES = 32;

/** Every live flow, as bytes. Uses the batch. */
export function exportFlows(owner: FlowOwner, nowMs: number): Uint8Array<ArrayBuffer> {
  const flows = [...liveFlows(owner.dataPlane, nowMs)];
  const lists = new ByteWriter().bytes(keyDigest(owner.flowHashKey));
  const services = [...owner.services.entries()];
  lists.u32le(services.length);
  for (const [number, { key }] of services) writeText(lists.u16le(number), key);
  const backends = [...owner.backends.entries()];
  lists.u32le(backends.length);
  for (const [number, { key, dip, vni, macAddress }] of backends) {
    writeText(lists.u16le(number), key);
    writeText(lists, dip);
    writeText(lists.u32le(vni), macAddress);
  }
  lists.u32le(flows.reduce((sum, { length }) => sum + length, 0) / abi.FLOW_EXPORT_BYTES);
  const parts = [lists.toBytes(), ...flows];
  const digest = sha256.create();
  for (const part of parts) digest.update(part);
  const start = new ByteWriter().u32le(MAGIC).u16le(VERSION).u16le(0).bytes(digest.digest());
  return concat([start.toBytes(), ...parts]);
}

/**
 * Takes over the flows of an export. Uses the batch.
 *
 * Trusted ones go first, so that none is pushed out by another one of the same export.
 *
 * @throws EdgemuxError `ERR_FLOWS_INVALID` or `ERR_FLOWS_FOREIGN`; the table is then as it was
 */
export function importFlows(owner: FlowOwner, bytes: Uint8Array, nowMs: number): FlowsImported {
  const importer = new Importer(owner, nowMs);
  const flows = readExport(owner, importer, bytes);
  importer.check(flows);
  importer.add(flows, (state) => state === abi.FLOW_TRUSTED);
  importer.add(flows, (state) => state !== abi.FLOW_TRUSTED);
  return importer.finish();
}

function* liveFlows(dataPlane: DataPlane, nowMs: number): Iterable<Uint8Array> {
  const { base, count } = dataPlane.region(abi.REGION_SLOTS);
  const bucketsAtOnce = Math.floor((count * dataPlane.plan.slotBytes) / (abi.FLOW_WAYS * abi.FLOW_EXPORT_BYTES));
  const bucketCount = dataPlane.region(abi.REGION_FLOWS).count;
  for (let first = 0; first < bucketCount; first += bucketsAtOnce) {
    const buckets = Math.min(bucketsAtOnce, bucketCount - first);
    const flows = dataPlane.exports.flowExport(base, first, buckets, wrapMs(nowMs));
    if (flows > 0) yield dataPlane.bytes.slice(base, base + flows * abi.FLOW_EXPORT_BYTES);
  }
}

/** Checks all but the flows themselves, and tells the importer what their numbers mean. */
function readExport({ flowHashKey }: FlowOwner, importer: Importer, bytes: Uint8Array): FlowList {
  try {
    const reader = new ByteReader(bytes);
    if (reader.u32le() !== MAGIC) throw invalidFlows('they do not begin with EMFL');
    const version = reader.u16le();
    if (version !== VERSION) throw invalidFlows(`version ${version}, this release reads ${VERSION}`);
    reader.u16le();
    const digest = reader.bytes(DIGEST_BYTES);
    const payload = reader.bytes(reader.remaining);
    if (!isEqual(sha256(payload), digest)) throw invalidFlows('the digest does not match: they are damaged');
    return readPayload(new ByteReader(payload), importer, flowHashKey);
  } catch (error) {
    if (error instanceof EdgemuxError && error.code === 'ERR_OUT_OF_BOUNDS') throw invalidFlows(error.message);
    throw error;
  }
}

function readPayload(reader: ByteReader, importer: Importer, flowHashKey: string): FlowList {
  if (!isEqual(reader.bytes(DIGEST_BYTES), keyDigest(flowHashKey))) {
    throw new EdgemuxError(
      'ERR_FLOWS_FOREIGN',
      'the flows were exported under another flowHashKey: their connections are strangers to this MUX',
    );
  }
  for (let left = reader.u32le(); left > 0; left--) importer.nameService(reader.u16le(), readText(reader));
  for (let left = reader.u32le(); left > 0; left--) {
    const number = reader.u16le();
    const key = readText(reader);
    const dip = readText(reader);
    importer.nameBackend(number, key, { dip, vni: reader.u32le(), macAddress: readText(reader) });
  }
  const count = reader.u32le();
  const flows = reader.bytes(count * abi.FLOW_EXPORT_BYTES);
  if (reader.remaining > 0) throw invalidFlows(`${reader.remaining} bytes too many`);
  return { count, view: new DataView(flows.buffer, flows.byteOffset, flows.byteLength) };
}

function keyDigest(flowHashKey: string): Uint8Array {
  return sha256(new TextEncoder().encode(`edgemux flow hash key ${flowHashKey.toLowerCase()}`));
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return bytesToHex(a) === bytesToHex(b);
}

function writeText(to: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text);
  to.u16le(bytes.length).bytes(bytes);
}

function readText(from: ByteReader): string {
  return from.utf8(from.u16le());
}
