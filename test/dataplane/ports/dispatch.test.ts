/** Where frames leave by: verdicts, NICs, links, and frames of the data plane's own. */
import { HostAgent, type HostProgram, Mux, type PortTable } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../support/bytes.js';
import { ACK, bare, eth, ipv4, type Packet, SYN } from '../../support/packet.js';
import {
  GATEWAY_MAC,
  HOST_A,
  HOST_A_MAC,
  hostProgram,
  MUX,
  muxProgram,
  VIP,
  WEB_A_MAC,
  WEB_B_MAC,
} from '../../support/programs.js';
import { Device, MessageSocket, XdpSocket } from './kernel.js';
import { answer, openHost, openMux, request, SOCKET_ROOM, tunnel, XDP_ROOM } from './planes.js';

const ETHERNET = { kind: 'messages', link: 'ethernet', side: 'underlay' } as const;
const TUN = { kind: 'frames', link: 'bare', side: 'underlay' } as const;
const VM = { kind: 'frames', link: 'ethernet', side: 'vm' } as const;

/** A frame arrives at a port of either kind of messages. */
function deliver(ports: PortTable, port: number, ...packets: readonly Packet[]): void {
  const socket = new MessageSocket(ports, port);
  ports.takeMessages(port, socket.recvmmsg(packets.map((packet) => ({ bytes: packet.bytes() }))));
}

/** What waits at a port, in hexadecimal digits; it is taken. */
function sentBy(ports: PortTable, port: number): string[] {
  return new Device(ports, port).write().map(toHex);
}

const hex = (...packets: readonly Packet[]) => packets.map((packet) => toHex(packet.bytes()));

async function muxFrame(packet: Packet): Promise<string> {
  const mux = await Mux.load(muxModule, { flowCountMax: 1024 });
  mux.program(muxProgram);
  return toHex(mux.process(packet.bytes(), 0, packet.link).bytes as Uint8Array);
}

/** What a host agent makes of a tunnel, and of the VM's answer to it. */
async function hostFrames(program: HostProgram): Promise<{ delivered: string; replied: string }> {
  const host = await HostAgent.load(muxModule, { flowCountMax: 1024 });
  host.apply(program);
  const delivered = host.process(tunnel(1).bytes(), 0).bytes as Uint8Array;
  const replied = host.process(answer(1).bytes(), 0, { port: 'vm' }).bytes as Uint8Array;
  return { delivered: toHex(delivered), replied: toHex(replied) };
}

describe('dispatch at a MUX', () => {
  it('sends tunnels and answers back by the port the packet came in by', async () => {
    const { ports, ...mux } = await planes();
    const [first, second] = [ports.open(ETHERNET), ports.open(ETHERNET)];
    const ping = eth().ipv4('192.0.2.7', VIP).icmp(8).payload('ping');
    deliver(ports, first, request(1));
    deliver(ports, second, request(2), ping);
    mux.process();
    expect(sentBy(ports, first)).toEqual([await muxFrame(request(1))]);
    expect(sentBy(ports, second)).toEqual([await muxFrame(request(2)), await muxFrame(ping)]);
  });

  it('sends tunnels by the port of that route, without Ethernet header where it has none', async () => {
    const { ports, ...mux } = await planes();
    const [first, second] = [ports.open(ETHERNET), ports.open(TUN)];
    ports.setRoutes({ tunnels: second });
    deliver(ports, first, request(1), eth().vlan(7).ipv4('192.0.2.7', VIP).tcp(2, 443, SYN));
    mux.process();
    const expected = [request(1), eth().vlan(7).ipv4('192.0.2.7', VIP).tcp(2, 443, SYN)].map(muxFrame);
    const [plain, tagged] = await Promise.all(expected);
    expect(sentBy(ports, second)).toEqual([plain.slice(2 * 14), tagged.slice(2 * 18)]);
    expect(ports.pendingCount(first)).toBe(0);
  });

  it('sends nothing bare by a port with Ethernet', async () => {
    const { ports, ...mux } = await planes();
    const [tun, other] = [ports.open(TUN), ports.open(ETHERNET)];
    ports.setRoutes({ tunnels: other });
    new Device(ports, tun).deliver(ipv4('192.0.2.7', VIP).tcp(1, 443, SYN).bytes());
    mux.process();
    expect(ports.counters(other)).toMatchObject({ sent: 0, sendDropped: 1 });
    expect(ports.pendingCount(other)).toBe(0);
  });

  it('gives up what passes, as the kernel has its own copy', async () => {
    const { ports, mux, ...rest } = await planes();
    const port = ports.open(ETHERNET);
    deliver(ports, port, eth().ipv4('192.0.2.7', '192.0.2.8').udp(1, 2));
    rest.process();
    expect(ports.pendingCount(port)).toBe(0);
    expect(mux.counters().unrouted).toBe(1);
  });

  it('gives what passes to the kernel as a bare packet where there is a port for that', async () => {
    const { ports, ...mux } = await planes();
    const [first, pass] = [ports.open(ETHERNET), ports.open(TUN)];
    ports.setRoutes({ pass });
    const ip = ['192.0.2.7', '192.0.2.8'] as const;
    const arp = eth({ type: 0x0806 }).payload(new Uint8Array(28));
    const threeTags = eth()
      .vlan(1)
      .vlan(2)
      .vlan(3)
      .ipv4(...ip)
      .udp(1, 2);
    deliver(
      ports,
      first,
      eth()
        .ipv4(...ip)
        .udp(1, 2),
      eth()
        .vlan(5)
        .ipv4(...ip)
        .udp(1, 2),
      arp,
      threeTags,
    );
    deliver(ports, first);
    mux.process();
    expect(sentBy(ports, pass)).toEqual(
      hex(
        bare()
          .ipv4(...ip)
          .udp(1, 2),
        bare()
          .ipv4(...ip)
          .udp(1, 2),
      ),
    );
    expect(ports.counters(pass).sendDropped).toBe(2);
  });

  it('sends fragments that were kept, once their first one is here', async () => {
    const { ports, ...mux } = await planes();
    const port = ports.open(ETHERNET);
    const fragment = (fragmentOffset: number) =>
      eth()
        .ipv4('192.0.2.7', VIP, { protocol: 17, id: 7, df: false, mf: true, fragmentOffset })
        .payload(Uint8Array.of(0x9c, 0x40, 0, 53, 0, 100, 0, 0));
    deliver(ports, port, fragment(1), fragment(2));
    mux.process();
    expect(ports.pendingCount(port)).toBe(0);
    deliver(ports, port, fragment(0));
    expect(mux.process()).toBe(3);
    const sent = sentBy(ports, port);
    expect(sent).toHaveLength(3);
    for (const [index, offset] of [0, 1, 2].entries())
      expect(sent[index]).toContain(hex(fragment(offset))[0].slice(28));
    expect(ports.freeChunkCount).toBe(512 - 56);
  });
});

