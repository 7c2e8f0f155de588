/**
 * Cuts a frame that is larger than the MTU into the segments its sender has left to the hardware: TCP (TSO) and UDP (USO)
 * over IPv4 and IPv6, behind VLAN tags, IPv4 options and IPv6 extension headers, alone or inside VXLAN or NVGRE.
 *
 *   | headers | payload                                    |   frame, GSO size 3
 *   | headers | pay |   | headers | loa |   | headers | d |    its segments
 *
 * Each has the headers of the frame, with their lengths; IPv4 identifications count up, TCP sequence numbers too; CWR is
 * on the first one only, FIN and PSH on the last one only; all checksums are complete, whatever the frame's fields hold.
 *
 *   const count = segmentCount(header, frame, length, link);
 *   for (let index = count; index-- > 0; ) bytes = writeSegment(index, target);
 *
 * segmentCount leaves what it found in variables of this module, for writeSegment.
 */
import { sumWords } from '../wire/checksum';
import { ipv4Id, setIpv4IdAndLength } from '../wire/ipv4';
import { IPV6_BYTES, setIpv6PayloadLength } from '../wire/ipv6';
import { checksumField } from '../wire/ports';
import { announcesMss, PROTOCOL_TCP, resetsConnection, setTcpSegment, tcpFlags, tcpHeaderBytes } from '../wire/tcp';
import { PROTOCOL_UDP, setUdpLength, UDP_BYTES, UDP_CHECKSUM } from '../wire/udp';
import { copySumming, sumLong } from './sum';
import {
  findInnerTransport,
  findTransport,
  foundFamily,
  foundIp,
  foundL4,
  foundL4Bytes,
  foundOuterFamily,
  foundOuterIp,
  foundOuterL4,
  foundOuterProtocol,
  foundProtocol,
  pseudoSum,
} from './transport';
import { storeChecksum } from './unfinished';
import {
  VIRTIO_GSO_TCP_4,
  VIRTIO_GSO_TCP_6,
  VIRTIO_GSO_UDP,
  virtioChecksumOffset,
  virtioChecksumStart,
  virtioGsoBytes,
  virtioGsoType,
  virtioNeedsChecksum,
} from './virtio-header';

/** GSO sizes below this are refused: nobody has such an MTU, and each byte would become a packet. */
export const GSO_BYTES_MIN: u32 = 128;
/** No frame makes more segments: what 64 KiB make at that size. */
export const SEGMENT_COUNT_MAX: u32 = 512;

/** The frame that is cut; the headers it is cut at are those that transport.ts found, at the time. */
let cutFrame: usize = 0;
let cutIp: usize = 0;
let cutFamily: u32 = 0;
let cutProtocol: u32 = 0;
let cutL4: usize = 0;
let cutPayload: usize = 0;
let cutPayloadBytes: u32 = 0;
let cutGsoBytes: u32 = 1;
let cutOuterIp: usize = 0;
let cutOuterFamily: u32 = 0;
let cutOuterProtocol: u32 = 0;
let cutOuterL4: usize = 0;

/**
 * How many segments a GSO frame makes; 1 when all of its payload fits one. Nothing is written.
 *
 * @param header its virtio header, virtioIsGso. Its words are compared with the frame, none is trusted.
 * @param frame as it was received
 * @param length of the frame in bytes, all of which may be read
 * @param link LINK_…
 * @returns 0 when it cannot be cut, because frame and header do not agree or the type is none of ours (UFO): drop it
 */
export function segmentCount(header: usize, frame: usize, length: u32, link: u32): u32 {
  if (!findTransport(frame, length, link)) return 0;
  if (virtioNeedsChecksum(header)) {
    if (!foundIsMarked(header, frame) && !(findInnerTransport() && foundIsMarked(header, frame))) return 0;
  } else {
    findInnerTransport();
  }
  return prepareCut(header, frame);
}

/**
 * The same of a frame that canStayWhole let in and that the pipeline has translated or put into a tunnel since, so that the
 * positions in its header are those of before.
 *
 * @param header the virtio header it was received with
 */
export function segmentCountAnew(header: usize, frame: usize, length: u32, link: u32): u32 {
  if (!findTransport(frame, length, link)) return 0;
  findInnerTransport();
  return prepareCut(header, frame);
}

/** Whether a GSO frame, whose segment transport.ts has found, can be cut there. */
export function foundCanBeCut(header: usize): bool {
  const type = virtioGsoType(header);
  if (type == VIRTIO_GSO_UDP) {
    if (foundProtocol != PROTOCOL_UDP) return false;
  } else {
    if (type != (foundFamily == 6 ? VIRTIO_GSO_TCP_6 : VIRTIO_GSO_TCP_4) || foundProtocol != PROTOCOL_TCP) return false;
    // A segment with SYN or RST cannot be one of several.
    const flags = tcpFlags(foundL4);
    if (announcesMss(flags) || resetsConnection(flags)) return false;
  }
  return virtioGsoBytes(header) >= GSO_BYTES_MIN;
}

