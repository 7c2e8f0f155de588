/** Tunnels through a UDP socket: the outer headers are made up and taken off. */
import type { HostProgram } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { ipBytes, toHex } from '../../support/bytes.js';
import { fullHost, HOST_A_6 } from '../../support/host-programs.js';
import { eth, ipv4, ipv6, type Packet, SYN } from '../../support/packet.js';
import { HOST_A, HOST_A_MAC, hostProgram, MUX, muxProgram, VIP, VNI, WEB_A_MAC } from '../../support/programs.js';
import { Device, MessageSocket, socketName } from './kernel.js';
import { openHost, openMux, request, SOCKET_ROOM } from './planes.js';

const UDP = { kind: 'datagrams', link: 'bare', side: 'underlay' } as const;
const TAP = { kind: 'frames', link: 'ethernet', side: 'vm' } as const;
const MUX_6 = '2001:db8:a::11';

/** What the socket gives of a tunnel: VXLAN and what is in it. */
function payload(client: number): Uint8Array {
  const whole = ipv4(MUX, HOST_A).udp(50_000, 4789, { checksum: 'none' }).vxlan(VNI).eth({ dst: WEB_A_MAC });
  return whole
    .ipv4('192.0.2.7', VIP)
    .tcp(10_000 + client, 443, SYN)
    .payload('hello')
    .bytes()
    .slice(28);
}

const delivered = (client: number) =>
  toHex(
    eth({ dst: WEB_A_MAC, src: HOST_A_MAC })
      .ipv4('192.0.2.7', '192.168.1.4')
      .tcp(10_000 + client, 8443, SYN)
      .payload('hello')
      .bytes(),
  );

async function hostWithSocket(program: HostProgram = hostProgram) {
  const host = await openHost(SOCKET_ROOM, program);
  const { ports } = host;
  const [udp, vm] = [ports.open(UDP), ports.open(TAP)];
  return { host, ports, udp, vm, socket: new MessageSocket(ports, udp), device: new Device(ports, vm) };
}

describe('datagrams that arrive', () => {
  it.each([
    { name: 'over IPv4', program: hostProgram, from: MUX },
    { name: 'over IPv4, to a host with both families', program: fullHost, from: MUX },
    { name: 'over IPv6', program: fullHost, from: MUX_6 },
    { name: 'over IPv4 through an IPv6 socket', program: hostProgram, from: `::ffff:${MUX}` },
  ])('$name are tunnels to the host', async ({ program, from }) => {
    const { host, ports, udp, socket, device } = await hostWithSocket(program);
    const name = from.startsWith('::ffff:') ? mappedName(MUX) : socketName(ipBytes(from), 50_000);
    const messages = [1, 2, 3].map((client) => ({ bytes: payload(client), name }));
    for (let round = 0; round < 3; round++) {
      expect(ports.takeMessages(udp, socket.recvmmsg(messages))).toBe(3);
      host.processPorts(0);
      expect(device.write().map(toHex)).toEqual([1, 2, 3].map(delivered));
    }
    expect(host.counters().dropped).toEqual({});
    expect(ports.counters(udp).received).toBe(9);
  });

  it('show the pipeline where they came from and to', async () => {
    const { host, ports, udp, socket } = await hostWithSocket(fullHost);
    const pass = ports.open({ kind: 'frames', link: 'bare', side: 'underlay' });
    ports.setRoutes({ pass });
    const other = new Device(ports, pass);
    const frameOf = (from: string): string => {
      // Nobody's VXLAN passes: a program without a provider address of that family takes none.
      host.apply({
        ...fullHost,
        attachment: { ...fullHost.attachment, providerAddress: '10.9.9.9', secondProviderAddress: '2001:db8:9::9' },
      });
      ports.takeMessages(udp, socket.recvmmsg([{ bytes: payload(1), name: socketName(ipBytes(from), 4660) }]));
      host.apply(fullHost);
      host.processPorts(0);
      return other.write().map(toHex)[0];
    };
    const content = payload(1);
    const v4 = ipv4(MUX, '10.9.9.9').udp(4660, 4789, { checksum: 'none', payload: content });
    const v6 = ipv6(MUX_6, '2001:db8:9::9').udp(4660, 4789, { checksum: 'none', payload: content });
    expect([frameOf(MUX), frameOf(MUX_6)]).toEqual([toHex(v4.bytes()), toHex(v6.bytes())]);
  });

  it.each([
    { name: 'from an address of no family', message: { bytes: payload(1), name: new Uint8Array(16) } },
    { name: 'cut off', message: { bytes: payload(1), name: socketName(ipBytes(MUX), 1), flags: 0x20 } },
    { name: 'longer than a chunk', message: { bytes: payload(1), name: socketName(ipBytes(MUX), 1), length: 69_569 } },
  ])('$name are counted and given up', async ({ message }) => {
    const { host, ports, udp, socket, device } = await hostWithSocket();
    const good = { bytes: payload(1), name: socketName(ipBytes(MUX), 50_000) };
    expect(ports.takeMessages(udp, socket.recvmmsg([message, good]))).toBe(1);
    host.processPorts(0);
    expect(device.write()).toHaveLength(1);
    expect(ports.counters(udp)).toMatchObject({ received: 1, tooLong: 1 });
  });

  it.each([0, 1, 7, 8, 22])('of %i bytes are dropped by the pipeline', async (length) => {
    const { host, ports, udp, socket } = await hostWithSocket();
    const name = socketName(ipBytes(MUX), 50_000);
    expect(ports.takeMessages(udp, socket.recvmmsg([{ bytes: payload(1).slice(0, length), name }]))).toBe(1);
    host.processPorts(0);
    expect(host.counters().verdicts.drop).toBe(1);
  });
});

