/**
 * Every kind of tunnel, byte for byte: either family inside, either outside, VXLAN and NVGRE. What all of them share
 * with IPv4 in VXLAN over IPv4 (trimming, tags, options) encapsulate.test.ts has in full.
 */

import { Mux, type MuxProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { entropy, entropyLabel, entropyPort, flowHash } from '../model/flow-hash.js';
import {
  bothFamilies,
  CLIENT,
  CLIENT6,
  HOST6,
  HOST6_MAC,
  KEY,
  MUX6,
  muxWith,
  VIP6,
  WEB4_MAC,
  WEB6_MAC,
} from '../support/both-families.js';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ACK, bare, eth, type Packet, SYN } from '../support/packet.js';
import { HOST_A, HOST_A_MAC, MUX, MUX_MAC, VIP, VNI } from '../support/programs.js';

const LONGEST = 66_000;
/** The port of a packet decides over which family it leaves. */
const OVER4 = 443;
const OVER6 = 444;

interface Flow {
  readonly inner: 4 | 6;
  readonly port: number;
}

function hashOf({ inner, port }: Flow): bigint {
  const [source, destination] = inner === 4 ? [CLIENT, VIP] : [CLIENT6, VIP6];
  return flowHash(KEY, { source, destination, sourcePort: 40000, destinationPort: port, protocol: 6 }, 'Default');
}

/** Everything in front of the client's IP packet, from the outer IP header on. */
function tunnel(start: Packet, encapsulation: 'vxlan' | 'nvgre', flow: Flow, trafficClass = 0): Packet {
  const hash = hashOf(flow);
  const outer =
    flow.port === OVER6
      ? start.ipv6(MUX6, HOST6, { trafficClass, flowLabel: entropyLabel(hash) })
      : start.ipv4(MUX, HOST_A, { tos: trafficClass });
  const carrier =
    encapsulation === 'nvgre'
      ? outer.nvgre(VNI, entropy(hash) & 0xff)
      : outer.udp(entropyPort(hash), 4789, { checksum: 'none' }).vxlan(VNI);
  return carrier.eth({ src: MUX_MAC, dst: flow.port === OVER6 ? WEB6_MAC : WEB4_MAC });
}

/** The Ethernet header to the host of a port. */
function outerEth(port: number): Packet {
  return eth({ src: MUX_MAC, dst: port === OVER6 ? HOST6_MAC : HOST_A_MAC });
}

function client(start: Packet, { inner, port }: Flow, trafficClass = 0, payload = 'odd'): Packet {
  const ip =
    inner === 6
      ? start.ipv6(CLIENT6, VIP6, { trafficClass, flowLabel: 0x12345, hopLimit: 3 })
      : start.ipv4(CLIENT, VIP, { tos: trafficClass, ttl: 3, id: 77 });
  return ip.tcp(40000, port, ACK, { payload });
}

const kinds = (['vxlan', 'nvgre'] as const).flatMap((encapsulation) =>
  [OVER4, OVER6].flatMap((port) => ([4, 6] as const).map((inner) => ({ encapsulation, port, inner }))),
);

const withEncapsulation = (encapsulation: 'vxlan' | 'nvgre', change: Partial<MuxProgram> = {}) =>
  muxWith({ ...change, encapsulation }, LONGEST);

describe.each(kinds)('MUX: IPv$inner in $encapsulation, port $port', ({ encapsulation, ...flow }) => {
  const { port, inner } = flow;
  const rows: { name: string; in: Packet; out: Packet }[] = [
    { name: 'Ethernet', in: client(eth(), flow), out: client(tunnel(outerEth(port), encapsulation, flow), flow) },
    { name: 'a bare link', in: client(bare(), flow), out: client(tunnel(bare(), encapsulation, flow), flow) },
    {
      name: 'padding is trimmed',
      in: client(eth(), flow).pad(150),
      out: client(tunnel(outerEth(port), encapsulation, flow), flow),
    },
    {
      name: 'a tag is kept',
      in: client(eth().vlan(100, { priority: 3 }), flow),
      out: client(tunnel(outerEth(port).vlan(100, { priority: 3 }), encapsulation, flow), flow),
    },
    {
      name: 'two tags are kept',
      in: client(eth().vlan(7, { tpid: 0x88a8 }).vlan(100), flow),
      out: client(tunnel(outerEth(port).vlan(7, { tpid: 0x88a8 }).vlan(100), encapsulation, flow), flow),
    },
    {
      name: 'DSCP and ECN are copied to the outer header',
      in: client(eth(), flow, 0xbb),
      out: client(tunnel(outerEth(port), encapsulation, flow, 0xbb), flow, 0xbb),
    },
    {
      name: 'an empty segment',
      in: client(eth(), flow, 0, ''),
      out: client(tunnel(outerEth(port), encapsulation, flow), flow, 0, ''),
    },
  ];
  it.each(rows)('$name', async ({ in: packet, out }) => {
    const mux = await withEncapsulation(encapsulation);
    const { verdict, reason, bytes } = mux.process(packet.bytes(), 0, packet.link);
    expect({ verdict, reason, bytes: bytes && toHex(bytes) }).toEqual({
      verdict: 'forward',
      reason: undefined,
      bytes: toHex(out.bytes()),
    });
  });

  it('the VLAN of the MUX takes the place of two tags', async () => {
    const mux = await withEncapsulation(encapsulation, { attachment: { ...bothFamilies.attachment, vlanId: 7 } });
    const { bytes } = mux.process(client(eth().vlan(100).vlan(200), flow).bytes(), 0);
    expect(bytes).toEqual(client(tunnel(outerEth(port).vlan(7), encapsulation, flow), flow).bytes());
  });

  it('adds up for every traffic class and a wide range of lengths', async () => {
    const mux = await withEncapsulation(encapsulation);
    for (let trafficClass = 0; trafficClass < 256; trafficClass++) {
      const packet = client(eth(), flow, trafficClass, 'x'.repeat((trafficClass * 251) % 1400));
      const { bytes } = mux.process(packet.bytes(), 0);
      expect(verifyFrame(bytes as Uint8Array, 'ethernet')).toEqual([]);
    }
  });

  // What the length field counts of headers in front of the inner packet: IPv4 counts itself, IPv6 does not.
  const counted = (port === OVER4 ? 20 : 0) + (encapsulation === 'nvgre' ? 8 : 16) + 14;
  const longest = Math.min(65_535 - counted, inner === 4 ? 65_535 : 65_575);
  it.each([
    { about: 'the longest packet whose outer length still fits 16 bits', length: longest, verdict: 'forward' },
    { about: 'one byte more', length: longest + 1, verdict: 'drop', reason: 'oversize' },
  ])('$about, $length bytes: $verdict', async ({ length, verdict, reason }) => {
    const mux = await withEncapsulation(encapsulation);
    const headerBytes = (inner === 4 ? 20 : 40) + 20;
    const packet = client(eth(), flow, 0, 'x'.repeat(length - headerBytes));
    expect(mux.explain(packet.bytes()).fields).toMatchObject({ verdict, reason });
    const processed = mux.process(packet.bytes(), 0);
    expect(processed).toMatchObject({ verdict, reason });
    if (verdict === 'forward') expect(verifyFrame(processed.bytes as Uint8Array, 'ethernet')).toEqual([]);
  });
});

