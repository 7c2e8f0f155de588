/**
 * Fragments of tenants' packets: only the first has ports, and the new address it got is the others', too.
 *
 * The value of a datagram's record on a host agent:
 *
 *   0         4      8           12       32
 *   | address | peer | direction | unused |
 *
 *   peer: what takes the place of the address of the other end, for a VM that talks to itself; else 0
 */
import { datagramValue, findDatagram, insertDatagram } from './table/fragment';

const ADDRESS = 0;
const PEER = 4;
const DIRECTION = 8;
const DIRECTION_IN: u32 = 1;
const DIRECTION_OUT: u32 = 2;

/** What the first fragment of a datagram settled for this direction; 0 when it was not seen. */
export function findFragment(datagramKey: usize, isIn: bool, now: u32): usize {
  const record = findDatagram(datagramKey, now);
  if (record == 0) return 0;
  const value = datagramValue(record);
  return load<u32>(value, DIRECTION) == (isIn ? DIRECTION_IN : DIRECTION_OUT) ? value : 0;
}

/** What our end became: the destination on the way in, the source on the way out. */
export function fragmentAddress(fragment: usize): u32 {
  return load<u32>(fragment, ADDRESS);
}

/** What the other end became; 0 when it was left alone. */
export function fragmentPeer(fragment: usize): u32 {
  return load<u32>(fragment, PEER);
}

/** Notes the new addresses of a first fragment; the key is that of the fragment as it came. */
export function rememberFragment(datagramKey: usize, isIn: bool, address: u32, peer: u32, now: u32): void {
  const value = datagramValue(insertDatagram(datagramKey, now));
  store<u32>(value, address, ADDRESS);
  store<u32>(value, peer, PEER);
  store<u32>(value, isIn ? DIRECTION_IN : DIRECTION_OUT, DIRECTION);
}
