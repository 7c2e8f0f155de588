/**
 * TCP and UDP as far as a load balancer looks: lengths, ports and the flags that begin and end a connection.
 */

import { be16 } from '../support/bytes.js';
import { drop, type Ending } from './ending.js';
import type { FiveTuple } from './flow-hash.js';
import { type IpPacket, TCP, UDP } from './ip.js';

const FLAG = { FIN: 0x01, SYN: 0x02, RST: 0x04, ACK: 0x10 };

export function hasPorts(protocol: number): boolean {
  return protocol === TCP || protocol === UDP;
}

/** A whole segment or datagram, or the first fragment of one, which may announce more UDP than it has. */
export function checkTransport(packet: IpPacket): Ending | undefined {
  const { protocol, upper, fragment } = packet;
  if (protocol === TCP) {
    if (upper.length < 20) return drop('tcp-truncated');
    const headerBytes = (upper[12]! >> 4) * 4;
    return headerBytes < 20 || headerBytes > upper.length ? drop('tcp-header-length') : undefined;
  }
  if (protocol === UDP) {
    if (upper.length < 8) return drop('udp-truncated');
    const udpLength = be16(upper, 4);
    const isTooLong = fragment === undefined && udpLength > upper.length;
    return udpLength < 8 || isTooLong ? drop('udp-length') : undefined;
  }
  return undefined;
}

/** What a packet says about its connection; all false for anything but TCP. */
export interface Signals {
  /** SYN without ACK and without RST. */
  readonly opens: boolean;
  readonly resets: boolean;
  readonly finishes: boolean;
}

/** Of a packet whose transport header was checked. */
export function signalsOf({ protocol, upper }: IpPacket): Signals {
  const flags = protocol === TCP ? upper[13]! : 0;
  return {
    opens: (flags & (FLAG.SYN | FLAG.ACK | FLAG.RST)) === FLAG.SYN,
    resets: (flags & FLAG.RST) !== 0,
    finishes: (flags & FLAG.FIN) !== 0,
  };
}

/** Whether the ports of a packet can be read when nothing else is asked of it. */
export function hasReadablePorts({ protocol, upper, fragment }: IpPacket): boolean {
  return hasPorts(protocol) && fragment === undefined && upper.length >= 4;
}

/** `withPorts` false: a packet that has none, or that nobody asks for them. */
export function tupleOf({ source, destination, protocol, upper }: IpPacket, withPorts: boolean): FiveTuple {
  const [sourcePort, destinationPort] = withPorts ? [be16(upper, 0), be16(upper, 2)] : [0, 0];
  return { source, destination, sourcePort, destinationPort, protocol };
}
