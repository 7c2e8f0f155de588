/** The flow table is bounded: who gets a place when there is none, and what happens to whoever does not. */

import type { MuxProgram } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { type Client, clientsOfBucket } from '../support/bucket-clients.js';
import { macText } from '../support/bytes.js';
import { countedGauges, type FlowStateName, flowsIn, gauges, type OpenMux, openMux } from '../support/open-mux.js';
import { ACK, FIN, ipv4, RST, SYN } from '../support/packet.js';
import { muxProgram, VIP, WEB_A_MAC, WEB_B_MAC } from '../support/programs.js';

const TICK_MS = 1024;
const IDLE_TICKS = 235;
const INNER_ETHERNET = 20 + 8 + 8;
/** A table whose sweep has not come to its last buckets when a test ends: four buckets per tick. */
const FLOW_COUNT_MAX = 256;
const BUCKET_COUNT = 256;
const BUCKET = 250;
const ROOM = { flowCountMax: FLOW_COUNT_MAX };

/** `muxProgram` with one member in its ring; an idle timeout for its first service. */
function ringOf(backend: number, idleTimeoutMs = 240_000): MuxProgram {
  const drained = [0, 1, 2].filter((other) => other !== backend);
  const services = muxProgram.services.map((service, at) => (at === 0 ? { ...service, idleTimeoutMs } : service));
  const rings = [{ slotCount: 251, members: [{ backend, weight: 1 }], drained }, muxProgram.rings[1]];
  return { ...muxProgram, services, rings };
}

const clients = clientsOfBucket(
  muxProgram,
  { vip: VIP, port: 443, protocol: 6 },
  { bucket: BUCKET, bucketCount: BUCKET_COUNT, count: 60 },
);
const [strangers] = [clients.slice(10)];

function send({ mux }: OpenMux, { address, port }: Client, flags: number, tick: number): string {
  const { bytes } = mux.process(ipv4(address, VIP).tcp(port, 443, flags).bytes(), tick * TICK_MS, 'bare');
  return macText(bytes as Uint8Array, INNER_ETHERNET);
}

async function smallMux(capacities = {}): Promise<OpenMux> {
  const open = await openMux({ ...ROOM, ...capacities });
  open.mux.program(ringOf(0));
  return open;
}

/** Packets that bring a flow into a state, the last one now. */
const PACKETS: Readonly<Record<FlowStateName, readonly (readonly [flags: number, ticksAgo: number])[]>> = {
  'half-open': [[SYN, 0]],
  'seen-once': [[ACK, 0]],
  'seen-twice': [
    [ACK, 1],
    [ACK, 0],
  ],
  trusted: [
    [ACK, 2],
    [ACK, 1],
    [ACK, 0],
  ],
  closing: [[FIN, 0]],
  reset: [
    [ACK, 0],
    [RST, 0],
  ],
};

type Way = readonly [state: FlowStateName, lastTick: number];

/** Client after client gets a flow of this state, as if all packets had come in the order of their ticks. */
function fill(open: OpenMux, ways: readonly Way[]): void {
  const packets = ways.flatMap(([state, lastTick], at) =>
    PACKETS[state].map(([flags, ticksAgo]) => ({ client: clients[at], flags, tick: lastTick - ticksAgo })),
  );
  for (const { client, flags, tick } of packets.sort((a, b) => a.tick - b.tick)) send(open, client, flags, tick);
}

/** Which of the clients have a flow, by the port and address in the keys. */
function known(open: OpenMux): number[] {
  const keys = new Set(flowsIn(open).map(({ key }) => key));
  return clients.flatMap(({ address, port }, at) => {
    const ports = port.toString(16).padStart(4, '0') + (443).toString(16).padStart(4, '0');
    const source = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
    return keys.has(source.join('') + ports) ? [at] : [];
  });
}

