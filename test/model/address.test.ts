/** Text of addresses by the examples of RFC 5952. */

import { describe, expect, it } from 'vitest';
import { ipBytes } from '../support/bytes.js';
import { addressText, familyOf } from './address.js';

describe('address text', () => {
  it.each([
    // Section 4.2.1 to 4.2.3: the longest run, not a single group, the first of equals.
    { written: '2001:db8:0:0:0:0:2:1', text: '2001:db8::2:1' },
    { written: '2001:db8:0:1:1:1:1:1', text: '2001:db8:0:1:1:1:1:1' },
    { written: '2001:0:0:1:0:0:0:1', text: '2001:0:0:1::1' },
    { written: '2001:db8:0:0:1:0:0:1', text: '2001:db8::1:0:0:1' },
    { written: '0:0:0:0:0:0:0:0', text: '::' },
    { written: '0:0:0:0:0:0:0:1', text: '::1' },
    { written: 'fe80:0:0:0:0:0:0:0', text: 'fe80::' },
  ])('$written is $text', ({ written, text }) => {
    expect(addressText(6, ipBytes(written), 0)).toBe(text);
    expect(ipBytes(text)).toEqual(ipBytes(written));
  });

  it('IPv4 is dotted decimal', () => {
    expect(addressText(4, Uint8Array.of(9, 192, 0, 2, 7), 1)).toBe('192.0.2.7');
    expect([familyOf('192.0.2.7'), familyOf('::1')]).toEqual([4, 6]);
  });
});