describe('dispatch at a host agent', () => {
  it('delivers to the only VM, and answers by the first port of the underlay', async () => {
    const { ports, ...host } = await hostPlanes();
    const [vm, underlay] = [ports.open(VM), ports.open(ETHERNET)];
    deliver(ports, underlay, tunnel(1));
    host.process();
    expect(sentBy(ports, vm)).toEqual([(await hostFrames(hostProgram)).delivered]);
    new Device(ports, vm).deliver(answer(1).bytes());
    host.process();
    expect(sentBy(ports, underlay)).toEqual([(await hostFrames(hostProgram)).replied]);
    expect(ports.freeChunkCount).toBe(512 - 56);
  });

  it('delivers by NIC, also after the program has changed', async () => {
    const { ports, host, ...rest } = await hostPlanes();
    const underlay = ports.open(ETHERNET);
    const [a, b] = [ports.open(VM), ports.open(VM)];
    const toB = eth().ipv4(MUX, HOST_A).udp(50_000, 4789, { checksum: 'none' }).vxlan(5001).eth({ dst: WEB_B_MAC });
    const packets = [tunnel(1), toB.ipv4('192.0.2.7', VIP).tcp(7, 443, SYN)];
    const count = () => [a, b].map((port) => new Device(ports, port).write().length);
    deliver(ports, underlay, ...packets);
    rest.process();
    expect(count()).toEqual([0, 0]);
    ports.setRoutes({
      nicPorts: new Map([
        ['nic-a', a],
        ['nic-b', b],
      ]),
    });
    deliver(ports, underlay, ...packets);
    rest.process();
    expect(count()).toEqual([1, 1]);
    // NIC b is now the first one: its index changes.
    const [nicA, nicB] = hostProgram.nics;
    host.apply({ ...hostProgram, nics: [nicB], translations: [{ ...hostProgram.translations[3], nic: 0 }] });
    host.apply({ ...hostProgram, nics: [nicB, { ...nicA, macAddress: '02:00:00:00:01:44' }], translations: [] });
    host.apply(hostProgram);
    deliver(ports, underlay, ...packets, ...packets);
    rest.process();
    expect(count()).toEqual([2, 2]);
    ports.setRoutes({ nicPorts: new Map([['nic-b', b]]) });
    deliver(ports, underlay, ...packets);
    rest.process();
    expect(count()).toEqual([0, 1]);
    expect(host.counters().unrouted).toBe(3);
  });

  it('delivers nothing for one VM to another one, whose port is the only one left', async () => {
    const { ports, host, ...rest } = await hostPlanes();
    const underlay = ports.open(ETHERNET);
    const [a, b] = [ports.open(VM), ports.open(VM)];
    for (const nicPorts of [new Map([['nic-a', a]]), new Map([['nic-a', undefined]])]) {
      ports.setRoutes({ nicPorts });
      ports.close(a);
      deliver(ports, underlay, tunnel(1));
      rest.process();
      expect(ports.pendingCount(b)).toBe(0);
      expect(ports.open(VM)).toBe(a);
    }
    expect(host.counters().unrouted).toBe(2);
  });

  it('gives a packet out of a bare tunnel its Ethernet header back', async () => {
    const { ports, ...host } = await hostPlanes();
    const [vm, underlay] = [ports.open(VM), ports.open(TUN)];
    new Device(ports, underlay).deliver(tunnel(1, bare()).bytes());
    host.process();
    expect(sentBy(ports, vm)).toEqual([(await hostFrames(hostProgram)).delivered]);
    new Device(ports, vm).deliver(answer(1).bytes());
    host.process();
    const expected = (await hostFrames(hostProgram)).replied;
    expect(sentBy(ports, underlay)).toEqual([expected.slice(2 * 14)]);
  });

  it('answers by no VM port when there is no other', async () => {
    const { ports, host, ...rest } = await hostPlanes();
    const [vm, underlay] = [ports.open(VM), ports.open(ETHERNET)];
    deliver(ports, underlay, tunnel(1));
    rest.process();
    sentBy(ports, vm);
    ports.close(underlay);
    new Device(ports, vm).deliver(answer(1).bytes());
    rest.process();
    expect(ports.pendingCount(vm)).toBe(0);
    expect(host.counters()).toMatchObject({ unrouted: 1, verdicts: { reply: 1 } });
    expect(ports.freeChunkCount).toBe(512);
  });

  it('sends the resets of idle connections, to the VM and to the gateway, when nothing comes', async () => {
    const translations = hostProgram.translations.map((each) => ({
      ...each,
      idleTimeoutMs: 20_000,
      tcpReset: true as const,
    }));
    const { ports, host } = await hostPlanes({ ...hostProgram, translations }, { ...SOCKET_ROOM, flowCountMax: 16 });
    const [vm, underlay] = [ports.open(VM), ports.open(ETHERNET)];
    const talk = { seq: 100, ack: 200 };
    deliver(ports, underlay, tunnel(1), tunnelWith(1, ACK, talk));
    host.processPorts(0);
    new Device(ports, vm).deliver(answer(1).bytes());
    host.processPorts(0);
    expect([sentBy(ports, vm).length, sentBy(ports, underlay).length]).toEqual([2, 1]);
    for (let second = 1; second < 120; second++) host.processPorts(second * 1024);
    const [toVm, toClient] = [sentBy(ports, vm), sentBy(ports, underlay)];
    expect([toVm.length, toClient.length]).toEqual([1, 1]);
    expect(toVm[0].startsWith((WEB_A_MAC + HOST_A_MAC).replaceAll(':', ''))).toBe(true);
    expect(toClient[0].startsWith((GATEWAY_MAC + HOST_A_MAC).replaceAll(':', ''))).toBe(true);
    expect(ports.freeChunkCount).toBe(512 - 56);
  });

  it('mixes rings and a device', async () => {
    const { ports, ...host } = await hostPlanes(hostProgram, XDP_ROOM);
    const vm = ports.open({ kind: 'rings', link: 'ethernet', side: 'vm' });
    const underlay = ports.open({ kind: 'rings', link: 'ethernet', side: 'underlay' });
    const pass = ports.open(TUN);
    ports.setRoutes({ pass });
    const [vmSocket, socket] = [new XdpSocket(ports, vm), new XdpSocket(ports, underlay)];
    socket.deliver(tunnel(1).bytes());
    socket.deliver(eth().ipv4(MUX, HOST_A).udp(1, 53).bytes());
    ports.takeRing(underlay);
    host.process();
    expect(vmSocket.send().map(toHex)).toEqual([(await hostFrames(hostProgram)).delivered]);
    expect(sentBy(ports, pass)).toEqual(hex(ipv4(MUX, HOST_A).udp(1, 53)));
    vmSocket.deliver(answer(1).bytes());
    ports.takeRing(vm);
    host.process();
    expect(socket.send().map(toHex)).toEqual([(await hostFrames(hostProgram)).replied]);
  });
});

function tunnelWith(client: number, flags: number, fields: { seq: number; ack: number }): Packet {
  const outer = eth().ipv4(MUX, HOST_A).udp(50_000, 4789, { checksum: 'none' }).vxlan(5001).eth({ dst: WEB_A_MAC });
  return outer.ipv4('192.0.2.7', VIP).tcp(10_000 + client, 443, flags, fields);
}

async function planes() {
  const mux = await openMux(SOCKET_ROOM);
  return { mux, ports: mux.ports, process: () => mux.processPorts(0) };
}

async function hostPlanes(program = hostProgram, room = SOCKET_ROOM) {
  const host = await openHost(room, program);
  return { host, ports: host.ports, process: () => host.processPorts(0) };
}
