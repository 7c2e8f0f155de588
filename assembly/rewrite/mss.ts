/**
 * The maximum segment size a VM announces in its SYN, lowered to what the tunnel carries (RFC 9293 section 3.2).
 *
 *   0          1            2         4
 *   | kind = 2 | length = 4 | MSS net |
 *
 * The VM's own segments leave without a tunnel; those it asks for come through the MUX, which puts its headers in front
 * of them. What the VM does not ask for, no router has to refuse.
 */
import {
  CONFIG_ENCAPSULATION,
  CONFIG_MTU_BYTES,
  CONFIG_PROVIDER_FAMILY,
  CONFIG_SECOND_PROVIDER_KNOWN,
  COUNTER_MSS_CLAMPED,
  ENCAPSULATION_NVGRE,
  FIXED_CONFIG,
} from '../abi';
import { count } from '../counters';
import { changeOf16, checksumChanged } from '../wire/checksum';
import { ETHERNET_BYTES } from '../wire/ethernet';
import { announcesMss, TCP_BYTES_MIN, TCP_CHECKSUM, tcpFlags, tcpHeaderBytes } from '../wire/tcp';

const KIND_END: u32 = 0;
const KIND_PADDING: u32 = 1;
const KIND_MSS: u32 = 2;
const LENGTH = 1;
const MSS = 2;
/** Kind and length: what every option but END and PADDING has. */
const OPTION_BYTES_MIN: u32 = 2;
const MSS_OPTION_BYTES: u32 = 4;

const IPV4_BYTES: u32 = 20;
const IPV6_BYTES: u32 = 40;
const UDP_VXLAN_BYTES: u32 = 16;
const GRE_BYTES: u32 = 8;

/**
 * Lowers the MSS options of a SYN where the provider network's MTU asks for it; everything else stays as it is.
 *
 * @param tcp a header that is all there, its options included
 * @param family 4 or 6: of the packet the segment is in
 */
export function clampMss(tcp: usize, family: u32): void {
  const mtuBytes = load<u32>(FIXED_CONFIG + CONFIG_MTU_BYTES);
  if (mtuBytes == 0 || !announcesMss(tcpFlags(tcp))) return;
  const headerBytes = tunnelBytes() + (family == 6 ? IPV6_BYTES : IPV4_BYTES) + TCP_BYTES_MIN;
  // An MTU that leaves no byte for data is a mistake of the fabric, and no reason to break what may work.
  if (mtuBytes <= headerBytes) return;
  lowerOptions(tcp, mtuBytes - headerBytes);
}

/** What a MUX puts in front of an IP packet, at most: it may choose either family of our provider addresses. */
function tunnelBytes(): u32 {
  const isNvgre = load<u8>(FIXED_CONFIG + CONFIG_ENCAPSULATION) == ENCAPSULATION_NVGRE;
  const hasIpv6 =
    load<u8>(FIXED_CONFIG + CONFIG_PROVIDER_FAMILY) == 6 || load<u8>(FIXED_CONFIG + CONFIG_SECOND_PROVIDER_KNOWN) != 0;
  return (hasIpv6 ? IPV6_BYTES : IPV4_BYTES) + (isNvgre ? GRE_BYTES : UDP_VXLAN_BYTES) + ETHERNET_BYTES;
}

/** Every MSS option counts: which of two a peer obeys is its own affair. What is behind a malformed one is no option. */
function lowerOptions(tcp: usize, mssMax: u32): void {
  const end = tcp + tcpHeaderBytes(tcp);
  let option = tcp + TCP_BYTES_MIN;
  while (option < end) {
    const kind: u32 = load<u8>(option);
    if (kind == KIND_END) return;
    if (kind == KIND_PADDING) {
      option++;
      continue;
    }
    const left = <u32>(end - option);
    if (left < OPTION_BYTES_MIN) return;
    const length: u32 = load<u8>(option, LENGTH);
    if (length < OPTION_BYTES_MIN || length > left) return;
    if (kind == KIND_MSS && length == MSS_OPTION_BYTES) lowerMss(tcp, option, mssMax);
    option += length;
  }
}

function lowerMss(tcp: usize, option: usize, mssMax: u32): void {
  const before: u32 = load<u16>(option, MSS);
  if (<u32>bswap<u16>(<u16>before) <= mssMax) return;
  const after: u32 = bswap<u16>(<u16>mssMax);
  store<u16>(option, <u16>after, MSS);
  // The checksum adds up words that begin at even offsets; behind an odd one, the two bytes are halves of two words,
  // and count as one word with its bytes exchanged (RFC 1071 section 2 B).
  const isOdd = ((option - tcp) & 1) != 0;
  const change = isOdd ? changeOf16(bswap<u16>(<u16>before), bswap<u16>(<u16>after)) : changeOf16(before, after);
  store<u16>(tcp, checksumChanged(load<u16>(tcp, TCP_CHECKSUM), change), TCP_CHECKSUM);
  count(COUNTER_MSS_CLAMPED);
}
