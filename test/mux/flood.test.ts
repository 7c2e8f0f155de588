/**
 * A flood against connections that are there, a hundredth of `npm run bench -- --only flood`: 5,000 connections, each seen
 * in three different seconds, then twenty seconds of 10,000 new ones each, while every old one sends a packet every
 * five seconds.
 */
import { Mux, type MuxProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { expect, it } from 'vitest';
import { FLOODS, type PacketKind } from '../../bench/flood-variants.js';
import { putBe16 } from '../support/bytes.js';
import { internetChecksum } from '../support/checksum.js';
import { ACK, ipv4, SYN } from '../support/packet.js';
import { muxProgram, VIP } from '../support/programs.js';

const TICK_MS = 1024;
const ESTABLISHED = 5_000;
const NEW_PER_SECOND = 10_000;
const SECONDS = 20;
const ROOM = { flowCountMax: 10_486, batchFrameCountMax: 250, frameBytesMax: 128 };
/** New connections have their own numbers. */
const FIRST_NEW = 1 << 20;

const [https] = muxProgram.services;
const services = [https, { ...https, key: 'udp', protocol: 17 as const }];

/** One member takes new connections, the other keeps its own. */
function ringOf(taking: number, drained: number): MuxProgram {
  const ring = { slotCount: 251, members: [{ backend: taking, weight: 1 }], drained: [drained] };
  return { ...muxProgram, services, rings: [ring] };
}

const TEMPLATES: Readonly<Record<PacketKind, Uint8Array>> = {
  syn: ipv4('192.0.2.7', VIP).tcp(40000, 443, SYN).bytes(),
  ack: ipv4('192.0.2.7', VIP).tcp(40000, 443, ACK).bytes(),
  udp: ipv4('192.0.2.7', VIP).udp(40000, 443).bytes(),
};

/** The packet of a kind that a client sends: the number is in its address. */
function packetOf(kind: PacketKind, client: number): Uint8Array {
  const packet = TEMPLATES[kind];
  packet.set([100, client >> 16, client >> 8, client], 12);
  putBe16(packet, 10, 0);
  putBe16(packet, 10, internetChecksum(packet.subarray(0, 20)));
  return packet;
}

/** Sends a packet for each number from `first` on; answers how many went to the first backend. */
function send(mux: Mux, kind: PacketKind, first: number, count: number, tick: number): number {
  let toFirst = 0;
  for (let sent = 0; sent < count; ) {
    mux.batch.clear();
    for (; sent < count && !mux.batch.isFull; sent++) mux.batch.add(packetOf(kind, first + sent), 'bare');
    mux.processBatch(tick * TICK_MS);
    for (let index = 0; index < mux.batch.count; index++) if (mux.batch.backendIndex(index) === 0) toFirst++;
  }
  return toFirst;
}

it.each(FLOODS)('999 of 1,000 established connections outlast a flood of $name', async ({ packets }) => {
  const mux = await Mux.load(muxModule, ROOM);
  mux.program(ringOf(0, 1));
  let tick = 100;
  send(mux, 'syn', 0, ESTABLISHED, tick);
  for (let second = 0; second < 3; second++) send(mux, 'ack', 0, ESTABLISHED, tick++);

  const slices = 10;
  for (let second = 0; second < SECONDS; second++, tick++) {
    for (let slice = 0; slice < slices; slice++) {
      const count = NEW_PER_SECOND / slices;
      for (const [kind, delay] of packets) {
        const first = FIRST_NEW + (second - delay) * NEW_PER_SECOND + slice * count;
        if (second >= delay) send(mux, kind, first, count, tick);
      }
      const turn = (second % 5) * slices + slice;
      send(mux, 'ack', (turn * ESTABLISHED) / (5 * slices), ESTABLISHED / (5 * slices), tick);
    }
  }
  const { trusted, untrusted } = mux.counters().flows;
  expect(trusted).toBeLessThanOrEqual(ESTABLISHED);
  expect(untrusted).toBeLessThanOrEqual(ROOM.flowCountMax);
  // Who still reaches the first backend has been remembered all the time.
  mux.program(ringOf(1, 0));
  expect(send(mux, 'ack', 0, ESTABLISHED, tick)).toBeGreaterThanOrEqual(0.999 * ESTABLISHED);
});
