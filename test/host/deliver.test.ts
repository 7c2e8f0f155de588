/** The host agent, packet by packet: a tunnel from the MUX goes in, and byte for byte what the VM gets comes out. */

import { HostAgent, type HostProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { be16, fromHex, toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ACK, eth, ipv4, type Packet, SYN } from '../support/packet.js';
import {
  HOST_A,
  HOST_A_MAC,
  hostProgram,
  MUX,
  VIP,
  VNI,
  WEB_A,
  WEB_A_MAC,
  WEB_B,
  WEB_B_MAC,
} from '../support/programs.js';

const CLIENT = '192.0.2.7';
const UDP_CHECKSUM = 14 + 20 + 6;
const TCP_CHECKSUM = 14 + 20 + 16;

const outer = eth().ipv4(MUX, HOST_A).udp(50000, 4789);
const toWebA = outer.vxlan(VNI).eth({ dst: WEB_A_MAC });
const toWebB = outer.vxlan(VNI).eth({ dst: WEB_B_MAC });
const atWebA = eth({ src: HOST_A_MAC, dst: WEB_A_MAC });
const atWebB = eth({ src: HOST_A_MAC, dst: WEB_B_MAC });

async function hostWith(program: HostProgram): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { frameBytesMax: 65_600, batchFrameCountMax: 1 });
  host.apply(program);
  return host;
}

interface Row {
  name: string;
  in: Packet;
  out: Packet;
}

