/** How long connections are remembered, who is told when they are not, and datagrams in parts. */

import { describe, expect, it } from 'vitest';
import type { Translation } from '../../sdk/program/types.js';
import { toHex } from '../support/bytes.js';
import { ACK, eth, FIN, type Packet, RST, SYN } from '../support/packet.js';
import { GATEWAY_MAC, HOST_A, HOST_A_MAC, hostProgram, MUX, VIP, VNI, WEB_A, WEB_A_MAC } from '../support/programs.js';
import { HostModel } from './host-model.js';

const CLIENT = '192.0.2.7';
const TICK_MS = 1024;
const IDLE_TICKS = 100;
const rest = { floatingIp: false, idleTimeoutMs: IDLE_TICKS * TICK_MS, rule: '/r' };
const https: Translation = { nic: 0, vip: VIP, protocol: 6, port: 443, dip: WEB_A, backendPort: 8443, ...rest };
const dns: Translation = { nic: 0, vip: VIP, protocol: 17, port: 53, dip: WEB_A, backendPort: 5353, ...rest };
const program = { ...hostProgram, translations: [{ ...https, tcpReset: true } as const, dns] };

const tunnel = eth().ipv4(MUX, HOST_A).udp(50000, 4789).vxlan(VNI).eth({ dst: WEB_A_MAC });
const ofVm = eth({ src: WEB_A_MAC });
const toVm = eth({ src: HOST_A_MAC, dst: WEB_A_MAC });
const toGateway = eth({ src: HOST_A_MAC, dst: GATEWAY_MAC });

class Host {
  readonly model = new HostModel(program);

  process(port: 'underlay' | 'vm', packet: Packet, ticks = 0) {
    return this.model.process(packet.bytes(), 'ethernet', port, ticks * TICK_MS);
  }

  arrive(flags: number, ticks = 0, ack = 0) {
    return this.process('underlay', tunnel.ipv4(CLIENT, VIP).tcp(40000, 443, flags, { ack }), ticks).verdict;
  }

  answer(flags: number, ticks = 0, ack = 0) {
    return this.process('vm', ofVm.ipv4(WEB_A, CLIENT).tcp(8443, 40000, flags, { ack }), ticks).verdict;
  }
}

describe('host model: idle', () => {
  const rows: { name: string; packets: (host: Host) => void; ticks: number }[] = [
    { name: 'a connection', packets: (host) => host.arrive(SYN), ticks: IDLE_TICKS },
    { name: 'after a FIN of the client', packets: (host) => host.arrive(FIN | ACK), ticks: 60 },
    {
      name: 'after a FIN of the VM',
      packets(host) {
        host.arrive(SYN);
        host.answer(FIN | ACK);
      },
      ticks: 60,
    },
    { name: 'after a RST', packets: (host) => host.arrive(RST), ticks: 4 },
    {
      name: 'opened again after a FIN',
      packets(host) {
        host.arrive(FIN | ACK);
        host.arrive(SYN);
      },
      ticks: IDLE_TICKS,
    },
    {
      name: 'FIN, and packets behind it',
      packets(host) {
        host.arrive(FIN | ACK);
        host.arrive(ACK);
      },
      ticks: 60,
    },
  ];
  it.each(rows)('$name: $ticks ticks', ({ packets, ticks }) => {
    for (const [late, verdict] of [
      [0, 'reply'],
      [1, 'pass'],
    ] as const) {
      const host = new Host();
      packets(host);
      expect([late, host.answer(ACK, ticks + late)]).toEqual([late, verdict]);
    }
  });
});

