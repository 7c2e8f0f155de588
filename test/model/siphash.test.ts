/** SipHash against the vectors of its paper, and SipHash-1-3 against CPython. */

import { describe, expect, it } from 'vitest';
import { fromHex } from '../support/bytes.js';
import { sipHash } from './siphash.js';

const KEY = fromHex('000102030405060708090a0b0c0d0e0f');
const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index);

describe('SipHash', () => {
  it('2-4 of the fifteen bytes of appendix A', () => {
    expect(sipHash(KEY, counting(15), 2, 4)).toBe(0xa129ca6149be45e5n);
  });

  it('2-4 of nothing and of whole words, from vectors.h of the reference implementation', () => {
    expect(sipHash(KEY, counting(0), 2, 4)).toBe(0x726fdb47dd0e0e31n);
    expect(sipHash(KEY, counting(8), 2, 4)).toBe(0x93f5f5799a932462n);
  });

  // hash(bytes(range(n))) of CPython 3.11 with PYTHONHASHSEED=0, which is SipHash-1-3 with a key of zeros.
  it.each([
    { length: 1, hash: 0x68a914128e01e473n },
    { length: 7, hash: 0x2f098ab0c751325an },
    { length: 8, hash: 0xead411e67ebe2eean },
    { length: 13, hash: 0xa0cf3211850f8e0dn },
    { length: 37, hash: 0x422a9751192ff266n },
  ])('1-3 of $length bytes, as CPython has it', ({ length, hash }) => {
    expect(sipHash(new Uint8Array(16), counting(length), 1, 3)).toBe(hash);
  });
});
