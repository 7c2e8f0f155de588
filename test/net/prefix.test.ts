import { describe, expect, it } from 'vitest';
import { parseIp } from '../../sdk/net/address.js';
import { canonicalPrefix, parsePrefix, parseRange, prefixContains, rangeContains } from '../../sdk/net/prefix.js';

const INVALID = expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' });

describe('prefixes', () => {
  it.each([
    ['10.0.0.0/24', '10.0.0.0/24'],
    ['10.0.0.255/24', '10.0.0.0/24'],
    ['10.0.0.7/31', '10.0.0.6/31'],
    ['10.1.2.3/0', '0.0.0.0/0'],
    ['10.1.2.3/32', '10.1.2.3/32'],
    ['172.31.255.255/12', '172.16.0.0/12'],
    ['2001:DB8::1/33', '2001:db8::/33'],
    ['::1/128', '::1/128'],
  ])('%s is written %s', (text, canonical) => expect(canonicalPrefix(text)).toBe(canonical));

  it.each([
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '::/129',
    '/24',
    '10.0.0.0/255.0.0.0',
  ])('%j is none', (text) => expect(() => parsePrefix(text)).toThrow(INVALID));

  it.each([
    ['10.0.0.0/24', '10.0.0.0', true],
    ['10.0.0.0/24', '10.0.0.255', true],
    ['10.0.0.0/24', '9.255.255.255', false],
    ['10.0.0.0/24', '10.0.1.0', false],
    ['10.0.0.128/25', '10.0.0.127', false],
    ['10.0.0.128/25', '10.0.0.128', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::', false],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
  ])('%s holds the address %s: %s', (prefix, address, holds) => {
    expect(prefixContains(parsePrefix(prefix), parseIp(address))).toBe(holds);
  });

  it.each([
    ['10.0.0.0/16', '10.0.0.0/16', true],
    ['10.0.0.0/16', '10.0.255.0/24', true],
    ['10.0.0.0/16', '10.0.0.0/15', false],
    ['10.0.0.0/16', '10.1.0.0/24', false],
  ])('%s holds the prefix %s: %s', (outer, inner, holds) => {
    expect(prefixContains(parsePrefix(outer), parsePrefix(inner))).toBe(holds);
  });
});

describe('ranges', () => {
  const range = parseRange('10.0.0.4', '10.0.1.4');
  it.each([
    ['10.0.0.3', false],
    ['10.0.0.4', true],
    ['10.0.0.255', true],
    ['10.0.1.4', true],
    ['10.0.1.5', false],
    ['::', false],
  ])('10.0.0.4 to 10.0.1.4 holds %s: %s', (address, holds) =>
    expect(rangeContains(range, parseIp(address))).toBe(holds),
  );
  it('may be of one', () => expect(rangeContains(parseRange('::1', '::1'), parseIp('::1'))).toBe(true));
  it('never end before they start', () => expect(() => parseRange('10.0.0.4', '10.0.0.3')).toThrow(INVALID));
  it('never mix families', () => expect(() => parseRange('10.0.0.4', '::ffff')).toThrow(INVALID));
});
