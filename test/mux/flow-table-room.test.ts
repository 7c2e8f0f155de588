/** The flow table is bounded: who gets a place when there is none, and what happens to whoever does not. */

import { Mux, type MuxProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { macText } from '../support/bytes.js';
import { ACK, ipv4, type Packet, RST, SYN } from '../support/packet.js';
import { muxProgram, VIP, WEB_A_MAC, WEB_B_MAC } from '../support/programs.js';

const TICK_MS = 1024;
const IDLE_TICKS = 235;
const INNER_ETHERNET = 20 + 8 + 8;
/** The smallest table: two buckets of four. */
const PLACES = 8;
const CLIENTS = 100;

const packet = (client: number, flags: number) => ipv4('192.0.2.7', VIP).tcp(40000 + client, 443, flags);
const clients = Array.from({ length: CLIENTS }, (_, client) => client);

/** `muxProgram` with one member in its ring. */
function ringOf(backend: number): MuxProgram {
  const drained = [0, 1, 2].filter((other) => other !== backend);
  return {
    ...muxProgram,
    rings: [{ slotCount: 251, members: [{ backend, weight: 1 }], drained }, muxProgram.rings[1]],
  };
}

async function smallMux(): Promise<Mux> {
  const mux = await Mux.load(muxModule, { flowCountMax: 1, batchFrameCountMax: 1 });
  mux.program(ringOf(0));
  return mux;
}

function sentTo(mux: Mux, sent: Packet, nowMs = 0): string {
  const { bytes } = mux.process(sent.bytes(), nowMs, 'bare');
  return macText(bytes as Uint8Array, INNER_ETHERNET);
}

/** The clients whose connection still goes to web-a although the ring now says web-b. */
function remembered(mux: Mux, among: readonly number[], nowMs = 0): number[] {
  mux.program(ringOf(1));
  // A RST hits a flow that is known and leaves none that is not, so that asking changes nothing.
  const known = among.filter((client) => sentTo(mux, packet(client, RST), nowMs) === WEB_A_MAC);
  mux.program(ringOf(0));
  return known;
}

describe('MUX: a full flow table', () => {
  it('holds as many flows as it has places, the last ones that came', async () => {
    const mux = await smallMux();
    for (const client of clients) mux.process(packet(client, SYN).bytes(), client * TICK_MS, 'bare');
    expect(mux.counters().flows).toEqual({
      hits: 0,
      misses: CLIENTS,
      inserts: CLIENTS,
      expired: 0,
      evicted: CLIENTS - PLACES,
      refused: 0,
    });
    expect(remembered(mux, clients, CLIENTS * TICK_MS)).toHaveLength(PLACES);
    expect(remembered(mux, [CLIENTS - 1], CLIENTS * TICK_MS)).toEqual([CLIENTS - 1]);
  });

  it('evicts the untrusted flow that has waited longest', async () => {
    const mux = await smallMux();
    for (const client of clients) mux.process(packet(client, SYN).bytes(), client * TICK_MS, 'bare');
    const known = remembered(mux, clients, CLIENTS * TICK_MS);
    // Each bucket has its four youngest: of the four youngest of all, none can have been evicted.
    expect(known).toEqual(expect.arrayContaining([96, 97, 98, 99]));
  });

  it('refuses new flows where every flow is trusted, and forwards them by the ring', async () => {
    const mux = await smallMux();
    for (const client of clients) {
      expect(sentTo(mux, packet(client, SYN))).toBe(WEB_A_MAC);
      expect(sentTo(mux, packet(client, ACK))).toBe(WEB_A_MAC);
    }
    expect(mux.counters().flows).toEqual({
      hits: PLACES,
      misses: CLIENTS + CLIENTS - PLACES,
      inserts: PLACES,
      expired: 0,
      evicted: 0,
      refused: 2 * (CLIENTS - PLACES),
    });
    mux.program(ringOf(1));
    expect(clients.filter((client) => sentTo(mux, packet(client, ACK)) === WEB_B_MAC)).toHaveLength(CLIENTS - PLACES);
  });

  it('a SYN flood cannot push out a flow with a second packet', async () => {
    const mux = await smallMux();
    sentTo(mux, packet(0, SYN));
    sentTo(mux, packet(0, ACK));
    for (let round = 0; round < 10; round++) for (const client of clients.slice(1)) sentTo(mux, packet(client, SYN));
    expect(remembered(mux, [0])).toEqual([0]);
  });

  it('but it does push out one that is only a SYN itself', async () => {
    const mux = await smallMux();
    sentTo(mux, packet(0, SYN), 0);
    for (const client of clients.slice(1)) sentTo(mux, packet(client, SYN), TICK_MS);
    expect(remembered(mux, [0], TICK_MS)).toEqual([]);
  });

  it('a repeated SYN does not earn trust', async () => {
    const mux = await smallMux();
    for (let repeat = 0; repeat < 3; repeat++) sentTo(mux, packet(0, SYN));
    for (const client of clients.slice(1)) sentTo(mux, packet(client, SYN), TICK_MS);
    expect(remembered(mux, [0], TICK_MS)).toEqual([]);
  });

  it('a repeated SYN does not lose it either', async () => {
    const mux = await smallMux();
    for (const flags of [SYN, ACK, SYN]) sentTo(mux, packet(0, flags));
    for (const client of clients.slice(1)) sentTo(mux, packet(client, SYN), TICK_MS);
    expect(remembered(mux, [0], TICK_MS)).toEqual([0]);
  });

  it.each([
    { when: 'in its last tick', ticks: IDLE_TICKS, refused: 1, expired: 0 },
    { when: 'one tick later', ticks: IDLE_TICKS + 1, refused: 0, expired: 1 },
  ])(
    'a trusted flow gives its place away once it has been idle too long: $when',
    async ({ ticks, refused, expired }) => {
      const mux = await smallMux();
      for (const client of clients) for (const flags of [SYN, ACK]) sentTo(mux, packet(client, flags));
      const before = mux.counters().flows;
      sentTo(mux, packet(CLIENTS, SYN), ticks * TICK_MS);
      const after = mux.counters().flows;
      expect({ refused: after.refused - before.refused, expired: after.expired - before.expired }).toEqual({
        refused,
        expired,
      });
    },
  );

  it('a RST takes no place', async () => {
    const mux = await smallMux();
    for (const client of clients) sentTo(mux, packet(client, RST));
    expect(mux.counters().flows).toMatchObject({ misses: CLIENTS, inserts: 0, refused: 0 });
  });
});
