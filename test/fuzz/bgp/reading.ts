/**
 * Reads an input as a session does, and says what no input may do: throw anything but a NOTIFICATION, make more of a
 * message than its octets pay for, or be read differently the second time.
 */
import { getHeapStatistics } from 'node:v8';
import {
  type Agreement,
  decodeMessage,
  encodeNotification,
  encodeUpdates,
  MESSAGE_BYTES_MAX,
  type Message,
  MessageError,
  MessageFramer,
  notificationText,
  type UpdateMessage,
} from '../../../sdk/bgp/wire/index.js';
import { formatPrefix } from '../../../sdk/net/prefix.js';
import type { Input } from './input.js';

/** What became of an input; `complaint` is what should not have. */
export interface Reading {
  /** `open`, `update, treat-as-withdraw`, `notification 3/1`: what a run of the fuzzer counts. */
  readonly outcomes: readonly string[];
  readonly complaint?: string;
}

/** A prefix takes one octet of a message at least, and about this much of the heap. */
const HEAP_BYTES_PER_OCTET = 600;
/** What reading costs whatever is read. */
const HEAP_BYTES_FIXED = 256 * 1024;

export function read(input: Input): Reading {
  const outcomes: string[] = [];
  let complaint: string | undefined;
  try {
    const framer = new MessageFramer();
    for (const segment of input.segments) {
      framer.push(segment);
      for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
        const message = decodeMessage(frame, input.agreement);
        outcomes.push(outcomeOf(message));
        complaint ??= complaintAbout(frame, message, input.agreement);
      }
    }
  } catch (error) {
    if (!(error instanceof MessageError)) return { outcomes, complaint: textOf(error) };
    const { code, subcode } = error.notification;
    outcomes.push(`ends with ${code}/${subcode}`);
    complaint ??= complaintAboutNotification(error);
  }
  complaint ??= complaintAboutMemory(input);
  return complaint === undefined ? { outcomes } : { outcomes, complaint };
}

function complaintAboutMemory(input: Input): string | undefined {
  const octets = input.segments.reduce((sum, segment) => sum + segment.length, 0);
  const allowed = HEAP_BYTES_FIXED + HEAP_BYTES_PER_OCTET * octets;
  // The engine itself takes memory when it pleases, to compile for one: only what is taken every time is the input's.
  for (let attempt = 0; attempt < 5; attempt++) if (heapGrowth(input) <= allowed) return undefined;
  return `${octets} octets take more than ${allowed} bytes of memory`;
}

/** Bytes that reading and keeping every message takes; a collection in between makes this too small, never too large. */
function heapGrowth({ segments, agreement }: Input): number {
  const messages: Message[] = [];
  const before = heapBytes();
  try {
    const framer = new MessageFramer();
    for (const segment of segments) {
      framer.push(segment);
      for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
        messages.push(decodeMessage(frame, agreement));
      }
    }
  } catch {
    // What it throws, `read` has looked at.
  }
  return heapBytes() - before;
}

function heapBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

function outcomeOf(message: Message): string {
  if (message.kind !== 'update') return message.kind;
  const [worst] = message.faults;
  return worst === undefined ? 'update' : `update, ${worst.disposition}`;
}

function complaintAbout(frame: Uint8Array, message: Message, agreement: Agreement): string | undefined {
  if (JSON.stringify(decodeMessage(frame, agreement)) !== JSON.stringify(message)) return 'read differently twice';
  if (message.kind === 'notification')
    return notificationText(message).length > 2000 ? 'a text without end' : undefined;
  if (message.kind !== 'update') return undefined;
  const things = thingsIn(message);
  if (things > frame.length) return `${things} prefixes, AS numbers and communities out of ${frame.length} octets`;
  return complaintAboutRewriting(message, agreement);
}

function thingsIn({ withdrawn, announced }: UpdateMessage): number {
  return announced.reduce(
    (sum, { prefixes, attributes: { asPath, communities, largeCommunities } }) =>
      sum + prefixes.length + asPath.length + communities.length + largeCommunities.length,
    withdrawn.length,
  );
}

/** What was read and has no fault must survive being written and read again. */
function complaintAboutRewriting(message: UpdateMessage, agreement: Agreement): string | undefined {
  if (message.faults.length > 0) return undefined;
  for (const { family, nextHop, prefixes, attributes } of message.announced) {
    const again: string[] = [];
    for (const frame of encodeUpdates({ family, prefixes, path: { nextHop, attributes } }, agreement)) {
      if (frame.length > MESSAGE_BYTES_MAX) return `written with ${frame.length} octets`;
      const reread = decodeMessage(frame, agreement);
      if (reread.kind !== 'update' || reread.faults.length > 0) return `written as ${JSON.stringify(reread)}`;
      again.push(...reread.announced.flatMap((announcement) => announcement.prefixes.map(formatPrefix)));
    }
    if (again.join() !== prefixes.map(formatPrefix).join()) return `written as ${again.join()}`;
  }
  return undefined;
}

function complaintAboutNotification({ notification }: MessageError): string | undefined {
  const frame = encodeNotification(notification);
  if (frame.length > MESSAGE_BYTES_MAX) return `a NOTIFICATION of ${frame.length} octets`;
  const reread = decodeMessage(frame);
  return JSON.stringify(reread) === JSON.stringify(notification)
    ? undefined
    : `its NOTIFICATION is read as ${JSON.stringify(reread)}`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
