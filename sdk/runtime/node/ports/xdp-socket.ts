/**
 * An AF_XDP socket, whose rings and packets lie in memory of ours.
 *
 *   UMEM registration    | address 8 | bytes 8 | chunk bytes 4 | headroom 4 | flags 4 |
 *   ring offsets         | receive, transmit, fill, completion: producer 8, consumer 8, entries 8, flags 8 each |
 *   socket address       | family 2 | flags 2 | interface 4 | queue 4 | shared socket 4 |
 *
 * Source: Linux, include/uapi/linux/if_xdp.h and Documentation/networking/af_xdp.rst.
 */
import type { EdgemuxError } from '../../../errors.js';
import type { PortPlaces, RingLayout, RingLayouts } from '../../packet-port.js';
import { errnoText } from '../error-text.js';
import { type Libc, libcFor } from '../libc.js';
import { EBUSY, EINVAL, ENODEV, kernelRefused, PACKET_PORTS, portError } from './port-error.js';

const AF_XDP = 44;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;

const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SOL_XDP = 283;
const XDP_MMAP_OFFSETS = 1;
const XDP_RX_RING = 2;
const XDP_TX_RING = 3;
const XDP_UMEM_REG = 4;
const XDP_UMEM_FILL_RING = 5;
const XDP_UMEM_COMPLETION_RING = 6;
const XDP_OPTIONS = 8;
const XDP_OPTIONS_ZEROCOPY = 1;

const BIND_COPY = 1 << 1;
const BIND_ZEROCOPY = 1 << 2;
const BIND_NEED_WAKEUP = 1 << 3;

const UMEM_REGISTRATION_BYTES = 28;
const OFFSETS_BYTES = 128;
const ADDRESS_BYTES = 16;

const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_POPULATE = 0x8000;

const EAFNOSUPPORT = 97;
const ENETDOWN = 100;
const ENOBUFS = 105;

/** Without zero-copy, packets that have been sent count against this until the other side has taken them. */
const SEND_BUFFER_BYTES = 8 * 1024 * 1024;

const FRAME_ENTRY_BYTES = 16;
const CHUNK_ENTRY_BYTES = 8;

/** The four rings: how each is made and mapped, where the kernel says how it lies, and how large it is here. */
const RINGS = {
  receive: { option: XDP_RX_RING, page: 0, offsets: 0, entryBytes: FRAME_ENTRY_BYTES, entryCount: 2048 },
  transmit: { option: XDP_TX_RING, page: 0x8000_0000, offsets: 32, entryBytes: FRAME_ENTRY_BYTES, entryCount: 2048 },
  fill: {
    option: XDP_UMEM_FILL_RING,
    page: 0x1_0000_0000,
    offsets: 64,
    entryBytes: CHUNK_ENTRY_BYTES,
    entryCount: 4096,
  },
  completion: {
    option: XDP_UMEM_COMPLETION_RING,
    page: 0x1_8000_0000,
    offsets: 96,
    entryBytes: CHUNK_ENTRY_BYTES,
    entryCount: 2048,
  },
} as const;

type RingName = keyof typeof RINGS;
const RING_NAMES = Object.keys(RINGS) as RingName[];

/** A queue that a socket has had is free again a moment after it was closed. */
const BIND_TRIES = 60;
const BIND_TRY_MS = 5;

/** Drivers are told to let go of the memory a moment after a socket with zero-copy was closed. */
const LET_GO_MS = 50;

/** Which queue a socket is for, and how. */
export interface XdpBinding {
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  readonly queue: number;
  /** Copies every packet, and works with any driver; `undefined`: only where it must. */
  readonly isCopying: boolean | undefined;
}

/** A socket; every method throws `ERR_PORT` with one line, as the port it is for was asked for: `xdp:eth0: …`. */
export class XdpSocket {
  readonly descriptor: number;
  readonly #port: string;
  readonly #libc: Libc;
  readonly #mapped: { readonly address: bigint; readonly byteCount: number }[] = [];
  #isZeroCopy = false;

  constructor(port: string) {
    this.#port = port;
    this.#libc = libcFor(PACKET_PORTS);
    this.descriptor = this.#libc.socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (this.descriptor >= 0) return;
    const errno = this.#libc.errno();
    if (errno === EAFNOSUPPORT) throw portError(port, 'this kernel is built without AF_XDP (CONFIG_XDP_SOCKETS)');
    throw kernelRefused(port, 'there is no AF_XDP socket', errno, 'CAP_NET_RAW');
  }

  /** Whether the interface reads and writes the memory by itself. */
  get isZeroCopy(): boolean {
    return this.#isZeroCopy;
  }

