/** What becomes of a flow, packet by packet and tick by tick: state, evidence, and how long it may be idle. */

import type { MuxProgram, Service } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { macText } from '../support/bytes.js';
import { type Flow, type FlowStateName, flowsIn, gauges, type OpenMux, openMux } from '../support/open-mux.js';
import { ACK, FIN, ipv4, type Packet, PSH, RST, SYN } from '../support/packet.js';
import { muxProgram, VIP, WEB_A_MAC, WEB_B_MAC } from '../support/programs.js';

const TICK_MS = 1024;
const CLIENT = '192.0.2.7';
const INNER_ETHERNET = 20 + 8 + 8;

const [https, dns] = muxProgram.services;
/** 10,000 ms are 10 ticks, rounded up: less than a half-open or closing flow may have. */
const short: Service = { ...https, key: 'short', port: 444, idleTimeoutMs: 10_000 };

/** One member takes new connections, the others keep those they have. */
function ringOf(...members: number[]): MuxProgram {
  const drained = [0, 1, 2].filter((backend) => !members.includes(backend));
  const ring = { slotCount: 251, members: members.map((backend) => ({ backend, weight: 1 })), drained };
  return { ...muxProgram, services: [https, dns, short], rings: [ring] };
}

const toA = ringOf(0);
const toB = ringOf(1);
const toNobody = ringOf();

const tcp = (flags: number, port = 443) => ipv4(CLIENT, VIP).tcp(40000, port, flags);
const udp = ipv4(CLIENT, VIP).udp(40000, 53);

/** A packet in a tick. */
type Step = readonly [packet: number | Packet, tick: number];

async function muxAfter(steps: readonly Step[], capacities = {}): Promise<OpenMux> {
  const open = await openMux({ flowCountMax: 64, ...capacities });
  open.mux.program(toA);
  send(open, steps);
  return open;
}

function send({ mux }: OpenMux, steps: readonly Step[]): void {
  for (const [packet, tick] of steps) mux.process(bytesOf(packet), tick * TICK_MS, 'bare');
}

function bytesOf(packet: number | Packet): Uint8Array {
  return (typeof packet === 'number' ? tcp(packet) : packet).bytes();
}

/** The one flow there is. */
function onlyFlow(open: OpenMux): Flow | undefined {
  const flows = flowsIn(open);
  expect(flows.length).toBeLessThanOrEqual(1);
  return flows[0];
}

/** Who a packet is sent to now. */
function sentTo({ mux }: OpenMux, packet: number | Packet, tick: number): string | undefined {
  const { bytes, reason } = mux.process(bytesOf(packet), tick * TICK_MS, 'bare');
  return bytes ? { [WEB_A_MAC]: 'web-a', [WEB_B_MAC]: 'web-b' }[macText(bytes, INNER_ETHERNET)] : reason;
}

/** Steps after which a flow is in a state, last seen in tick 3. */
const WAYS_TO: Readonly<Record<FlowStateName, readonly Step[]>> = {
  'half-open': [[SYN, 3]],
  'seen-once': [[ACK, 3]],
  'seen-twice': [
    [ACK, 1],
    [ACK, 3],
  ],
  trusted: [
    [ACK, 1],
    [ACK, 2],
    [ACK, 3],
  ],
  closing: [[FIN | ACK, 3]],
  reset: [
    [ACK, 1],
    [RST, 3],
  ],
};
const STATES = Object.keys(WAYS_TO) as FlowStateName[];

describe('MUX: the state of a new flow', () => {
  const rows: { name: string; packet: number | Packet; state: FlowStateName | undefined }[] = [
    { name: 'SYN', packet: SYN, state: 'half-open' },
    { name: 'SYN and FIN', packet: SYN | FIN, state: 'half-open' },
    { name: 'SYN and ACK', packet: SYN | ACK, state: 'seen-once' },
    { name: 'ACK', packet: ACK, state: 'seen-once' },
    { name: 'no flag at all', packet: 0, state: 'seen-once' },
    { name: 'UDP', packet: udp, state: 'seen-once' },
    { name: 'FIN', packet: FIN | ACK, state: 'closing' },
    { name: 'RST', packet: RST, state: undefined },
    { name: 'RST and ACK', packet: RST | ACK, state: undefined },
    { name: 'RST and SYN', packet: RST | SYN, state: undefined },
    { name: 'RST and FIN', packet: RST | FIN, state: undefined },
  ];
  it.each(rows)('$name: $state', async ({ packet, state }) => {
    expect(onlyFlow(await muxAfter([[packet, 3]]))?.state).toBe(state);
  });
});

