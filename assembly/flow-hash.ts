/**
 * The flow hash, version 1: SipHash-1-3 (Aumasson, Bernstein) keyed with the fabric's 16-byte key.
 *
 * It is a wire format. All MUXes of a fabric must agree on it bit for bit, or a connection that the router moves from
 * one MUX to another lands on another backend. The message is what the 5-tuple looks like on the wire:
 *
 *   0                4                     8             10                 12         13
 *   | source address | destination address | source port | destination port | protocol |
 *
 * Thirteen bytes and SipHash's own length byte fill two words, so one flow costs two compressions. Fields a
 * distribution does not cover are zero. `test/dataplane/flow-hash.test.ts` has the vectors.
 *
 * A hash has three uses, each with bits of its own: the high word picks the ring slot, the low bits of the low word
 * the flow bucket, its top 14 bits the outer UDP source port.
 */
import {
  CONFIG_HASH_KEY_0,
  CONFIG_HASH_KEY_1,
  DISTRIBUTION_DEFAULT,
  DISTRIBUTION_SOURCE_IP_PROTOCOL,
  FIXED_CONFIG,
} from './abi';

const MESSAGE_BYTES: u64 = 13;

/** The hash of a whole 5-tuple: addresses and ports as they lie in memory, source low. @inline */
export function flowHash(addresses: u64, ports: u32, protocol: u32): u64 {
  return sipHash(addresses, <u64>ports | ((<u64>protocol) << 32) | (MESSAGE_BYTES << 56));
}

/** The hash a service's distribution asks for; `whole` is the hash of the 5-tuple, which the default mode shares. */
export function distributionHash(distribution: u32, addresses: u64, protocol: u32, whole: u64): u64 {
  if (distribution == DISTRIBUTION_DEFAULT) return whole;
  return flowHash(addresses, 0, distribution == DISTRIBUTION_SOURCE_IP_PROTOCOL ? protocol : 0);
}

/** A slot of a ring, without a division: the high word scaled to the slot count. */
export function ringSlotOf(hash: u64, slotCount: u32): u32 {
  return <u32>(((hash >> 32) * <u64>slotCount) >> 32);
}

/** RFC 7348 section 5 recommends the range 49152..65535 for the source port; returned in network order. */
export function vxlanSourcePortNet(hash: u64): u16 {
  return bswap<u16>(<u16>(49152 + (<u32>hash >>> 18)));
}

/** SipHash-1-3 over two words, of which the second already has the length of the message in its last byte. @inline */
export function sipHash(word0: u64, word1: u64): u64 {
  const key0 = load<u64>(FIXED_CONFIG + CONFIG_HASH_KEY_0);
  const key1 = load<u64>(FIXED_CONFIG + CONFIG_HASH_KEY_1);
  let v0 = key0 ^ 0x736f6d6570736575;
  let v1 = key1 ^ 0x646f72616e646f6d;
  let v2 = key0 ^ 0x6c7967656e657261;
  let v3 = key1 ^ 0x7465646279746573;
  // Two words to take in, then three rounds of finalization: written out, as a loop costs 1.5 ns.
  v3 ^= word0;
  v0 += v1;
  v1 = rotl<u64>(v1, 13) ^ v0;
  v0 = rotl<u64>(v0, 32);
  v2 += v3;
  v3 = rotl<u64>(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl<u64>(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl<u64>(v1, 17) ^ v2;
  v2 = rotl<u64>(v2, 32);
  v0 ^= word0;
  v3 ^= word1;
  v0 += v1;
  v1 = rotl<u64>(v1, 13) ^ v0;
  v0 = rotl<u64>(v0, 32);
  v2 += v3;
  v3 = rotl<u64>(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl<u64>(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl<u64>(v1, 17) ^ v2;
  v2 = rotl<u64>(v2, 32);
  v0 ^= word1;
  v2 ^= 0xff;
  v0 += v1;
  v1 = rotl<u64>(v1, 13) ^ v0;
  v0 = rotl<u64>(v0, 32);
  v2 += v3;
  v3 = rotl<u64>(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl<u64>(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl<u64>(v1, 17) ^ v2;
  v2 = rotl<u64>(v2, 32);
  v0 += v1;
  v1 = rotl<u64>(v1, 13) ^ v0;
  v0 = rotl<u64>(v0, 32);
  v2 += v3;
  v3 = rotl<u64>(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl<u64>(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl<u64>(v1, 17) ^ v2;
  v2 = rotl<u64>(v2, 32);
  v0 += v1;
  v1 = rotl<u64>(v1, 13) ^ v0;
  v0 = rotl<u64>(v0, 32);
  v2 += v3;
  v3 = rotl<u64>(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl<u64>(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl<u64>(v1, 17) ^ v2;
  v2 = rotl<u64>(v2, 32);
  return v0 ^ v1 ^ v2 ^ v3;
}
