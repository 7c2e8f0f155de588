/**
 * A Fastpath redirect as a packet of the MUX's own, in the provider network.
 *
 *   | IPv4 20 or IPv6 40: from the MUX to the host | UDP 8 | message 88 |
 *
 * Addresses and VNI come out of the templates of the two backends, the ends of the connection out of the packet in hand.
 */
import { PARSED_FAMILY, PARSED_IP, PARSED_L4 } from '../abi';
import { backendHostAddress, backendHostFamily, backendKind } from '../table/backend';
import { checksumOf, sumWords } from '../wire/checksum';
import { macAt } from '../wire/ethernet';
import { IPV4_BYTES_MIN, ipv4SourceAt, setIpv4DontFragment, writeIpv4Header } from '../wire/ipv4';
import { IPV6_BYTES, ipv6Source, writeIpv6Header } from '../wire/ipv6';
import { portPair } from '../wire/ports';
import {
  beginRedirect,
  REDIRECT_UDP_BYTES,
  redirectClient,
  redirectPeerAddress,
  redirectVip,
  sealRedirect,
  setRedirectOwnMac,
  setRedirectPeer,
  setRedirectPorts,
  writeRedirectUdp,
} from '../wire/redirect';
import { PROTOCOL_UDP, UDP_BYTES, UDP_CHECKSUM } from '../wire/udp';
import { overheadBytes } from './encapsulate';

const TOS: u32 = 0;
const TTL: u32 = 64;
const IPV4_ADDRESS_BYTES: u32 = 4;
const IPV6_ADDRESS_BYTES: u32 = 16;

/** Of a template: VNI and one byte, in front of the inner Ethernet header. */
const VNI_BYTES: u32 = 4;

/** Writes the packet at `ip`: for the host of backend `told`, about the end that is backend `peer`. */
export function writeRedirect(ip: usize, parsed: usize, told: usize, peer: usize, side: u32): void {
  const isIpv6 = backendHostFamily(told) == 6;
  const udp = ip + (isIpv6 ? IPV6_BYTES : IPV4_BYTES_MIN);
  writeMessage(udp + UDP_BYTES, parsed, told, peer, side);
  writeRedirectUdp(udp);
  const destination = backendHostAddress(told);
  let addresses: u32 = 0;
  if (isIpv6) {
    writeIpv6Header(ip, REDIRECT_UDP_BYTES, TOS, TTL, PROTOCOL_UDP, destination - IPV6_ADDRESS_BYTES, destination);
    addresses = sumWords(ipv6Source(ip), 2 * IPV6_ADDRESS_BYTES);
  } else {
    const source = load<u32>(destination - IPV4_ADDRESS_BYTES);
    const length = IPV4_BYTES_MIN + REDIRECT_UDP_BYTES;
    writeIpv4Header(ip, length, TOS, TTL, PROTOCOL_UDP, source, load<u32>(destination));
    // RFC 6864 section 4.1: without it, the identification would have to be unique.
    setIpv4DontFragment(ip);
    addresses = sumWords(ipv4SourceAt(ip), 2 * IPV4_ADDRESS_BYTES);
  }
  const pseudoHeader = addresses + (PROTOCOL_UDP << 8) + (REDIRECT_UDP_BYTES << 8);
  const checksum = checksumOf(pseudoHeader + sumWords(udp, REDIRECT_UDP_BYTES));
  // RFC 768: 0 says that there is none.
  store<u16>(udp, checksum == 0 ? 0xffff : checksum, UDP_CHECKSUM);
}

function writeMessage(message: usize, parsed: usize, told: usize, peer: usize, side: u32): void {
  const family: u32 = load<u8>(parsed, PARSED_FAMILY);
  const packet: usize = load<u32>(parsed, PARSED_IP);
  beginRedirect(message, family, side);
  const source = family == 6 ? ipv6Source(packet) : ipv4SourceAt(packet);
  copyAddress(redirectClient(message), source, family);
  copyAddress(redirectVip(message), source + addressBytes(family), family);
  setRedirectPorts(message, portPair(load<u32>(parsed, PARSED_L4)));
  const peerFamily = backendHostFamily(peer);
  setRedirectPeer(message, peerFamily, vniOf(peer), vmMacOf(peer));
  copyAddress(redirectPeerAddress(message), backendHostAddress(peer), peerFamily);
  setRedirectOwnMac(message, vmMacOf(told));
  sealRedirect(message);
}

function copyAddress(to: usize, from: usize, family: u32): void {
  if (family == 6) v128.store(to, v128.load(from));
  else store<u32>(to, load<u32>(from));
}

function addressBytes(family: u32): u32 {
  return family == 6 ? IPV6_ADDRESS_BYTES : IPV4_ADDRESS_BYTES;
}

/** The inner Ethernet header is the last one of a template: its destination is the VM. */
function vmMacOf(backend: usize): u64 {
  return macAt(innerEthernet(backend));
}

/** VXLAN and NVGRE have the 24 bits of the network in the same place. */
function vniOf(backend: usize): u32 {
  return bswap<u32>(load<u32>(innerEthernet(backend) - VNI_BYTES)) >>> 8;
}

/** A template has an outer Ethernet header in front, as long as the inner one at its end. */
function innerEthernet(backend: usize): usize {
  return backend + overheadBytes(backendKind(backend));
}
