/** Leased ports: what comes back for a backend's own outbound connections finds the backend by its port alone. */

import type { SnatRange } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { entropyPort, flowHash } from '../model/flow-hash.js';
import { bothFamilies, CLIENT, CLIENT6, KEY, muxWith, service, VIP6, WEB4, WEB6 } from '../support/both-families.js';
import { be16 } from '../support/bytes.js';
import { ACK, eth, type Packet, RST, SYN } from '../support/packet.js';
import { VIP } from '../support/programs.js';

const OUTER_SOURCE_PORT = 14 + 20;

function lease(vip: string, firstPort: number, portCount: number, backend: number): SnatRange {
  return { vip, firstPort, portCount, backend };
}

const snatRanges = [VIP, VIP6].flatMap((vip) => [
  lease(vip, 1024, 16, WEB4),
  lease(vip, 1040, 8, WEB6),
  lease(vip, 2048, 1024, WEB6),
  lease(vip, 65_528, 8, WEB4),
]);
const LEASED_PORT_COUNT = 16 + 8 + 1024 + 8;

describe.each([
  { vip: VIP, from: (packet: Packet) => packet.ipv4(CLIENT, VIP), client: CLIENT },
  { vip: VIP6, from: (packet: Packet) => packet.ipv6(CLIENT6, VIP6), client: CLIENT6 },
])('MUX: leased ports of $vip', ({ vip, from, client }) => {
  const tcp = (port: number, flags = ACK) => from(eth()).tcp(443, port, flags).bytes();
  const udp = (port: number) => from(eth()).udp(53, port).bytes();
  const ranges: [port: number, out: string][] = [
    [1023, 'no-rule'],
    [1024, 'web-4'],
    [1039, 'web-4'],
    [1040, 'web-6'],
    [1047, 'web-6'],
    [1048, 'no-rule'],
    [2047, 'no-rule'],
    [2048, 'web-6'],
    [3071, 'web-6'],
    [3072, 'no-rule'],
    [65_527, 'no-rule'],
    [65_528, 'web-4'],
    [65_535, 'web-4'],
    [0, 'no-rule'],
  ];
  it.each(ranges)('port %i: %s', async (port, out) => {
    const mux = await muxWith({ snatRanges });
    for (const frame of [tcp(port), udp(port)]) {
      const { reason } = mux.process(frame, 0);
      const { fields } = mux.explain(frame, 0);
      expect(reason ?? fields.backend?.key).toBe(out);
      if (reason === undefined) expect(fields).toMatchObject({ backendSource: 'snat', service: undefined });
    }
  });

  const own: { name: string; ports: [number, number]; out: string }[] = [
    { name: 'to a service of it', ports: [1024, 2100], out: 'web-6' },
    { name: 'the answer to that', ports: [80, 1024], out: 'web-4' },
    { name: 'with no leased port', ports: [80, 1023], out: 'source' },
  ];
  it.each(own)('a VM that calls its own VIP, $name: $out', async ({ ports: [from, to], out }) => {
    const mux = await muxWith({ snatRanges });
    const ip = vip === VIP6 ? eth().ipv6(vip, vip) : eth().ipv4(vip, vip);
    const frame = ip.tcp(from, to, ACK).bytes();
    const { reason } = mux.process(frame, 0);
    expect(reason ?? mux.explain(frame, 0).fields.backend?.key).toBe(out);
  });

  const rows: { name: string; in: Uint8Array; out: string }[] = [
    { name: 'a service comes first', in: from(eth()).tcp(443, 2100, ACK).bytes(), out: 'web-4' },
    { name: 'of its own protocol', in: from(eth()).udp(443, 2100).bytes(), out: 'web-6' },
    { name: 'SYN, ACK and RST are all one', in: tcp(2049, SYN | ACK | RST), out: 'web-6' },
    { name: 'a lone SYN too', in: tcp(2049, SYN), out: 'web-6' },
    {
      name: 'a segment must be sound',
      in: from(eth()).tcp(443, 2049, ACK, { dataOffset: 4 }).bytes(),
      out: 'tcp-header-length',
    },
    {
      name: 'protocols without ports have no leases',
      in: (vip === VIP ? eth().ipv4(CLIENT, VIP, { protocol: 132 }) : eth().ipv6(CLIENT6, VIP6, { nextHeader: 132 }))
        .payload(Uint8Array.of(1, 187, 8, 1, 0, 0, 0, 0))
        .bytes(),
      out: 'protocol',
    },
  ];
  it.each(rows)('$name', async ({ in: frame, out }) => {
    const mux = await muxWith({ snatRanges, services: [service(vip, 6, 2100, { backend: WEB4 })] });
    const { reason } = mux.process(frame, 0);
    expect(reason ?? mux.explain(frame, 0).fields.backend?.key).toBe(out);
  });

  it('any-port rules of the protocol come first, and leave the leases of others alone', async () => {
    const mux = await muxWith({ snatRanges, services: [service(vip, 17, 0, { backend: WEB4 })] });
    expect(mux.explain(udp(2048)).fields).toMatchObject({ backendSource: 'fixed', backend: { key: 'web-4' } });
    expect(mux.explain(tcp(2048)).fields).toMatchObject({ backendSource: 'snat', backend: { key: 'web-6' } });
  });

  it('no flow is remembered, and only the backend counts the packet', async () => {
    const mux = await muxWith({ snatRanges });
    for (const frame of [tcp(2048, SYN), tcp(2048), tcp(2048), udp(2048)]) mux.process(frame, 0);
    expect(mux.counters().flows).toMatchObject({ hits: 0, misses: 0, inserts: 0 });
    const bytes = vip === VIP ? 3 * 40 + 28 : 3 * 60 + 48;
    expect(mux.backendTraffic('web-6')).toEqual({ packets: 4, bytes });
    for (const { key } of bothFamilies.services) expect(mux.serviceTraffic(key).packets).toBe(0);
  });

  it('the descriptor has the backend, and no service', async () => {
    const mux = await muxWith({ snatRanges });
    mux.batch.add(tcp(1024));
    mux.processBatch(0);
    expect([mux.serviceOf(0), mux.backendOf(0)?.key]).toEqual([undefined, 'web-4']);
  });

  it('the outer source port is that of the 5-tuple', async () => {
    const mux = await muxWith({ snatRanges });
    const tuple = { source: client, destination: vip, sourcePort: 443, destinationPort: 1030, protocol: 6 };
    const { bytes } = mux.process(tcp(1030), 0);
    expect(be16(bytes as Uint8Array, OUTER_SOURCE_PORT)).toBe(entropyPort(flowHash(KEY, tuple, 'Default')));
  });

  it('a program without the lease, or with another one', async () => {
    const mux = await muxWith({ snatRanges });
    mux.program({ ...bothFamilies, snatRanges: [lease(vip, 1024, 16, WEB6)] });
    expect(mux.explain(tcp(1024)).fields.backend?.key).toBe('web-6');
    expect(mux.explain(tcp(1040)).fields.reason).toBe('no-rule');
    mux.program(bothFamilies);
    expect(mux.explain(tcp(1024)).fields.reason).toBe('no-rule');
  });

  it('every port of every range, and no other around them', async () => {
    const mux = await muxWith({ snatRanges });
    let leased = 0;
    for (let port = 0; port < 65_536; port += port === 4095 ? 60_000 : 1) {
      if (mux.explain(udp(port)).fields.backendSource === 'snat') leased++;
    }
    expect(leased).toBe(LEASED_PORT_COUNT);
  });
});

describe('MUX: leases of VIPs of both families', () => {
  it('the ports of one are not those of the other', async () => {
    const mux = await muxWith({ snatRanges: [lease(VIP, 1024, 8, WEB4), lease(VIP6, 2048, 8, WEB6)] });
    const to4 = (port: number) => mux.explain(eth().ipv4(CLIENT, VIP).udp(53, port).bytes()).fields.backend?.key;
    const to6 = (port: number) => mux.explain(eth().ipv6(CLIENT6, VIP6).udp(53, port).bytes()).fields.backend?.key;
    expect([to4(1024), to4(2048), to6(1024), to6(2048)]).toEqual(['web-4', undefined, undefined, 'web-6']);
  });
});
