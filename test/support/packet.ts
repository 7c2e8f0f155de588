/**
 * Packets as a network engineer writes them down, outermost header first:
 *
 *   eth().vlan(100).ipv4('192.0.2.7', '80.80.80.80').tcp(40000, 443, SYN)
 *   eth().ipv6('2001:db8::7', '2001:db8::80').destinationOptions().tcp(40000, 443, SYN)
 *   ipv4('10.0.0.11', '10.0.0.21').udp(50000, 4789).vxlan(5001).eth().ipv4('192.0.2.7', '80.80.80.80').udp(53000, 53)
 *
 * A packet never changes: each call gives a longer one, so rows of a table may share their beginning. What is not said
 * has the value a host sends (TTL 64, DF, right lengths and checksums), and every such value can be overridden.
 */

import type { Link } from './checksum.js';
import {
  bareLayer,
  type EthernetFields,
  type ExtensionFields,
  ethernetLayer,
  extensionLayer,
  type FragmentFields,
  fragmentLayer,
  type GreFields,
  type IcmpFields,
  type Ipv4Fields,
  type Ipv6Fields,
  icmpLayer,
  icmpv6Layer,
  ipv4Layer,
  ipv6Layer,
  type Layer,
  nvgreLayer,
  payloadLayer,
  type TcpFields,
  tcpLayer,
  type UdpFields,
  udpLayer,
  type VlanFields,
  type VxlanFields,
  vlanLayer,
  vxlanLayer,
} from './layers.js';

/** TCP flags, RFC 9293 section 3.1; combined with `|`. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

/** A frame that starts with an Ethernet header. */
export function eth(fields: EthernetFields = {}): Packet {
  return new Packet('ethernet', []).eth(fields);
}

/** A frame that starts with its IP header, as TUN devices give it. */
export function bare(): Packet {
  return new Packet('bare', [bareLayer(undefined)]);
}

/** Short for `bare().ipv4(…)`. */
export function ipv4(source: string, destination: string, fields: Ipv4Fields = {}): Packet {
  return bare().ipv4(source, destination, fields);
}

/** Short for `bare().ipv6(…)`. */
export function ipv6(source: string, destination: string, fields: Ipv6Fields = {}): Packet {
  return bare().ipv6(source, destination, fields);
}

export class Packet {
  readonly link: Link;
  readonly #layers: readonly Layer[];
  /** Where the innermost frame starts, and how to start it again with padding. */
  readonly #frame: { readonly index: number; readonly padTo: (length: number) => Layer };

  constructor(
    link: Link,
    layers: readonly Layer[],
    frame: { readonly index: number; readonly padTo: (length: number) => Layer } = { index: 0, padTo: bareLayer },
  ) {
    this.link = link;
    this.#layers = layers;
    this.#frame = frame;
  }

  /** Ethernet header; the type follows from what comes behind it. After `vxlan` it starts the inner frame. */
  eth(fields: EthernetFields = {}): Packet {
    return new Packet(this.link, [...this.#layers, ethernetLayer(fields)], {
      index: this.#layers.length,
      padTo: (length) => ethernetLayer({ ...fields, padTo: length }),
    });
  }

  /** VLAN tag; two of them make QinQ. */
  vlan(id: number, fields: VlanFields = {}): Packet {
    return this.#with(vlanLayer(id, fields));
  }

  ipv4(source: string, destination: string, fields: Ipv4Fields = {}): Packet {
    return this.#with(ipv4Layer(source, destination, fields));
  }

  ipv6(source: string, destination: string, fields: Ipv6Fields = {}): Packet {
    return this.#with(ipv6Layer(source, destination, fields));
  }

  /** IPv6 hop-by-hop options, protocol 0. */
  hopByHop(fields: ExtensionFields = {}): Packet {
    return this.#with(extensionLayer(0, fields));
  }

  /** IPv6 routing header, protocol 43; no segments left unless told otherwise. */
  routing(fields: ExtensionFields = {}): Packet {
    return this.#with(extensionLayer(43, fields));
  }

  /** IPv6 destination options, protocol 60. */
  destinationOptions(fields: ExtensionFields = {}): Packet {
    return this.#with(extensionLayer(60, fields));
  }

  /** IPv6 fragment header, protocol 44; an atomic fragment unless told otherwise. */
  fragment(fields: FragmentFields = {}): Packet {
    return this.#with(fragmentLayer(fields));
  }

  tcp(sourcePort: number, destinationPort: number, flags: number, fields: TcpFields = {}): Packet {
    return this.#with(tcpLayer(sourcePort, destinationPort, flags, fields));
  }

  udp(sourcePort: number, destinationPort: number, fields: UdpFields = {}): Packet {
    return this.#with(udpLayer(sourcePort, destinationPort, fields));
  }

  /** VXLAN header; the UDP datagram around it has no checksum then unless told otherwise. */
  vxlan(vni: number, fields: VxlanFields = {}): Packet {
    return this.#with(vxlanLayer(vni, fields));
  }

  /** ICMP message, an echo request unless told otherwise. */
  icmp(type = 8, code = 0, fields: IcmpFields = {}): Packet {
    return this.#with(icmpLayer(type, code, fields));
  }

  /** ICMPv6 message, an echo request unless told otherwise. */
  icmpv6(type = 128, code = 0, fields: IcmpFields = {}): Packet {
    return this.#with(icmpv6Layer(type, code, fields));
  }

  /** NVGRE header: GRE with the virtual subnet and a flow id in its key. */
  nvgre(vsid: number, flowId = 0, fields: GreFields = {}): Packet {
    return this.#with(nvgreLayer(vsid, flowId, fields));
  }

  payload(content: Uint8Array | string): Packet {
    return this.#with(payloadLayer(content));
  }

  /** Fills the innermost frame up with zeros to `length` bytes; 60 is the shortest Ethernet frame without its FCS. */
  pad(length: number): Packet {
    return new Packet(this.link, this.#layers.with(this.#frame.index, this.#frame.padTo(length)), this.#frame);
  }

  bytes(): Uint8Array {
    return this.#layers.reduceRight<Uint8Array>(
      (payload, layer, index) => layer.encode(payload, this.#below(index), this.#layers[index + 1]),
      new Uint8Array(0),
    );
  }

  /** The layer in front of one, extension headers aside. */
  #below(index: number): Layer | undefined {
    const below = this.#layers[index - 1];
    return below?.isExtension ? this.#below(index - 1) : below;
  }

  #with(layer: Layer): Packet {
    return new Packet(this.link, [...this.#layers, layer], this.#frame);
  }
}
