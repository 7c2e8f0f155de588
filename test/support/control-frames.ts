/** Messages of the control plane as frames from a MUX to its router, for captures that others read. */
import { ACK, eth, type Packet, PSH } from './packet.js';

const BGP_PORT = 179;
const BFD_PORT = 3784;
const SOURCE_PORT_FIRST = 49152;

const ENDS = {
  ipv4: { mux: '192.0.2.4', router: '192.0.2.1' },
  ipv6: { mux: '2001:db8::4', router: '2001:db8::1' },
} as const;

type Family = keyof typeof ENDS;

/** BGP messages, each on a connection of its own (16,384 at most), so that what is wrong with one harms no other. */
export function bgpFrames(messages: readonly Uint8Array[], family: Family = 'ipv4'): Uint8Array[] {
  return messages.map((payload, index) =>
    between(family, 64)
      .tcp(SOURCE_PORT_FIRST + index, BGP_PORT, PSH | ACK, { seq: 1, ack: 1, payload })
      .bytes(),
  );
}

/** A BFD control packet as RFC 5881 section 5 sends it: with TTL or hop limit 255. */
export function bfdFrame(payload: Uint8Array, family: Family = 'ipv4'): Uint8Array {
  return between(family, 255).udp(SOURCE_PORT_FIRST, BFD_PORT, { payload }).bytes();
}

function between(family: Family, hops: number): Packet {
  const { mux, router } = ENDS[family];
  return family === 'ipv4' ? eth().ipv4(mux, router, { ttl: hops }) : eth().ipv6(mux, router, { hopLimit: hops });
}
