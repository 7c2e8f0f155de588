/** FrameSelection of packet-port.ts once more, as plain TypeScript: what the program in the kernel has to agree with. */
import { formatIp } from '../../../sdk/net/address.js';
import type { FrameSelection } from '../../../sdk/runtime/packet-port.js';
import { be16 } from '../../support/bytes.js';

interface IpPacket {
  readonly source: string;
  readonly destination: string;
  readonly isOneMachine: boolean;
  /** `fragment` for any piece of a packet. */
  readonly protocol: number | 'fragment';
  readonly payload: Uint8Array;
}

/** Whether a frame is taken from the kernel. */
export function isSelected(frame: Uint8Array, selection: FrameSelection): boolean {
  const packet = ipPacketOf(frame);
  if (packet === undefined) return false;
  const { destination, source, protocol } = packet;
  if (selection.destinations.includes(destination)) return true;
  if (protocol === 'unknown') return false;
  if (selection.tunnelEnds.includes(destination)) {
    if (protocol === 47) return true;
    if (protocol === 17) {
      if (packet.payload.length < 4) return false;
      if ([4789, 8571].includes(be16(packet.payload, 2))) return true;
    }
  }
  if (selection.local.includes(destination) || (frame[0]! & 1) === 1 || !packet.isOneMachine) return false;
  if (!selection.sources.includes(source)) return false;
  return !(source.includes(':') && protocol === 58 && isNeighbourDiscovery(packet.payload));
}

/** What is too short to tell counts as that too. */
function isNeighbourDiscovery(payload: Uint8Array): boolean {
  return payload.length === 0 || (payload[0]! >= 133 && payload[0]! <= 137);
}

type Found = Omit<IpPacket, 'protocol'> & { readonly protocol: number | 'fragment' | 'unknown' };

function ipPacketOf(frame: Uint8Array): Found | undefined {
  if (frame.length < 14) return undefined;
  let type = be16(frame, 12);
  let at = 14;
  for (let tag = 0; tag < 2 && (type === 0x8100 || type === 0x88a8); tag++) {
    if (frame.length < at + 4) return undefined;
    type = be16(frame, at + 2);
    at += 4;
  }
  const ip = frame.subarray(at);
  if (type === 0x0800) return ipv4PacketOf(ip);
  if (type === 0x86dd) return ipv6PacketOf(ip);
  return undefined;
}

function ipv4PacketOf(ip: Uint8Array): Found | undefined {
  if (ip.length < 20 || ip[0]! >> 4 !== 4 || (ip[0]! & 15) < 5) return undefined;
  const [a, b] = [ip[16]!, ip[17]!];
  return {
    source: formatIp(ip.subarray(12, 16)),
    destination: formatIp(ip.subarray(16, 20)),
    isOneMachine: a > 0 && a < 224 && a !== 127 && !(a === 169 && b === 254),
    protocol: (be16(ip, 6) & 0x3fff) !== 0 ? 'fragment' : ip[9]!,
    payload: ip.subarray((ip[0]! & 15) * 4),
  };
}

function ipv6PacketOf(ip: Uint8Array): Found | undefined {
  if (ip.length < 40 || ip[0]! >> 4 !== 6) return undefined;
  const destination = ip.subarray(24, 40);
  const isLinkLocal = destination[0] === 0xfe && (destination[1]! & 0xc0) === 0x80;
  const isNobody = destination.subarray(0, 8).every((byte) => byte === 0);
  return {
    source: formatIp(ip.subarray(8, 24)),
    destination: formatIp(destination),
    isOneMachine: destination[0] !== 0xff && !isLinkLocal && !isNobody,
    ...walk(ip[6]!, ip.subarray(40), 4),
  };
}

function walk(protocol: number, rest: Uint8Array, stepsLeft: number): Pick<Found, 'protocol' | 'payload'> {
  if (protocol === 44) return { protocol: 'fragment', payload: rest };
  if (![0, 43, 60].includes(protocol)) return { protocol, payload: rest };
  if (stepsLeft === 0 || rest.length < 8) return { protocol: 'unknown', payload: rest };
  return walk(rest[0]!, rest.subarray((rest[1]! + 1) * 8), stepsLeft - 1);
}