describe('datagrams that leave', () => {
  const toHost6 = muxProgram.backends.map((backend) => ({ ...backend, hostProviderAddress: HOST_A_6 }));
  const attachment6 = { ...muxProgram.attachment, providerAddress: MUX_6 };
  it.each([
    { name: 'IPv4', program: muxProgram, name4: true },
    { name: 'IPv6', program: { ...muxProgram, attachment: attachment6, backends: toHost6 }, name4: false },
  ])('over $name lose their outer headers, and go to the host they name', async ({ program, name4 }) => {
    const mux = await openMux(SOCKET_ROOM, program);
    const { ports } = mux;
    const [in_, udp] = [ports.open({ kind: 'messages', link: 'ethernet', side: 'underlay' }), ports.open(UDP)];
    ports.setRoutes({ tunnels: udp });
    const arriving = new MessageSocket(ports, in_);
    const leaving = new MessageSocket(ports, udp);
    const packets = Array.from({ length: 8 }, (_, client) => request(client));
    ports.takeMessages(in_, arriving.recvmmsg(packets.map((packet) => ({ bytes: packet.bytes() }))));
    mux.processPorts(0);
    const sent = leaving.sendmmsg();
    expect(sent).toHaveLength(8);
    for (const [index, { bytes, name }] of sent.entries()) {
      const destinations = [HOST_A, '10.0.0.22'].map((host) => toHex(socketName(ipBytes(host), 4789)));
      if (name4) expect(destinations).toContain(toHex(name));
      else expect(toHex(name)).toBe(toHex(socketName(ipBytes(HOST_A_6), 4789)));
      expect(toHex(bytes.slice(0, 8))).toBe(`08000000${VNI.toString(16).padStart(6, '0')}00`);
      expect(toHex(bytes).endsWith(toHex(packets[index].bytes().slice(14)))).toBe(true);
    }
    // What the socket has not taken keeps its destination.
    ports.sent(udp, 3, false);
    expect(leaving.sendmmsg()).toEqual(sent.slice(3));
    ports.sent(udp, 5, false);
    expect(ports.freeChunkCount).toBe(512 - 2 * 56);
  });

  it('are tunnels only: an answer to a ping is not sent', async () => {
    const mux = await openMux(SOCKET_ROOM);
    const udp = mux.ports.open(UDP);
    const tun = mux.ports.open({ kind: 'frames', link: 'bare', side: 'underlay' });
    mux.ports.setRoutes({ tunnels: udp });
    new Device(mux.ports, tun).deliver(ipv4('192.0.2.7', VIP).icmp(8).payload('ping').bytes());
    mux.processPorts(0);
    expect(mux.ports.pendingCount(tun)).toBe(1);
    mux.ports.setRoutes({ tunnels: udp, pass: udp });
    const others: Packet[] = [
      ipv4('192.0.2.7', '192.0.2.8').udp(1, 4790),
      ipv4('192.0.2.7', '192.0.2.8').tcp(1, 4789, SYN),
      ipv4('192.0.2.7', '192.0.2.8', { options: new Uint8Array(4) }).udp(1, 4789),
      ipv6('2001:db8::1', '2001:db8::2').tcp(1, 4789, SYN),
      ipv4('192.0.2.7', '192.0.2.8').udp(1, 4789).pad(60),
    ];
    for (const packet of others) new Device(mux.ports, tun).deliver(packet.bytes());
    mux.processPorts(0);
    expect(mux.ports.counters(udp)).toMatchObject({ sendDropped: others.length });
    expect(mux.ports.pendingCount(udp)).toBe(0);
  });
});

/** `::ffff:a.b.c.d`, as a socket of both families names an IPv4 host. */
function mappedName(address: string): Uint8Array {
  return socketName(Uint8Array.of(...new Uint8Array(10), 0xff, 0xff, ...ipBytes(address)), 50_000);
}
