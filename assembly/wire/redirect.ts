/**
 * Fastpath redirect: a MUX tells the host of one end of a connection where the other end lives, so that the two hosts
 * send to each other without it (Ananta, SIGCOMM'13, section 3.2.4). UDP between provider addresses, both ports 8571.
 *
 *   0       4         5        6          7      8        24    40            42         44    48
 *   | EMRD  | version | family | protocol | side | client | VIP | client port | VIP port | VNI | provider address |
 *   | MAC   | family  | 0      | our MAC  | 0    | tag |
 *   64      70        71       72         78     80    88
 *
 * Big endian. Client is the address and port a VM calls from, VIP what it calls; side says which of the two VMs lives on
 * the host that is told: 0 the one that calls, 1 the one that answers. "Our MAC" is the MAC address of that VM. VNI,
 * provider address with its family, and MAC are those of the other VM. An IPv4 address has 12 bytes of zeros behind it.
 *
 * The tag is SipHash-2-4 of all in front of it, its eight bytes as SipHash gives them. Its key comes out of that of the
 * flow hash (sdk/program/redirect-key.ts), which all MUXes and hosts of a fabric have and no tenant.
 */
import { CONFIG_REDIRECT_KEY_0, CONFIG_REDIRECT_KEY_1, FIXED_CONFIG } from '../abi';
import { DESTINATION_PORT, destinationPort, SOURCE_PORT, sourcePort } from './ports';
import { PROTOCOL_TCP } from './tcp';
import { setUdpLength, UDP_BYTES, UDP_CHECKSUM, udpLength } from './udp';

/** 8571 as it lies in memory. */
export const REDIRECT_PORT_NET: u32 = 0x7b21;
export const REDIRECT_BYTES: u32 = 88;
/** The datagram: UDP header and message. */
export const REDIRECT_UDP_BYTES: u32 = UDP_BYTES + REDIRECT_BYTES;

export const SIDE_CALLER: u32 = 0;
export const SIDE_CALLED: u32 = 1;

/** `EMRD` as it lies in memory. */
const MAGIC: u32 = 0x44524d45;
const VERSION: u32 = 1;

const FAMILY = 5;
const SIDE = 7;
const CLIENT = 8;
const VIP = 24;
const PORTS = 40;
const PEER_VNI = 44;
const PEER_ADDRESS = 48;
const PEER_MAC = 64;
const PEER_FAMILY = 70;
const OWN_MAC = 72;
const TAG: usize = 80;

/** Version and protocol, which are the same in all: bytes 4..7 without family and side. */
const FIXED_FIELDS: u32 = VERSION | (PROTOCOL_TCP << 16);
const FIXED_FIELDS_MASK: u32 = 0x00ff00ff;

/** "somepseudorandomlygeneratedbytes" */
const INITIAL_0: u64 = 0x736f6d6570736575;
const INITIAL_1: u64 = 0x646f72616e646f6d;
const INITIAL_2: u64 = 0x6c7967656e657261;
const INITIAL_3: u64 = 0x7465646279746573;

/** Clears a message and writes what it is about. */
export function beginRedirect(message: usize, family: u32, side: u32): void {
  memory.fill(message, 0, REDIRECT_BYTES);
  store<u32>(message, MAGIC);
  store<u32>(message, FIXED_FIELDS | (family << 8) | (side << 24), FAMILY - 1);
}

/** Whether it is a redirect of this version about a TCP connection, and the tag is that of a MUX. */
export function isRedirect(message: usize): bool {
  if (load<u32>(message) != MAGIC) return false;
  if ((load<u32>(message, FAMILY - 1) & FIXED_FIELDS_MASK) != FIXED_FIELDS) return false;
  return load<u64>(message + TAG) == tagOf(message);
}

export function sealRedirect(message: usize): void {
  store<u64>(message + TAG, tagOf(message));
}

/** Of the connection: 4 or 6. */
export function redirectFamily(message: usize): u32 {
  return load<u8>(message, FAMILY);
}

