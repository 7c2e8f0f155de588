import { describe, expect, it } from 'vitest';
import { canonicalIp, compareIp, formatIp, parseIp } from '../../sdk/net/address.js';
import { canonicalMac, formatMac, macBytes } from '../../sdk/net/mac.js';

const INVALID = expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' });

describe('IP addresses', () => {
  const same: [string, string][] = [
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
  ];
  it.each(same)('%s is written %s', (text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical);
    expect(canonicalIp(canonical)).toBe(canonical);
  });

  it('become bytes in network order', () => {
    expect(parseIp('10.0.0.4')).toEqual({ family: 4, bytes: Uint8Array.of(10, 0, 0, 4) });
    expect(parseIp('2001:db8::1').bytes).toEqual(
      Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
    );
  });

  const bad = [
    '',
    '10.1',
    '10',
    '167772164',
    '010.0.0.1',
    '0x0a.0.0.1',
    '10.0.0.256',
    '10.0.0.-1',
    '10.0.0.1 ',
    ' 10.0.0.1',
    '10.0.0.1\n',
    '10.0.0.1/32',
    'localhost',
    ':::',
    '1::2::3',
    '12345::',
    '[::1]',
    'fe80::1%eth0',
    '::ffff:0x1.2.3.4',
    '::ffff:01.2.3.4',
    '::1/128',
  ];
  it.each(bad)('%j is none', (text) => expect(() => parseIp(text)).toThrow(INVALID));
  it('5 bytes are none', () => expect(() => formatIp(new Uint8Array(5))).toThrow(INVALID));

  it('have an order, IPv4 first', () => {
    const sorted = ['9.255.255.255', '10.0.0.1', '10.0.0.2', '::', '::1'];
    const shuffled = [...sorted].reverse();
    expect(shuffled.sort((a, b) => compareIp(parseIp(a), parseIp(b)))).toEqual(sorted);
    expect(compareIp(parseIp('::1'), parseIp('0::1'))).toBe(0);
  });
});

describe('MAC addresses', () => {
  it.each(['001DD8000004', '00:1d:d8:00:00:04', '00-1D-D8-00-00-04'])('%s', (text) => {
    expect(canonicalMac(text)).toBe('00:1d:d8:00:00:04');
    expect(macBytes(text)).toEqual(Uint8Array.of(0, 0x1d, 0xd8, 0, 0, 4));
  });
  const bad = [
    '',
    '001DD800000',
    '001DD80000045',
    '00:1d:d8:00:00',
    '00:1d-d8:00:00:04',
    '001d.d800.0004',
    '00:1d:d8:00:00:0g',
    '0:1:2:3:4:5',
    '001DD8000004\n',
  ];
  it.each(bad)('%j is none', (text) => expect(() => canonicalMac(text)).toThrow(INVALID));
  it('7 bytes are none', () => expect(() => formatMac(new Uint8Array(7))).toThrow(INVALID));
});
