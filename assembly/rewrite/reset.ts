/**
 * A TCP reset of our own: what either end of a connection gets when it was idle for too long (RFC 9293 section 3.5.3).
 *
 *   | IPv4 20 or IPv6 40 | source port | destination port | sequence | acknowledgment | 0x50 | RST, ACK | 0 | checksum | 0 |
 *
 * It claims to come from the other end. RFC 5961 section 3.2 lets a receiver obey only a reset whose sequence number is
 * exactly the next one it expects: that is the last acknowledgment it has sent itself.
 */
import { checksumOf, sumBytes } from '../wire/checksum';
import { PROTOCOL_TCP, TCP_BYTES_MIN, TCP_CHECKSUM } from '../wire/tcp';

export const RESET_IPV4_BYTES: u32 = 40;
export const RESET_IPV6_BYTES: u32 = 60;

const IPV4_BYTES: u32 = 20;
const IPV6_BYTES: u32 = 40;
const TTL: u32 = 64;
/** Don't fragment, as it lies in memory. */
const DF_NET: u32 = 0x0040;
/** Five words of header and RST | ACK, side by side as they lie in memory. */
const HEADER_WORDS_RST_ACK_NET: u32 = 0x1450;

/**
 * Writes an IPv4 packet at `ip`.
 *
 * @param source address, net; `destination` likewise
 * @param ports source port low, destination port high, both net: as they lie in memory
 * @param sequence net; `acknowledgment` likewise
 */
export function writeResetIpv4(
  ip: usize,
  source: u32,
  destination: u32,
  ports: u32,
  sequence: u32,
  acknowledgment: u32,
): void {
  store<u32>(ip, 0x45 | ((<u32>bswap<u16>(<u16>RESET_IPV4_BYTES)) << 16));
  store<u32>(ip, DF_NET << 16, 4);
  store<u32>(ip, TTL | (PROTOCOL_TCP << 8), 8);
  store<u32>(ip, source, 12);
  store<u32>(ip, destination, 16);
  store<u16>(ip, checksumOf(sumBytes(ip, IPV4_BYTES)), 10);
  writeSegment(ip + IPV4_BYTES, sumBytes(ip + 12, 8), ports, sequence, acknowledgment);
}

/** The same in IPv6; the addresses are 16 bytes each, where `source` and `destination` point. */
export function writeResetIpv6(
  ip: usize,
  source: usize,
  destination: usize,
  ports: u32,
  sequence: u32,
  acknowledgment: u32,
): void {
  store<u32>(ip, 0x60);
  store<u16>(ip, bswap<u16>(<u16>TCP_BYTES_MIN), 4);
  store<u16>(ip, <u16>(PROTOCOL_TCP | (TTL << 8)), 6);
  v128.store(ip, v128.load(source), 8);
  v128.store(ip, v128.load(destination), 24);
  writeSegment(ip + IPV6_BYTES, sumBytes(ip + 8, 32), ports, sequence, acknowledgment);
}

function writeSegment(tcp: usize, addressesSum: u32, ports: u32, sequence: u32, acknowledgment: u32): void {
  store<u32>(tcp, ports);
  store<u32>(tcp, sequence, 4);
  store<u32>(tcp, acknowledgment, 8);
  store<u32>(tcp, HEADER_WORDS_RST_ACK_NET, 12);
  store<u32>(tcp, 0, 16);
  // The pseudo header: the addresses, the protocol, and a length that both families sum up to the same 16 bits.
  const pseudoHeader = addressesSum + (PROTOCOL_TCP << 8) + (TCP_BYTES_MIN << 8);
  store<u16>(tcp, checksumOf(pseudoHeader + sumBytes(tcp, TCP_BYTES_MIN)), TCP_CHECKSUM);
}