describe('MUX: what a packet makes of a live flow', () => {
  /** Every state, and what it is after a packet in the same tick and in the next one. */
  const rows: { name: string; packet: number; same: FlowStateName[]; next: FlowStateName[] }[] = [
    {
      name: 'ACK',
      packet: ACK,
      same: ['seen-once', 'seen-once', 'seen-twice', 'trusted', 'closing', 'seen-once'],
      next: ['seen-once', 'seen-twice', 'trusted', 'trusted', 'closing', 'seen-once'],
    },
    {
      name: 'SYN and ACK',
      packet: SYN | ACK,
      same: ['seen-once', 'seen-once', 'seen-twice', 'trusted', 'closing', 'seen-once'],
      next: ['seen-once', 'seen-twice', 'trusted', 'trusted', 'closing', 'seen-once'],
    },
    { name: 'FIN', packet: FIN | ACK, same: STATES.map(() => 'closing'), next: STATES.map(() => 'closing') },
    { name: 'RST', packet: RST, same: STATES.map(() => 'reset'), next: STATES.map(() => 'reset') },
    { name: 'RST and FIN', packet: RST | FIN, same: STATES.map(() => 'reset'), next: STATES.map(() => 'reset') },
    {
      name: 'SYN, the ring still of its opinion',
      packet: SYN,
      same: ['half-open', 'seen-once', 'seen-twice', 'trusted', 'half-open', 'half-open'],
      next: ['half-open', 'seen-once', 'seen-twice', 'trusted', 'half-open', 'half-open'],
    },
  ];
  const cases = rows.flatMap(({ name, packet, same, next }) =>
    STATES.flatMap((state, at) => [
      { name: `${name} in the same tick`, packet, state, tick: 3, after: same[at] },
      { name: `${name} in the next tick`, packet, state, tick: 4, after: next[at] },
    ]),
  );
  it.each(cases)('$state, $name: $after', async ({ state, packet, tick, after }) => {
    const open = await muxAfter(WAYS_TO[state]);
    expect(onlyFlow(open)).toMatchObject({ state, ticks: 3 });
    send(open, [[packet, tick]]);
    expect(onlyFlow(open)).toMatchObject({ state: after, ticks: tick });
    expect(gauges(open)).toEqual({ trusted: after === 'trusted' ? 1 : 0, untrusted: after === 'trusted' ? 0 : 1 });
  });

  it.each(STATES)('%s: a SYN that the ring sends elsewhere begins anew there', async (state) => {
    const open = await muxAfter(WAYS_TO[state]);
    open.mux.program(toB);
    expect(sentTo(open, SYN, 4)).toBe('web-b');
    expect(onlyFlow(open)).toMatchObject({ state: 'half-open', backend: 1, ticks: 4 });
    expect(gauges(open)).toEqual({ trusted: 0, untrusted: 1 });
  });

  it.each(STATES)('%s: a SYN that the ring has nobody for leaves it alone', async (state) => {
    const open = await muxAfter(WAYS_TO[state]);
    open.mux.program(toNobody);
    expect(sentTo(open, SYN, 4)).toBe('no-backend');
    expect(onlyFlow(open)).toMatchObject({ state, backend: 0, ticks: 3 });
  });
});

describe('MUX: evidence for trust', () => {
  const rows: { name: string; steps: Step[]; state: FlowStateName }[] = [
    {
      name: 'a handshake within a second',
      steps: [
        [SYN, 1],
        [ACK, 1],
      ],
      state: 'seen-once',
    },
    {
      name: 'a handshake and data within a second',
      steps: [
        [SYN, 1],
        [ACK, 1],
        [PSH | ACK, 1],
        [ACK, 1],
      ],
      state: 'seen-once',
    },
    {
      name: 'a SYN and two packets, a second between each',
      steps: [
        [SYN, 1],
        [ACK, 2],
        [ACK, 3],
      ],
      state: 'seen-twice',
    },
    {
      name: 'packets in three seconds',
      steps: [
        [SYN, 1],
        [ACK, 1],
        [ACK, 2],
        [ACK, 3],
      ],
      state: 'trusted',
    },
    {
      name: 'SYNs in ten seconds',
      steps: Array.from({ length: 10 }, (_, tick) => [SYN, tick + 1] as const),
      state: 'half-open',
    },
    {
      name: 'a SYN and an ACK in each of ten seconds, the SYN first',
      steps: Array.from({ length: 20 }, (_, at) => [at % 2 === 0 ? SYN : ACK, 1 + (at >> 1)] as const),
      state: 'seen-once',
    },
    {
      name: 'two UDP packets within a second',
      steps: [
        [udp, 1],
        [udp, 1],
      ],
      state: 'seen-once',
    },
    {
      name: 'two UDP packets a second apart',
      steps: [
        [udp, 1],
        [udp, 2],
      ],
      state: 'seen-twice',
    },
    {
      name: 'UDP packets in three seconds',
      steps: [
        [udp, 1],
        [udp, 2],
        [udp, 3],
      ],
      state: 'trusted',
    },
    {
      name: 'packets in three seconds, but after a FIN',
      steps: [
        [FIN | ACK, 1],
        [ACK, 2],
        [ACK, 3],
        [ACK, 4],
      ],
      state: 'closing',
    },
    {
      name: 'what came before a reset does not count',
      steps: [
        [ACK, 1],
        [ACK, 2],
        [RST, 3],
        [ACK, 4],
        [ACK, 5],
      ],
      state: 'seen-twice',
    },
  ];
  it.each(rows)('$name: $state', async ({ steps, state }) => {
    expect(onlyFlow(await muxAfter(steps))?.state).toBe(state);
  });

  it('is withheld when there are as many trusted flows as there may be, and given once one has gone', async () => {
    const open = await muxAfter(WAYS_TO.trusted, { trustedFlowCountMax: 1 });
    const other = (flags: number) => ipv4('192.0.2.8', VIP).tcp(40001, 443, flags);
    send(open, [
      [other(ACK), 3],
      [other(ACK), 4],
      [other(ACK), 5],
      [other(ACK), 6],
    ]);
    expect(gauges(open)).toEqual({ trusted: 1, untrusted: 1 });
    expect(open.mux.counters().flows).toMatchObject({ promoted: 1, promotionRefused: 2 });
    send(open, [
      [FIN | ACK, 7],
      [other(ACK), 7],
    ]);
    expect(gauges(open)).toEqual({ trusted: 1, untrusted: 1 });
    expect(open.mux.counters().flows).toMatchObject({ promoted: 2, promotionRefused: 2 });
    expect(flowsIn(open).map(({ state }) => state)).toEqual(expect.arrayContaining(['closing', 'trusted']));
  });
});

