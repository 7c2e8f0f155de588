/**
 * What real routers announced, captured on the wire from the body of the UPDATE on: 198.51.100.0/24 and more by way of
 * 192.0.2.1, 2001:db8:1::/48 by way of 2001:db8::1, of AS 65001 and 4200000001 behind it.
 */
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../support/bytes.js';
import { EXTENDED_NEXT_HOP, EXTERNAL, linesOf, TWO_OCTET } from './raw-update.js';

const GLOBAL = '20010db8000000000000000000000001';
const COMMUNITIES = '65000:100, no-export';
const LARGE = '4200000000:1:2';
const IPV4 = `via 192.0.2.1: igp, path 65001 4200000001, med 5, ${COMMUNITIES}, ${LARGE}`;
const IPV6 = `announce 2001:db8:1::/48 via 2001:db8::1:`;

const ROUTERS = [
  {
    // IPv4 in MP_REACH_NLRI, as RFC 8950 was agreed on, and with an IPv4 next hop all the same.
    name: 'BIRD 2.0.12, IPv4 in two octets',
    in: `0000 004e 900e000f 000101 04 c0000201 00 18c63364 080a  40010100  400206 0202 fde9 5ba0
      800404 00000005  c00808 fde80064 ffffff01  c0110a 0202 0000fde9 fa56ea01  c0200c fa56ea00 00000001 00000002`,
    peer: { ...TWO_OCTET, extendedNextHop: EXTENDED_NEXT_HOP.extendedNextHop },
    out: `announce 198.51.100.0/24 10.0.0.0/8 ${IPV4}`,
  },
  {
    name: 'BIRD 2.0.12, IPv6 in two octets',
    in: `0000 005b 900e001c 000201 10 ${GLOBAL} 00 3020010db80001  40010100  400206 0202 fde9 5ba0
      800404 00000005  c00808 fde80064 ffffff01  c0110a 0202 0000fde9 fa56ea01  c0200c fa56ea00 00000001 00000002`,
    peer: { ...TWO_OCTET, extendedNextHop: EXTENDED_NEXT_HOP.extendedNextHop },
    out: `${IPV6} igp, path 65001 4200000001, med 5, ${COMMUNITIES}, ${LARGE}`,
  },
  {
    name: 'FRR 8.4.4, an aggregate in two octets',
    in: `0000 0050 40010100  50020006 0202 fde9 5ba0  400304 c0000201  800404 00000005  400600  c00706 fde9 0a090901
      c00808 fde80064 ffffff01  c0200c fa56ea00 00000001 00000002  d011000a 0202 0000fde9 fa56ea01  10c633`,
    peer: TWO_OCTET,
    out: `announce 198.51.0.0/16 ${IPV4}`,
  },
  {
    name: 'FRR 8.4.4, IPv6 with an extended community',
    in: `0000 003e 900e001c 000201 10 ${GLOBAL} 00 3020010db80001  40010100  50020004 0201 fde9  800404 00000000
      c01008 0002fde800000001`,
    peer: TWO_OCTET,
    out: `${IPV6} igp, path 65001, med 0`,
  },
  {
    // NEXT_HOP behind the others.
    name: 'GoBGP 3.10.0, IPv4',
    in: `0000 0039 40010102  40020a 0202 0000fde9 fa56ea01  800404 00000005  c00808 fde80064 ffffff01
      c0200c fa56ea00 00000001 00000002  400304 c0000201  18c63364`,
    peer: EXTERNAL,
    out: `announce 198.51.100.0/24 ${IPV4.replace('igp', 'incomplete')}`,
  },
  {
    // MP_REACH_NLRI behind the others.
    name: 'GoBGP 3.10.0, IPv6',
    in: `0000 002c 40010102  400206 0201 0000fde9  800e1c 000201 10 ${GLOBAL} 00 3020010db80001`,
    peer: EXTERNAL,
    out: `${IPV6} incomplete, path 65001`,
  },
] as const;

describe('an UPDATE of', () => {
  it.each(ROUTERS)('$name', ({ in: body, peer, out }) => {
    expect(linesOf(fromHex(body), peer)).toEqual([out]);
  });
});
