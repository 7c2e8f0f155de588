/** Connections that move from one MUX to another: sizes, indexes and clocks may differ, and bytes may be anything. */

import { createHash } from 'node:crypto';
import type { Backend, MuxProgram, Service } from 'edgemux';
import { describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi.js';
import { countedGauges, flowsIn, gauges, type OpenMux, openMux } from '../support/open-mux.js';
import { ACK, FIN, ipv4, ipv6, type Packet, RST, SYN } from '../support/packet.js';
import { muxProgram, VIP } from '../support/programs.js';
import { Random } from '../support/random.js';

const TICK_MS = 1024;
const VIP_6 = '2001:db8::80';
const START = 100;
/** Another machine's clock. */
const ELSEWHERE = 1_800_000_000;

const [https] = muxProgram.services;
const [webA, webB, webC] = muxProgram.backends;
const service = (key: string, fields: Partial<Service>): Service => ({ ...https, key, ...fields });

const services: readonly Service[] = [
  https,
  service('any port', { protocol: 17, port: 0 }),
  service('GRE', { protocol: 47, port: 0 }),
  service('anything', { vip: '80.80.80.81', protocol: 0, port: 0 }),
  service('https 6', { vip: VIP_6 }),
  service('anything 6', { vip: VIP_6, protocol: 0, port: 0, idleTimeoutMs: 30_000 }),
];

/** A program with some members that take connections and the others drained. */
function programWith(members: readonly Backend[], fields: Partial<MuxProgram> = {}): MuxProgram {
  const backends = fields.backends ?? muxProgram.backends;
  const at = (backend: Backend) => backends.findIndex(({ key }) => key === backend.key);
  const drained = [...backends.keys()].filter((index) => members.every((member) => at(member) !== index));
  const ring = { slotCount: 251, members: members.map((backend) => ({ backend: at(backend), weight: 1 })), drained };
  return { ...muxProgram, vips: [VIP, '80.80.80.81', VIP_6], services, rings: [ring], ...fields };
}

const toA = programWith([webA]);
/** The same policy, written down in another order, with another one to take new connections. */
const toB = programWith([webB], { services: services.toReversed(), backends: [webC, webB, webA] });

const CLIENT = '192.0.2.7';
const CLIENT_6 = '2001:db8:7::7';
const connections: { name: string; packet: (port: number, flags: number) => Packet }[] = [
  { name: 'TCP', packet: (port, flags) => ipv4(CLIENT, VIP).tcp(port, 443, flags) },
  { name: 'UDP to any port', packet: (port) => ipv4(CLIENT, VIP).udp(port, 4433) },
  { name: 'GRE', packet: (port) => ipv4(`192.0.3.${port % 250}`, VIP, { protocol: 47 }).payload('tunnel') },
  { name: 'TCP of a rule for anything', packet: (port, flags) => ipv4(CLIENT, '80.80.80.81').tcp(port, 9, flags) },
  {
    name: 'ESP of a rule for anything',
    packet: (port) => ipv4(`192.0.4.${port % 250}`, '80.80.80.81', { protocol: 50 }).payload(''),
  },
  { name: 'TCP over IPv6', packet: (port, flags) => ipv6(CLIENT_6, VIP_6).tcp(port, 443, flags) },
  { name: 'UDP over IPv6', packet: (port) => ipv6(CLIENT_6, VIP_6).udp(port, 53) },
];

async function muxWith(program: MuxProgram, capacities = {}): Promise<OpenMux> {
  const open = await openMux({ flowCountMax: 1024, ...capacities });
  open.mux.program(program);
  return open;
}

function send({ mux }: OpenMux, packet: Packet, tick: number): string | undefined {
  mux.batch.clear();
  mux.batch.add(packet.bytes(), 'bare');
  mux.processBatch(tick * TICK_MS);
  return mux.backendOf(0)?.key;
}

/** A MUX with a connection of every kind in many states. */
async function busyMux(capacities = {}): Promise<OpenMux> {
  const open = await muxWith(toA, capacities);
  const random = new Random(1);
  for (let tick = START - 8; tick <= START; tick++) {
    for (let count = 0; count < 120; count++) {
      const { packet } = random.pick(connections);
      const flags = random.pick([SYN, ACK, ACK, ACK, ACK, FIN | ACK, RST]);
      send(open, packet(random.between(1, 30), flags), tick);
    }
  }
  return open;
}

/** What of a flow is the same everywhere. */
function portable(open: OpenMux, tick: number): string[] {
  const services = new Map(open.mux.current?.services.map((one, at) => [at, one.key]));
  return flowsIn(open)
    .map(({ key, service, backend, flowClass, state, ticks }) => {
      const name = open.mux.current?.backends[backend].key;
      return [key, services.get(service), name, flowClass, state, (tick - ticks) & abi.FLOW_TICKS_MASK].join(' ');
    })
    .sort();
}

describe('MUX: flows exported and imported', () => {
  const rows: { name: string; from: object; to: object; tick: number }[] = [
    { name: 'at the same time, into the same size', from: {}, to: {}, tick: START },
    { name: 'by another clock', from: {}, to: {}, tick: ELSEWHERE },
    { name: 'into a larger table', from: {}, to: { flowCountMax: 65_536 }, tick: START },
    { name: 'out of a larger table', from: { flowCountMax: 65_536 }, to: {}, tick: ELSEWHERE },
    {
      name: 'through the smallest batch there is',
      from: { batchFrameCountMax: 1, frameBytesMax: 128 },
      to: { batchFrameCountMax: 1, frameBytesMax: 128 },
      tick: START,
    },
  ];
  it.each(rows)('all of them arrive as they were: $name', async ({ from, to, tick }) => {
    const old = await busyMux(from);
    const before = portable(old, START);
    expect(new Set(flowsIn(old).map(({ state }) => state)).size).toBe(6);
    const bytes = old.mux.exportFlows(START * TICK_MS);
    const fresh = await muxWith(toA, to);
    expect(fresh.mux.importFlows(bytes, tick * TICK_MS)).toEqual({ imported: before.length, unknown: 0, refused: 0 });
    expect(portable(fresh, tick)).toEqual(before);
    expect(gauges(fresh)).toEqual(countedGauges(fresh));
    expect(gauges(fresh)).toEqual(gauges(old));
  });

  it.each(connections)('$name: its next packet finds it, whatever order the program has', async ({ packet }) => {
    const old = await muxWith(toA);
    expect(send(old, packet(7, ACK), START)).toBe('web-a');
    const fresh = await muxWith(toB, { flowCountMax: 64 });
    expect(send(fresh, packet(8, ACK), ELSEWHERE)).toBe('web-b');
    const bytes = old.mux.exportFlows(START * TICK_MS);
    expect(fresh.mux.importFlows(bytes, ELSEWHERE * TICK_MS)).toEqual({ imported: 1, unknown: 0, refused: 0 });
    expect(send(fresh, packet(7, ACK), ELSEWHERE)).toBe('web-a');
    expect(fresh.mux.counters().flows.hits).toBe(1);
  });

  it('exporting changes nothing, and twice is the same', async () => {
    const { mux, dataPlane } = await busyMux();
    const { base, count } = dataPlane.region(abi.REGION_FLOWS);
    const table = () => dataPlane.bytes.slice(base, base + count * abi.FLOW_BUCKET_BYTES);
    const before = table();
    const counters = mux.counters();
    expect(mux.exportFlows(START * TICK_MS)).toEqual(mux.exportFlows(START * TICK_MS));
    expect(table()).toEqual(before);
    expect(mux.counters()).toEqual(counters);
  });

  it('a chain of exports is the first one again', async () => {
    const first = await busyMux();
    const bytes = first.mux.exportFlows(START * TICK_MS);
    const second = await muxWith(toA);
    second.mux.importFlows(bytes, START * TICK_MS);
    const third = await muxWith(toA);
    third.mux.importFlows(second.mux.exportFlows(START * TICK_MS), START * TICK_MS);
    expect(portable(third, START)).toEqual(portable(first, START));
  });

  it('dead flows stay where they are', async () => {
    const old = await muxWith(toA);
    send(old, connections[0].packet(1, SYN), START);
    send(old, connections[0].packet(2, ACK), START);
    const fresh = await muxWith(toA);
    const bytes = old.mux.exportFlows((START + 31) * TICK_MS);
    expect(fresh.mux.importFlows(bytes, ELSEWHERE * TICK_MS)).toEqual({ imported: 1, unknown: 0, refused: 0 });
  });

  it('a flow has been idle for as long as it has, wherever it was', async () => {
    for (const [ticks, backend] of [
      [235, 'web-a'],
      [236, 'web-b'],
    ] as const) {
      const old = await muxWith(toA);
      send(old, connections[0].packet(1, ACK), START);
      const fresh = await muxWith(toB);
      fresh.mux.importFlows(old.mux.exportFlows((START + 200) * TICK_MS), ELSEWHERE * TICK_MS);
      expect(send(fresh, connections[0].packet(1, ACK), ELSEWHERE + ticks - 200)).toBe(backend);
    }
  });

  it('without flows it is an empty list', async () => {
    const fresh = await muxWith(toA);
    const bytes = fresh.mux.exportFlows(0);
    expect(fresh.mux.importFlows(bytes, 0)).toEqual({ imported: 0, unknown: 0, refused: 0 });
  });

  it('the flow hash key is not in it', async () => {
    const { mux } = await busyMux();
    const key = Buffer.from(muxProgram.flowHashKey, 'hex');
    expect(Buffer.from(mux.exportFlows(START * TICK_MS)).includes(key)).toBe(false);
  });

  it('a MUX without a program has none and takes none', async () => {
    const { mux } = await openMux({ flowCountMax: 1 });
    expect(() => mux.exportFlows(0)).toThrow(RangeError);
    expect(() => mux.importFlows(new Uint8Array(0), 0)).toThrow(RangeError);
  });
});

describe('MUX: flows of somebody else', () => {
  const rows: { name: string; program: MuxProgram; unknown: boolean }[] = [
    { name: 'the rule is gone', program: programWith([webA], { services: services.slice(1) }), unknown: true },
    {
      name: 'the rule has one fixed backend now',
      program: programWith([webA], { services: [{ ...https, target: { backend: 0 } }] }),
      unknown: true,
    },
    { name: 'the backend is gone', program: programWith([webB], { backends: [webB, webC] }), unknown: true },
    {
      name: 'the backend has another address',
      program: programWith([webB], { backends: [{ ...webA, dip: '192.168.1.99' }, webB] }),
      unknown: true,
    },
    {
      name: 'the backend has another MAC address',
      program: programWith([webB], { backends: [{ ...webA, macAddress: '02:00:00:00:01:99' }, webB] }),
      unknown: true,
    },
    {
      name: 'the backend is in another tenant network',
      program: programWith([webB], { backends: [{ ...webA, vni: 5002 }, webB] }),
      unknown: true,
    },
    {
      name: 'the backend has left the rule',
      program: { ...toA, rings: [{ slotCount: 251, members: [{ backend: 1, weight: 1 }] }] },
      unknown: true,
    },
    {
      name: 'the backend has only moved to another host',
      program: programWith([webB], { backends: [{ ...webA, host: 'host-B', hostProviderAddress: '10.0.0.22' }, webB] }),
      unknown: false,
    },
  ];
  it.each(rows)('$name', async ({ program, unknown }) => {
    const old = await muxWith(toA);
    send(old, connections[0].packet(1, ACK), START);
    const fresh = await muxWith(program);
    expect(fresh.mux.importFlows(old.mux.exportFlows(START * TICK_MS), START * TICK_MS)).toEqual({
      imported: unknown ? 0 : 1,
      unknown: unknown ? 1 : 0,
      refused: 0,
    });
    expect(flowsIn(fresh)).toHaveLength(unknown ? 0 : 1);
  });
});

describe('MUX: flows and the limits of the table they come to', () => {
  const CLIENTS = 40;

  /** Forty connections, every fourth of them trusted. */
  async function exported(): Promise<Uint8Array> {
    const old = await muxWith(toA);
    for (let tick = START - 2; tick <= START; tick++) {
      for (let port = 1; port <= CLIENTS; port++) {
        if (tick === START || port % 4 === 0) send(old, connections[0].packet(port, ACK), tick);
      }
    }
    expect(gauges(old)).toEqual({ trusted: CLIENTS / 4, untrusted: (3 * CLIENTS) / 4 });
    return old.mux.exportFlows(START * TICK_MS);
  }

  it('no more are trusted than may be', async () => {
    const fresh = await muxWith(toA, { trustedFlowCountMax: 3 });
    expect(fresh.mux.importFlows(await exported(), START * TICK_MS).imported).toBe(CLIENTS);
    expect(gauges(fresh)).toEqual({ trusted: 3, untrusted: CLIENTS - 3 });
    expect(flowsIn(fresh).filter(({ state }) => state === 'seen-twice')).toHaveLength(CLIENTS / 4 - 3);
  });

  it('no more are untrusted than may be', async () => {
    const fresh = await muxWith(toA, { untrustedFlowCountMax: 5 });
    const { imported, refused } = fresh.mux.importFlows(await exported(), START * TICK_MS);
    expect({ imported, refused }).toEqual({ imported: CLIENTS / 4 + 5, refused: CLIENTS - CLIENTS / 4 - 5 });
    expect(gauges(fresh)).toEqual({ trusted: CLIENTS / 4, untrusted: 5 });
  });

  it('a small table takes the trusted ones first, and what it says it took is there', async () => {
    const fresh = await muxWith(toA, { flowCountMax: 8, trustedFlowCountMax: 32, untrustedFlowCountMax: 32 });
    const { imported, refused } = fresh.mux.importFlows(await exported(), START * TICK_MS);
    expect(imported + refused).toBe(CLIENTS);
    expect(flowsIn(fresh)).toHaveLength(imported);
    expect(fresh.mux.counters().flows).toMatchObject({ evicted: 0, inserts: imported });
    expect(gauges(fresh)).toEqual(countedGauges(fresh));
    expect(refused).toBeGreaterThan(0);
  });

  it('a trusted one pushes out one that lives here untrusted, an untrusted one does not', async () => {
    const fresh = await muxWith(toA, { flowCountMax: 2, trustedFlowCountMax: 8, untrustedFlowCountMax: 8 });
    for (let port = 1; port <= 50; port++) send(fresh, connections[1].packet(port, ACK), START);
    expect(gauges(fresh)).toEqual({ trusted: 0, untrusted: 8 });
    const { imported } = fresh.mux.importFlows(await exported(), START * TICK_MS);
    expect(gauges(fresh)).toEqual({ trusted: imported, untrusted: 8 - imported });
    expect(imported).toBeGreaterThan(0);
  });

  it('a flow that is here already stays as it is', async () => {
    const bytes = await exported();
    const fresh = await muxWith(toB);
    send(fresh, connections[0].packet(4, SYN), START);
    expect(fresh.mux.importFlows(bytes, START * TICK_MS)).toEqual({ imported: CLIENTS - 1, unknown: 0, refused: 1 });
    expect(send(fresh, connections[0].packet(4, ACK), START)).toBe('web-b');
    expect(send(fresh, connections[0].packet(8, ACK), START)).toBe('web-a');
  });

  it('a dead one gives way to it', async () => {
    const bytes = await exported();
    const fresh = await muxWith(toB);
    send(fresh, connections[0].packet(4, SYN), START);
    const later = (START + 31) * TICK_MS;
    expect(fresh.mux.importFlows(bytes, later)).toEqual({ imported: CLIENTS, unknown: 0, refused: 0 });
    expect(gauges(fresh)).toEqual(countedGauges(fresh));
    expect(send(fresh, connections[0].packet(4, ACK), START + 31)).toBe('web-a');
  });

  it('one that was idle for longer than the rule allows here is refused', async () => {
    const bytes = await exported();
    const strict = { ...toA, services: [{ ...https, idleTimeoutMs: 1 }] };
    const old = await muxWith(toA);
    old.mux.importFlows(bytes, START * TICK_MS);
    const fresh = await muxWith(strict);
    const later = old.mux.exportFlows((START + 2) * TICK_MS);
    expect(fresh.mux.importFlows(later, START * TICK_MS)).toEqual({ imported: 0, unknown: 0, refused: CLIENTS });
    expect(flowsIn(fresh)).toEqual([]);
  });
});

describe('MUX: bytes that are no flows', () => {
  const DIGEST_AT = 8;
  const PAYLOAD_AT = 40;

  async function exported(): Promise<Uint8Array> {
    const { mux } = await busyMux();
    return mux.exportFlows(START * TICK_MS);
  }

  /** The same bytes with another end, and a digest that fits. */
  function sealed(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice();
    copy.set(createHash('sha256').update(copy.subarray(PAYLOAD_AT)).digest(), DIGEST_AT);
    return copy;
  }

  /** The last flow, changed, and sealed again. */
  function withLastFlow(bytes: Uint8Array, change: (value: DataView) => void): Uint8Array {
    const copy = bytes.slice();
    change(new DataView(copy.buffer, copy.length - abi.FLOW_EXPORT_BYTES + abi.FLOW_EXPORT_VALUE, 8));
    return sealed(copy);
  }

  async function refusal(bytes: Uint8Array, program = toA): Promise<unknown> {
    const fresh = await muxWith(program);
    try {
      fresh.mux.importFlows(bytes, START * TICK_MS);
    } catch (error) {
      expect(flowsIn(fresh)).toEqual([]);
      expect(gauges(fresh)).toEqual({ trusted: 0, untrusted: 0 });
      return error;
    }
    return undefined;
  }

  const highBits = (value: DataView, shift: number, bits: number, field: number) => {
    const mask = ((1 << bits) - 1) << (shift - 32);
    value.setUint32(4, ((value.getUint32(4, true) & ~mask) | (field << (shift - 32))) >>> 0, true);
  };
  const rows: { name: string; change: (bytes: Uint8Array) => Uint8Array; message: string }[] = [
    { name: 'nothing at all', change: () => new Uint8Array(0), message: 'bytes wanted' },
    { name: 'something else', change: () => new TextEncoder().encode('{"flows":[]}'), message: 'EMFL' },
    { name: 'of another version', change: (bytes) => bytes.with(4, 9), message: 'version 9' },
    {
      name: 'damaged in the digest',
      change: (bytes) => bytes.with(DIGEST_AT, bytes[DIGEST_AT] ^ 1),
      message: 'digest',
    },
    { name: 'damaged in the last byte', change: (bytes) => bytes.with(-1, bytes.at(-1)! ^ 1), message: 'digest' },
    { name: 'a byte too few', change: (bytes) => bytes.slice(0, -1), message: 'digest' },
    { name: 'a byte too few, sealed', change: (bytes) => sealed(bytes.slice(0, -1)), message: 'bytes wanted' },
    {
      name: 'a byte too many, sealed',
      change: (bytes) => sealed(Uint8Array.of(...bytes, 0)),
      message: '1 bytes too many',
    },
    {
      name: 'a flow without a class',
      change: (bytes) => withLastFlow(bytes, (v) => highBits(v, 40, 2, 0)),
      message: 'is none',
    },
    {
      name: 'a flow in state 6',
      change: (bytes) => withLastFlow(bytes, (v) => highBits(v, 42, 3, 6)),
      message: 'is none',
    },
    {
      name: 'a flow in state 7',
      change: (bytes) => withLastFlow(bytes, (v) => highBits(v, 42, 3, 7)),
      message: 'is none',
    },
    {
      name: 'a flow with a generation',
      change: (bytes) => withLastFlow(bytes, (v) => highBits(v, 32, 8, 1)),
      message: 'is none',
    },
    {
      name: 'a flow older than any may be',
      change: (bytes) => withLastFlow(bytes, (v) => highBits(v, 45, 19, abi.FLOW_IDLE_TICKS_MAX + 1)),
      message: 'is none',
    },
    {
      name: 'a flow of a service without a name',
      change: (bytes) => withLastFlow(bytes, (v) => v.setUint16(0, 999, true)),
      message: 'is none',
    },
    {
      name: 'a flow of a backend without a name',
      change: (bytes) => withLastFlow(bytes, (v) => v.setUint16(2, 999, true)),
      message: 'is none',
    },
  ];
  it.each(rows)('$name', async ({ change, message }) => {
    expect(await refusal(change(await exported()))).toMatchObject({
      name: 'EdgemuxError',
      code: 'ERR_FLOWS_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it('cut off anywhere, or with any byte changed', async () => {
    const bytes = await exported();
    const random = new Random(5);
    const fresh = await muxWith(toA);
    for (let count = 0; count < 100; count++) {
      const at = random.below(bytes.length);
      for (const bad of [bytes.slice(0, at), bytes.with(at, bytes[at] ^ (1 << random.below(8)))]) {
        // Two bytes are spare.
        if (bad.length === bytes.length && (at === 6 || at === 7)) continue;
        expect(() => fresh.mux.importFlows(bad, START * TICK_MS)).toThrow(
          expect.objectContaining({ code: 'ERR_FLOWS_INVALID' }),
        );
      }
    }
    expect(flowsIn(fresh)).toEqual([]);
  });

  it('sealed rubbish is refused or taken, and never more than a refusal', async () => {
    const bytes = await exported();
    const random = new Random(6);
    for (let count = 0; count < 60; count++) {
      const fresh = await muxWith(toA, { flowCountMax: 64 });
      const copy = bytes.slice();
      for (let change = 0; change < 5; change++)
        copy[PAYLOAD_AT + 32 + random.below(copy.length - PAYLOAD_AT - 32)] = random.below(256);
      try {
        fresh.mux.importFlows(sealed(copy), START * TICK_MS);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_FLOWS_INVALID' });
      }
      expect(gauges(fresh)).toEqual(countedGauges(fresh));
      expect(flowsIn(fresh).every(({ state, flowClass }) => state !== undefined && flowClass > 0)).toBe(true);
    }
  });

  it('exported under another flow hash key', async () => {
    const other = { ...toA, flowHashKey: 'f'.repeat(32) };
    expect(await refusal(await exported(), other)).toMatchObject({
      code: 'ERR_FLOWS_FOREIGN',
      message: expect.stringContaining('flowHashKey'),
    });
  });

  it('the spelling of the key does not matter', async () => {
    const upper = { ...toA, flowHashKey: toA.flowHashKey.toUpperCase() };
    expect(await refusal(await exported(), upper)).toBeUndefined();
  });
});
