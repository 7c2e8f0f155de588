/**
 * Classic pcap, read: draft-ietf-opsawg-pcap sections 4 (file header) and 5 (packet record).
 *
 *      0               1               2               3
 *     +---------------------------------------------------------------+
 *   0 | magic a1b2c3d4 (microseconds) or a1b23c4d (nanoseconds)       |
 *   4 | major version 2               | minor version 4               |   file header,
 *   8 | reserved (once: time zone)                                    |   24 bytes, once
 *  12 | reserved (once: accuracy)                                     |
 *  16 | snap length                                                   |
 *  20 | FCS bits, reserved            | link type                     |
 *     +---------------------------------------------------------------+
 *   0 | timestamp, seconds                                            |
 *   4 | timestamp, microseconds or nanoseconds                        |   packet record,
 *   8 | captured length                                               |   16 bytes, then
 *  12 | original length                                               |   the frame itself
 *     +---------------------------------------------------------------+
 *
 * All fields are in the byte order of the machine that wrote the file; the magic number tells which.
 */

import {
  type CapturedFrame,
  type CaptureWindow,
  captureInvalid,
  RECORD_BYTES_MAX,
  type RecordReader,
} from './record-reader.js';

/** The first four bytes, read in the writer's byte order, of a file that counts microseconds. */
export const PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4;
/** The same of a file that counts nanoseconds. */
export const PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Bytes of the file header. */
export const PCAP_FILE_HEADER_BYTES = 24;
/** Bytes of the header before each frame. */
export const PCAP_RECORD_HEADER_BYTES = 16;
/** The version that is read and written, before the point. */
export const PCAP_VERSION_MAJOR = 2;
/** The version that is read and written, after the point. */
export const PCAP_VERSION_MINOR = 4;

/** The reader for a file that begins with `magic` (its first four bytes, read big-endian); `undefined` if not pcap. */
export function pcapReaderFor(magic: number): RecordReader | undefined {
  switch (magic) {
    case PCAP_MAGIC_MICROSECONDS:
      return new PcapReader(false, 1000);
    case PCAP_MAGIC_NANOSECONDS:
      return new PcapReader(false, 1);
    case 0xd4c3b2a1:
      return new PcapReader(true, 1000);
    case 0x4d3cb2a1:
      return new PcapReader(true, 1);
    default:
      return undefined;
  }
}

class PcapReader implements RecordReader {
  readonly #littleEndian: boolean;
  readonly #nanosecondsPerTick: number;
  /** Set by the file header, which comes first. */
  linkType: number | undefined;

  constructor(littleEndian: boolean, nanosecondsPerTick: number) {
    this.#littleEndian = littleEndian;
    this.#nanosecondsPerTick = nanosecondsPerTick;
  }

  recordBytes(window: CaptureWindow, offset: number): number {
    if (this.linkType === undefined) return PCAP_FILE_HEADER_BYTES;
    if (offset + PCAP_RECORD_HEADER_BYTES > window.bytes.length) return PCAP_RECORD_HEADER_BYTES;
    const capturedLength = window.view.getUint32(offset + 8, this.#littleEndian);
    if (capturedLength > RECORD_BYTES_MAX) {
      throw captureInvalid(
        window.fileOffset + offset + 8,
        `a captured length of at most ${RECORD_BYTES_MAX} bytes`,
        String(capturedLength),
      );
    }
    return PCAP_RECORD_HEADER_BYTES + capturedLength;
  }

  readRecord(window: CaptureWindow, offset: number): CapturedFrame | undefined {
    if (this.linkType === undefined) {
      this.linkType = this.#readFileHeader(window, offset);
      return undefined;
    }
    const { view } = window;
    const seconds = view.getUint32(offset, this.#littleEndian);
    const nanoseconds = view.getUint32(offset + 4, this.#littleEndian) * this.#nanosecondsPerTick;
    const capturedLength = view.getUint32(offset + 8, this.#littleEndian);
    const start = offset + PCAP_RECORD_HEADER_BYTES;
    return {
      bytes: window.bytes.subarray(start, start + capturedLength),
      originalLength: view.getUint32(offset + 12, this.#littleEndian),
      timestampMs: seconds * 1000 + nanoseconds / 1e6,
      timestampNs: BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
      linkType: this.linkType,
    };
  }

  #readFileHeader(window: CaptureWindow, offset: number): number {
    const { view, fileOffset } = window;
    const major = view.getUint16(offset + 4, this.#littleEndian);
    const minor = view.getUint16(offset + 6, this.#littleEndian);
    // Up to version 2.3 the two lengths of a record stood in the other order, or in either, depending on the writer.
    if (major !== PCAP_VERSION_MAJOR || minor !== PCAP_VERSION_MINOR) {
      throw captureInvalid(
        fileOffset + offset + 4,
        `pcap version ${PCAP_VERSION_MAJOR}.${PCAP_VERSION_MINOR}`,
        `${major}.${minor}`,
      );
    }
    // The upper half of the word says how long the frame check sequence is; link type proper is the lower half.
    return view.getUint32(offset + 20, this.#littleEndian) & 0xffff;
  }
}
