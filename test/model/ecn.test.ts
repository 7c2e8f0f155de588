/** RFC 6040 figure 4, all sixteen fields, in both families. */

import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ipv4, ipv6 } from '../support/packet.js';
import { decapsulateEcn } from './ecn.js';
import { isEnding } from './ending.js';

const CODEPOINTS = { 'Not-ECT': 0, 'ECT(1)': 1, 'ECT(0)': 2, CE: 3 } as const;
type Codepoint = keyof typeof CODEPOINTS;

/** Outer down, inner across: Not-ECT, ECT(0), ECT(1), CE. */
const FIGURE_4: Record<Codepoint, Record<Codepoint, Codepoint | 'drop'>> = {
  'Not-ECT': { 'Not-ECT': 'Not-ECT', 'ECT(0)': 'ECT(0)', 'ECT(1)': 'ECT(1)', CE: 'CE' },
  'ECT(0)': { 'Not-ECT': 'Not-ECT', 'ECT(0)': 'ECT(0)', 'ECT(1)': 'ECT(1)', CE: 'CE' },
  'ECT(1)': { 'Not-ECT': 'Not-ECT', 'ECT(0)': 'ECT(1)', 'ECT(1)': 'ECT(1)', CE: 'CE' },
  CE: { 'Not-ECT': 'drop', 'ECT(0)': 'CE', 'ECT(1)': 'CE', CE: 'CE' },
};
/** DSCP of the inner packet is its own. */
const DSCP = 0xb8;

const rows = Object.entries(FIGURE_4).flatMap(([outer, row]) =>
  Object.entries(row).map(([inner, out]) => ({ outer, inner, out }) as Record<'outer' | 'inner' | 'out', Codepoint>),
);

describe.each([
  { family: 4, packet: (tos: number) => ipv4('192.0.2.7', '192.168.1.4', { tos }).udp(1, 2) },
  { family: 6, packet: (trafficClass: number) => ipv6('2001:db8::7', 'fd00::4', { trafficClass }).udp(1, 2) },
] as const)('congestion marks of IPv$family', ({ family, packet }) => {
  it.each(rows)('outer $outer, inner $inner: $out', ({ outer, inner, out }) => {
    const before = packet(DSCP | CODEPOINTS[inner]).bytes();
    const after = decapsulateEcn(CODEPOINTS[outer], DSCP | CODEPOINTS[inner], family, before);
    if (isEnding(after)) {
      expect([out, after.reason]).toEqual(['drop', 'ecn']);
    } else {
      expect(toHex(after)).toBe(toHex(packet(DSCP | CODEPOINTS[out]).bytes()));
      expect(verifyFrame(after, 'bare')).toEqual([]);
    }
  });
});
