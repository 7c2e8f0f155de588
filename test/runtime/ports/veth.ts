/** Virtual links in a network namespace that this process has alone, and frames on their far ends. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { portLibc } from '../../../sdk/runtime/node/bpf/call.js';
import { findInterface } from '../../../sdk/runtime/node/ports/interface.js';
import { AF_INET, socketAddress } from '../../../sdk/runtime/node/socket-address.js';
import { enterNetworkNamespace, sysctl } from '../namespace.js';

const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK = 3 | 0o4000 | 0o2000000;
const ETH_P_ALL = 3;
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;
const POLLIN = 1;

/** Enters a namespace that ends with this process; says why when it cannot. Interfaces in it send nothing by themselves. */
export async function enterQuietNamespace(): Promise<string | undefined> {
  const why = await enterNetworkNamespace();
  if (why !== undefined) return why;
  if (existsSync('/proc/sys/net/ipv6')) sysctl('net.ipv6.conf.default.disable_ipv6', 1);
  return undefined;
}

export function ip(...args: readonly string[]): void {
  execFileSync('ip', args);
}

/** Makes a link between `name` and a far end, `NAME-far`, both up; it is gone when it is disposed of. */
export function link(name: string, options: { readonly queueCount?: number; readonly mtuBytes?: number } = {}) {
  const { queueCount = 1, mtuBytes = 1500 } = options;
  const far = `${name}-far`;
  const queues = ['numrxqueues', `${queueCount}`, 'numtxqueues', `${queueCount}`];
  ip(
    'link',
    'add',
    name,
    'mtu',
    `${mtuBytes}`,
    ...queues,
    'type',
    'veth',
    'peer',
    'name',
    far,
    'mtu',
    `${mtuBytes}`,
    ...queues,
  );
  ip('link', 'set', name, 'up');
  ip('link', 'set', far, 'up');
  return { name, far, [Symbol.dispose]: () => ip('link', 'del', name) };
}

/** A packet socket on an interface: sends frames by it, and gives what it receives. */
export class Wire {
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(70_000);

  constructor(interfaceName: string) {
    const libc = portLibc();
    this.#descriptor = libc.socket(AF_PACKET, SOCK_RAW_NONBLOCK, 0);
    const one = new Uint8Array(Int32Array.of(1).buffer);
    libc.setsockopt(this.#descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, one, 4);
    const address = new DataView(new ArrayBuffer(20));
    address.setUint16(0, AF_PACKET, true);
    address.setUint16(2, ETH_P_ALL);
    address.setInt32(4, findInterface(interfaceName)!.index, true);
    if (libc.bind(this.#descriptor, new Uint8Array(address.buffer), 20) < 0) throw new Error(`errno ${libc.errno()}`);
  }

  send(...frames: readonly Uint8Array[]): void {
    const libc = portLibc();
    for (const frame of frames) {
      const bytes = Uint8Array.from(frame);
      if (libc.write(this.#descriptor, Number(libc.addressOf(bytes)), bytes.length) < 0) {
        throw new Error(`not sent: errno ${libc.errno()}`);
      }
    }
  }

  /** The next frames, up to `count`; fewer when none comes for a while. */
  receive(count: number): Uint8Array[] {
    const libc = portLibc();
    const frames: Uint8Array[] = [];
    while (frames.length < count && isReadable(this.#descriptor, 1000)) {
      const length = libc.read(this.#descriptor, Number(libc.addressOf(this.#buffer)), this.#buffer.length);
      if (length > 0) frames.push(this.#buffer.slice(0, length));
    }
    return frames;
  }

  /** What is there now. */
  pending(): Uint8Array[] {
    return isReadable(this.#descriptor, 0) ? [...this.receive(1), ...this.pending()] : [];
  }

  [Symbol.dispose](): void {
    portLibc().close(this.#descriptor);
  }
}

/** Whether something can be read from a descriptor, now or within a time. */
export function isReadable(descriptor: number, timeoutMs: number): boolean {
  const poll = new DataView(new ArrayBuffer(8));
  poll.setInt32(0, descriptor, true);
  poll.setInt16(4, POLLIN, true);
  return portLibc().poll(new Uint8Array(poll.buffer), 1, timeoutMs) > 0;
}

const SOCK_DGRAM = 2;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

/** Sends datagrams of UDP with one call, as one frame as far as the interface takes such (GSO). */
export function sendSegmented(to: string, byteCount: number, segmentBytes: number): void {
  const libc = portLibc();
  const socket = libc.socket(AF_INET, SOCK_DGRAM, 0);
  const value = new Uint8Array(Int32Array.of(segmentBytes).buffer);
  libc.setsockopt(socket, SOL_UDP, UDP_SEGMENT, value, 4);
  const name = socketAddress(to, 5000);
  const payload = new Uint8Array(byteCount);
  const addressOf = (bytes: { readonly buffer: ArrayBufferLike }) => libc.addressOf(new Uint8Array(bytes.buffer));
  const vector = BigUint64Array.of(addressOf(payload), BigInt(byteCount));
  // struct mmsghdr: | name, its bytes, vectors, their count, control, its bytes, flags, bytes sent: 8 each |
  const message = BigUint64Array.of(addressOf(name), BigInt(name.length), addressOf(vector), 1n, 0n, 0n, 0n, 0n);
  const sentCount = libc.sendmmsg(socket, Number(addressOf(message)), 1, 0);
  if (sentCount !== 1) throw new Error(`not sent: errno ${libc.errno()}`);
  libc.close(socket);
}
