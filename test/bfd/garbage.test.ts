/** What a neighbour may send without meaning it, by seed: nothing is thrown, and nothing changes that should not. */
import { describe, expect, it } from 'vitest';
import { decodeControlPacket, encodeControlPacket } from '../../sdk/bfd/packet.js';
import { SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';
import { Random } from '../support/random.js';
import { BarePorts, watching } from './neighbours.js';
import { controlPacket } from './packets.js';

const MUX = '192.0.2.1';
const ROUTER = '192.0.2.254';
const OTHER = '192.0.2.253';
const SEEDS = [1, 2, 3, 4, 5];

/** A packet with every field at random, some of them likely; a few bytes then damaged, lost or added. */
function anyPacket(random: Random, discriminators: readonly number[]): Uint8Array {
  const us = () => random.pick([0, 1, 10_000, 100_000, 1_000_000, random.uint32()]);
  const bytes = encodeControlPacket(
    controlPacket({
      diagnostic: random.below(32),
      state: random.pick(['AdminDown', 'Down', 'Init', 'Up'] as const),
      isPoll: random.oneIn(2),
      isFinal: random.oneIn(2),
      isControlPlaneIndependent: random.oneIn(2),
      isDemand: random.oneIn(2),
      detectMultiplier: random.between(1, 255),
      myDiscriminator: random.uint32(),
      yourDiscriminator: random.pick(discriminators),
      desiredMinTxUs: us(),
      requiredMinRxUs: us(),
      requiredMinEchoRxUs: us(),
    }),
  );
  if (random.oneIn(3)) bytes[random.below(bytes.length)] = random.below(256);
  if (random.oneIn(8)) return bytes.subarray(0, random.below(bytes.length));
  return random.oneIn(8) ? Uint8Array.from([...bytes, ...random.bytes(random.below(30))]) : bytes;
}

describe('BFD and garbage', () => {
  it.each(SEEDS)('seed %i: any bytes are a packet or a reason', (seed) => {
    const random = new Random(seed);
    for (let index = 0; index < 20_000; index++) {
      const bytes = random.oneIn(2) ? random.bytes(random.below(60)) : anyPacket(random, [0, random.uint32()]);
      const packet = decodeControlPacket(bytes);
      if (typeof packet !== 'string') expect(encodeControlPacket(packet).length).toBe(24);
    }
  });

  it.each(SEEDS)('seed %i: random bytes and packets of others leave a session alone', async (seed) => {
    const random = new Random(seed);
    const network = new SimulatedNetwork({ seed });
    const mux = await watching(network.host(MUX), MUX, ROUTER);
    await watching(network.host(ROUTER), ROUTER, MUX);
    const stranger = await BarePorts.open(network.host(OTHER), OTHER);
    await network.clock.runFor(5000);
    const told = [...mux.told];
    expect(told.at(-1)).toBe('Up 0');
    for (let index = 0; index < 2000; index++) {
      stranger.send(MUX, random.oneIn(2) ? random.bytes(random.below(60)) : anyPacket(random, [0, random.uint32()]));
      await network.clock.runFor(random.below(20));
    }
    expect(mux.told).toEqual(told);
    const discardedCount = [...mux.bfd.discardedCounts.values()].reduce((sum, count) => sum + count, 0);
    expect(discardedCount).toBeGreaterThan(1900);
  });

  it.each(SEEDS)(
    'seed %i: a neighbour that says anything gets packets in answer, and a good one comes up after it',
    async (seed) => {
      const random = new Random(seed);
      const network = new SimulatedNetwork({ seed });
      const mux = await watching(network.host(MUX), MUX, ROUTER);
      const badHost = network.host(ROUTER);
      // Its ports throw at what is no packet.
      const bad = await BarePorts.open(badHost, ROUTER);
      await network.clock.runFor(10);
      for (let index = 0; index < 2000; index++) {
        bad.send(MUX, anyPacket(random, [0, bad.theirDiscriminator]));
        await network.clock.runFor(random.below(20));
      }
      expect(bad.received.length).toBeGreaterThan(100);
      badHost.kill('silent');
      const good = await watching(network.host(ROUTER), ROUTER, MUX);
      // Whatever the bad one has asked for and promised, up to 255 × 4295 s, ends with the first packet of the good one.
      expect(await network.clock.runUntil(() => good.watch.state === 'Up' && mux.watch.state === 'Up', 10_000)).toBe(
        true,
      );
    },
  );
});