describe('host model: resets', () => {
  const seq = { toVm: 106, toClient: 301 };
  function conversed(): Host {
    const host = new Host();
    host.arrive(SYN, 0);
    host.answer(SYN | ACK, 0, 101);
    host.arrive(ACK, 0, seq.toClient);
    host.answer(ACK, 0, seq.toVm);
    return host;
  }
  const due = (host: Host, ticks: number) =>
    host.model.resetsDue(ticks * TICK_MS).map((frames) => frames.map(({ verdict, bytes }) => [verdict, toHex(bytes)]));

  it('each end gets the number it has acknowledged last, from the other one', () => {
    const host = conversed();
    expect(due(host, IDLE_TICKS)).toEqual([]);
    const fields = { window: 0 };
    const vm = toVm.ipv4(CLIENT, WEB_A).tcp(40000, 8443, RST | ACK, { seq: seq.toVm, ack: seq.toClient, ...fields });
    const client = toGateway
      .ipv4(VIP, CLIENT)
      .tcp(443, 40000, RST | ACK, { seq: seq.toClient, ack: seq.toVm, ...fields });
    expect(due(host, IDLE_TICKS + 1)).toEqual([
      [
        ['deliver', toHex(vm.bytes())],
        ['reply', toHex(client.bytes())],
      ],
    ]);
  });

  it('once, and not what a data plane makes up', () => {
    const host = conversed();
    const nowMs = (IDLE_TICKS + 1) * TICK_MS;
    const [frames] = host.model.resetsDue(nowMs);
    const other = new Host().model;
    expect(other.resetsLike(frames!, nowMs)).toEqual([]);
    expect(host.model.resetsLike(frames!, nowMs)).toEqual(frames);
    expect(host.model.resetsDue(nowMs)).toEqual([]);
  });

  const silent: { name: string; packets: (host: Host) => void }[] = [
    { name: 'not answered', packets: (host) => host.arrive(SYN) },
    {
      name: 'finished',
      packets(host) {
        host.arrive(SYN);
        host.answer(FIN | ACK);
      },
    },
  ];
  it.each(silent)('none for a connection that was $name', ({ packets }) => {
    const host = new Host();
    packets(host);
    expect(due(host, 1000)).toEqual([]);
  });

  it('of a VM that talks to itself: both to the VM', () => {
    const host = new Host();
    host.process('underlay', tunnel.ipv4(WEB_A, VIP).tcp(5555, 443, SYN));
    host.process('vm', ofVm.ipv4(WEB_A, VIP).tcp(8443, 5555, SYN | ACK, { ack: 101 }));
    host.process('underlay', tunnel.ipv4(WEB_A, VIP).tcp(5555, 443, ACK, { ack: 301 }));
    const frame = (from: number, to: number, numbers: { seq: number; ack: number }) =>
      toHex(
        toVm
          .ipv4(VIP, WEB_A)
          .tcp(from, to, RST | ACK, { ...numbers, window: 0 })
          .bytes(),
      );
    expect(due(host, 1000)).toEqual([
      [
        ['deliver', frame(5555, 8443, { seq: 101, ack: 301 })],
        ['deliver', frame(443, 5555, { seq: 301, ack: 101 })],
      ],
    ]);
  });
});

describe('host model: datagrams in parts', () => {
  /** UDP of 24 bytes without checksum: 16 of them, then 8. */
  const first = (start: Packet, from: string, to: string, source: number, destination: number) =>
    start
      .ipv4(from, to, { id: 5, df: false, mf: true, protocol: 17 })
      .payload(Uint8Array.of(source >> 8, source & 255, destination >> 8, destination & 255, 0, 24, 0, 0))
      .payload('8 bytes.');
  const second = (start: Packet, from: string, to: string) =>
    start.ipv4(from, to, { id: 5, df: false, fragmentOffset: 2, protocol: 17 }).payload('the rest');

  it('the others follow the first one, both ways', () => {
    const host = new Host();
    const results = [
      host.process('underlay', first(tunnel, CLIENT, VIP, 40000, 53)),
      host.process('underlay', second(tunnel, CLIENT, VIP)),
      host.process('vm', first(ofVm, WEB_A, CLIENT, 5353, 40000)),
      host.process('vm', second(ofVm, WEB_A, CLIENT)),
    ];
    expect(results.map(({ verdict, bytes }) => [verdict, bytes && toHex(bytes)])).toEqual([
      ['deliver', toHex(first(toVm, CLIENT, WEB_A, 40000, 5353).bytes())],
      ['deliver', toHex(second(toVm, CLIENT, WEB_A).bytes())],
      ['reply', toHex(first(toGateway, VIP, CLIENT, 53, 40000).bytes())],
      ['reply', toHex(second(toGateway, VIP, CLIENT).bytes())],
    ]);
  });

  it('without the first one: dropped on its way in, left alone on its way out', () => {
    const host = new Host();
    expect(host.process('underlay', second(tunnel, CLIENT, VIP)).reason).toBe('fragment');
    expect(host.process('vm', second(ofVm, WEB_A, CLIENT)).verdict).toBe('pass');
  });

  it('30 ticks after the first one', () => {
    const host = new Host();
    host.process('underlay', first(tunnel, CLIENT, VIP, 40000, 53));
    expect(host.process('underlay', second(tunnel, CLIENT, VIP), 29).verdict).toBe('deliver');
    expect(host.process('underlay', second(tunnel, CLIENT, VIP), 30).reason).toBe('fragment');
  });
});
