/**
 * SipHash-1-3 of the 5-tuple in 32-bit halves: the flow hash of assembly/flow-hash.ts for engines whose 64-bit integers
 * are objects. A carry is the majority of the two top bits and the absence of the sum's, without a branch.
 */

/** The protocol's word also carries the length of the message in its last byte. */
const LENGTH = 13 << 24;

/** Writes the hash to `out[at]` (low word) and `out[at + 1]` (high word). */
export function flowHash(
  key: Int32Array,
  source: number,
  destination: number,
  ports: number,
  protocol: number,
  out: Int32Array,
  at: number,
): void {
  let v0l = key[0] ^ 0x70736575;
  let v0h = key[1] ^ 0x736f6d65;
  let v1l = key[2] ^ 0x6e646f6d;
  let v1h = key[3] ^ 0x646f7261;
  let v2l = key[0] ^ 0x6e657261;
  let v2h = key[1] ^ 0x6c796765;
  let v3l = key[2] ^ 0x79746573;
  let v3h = key[3] ^ 0x74656462;
  let wordLow = source;
  let wordHigh = destination;
  for (let round = 0; round < 5; round++) {
    v3l ^= wordLow;
    v3h ^= wordHigh;
    // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
    let low = (v0l + v1l) | 0;
    let high = (v0h + v1h + (((v0l & v1l) | ((v0l | v1l) & ~low)) >>> 31)) | 0;
    let turned = (v1l << 13) | (v1h >>> 19);
    v1h = ((v1h << 13) | (v1l >>> 19)) ^ high;
    v1l = turned ^ low;
    v0l = high;
    v0h = low;
    // v2 += v3; v3 = rotl(v3, 16) ^ v2
    low = (v2l + v3l) | 0;
    high = (v2h + v3h + (((v2l & v3l) | ((v2l | v3l) & ~low)) >>> 31)) | 0;
    turned = (v3l << 16) | (v3h >>> 16);
    v3h = ((v3h << 16) | (v3l >>> 16)) ^ high;
    v3l = turned ^ low;
    v2l = low;
    v2h = high;
    // v0 += v3; v3 = rotl(v3, 21) ^ v0
    low = (v0l + v3l) | 0;
    high = (v0h + v3h + (((v0l & v3l) | ((v0l | v3l) & ~low)) >>> 31)) | 0;
    turned = (v3l << 21) | (v3h >>> 11);
    v3h = ((v3h << 21) | (v3l >>> 11)) ^ high;
    v3l = turned ^ low;
    v0l = low;
    v0h = high;
    // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
    low = (v2l + v1l) | 0;
    high = (v2h + v1h + (((v2l & v1l) | ((v2l | v1l) & ~low)) >>> 31)) | 0;
    turned = (v1l << 17) | (v1h >>> 15);
    v1h = ((v1h << 17) | (v1l >>> 15)) ^ high;
    v1l = turned ^ low;
    v2l = high;
    v2h = low;
    v0l ^= wordLow;
    v0h ^= wordHigh;
    if (round === 0) {
      wordLow = ports;
      wordHigh = protocol | LENGTH;
    } else {
      if (round === 1) v2l ^= 0xff;
      wordLow = 0;
      wordHigh = 0;
    }
  }
  out[at] = v0l ^ v1l ^ v2l ^ v3l;
  out[at + 1] = v0h ^ v1h ^ v2h ^ v3h;
}
