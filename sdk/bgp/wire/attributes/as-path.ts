/**
 * AS_PATH (RFC 4271 section 4.3) and AS4_PATH (RFC 6793 section 3): the autonomous systems a route went through.
 *
 *     | segment type 8 | count 8 | AS 16 or 32 | AS | … |    and again …
 *
 * A peer without the four-octet capability writes 23456 for an AS that does not fit, and the true path in AS4_PATH.
 */
import { ByteReader, ByteWriter } from '../../../net/bytes.js';
import type { Agreement } from '../messages.js';
import { AS_TRANS } from '../open.js';
import { type AsSegment, AttributeFault, type AttributeValues } from './definition.js';

const AS_SET = 1;
const AS_SEQUENCE = 2;
const AS_CONFED_SEQUENCE = 3;
const AS_CONFED_SET = 4;
const SEGMENT_AS_COUNT_MAX = 255;
/** A segment of one AS: less is no AS4_PATH. */
const AS4_PATH_BYTES_MIN = 6;

/** Segments to the end; none at all is a route of this autonomous system. */
export function readAsPath(value: Uint8Array, agreement: Agreement): AttributeValues {
  const asPath = readSegments(value, agreement.fourOctetAs ? 4 : 2);
  // RFC 5065 section 5: who is of another autonomous system is of no confederation with us.
  if (agreement.isExternal && asPath.some(isOfConfederation)) {
    throw new AttributeFault('value', 'of an external peer has a confederation segment');
  }
  return { asPath };
}

/** Segments of four octets an AS; those of confederations do not belong here and are read over. */
export function readAs4Path(value: Uint8Array): AttributeValues {
  if (value.length % 2 !== 0 || value.length < AS4_PATH_BYTES_MIN) {
    throw new AttributeFault('length', `has ${value.length} bytes, which is odd or less than ${AS4_PATH_BYTES_MIN}`);
  }
  return { as4Path: readSegments(value, 4).filter((segment) => !isOfConfederation(segment)) };
}

/**
 * The path a route went: AS4_PATH with as much of AS_PATH in front as it lacks, RFC 6793 section 4.2.3. A shorter
 * AS_PATH means that somebody without the four-octet capability cut it, and then it counts alone.
 */
export function mergedAsPath(asPath: readonly AsSegment[], as4Path: readonly AsSegment[] = []): readonly number[] {
  const missing = hopCount(asPath) - hopCount(as4Path);
  const path = as4Path.length === 0 || missing < 0 ? asPath : [...leading(asPath, missing), ...as4Path];
  return path.flatMap(({ as }) => as);
}

/** Sequences of up to 255 autonomous systems each; the value of the attribute. */
export function asPathValue(path: readonly number[], asBytes: 2 | 4): Uint8Array {
  const writer = new ByteWriter();
  for (let at = 0; at < path.length; at += SEGMENT_AS_COUNT_MAX) {
    const part = path.slice(at, at + SEGMENT_AS_COUNT_MAX);
    writer.u8(AS_SEQUENCE).u8(part.length);
    for (const as of part) {
      if (asBytes === 4) writer.u32be(as);
      else writer.u16be(as > 0xffff ? AS_TRANS : as);
    }
  }
  return writer.toBytes();
}

function readSegments(value: Uint8Array, asBytes: 2 | 4): AsSegment[] {
  const reader = new ByteReader(value);
  const segments: AsSegment[] = [];
  while (reader.remaining > 0) {
    if (reader.remaining < 2) throw new AttributeFault('value', 'ends inside the header of a segment');
    const type = reader.u8();
    const count = reader.u8();
    if (type < AS_SET || type > AS_CONFED_SET) throw new AttributeFault('value', `has a segment of type ${type}`);
    if (count === 0) throw new AttributeFault('value', 'has a segment of no autonomous system');
    if (count * asBytes > reader.remaining) throw new AttributeFault('value', 'ends inside a segment');
    const as = Array.from({ length: count }, () => (asBytes === 4 ? reader.u32be() : reader.u16be()));
    // RFC 7607: 0 is nobody's.
    if (as.includes(0)) throw new AttributeFault('value', 'names AS 0');
    segments.push({ type, as });
  }
  return segments;
}

function isOfConfederation({ type }: AsSegment): boolean {
  return type === AS_CONFED_SEQUENCE || type === AS_CONFED_SET;
}

/** As route selection counts: a set is one, a confederation none. RFC 4271 section 9.1.2.2, RFC 5065 section 5.3. */
function hopCount(path: readonly AsSegment[]): number {
  return path.reduce((count, segment) => count + hopsIn(segment), 0);
}

function hopsIn(segment: AsSegment): number {
  if (isOfConfederation(segment)) return 0;
  return segment.type === AS_SET ? 1 : segment.as.length;
}

/** The front of a path, `hops` long, with every confederation segment that leads it or follows a segment taken whole. */
function leading(path: readonly AsSegment[], hops: number): AsSegment[] {
  const taken: AsSegment[] = [];
  let left = hops;
  for (const segment of path) {
    if (hopsIn(segment) > left) {
      if (left > 0) taken.push({ ...segment, as: segment.as.slice(0, left) });
      break;
    }
    taken.push(segment);
    left -= hopsIn(segment);
  }
  return taken;
}