const rows: Row[] = [
  {
    name: 'TCP: the VIP becomes the DIP, the port the backend port',
    in: toWebA.ipv4(CLIENT, VIP).tcp(40000, 443, SYN),
    out: atWebA.ipv4(CLIENT, WEB_A).tcp(40000, 8443, SYN),
  },
  {
    name: 'backend port 0 keeps the port',
    in: toWebA.ipv4(CLIENT, VIP).udp(40000, 53, { payload: 'question' }),
    out: atWebA.ipv4(CLIENT, WEB_A).udp(40000, 53, { payload: 'question' }),
  },
  {
    name: 'any protocol, any port',
    in: toWebA.ipv4(CLIENT, VIP).tcp(40000, 22, SYN),
    out: atWebA.ipv4(CLIENT, WEB_A).tcp(40000, 22, SYN),
  },
  {
    name: 'the same VIP and port on another NIC is another VM',
    in: toWebB.ipv4(CLIENT, VIP).tcp(40000, 443, SYN),
    out: atWebB.ipv4(CLIENT, WEB_B).tcp(40000, 8443, SYN),
  },
  {
    name: 'floating IP leaves the packet as it is',
    in: toWebB.ipv4(CLIENT, VIP).tcp(40000, 80, SYN),
    out: atWebB.ipv4(CLIENT, VIP).tcp(40000, 80, SYN),
  },
  {
    name: 'floating IP with a backend port rewrites the port alone',
    in: toWebB.ipv4(CLIENT, VIP).udp(40000, 1000, { payload: 'x' }),
    out: atWebB.ipv4(CLIENT, VIP).udp(40000, 5353, { payload: 'x' }),
  },
  {
    name: 'a bare tunnel holds a bare packet',
    in: ipv4(MUX, HOST_A).udp(50000, 4789).vxlan(VNI).eth({ dst: WEB_A_MAC }).ipv4(CLIENT, VIP).tcp(40000, 443, SYN),
    out: ipv4(CLIENT, WEB_A).tcp(40000, 8443, SYN),
  },
  {
    name: 'a VLAN tag of the underlay stays there',
    in: eth()
      .vlan(100)
      .ipv4(MUX, HOST_A)
      .udp(50000, 4789)
      .vxlan(VNI)
      .eth({ dst: WEB_A_MAC })
      .ipv4(CLIENT, VIP)
      .tcp(40000, 443, SYN),
    out: atWebA.ipv4(CLIENT, WEB_A).tcp(40000, 8443, SYN),
  },
  {
    name: 'inner padding is trimmed',
    in: toWebA.ipv4(CLIENT, VIP).tcp(40000, 443, SYN).pad(60),
    out: atWebA.ipv4(CLIENT, WEB_A).tcp(40000, 8443, SYN),
  },
  {
    name: 'outer IP options',
    in: eth()
      .ipv4(MUX, HOST_A, { options: fromHex('01010101') })
      .udp(50000, 4789)
      .vxlan(VNI)
      .eth({ dst: WEB_A_MAC })
      .ipv4(CLIENT, VIP)
      .tcp(40000, 443, SYN),
    out: atWebA.ipv4(CLIENT, WEB_A).tcp(40000, 8443, SYN),
  },
  {
    name: 'inner IP options, TOS, TTL and identification stay',
    in: toWebA.ipv4(CLIENT, VIP, { options: fromHex('94040000'), tos: 0x2e, ttl: 3, id: 77 }).tcp(40000, 443, SYN),
    out: atWebA.ipv4(CLIENT, WEB_A, { options: fromHex('94040000'), tos: 0x2e, ttl: 3, id: 77 }).tcp(40000, 8443, SYN),
  },
  {
    name: 'a payload of odd length',
    in: toWebA.ipv4(CLIENT, VIP).tcp(40000, 443, ACK, { payload: 'odd' }),
    out: atWebA.ipv4(CLIENT, WEB_A).tcp(40000, 8443, ACK, { payload: 'odd' }),
  },
  {
    name: 'UDP without checksum stays without',
    in: toWebA.ipv4(CLIENT, VIP).udp(40000, 53, { checksum: 'none', payload: 'x' }),
    out: atWebA.ipv4(CLIENT, WEB_A).udp(40000, 53, { checksum: 'none', payload: 'x' }),
  },
  {
    name: 'reserved VXLAN bits are ignored',
    in: outer
      .vxlan(VNI, { flags: 0xff, reserved: 0xabcdef })
      .eth({ dst: WEB_A_MAC })
      .ipv4(CLIENT, VIP)
      .tcp(1, 443, SYN),
    out: atWebA.ipv4(CLIENT, WEB_A).tcp(1, 8443, SYN),
  },
  {
    name: 'an outer UDP checksum is not looked at',
    in: eth()
      .ipv4(MUX, HOST_A)
      .udp(50000, 4789, { checksum: 0x1234 })
      .vxlan(VNI)
      .eth({ dst: WEB_A_MAC })
      .ipv4(CLIENT, VIP)
      .tcp(1, 443, SYN),
    out: atWebA.ipv4(CLIENT, WEB_A).tcp(1, 8443, SYN),
  },
];

describe('host agent: delivery', () => {
  it.each(rows)('$name', async ({ in: packet, out }) => {
    const host = await hostWith(hostProgram);
    const { verdict, reason, bytes } = host.process(packet.bytes(), 0, { link: packet.link });
    expect({ verdict, reason, bytes: bytes && toHex(bytes) }).toEqual({
      verdict: 'deliver',
      reason: undefined,
      bytes: toHex(out.bytes()),
    });
    expect(verifyFrame(bytes as Uint8Array, packet.link)).toEqual([]);
  });

  it('ignores the VLAN of the host on the way to the VM', async () => {
    const host = await hostWith({ ...hostProgram, attachment: { ...hostProgram.attachment, vlanId: 7 } });
    const { bytes } = host.process(toWebA.ipv4(CLIENT, VIP).tcp(40000, 443, SYN).bytes(), 0);
    expect(bytes).toEqual(atWebA.ipv4(CLIENT, WEB_A).tcp(40000, 8443, SYN).bytes());
  });

  it('a longest packet goes through whole', async () => {
    const host = await hostWith(hostProgram);
    const long = (start: Packet, address: string, port: number) =>
      start.ipv4(CLIENT, address).tcp(40000, port, ACK, { payload: new Uint8Array(65_485 - 40).fill(0xa5) });
    const { bytes } = host.process(long(toWebA, VIP, 443).bytes(), 0);
    expect(toHex(bytes as Uint8Array)).toBe(toHex(long(atWebA, WEB_A, 8443).bytes()));
  });
});

