/** The flow table and policy that changes under it: who stays where, for how long, and who never meets whom. */

import { type Backend, Mux, type MuxProgram, type Ring, type Service } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { ipv4Text, macText } from '../support/bytes.js';
import { ACK, FIN, ipv4, type Packet, RST, SYN } from '../support/packet.js';
import { HOST_B, HOST_B_MAC, muxProgram, VIP } from '../support/programs.js';

const CLIENT = '192.0.2.7';
const TICK_MS = 1024;
/** Of a bare tunnel. */
const OUTER_DESTINATION = 16;
const INNER_ETHERNET = 20 + 8 + 8;

const [webA, webB, webC] = muxProgram.backends;
const tcp = (flags: number, sourcePort = 40000) => ipv4(CLIENT, VIP).tcp(sourcePort, 443, flags);
const dns = ipv4(CLIENT, VIP).udp(40000, 53);

/** `muxProgram` with a ring of exactly these backends. */
function ringOf(members: readonly Backend[], backends: readonly Backend[] = muxProgram.backends): MuxProgram {
  const ring = members.map(({ key }) => ({ backend: backends.findIndex((backend) => backend.key === key), weight: 1 }));
  const services = muxProgram.services.filter(({ target }) => 'ring' in target);
  const drained = [...backends.keys()].filter((index) => ring.every(({ backend }) => backend !== index));
  return {
    ...muxProgram,
    services,
    backends,
    rings: [{ slotCount: 251, members: ring, drained }, muxProgram.rings[1]],
  };
}

async function muxWith(program: MuxProgram, capacities = {}): Promise<Mux> {
  const mux = await Mux.load(muxModule, capacities);
  mux.program(program);
  return mux;
}

/** The key of the backend a packet is sent to, by the inner MAC address; the MAC address itself when nobody has it. */
function sentTo(mux: Mux, packet: Packet, nowMs = 0): string {
  const { bytes } = mux.process(packet.bytes(), nowMs, 'bare');
  const mac = macText(bytes as Uint8Array, INNER_ETHERNET);
  return mux.current?.backends.find(({ macAddress }) => macAddress === mac)?.key ?? mac;
}

