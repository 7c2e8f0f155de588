/**
 * What a MUX sees: clients that talk to the VIPs of its program.
 */

import { ANY_PORT, ANY_PROTOCOL, type MuxProgram, PROTOCOL_TCP, PROTOCOL_UDP } from '../../sdk/program/types.js';
import { ethernetLies, ipv4Lies } from './packet-lies.js';
import { type PacketPlan, plan } from './packet-plan.js';
import type { Random } from './random.js';
import { fillIn, type Intent, randomClient } from './random-intent.js';

/** Nobody's VIP. */
const OTHER_ADDRESS = '198.51.100.1';

export function muxIntent(program: MuxProgram, random: Random): Intent {
  const packet =
    program.services.length > 0 && !random.oneIn(20) ? toService(program, random) : toAddress(program, random);
  packet.ethernet = { dst: program.attachment.macAddress };
  fillIn(packet, random);
  return {
    about: `${packet.transport} to ${packet.destination}:${packet.destinationPort}`,
    plan: packet,
    port: 'underlay',
    lies: [...ipv4Lies, ...ethernetLies].map((lie) => ({ about: '', plan: packet, lie })),
  };
}

function toService(program: MuxProgram, random: Random): PacketPlan {
  const { vip, protocol, port } = random.pick(program.services);
  const wanted = protocol === ANY_PROTOCOL ? random.pick([PROTOCOL_TCP, PROTOCOL_UDP]) : protocol;
  const destinationPort = port === ANY_PORT ? random.between(1, 65535) : port;
  return plan(wanted === PROTOCOL_UDP ? 'udp' : 'tcp', randomClient(random), [vip, destinationPort]);
}

/** To a VIP, whether or not anything listens on the port, or to an address that is none. */
function toAddress(program: MuxProgram, random: Random): PacketPlan {
  const address = random.pick([...program.vips, OTHER_ADDRESS]);
  return plan(random.pick(['tcp', 'udp']), randomClient(random), [address, random.between(1, 65535)]);
}