describe('host agent: checksums', () => {
  /** The checksum field of what is delivered for a packet to a VM. */
  async function delivered(packet: Packet, field: number): Promise<number> {
    const { bytes } = (await hostWith(hostProgram)).process(packet.bytes(), 0);
    return be16(bytes as Uint8Array, field);
  }

  it('a wrong TCP checksum stays wrong by as much', async () => {
    const right = toWebA.ipv4(CLIENT, VIP).tcp(40000, 443, SYN).bytes();
    const rightSum = be16(right, right.length - 4);
    const wrong = toWebA.ipv4(CLIENT, VIP).tcp(40000, 443, SYN, { checksum: rightSum ^ 0x0100 });
    const expected = be16(atWebA.ipv4(CLIENT, WEB_A).tcp(40000, 8443, SYN).bytes(), TCP_CHECKSUM);
    const got = await delivered(wrong, TCP_CHECKSUM);
    expect(Math.abs(got - expected)).toBe(0x0100);
  });

  it('a UDP checksum that becomes zero is written ffff', async () => {
    // Only the port changes, by 5353 - 1000 = 1101 hexadecimal: the checksum that is left at zero is 1101 itself.
    expect(await delivered(toWebB.ipv4(CLIENT, VIP).udp(40000, 1000, { checksum: 0x1101 }), UDP_CHECKSUM)).toBe(0xffff);
    expect(await delivered(toWebB.ipv4(CLIENT, VIP).udp(40000, 1000, { checksum: 0x1102 }), UDP_CHECKSUM)).toBe(1);
  });

  it('and that of a valid datagram, too', async () => {
    const valid = Array.from({ length: 65_536 }, (_, value) =>
      toWebB.ipv4(CLIENT, VIP).udp(40000, 1000, { payload: Uint8Array.of(value >> 8, value & 0xff) }),
    ).find((packet) => be16(packet.bytes(), packet.bytes().length - 4) === 0x1101);
    const { bytes } = (await hostWith(hostProgram)).process(valid?.bytes() ?? new Uint8Array(0), 0);
    expect(be16(bytes as Uint8Array, UDP_CHECKSUM)).toBe(0xffff);
    expect(verifyFrame(bytes as Uint8Array, 'ethernet')).toEqual([]);
  });

  it('a translation that changes nothing keeps either form of zero', async () => {
    const floating = { ...hostProgram.translations[5], backendPort: 0 };
    const host = await hostWith({ ...hostProgram, translations: [floating, hostProgram.translations[4]] });
    for (const checksum of [0x0001, 0xffff, 0x1234]) {
      const { bytes } = host.process(toWebB.ipv4(CLIENT, VIP).udp(40000, 1000, { checksum }).bytes(), 0);
      expect(be16(bytes as Uint8Array, UDP_CHECKSUM)).toBe(checksum);
    }
    for (const checksum of [0x0000, 0xffff]) {
      const { bytes } = host.process(toWebB.ipv4(CLIENT, VIP).tcp(40000, 80, SYN, { checksum }).bytes(), 0);
      expect(be16(bytes as Uint8Array, TCP_CHECKSUM)).toBe(checksum);
    }
  });

  it('stay right for every DIP and port', async () => {
    for (let step = 0; step < 500; step++) {
      const [high, low] = [(step * 37) & 0xff, (step * 91) & 0xff];
      const dip = `10.${high}.255.${low}`;
      const translation = { ...hostProgram.translations[0], dip, backendPort: 1 + ((step * 997) % 65_535) };
      const host = await hostWith({ ...hostProgram, translations: [translation] });
      const client = `192.0.${low}.${high}`;
      const { bytes } = host.process(toWebA.ipv4(client, VIP).tcp(40000, 443, SYN, { seq: step }).bytes(), 0);
      expect(verifyFrame(bytes as Uint8Array, 'ethernet'), `${client} > ${dip}`).toEqual([]);
    }
  });
});
