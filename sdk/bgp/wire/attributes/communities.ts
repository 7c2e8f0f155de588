/**
 * Communities: tags that routers act on by their policy.
 *
 *     COMMUNITIES, RFC 1997             | AS 16 | value 16 |                                        4 bytes each
 *     LARGE_COMMUNITY, RFC 8092         | global administrator 32 | data 32 | data 32 |            12
 *     EXTENDED COMMUNITIES, RFC 4360    | type 16 | value 48 |                                      8
 *     IPv6 EXTENDED, RFC 5701           | type 16 | address 128 | value 16 |                       20
 */
import { ByteReader, ByteWriter } from '../../../net/bytes.js';
import { formatCommunity, formatLargeCommunity, parseCommunity, parseLargeCommunity } from '../communities.js';
import { type AttributeValues, checkItems } from './definition.js';

const COMMUNITY_BYTES = 4;
const LARGE_COMMUNITY_BYTES = 12;
const EXTENDED_COMMUNITY_BYTES = 8;
const IPV6_EXTENDED_COMMUNITY_BYTES = 20;

/** In the order they came. */
export function readCommunities(value: Uint8Array): AttributeValues {
  checkItems(value, COMMUNITY_BYTES);
  const reader = new ByteReader(value);
  const communities: string[] = [];
  while (reader.remaining > 0) communities.push(formatCommunity(reader.u32be()));
  return { communities };
}

/** In the order they came, each once: RFC 8092 section 3 has the receiver remove what is there twice. */
export function readLargeCommunities(value: Uint8Array): AttributeValues {
  checkItems(value, LARGE_COMMUNITY_BYTES);
  const reader = new ByteReader(value);
  const communities = new Set<string>();
  while (reader.remaining > 0) {
    communities.add(formatLargeCommunity([reader.u32be(), reader.u32be(), reader.u32be()]));
  }
  return { largeCommunities: [...communities] };
}

/** Only whole communities; nothing here acts on any, and an unknown type is no error (RFC 7606 section 7.14). */
export function readExtendedCommunities(value: Uint8Array): AttributeValues {
  checkItems(value, EXTENDED_COMMUNITY_BYTES);
  return {};
}

/** As `readExtendedCommunities`, RFC 7606 section 7.15. */
export function readIpv6ExtendedCommunities(value: Uint8Array): AttributeValues {
  checkItems(value, IPV6_EXTENDED_COMMUNITY_BYTES);
  return {};
}

/** The value of COMMUNITIES, each once. */
export function communitiesValue(communities: readonly string[]): Uint8Array {
  const writer = new ByteWriter();
  for (const value of new Set(communities.map(parseCommunity))) writer.u32be(value);
  return writer.toBytes();
}

/** The value of LARGE_COMMUNITY, each once: RFC 8092 section 3 forbids sending one twice. */
export function largeCommunitiesValue(communities: readonly string[]): Uint8Array {
  const writer = new ByteWriter();
  for (const text of new Set(communities)) for (const part of parseLargeCommunity(text)) writer.u32be(part);
  return writer.toBytes();
}