describe('MUX: a flow and a ring that changes', () => {
  const rows: { name: string; before: Packet[]; last: Packet; out: string }[] = [
    { name: 'a connection stays with its backend', before: [tcp(SYN)], last: tcp(ACK), out: 'web-a' },
    { name: 'its FIN too', before: [tcp(SYN)], last: tcp(FIN | ACK), out: 'web-a' },
    { name: 'its RST too', before: [tcp(SYN)], last: tcp(RST), out: 'web-a' },
    { name: 'a connection picked up in its middle', before: [tcp(ACK)], last: tcp(ACK), out: 'web-a' },
    { name: 'SYN and ACK together open nothing', before: [tcp(SYN)], last: tcp(SYN | ACK), out: 'web-a' },
    { name: 'a new SYN goes to the new ring', before: [tcp(SYN), tcp(ACK)], last: tcp(SYN), out: 'web-b' },
    { name: 'another client port is another flow', before: [tcp(SYN)], last: tcp(ACK, 40001), out: 'web-b' },
    { name: 'UDP stays too', before: [dns], last: dns, out: 'web-a' },
    { name: 'TCP is not UDP', before: [dns], last: tcp(ACK), out: 'web-b' },
    { name: 'a RST of no known flow leaves none', before: [tcp(RST)], last: tcp(ACK), out: 'web-b' },
    { name: 'RST and ACK neither', before: [tcp(RST | ACK)], last: tcp(ACK), out: 'web-b' },
  ];
  it.each(rows)('$name', async ({ before, last, out }) => {
    const mux = await muxWith(ringOf([webA]));
    for (const packet of before) expect(sentTo(mux, packet)).toBe('web-a');
    mux.program(ringOf([webB]));
    expect(sentTo(mux, last)).toBe(out);
  });

  it('a member that leaves gives up its connections, those of another service stay', async () => {
    const only = (backend: number): Ring => ({ slotCount: 251, members: [{ backend, weight: 1 }] });
    const https = muxProgram.services[0];
    const other: Service = { ...https, key: 'other', port: 444, target: { ring: 1 } };
    const program = (first: Ring, second: Ring): MuxProgram => ({
      ...muxProgram,
      services: [https, other],
      rings: [first, second],
    });
    const toOther = ipv4(CLIENT, VIP).tcp(40000, 444, SYN);
    const mux = await muxWith(program(only(0), only(0)));
    for (const packet of [tcp(SYN), tcp(ACK), toOther]) expect(sentTo(mux, packet)).toBe('web-a');
    mux.program(program(only(1), { slotCount: 251, members: [{ backend: 1, weight: 1 }], drained: [0] }));
    expect(sentTo(mux, tcp(ACK))).toBe('web-b');
    expect(sentTo(mux, ipv4(CLIENT, VIP).tcp(40000, 444, ACK))).toBe('web-a');
  });

  it('the last member may be drained: its connections go on, others find nobody', async () => {
    const mux = await muxWith(ringOf([webA]));
    sentTo(mux, tcp(SYN));
    mux.program(ringOf([]));
    expect(sentTo(mux, tcp(ACK))).toBe('web-a');
    expect(mux.process(tcp(SYN).bytes(), 0, 'bare').reason).toBe('no-backend');
    expect(mux.process(tcp(ACK, 40001).bytes(), 0, 'bare').reason).toBe('no-backend');
  });

  it('after a SYN the flow follows the new backend', async () => {
    const mux = await muxWith(ringOf([webA]));
    sentTo(mux, tcp(SYN));
    mux.program(ringOf([webB]));
    sentTo(mux, tcp(SYN));
    mux.program(ringOf([webA]));
    expect(sentTo(mux, tcp(ACK))).toBe('web-b');
  });

  it('TCP and UDP of one any-protocol service, same ports, are two flows', async () => {
    const service = { ...muxProgram.services[0], key: 'any', protocol: 0, port: 0 } as const;
    const mux = await muxWith({ ...ringOf([webA]), services: [service] });
    expect(sentTo(mux, ipv4(CLIENT, VIP).udp(40000, 443))).toBe('web-a');
    mux.program({ ...ringOf([webB]), services: [service] });
    expect(sentTo(mux, tcp(ACK))).toBe('web-b');
    expect(sentTo(mux, ipv4(CLIENT, VIP).udp(40000, 443))).toBe('web-a');
  });
});

describe('MUX: idle timeout', () => {
  // 240,000 ms are 234.4 ticks of 1024 ms, rounded up to 235; 10,000 ms are 9.8, rounded up to 10.
  const rows = [
    { name: 'TCP of 240 s, last tick', packet: tcp(ACK), ticks: 235, out: 'web-a' },
    { name: 'TCP of 240 s, one tick later', packet: tcp(ACK), ticks: 236, out: 'web-b' },
    { name: 'UDP of 10 s, last tick', packet: dns, ticks: 10, out: 'web-a' },
    { name: 'UDP of 10 s, one tick later', packet: dns, ticks: 11, out: 'web-b' },
  ];
  const starts = [
    { epoch: 'from zero', startMs: TICK_MS - 1 },
    { epoch: 'across the wrap of 19-bit ticks', startMs: (2 ** 19 - 5) * TICK_MS },
    { epoch: 'across the wrap of 32-bit milliseconds', startMs: 2 ** 32 - 5 * TICK_MS },
    { epoch: 'from the Unix epoch', startMs: 1_800_000_000_000 },
  ];
  describe.each(starts)('$epoch', ({ startMs }) => {
    it.each(rows)('$name: $out', async ({ packet, ticks, out }) => {
      const firstMs = (Math.floor(startMs / TICK_MS) + ticks) * TICK_MS;
      expect(sentTo(await flowStartedAt(startMs, packet), packet, firstMs)).toBe(out);
      // A tick has 1024 ms, and each of them counts the same.
      expect(sentTo(await flowStartedAt(startMs, packet), packet, firstMs + TICK_MS - 1)).toBe(out);
    });
  });

  async function flowStartedAt(startMs: number, packet: Packet): Promise<Mux> {
    const mux = await muxWith(ringOf([webA]));
    sentTo(mux, packet, startMs);
    mux.program(ringOf([webB]));
    return mux;
  }

  it('every packet starts it anew', async () => {
    const mux = await flowStartedAt(0, tcp(ACK));
    expect(sentTo(mux, tcp(ACK), 200 * TICK_MS)).toBe('web-a');
    expect(sentTo(mux, tcp(ACK), 400 * TICK_MS)).toBe('web-a');
    expect(sentTo(mux, tcp(ACK), 636 * TICK_MS)).toBe('web-b');
  });
});

