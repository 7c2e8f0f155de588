/** Every tunnel a MUX makes, with every family inside, as Wireshark reads it. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../appliance/cli.js';
import { CLIENT, CLIENT6, HOST6, MUX6, muxWith, VIP6 } from '../support/both-families.js';
import { eth, SYN } from '../support/packet.js';
import { pcapFile } from '../support/pcap.js';
import { HOST_A, MUX, VIP, VNI } from '../support/programs.js';
import { arePeersMissing, fieldsOf, headerComplaints } from './peers.js';

const file = temporaryFolder();

/** Ports of two rules: the one's backend is behind IPv4, the other's behind IPv6. */
const OUTER = [
  { outer: 4, port: 443, addresses: [MUX, HOST_A] },
  { outer: 6, port: 444, addresses: [MUX6, HOST6] },
] as const;
const ENCAPSULATIONS = [
  { encapsulation: 'vxlan', identifier: 'vxlan.vni', shift: 0 },
  { encapsulation: 'nvgre', identifier: 'gre.key', shift: 8 },
] as const;
const INNER = [
  { inner: 4, from: CLIENT, to: VIP },
  { inner: 6, from: CLIENT6, to: VIP6 },
] as const;

const ROWS = ENCAPSULATIONS.flatMap((tunnel) =>
  OUTER.flatMap((outer) => INNER.map((inner) => ({ ...tunnel, ...outer, ...inner }))),
);

describe.skipIf(arePeersMissing)('tunnels of a MUX', () => {
  test.each(ROWS)('IPv$inner in $encapsulation over IPv$outer', async (row) => {
    const { encapsulation, identifier, shift, port, addresses, from, to } = row;
    const mux = await muxWith({ encapsulation });
    const link = row.inner === 6 ? eth().ipv6(from, to) : eth().ipv4(from, to);
    const { verdict, bytes } = mux.process(link.tcp(40_000, port, SYN, { payload: 'odd' }).bytes(), 0);
    expect(verdict).toBe('forward');
    const capture = file(`${encapsulation}-${row.outer}-${row.inner}.pcap`);
    writeFileSync(capture, pcapFile([bytes!], 'ethernet'));

    expect(headerComplaints(capture)).toEqual([]);
    const fields = ['ip.src', 'ip.dst', 'ipv6.src', 'ipv6.dst', identifier, 'tcp.srcport', 'tcp.dstport'];
    const [source4, destination4, source6, destination6, vni, ...ports] = fieldsOf(capture, fields)[0]!;
    const seen = (family: number, outer: string, inner: string) =>
      [row.outer === family && outer, row.inner === family && inner].filter(Boolean).join(',');
    expect([source4, destination4]).toEqual([seen(4, addresses[0], from), seen(4, addresses[1], to)]);
    expect([source6, destination6]).toEqual([seen(6, addresses[0], from), seen(6, addresses[1], to)]);
    expect(Number(vni) >>> shift).toBe(VNI);
    expect(ports.map(Number)).toEqual([40_000, port]);
  });
});