describe('MUX: a new flow and a bucket that is full', () => {
  const rows: { name: string; ways: Way[]; tick: number; gone: number | undefined; as?: 'expired' }[] = [
    {
      name: 'half-open ones go first, the oldest of them',
      ways: [
        ['half-open', 10],
        ['half-open', 9],
        ['seen-once', 5],
        ['seen-twice', 5],
      ],
      tick: 11,
      gone: 1,
    },
    {
      name: 'then the oldest of those that are not trusted',
      ways: [
        ['seen-once', 10],
        ['seen-twice', 9],
        ['closing', 8],
        ['trusted', 4],
      ],
      tick: 11,
      gone: 2,
    },
    {
      name: 'one that was reset is asked by its age like any other',
      ways: [
        ['reset', 7],
        ['seen-once', 6],
        ['trusted', 4],
        ['trusted', 4],
      ],
      tick: 11,
      gone: 1,
    },
    {
      name: 'of two equally old ones the first',
      ways: [
        ['trusted', 4],
        ['seen-once', 9],
        ['seen-once', 9],
        ['trusted', 4],
      ],
      tick: 11,
      gone: 1,
    },
    {
      name: 'no trusted one',
      ways: [
        ['trusted', 10],
        ['trusted', 4],
        ['trusted', 6],
        ['trusted', 8],
      ],
      tick: 11,
      gone: undefined,
    },
    {
      name: 'a dead half-open one is not evicted, it has expired',
      ways: [
        ['trusted', 10],
        ['half-open', 5],
        ['half-open', 9],
        ['trusted', 10],
      ],
      tick: 36,
      gone: 1,
      as: 'expired',
    },
    {
      name: 'a half-open one in its last tick is evicted',
      ways: [
        ['trusted', 10],
        ['half-open', 6],
        ['half-open', 9],
        ['trusted', 10],
      ],
      tick: 36,
      gone: 1,
    },
    {
      name: 'a dead one goes before one that is half-open, however old that is',
      ways: [
        ['half-open', 5],
        ['seen-once', 10],
        ['reset', 10],
        ['trusted', 9],
      ],
      tick: 15,
      gone: 2,
      as: 'expired',
    },
    {
      name: 'in its last tick it is not dead',
      ways: [
        ['half-open', 5],
        ['seen-once', 10],
        ['reset', 11],
        ['trusted', 9],
      ],
      tick: 15,
      gone: 0,
    },
  ];
  it.each(rows)('$name', async ({ ways, tick, gone, as }) => {
    const open = await smallMux();
    fill(open, ways);
    expect(known(open)).toEqual([0, 1, 2, 3]);
    const before = open.mux.counters().flows;
    send(open, strangers[0], SYN, tick);
    const stayed = [0, 1, 2, 3].filter((client) => client !== gone);
    expect(known(open)).toEqual(gone === undefined ? stayed : [...stayed, 10]);
    const { inserts, evicted, expired, refused } = open.mux.counters().flows;
    expect({
      inserts: inserts - before.inserts,
      evicted: evicted - before.evicted,
      expired: expired - before.expired,
      refused: refused - before.refused,
    }).toEqual({
      inserts: gone === undefined ? 0 : 1,
      evicted: gone !== undefined && as === undefined ? 1 : 0,
      expired: as === 'expired' ? 1 : 0,
      refused: gone === undefined ? 1 : 0,
    });
    expect(gauges(open)).toEqual(countedGauges(open));
  });

  it.each([
    { when: 'in its last tick', ticks: IDLE_TICKS, refused: 1, expired: 0 },
    { when: 'one tick later', ticks: IDLE_TICKS + 1, refused: 0, expired: 1 },
  ])('a trusted flow that was idle too long gives way: $when', async ({ ticks, refused, expired }) => {
    // The sweep may find the dead ones first; either way they are gone, and counted once.
    const open = await smallMux();
    fill(open, [
      ['trusted', 3],
      ['trusted', 10],
      ['trusted', 10],
      ['trusted', 10],
    ]);
    send(open, strangers[0], SYN, 3 + ticks);
    expect(open.mux.counters().flows).toMatchObject({ refused, expired, evicted: 0 });
  });

  it('a trusted flow whose backend is gone gives way before a half-open one', async () => {
    const open = await smallMux();
    fill(open, [['trusted', 3]]);
    open.mux.program(ringOf(1));
    for (const at of [1, 2, 3]) send(open, clients[at], SYN, 4);
    const [first, ...others] = ringOf(1).backends;
    open.mux.program({ ...ringOf(1), backends: [{ ...first, dip: '192.168.1.99' }, ...others] });
    send(open, strangers[0], SYN, 5);
    expect(known(open)).toEqual([1, 2, 3, 10]);
    expect(open.mux.counters().flows).toMatchObject({ expired: 1, evicted: 0, trusted: 0, untrusted: 4 });
  });

  it('an empty way comes before a dead flow, which may be asked for again', async () => {
    const open = await smallMux();
    fill(open, [
      ['reset', 3],
      ['trusted', 5],
    ]);
    send(open, strangers[0], SYN, 20);
    expect(known(open)).toEqual([0, 1, 10]);
  });

  it('whoever is refused is served by the ring, as often as he comes', async () => {
    const open = await smallMux();
    fill(open, [
      ['trusted', 3],
      ['trusted', 3],
      ['trusted', 3],
      ['trusted', 3],
    ]);
    for (const flags of [SYN, ACK, ACK]) expect(send(open, strangers[0], flags, 4)).toBe(WEB_A_MAC);
    open.mux.program(ringOf(1));
    expect(send(open, strangers[0], ACK, 4)).toBe(WEB_B_MAC);
    expect(send(open, clients[0], ACK, 4)).toBe(WEB_A_MAC);
    expect(open.mux.counters().flows).toMatchObject({ refused: 4, inserts: 4, trusted: 4, untrusted: 0 });
  });
});

