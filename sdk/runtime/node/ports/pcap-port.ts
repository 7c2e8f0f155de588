/**
 * A port on captures, classic pcap as drawn in sdk/packet/pcap.ts. Frames are read into linear memory and written from it;
 * the times in the capture do not matter, what is written has the time it was sent.
 */
import { closeSync, readSync, writeSync } from 'node:fs';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../../../packet/link-type.js';
import {
  PCAP_FILE_HEADER_BYTES,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_RECORD_HEADER_BYTES,
  PCAP_VERSION_MAJOR,
  PCAP_VERSION_MINOR,
} from '../../../packet/pcap.js';
import type { PacketPort, PortCounters, PortLink, PortMemory } from '../../packet-port.js';
import { openCapture, openFile } from './pcap-attachment.js';
import { withRefused } from './refused.js';
import type { PcapPlan } from './types.js';

const CAPTURED_BYTES_OFFSET = 8;
const ORIGINAL_BYTES_OFFSET = 12;
/** As tcpdump has it. */
const SNAP_LENGTH = 262_144;

/**
 * Opens a `pcap` port.
 *
 * @throws EdgemuxError `ERR_PORT` when a file can no longer be opened
 */
export function openPcapPort(plan: PcapPlan, memory: PortMemory): PacketPort {
  const input = plan.inputPath === undefined ? undefined : openCapture(plan.name, plan.inputPath);
  const link = input?.link ?? 'ethernet';
  let output: number | undefined;
  try {
    if (plan.outputPath !== undefined) output = openOutput(plan.name, plan.outputPath, link);
    const number = memory.open({ kind: 'frames', link, side: plan.side });
    return new PcapPort(plan.name, number, memory, input, output);
  } catch (error) {
    if (input !== undefined) closeSync(input.descriptor);
    if (output !== undefined) closeSync(output);
    throw error;
  }
}

class PcapPort implements PacketPort {
  readonly name: string;
  readonly number: number;
  readonly descriptor = -1;
  readonly interface = undefined;
  isAtEnd: boolean;
  readonly #memory: PortMemory;
  readonly #input: { readonly descriptor: number; readonly isLittleEndian: boolean } | undefined;
  readonly #output: number | undefined;
  /** The header of the record at hand, read or written. */
  readonly #record = new DataView(new ArrayBuffer(PCAP_RECORD_HEADER_BYTES));
  #position = PCAP_FILE_HEADER_BYTES;
  /** Captured bytes of the next frame; 0 when its header has not been read. */
  #nextBytes = 0;
  #tooLongCount = 0;
  #refusedCount = 0;

  constructor(
    name: string,
    number: number,
    memory: PortMemory,
    input: { readonly descriptor: number; readonly isLittleEndian: boolean } | undefined,
    output: number | undefined,
  ) {
    this.name = name;
    this.number = number;
    this.#memory = memory;
    this.#input = input;
    this.#output = output;
    this.isAtEnd = input === undefined;
  }

  receive(): number {
    const memory = this.#memory;
    const roomBytes = memory.frameRoomBytes;
    let frameCount = 0;
    while (this.#hasNext()) {
      const byteCount = this.#nextBytes;
      if (byteCount > roomBytes) {
        this.#tooLongCount += 1;
        this.#position += byteCount;
        this.#nextBytes = 0;
        continue;
      }
      const room = memory.frameRoom(this.number);
      if (room === 0) break;
      if (!this.#read(memory.bytes, room, byteCount)) break;
      this.#nextBytes = 0;
      frameCount += memory.takeFrame(this.number, byteCount);
    }
    return frameCount;
  }

  send(): void {
    const memory = this.#memory;
    const pendingCount = memory.pendingCount(this.number);
    if (pendingCount === 0) return;
    for (let index = 0; index < pendingCount; index++) {
      const byteCount = memory.pendingBytes(this.number, index);
      if (!this.#write(memory.bytes, memory.pendingOffset(this.number, index), byteCount)) this.#refusedCount += 1;
    }
    memory.sent(this.number, pendingCount, false);
  }

  counters(): PortCounters {
    const counters = withRefused(this.#memory.counters(this.number), this.#refusedCount);
    return { ...counters, tooLong: counters.tooLong + this.#tooLongCount };
  }

  close(): void {
    this.#memory.close(this.number);
    if (this.#input !== undefined) closeSync(this.#input.descriptor);
    if (this.#output !== undefined) closeSync(this.#output);
  }

  /** Whether there is another frame; its header has been read then. Frames without a byte are passed over. */
  #hasNext(): boolean {
    while (this.#nextBytes === 0 && !this.isAtEnd) {
      if (!this.#read(this.#record, 0, PCAP_RECORD_HEADER_BYTES)) break;
      this.#nextBytes = this.#record.getUint32(CAPTURED_BYTES_OFFSET, this.#input?.isLittleEndian);
    }
    return !this.isAtEnd;
  }

  /** Reads all of it, or is at the end: a capture may break off anywhere. */
  #read(into: Uint8Array | DataView, offset: number, byteCount: number): boolean {
    const descriptor = this.#input?.descriptor;
    const count = descriptor === undefined ? 0 : readSync(descriptor, into, offset, byteCount, this.#position);
    this.#position += count;
    this.isAtEnd = count < byteCount;
    return !this.isAtEnd;
  }

  #write(bytes: Uint8Array, offset: number, byteCount: number): boolean {
    if (this.#output === undefined) return false;
    const nowMs = Date.now();
    this.#record.setUint32(0, Math.floor(nowMs / 1000), true);
    this.#record.setUint32(4, (nowMs % 1000) * 1000, true);
    this.#record.setUint32(CAPTURED_BYTES_OFFSET, byteCount, true);
    this.#record.setUint32(ORIGINAL_BYTES_OFFSET, byteCount, true);
    try {
      writeSync(this.#output, this.#record);
      return writeSync(this.#output, bytes, offset, byteCount) === byteCount;
    } catch {
      // A full disk stops nobody.
      return false;
    }
  }
}

function openOutput(port: string, path: string, link: PortLink): number {
  const descriptor = openFile(port, path, 'w');
  const header = new DataView(new ArrayBuffer(PCAP_FILE_HEADER_BYTES));
  header.setUint32(0, PCAP_MAGIC_MICROSECONDS, true);
  header.setUint16(4, PCAP_VERSION_MAJOR, true);
  header.setUint16(6, PCAP_VERSION_MINOR, true);
  header.setUint32(16, SNAP_LENGTH, true);
  header.setUint32(20, link === 'ethernet' ? LINKTYPE_ETHERNET : LINKTYPE_RAW, true);
  writeSync(descriptor, header);
  return descriptor;
}
