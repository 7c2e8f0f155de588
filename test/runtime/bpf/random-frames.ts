/** Random frames around a selection: most are about one of its addresses, some are damaged or cut. */
import type { FrameSelection } from '../../../sdk/runtime/packet-port.js';
import { ACK, eth, type Packet } from '../../support/packet.js';
import type { Random } from '../../support/random.js';

const OTHERS = ['192.0.2.7', '224.0.0.1', '169.254.1.1', '255.255.255.255', '127.0.0.1', '0.0.0.0', '10.0.0.99'];
const OTHERS6 = ['2001:db8::7', 'ff02::1', 'fe80::1', '::1', '::', '64:ff9b::1', '2001:db8:f::99'];

/** A frame of at least 15 bytes. */
export function randomFrame(random: Random, selection: FrameSelection): Uint8Array {
  const bytes = randomPacket(random, selection).bytes().slice(0, 1500);
  if (random.oneIn(8)) bytes[random.below(Math.min(bytes.length, 80))] = random.below(256);
  return random.oneIn(10) ? bytes.slice(0, random.between(15, bytes.length)) : bytes;
}

function randomPacket(random: Random, selection: FrameSelection): Packet {
  let packet = eth(random.oneIn(10) ? { dst: '01:00:5e:00:00:01' } : {});
  const tagCount = random.pick([0, 0, 0, 1, 2, 3]);
  for (let i = 0; i < tagCount; i++) packet = packet.vlan(random.below(4096), { tpid: random.pick([0x8100, 0x88a8]) });
  const isIpv6 = random.oneIn(2);
  const ours = Object.values(selection)
    .flat()
    .filter((address: string) => address.includes(':') === isIpv6);
  const address = () => (random.oneIn(4) ? random.pick(isIpv6 ? OTHERS6 : OTHERS) : random.pick(ours));
  return withPayload(
    isIpv6 ? ipv6(packet, address(), address(), random) : ipv4(packet, address(), address(), random),
    random,
  );
}

function ipv4(packet: Packet, source: string, destination: string, random: Random): Packet {
  const options = random.oneIn(4) ? { options: new Uint8Array(random.between(1, 10) * 4) } : {};
  const protocol = random.oneIn(6) ? { protocol: random.pick([44, 47, 58, 17]) } : {};
  const fragment = random.oneIn(6) ? { mf: random.oneIn(2), fragmentOffset: random.pick([0, 1, 185]) } : {};
  return packet.ipv4(source, destination, { ...options, ...protocol, ...fragment });
}

function ipv6(packet: Packet, source: string, destination: string, random: Random): Packet {
  let ip = packet.ipv6(source, destination);
  const stepCount = random.pick([0, 0, 0, 1, 2, 4, 5]);
  for (let i = 0; i < stepCount; i++) {
    const data = { data: new Uint8Array(random.below(40)) };
    ip = random.pick([() => ip.hopByHop(data), () => ip.routing(data), () => ip.destinationOptions(data)])();
  }
  return random.oneIn(8) ? ip.fragment({ offset: random.pick([0, 0, 1, 185]), more: random.oneIn(2) }) : ip;
}

function withPayload(ip: Packet, random: Random): Packet {
  return random.pick([
    () => ip.tcp(random.below(65536), random.pick([80, 179, 4789]), ACK),
    () => ip.udp(random.below(65536), random.pick([4789, 4789, 8571, 53])),
    () => ip.nvgre(1),
    () => ip.icmp(),
    () => ip.icmpv6(random.between(128, 140)),
    () => ip.payload(random.bytes(random.below(60))),
  ])();
}
