/**
 * pcapng, read: draft-ietf-opsawg-pcapng. A file is a chain of blocks (section 3.1), each framed alike:
 *
 *     +---------------------------------------------------------------+
 *   0 | block type                                                    |
 *   4 | block total length: 12 + body, a multiple of 4                |
 *   8 | body, padded to 32 bits                                       |
 *     | block total length, again                                     |
 *     +---------------------------------------------------------------+
 *
 *   type        block                       body
 *   0x0a0d0d0a  Section Header (4.1)        byte-order magic 32 | major 16 | minor 16 | section length 64 | options
 *   0x00000001  Interface Description (4.2) link type 16 | reserved 16 | snap length 32 | options
 *   0x00000006  Enhanced Packet (4.3)       interface 32 | time high 32 | time low 32 | captured 32 | original 32 | frame
 *   0x00000003  Simple Packet (4.4)         original 32 | frame
 *   0x00000002  Packet, obsolete (app. A)   interface 16 | drops 16 | time high | time low | captured | original | frame
 *
 * Other types are skipped, as section 3.1 demands. A Section Header starts afresh: its own byte order, no interfaces.
 */

import {
  type CapturedFrame,
  type CaptureWindow,
  captureInvalid,
  RECORD_BYTES_MAX,
  type RecordReader,
} from './record-reader.js';

/** The block type of a Section Header, and so the first four bytes of a file; it reads the same in both byte orders. */
export const PCAPNG_MAGIC = 0x0a0d0d0a;

const BLOCK_INTERFACE_DESCRIPTION = 1;
const BLOCK_PACKET_OBSOLETE = 2;
const BLOCK_SIMPLE_PACKET = 3;
const BLOCK_ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const BLOCK_HEADER_BYTES = 8;
const BLOCK_BYTES_MIN = 12;
const OPTION_END = 0;
const OPTION_IF_TSRESOL = 9;
const OPTION_IF_TSOFFSET = 14;

interface CaptureInterface {
  readonly linkType: number;
  /** 0 is "no limit". */
  readonly snapLength: number;
  readonly ticksPerSecond: bigint;
  readonly offsetSeconds: bigint;
}

/** Where a block's fixed part and its frame must fit. */
interface Block {
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

/** Reads the blocks of a pcapng file, section after section. */
export class PcapngReader implements RecordReader {
  linkType: number | undefined;
  #littleEndian = false;
  #interfaces: CaptureInterface[] = [];