/** Whether the checksum that a virtio header marks is that of the segment transport.ts has found. */
export function foundIsMarked(header: usize, frame: usize): bool {
  if (frame + virtioChecksumStart(header) != foundL4) return false;
  return foundProtocol == PROTOCOL_TCP || foundProtocol == PROTOCOL_UDP
    ? virtioChecksumOffset(header) == checksumField(foundProtocol)
    : false;
}

/** Bytes of headers in front of the payload of what transport.ts has found, from the start of TCP or UDP. */
export function foundHeaderBytes(): u32 {
  return foundProtocol == PROTOCOL_TCP ? tcpHeaderBytes(foundL4) : UDP_BYTES;
}

/** Bytes of the longest segment of the frame that is cut. */
export function segmentBytesMax(): u32 {
  return <u32>(cutPayload - cutFrame) + min(cutGsoBytes, cutPayloadBytes);
}

/**
 * Writes a segment of the frame segmentCount has read last.
 *
 * @param index 0 … count − 1, in any order
 * @param target room for segmentBytesMax bytes, outside the frame; or the frame itself, for segment 0 when all others
 *   have been written
 * @returns bytes of the segment
 */
export function writeSegment(index: u32, target: usize): u32 {
  const offset = index * cutGsoBytes;
  const bytes = min(cutGsoBytes, cutPayloadBytes - offset);
  const distance = target - cutFrame;
  const ip = cutIp + distance;
  const l4 = cutL4 + distance;
  const payload = cutPayload + distance;
  const end = payload + bytes;
  const headerBytes = <u32>(cutPayload - cutL4);

  memory.copy(target, cutFrame, cutPayload - cutFrame);
  const payloadSum = copySumming(payload, cutPayload + offset, bytes);
  setIpLength(ip, cutFamily, index, end);
  if (cutProtocol == PROTOCOL_TCP) setTcpSegment(l4, offset, offset + bytes == cutPayloadBytes);
  else setUdpLength(l4, headerBytes + bytes);
  const field = l4 + checksumField(cutProtocol);
  store<u16>(field, 0);
  const headerSum = sumWords(l4, headerBytes);
  storeChecksum(field, pseudoSum(cutFamily, ip, cutProtocol, headerBytes + bytes) + headerSum + payloadSum);
  if (cutOuterIp != 0) writeTunnel(distance, index, end);
  return <u32>(end - target);
}

function prepareCut(header: usize, frame: usize): u32 {
  if (!foundCanBeCut(header)) return 0;
  cutFrame = frame;
  cutIp = foundIp;
  cutFamily = foundFamily;
  cutProtocol = foundProtocol;
  cutL4 = foundL4;
  cutPayload = foundL4 + foundHeaderBytes();
  cutPayloadBytes = foundL4Bytes - foundHeaderBytes();
  cutGsoBytes = virtioGsoBytes(header);
  cutOuterIp = foundOuterIp;
  cutOuterFamily = foundOuterFamily;
  cutOuterProtocol = foundOuterProtocol;
  cutOuterL4 = foundOuterL4;
  return cutPayloadBytes <= cutGsoBytes ? 1 : (cutPayloadBytes + cutGsoBytes - 1) / cutGsoBytes;
}

/** Gives the headers of the tunnel around a segment their lengths, and its UDP checksum if the frame has one. */
function writeTunnel(distance: usize, index: u32, end: usize): void {
  const ip = cutOuterIp + distance;
  const l4 = cutOuterL4 + distance;
  setIpLength(ip, cutOuterFamily, index, end);
  if (cutOuterProtocol != PROTOCOL_UDP) return;
  const bytes = <u32>(end - l4);
  setUdpLength(l4, bytes);
  if (load<u16>(l4, UDP_CHECKSUM) == 0) return;
  store<u16>(l4, 0, UDP_CHECKSUM);
  storeChecksum(l4 + UDP_CHECKSUM, pseudoSum(cutOuterFamily, ip, PROTOCOL_UDP, bytes) + sumLong(l4, bytes));
}

function setIpLength(ip: usize, family: u32, index: u32, end: usize): void {
  const totalLength = <u32>(end - ip);
  if (family == 6) setIpv6PayloadLength(ip, totalLength - IPV6_BYTES);
  else setIpv4IdAndLength(ip, <u32>bswap<u16>(<u16>ipv4Id(ip)) + index, totalLength);
}