describe('MUX: encapsulation of what is behind extension headers', () => {
  it('keeps them, and the hash is that of the TCP connection', async () => {
    const flow = { inner: 6, port: OVER4 } as const;
    const syn = (start: Packet) =>
      start
        .ipv6(CLIENT6, VIP6)
        .hopByHop()
        .destinationOptions({ data: new Uint8Array(30) })
        .fragment({ id: 9 })
        .tcp(40000, OVER4, SYN);
    const mux = await muxWith();
    const { bytes } = mux.process(syn(eth()).bytes(), 0);
    expect(bytes && toHex(bytes)).toBe(toHex(syn(tunnel(outerEth(OVER4), 'vxlan', flow)).bytes()));
  });
});

describe('MUX: provider addresses', () => {
  const { attachment } = bothFamilies;
  const { secondProviderAddress: _second, ...onlyIpv4 } = attachment;

  it('the first may be the IPv6 one', async () => {
    const mux = await muxWith({ attachment: { ...attachment, providerAddress: MUX6, secondProviderAddress: MUX } });
    for (const port of [OVER4, OVER6]) {
      const flow = { inner: 4, port } as const;
      const { bytes } = mux.process(client(eth(), flow).bytes(), 0);
      expect(bytes).toEqual(client(tunnel(outerEth(port), 'vxlan', flow), flow).bytes());
    }
  });

  it('a host of a family the MUX has no address of is refused, and the old program stays', async () => {
    const mux = await muxWith();
    expect(() => mux.program({ ...bothFamilies, digest: '01', attachment: onlyIpv4 })).toThrow(
      expect.objectContaining({
        code: 'ERR_UNSUPPORTED',
        problems: [
          { path: 'web-6', expected: 'a host with a provider address of IPv4, as the MUX has', got: 'fd00::21' },
        ],
      }),
    );
    expect(mux.current?.digest).toBe('00');
    expect(mux.process(client(eth(), { inner: 6, port: OVER6 }).bytes(), 0).verdict).toBe('forward');
  });

  it('another encapsulation, and another source address, on the fly', async () => {
    const mux = await muxWith();
    const flow = { inner: 4, port: OVER6 } as const;
    mux.program({ ...bothFamilies, encapsulation: 'nvgre' });
    expect(mux.process(client(eth(), flow).bytes(), 0).bytes).toEqual(
      client(tunnel(outerEth(OVER6), 'nvgre', flow), flow).bytes(),
    );
    mux.program({ ...bothFamilies, attachment: { ...attachment, secondProviderAddress: 'fd00::12' } });
    const { bytes } = mux.process(client(bare(), flow).bytes(), 0, 'bare');
    expect(bytes && toHex(bytes.subarray(8, 24))).toBe('fd000000000000000000000000000012');
  });

  it('a MUX without IPv4', async () => {
    const mux = await Mux.load(muxModule);
    const program = {
      ...bothFamilies,
      attachment: { ...onlyIpv4, providerAddress: MUX6 },
      rings: [{ slotCount: 251, members: [{ backend: 0, weight: 1 }] }, bothFamilies.rings[0]],
      backends: bothFamilies.backends.slice(1),
    };
    mux.program(program);
    const flow = { inner: 6, port: OVER6 } as const;
    expect(mux.process(client(eth(), flow).bytes(), 0).bytes).toEqual(
      client(tunnel(outerEth(OVER6), 'vxlan', flow), flow).bytes(),
    );
  });
});
