/**
 * A TCP reset of our own: what either end of a connection gets when it was idle for too long (RFC 9293 section 3.5.3).
 *
 *   | IPv4 20 or IPv6 40 | source port | destination port | sequence | acknowledgment | 0x50 | RST, ACK | 0 | checksum | 0 |
 *
 * It claims to come from the other end. RFC 5961 section 3.2 lets a receiver obey only a reset whose sequence number is
 * exactly the next one it expects: that is the last acknowledgment it has sent itself.
 */
import { checksumOf, sumWords } from '../wire/checksum';
import { IPV4_BYTES_MIN, ipv4SourceAt, setIpv4DontFragment, writeIpv4Header } from '../wire/ipv4';
import { IPV6_BYTES, ipv6Source, writeIpv6Header } from '../wire/ipv6';
import { PROTOCOL_TCP, TCP_BYTES_MIN, TCP_CHECKSUM } from '../wire/tcp';

const TOS: u32 = 0;
const TTL: u32 = 64;
/** Five words of header and RST | ACK, side by side as they lie in memory. */
const HEADER_WORDS_RST_ACK_NET: u32 = 0x1450;
const IPV4_ADDRESS_PAIR_BYTES: u32 = 8;
const IPV6_ADDRESS_PAIR_BYTES: u32 = 32;

/**
 * Writes the packet at `ip`.
 *
 * @param family 4 or 6
 * @param source where the 4 or 16 bytes of the address lie that it is to come from; `destination` likewise
 * @param ports source port low, destination port high, both net
 * @param sequence net; `acknowledgment` likewise
 */
export function writeReset(
  ip: usize,
  family: u32,
  source: usize,
  destination: usize,
  ports: u32,
  sequence: u32,
  acknowledgment: u32,
): void {
  if (family == 6) {
    writeIpv6Header(ip, TCP_BYTES_MIN, TOS, TTL, PROTOCOL_TCP, source, destination);
    const addresses = sumWords(ipv6Source(ip), IPV6_ADDRESS_PAIR_BYTES);
    writeSegment(ip + IPV6_BYTES, addresses, ports, sequence, acknowledgment);
  } else {
    const length = IPV4_BYTES_MIN + TCP_BYTES_MIN;
    writeIpv4Header(ip, length, TOS, TTL, PROTOCOL_TCP, load<u32>(source), load<u32>(destination));
    // RFC 6864 section 4.1: without it, the identification would have to be unique.
    setIpv4DontFragment(ip);
    const addresses = sumWords(ipv4SourceAt(ip), IPV4_ADDRESS_PAIR_BYTES);
    writeSegment(ip + IPV4_BYTES_MIN, addresses, ports, sequence, acknowledgment);
  }
}

function writeSegment(tcp: usize, addressesSum: u32, ports: u32, sequence: u32, acknowledgment: u32): void {
  store<u32>(tcp, ports);
  store<u32>(tcp, sequence, 4);
  store<u32>(tcp, acknowledgment, 8);
  store<u32>(tcp, HEADER_WORDS_RST_ACK_NET, 12);
  store<u32>(tcp, 0, 16);
  // The pseudo header of either family: the addresses, the protocol, and the length of the segment.
  const pseudoHeader = addressesSum + (PROTOCOL_TCP << 8) + (TCP_BYTES_MIN << 8);
  store<u16>(tcp, checksumOf(pseudoHeader + sumWords(tcp, TCP_BYTES_MIN)), TCP_CHECKSUM);
}
