/**
 * A network namespace of one test file's own, with a link in it, and ports on that.
 *
 *   far0 ─── up0 ─► a port, or the kernel: 203.0.113.7, 2001:db8::7
 *
 * Frames are put on the link by a packet port on its far end, raw; on a veth they have arrived when that returns.
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { afterEach } from 'vitest';
import { attachPort } from '../../../sdk/runtime/node/ports/attach-port.js';
import { openPort } from '../../../sdk/runtime/node/ports/open-port.js';
import { parsePortSpec } from '../../../sdk/runtime/node/ports/port-spec.js';
import type { AttachOptions, PortAttachment } from '../../../sdk/runtime/node/ports/types.js';
import { type FrameSelection, type PacketPort, SELECT_NOTHING } from '../../../sdk/runtime/packet-port.js';
import { eth, type Packet } from '../../support/packet.js';
import { enterNetworkNamespace } from '../namespace.js';
import { FakeMemory } from './fake-memory.js';

export const UP_MAC = '02:00:00:00:00:0a';
export const FAR_MAC = '02:00:00:00:00:0b';
export const VIP = '203.0.113.7';
export const VIP6 = '2001:db8::7';
export const VIRTIO_BYTES = 10;

/** Runs `ip`, its arguments between blanks. */
export function ip(text: string): void {
  execFileSync('ip', text.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Moves this process into a namespace with the link; says why when it cannot. */
export async function enterLinkNamespace(): Promise<string | undefined> {
  const missing = await enterNetworkNamespace();
  if (missing) return missing;
  ip(`link add up0 address ${UP_MAC} mtu 1600 type veth peer name far0 address ${FAR_MAC} mtu 1600`);
  for (const name of ['up0', 'far0']) {
    // No address of IPv6 that speaks by itself.
    ip(`link set ${name} addrgenmode none`);
    ip(`link set ${name} up`);
  }
  ip(`addr add ${VIP}/32 dev up0`);
  ip(`addr add ${VIP6}/128 dev up0 nodad`);
  return undefined;
}

/** Closed after each test, the last one first. */
const open: { close(): void }[] = [];
export function closeLater<T extends { close(): void }>(one: T): T {
  open.push(one);
  return one;
}
afterEach(() => {
  for (const one of open.splice(0).reverse()) one.close();
});

export async function attach(text: string, options: Partial<AttachOptions> = {}): Promise<PortAttachment> {
  const all = { side: 'underlay', queueCount: 1, providerAddresses: [], mtuBytesMin: 0, ...options } as const;
  return closeLater(await attachPort(parsePortSpec(text), all));
}

/** An attachment with all its ports open. */
export function openAll(attachment: PortAttachment) {
  const memory = new FakeMemory();
  const ports = attachment.plans.map((plan) => closeLater(openPort(plan, memory)));
  return { attachment, memory, ports, port: ports[0] };
}

/** Opens a port, and a `packet` port of one queue to select by at once. */
export async function openText(text: string, options: Partial<AttachOptions> = {}) {
  return openAll(await attach(text, options));
}

export function selecting(selection: Partial<FrameSelection>): FrameSelection {
  return { ...SELECT_NOTHING, ...selection };
}

/** What is at the far end of the link; it sees what goes to these addresses. */
export async function openFar(...destinations: readonly string[]) {
  const far = await openText('packet:far0', { side: 'vm' });
  far.attachment.select(selecting({ destinations }));
  const send = (...packets: readonly Packet[]) => {
    for (const packet of packets) sendBytes(far.memory, far.port, packet.bytes());
  };
  return { ...far, send };
}

/** Sends a frame by a port with virtio headers, and with one that leaves nothing to anybody unless told otherwise. */
export function sendBytes(
  memory: FakeMemory,
  port: PacketPort,
  frame: Uint8Array,
  header = new Uint8Array(VIRTIO_BYTES),
): void {
  memory.put(port.number, Uint8Array.from([...header, ...frame]));
  port.send();
}

/** All that has arrived by ports with virtio headers, without them. */
export function received(memory: FakeMemory, ...ports: readonly PacketPort[]): Uint8Array[] {
  return arrivals(memory, ...ports).map((bytes) => bytes.subarray(VIRTIO_BYTES));
}

/** All that has arrived, as it came, but for what the kernel says by itself: which groups it is in (MLD). */
export function arrivals(memory: FakeMemory, ...ports: readonly PacketPort[]): Uint8Array[] {
  return ports.flatMap((port) => {
    while (port.receive() > 0);
    const all = memory.arrivals(port.number).map(({ bytes }) => bytes);
    return all.filter((bytes) => bytes[VIRTIO_BYTES] !== 0x60 || bytes[VIRTIO_BYTES + 24] !== 0xff);
  });
}

/** UDP sockets on the VIPs: what the kernel has got, after `pause`. */
export async function kernelShare(udpPort = 53): Promise<string[]> {
  const got: string[] = [];
  for (const address of [VIP, VIP6]) {
    const socket = closeLater(createSocket(address === VIP ? 'udp4' : 'udp6'));
    socket.on('message', (bytes) => got.push(bytes.toString()));
    await new Promise<void>((resolve) => socket.bind(udpPort, address, resolve));
  }
  return got;
}

/** Lets sockets of Node tell what they have. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 30));
}

/** An Ethernet header towards up0. */
export function toUp(): Packet {
  return eth({ dst: UP_MAC, src: FAR_MAC });
}

/** A datagram from a client to port 53 of a VIP. */
export function query(text: string, clientPort = 40000, vip = VIP): Packet {
  const header = vip === VIP ? toUp().ipv4('192.0.2.1', vip) : toUp().ipv6('2001:db8:c::1', vip);
  return header.udp(clientPort, 53).payload(text);
}
