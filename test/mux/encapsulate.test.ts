/** The MUX, packet by packet: what goes in from a client, and byte for byte what goes out to the host. */

import { Mux, type MuxProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { entropyPort, flowHash, ringSlot } from '../model/flow-hash.js';
import { buildRing, permutationOf } from '../model/maglev.js';
import { fromHex, toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ACK, bare, eth, type Packet, SYN } from '../support/packet.js';
import {
  HOST_A,
  HOST_A_MAC,
  HOST_B,
  HOST_B_MAC,
  MUX,
  MUX_MAC,
  muxProgram,
  VIP,
  VNI,
  WEB_A_MAC,
  WEB_B_MAC,
} from '../support/programs.js';

const CLIENT = '192.0.2.7';
const LONGEST = 65_600;

/** The rings of `muxProgram` with one member, so that a row can say where its packet goes. */
const onlyWebA: MuxProgram = {
  ...muxProgram,
  rings: muxProgram.rings.map((ring) => ({ ...ring, members: ring.members.slice(0, 1) })),
};
const onVlan7: MuxProgram = { ...onlyWebA, attachment: { ...onlyWebA.attachment, vlanId: 7 } };

interface Tunnel {
  /** Port on the VIP, which with the protocol decides the source port of the outer UDP header. */
  port?: number;
  protocol?: number;
  tos?: number;
  mac?: string;
}

/** Everything in front of the client's IP packet, from the outer IPv4 header on. */
function tunnel(start: Packet, { port = 443, protocol = 6, tos = 0, mac = WEB_A_MAC }: Tunnel = {}): Packet {
  const tuple = { source: CLIENT, destination: VIP, sourcePort: 40000, destinationPort: port, protocol };
  return start
    .ipv4(MUX, HOST_A, { tos })
    .udp(entropyPort(flowHash(muxProgram.flowHashKey, tuple, 'Default')), 4789)
    .vxlan(VNI)
    .eth({ src: MUX_MAC, dst: mac });
}

const outer = eth({ src: MUX_MAC, dst: HOST_A_MAC });
const https = (start: Packet): Packet => start.ipv4(CLIENT, VIP).tcp(40000, 443, SYN);
const dns = (start: Packet): Packet => start.ipv4(CLIENT, VIP).udp(40000, 53, { payload: 'question' });

async function muxWith(program: MuxProgram): Promise<Mux> {
  const mux = await Mux.load(muxModule, { frameBytesMax: LONGEST, batchFrameCountMax: 1 });
  mux.program(program);
  return mux;
}

interface Row {
  name: string;
  program?: MuxProgram;
  in: Packet;
  out: Packet;
}

const rows: Row[] = [
  { name: 'SYN', in: https(eth()), out: https(tunnel(outer)) },
  { name: 'SYN on a bare link', in: https(bare()), out: https(tunnel(bare())) },
  {
    name: 'a segment that no flow is known for',
    in: eth().ipv4(CLIENT, VIP).tcp(40000, 443, ACK, { payload: 'GET /' }),
    out: tunnel(outer).ipv4(CLIENT, VIP).tcp(40000, 443, ACK, { payload: 'GET /' }),
  },
  { name: 'UDP', in: dns(eth()), out: dns(tunnel(outer, { port: 53, protocol: 17 })) },
  {
    name: 'UDP without checksum',
    in: eth().ipv4(CLIENT, VIP).udp(40000, 53, { checksum: 'none' }),
    out: tunnel(outer, { port: 53, protocol: 17 }).ipv4(CLIENT, VIP).udp(40000, 53, { checksum: 'none' }),
  },
  {
    name: 'a payload of odd length',
    in: eth().ipv4(CLIENT, VIP).tcp(40000, 443, ACK, { payload: 'odd' }),
    out: tunnel(outer).ipv4(CLIENT, VIP).tcp(40000, 443, ACK, { payload: 'odd' }),
  },
  { name: 'Ethernet padding is trimmed', in: https(eth()).pad(60), out: https(tunnel(outer)) },
  {
    name: 'bytes between the end of the UDP datagram and of the IP packet stay',
    in: eth().ipv4(CLIENT, VIP).udp(40000, 53, { udpLength: 8, payload: 'behind' }),
    out: tunnel(outer, { port: 53, protocol: 17 })
      .ipv4(CLIENT, VIP)
      .udp(40000, 53, { udpLength: 8, payload: 'behind' }),
  },
  { name: 'a VLAN tag is kept', in: https(eth().vlan(100)), out: https(tunnel(outer.vlan(100))) },
  {
    name: 'the priority of a VLAN tag is kept',
    in: https(eth().vlan(0, { priority: 5 })),
    out: https(tunnel(outer.vlan(0, { priority: 5 }))),
  },
  {
    name: 'an 802.1ad tag is kept',
    in: https(eth().vlan(100, { tpid: 0x88a8 })),
    out: https(tunnel(outer.vlan(100, { tpid: 0x88a8 }))),
  },
  {
    name: 'padding behind a tagged packet is trimmed',
    in: https(eth().vlan(9)).pad(64),
    out: https(tunnel(outer.vlan(9))),
  },
  {
    name: 'two tags are kept',
    in: https(eth().vlan(7, { tpid: 0x88a8 }).vlan(100)),
    out: https(tunnel(outer.vlan(7, { tpid: 0x88a8 }).vlan(100))),
  },
  {
    name: 'the VLAN of the MUX takes the place of both',
    program: onVlan7,
    in: https(eth().vlan(100).vlan(200)),
    out: https(tunnel(outer.vlan(7))),
  },
  { name: 'the VLAN of the MUX, untagged in', program: onVlan7, in: https(eth()), out: https(tunnel(outer.vlan(7))) },
  {
    name: 'the VLAN of the MUX replaces a tag',
    program: onVlan7,
    in: https(eth().vlan(100, { tpid: 0x88a8, priority: 5 })),
    out: https(tunnel(outer.vlan(7))),
  },
  { name: 'the VLAN of the MUX, bare link', program: onVlan7, in: https(bare()), out: https(tunnel(bare())) },
  {
    name: 'IP options',
    in: eth()
      .ipv4(CLIENT, VIP, { options: fromHex('94040000') })
      .tcp(40000, 443, SYN),
    out: tunnel(outer)
      .ipv4(CLIENT, VIP, { options: fromHex('94040000') })
      .tcp(40000, 443, SYN),
  },
  {
    name: 'the longest IP header, 60 bytes',
    in: eth()
      .ipv4(CLIENT, VIP, { options: new Uint8Array(40).fill(1) })
      .tcp(40000, 443, SYN),
    out: tunnel(outer)
      .ipv4(CLIENT, VIP, { options: new Uint8Array(40).fill(1) })
      .tcp(40000, 443, SYN),
  },
  {
    name: 'TCP options',
    in: eth()
      .ipv4(CLIENT, VIP)
      .tcp(40000, 443, SYN, { options: fromHex('020405b4') }),
    out: tunnel(outer)
      .ipv4(CLIENT, VIP)
      .tcp(40000, 443, SYN, { options: fromHex('020405b4') }),
  },
  {
    name: 'DSCP and ECN are copied to the outer header',
    in: eth().ipv4(CLIENT, VIP, { tos: 0xbb }).tcp(40000, 443, SYN),
    out: tunnel(outer, { tos: 0xbb }).ipv4(CLIENT, VIP, { tos: 0xbb }).tcp(40000, 443, SYN),
  },
  {
    name: 'TTL, identification and a clear DF stay inside',
    in: eth().ipv4(CLIENT, VIP, { ttl: 1, id: 0xabcd, df: false }).tcp(40000, 443, SYN),
    out: tunnel(outer).ipv4(CLIENT, VIP, { ttl: 1, id: 0xabcd, df: false }).tcp(40000, 443, SYN),
  },
  {
    name: "a wrong TCP checksum is the VM's to judge",
    in: eth().ipv4(CLIENT, VIP).tcp(40000, 443, SYN, { checksum: 0x1234 }),
    out: tunnel(outer).ipv4(CLIENT, VIP).tcp(40000, 443, SYN, { checksum: 0x1234 }),
  },
  {
    name: 'an inbound NAT rule sends to its backend, whatever the rings say',
    in: eth().ipv4(CLIENT, VIP).tcp(40000, 2201, SYN),
    out: tunnel(outer, { port: 2201, mac: WEB_B_MAC }).ipv4(CLIENT, VIP).tcp(40000, 2201, SYN),
  },
  {
    name: 'an any-port rule',
    in: eth().ipv4(CLIENT, VIP).udp(40000, 65535),
    out: tunnel(outer, { port: 65535, protocol: 17 }).ipv4(CLIENT, VIP).udp(40000, 65535),
  },
  {
    name: 'the longest packet whose outer total length still fits 16 bits',
    in: eth()
      .ipv4(CLIENT, VIP)
      .tcp(40000, 443, ACK, { payload: new Uint8Array(65_485 - 40) }),
    out: tunnel(outer)
      .ipv4(CLIENT, VIP)
      .tcp(40000, 443, ACK, { payload: new Uint8Array(65_485 - 40) }),
  },
];

describe('MUX: encapsulation', () => {
  it.each(rows)('$name', async ({ program = onlyWebA, in: packet, out }) => {
    const mux = await muxWith(program);
    const { verdict, reason, bytes } = mux.process(packet.bytes(), 0, packet.link);
    expect({ verdict, reason, bytes: bytes && toHex(bytes) }).toEqual({
      verdict: 'forward',
      reason: undefined,
      bytes: toHex(out.bytes()),
    });
  });

  it('sends a SYN to the owner of its slot in the ring, on whichever host that is', async () => {
    const mux = await muxWith(muxProgram);
    const [ring] = muxProgram.rings;
    const members = ring.members.map(({ backend, weight }) => ({
      ...permutationOf(muxProgram.backends[backend].key, ring.slotCount),
      weight,
    }));
    const owners = buildRing(members, ring.slotCount);
    const reached = new Set<string>();
    for (let sourcePort = 40000; sourcePort < 40040; sourcePort++) {
      const tuple = { source: CLIENT, destination: VIP, sourcePort, destinationPort: 443, protocol: 6 };
      const hash = flowHash(muxProgram.flowHashKey, tuple, 'Default');
      const owner = muxProgram.backends[owners[ringSlot(hash, ring.slotCount)]];
      const [host, hostMac] = owner.host === 'host-A' ? [HOST_A, HOST_A_MAC] : [HOST_B, HOST_B_MAC];
      const syn = (start: Packet) => start.ipv4(CLIENT, VIP).tcp(sourcePort, 443, SYN);
      const expected = syn(
        eth({ src: MUX_MAC, dst: hostMac })
          .ipv4(MUX, host)
          .udp(entropyPort(hash), 4789)
          .vxlan(VNI)
          .eth({ src: MUX_MAC, dst: owner.macAddress }),
      );
      expect(mux.process(syn(eth()).bytes(), 0).bytes).toEqual(expected.bytes());
      reached.add(owner.key);
    }
    expect([...reached].sort()).toEqual(['web-a', 'web-b', 'web-c']);
  });

  it('puts the largest VNI into all 24 bits, and nothing around them', async () => {
    const backends = onlyWebA.backends.map((backend) => ({ ...backend, vni: 0xfffffe }));
    const mux = await muxWith({ ...onlyWebA, backends });
    const { bytes } = mux.process(https(bare()).bytes(), 0, 'bare');
    expect(bytes && toHex(bytes.subarray(28, 36))).toBe('08000000fffffe00');
  });

  it('writes an outer checksum that sums up for every TOS and a wide range of lengths', async () => {
    const mux = await muxWith(onlyWebA);
    for (let tos = 0; tos < 256; tos++) {
      const payload = new Uint8Array((tos * 251) % 1400);
      const packet = eth().ipv4(CLIENT, VIP, { tos }).tcp(40000, 443, ACK, { payload });
      const { bytes } = mux.process(packet.bytes(), 0);
      expect(verifyFrame(bytes as Uint8Array, 'ethernet')).toEqual([]);
    }
  });
});
