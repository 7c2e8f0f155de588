/**
 * UPDATE messages from hexadecimal, and what reading them gives as lines for people.
 *
 *     rawUpdate({ attributes: [ORIGIN, AS_PATH, NEXT_HOP], nlri: '18 c63364' })    a body, both lengths right
 *     linesOf(body, EXTERNAL)                                                      ['announce 198.51.100.0/24 via …']
 */
import {
  type Agreement,
  type Announcement,
  decodeUpdate,
  type PathAttributes,
  type UpdateMessage,
} from '../../../sdk/bgp/wire/index.js';
import { formatPrefix } from '../../../sdk/net/prefix.js';
import { fromHex } from '../../support/bytes.js';
import { faultOf, u8, u16 } from './raw.js';

/** Both families, four-octet AS numbers, another autonomous system. */
export const EXTERNAL: Agreement = {
  fourOctetAs: true,
  isExternal: true,
  families: new Set(['ipv4', 'ipv6']),
  extendedNextHop: new Set(),
};
/** A peer of our own autonomous system. */
export const INTERNAL: Agreement = { ...EXTERNAL, isExternal: false };
/** A peer without four-octet AS numbers. */
export const TWO_OCTET: Agreement = { ...EXTERNAL, fourOctetAs: false };
/** A peer that takes IPv4 prefixes with an IPv6 next hop. */
export const EXTENDED_NEXT_HOP: Agreement = { ...EXTERNAL, extendedNextHop: new Set(['ipv4']) };
/** A peer without multiprotocol capabilities. */
export const IPV4_ONLY: Agreement = { ...EXTERNAL, families: new Set(['ipv4']) };

// Whole attributes: flags, type code, length, value.
export const ORIGIN = '40 01 01 00';
export const AS_PATH = '40 02 06 0201 0000fde9';
export const AS_PATH_TWO_OCTET = '40 02 04 0201 fde9';
export const NEXT_HOP = '40 03 04 c0000201';
export const LOCAL_PREF = '40 05 04 00000064';
/** 2001:db8:1::/48 by way of 2001:db8::1. */
export const MP_REACH = attribute('80', 14, `0002 01 10 ${'20010db8'.padEnd(31, '0')}1 00 30 20010db80001`);
/** 2001:db8:2::/48. */
export const MP_UNREACH = attribute('80', 15, '0002 01 30 20010db80002');

/** A whole attribute; with the flag 0x10 its length has two bytes. */
export function attribute(flags: string, type: number, value: string): string {
  const digits = value.replaceAll(/\s+/g, '');
  const isExtended = (Number.parseInt(flags, 16) & 0x10) !== 0;
  return flags + u8(type) + (isExtended ? u16 : u8)(digits.length / 2) + digits;
}

/** The body of an UPDATE; `lengths` replace what its two length fields should say. */
export function rawUpdate({
  withdrawn = '',
  attributes = [] as readonly string[],
  nlri = '',
  lengths = {} as { readonly withdrawn?: number; readonly attributes?: number },
} = {}): Uint8Array {
  const gone = fromHex(withdrawn);
  const list = fromHex(attributes.join(''));
  const goneLength = u16(lengths.withdrawn ?? gone.length);
  return fromHex(`${goneLength} ${withdrawn} ${u16(lengths.attributes ?? list.length)} ${attributes.join('')} ${nlri}`);
}

/** What a peer of this agreement is found to say; one line, `reset 3/1 …`, when it ends the session. */
export function linesOf(body: Uint8Array, agreement: Agreement = EXTERNAL): string[] {
  let message: UpdateMessage | undefined;
  const fault = faultOf(() => {
    message = decodeUpdate(body, agreement);
  });
  if (message === undefined) return [`reset ${fault}`];
  const { announced, withdrawn, endOfRib, faults } = message;
  return [
    ...announced.map(announcementText),
    ...(withdrawn.length > 0 ? [`withdraw ${withdrawn.map(formatPrefix).join(' ')}`] : []),
    ...(endOfRib ? [`end of rib ${endOfRib}`] : []),
    ...faults.map(({ disposition, text }) => `${disposition}: ${text}`),
  ];
}

function announcementText({ prefixes, nextHop, attributes }: Announcement): string {
  return `announce ${prefixes.map(formatPrefix).join(' ')} via ${nextHop}: ${attributesText(attributes)}`;
}

function attributesText({ origin, asPath, localPref, med, communities, largeCommunities }: PathAttributes): string {
  const parts = [
    origin,
    asPath.length > 0 && `path ${asPath.join(' ')}`,
    localPref !== undefined && `pref ${localPref}`,
    med !== undefined && `med ${med}`,
    ...communities,
    ...largeCommunities,
  ];
  return parts.filter((part) => part !== false).join(', ');
}
