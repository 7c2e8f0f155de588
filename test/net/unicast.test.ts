/** Addresses that name one machine, and the edges of those that do not. */
import { describe, expect, it } from 'vitest';
import { isUnicastMac, unroutablePrefixOf, unusablePrefixOf } from '../../sdk/net/unicast.js';

describe('unusablePrefixOf', () => {
  it.each([
    ['0.255.255.255', '0.0.0.0/8'],
    ['1.0.0.0', undefined],
    ['126.255.255.255', undefined],
    ['127.255.255.255', '127.0.0.0/8'],
    ['128.0.0.0', undefined],
    ['223.255.255.255', undefined],
    ['224.0.0.0', '224.0.0.0/4'],
    ['239.255.255.255', '224.0.0.0/4'],
    ['240.0.0.0', undefined],
    ['255.255.255.255', '255.255.255.255/32'],
    ['::', '::/128'],
    ['::1', '::1/128'],
    ['::2', undefined],
    ['ff00::', 'ff00::/8'],
    ['fe80::1', undefined],
    ['2001:db8::1', undefined],
  ])('%s: %s', (address, prefix) => expect(unusablePrefixOf(address)).toBe(prefix));
});

describe('unroutablePrefixOf', () => {
  it.each([
    ['fe7f:ffff::', undefined],
    ['fe80::', 'fe80::/10'],
    ['febf:ffff::', 'fe80::/10'],
    ['fec0::', undefined],
    ['127.0.0.1', '127.0.0.0/8'],
  ])('%s: %s', (address, prefix) => expect(unroutablePrefixOf(address)).toBe(prefix));
});

describe('isUnicastMac', () => {
  it.each([
    ['02:00:00:00:00:01', true],
    ['00:00:00:00:00:01', true],
    ['fe:ff:ff:ff:ff:ff', true],
    ['00:00:00:00:00:00', false],
    ['01:00:00:00:00:00', false],
    ['ff:ff:ff:ff:ff:ff', false],
  ])('%s: %s', (mac, isUnicast) => expect(isUnicastMac(mac)).toBe(isUnicast));
});