  recordBytes({ bytes, view, fileOffset }: CaptureWindow, offset: number): number {
    if (offset + BLOCK_BYTES_MIN > bytes.length) return BLOCK_BYTES_MIN;
    // A Section Header's length can only be read once the magic number behind it has told the byte order.
    if (view.getUint32(offset) === PCAPNG_MAGIC) this.#littleEndian = readByteOrder(view, offset + 8, fileOffset);
    const length = view.getUint32(offset + 4, this.#littleEndian);
    if (length < BLOCK_BYTES_MIN || length % 4 !== 0 || length > RECORD_BYTES_MAX) {
      throw captureInvalid(
        fileOffset + offset + 4,
        `a block total length of ${BLOCK_BYTES_MIN}..${RECORD_BYTES_MAX} bytes, a multiple of 4`,
        String(length),
      );
    }
    return length;
  }

  readRecord(window: CaptureWindow, offset: number): CapturedFrame | undefined {
    const { view, fileOffset } = window;
    const length = view.getUint32(offset + 4, this.#littleEndian);
    const block = { bodyStart: offset + BLOCK_HEADER_BYTES, bodyEnd: offset + length - 4 };
    const lengthAgain = view.getUint32(block.bodyEnd, this.#littleEndian);
    if (lengthAgain !== length) {
      throw captureInvalid(fileOffset + block.bodyEnd, `the block total length ${length} again`, String(lengthAgain));
    }
    switch (view.getUint32(offset, this.#littleEndian)) {
      case PCAPNG_MAGIC:
        this.#readSectionHeader(window, block);
        return undefined;
      case BLOCK_INTERFACE_DESCRIPTION:
        this.#interfaces.push(this.#readInterface(window, block));
        this.linkType ??= this.#interfaces[0].linkType;
        return undefined;
      case BLOCK_ENHANCED_PACKET:
        requireBody(window, block, 20);
        return this.#readPacket(window, block, view.getUint32(block.bodyStart, this.#littleEndian));
      case BLOCK_PACKET_OBSOLETE:
        requireBody(window, block, 20);
        return this.#readPacket(window, block, view.getUint16(block.bodyStart, this.#littleEndian));
      case BLOCK_SIMPLE_PACKET:
        return this.#readSimplePacket(window, block);
      default:
        return undefined;
    }
  }

  #readSectionHeader(window: CaptureWindow, block: Block): void {
    requireBody(window, block, 16);
    const at = block.bodyStart + 4;
    const major = window.view.getUint16(at, this.#littleEndian);
    // Any minor version may be read as 1.0: the draft lets it grow only by what old readers may skip (4.1).
    if (major !== 1) throw captureInvalid(window.fileOffset + at, 'pcapng major version 1', String(major));
    this.#interfaces = [];
  }

  #readInterface(window: CaptureWindow, block: Block): CaptureInterface {
    requireBody(window, block, 8);
    const { view } = window;
    const littleEndian = this.#littleEndian;
    let ticksPerSecond = 1_000_000n;
    let offsetSeconds = 0n;
    let at = block.bodyStart + 8;
    while (at + 4 <= block.bodyEnd) {
      const code = view.getUint16(at, littleEndian);
      const length = view.getUint16(at + 2, littleEndian);
      const value = at + 4;
      if (code === OPTION_END || value + length > block.bodyEnd) break;
      if (code === OPTION_IF_TSRESOL && length === 1) ticksPerSecond = readResolution(view.getUint8(value));
      if (code === OPTION_IF_TSOFFSET && length === 8) offsetSeconds = view.getBigInt64(value, littleEndian);
      at = value + Math.ceil(length / 4) * 4;
    }
    return {
      linkType: view.getUint16(block.bodyStart, littleEndian),
      snapLength: view.getUint32(block.bodyStart + 4, littleEndian),
      ticksPerSecond,
      offsetSeconds,
    };
  }

  /** The Enhanced and the obsolete Packet Block differ only in the word that names the interface. */
  #readPacket(window: CaptureWindow, block: Block, interfaceIndex: number): CapturedFrame {
    const { view } = window;
    const { bodyStart } = block;
    const source = this.#interfaceAt(window, block, interfaceIndex);
    const ticksHigh = view.getUint32(bodyStart + 4, this.#littleEndian);
    const ticksLow = view.getUint32(bodyStart + 8, this.#littleEndian);
    const ticks = (BigInt(ticksHigh) << 32n) | BigInt(ticksLow);
    const timestampNs = (ticks * 1_000_000_000n) / source.ticksPerSecond + source.offsetSeconds * 1_000_000_000n;
    const capturedLength = view.getUint32(bodyStart + 12, this.#littleEndian);
    return {
      bytes: frameBytes(window, block, bodyStart + 20, capturedLength),
      originalLength: view.getUint32(bodyStart + 16, this.#littleEndian),
      timestampMs: Number(timestampNs) / 1e6,
      timestampNs,
      linkType: source.linkType,
    };
  }

  #readSimplePacket(window: CaptureWindow, block: Block): CapturedFrame {
    requireBody(window, block, 4);
    const source = this.#interfaceAt(window, block, 0);
    const originalLength = window.view.getUint32(block.bodyStart, this.#littleEndian);
    // The block does not say how much was kept: it is the frame, up to the interface's snap length (4.4).
    const capturedLength = source.snapLength === 0 ? originalLength : Math.min(originalLength, source.snapLength);
    return {
      bytes: frameBytes(window, block, block.bodyStart + 4, capturedLength),
      originalLength,
      timestampMs: 0,
      timestampNs: 0n,
      linkType: source.linkType,
    };
  }

  #interfaceAt(window: CaptureWindow, block: Block, index: number): CaptureInterface {
    if (index < this.#interfaces.length) return this.#interfaces[index]!;
    throw captureInvalid(
      window.fileOffset + block.bodyStart,
      `an interface described earlier in the section (${this.#interfaces.length} so far)`,
      `interface ${index}`,
    );
  }
}

/** True for little-endian. */
function readByteOrder(view: DataView, at: number, fileOffset: number): boolean {
  if (view.getUint32(at) === BYTE_ORDER_MAGIC) return false;
  if (view.getUint32(at, true) === BYTE_ORDER_MAGIC) return true;
  throw captureInvalid(
    fileOffset + at,
    'the byte-order magic 1a2b3c4d, in either order',
    view.getUint32(at).toString(16).padStart(8, '0'),
  );
}

/** Ticks per second by if_tsresol (4.2): a power of 2 when the top bit is set, else of 10. */
function readResolution(resolution: number): bigint {
  return (resolution & 0x80) === 0 ? 10n ** BigInt(resolution) : 2n ** BigInt(resolution & 0x7f);
}

function requireBody({ fileOffset }: CaptureWindow, { bodyStart, bodyEnd }: Block, needed: number): void {
  if (bodyStart + needed > bodyEnd) {
    throw captureInvalid(fileOffset + bodyStart, `a block body of at least ${needed} bytes`, `${bodyEnd - bodyStart}`);
  }
}

function frameBytes(window: CaptureWindow, block: Block, start: number, capturedLength: number): Uint8Array {
  if (start + capturedLength > block.bodyEnd) {
    throw captureInvalid(
      window.fileOffset + block.bodyStart,
      `a captured length within the block (${block.bodyEnd - start} bytes)`,
      String(capturedLength),
    );
  }
  return window.bytes.subarray(start, start + capturedLength);
}