/** SIDE_… */
export function redirectSide(message: usize): u32 {
  return load<u8>(message, SIDE);
}

/** Where the 16 bytes of the calling end's address lie; those of the VIP follow. */
export function redirectClient(message: usize): usize {
  return message + CLIENT;
}

export function redirectVip(message: usize): usize {
  return message + VIP;
}

/** Both ports as they lie in memory: that of the client low. */
export function redirectPorts(message: usize): u32 {
  return load<u32>(message, PORTS);
}

export function setRedirectPorts(message: usize, ports: u32): void {
  store<u32>(message, ports, PORTS);
}

export function redirectVni(message: usize): u32 {
  return bswap<u32>(load<u32>(message, PEER_VNI));
}

/** Where the 16 bytes of the other host's provider address lie. */
export function redirectPeerAddress(message: usize): usize {
  return message + PEER_ADDRESS;
}

export function redirectPeerFamily(message: usize): u32 {
  return load<u8>(message, PEER_FAMILY);
}

/** Where the MAC address of the other VM lies. */
export function redirectPeerMac(message: usize): usize {
  return message + PEER_MAC;
}

/** Writes where the other VM lives, but for the address of its host. */
export function setRedirectPeer(message: usize, family: u32, vni: u32, mac: u64): void {
  store<u32>(message, bswap<u32>(vni), PEER_VNI);
  writeMac(message + PEER_MAC, mac);
  store<u8>(message, <u8>family, PEER_FAMILY);
}

/** Where the MAC address of the VM lies whose host is told. */
export function redirectOwnMac(message: usize): usize {
  return message + OWN_MAC;
}

export function setRedirectOwnMac(message: usize, mac: u64): void {
  writeMac(message + OWN_MAC, mac);
}

/** Whether a UDP header is one that carries a redirect, whole. */
export function carriesRedirect(udp: usize, segmentBytes: u32): bool {
  return (
    segmentBytes >= REDIRECT_UDP_BYTES && udpLength(udp) == REDIRECT_UDP_BYTES && sourcePort(udp) == REDIRECT_PORT_NET
  );
}

/** Whether a datagram is for whoever reads redirects; its UDP header is there. */
export function isForRedirects(udp: usize): bool {
  return destinationPort(udp) == REDIRECT_PORT_NET;
}

/** The UDP header in front of a message; its checksum is zero. */
export function writeRedirectUdp(udp: usize): void {
  store<u16>(udp, <u16>REDIRECT_PORT_NET, SOURCE_PORT);
  store<u16>(udp, <u16>REDIRECT_PORT_NET, DESTINATION_PORT);
  setUdpLength(udp, REDIRECT_UDP_BYTES);
  store<u16>(udp, 0, UDP_CHECKSUM);
}

function writeMac(to: usize, mac: u64): void {
  store<u32>(to, <u32>mac);
  store<u16>(to, <u16>(mac >> 32), 4);
}

/** SipHash-2-4 (Aumasson, Bernstein 2012) over the 80 bytes in front of the tag. */
function tagOf(message: usize): u64 {
  const key0 = load<u64>(FIXED_CONFIG + CONFIG_REDIRECT_KEY_0);
  const key1 = load<u64>(FIXED_CONFIG + CONFIG_REDIRECT_KEY_1);
  v0 = key0 ^ INITIAL_0;
  v1 = key1 ^ INITIAL_1;
  v2 = key0 ^ INITIAL_2;
  v3 = key1 ^ INITIAL_3;
  for (let at: usize = 0; at < TAG; at += 8) compress(load<u64>(message + at));
  compress((<u64>TAG) << 56);
  v2 ^= 0xff;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

let v0: u64 = 0;
let v1: u64 = 0;
let v2: u64 = 0;
let v3: u64 = 0;

function compress(word: u64): void {
  v3 ^= word;
  rounds(2);
  v0 ^= word;
}

function rounds(count: u32): void {
  for (let round: u32 = 0; round < count; round++) {
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
  }
}
