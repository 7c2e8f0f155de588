/** Random packets: repeatable, sound when they are meant to be, and far enough into the pipelines to be worth it. */

import { describe, expect, it } from 'vitest';
import { HostModel } from '../model/host-model.js';
import { MuxModel } from '../model/mux-model.js';
import { toHex } from './bytes.js';
import { verifyFrame } from './checksum.js';
import { fullHost } from './host-programs.js';
import { dualStackMuxProgram, nvgreMuxProgram } from './mux-programs.js';
import { hostProgram, muxProgram } from './programs.js';
import { Random } from './random.js';
import { RandomPackets } from './random-packets.js';

function tally(results: Iterable<{ verdict: string; reason?: string }>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { verdict, reason } of results) {
    const name = reason ?? verdict;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

const ALL_PARSE_REASONS = [
  ...['ethernet-truncated', 'ipv4-truncated', 'ipv4-version', 'ipv4-header-length', 'ipv4-total-length'],
  ...['ipv4-checksum', 'fragment', 'protocol', 'tcp-truncated', 'tcp-header-length', 'udp-truncated', 'udp-length'],
];

describe('random packets', () => {
  it('are the same for the same seed', () => {
    const once = new RandomPackets(hostProgram, new Random(7));
    const again = new RandomPackets(hostProgram, new Random(7));
    for (let count = 0; count < 50; count++) {
      expect(toHex(again.next().frame)).toBe(toHex(once.next().frame));
    }
  });

  it('keep to the slots of the data plane', () => {
    const packets = new RandomPackets(muxProgram, new Random(1), 1600);
    const longest = Math.max(...Array.from({ length: 500 }, () => packets.next().frame.length));
    expect(longest).toBeLessThanOrEqual(1600);
  });

  it('mostly reach a backend through the MUX, and every way of an end', () => {
    const packets = new RandomPackets(dualStackMuxProgram, new Random(1));
    const model = new MuxModel(dualStackMuxProgram);
    const counts = tally(
      Array.from({ length: 8000 }, (_, index) => {
        const { frame, link } = packets.next();
        model.endOfBatch(index * 20);
        return model.process(frame, link, index * 20);
      }),
    );
    expect([...counts.keys()]).toEqual(
      expect.arrayContaining(['pass', 'forward', 'reply', 'hold', ...ALL_PARSE_REASONS, 'no-rule', 'no-backend']),
    );
    expect(counts.get('forward')).toBeGreaterThan(4000);
  });

  it('reach every outcome of a host agent', () => {
    const packets = new RandomPackets(fullHost, new Random(1));
    const model = new HostModel(fullHost);
    const counts = tally(
      Array.from({ length: 16_000 }, (_, index) => {
        const { frame, link, port } = packets.next();
        return model.process(frame, link, port, index * 20);
      }),
    );
    expect([...counts.keys()]).toEqual(
      expect.arrayContaining([
        ...[
          'pass',
          'deliver',
          'reply',
          ...ALL_PARSE_REASONS,
          'no-rule',
          'nat-conflict',
          'vxlan-truncated',
          'vxlan-flags',
        ],
        ...['inner-truncated', 'inner-vlan', 'nic-unknown', 'vni-mismatch', 'ecn', 'snat-exhausted', 'snat-unknown'],
        ...['icmp-truncated', 'icmp-checksum', 'icmp-quote', 'ipv6-truncated', 'ipv6-version', 'ipv6-extension'],
      ]),
    );
    expect(counts.get('deliver')).toBeGreaterThan(2500);
    expect(counts.get('reply')).toBeGreaterThan(2000);
  });

  it.each([dualStackMuxProgram, nvgreMuxProgram])('leave the MUX ($encapsulation) as sound as they came', (program) => {
    const packets = new RandomPackets(program, new Random(2));
    const mux = new MuxModel(program);
    for (let count = 0; count < 5000; count++) {
      const { frame, link, about } = packets.next();
      const { bytes, verdict } = mux.process(frame, link, count);
      // What the MUX says itself is sound whatever it is about, and quotes are nobody's to check.
      if (bytes !== undefined && (verdict === 'reply' || verifyFrame(frame, link).length === 0)) {
        expect(verifyFrame(bytes, link), about).toEqual([]);
      }
    }
  });

  it('leave a host agent as sound as they came', () => {
    const packets = new RandomPackets(fullHost, new Random(2));
    const host = new HostModel(fullHost);
    for (let count = 0; count < 5000; count++) {
      const { frame, link, port, about } = packets.next();
      const { bytes } = host.process(frame, link, port, count);
      if (bytes !== undefined && verifyFrame(frame, link).length === 0) {
        expect(verifyFrame(bytes, link), about).toEqual([]);
      }
    }
  });
});