describe('MUX: a flow and a backend that changes', () => {
  const rows: { name: string; backends: Backend[]; out: string }[] = [
    { name: 'a backend out of the ring keeps its flows', backends: [webA, webB], out: 'web-a' },
    { name: 'a backend that is gone loses them', backends: [webB], out: 'web-b' },
    { name: 'another DIP is another machine', backends: [{ ...webA, dip: '192.168.1.44' }, webB], out: 'web-b' },
    { name: 'another VNI too', backends: [{ ...webA, vni: 5002 }, webB], out: 'web-b' },
    { name: 'another MAC too', backends: [{ ...webA, macAddress: '02:00:00:00:01:44' }, webB], out: 'web-b' },
    {
      name: 'another host MAC does not matter',
      backends: [{ ...webA, nextHopMacAddress: HOST_B_MAC }, webB],
      out: 'web-a',
    },
    { name: 'the order of the backends does not matter', backends: [webC, webB, webA], out: 'web-a' },
  ];
  it.each(rows)('$name', async ({ backends, out }) => {
    const mux = await muxWith(ringOf([webA]));
    sentTo(mux, tcp(SYN));
    mux.program(ringOf([webB], backends));
    expect(sentTo(mux, tcp(ACK))).toBe(out);
  });

  it('a VM that moves takes its flows along to the other host', async () => {
    const mux = await muxWith(ringOf([webA]));
    sentTo(mux, tcp(SYN));
    mux.program(ringOf([webB], [{ ...webA, hostProviderAddress: HOST_B, nextHopMacAddress: HOST_B_MAC }, webB]));
    const { bytes } = mux.process(tcp(ACK).bytes(), 0, 'bare');
    expect(ipv4Text(bytes as Uint8Array, OUTER_DESTINATION)).toBe(HOST_B);
    expect(macText(bytes as Uint8Array, INNER_ETHERNET)).toBe(webA.macAddress);
  });

  it('a backend that was gone for a while does not get its old flows back', async () => {
    const mux = await muxWith(ringOf([webA]), { backendCountMax: 3 });
    sentTo(mux, tcp(SYN));
    mux.program(ringOf([webB], [webB]));
    mux.program(ringOf([webB], [webA, webB]));
    expect(sentTo(mux, tcp(ACK))).toBe('web-b');
  });

  it('flows of a removed backend never reach the one that took over its index', async () => {
    const mux = await muxWith(ringOf([webA], [webA, webB]), { backendCountMax: 2 });
    sentTo(mux, tcp(SYN));
    mux.program(ringOf([webB], [webB, webC]));
    expect(sentTo(mux, tcp(ACK))).toBe('web-b');
  });

  it.each([255, 256, 257, 512])('nor after the index has had %i owners', async (changes) => {
    const mux = await muxWith(ringOf([webA]));
    sentTo(mux, tcp(SYN));
    for (let change = 1; change <= changes; change++) {
      const dip = `192.168.${change >> 8}.${change & 0xff}`;
      mux.program(ringOf([webB], [{ ...webA, dip }, webB]));
    }
    expect(sentTo(mux, tcp(ACK))).toBe('web-b');
  });

  it('flows of a removed service never reach the one that took over its index', async () => {
    const [https] = muxProgram.services;
    const anyPort = { ...https, key: `${VIP}:*/tcp`, port: 0 };
    const mux = await muxWith({ ...ringOf([webA]), services: [https] }, { serviceCountMax: 1 });
    sentTo(mux, tcp(SYN));
    mux.program({ ...ringOf([webB]), services: [anyPort] });
    expect(sentTo(mux, tcp(ACK))).toBe('web-b');
  });
});
