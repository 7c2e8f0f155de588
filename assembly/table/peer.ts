/**
 * The other machines of the fabric as a host agent knows them for Fastpath: hosts, whose records are the templates of
 * tunnels to them, and MUXes, who may send redirects. Found by their provider address, which is the one in the template.
 *
 * Open addressing, linear probing, at most half full. Records are backend records (abi.ts); the SDK fills them.
 */
import { BACKEND_BYTES, BACKEND_KIND, KIND_VXLAN_6, PEER_ROLES } from '../abi';
import { peersBase, peersMask } from '../layout';
import { backendHostAddress, backendHostFamily } from './backend';
import { spread } from './spread';

/**
 * The record of the machine whose provider address lies at `address`, 4 or 16 bytes; 0 when there is none, or it has not
 * that role.
 *
 * @param role PEER_…
 */
export function findPeer(address: usize, family: u32, role: u32): usize {
  const low: u64 = family == 6 ? load<u64>(address) : <u64>load<u32>(address);
  const peer = probe(low, family == 6 ? load<u64>(address, 8) : 0, family);
  return (load<u8>(peer, PEER_ROLES) & role) != 0 ? peer : 0;
}

export function peerClear(): void {
  memory.fill(peersBase, 0, (peersMask + 1) * BACKEND_BYTES);
}

/**
 * Adds a machine, or a role to one that is there; an IPv4 address is the first word.
 *
 * @returns the address of its record
 */
export function peerInsert(family: u32, word0: u32, word1: u32, word2: u32, word3: u32, role: u32): u32 {
  const low = <u64>word0 | ((<u64>word1) << 32);
  const high = <u64>word2 | ((<u64>word3) << 32);
  const peer = probe(low, high, family);
  if (load<u8>(peer, PEER_ROLES) == 0) store<u8>(peer, <u8>(family == 6 ? KIND_VXLAN_6 : 0), BACKEND_KIND);
  store<u8>(peer, <u8>(load<u8>(peer, PEER_ROLES) | role), PEER_ROLES);
  const address = backendHostAddress(peer);
  if (family == 6) {
    store<u64>(address, low);
    store<u64>(address, high, 8);
  } else {
    store<u32>(address, word0);
  }
  return <u32>peer;
}

/** The record of an address, or the empty one where it would be; half of the table is empty, so there is always one. */
function probe(low: u64, high: u64, family: u32): usize {
  // Networks differ in the first bytes and hosts in the last: turned around, both come to lie low.
  let slot = spread(low ^ bswap<u64>(high));
  let peer = peerAt(slot);
  while (load<u8>(peer, PEER_ROLES) != 0 && !isAt(peer, low, high, family)) peer = peerAt(++slot);
  return peer;
}

function isAt(peer: usize, low: u64, high: u64, family: u32): bool {
  if (backendHostFamily(peer) != family) return false;
  const address = backendHostAddress(peer);
  if (family != 6) return load<u32>(address) == <u32>low;
  return load<u64>(address) == low && load<u64>(address, 8) == high;
}

function peerAt(slot: u32): usize {
  return peersBase + (slot & peersMask) * BACKEND_BYTES;
}
