/** Fragments through the whole model: what is pinned, kept, released, poisoned and forgotten. */

import { describe, expect, it } from 'vitest';
import { be16 } from '../support/bytes.js';
import { divisibleBytes, evenPieces, fragmentsOf } from '../support/fragment-plan.js';
import { dualStackMuxProgram, VIP6 } from '../support/mux-programs.js';
import { packetOf, plan } from '../support/packet-plan.js';
import { VIP } from '../support/programs.js';
import { MuxModel, type MuxResult } from './mux-model.js';

/** A datagram of 48 bytes behind the IP header, in three fragments. */
function datagram(source: string, vip: string, identification = 7): Uint8Array[] {
  const whole = plan('udp', [source, 40000], [vip, 53]);
  whole.payload = new Uint8Array(40).fill(0x55);
  const pieces = evenPieces(divisibleBytes(whole), 3);
  return fragmentsOf(whole, pieces, identification).map((fragment) => packetOf(fragment, 'bare').bytes());
}

const cases = [
  { family: 4, source: '192.0.2.7', vip: VIP },
  { family: 6, source: '2001:db8:c::7', vip: VIP6 },
];

/** Verdict or reason, and whether it went to a backend. */
function said({ verdict, reason }: MuxResult): string {
  return reason ?? verdict;
}

describe.each(cases)('fragments of IPv$family', ({ source, vip }) => {
  const [first, second, third] = datagram(source, vip) as [Uint8Array, Uint8Array, Uint8Array];
  const send = (model: MuxModel, frames: Uint8Array[], nowMs = 0) =>
    frames.map((frame) => model.process(frame, 'bare', nowMs));

  it('follow the first one, with its outer source port', () => {
    const results = send(new MuxModel(dualStackMuxProgram), [first, third, second]);
    expect(results.map(said)).toEqual(['forward', 'forward', 'forward']);
    const isOverIpv6 = results[0]!.bytes![0]! >> 4 === 6;
    expect(new Set(results.map(({ backend }) => backend)).size).toBe(1);
    expect(new Set(results.map(({ bytes }) => be16(bytes!, isOverIpv6 ? 40 : 20))).size).toBe(1);
  });

  it('that come too early wait for it', () => {
    const model = new MuxModel(dualStackMuxProgram);
    expect(send(model, [third, second]).map(said)).toEqual(['hold', 'hold']);
    expect(model.endOfBatch(0)).toEqual([]);
    const [result] = send(model, [first], 5000);
    const released = model.endOfBatch(5000);
    expect(released.map(({ backend }) => backend)).toEqual([result!.backend, result!.backend]);
    // In order of arrival, and as they came.
    expect(released[0]!.bytes!.subarray(-third.length)).toEqual(third);
    expect(released[1]!.bytes!.subarray(-second.length)).toEqual(second);
  });

  it('wait for a free slot too', () => {
    const model = new MuxModel(dualStackMuxProgram, { frameBytesMax: 2000, batchFrameCountMax: 4 });
    send(model, [third, second, first]);
    expect(model.endOfBatch(0)).toHaveLength(1);
    send(model, [first, first, first, first]);
    expect(model.endOfBatch(0).map(said)).toEqual([]);
    expect(model.endOfBatch(0).map(said)).toEqual(['fragment-overlap']);
  });

  it('that overlap poison the datagram', () => {
    const model = new MuxModel(dualStackMuxProgram);
    expect(send(model, [first, second, second, third, first]).map(said)).toEqual([
      ...['forward', 'forward', 'fragment-overlap', 'fragment-overlap', 'fragment-overlap'],
    ]);
    expect(send(model, [third], 30 * 1024).map(said)).toEqual(['hold']);
  });

  it('of another datagram wait for their own first one', () => {
    const [, other] = datagram(source, vip, 8) as [Uint8Array, Uint8Array];
    expect(send(new MuxModel(dualStackMuxProgram), [first, other]).map(said)).toEqual(['forward', 'hold']);
  });

  it('go nowhere when the backend is another machine now', () => {
    const model = new MuxModel(dualStackMuxProgram);
    send(model, [first]);
    const backends = dualStackMuxProgram.backends.map((backend) => ({ ...backend, dip: '192.168.9.9' }));
    model.program({ ...dualStackMuxProgram, backends });
    expect(send(model, [second]).map(said)).toEqual(['no-backend']);
  });

  it('of a connection nobody takes wait in vain', () => {
    const whole = plan('tcp', [source, 40000], [vip, 22]);
    whole.payload = new Uint8Array(40);
    const frames = fragmentsOf(whole, evenPieces(divisibleBytes(whole), 2), 9);
    const results = send(
      new MuxModel(dualStackMuxProgram),
      frames.map((one) => packetOf(one, 'bare').bytes()),
    );
    expect(results.map(said)).toEqual(['no-rule', 'hold']);
  });
});