describe('MUX: as many untrusted flows as there may be', () => {
  it('a new one gets no empty way, only that of a dead or an untrusted one', async () => {
    const open = await smallMux({ untrustedFlowCountMax: 2 });
    // Two of another bucket use the quota up.
    const elsewhere = clientsOfBucket(
      muxProgram,
      { vip: VIP, port: 443, protocol: 6 },
      { bucket: 249, bucketCount: BUCKET_COUNT, count: 4 },
    );
    for (const client of elsewhere.slice(0, 2)) send(open, client, SYN, 3);
    expect(gauges(open)).toEqual({ trusted: 0, untrusted: 2 });
    send(open, strangers[0], SYN, 4);
    expect(known(open)).toEqual([]);
    expect(open.mux.counters().flows).toMatchObject({ refused: 1, evicted: 0 });
    // Where an untrusted one lives, it gives way: the quota stays used up.
    send(open, elsewhere[2], SYN, 4);
    expect(open.mux.counters().flows).toMatchObject({ refused: 1, evicted: 1, untrusted: 2 });
  });

  it('one that earns trust leaves room for another', async () => {
    const open = await smallMux({ untrustedFlowCountMax: 1 });
    fill(open, [['trusted', 3]]);
    send(open, clients[1], SYN, 3);
    expect(known(open)).toEqual([0, 1]);
    send(open, clients[2], SYN, 4);
    expect(known(open)).toEqual([0, 2]);
    expect(gauges(open)).toEqual({ trusted: 1, untrusted: 1 });
  });

  it('a dead trusted flow gives way even then', async () => {
    const open = await smallMux({ untrustedFlowCountMax: 1 });
    fill(open, [['trusted', 3]]);
    send(open, clients[1], ACK, 3);
    open.mux.program(ringOf(0, 10 * TICK_MS));
    send(open, clients[1], ACK, 13);
    send(open, clients[2], SYN, 14);
    expect(known(open)).toEqual([1, 2]);
    expect(open.mux.counters().flows).toMatchObject({ expired: 1, evicted: 0, refused: 0 });
  });
});

describe('MUX: a flood', () => {
  const trusted: Way[] = [['trusted', 3]];

  it.each([
    { name: 'one packet each', packets: [SYN] },
    { name: 'a handshake each', packets: [SYN, ACK] },
    { name: 'a handshake and data each, within a second', packets: [SYN, ACK, ACK, ACK] },
  ])('of strangers in one bucket pushes out no trusted flow: $name', async ({ packets }) => {
    const open = await smallMux();
    fill(open, trusted);
    for (let tick = 4; tick < 10; tick++) {
      for (const stranger of strangers) for (const flags of packets) send(open, stranger, flags, tick);
    }
    expect(known(open)[0]).toBe(0);
    expect(gauges(open)).toEqual(countedGauges(open));
  });

  it.each([
    { name: 'half-open', before: [SYN], stays: false },
    { name: 'seen once, while there is a half-open one to go', before: [SYN, ACK], stays: true },
  ])('a connection of one second: $name', async ({ before, stays }) => {
    const open = await smallMux();
    for (const flags of before) send(open, clients[0], flags, 3);
    for (const stranger of strangers) send(open, stranger, SYN, 4);
    expect(known(open).includes(0)).toBe(stays);
  });

  it('whoever finds collisions and has patience takes the four ways of a bucket, and nothing else', async () => {
    const open = await smallMux();
    for (let tick = 1; tick <= 30; tick++) {
      for (const client of clients)
        for (const flags of [ACK, ACK]) expect(send(open, client, flags, tick)).toBe(WEB_A_MAC);
    }
    const flows = flowsIn(open);
    expect(flows).toHaveLength(4);
    expect(new Set(flows.map(({ bucket }) => bucket))).toEqual(new Set([BUCKET]));
    expect(gauges(open)).toEqual(countedGauges(open));
    open.mux.process(ipv4('192.0.2.250', VIP).tcp(40000, 443, SYN).bytes(), 31 * TICK_MS, 'bare');
    expect(flowsIn(open)).toHaveLength(5);
  });

  it('a RST takes no place', async () => {
    const open = await smallMux();
    for (const client of clients) send(open, client, RST, 3);
    expect(flowsIn(open)).toEqual([]);
    expect(open.mux.counters().flows).toMatchObject({ misses: clients.length, inserts: 0, refused: 0 });
  });
});
