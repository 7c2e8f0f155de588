/** Communities as text: each spelling read and written, and everything that is none. */
import { describe, expect, it } from 'vitest';
import {
  formatCommunity,
  formatLargeCommunity,
  parseCommunity,
  parseLargeCommunity,
} from '../../../sdk/bgp/wire/index.js';
import { EdgemuxError } from '../../../sdk/errors.js';

function codeOf(read: () => unknown): string {
  try {
    return `read as ${read()}`;
  } catch (error) {
    if (!(error instanceof EdgemuxError)) throw error;
    return error.code;
  }
}

describe('a community', () => {
  it.each([
    ['0:0', 0],
    ['0:1', 1],
    ['1:0', 0x00010000],
    ['65000:100', 0xfde80064],
    ['65535:65535', 0xffffffff],
    // RFC 8326, RFC 7999, RFC 1997.
    ['graceful-shutdown', 0xffff0000],
    ['blackhole', 0xffff029a],
    ['no-export', 0xffffff01],
    ['no-advertise', 0xffffff02],
    ['no-export-subconfed', 0xffffff03],
  ])('%s', (text, value) => {
    expect(parseCommunity(text)).toBe(value);
    expect(formatCommunity(value)).toBe(text);
  });

  it('with a name may be written as numbers', () => {
    expect(parseCommunity('65535:65281')).toBe(parseCommunity('no-export'));
    expect(parseCommunity('65535:666')).toBe(parseCommunity('blackhole'));
  });

  it.each([
    '',
    ':',
    '1',
    '1:',
    ':1',
    '1:2:3',
    '65536:1',
    '1:65536',
    '-1:1',
    '1:-1',
    '01:1',
    '1:01',
    '1.5:1',
    '1e3:1',
    ' 1:1',
    '1:1 ',
    '0x1:1',
    'NO-EXPORT',
    'internet',
    '٣:1',
  ])('%j is none', (text) => {
    expect(codeOf(() => parseCommunity(text))).toBe('ERR_ROUTES_INVALID');
  });
});

describe('a large community', () => {
  it.each([
    ['0:0:0', [0, 0, 0]],
    ['4200000000:1:2', [4200000000, 1, 2]],
    ['4294967295:4294967295:4294967295', [4294967295, 4294967295, 4294967295]],
  ] as const)('%s', (text, parts) => {
    expect(parseLargeCommunity(text)).toEqual(parts);
    expect(formatLargeCommunity(parts)).toBe(text);
  });

  it.each([
    '',
    '1:2',
    '1:2:3:4',
    '1:2:',
    ':1:2',
    '4294967296:1:2',
    '1:4294967296:2',
    '1:2:4294967296',
    '99999999999:1:1',
    '01:1:1',
    '-1:1:1',
    'no-export',
  ])('%j is none', (text) => {
    expect(codeOf(() => parseLargeCommunity(text))).toBe('ERR_ROUTES_INVALID');
  });
});
