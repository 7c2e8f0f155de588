/**
 * The flow hash, version 1: SipHash-1-3 (Aumasson, Bernstein) keyed with the fabric's 16-byte key.
 *
 * It is a wire format. All MUXes of a fabric must agree on it bit for bit, or a connection that the router moves from
 * one MUX to another lands on another backend. The message is what the 5-tuple looks like on the wire:
 *
 *   0                4                     8             10                 12         13        IPv4
 *   | source address | destination address | source port | destination port | protocol |
 *   0                16                    32            34                 36         37        IPv6
 *
 * With SipHash's own length byte that is two words or five, so one flow costs two compressions or five. Fields a
 * distribution does not cover are zero, and so are the ports of a protocol without any.
 * `test/dataplane/flow-hash.test.ts` has the vectors.
 *
 * A hash has three uses, each with bits of its own: the high word picks the ring slot, the low bits of the low word
 * the flow bucket, its top bits what tells flows apart on the way: UDP source port, GRE flow id, IPv6 flow label.
 */
import { CONFIG_HASH_KEY_0, CONFIG_HASH_KEY_1, DISTRIBUTION_SOURCE_IP_PROTOCOL, FIXED_CONFIG } from './abi';

const MESSAGE_BYTES: u64 = 13;
const MESSAGE_BYTES_6: u64 = 37;

/** "somepseudorandomlygeneratedbytes" */
const INITIAL_0: u64 = 0x736f6d6570736575;
const INITIAL_1: u64 = 0x646f72616e646f6d;
const INITIAL_2: u64 = 0x6c7967656e657261;
const INITIAL_3: u64 = 0x7465646279746573;

/** The hash of a whole IPv4 5-tuple: addresses and ports as they lie in memory, source low. @inline */
export function flowHash(addresses: u64, ports: u32, protocol: u32): u64 {
  return sipHash(addresses, <u64>ports | ((<u64>protocol) << 32) | (MESSAGE_BYTES << 56));
}

/** The hash of a whole IPv6 5-tuple, whose two addresses lie side by side at `addresses`, source first. @inline */
export function flowHash6(addresses: usize, ports: u32, protocol: u32): u64 {
  return sipHashOf5(addresses, <u64>ports | ((<u64>protocol) << 32) | (MESSAGE_BYTES_6 << 56));
}

/** The protocol as a narrower distribution than that of the 5-tuple sees it; its ports are zero. */
export function distributionProtocol(distribution: u32, protocol: u32): u32 {
  return distribution == DISTRIBUTION_SOURCE_IP_PROTOCOL ? protocol : 0;
}

/** The slot of a ring, without a division: the high word scaled to the slot count. */
export function ringSlotOf(hash: u64, slotCount: u32): u32 {
  return <u32>(((hash >> 32) * <u64>slotCount) >> 32);
}

/** RFC 7637 section 3.2: the low byte of the GRE key tells flows apart, from the bits that choose a UDP source port. */
export function nvgreFlowId(hash: u64): u32 {
  return (<u32>hash >>> 18) & 0xff;
}

/** RFC 6438: the 20 bits of the outer IPv6 flow label tell flows apart. */
export function flowLabelOf(hash: u64): u32 {
  return <u32>hash >>> 12;
}

/** RFC 7348 section 5 recommends the range 49152..65535 for the source port; returned in network order. */
export function vxlanSourcePortNet(hash: u64): u16 {
  return bswap<u16>(<u16>(49152 + (<u32>hash >>> 18)));
}

/** SipHash-1-3 over two words, of which the second already has the length of the message in its last byte. @inline */
export function sipHash(word0: u64, word1: u64): u64 {
  const key0 = load<u64>(FIXED_CONFIG + CONFIG_HASH_KEY_0);
  const key1 = load<u64>(FIXED_CONFIG + CONFIG_HASH_KEY_1);
  let v0 = key0 ^ INITIAL_0;
  let v1 = key1 ^ INITIAL_1;
  let v2 = key0 ^ INITIAL_2;
  let v3 = key1 ^ INITIAL_3;
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
  return sipEnd(v0, v1, v2, v3, word1);
}

/** The same over five words: four in memory, and the last one. Written out for the same reason as sipEnd. @inline */
function sipHashOf5(words: usize, last: u64): u64 {
  const key0 = load<u64>(FIXED_CONFIG + CONFIG_HASH_KEY_0);
  const key1 = load<u64>(FIXED_CONFIG + CONFIG_HASH_KEY_1);
  let v0 = key0 ^ INITIAL_0;
  let v1 = key1 ^ INITIAL_1;
  let v2 = key0 ^ INITIAL_2;
  let v3 = key1 ^ INITIAL_3;
  let word = load<u64>(words);
  v3 ^= word;
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
  v0 ^= word;
  word = load<u64>(words, 8);
  v3 ^= word;
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
  v0 ^= word;
  word = load<u64>(words, 16);
  v3 ^= word;
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
  v0 ^= word;
  word = load<u64>(words, 24);
  v3 ^= word;
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
  v0 ^= word;
  return sipEnd(v0, v1, v2, v3, last);
}

/** Takes in the last word, then three rounds of finalization: written out, as a loop costs 1.5 ns. @inline */
function sipEnd(v0: u64, v1: u64, v2: u64, v3: u64, last: u64): u64 {
  v3 ^= last;
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
  v0 ^= last;
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
