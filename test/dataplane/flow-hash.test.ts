/**
 * The flow hash, version 1: a wire format, so its vectors stand here as numbers. A change of any of them breaks every
 * fleet that is updated one MUX after the other.
 */

import { Mux, type MuxProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { type FiveTuple, flowHash, ringSlot } from '../model/flow-hash.js';
import { ipv4, ipv6, SYN } from '../support/packet.js';
import { muxProgram } from '../support/programs.js';
import { Random } from '../support/random.js';

const VIP = '80.80.80.80';
const VIP6 = '2001:db8::80';
const KEY_OF_ZEROS = '00'.repeat(16);
const KEY_OF_PAPER = '000102030405060708090a0b0c0d0e0f';

async function muxWith(change: Partial<MuxProgram> = {}): Promise<Mux> {
  const [service] = muxProgram.services;
  const anything = { ...service, key: 'any', protocol: 0, port: 0 } as const;
  const services = [anything, { ...anything, key: 'any6', vip: VIP6 }];
  const mux = await Mux.load(muxModule);
  mux.program({ ...muxProgram, vips: [VIP, VIP6], services, ...change });
  return mux;
}

function explain(mux: Mux, { source, destination, sourcePort, destinationPort, protocol }: FiveTuple) {
  const start = (destination === VIP6 ? ipv6 : ipv4)(source, destination);
  const packet = protocol === 6 ? start.tcp(sourcePort, destinationPort, SYN) : start.udp(sourcePort, destinationPort);
  return mux.explain(packet.bytes(), 0, 'bare').fields;
}

function tuple(source: string, sourcePort: number, destinationPort: number, protocol: number): FiveTuple {
  return { source, destination: source.includes(':') ? VIP6 : VIP, sourcePort, destinationPort, protocol };
}

// Of a key of zeros: hash(message) of CPython 3.11 with PYTHONHASHSEED=0, which is SipHash-1-3 with that key.
const vectors = [
  { key: KEY_OF_ZEROS, in: tuple('192.0.2.7', 40000, 443, 6), hash: '2963cbaf8b8e3533' },
  { key: KEY_OF_ZEROS, in: tuple('192.0.2.7', 40000, 443, 17), hash: 'deddb3e286d18c08' },
  { key: KEY_OF_ZEROS, in: tuple('223.255.255.255', 65535, 443, 6), hash: 'a28ae6a6ef6813a1' },
  { key: KEY_OF_ZEROS, in: tuple('1.0.0.0', 0, 443, 6), hash: 'e201a5495bc3421e' },
  { key: KEY_OF_PAPER, in: tuple('192.0.2.7', 40000, 443, 6), hash: '9e99667e40a8b840' },
  { key: KEY_OF_PAPER, in: tuple('192.0.2.7', 53000, 53, 17), hash: '8ab395b3a1608710' },
  { key: KEY_OF_ZEROS, in: tuple('2001:db8:c::7', 40000, 443, 6), hash: '898986aa26e30677' },
  { key: KEY_OF_ZEROS, in: tuple('2001:db8:c::7', 40000, 443, 17), hash: '41d203cf0711151a' },
  { key: KEY_OF_ZEROS, in: tuple('feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 65535, 443, 6), hash: 'e628093ec64828a4' },
  { key: KEY_OF_ZEROS, in: tuple('::2', 0, 443, 6), hash: '76b323756347a3ea' },
];

/** Any address a packet may come from, of either family. */
function anyClient(random: Random): string {
  if (random.oneIn(2)) return [random.between(128, 223), ...random.bytes(3)].join('.');
  return Array.from({ length: 8 }, () => random.between(1, 0xfeff).toString(16)).join(':');
}

describe('flow hash', () => {
  it.each(vectors)(
    '$in.source:$in.sourcePort > :$in.destinationPort/$in.protocol, key $key',
    async ({ key, in: flow, hash }) => {
      expect(explain(await muxWith({ flowHashKey: key }), flow).hash).toBe(hash);
    },
  );

  it('is the hash of the model for random flows and keys', async () => {
    const random = new Random(3);
    const mux = await muxWith();
    for (let round = 0; round < 50; round++) {
      const flowHashKey = Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
      mux.program({ ...(mux.current as MuxProgram), flowHashKey });
      for (let count = 0; count < 20; count++) {
        const flow = tuple(anyClient(random), random.below(65536), random.below(65536), random.pick([6, 17]));
        const hash = flowHash(flowHashKey, flow, 'Default').toString(16).padStart(16, '0');
        expect(explain(mux, flow).hash, JSON.stringify(flow)).toBe(hash);
      }
    }
  });

  it.each(['Default', 'SourceIP', 'SourceIPProtocol'] as const)(
    '%s picks the slot of the model',
    async (distribution) => {
      const random = new Random(4);
      const { services } = (await muxWith()).current as MuxProgram;
      const mux = await muxWith({ services: services.map((service) => ({ ...service, distribution })) });
      for (let count = 0; count < 200; count++) {
        const flow = tuple(anyClient(random), random.below(65536), random.below(65536), random.pick([6, 17]));
        const expected = ringSlot(flowHash(muxProgram.flowHashKey, flow, distribution), 251);
        expect(explain(mux, flow).ringSlot, JSON.stringify(flow)).toBe(expected);
      }
    },
  );

  it('spreads neighbouring clients over the whole ring', async () => {
    const mux = await muxWith();
    const slots = Array.from({ length: 2510 }, (_, port) => explain(mux, tuple('192.0.2.7', port, 443, 6)).ringSlot);
    const counts = new Map<number | undefined, number>();
    for (const slot of slots) counts.set(slot, (counts.get(slot) ?? 0) + 1);
    // Ten a slot on average; Poisson leaves e^-10 of 251 slots empty and gives none more than 28.
    expect(counts.size).toBeGreaterThanOrEqual(250);
    expect(Math.max(...counts.values())).toBeLessThan(28);
  });
});
