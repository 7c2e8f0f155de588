/**
 * Classic pcap, written: the file header and records drawn in pcap.ts, little-endian, which every reader takes.
 *
 * Classic pcap and not pcapng, because every tool reads it and a record can be appended without knowing what came
 * before.
 */

import { EdgemuxError } from '../errors.js';
import {
  PCAP_FILE_HEADER_BYTES,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_NANOSECONDS,
  PCAP_RECORD_HEADER_BYTES,
  PCAP_VERSION_MAJOR,
  PCAP_VERSION_MINOR,
} from './pcap.js';

/** What a `PcapWriter` can be told. */
export interface PcapWriterOptions {
  /** The longest frame kept, in bytes, 1..2³²-1; longer ones are cut. Default 262144, as tcpdump's. */
  readonly snapLength?: number;
  /** Whether timestamps are kept in nanoseconds. Default `false`: microseconds, which older readers expect. */
  readonly nanoseconds?: boolean;
}

/**
 * Writes a classic pcap piece by piece: `header()` once, then one `record()` a frame; where the bytes go is the
 * caller's matter.
 *
 * @example
 * ```ts
 * const pcap = new PcapWriter(LINKTYPE_ETHERNET);
 * file.write(pcap.header());
 * for (const frame of frames) file.write(pcap.record(frame.bytes, frame.timestampNs, frame.originalLength));
 * ```
 */
export class PcapWriter {
  readonly #linkType: number;
  readonly #snapLength: number;
  readonly #nanoseconds: boolean;

  /** `linkType` is what all frames will be: one of the LINKTYPE_ constants, 0..65535. */
  constructor(linkType: number, options: PcapWriterOptions = {}) {
    this.#linkType = linkType;
    this.#snapLength = options.snapLength ?? SNAP_LENGTH_DEFAULT;
    this.#nanoseconds = options.nanoseconds ?? false;
  }

  /** The 24 bytes that begin the file. */
  header(): Uint8Array {
    const view = new DataView(new ArrayBuffer(PCAP_FILE_HEADER_BYTES));
    view.setUint32(0, this.#nanoseconds ? PCAP_MAGIC_NANOSECONDS : PCAP_MAGIC_MICROSECONDS, true);
    view.setUint16(4, PCAP_VERSION_MAJOR, true);
    view.setUint16(6, PCAP_VERSION_MINOR, true);
    view.setUint32(16, this.#snapLength, true);
    view.setUint32(20, this.#linkType, true);
    return new Uint8Array(view.buffer);
  }

  /**
   * One frame with its record header, 16 bytes and the frame (up to the snap length).
   *
   * `timestamp` is time since 1970 UTC: a bigint in nanoseconds (cut to microseconds unless `nanoseconds` was asked
   * for) or a number in milliseconds (rounded to microseconds, which is what a double can tell apart).
   * `originalLength` is the length on the wire in bytes, by default that of `bytes`.
   *
   * @throws EdgemuxError `ERR_CAPTURE_INVALID` for a time before 1970 or after 2106, which 32 bits of seconds cannot say.
   */
  record(bytes: Uint8Array, timestamp: bigint | number, originalLength: number = bytes.length): Uint8Array {
    const timestampNs = typeof timestamp === 'bigint' ? timestamp : BigInt(Math.round(timestamp * 1000)) * 1000n;
    const seconds = Number(timestampNs / 1_000_000_000n);
    if (timestampNs < 0n || seconds > 0xffff_ffff) {
      throw new EdgemuxError('ERR_CAPTURE_INVALID', 'the frame cannot be written to a pcap', [
        { path: 'timestamp', expected: 'a time of 0..4294967295 seconds since 1970', got: `${timestampNs} ns` },
      ]);
    }
    const nanoseconds = Number(timestampNs % 1_000_000_000n);
    const kept = bytes.length > this.#snapLength ? bytes.subarray(0, this.#snapLength) : bytes;
    const record = new Uint8Array(PCAP_RECORD_HEADER_BYTES + kept.length);
    const view = new DataView(record.buffer);
    view.setUint32(0, seconds, true);
    view.setUint32(4, this.#nanoseconds ? nanoseconds : Math.floor(nanoseconds / 1000), true);
    view.setUint32(8, kept.length, true);
    view.setUint32(12, originalLength, true);
    record.set(kept, PCAP_RECORD_HEADER_BYTES);
    return record;
  }
}

/** A frame for `writePcap`; `timestampNs` is by default 0, `originalLength` that of `bytes`. A CapturedFrame is one. */
export interface PcapFrame {
  readonly bytes: Uint8Array;
  readonly timestampNs?: bigint;
  readonly originalLength?: number;
}

/**
 * A whole pcap in one piece, for captures that fit in memory; throws what `PcapWriter.record` throws.
 *
 * @example
 * ```ts
 * await writeFile('one.pcap', writePcap([{ bytes: frame }], LINKTYPE_ETHERNET));
 * ```
 */
export function writePcap(frames: Iterable<PcapFrame>, linkType: number, options: PcapWriterOptions = {}): Uint8Array {
  const writer = new PcapWriter(linkType, options);
  const pieces = [writer.header()];
  for (const frame of frames) pieces.push(writer.record(frame.bytes, frame.timestampNs ?? 0n, frame.originalLength));
  const file = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    file.set(piece, offset);
    offset += piece.length;
  }
  return file;
}

const SNAP_LENGTH_DEFAULT = 262_144;
