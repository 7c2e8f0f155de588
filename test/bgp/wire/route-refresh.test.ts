import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeRouteRefresh } from '../../../sdk/bgp/wire/index.js';
import { toHex } from '../../support/bytes.js';
import { faultOf, raw } from './raw.js';

const READINGS = [
  { name: 'a request for IPv4', in: '0001 00 01', out: { family: 'ipv4', subtype: 'request' } },
  { name: 'a request for IPv6', in: '0002 00 01', out: { family: 'ipv6', subtype: 'request' } },
  { name: 'the begin of IPv4', in: '0001 01 01', out: { family: 'ipv4', subtype: 'begin' } },
  { name: 'the end of IPv6', in: '0002 02 01', out: { family: 'ipv6', subtype: 'end' } },
  { name: 'a subtype nobody knows', in: '0001 03 01', out: { family: 'ipv4', subtype: 'unknown' } },
  { name: 'subtype 255, reserved', in: '0001 ff 01', out: { family: 'ipv4', subtype: 'unknown' } },
  { name: 'a family nobody here knows', in: '0001 00 80', out: { family: undefined, subtype: 'request' } },
  { name: 'AFI 0', in: '0000 00 01', out: { family: undefined, subtype: 'request' } },
];

/** RFC 7313 section 5: the data is the whole message. */
const LENGTHS = [
  { name: 'no body', in: raw(5) },
  { name: '3 bytes', in: raw(5, '000100') },
  { name: '3 bytes of subtype 1', in: raw(5, '000101') },
  { name: '5 bytes of subtype 0', in: raw(5, '0001000100') },
  { name: '5 bytes of subtype 2', in: raw(5, '0001020100') },
  { name: 'filters of RFC 5291, which were never agreed', in: raw(5, '00010001 01 80 0006 00 00000001 20') },
  { name: 'the longest message', in: raw(5, '00'.repeat(4077)) },
];

describe('BGP ROUTE-REFRESH', () => {
  it.each(READINGS)('reads $name', ({ in: body, out }) => {
    expect(decodeMessage(raw(5, body))).toEqual({ kind: 'route-refresh', ...out });
  });

  it.each(LENGTHS)('$name: 7/1 with the whole message', ({ in: message }) => {
    expect(faultOf(() => decodeMessage(message))).toBe(`7/1 ${toHex(message)}`);
  });

  it.each([
    { family: 'ipv4', subtype: 'request', out: '00010001' },
    { family: 'ipv6', subtype: 'begin', out: '00020101' },
    { family: 'ipv6', subtype: 'end', out: '00020201' },
  ] as const)('writes $subtype of $family', ({ family, subtype, out }) => {
    expect(toHex(encodeRouteRefresh({ family, subtype }))).toBe(toHex(raw(5, out)));
  });
});
