/** Path attributes as an UPDATE carries them, in the order of their type codes (RFC 4271 section 5). */
import { parseIp } from '../../../net/address.js';
import { ByteWriter } from '../../../net/bytes.js';
import type { Agreement, PathAttributes } from '../messages.js';
import { asPathValue } from './as-path.js';
import { communitiesValue, largeCommunitiesValue } from './communities.js';
import { FLAG } from './definition.js';
import { originValue } from './origin.js';
import { definitionOf } from './table.js';
import { ATTRIBUTE } from './type-codes.js';

/** Bytes of the longest attribute header. */
export const ATTRIBUTE_HEADER_BYTES_MAX = 4;

/** Appends one attribute with the flags its row of the table asks for. */
export function writeAttribute(writer: ByteWriter, type: number, value: Uint8Array): void {
  const { flags } = definitionOf(type)!;
  if (value.length > 0xff)
    writer
      .u8(flags | FLAG.EXTENDED_LENGTH)
      .u8(type)
      .u16be(value.length);
  else writer.u8(flags).u8(type).u8(value.length);
  writer.bytes(value);
}

/**
 * Every attribute of a path but MP_REACH_NLRI.
 *
 * LOCAL_PREF goes to internal peers alone (RFC 4271 section 5.1.5), AS4_PATH to those without four-octet numbers, and
 * only when a number does not fit (RFC 6793 section 4.2.2).
 *
 * @param nextHop IPv4, for NEXT_HOP; none when MP_REACH_NLRI has it
 * @throws EdgemuxError `ERR_ROUTES_INVALID` for a community that cannot be read
 */
export function pathAttributesBytes(
  path: PathAttributes,
  nextHop: string | undefined,
  agreement: Agreement,
): Uint8Array {
  const { fourOctetAs, isExternal } = agreement;
  const writer = new ByteWriter();
  const add = (type: number, value: Uint8Array) => writeAttribute(writer, type, value);
  add(ATTRIBUTE.ORIGIN, originValue(path.origin));
  add(ATTRIBUTE.AS_PATH, asPathValue(path.asPath, fourOctetAs ? 4 : 2));
  if (nextHop !== undefined) add(ATTRIBUTE.NEXT_HOP, parseIp(nextHop).bytes);
  if (path.med !== undefined) add(ATTRIBUTE.MULTI_EXIT_DISC, fourBytes(path.med));
  if (path.localPref !== undefined && !isExternal) add(ATTRIBUTE.LOCAL_PREF, fourBytes(path.localPref));
  if (path.communities.length > 0) add(ATTRIBUTE.COMMUNITIES, communitiesValue(path.communities));
  if (!fourOctetAs && path.asPath.some((as) => as > 0xffff)) add(ATTRIBUTE.AS4_PATH, asPathValue(path.asPath, 4));
  if (path.largeCommunities.length > 0) {
    add(ATTRIBUTE.LARGE_COMMUNITY, largeCommunitiesValue(path.largeCommunities));
  }
  return writer.toBytes();
}

function fourBytes(value: number): Uint8Array {
  return new ByteWriter().u32be(value).toBytes();
}
