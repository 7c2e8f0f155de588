/**
 * Where the search in a policy table starts: Fibonacci hashing (Knuth, TAOCP volume 3, section 6.4).
 *
 * The keys of these tables come from policy, not from packets, so the hash needs no secret. A product's upper half
 * knows little of the key's upper half, where ports and protocols are: it is folded in first.
 */
export function spread(key: u64): u32 {
  return <u32>(((key ^ (key >> 32)) * 0x9e3779b97f4a7c15) >> 32);
}
