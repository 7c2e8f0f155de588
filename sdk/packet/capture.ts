/**
 * Captures, read as they arrive: pcap (see pcap.ts) or pcapng (see pcapng.ts), told apart by the first four bytes.
 *
 *     chunk chunk chunk ──► [ pending bytes ] ──► recordBytes? ──► readRecord ──► groups of frames
 *                                  ▲ a record that is not all there waits for the next chunk
 *
 * Nothing is allocated by a length the file claims: bytes are kept only once they have been received.
 */

import type { EdgemuxError } from '../errors.js';
import { hexText } from '../net/bytes.js';
import { pcapReaderFor } from './pcap.js';
import { PCAPNG_MAGIC, PcapngReader } from './pcapng.js';
import { type CapturedFrame, type CaptureWindow, captureInvalid, type RecordReader } from './record-reader.js';

/** A capture's bytes: all of them, or in chunks of any size (a file stream, the body of a `Response`, an array). */
export type CaptureSource = Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** What `readCapture` can be told. */
export interface ReadCaptureOptions {
  /**
   * Called once, after the last group, when the capture breaks off inside a record, as it does when the capturing
   * program was killed. `bytesLeft` (1 or more) is how many bytes of that record there are. Default: nothing is called.
   */
  readonly onTruncated?: (bytesLeft: number) => void;
  /**
   * Called once at the end of a capture that holds no frame, with the link type its header names, if it names one.
   * Default: nothing is called.
   */
  readonly onEmpty?: (linkType: number | undefined) => void;
}

/**
 * Reads a pcap or pcapng capture and yields its frames in file order, in groups, so that the price of an `await` is
 * paid per group and not per frame.
 *
 * A group holds 1 to 1024 frames, at most those that a chunk completes. `bytes` of a frame is a view on the chunk it
 * came in, or on a private copy when it came in several; it stays valid as long as the source does not write into a
 * chunk it has handed out (Node's and the web's streams never do). Copy it to let go of the chunk.
 *
 * Both byte orders, microseconds and nanoseconds, several pcapng sections and interfaces are read; pcapng blocks that
 * hold no frame are skipped. A capture that breaks off inside a record gives every whole frame; see `onTruncated`.
 *
 * @throws EdgemuxError `ERR_CAPTURE_INVALID` when the bytes are no capture, break off inside the file header, or hold a
 *   length that cannot be; `problems[0].path` names the byte. Frames before it have been yielded.
 *
 * Source: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
 *
 * @example
 * ```ts
 * for await (const frames of readCapture(createReadStream('a.pcap'))) {
 *   for (const frame of frames) console.log(frame.timestampMs, describe(frame.bytes));
 * }
 * ```
 */
export async function* readCapture(
  source: CaptureSource,
  options: ReadCaptureOptions = {},
): AsyncGenerator<CapturedFrame[], void, undefined> {
  let reader: RecordReader | undefined;
  let isEmpty = true;
  let fileOffset = 0;
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  let neededBytes = MAGIC_BYTES;

  for await (const chunk of isBytes(source) ? [source] : source) {
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < neededBytes) continue;

    const window = windowOn(join(pending, pendingBytes), fileOffset);
    reader ??= readerFor(window);
    let frames: CapturedFrame[] = [];
    let offset = 0;
    let invalid: unknown;
    try {
      for (;;) {
        neededBytes = reader.recordBytes(window, offset);
        if (offset + neededBytes > window.bytes.length) break;
        const frame = reader.readRecord(window, offset);
        offset += neededBytes;
        if (frame !== undefined && frames.push(frame) === GROUP_FRAME_COUNT_MAX) {
          yield frames;
          frames = [];
          isEmpty = false;
        }
      }
    } catch (error) {
      // What stood before the record that cannot be is as good as it ever was.
      invalid = error;
    }
    if (frames.length > 0) {
      yield frames;
      isEmpty = false;
    }
    if (invalid !== undefined) throw invalid;

    pending = [window.bytes.subarray(offset)];
    pendingBytes = window.bytes.length - offset;
    fileOffset += offset;
  }

  if (fileOffset === 0) throw brokenOffInHeader(join(pending, pendingBytes), neededBytes);
  if (isEmpty) options.onEmpty?.(reader?.linkType);
  if (pendingBytes > 0) options.onTruncated?.(pendingBytes);
}

const MAGIC_BYTES = 4;

/** Keeps the frames of a capture given in one piece from all being objects at once. */
const GROUP_FRAME_COUNT_MAX = 1024;

const EXPECTED_MAGIC = 'a pcap (a1b2c3d4, a1b23c4d, in either byte order) or pcapng (0a0d0d0a) capture';

/** What else people hand over, by how it begins, and what to do about it. */
const LOOKALIKES: readonly { readonly starts: readonly number[]; readonly hint: string }[] = [
  { starts: [0x1f, 0x8b], hint: 'gzip: decompress it first' },
  { starts: [0x28, 0xb5, 0x2f, 0xfd], hint: 'zstd: decompress it first' },
  // Kuznetzov's variant has a longer record header; few files of it are left, and editcap reads them.
  { starts: [0xa1, 0xb2, 0xcd, 0x34], hint: 'modified pcap: convert it first, editcap -F pcap' },
  { starts: [0x34, 0xcd, 0xb2, 0xa1], hint: 'modified pcap: convert it first, editcap -F pcap' },
  { starts: [0x7b], hint: 'text, perhaps JSON' },
  { starts: [0x5b], hint: 'text, perhaps JSON' },
];

/** `ArrayBuffer.isView` and not `instanceof`: a Uint8Array may come from another realm. */
function isBytes(source: CaptureSource): source is Uint8Array {
  return ArrayBuffer.isView(source);
}

function readerFor({ bytes, view }: CaptureWindow): RecordReader {
  const magic = view.getUint32(0);
  const reader = magic === PCAPNG_MAGIC ? new PcapngReader() : pcapReaderFor(magic);
  if (reader === undefined) throw captureInvalid(0, EXPECTED_MAGIC, firstBytes(bytes));
  return reader;
}

function brokenOffInHeader(bytes: Uint8Array, neededBytes: number): EdgemuxError {
  if (bytes.length === 0) return captureInvalid(0, EXPECTED_MAGIC, 'nothing');
  if (bytes.length < MAGIC_BYTES) return captureInvalid(0, EXPECTED_MAGIC, firstBytes(bytes));
  return captureInvalid(0, `a file header of ${neededBytes} bytes`, `${bytes.length} bytes, then the end of the file`);
}

function firstBytes(bytes: Uint8Array): string {
  const hex = hexText(bytes.subarray(0, 8), ' ');
  const lookalike = LOOKALIKES.find(({ starts }) => starts.every((byte, index) => bytes[index] === byte));
  return lookalike === undefined ? hex : `${hex} (${lookalike.hint})`;
}

function windowOn(bytes: Uint8Array, fileOffset: number): CaptureWindow {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), fileOffset };
}

function join(chunks: readonly Uint8Array[], bytesTotal: number): Uint8Array {
  const filled = chunks.filter((chunk) => chunk.length > 0);
  if (filled.length === 1) return filled[0]!;
  const joined = new Uint8Array(bytesTotal);
  let offset = 0;
  for (const chunk of filled) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
