/**
 * SipHash (Aumasson, Bernstein: "SipHash: a fast short-input PRF"), in the paper's words and with BigInt.
 *
 * The flow hash is SipHash-1-3. The numbers of rounds are parameters, because the published vectors are for 2-4.
 */

const MASK = 0xffff_ffff_ffff_ffffn;

function rotate(word: bigint, bits: bigint): bigint {
  return ((word << bits) | (word >> (64n - bits))) & MASK;
}

function little(bytes: Uint8Array): bigint {
  return bytes.reduceRight((word, byte) => (word << 8n) | BigInt(byte), 0n);
}

export function sipHash(
  key: Uint8Array,
  message: Uint8Array,
  compressionRounds: number,
  finalizationRounds: number,
): bigint {
  const k0 = little(key.subarray(0, 8));
  const k1 = little(key.subarray(8, 16));
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;

  const rounds = (count: number): void => {
    for (let round = 0; round < count; round++) {
      v0 = (v0 + v1) & MASK;
      v1 = rotate(v1, 13n) ^ v0;
      v0 = rotate(v0, 32n);
      v2 = (v2 + v3) & MASK;
      v3 = rotate(v3, 16n) ^ v2;
      v0 = (v0 + v3) & MASK;
      v3 = rotate(v3, 21n) ^ v0;
      v2 = (v2 + v1) & MASK;
      v1 = rotate(v1, 17n) ^ v2;
      v2 = rotate(v2, 32n);
    }
  };

  const compress = (word: bigint): void => {
    v3 ^= word;
    rounds(compressionRounds);
    v0 ^= word;
  };

  const wholeWords = Math.floor(message.length / 8);
  for (let index = 0; index < wholeWords; index++) {
    compress(little(message.subarray(index * 8, index * 8 + 8)));
  }
  compress(little(message.subarray(wholeWords * 8)) | (BigInt(message.length & 0xff) << 56n));

  v2 ^= 0xffn;
  rounds(finalizationRounds);
  return v0 ^ v1 ^ v2 ^ v3;
}
