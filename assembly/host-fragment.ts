/**
 * Fragments of tenants' packets: only the first has ports, and the new address it got is the others', too.
 *
 * The value of a datagram's record on a host agent:
 *
 *   0         4           8        32
 *   | address | direction | unused |
 */
import { packetFamily, packetIp } from './host-packet';
import { addressWord } from './table/address';
import { datagramValue, findDatagram, insertDatagram } from './table/fragment';
import { ipv4Destination, ipv4Source } from './wire/ipv4';
import { ipv6Destination, ipv6Source } from './wire/ipv6';

const ADDRESS = 0;
const DIRECTION = 4;
const DIRECTION_IN: u32 = 1;
const DIRECTION_OUT: u32 = 2;

/** What the first fragment's destination (way in) or source (way out) became; 0 when it was not seen. */
export function findFragmentAddress(datagramKey: usize, isIn: bool, now: u32): u32 {
  const record = findDatagram(datagramKey, now);
  if (record == 0) return 0;
  const value = datagramValue(record);
  return load<u32>(value, DIRECTION) == (isIn ? DIRECTION_IN : DIRECTION_OUT) ? load<u32>(value, ADDRESS) : 0;
}

/** Notes the new address of a first fragment that was rewritten; the key is that of the fragment as it came. */
export function rememberFragment(datagramKey: usize, packet: usize, isIn: bool, now: u32): void {
  const value = datagramValue(insertDatagram(datagramKey, now));
  store<u32>(value, isIn ? destinationOf(packet) : sourceOf(packet), ADDRESS);
  store<u32>(value, isIn ? DIRECTION_IN : DIRECTION_OUT, DIRECTION);
}

function destinationOf(packet: usize): u32 {
  const ip = packetIp(packet);
  return packetFamily(packet) == 4 ? ipv4Destination(ip) : addressWord(ipv6Destination(ip));
}

function sourceOf(packet: usize): u32 {
  const ip = packetIp(packet);
  return packetFamily(packet) == 4 ? ipv4Source(ip) : addressWord(ipv6Source(ip));
}