  /**
   * Has the kernel take packets from this memory and put them there.
   *
   * Every socket registers it anew, also where several use the same memory: a chunk that one has received may be sent by
   * another all the same, as a position means the same to all of them. XDP_SHARED_UMEM would make each depend on the first
   * one, on its mode and on its life, and save no more than a table of pages.
   */
  registerMemory(address: bigint, byteCount: number, chunkBytes: number): void {
    const registration = new DataView(new ArrayBuffer(UMEM_REGISTRATION_BYTES));
    registration.setBigUint64(0, address, true);
    registration.setBigUint64(8, BigInt(byteCount), true);
    registration.setUint32(16, chunkBytes, true);
    if (this.#set(SOL_XDP, XDP_UMEM_REG, new Uint8Array(registration.buffer))) return;
    const errno = this.#libc.errno();
    if (errno !== ENOBUFS) throw kernelRefused(this.#port, 'its memory is refused', errno, 'CAP_IPC_LOCK');
    const mebibytes = Math.ceil(byteCount / 2 ** 20);
    throw portError(this.#port, `may not lock ${mebibytes} MiB of memory: it takes CAP_IPC_LOCK, or ulimit -l`);
  }

  /** Makes the rings, and lays them over their places in the memory that begins at `start`. */
  mapRings(start: bigint, places: PortPlaces): RingLayouts {
    for (const name of RING_NAMES) this.#makeRing(name);
    const offsets = this.#ringOffsets();
    this.#mapRing('receive', offsets, start + BigInt(places.receiveRing));
    this.#mapRing('transmit', offsets, start + BigInt(places.transmitRing));
    this.#mapRing('fill', offsets, start + BigInt(places.fillRing));
    this.#mapRing('completion', offsets, start + BigInt(places.completionRing));
    return {
      receive: layoutOf('receive', offsets),
      transmit: layoutOf('transmit', offsets),
      fill: layoutOf('fill', offsets),
      completion: layoutOf('completion', offsets),
    };
  }

  /** Takes a queue of an interface. */
  bind(binding: XdpBinding): void {
    const address = bindAddress(binding);
    for (let tries = 1; ; tries++) {
      if (this.#libc.bind(this.descriptor, address, ADDRESS_BYTES) >= 0) break;
      const errno = this.#libc.errno();
      if (errno !== EBUSY || tries === BIND_TRIES) throw this.#bindError(errno, binding);
      this.#pause(BIND_TRY_MS);
    }
    // Without CAP_NET_ADMIN the kernel keeps its default.
    this.#set(SOL_SOCKET, SO_SNDBUFFORCE, int(SEND_BUFFER_BYTES));
    this.#isZeroCopy = (this.#number(XDP_OPTIONS) & XDP_OPTIONS_ZEROCOPY) !== 0;
  }

  /** Ends the socket. The places of its rings are plain memory again, and the kernel has let go of the packets. */
  close(): void {
    // The rings hold the socket as long as they are mapped; a hole in their place could become somebody else's memory.
    for (const { address, byteCount } of this.#mapped.splice(0)) {
      this.#libc.mmap(address, byteCount, PROT_READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
    this.#libc.close(this.descriptor);
    if (this.#isZeroCopy) this.#pause(LET_GO_MS);
  }

  #makeRing(name: RingName): void {
    const { option, entryCount } = RINGS[name];
    if (!this.#set(SOL_XDP, option, int(entryCount))) this.#refuse(`no ${name} ring`);
  }

  #ringOffsets(): DataView {
    const offsets = new Uint8Array(OFFSETS_BYTES);
    const length = int(OFFSETS_BYTES);
    if (this.#libc.getsockopt(this.descriptor, SOL_XDP, XDP_MMAP_OFFSETS, offsets, length) < 0) {
      this.#refuse('its rings are not told');
    }
    // Kernels before 5.4 tell no flags, and know no wakeups.
    if (new Int32Array(length.buffer, 0, 1)[0] !== OFFSETS_BYTES) {
      throw portError(this.#port, 'this kernel has no wakeups of AF_XDP: it takes Linux 5.11');
    }
    return new DataView(offsets.buffer);
  }

  #mapRing(name: RingName, offsets: DataView, address: bigint): void {
    const { page, entryBytes, entryCount } = RINGS[name];
    const byteCount = layoutOf(name, offsets).descriptors + entryBytes * entryCount;
    const flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
    if (Number(this.#libc.mmap(address, byteCount, PROT_READ_WRITE, flags, this.descriptor, page)) === -1) {
      this.#refuse(`the ${name} ring cannot be mapped`);
    }
    this.#mapped.push({ address, byteCount });
  }

  #bindError(errno: number, { interfaceName, queue, isCopying }: XdpBinding): EdgemuxError {
    switch (errno) {
      case EBUSY:
        return portError(this.#port, `queue ${queue} is taken by another socket`);
      case ENODEV:
        return portError(this.#port, `${interfaceName} has gone`);
      case ENETDOWN:
        return portError(this.#port, `${interfaceName} is down: ip link set ${interfaceName} up`);
      case EINVAL:
        return portError(this.#port, `${interfaceName} has no queue ${queue} of both directions`);
    }
    const what = isCopying === false ? 'no zero-copy in this driver' : `queue ${queue} is refused`;
    return portError(this.#port, `${what}: ${errnoText(errno)}`);
  }

  #set(level: number, option: number, value: Uint8Array): boolean {
    return this.#libc.setsockopt(this.descriptor, level, option, value, value.length) >= 0;
  }

  #number(option: number): number {
    const value = new Int32Array(1);
    this.#libc.getsockopt(this.descriptor, SOL_XDP, option, new Uint8Array(value.buffer), int(4));
    return value[0]!;
  }

  #refuse(what: string): never {
    throw kernelRefused(this.#port, what, this.#libc.errno(), 'CAP_NET_RAW');
  }

  #pause(milliseconds: number): void {
    this.#libc.poll(new Uint8Array(8), 0, milliseconds);
  }
}

function layoutOf(name: RingName, offsets: DataView): RingLayout {
  const { offsets: at, entryCount } = RINGS[name];
  const read = (index: number) => Number(offsets.getBigUint64(at + 8 * index, true));
  return { producer: read(0), consumer: read(1), descriptors: read(2), flags: read(3), entryCount };
}

function bindAddress({ interfaceIndex, queue, isCopying }: XdpBinding): Uint8Array {
  const view = new DataView(new ArrayBuffer(ADDRESS_BYTES));
  const mode = isCopying === undefined ? 0 : isCopying ? BIND_COPY : BIND_ZEROCOPY;
  view.setUint16(0, AF_XDP, true);
  view.setUint16(2, BIND_NEED_WAKEUP | mode, true);
  view.setUint32(4, interfaceIndex, true);
  view.setUint32(8, queue, true);
  return new Uint8Array(view.buffer);
}

function int(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer);
}
