/** MUXes and host agents with packet ports, for tests. */
import { type Capacities, HostAgent, Mux } from 'edgemux';
import applianceModule from 'edgemux/appliance-module';
import type { HostProgram, MuxProgram } from '../../../sdk/program/types.js';
import { eth, ipv4, type Packet, SYN } from '../../support/packet.js';
import { HOST_A, hostProgram, MUX, muxProgram, VIP, VNI, WEB_A, WEB_A_MAC } from '../../support/programs.js';
import { NATIVE_ADDRESS } from './kernel.js';

/** Chunks as AF_XDP takes them. */
export const XDP_ROOM: Partial<Capacities> = {
  portCountMax: 4,
  chunkCount: 512,
  chunkBytes: 2048,
  batchFrameCountMax: 64,
};
/** Chunks that hold what a VM sends. */
export const SOCKET_ROOM: Partial<Capacities> = { portCountMax: 4, chunkCount: 512, batchFrameCountMax: 64 };

const SMALL: Partial<Capacities> = { flowCountMax: 1024 };

export async function openMux(room: Partial<Capacities> = XDP_ROOM, program: MuxProgram = muxProgram): Promise<Mux> {
  const mux = await Mux.load(applianceModule, { ...SMALL, ...room });
  mux.program(program);
  mux.ports.locate(NATIVE_ADDRESS);
  return mux;
}

export async function openHost(
  room: Partial<Capacities> = XDP_ROOM,
  program: HostProgram = hostProgram,
): Promise<HostAgent> {
  const host = await HostAgent.load(applianceModule, { ...SMALL, ...room });
  host.apply(program);
  host.ports.locate(NATIVE_ADDRESS);
  return host;
}

/** A packet of a client to the VIP; each `client` is a connection of its own. */
export function request(client: number, payload = 'hello'): Packet {
  return eth()
    .ipv4('192.0.2.7', VIP)
    .tcp(10_000 + client, 443, SYN)
    .payload(payload);
}

/** The same without Ethernet header. */
export function bareRequest(client: number, payload = 'hello'): Packet {
  return ipv4('192.0.2.7', VIP)
    .tcp(10_000 + client, 443, SYN)
    .payload(payload);
}

/** A tunnel of the MUX to VM web-a. */
export function tunnel(client: number, before: Packet = eth()): Packet {
  const inner = before.ipv4(MUX, HOST_A).udp(50_000, 4789, { checksum: 'none' }).vxlan(VNI).eth({ dst: WEB_A_MAC });
  return inner
    .ipv4('192.0.2.7', VIP)
    .tcp(10_000 + client, 443, SYN)
    .payload('hello');
}

/** What VM web-a answers. */
export function answer(client: number): Packet {
  return eth({ src: WEB_A_MAC })
    .ipv4(WEB_A, '192.0.2.7')
    .tcp(8443, 10_000 + client, SYN | 0x10)
    .payload('world');
}
