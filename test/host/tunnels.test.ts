/** The tunnels a host agent takes: VXLAN and NVGRE, over IPv4 and IPv6, and what of the provider network is no tunnel. */

import { type DropReason, HostAgent, type HostProgram, type Verdict } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import {
  atA,
  CLIENT,
  DIP_A,
  dualStackHost,
  FAMILIES,
  type Family,
  HOST_PA,
  ip,
  MUX_PA,
  VIPS,
} from '../support/dual-stack-host.js';
import type { GreFields, Ipv6Fields } from '../support/layers.js';
import { bare, eth, type Packet, SYN } from '../support/packet.js';
import { VNI, WEB_A_MAC } from '../support/programs.js';

async function hostOf(program: Partial<HostProgram>): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
  host.apply({ ...dualStackHost, ...program });
  return host;
}

const toHost = (outer: Family, start: Packet = eth()) => ip(start, outer, MUX_PA[outer], HOST_PA[outer]);
const inVxlan = (start: Packet) => start.udp(50000, 4789).vxlan(VNI).eth({ dst: WEB_A_MAC });
const inNvgre = (start: Packet, fields?: GreFields) => start.nvgre(VNI, 7, fields).eth({ dst: WEB_A_MAC });
const call = (start: Packet, family: Family = 4) =>
  ip(start, family, CLIENT[family], VIPS[family]).tcp(40000, 443, SYN);

const encapsulations = [
  { encapsulation: 'vxlan', wrap: inVxlan },
  { encapsulation: 'nvgre', wrap: (start: Packet) => inNvgre(start) },
] as const;
const ways = encapsulations.flatMap((each) =>
  FAMILIES.flatMap((outer) => FAMILIES.map((inner) => ({ ...each, outer, inner }))),
);

describe('host agent: tunnels', () => {
  it.each(ways)('IPv$inner in $encapsulation over IPv$outer', async ({ encapsulation, wrap, outer, inner }) => {
    const host = await hostOf({ encapsulation });
    const { verdict, bytes } = host.process(call(wrap(toHost(outer)), inner).bytes(), 0);
    const expected = ip(atA, inner, CLIENT[inner], DIP_A[inner]).tcp(40000, 8443, SYN);
    expect([verdict, bytes && toHex(bytes)]).toEqual(['deliver', toHex(expected.bytes())]);
  });

  it.each(ways)('bare: IPv$inner in $encapsulation over IPv$outer', async ({ encapsulation, wrap, outer, inner }) => {
    const host = await hostOf({ encapsulation });
    const { verdict, bytes } = host.process(call(wrap(toHost(outer, bare())), inner).bytes(), 0, { link: 'bare' });
    const expected = ip(bare(), inner, CLIENT[inner], DIP_A[inner]).tcp(40000, 8443, SYN);
    expect([verdict, bytes && toHex(bytes)]).toEqual(['deliver', toHex(expected.bytes())]);
  });

  it('a host with one provider address passes what is for the other family', async () => {
    const { secondProviderAddress: _none, ...attachment } = dualStackHost.attachment;
    const only4 = await hostOf({ attachment });
    expect(only4.process(call(inVxlan(toHost(6))).bytes(), 0).verdict).toBe('pass');
    expect(only4.process(call(inVxlan(eth().ipv6(MUX_PA[6], '::'))).bytes(), 0).verdict).toBe('pass');
    const only6 = await hostOf({ attachment: { ...attachment, providerAddress: HOST_PA[6] } });
    expect(only6.process(call(inVxlan(toHost(6))).bytes(), 0).verdict).toBe('deliver');
    expect(only6.process(call(inVxlan(toHost(4))).bytes(), 0).verdict).toBe('pass');
    expect(only6.process(call(inVxlan(eth().ipv4(MUX_PA[4], '0.0.0.0'))).bytes(), 0).verdict).toBe('pass');
  });
});

type Row = [name: string, frame: Packet, verdict: Verdict, reason?: DropReason];

