/** ICMP errors about packets that left from a VIP. */
import { type FamilyKit, icmp, ip, ipBytes } from './families.js';
import type { IcmpFields } from './layers.js';
import { ACK, eth, type Packet } from './packet.js';

const CLIENT_PORT = 40000;

/** Makes errors of one family, and packets for them to quote. */
export function errorsOf(kit: FamilyKit) {
  const { vip, client, router } = kit;
  /** What a backend of `from` sent to the client. */
  const quote = (rest: (packet: Packet) => Packet, from = vip, protocol?: number) =>
    ipBytes(kit, [from, client], rest, protocol);
  const https = (flags = ACK) => quote((packet) => packet.tcp(443, CLIENT_PORT, flags, { payload: 'x'.repeat(100) }));
  const ofProtocol = (protocol: number, from = vip) => quote((packet) => packet.payload(''), from, protocol);
  const ping = (identifier: number, from = vip) =>
    quote((packet) => icmp(kit, packet, kit.echoRequest, 0, { rest: identifier * 65536 }).payload('12345678'), from);
  /** From a router to a VIP, with a packet in it. */
  const message = (type: number, code: number, quoted: Uint8Array, to = vip, fields: IcmpFields = {}, start = eth()) =>
    icmp(kit, ip(kit, router, to, start), type, code, fields).payload(quoted);
  const unreachable = (quoted: Uint8Array, to = vip) => message(kit.unreachable, 1, quoted, to);
  return { quote, https, ofProtocol, ping, message, unreachable };
}
