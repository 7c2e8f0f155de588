/**
 * ICMP messages: pings, and errors that quote a packet, more or less of it.
 */

import { ipBytesOf, isIpv6, type PacketPlan, plan } from './packet-plan.js';
import type { Random } from './random.js';

/** Destination unreachable, packet too big, time exceeded, parameter problem; a few types that quote nothing of ours. */
const ERROR_TYPES = { 4: [3, 3, 3, 11, 12, 3, 11, 4, 5], 6: [1, 2, 2, 3, 4, 1, 2, 100, 137] };

/** An echo request or reply; an identifier is what a port is elsewhere. */
export function echo(kind: 'request' | 'reply', source: string, destination: string, identifier: number): PacketPlan {
  const made = plan('icmp', [source, 0], [destination, 0]);
  const types = isIpv6(made) ? { request: 128, reply: 129 } : { request: 8, reply: 0 };
  made.icmp = { type: types[kind], code: 0, fields: { rest: identifier * 65536 + 1 } };
  return made;
}

/** An error from a router on the way about a packet; sent to whoever sent that one. */
export function errorAbout(quoted: PacketPlan, router: string, random: Random): PacketPlan {
  const made = plan('icmp', [router, 0], [quoted.source, 0]);
  const type = random.pick(ERROR_TYPES[router.includes(':') ? 6 : 4]);
  made.icmp = { type, code: random.below(16), fields: { rest: random.pick([0, 1400, random.uint32()]) } };
  made.payload = cutQuote(ipBytesOf(quoted), random);
  return made;
}

/** Routers quote 8 bytes behind the header, or as much as fits; a hostile one whatever it likes. */
function cutQuote(packet: Uint8Array, random: Random): Uint8Array {
  const lengths = [28, 48, 548, 1232, packet.length, packet.length, random.below(80), random.below(packet.length + 1)];
  return packet.slice(0, random.pick(lengths));
}