describe('MUX: how long a flow may be idle', () => {
  const SHORT = 444;
  const rows: { name: string; steps: Step[]; next: number | Packet; limit: number }[] = [
    { name: 'half-open, rule of 240 s', steps: [[SYN, 3]], next: ACK, limit: 30 },
    { name: 'half-open, rule of 10 s', steps: [[tcp(SYN, SHORT), 3]], next: tcp(ACK, SHORT), limit: 10 },
    { name: 'seen once', steps: WAYS_TO['seen-once'] as Step[], next: ACK, limit: 235 },
    { name: 'seen twice', steps: WAYS_TO['seen-twice'] as Step[], next: ACK, limit: 235 },
    { name: 'trusted', steps: WAYS_TO.trusted as Step[], next: ACK, limit: 235 },
    { name: 'seen once, UDP of 10 s', steps: [[udp, 3]], next: udp, limit: 10 },
    { name: 'closing, rule of 240 s', steps: WAYS_TO.closing as Step[], next: ACK, limit: 60 },
    { name: 'closing, rule of 10 s', steps: [[tcp(FIN, SHORT), 3]], next: tcp(ACK, SHORT), limit: 10 },
    { name: 'reset', steps: WAYS_TO.reset as Step[], next: ACK, limit: 4 },
  ];
  it.each(rows)('$name: $limit ticks, and not one more', async ({ steps, next, limit }) => {
    for (const [ticks, backend] of [
      [limit - 1, 'web-a'],
      [limit, 'web-a'],
      [limit + 1, 'web-b'],
    ] as const) {
      const open = await muxAfter(steps);
      open.mux.program(toB);
      expect(sentTo(open, next, 3 + ticks)).toBe(backend);
    }
  });

  it.each([
    { name: 'an ACK', packet: ACK, state: 'seen-once' },
    { name: 'a FIN', packet: FIN | ACK, state: 'closing' },
    { name: 'a SYN', packet: SYN, state: 'half-open' },
  ] as const)('$name makes a new flow of a dead one, however trusted it was', async ({ packet, state }) => {
    for (const program of [toA, toB]) {
      const open = await muxAfter(WAYS_TO.trusted);
      open.mux.program(program);
      expect(sentTo(open, packet, 3 + 236)).toBe(program === toA ? 'web-a' : 'web-b');
      expect(onlyFlow(open)).toMatchObject({ state, ticks: 239, backend: program === toA ? 0 : 1 });
      expect(gauges(open)).toEqual({ trusted: 0, untrusted: 1 });
    }
  });

  it('a RST makes nothing of a dead one', async () => {
    const open = await muxAfter(WAYS_TO.trusted);
    open.mux.program(toB);
    expect(sentTo(open, RST, 3 + 236)).toBe('web-b');
    expect(flowsIn(open).map(({ backend }) => backend)).not.toContain(1);
  });

  it('a clock that is set back ends no connection', async () => {
    const open = await muxAfter([
      [ACK, 1000],
      [ACK, 1001],
      [ACK, 1002],
    ]);
    open.mux.program(toB);
    expect(sentTo(open, ACK, 1)).toBe('web-a');
    expect(onlyFlow(open)).toMatchObject({ state: 'trusted', ticks: 1 });
  });
});

describe('MUX: explain', () => {
  it.each(STATES)('%s: changes neither state nor ticks', async (state) => {
    const open = await muxAfter(WAYS_TO[state]);
    const before = onlyFlow(open);
    for (const flags of [SYN, ACK, FIN, RST]) open.mux.explain(bytesOf(flags), 4 * TICK_MS, 'bare');
    expect(onlyFlow(open)).toEqual(before);
  });
});
