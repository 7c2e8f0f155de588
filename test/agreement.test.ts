/**
 * The data plane against the reference model: the same random packets, valid, near-valid and hostile, and the same
 * verdict, reason and bytes. A disagreement prints the seed, the packet's number and what the packet is about.
 */
import { Mux, HostAgent } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, test } from 'vitest';
import { HostModel } from './model/host-model.js';
import { MuxModel } from './model/mux-model.js';
import { toHex } from './support/bytes.js';
import { hostProgram, muxProgram } from './support/programs.js';
import { Random } from './support/random.js';
import { RandomPackets } from './support/random-packets.js';

const FRAME_BYTES_MAX = 65_600;
const PACKETS_PER_SEED = 30_000;
/** Room that no run fills: a bounded table may forget what the unbounded model remembers. */
const ROOM = { frameBytesMax: FRAME_BYTES_MAX, batchFrameCountMax: 64, flowCountMax: 1_048_576 };

const seedsText = process.env.EDGEMUX_SEEDS ?? '1,2';
const seeds = seedsText.split(',').map(Number);

describe.each(seeds)('seed %i', (seed) => {
  test('MUX', async () => {
    const model = new MuxModel(muxProgram);
    const mux = await Mux.load(muxModule, ROOM);
    mux.program(muxProgram);
    const packets = new RandomPackets(muxProgram, new Random(seed), FRAME_BYTES_MAX);
    let nowMs = 1_000_000;
    for (let number = 0; number < PACKETS_PER_SEED; number++) {
      const { frame, link, about } = packets.next();
      nowMs += (number * 7919) % 50;
      const expected = model.process(frame, link, nowMs);
      const { verdict, reason, bytes } = mux.process(frame, nowMs, link);
      const got = { verdict, reason, bytes: verdict === 'forward' && bytes ? toHex(bytes) : undefined };
      const want = {
        verdict: expected.verdict,
        reason: expected.reason,
        bytes: expected.verdict === 'forward' && expected.bytes ? toHex(expected.bytes) : undefined,
      };
      expect(got, `seed ${seed}, packet ${number}: ${about}\n${toHex(frame)}`).toEqual(want);
    }
  });

  test('host agent', async () => {
    const model = new HostModel(hostProgram);
    const host = await HostAgent.load(muxModule, ROOM);
    host.apply(hostProgram);
    const packets = new RandomPackets(hostProgram, new Random(seed), FRAME_BYTES_MAX);
    let nowMs = 1_000_000;
    for (let number = 0; number < PACKETS_PER_SEED; number++) {
      const { frame, link, port, about } = packets.next();
      nowMs += (number * 7919) % 50;
      const expected = model.process(frame, link, port, nowMs);
      const { verdict, reason, bytes } = host.process(frame, nowMs, { link, port });
      const writes = expected.verdict === 'deliver' || expected.verdict === 'reply';
      const got = { verdict, reason, bytes: writes && bytes ? toHex(bytes) : undefined };
      const want = {
        verdict: expected.verdict,
        reason: expected.reason,
        bytes: writes && expected.bytes ? toHex(expected.bytes) : undefined,
      };
      expect(got, `seed ${seed}, packet ${number}: ${about}\n${toHex(frame)}`).toEqual(want);
    }
  });
});