const nvgre: Row[] = [
  ['VXLAN in a fabric of NVGRE', call(inVxlan(toHost(4))), 'pass'],
  ['GRE of another type', inNvgre(toHost(4), { type: 0x0800 }), 'pass'],
  ['of another type with other flags', inNvgre(toHost(4), { type: 0x0800, flags: 0 }), 'pass'],
  ['no key', call(inNvgre(toHost(4), { flags: 0 })), 'drop', 'gre-flags'],
  ['a checksum', call(inNvgre(toHost(4), { flags: 0xa000 })), 'drop', 'gre-flags'],
  ['a sequence number', call(inNvgre(toHost(4), { flags: 0x3000 })), 'drop', 'gre-flags'],
  ['version 1', call(inNvgre(toHost(4), { flags: 0x2001 })), 'drop', 'gre-flags'],
  ['3 bytes of GRE', ip(eth(), 4, MUX_PA[4], HOST_PA[4], { protocol: 47 }).payload('abc'), 'drop', 'gre-truncated'],
  [
    '7 bytes of GRE',
    ip(eth(), 4, MUX_PA[4], HOST_PA[4], { protocol: 47 }).payload(Uint8Array.of(0x20, 0, 0x65, 0x58, 0, 0, 0)),
    'drop',
    'gre-truncated',
  ],
  ['8 bytes of GRE', toHost(4).nvgre(VNI), 'drop', 'inner-truncated'],
  [
    'the virtual subnet above',
    call(
      toHost(4)
        .nvgre(VNI + 1)
        .eth({ dst: WEB_A_MAC }),
    ),
    'drop',
    'vni-mismatch',
  ],
  ['a first fragment', inNvgre(eth().ipv4(MUX_PA[4], HOST_PA[4], { mf: true })), 'drop', 'fragment'],
  [
    'a first fragment of another type',
    inNvgre(eth().ipv4(MUX_PA[4], HOST_PA[4], { mf: true }), { type: 0x0800 }),
    'pass',
  ],
  [
    'a first fragment without a whole type',
    eth().ipv4(MUX_PA[4], HOST_PA[4], { mf: true, protocol: 47 }).payload('abc'),
    'pass',
  ],
  ['a later fragment', inNvgre(eth().ipv4(MUX_PA[4], HOST_PA[4], { fragmentOffset: 1 })), 'pass'],
  ['a wrong header checksum', inNvgre(eth().ipv4(MUX_PA[4], HOST_PA[4], { checksum: 0 })), 'drop', 'ipv4-checksum'],
];

const to6 = (fields: Ipv6Fields = {}) => eth().ipv6(MUX_PA[6], HOST_PA[6], fields);
const outer6: Row[] = [
  ['39 bytes', eth({ type: 0x86dd }).payload(call(inVxlan(to6())).bytes().slice(14, 53)), 'drop', 'ipv6-truncated'],
  ['version 4', call(inVxlan(to6({ version: 4 }))), 'drop', 'ipv6-version'],
  ['to another host', call(inVxlan(eth().ipv6(MUX_PA[6], '2001:db8:ff::22'))), 'pass'],
  ['malformed, to another host', eth().ipv6(MUX_PA[6], '2001:db8:ff::22', { payloadLength: 9 }).udp(1, 4789), 'pass'],
  ['payload length past the frame', call(inVxlan(to6({ payloadLength: 500 }))), 'drop', 'ipv6-truncated'],
  ['TCP', to6().tcp(1, 4789, SYN), 'pass'],
  ['TCP with a payload length past the frame', to6({ payloadLength: 500 }).tcp(1, 4789, SYN), 'pass'],
  ['an extension header in front', call(inVxlan(to6().destinationOptions())), 'deliver'],
  ['a malformed chain', call(inVxlan(to6().routing({ segmentsLeft: 1 }))), 'pass'],
  ['a first fragment', call(inVxlan(to6().fragment({ more: true }))), 'drop', 'fragment'],
  ['a later fragment', call(inVxlan(to6().fragment({ offset: 1 }))), 'pass'],
  ['an atomic fragment', call(inVxlan(to6().fragment())), 'deliver'],
  [
    'a UDP checksum nobody looks at',
    call(to6().udp(1, 4789, { checksum: 7 }).vxlan(VNI).eth({ dst: WEB_A_MAC })),
    'deliver',
  ],
  ['7 bytes of UDP', to6({ nextHeader: 17 }).payload('1234567'), 'drop', 'udp-truncated'],
  ['another port', to6().udp(1, 53), 'pass'],
  ['NVGRE in a fabric of VXLAN', call(inNvgre(to6())), 'pass'],
];

describe.each([
  { about: 'NVGRE', encapsulation: 'nvgre', rows: nvgre },
  { about: 'VXLAN over IPv6', encapsulation: 'vxlan', rows: outer6 },
] as const)('host agent: $about', ({ encapsulation, rows }) => {
  it.each(rows)('%s', async (_name, frame, verdict, reason) => {
    const processed = (await hostOf({ encapsulation })).process(frame.bytes(), 0);
    expect([processed.verdict, processed.reason]).toEqual([verdict, reason]);
    if (verdict === 'pass') expect(processed.bytes).toEqual(frame.bytes());
  });
});
