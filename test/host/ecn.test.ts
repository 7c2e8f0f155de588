/** Congestion marks at the end of the tunnel: all of RFC 6040 figure 4, in both families inside and outside. */

import { HostAgent } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { atA, CLIENT, DIP_A, dualStackHost, FAMILIES, ip, tunnelTo, VIPS } from '../support/dual-stack-host.js';
import { SYN } from '../support/packet.js';
import { WEB_A_MAC } from '../support/programs.js';

const [NOT_ECT, ECT_1, ECT_0, CE] = [0, 1, 2, 3];
const NAMES = ['Not-ECT', 'ECT(1)', 'ECT(0)', 'CE'];

/** What is delivered, by the mark inside (row) and outside (Not-ECT, ECT(0), ECT(1), CE), as the figure has it. */
const FIGURE_4 = [
  { inner: NOT_ECT, delivered: [NOT_ECT, NOT_ECT, NOT_ECT, undefined] },
  { inner: ECT_0, delivered: [ECT_0, ECT_0, ECT_1, CE] },
  { inner: ECT_1, delivered: [ECT_1, ECT_1, ECT_1, CE] },
  { inner: CE, delivered: [CE, CE, CE, CE] },
];
const OUTER = [NOT_ECT, ECT_0, ECT_1, CE];

const rows = FIGURE_4.flatMap(({ inner, delivered }) =>
  delivered.map((expected, column) => ({
    name: `${NAMES[inner]} in ${NAMES[OUTER[column]]}: ${expected === undefined ? 'drop' : NAMES[expected]}`,
    inner,
    outer: OUTER[column],
    expected,
  })),
);
const families = FAMILIES.flatMap((inside) => FAMILIES.map((outside) => ({ inside, outside })));
/** DSCP 46, which no mark touches. */
const DSCP = 46 << 2;

describe.each(families)('host agent: congestion marks, IPv$inside over IPv$outside', ({ inside, outside }) => {
  it.each(rows)('$name', async ({ inner, outer, expected }) => {
    const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
    host.apply(dualStackHost);
    const tunnel = tunnelTo(WEB_A_MAC, { outer: outside, ecn: outer });
    const packet = ip(tunnel, inside, CLIENT[inside], VIPS[inside], { ecn: DSCP | inner }).tcp(40000, 443, SYN);
    const { verdict, reason, bytes } = host.process(packet.bytes(), 0);
    if (expected === undefined) {
      expect([verdict, reason]).toEqual(['drop', 'ecn']);
      return;
    }
    const delivered = ip(atA, inside, CLIENT[inside], DIP_A[inside], { ecn: DSCP | expected }).tcp(40000, 8443, SYN);
    expect([verdict, bytes && toHex(bytes)]).toEqual(['deliver', toHex(delivered.bytes())]);
    expect(verifyFrame(bytes as Uint8Array, 'ethernet')).toEqual([]);
  });

  it('a packet that would be dropped anyway is dropped for its own reason', async () => {
    const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
    host.apply(dualStackHost);
    const tunnel = tunnelTo(WEB_A_MAC, { outer: outside, ecn: CE });
    const packet = ip(tunnel, inside, CLIENT[inside], VIPS[inside]).tcp(40000, 444, SYN);
    expect(host.process(packet.bytes(), 0).reason).toBe('no-rule');
  });
});
