/**
 * What the readers of the two capture formats have in common: the frame they give, the window of file bytes they look
 * at, and the one way they refuse.
 *
 * Both formats are a chain of records that say their own length, so a reader answers two questions about the record at
 * an offset: how many bytes does it take, and which frame is in it. Keeping chunks together is capture.ts's matter.
 */

import { EdgemuxError } from '../errors.js';

/**
 * One frame as a capture holds it.
 *
 * `bytes` is what was kept of it, `originalLength` how many bytes it had on the wire (larger when the capture was cut by
 * a snap length). `timestampNs` is nanoseconds since 1970 UTC, exact; `timestampMs` the same instant in milliseconds
 * with a fraction, good to about a quarter of a microsecond. Both are 0 for a pcapng Simple Packet Block, which keeps no
 * time. `linkType` is a number of the LINKTYPE registry (https://www.tcpdump.org/linktypes.html).
 */
export interface CapturedFrame {
  readonly bytes: Uint8Array;
  readonly originalLength: number;
  readonly timestampMs: number;
  readonly timestampNs: bigint;
  readonly linkType: number;
}

/** The part of the file at hand: `bytes[0]` stands at `fileOffset` of the file; `view` covers the same bytes. */
export interface CaptureWindow {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly fileOffset: number;
}

/** A capture format, one record at a time; file and section headers are records that hold no frame. */
export interface RecordReader {
  /** Link type of the capture, or of the first interface of it; `undefined` until its header has been read. */
  readonly linkType: number | undefined;

  /**
   * How many bytes the record at `offset` takes, or, while too little of it is there to tell, how many bytes it takes to
   * tell.
   */
  recordBytes(window: CaptureWindow, offset: number): number;

  /** Reads the record at `offset`, all of whose `recordBytes` are there; `undefined` when it holds no frame. */
  readRecord(window: CaptureWindow, offset: number): CapturedFrame | undefined;
}

/**
 * The longest record believed, in bytes: 256 MiB. The largest frame any link type allows is 128 MiB (D-Bus,
 * `MAXIMUM_DBUS_SNAPLEN` in libpcap); beyond twice that, the length field itself must be wrong.
 */
export const RECORD_BYTES_MAX = 256 * 1024 * 1024;

/** The error for bytes that are no capture; `fileOffset` is where in the file the offending bytes stand. */
export function captureInvalid(fileOffset: number, expected: string, got: string): EdgemuxError {
  return new EdgemuxError('ERR_CAPTURE_INVALID', 'the capture cannot be read', [
    { path: `bytes[${fileOffset}]`, expected, got },
  ]);
}
