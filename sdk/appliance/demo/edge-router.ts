/** A simulated edge router: a route per MUX that announces the VIPs, and ECMP between them. */

export class EdgeRouter {
  #nextHops: string[] = [];

  /** The MUXes that announce the VIPs, in a stable order. */
  get nextHops(): readonly string[] {
    return this.#nextHops;
  }

  announce(mux: string): void {
    this.#nextHops = [...new Set([...this.#nextHops, mux])].sort();
  }

  withdraw(mux: string): void {
    this.#nextHops = this.#nextHops.filter((nextHop) => nextHop !== mux);
  }

  /** The MUX for a frame: a hash of the 5-tuple over the next hops there are. */
  nextHop(frame: Uint8Array): string | undefined {
    return this.#nextHops[hashOfFlow(frame) % this.#nextHops.length];
  }

  /** The frame with new MAC addresses, without a VLAN tag, and with one less to live, as a router sends it on. */
  forward(frame: Uint8Array, macs: { readonly source: Uint8Array; readonly destination: Uint8Array }): Uint8Array {
    const packet = frame.subarray(isTagged(frame) ? ETHERNET_BYTES + VLAN_TAG_BYTES : ETHERNET_BYTES);
    const forwarded = new Uint8Array(ETHERNET_BYTES + packet.length);
    forwarded.set(macs.destination, 0);
    forwarded.set(macs.source, 6);
    forwarded.set([0x08, 0x00], ETHERTYPE);
    forwarded.set(packet, ETHERNET_BYTES);
    forwarded[IPV4_TTL]--;
    // RFC 1141: one less in the high byte of a word is 0x0100 more in the complement.
    const view = new DataView(forwarded.buffer);
    const sum = view.getUint16(IPV4_CHECKSUM) + 0x0100;
    view.setUint16(IPV4_CHECKSUM, (sum & 0xffff) + (sum >>> 16));
    return forwarded;
  }
}

const ETHERTYPE = 12;
const ETHERNET_BYTES = 14;
const VLAN_TAG_BYTES = 4;
const IPV4_TTL = 22;
const IPV4_PROTOCOL = 23;
const IPV4_CHECKSUM = 24;
const IPV4_ADDRESSES = 26;
const PORTS_END = 38;

function isTagged(frame: Uint8Array): boolean {
  return frame[ETHERTYPE] === 0x81 && frame[ETHERTYPE + 1] === 0x00;
}

/** FNV-1a, 32 bits: a router's hash is its own affair. */
function hashOfFlow(frame: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of [frame[IPV4_PROTOCOL], ...frame.subarray(IPV4_ADDRESSES, PORTS_END)]) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return (hash ^ (hash >>> 16)) >>> 0;
}
