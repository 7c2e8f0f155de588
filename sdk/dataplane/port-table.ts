/**
 * The packet ports of a data plane: the linear memory they share with the kernel, and which of them a frame leaves by.
 *
 * What goes through a port never comes here: the module walks rings and messages, and JavaScript says when.
 */
import * as abi from '../../assembly/abi.js';
import { EdgemuxError } from '../errors.js';
import type {
  PortCounters,
  PortKind,
  PortMemory,
  PortPlaces,
  PortTraits,
  RingLayout,
  RingLayouts,
} from '../runtime/packet-port.js';
import { wrapMs } from './clock.js';
import type { DataPlane, PortExports } from './instance.js';
import type { Role } from './plan.js';
import { type PortRoutes, writeNicPorts, writeRoutes } from './port-routes.js';

const KINDS: Readonly<Record<PortKind, number>> = {
  rings: abi.PACKET_PORT_RINGS,
  messages: abi.PACKET_PORT_MESSAGES,
  datagrams: abi.PACKET_PORT_DATAGRAMS,
  frames: abi.PACKET_PORT_FRAMES,
};

/** The chunks AF_XDP takes. */
const UMEM_CHUNK_BYTES: readonly number[] = [2048, 4096];

/**
 * Packet ports of a MUX or a host agent, `mux.ports` and `host.ports`.
 *
 * @example
 * ```ts
 * const mux = await Mux.load(applianceModule, { portCountMax: 1 });
 * const port = openPort(plan, mux.ports);
 * for (;;) {
 *   port.receive();
 *   mux.processPorts(Date.now());
 *   port.send();
 * }
 * ```
 */
export class PortTable implements PortMemory {
  readonly bytes: Uint8Array;
  readonly chunks: { readonly offset: number; readonly byteCount: number; readonly chunkBytes: number };
  readonly frameRoomBytes: number;
  readonly #dataPlane: DataPlane;
  readonly #exports: PortExports;
  readonly #process: (nowMs: number) => number;
  readonly #role: Role;
  readonly #records: number;
  /** What is open, by number. */
  readonly #traits: (PortTraits | undefined)[];
  #nativeLow: number | undefined;
  #routes: PortRoutes = {};
  #nicIndexOf: (key: string) => number | undefined = () => undefined;

  /** @throws EdgemuxError `ERR_UNSUPPORTED` when the module has no ports, or was loaded without any */
  constructor(dataPlane: DataPlane, role: Role) {
    if (!dataPlane.ports) {
      const why = 'packet ports take the module of edgemux/appliance-module, and a portCountMax to load it with';
      throw new EdgemuxError('ERR_UNSUPPORTED', why);
    }
    const { chunkBytes, chunkCount, portCountMax } = dataPlane.capacities;
    this.#dataPlane = dataPlane;
    this.#exports = dataPlane.ports;
    this.#process = role === 'mux' ? dataPlane.ports.portProcessMux : dataPlane.ports.portProcessHost;
    this.#role = role;
    this.#records = dataPlane.region(abi.REGION_PACKET_PORTS).base;
    this.#traits = Array.from({ length: portCountMax }, () => undefined);
    this.bytes = dataPlane.bytes;
    const offset = dataPlane.region(abi.REGION_CHUNKS).base;
    this.chunks = { offset, byteCount: chunkCount * chunkBytes, chunkBytes };
    this.frameRoomBytes = chunkBytes - abi.CHUNK_HEADROOM_BYTES;
    this.#writeRoutes();
  }

  /** Chunks of the pool that neither the kernel nor a batch has. */
  get freeChunkCount(): number {
    return this.#exports.portFreeChunkCount();
  }

  locate(address: bigint): void {
    this.#dataPlane.view.setBigUint64(abi.FIXED_CONFIG + abi.CONFIG_NATIVE_ADDRESS, address, true);
    this.#nativeLow = Number(BigInt.asUintN(32, address));
  }

  open(traits: PortTraits): number {
    const port = this.#traits.indexOf(undefined);
    if (port === -1) {
      throw new EdgemuxError('ERR_CAPACITY', `all ${this.#traits.length} packet ports of this data plane are taken`);
    }
    if (traits.kind !== 'frames' && this.#nativeLow === undefined) {
      throw new RangeError('say where linear memory begins before a port is opened that the kernel writes into');
    }
    const { chunkBytes } = this.chunks;
    if (traits.kind === 'rings' && !UMEM_CHUNK_BYTES.includes(chunkBytes)) {
      throw new EdgemuxError('ERR_CAPACITY', `AF_XDP takes chunks of 2048 or 4096 bytes, not of ${chunkBytes}`);
    }
    const link = traits.link === 'bare' ? abi.LINK_BARE : abi.LINK_ETHERNET;
    const side = traits.side === 'vm' ? abi.PORT_VM : abi.PORT_UNDERLAY;
    if (!this.#exports.portOpen(port, KINDS[traits.kind], link, side, this.#flagsOf(traits))) {
      throw new EdgemuxError(
        'ERR_CAPACITY',
        `no chunks are left for another packet port: ${this.freeChunkCount} are free`,
      );
    }
    this.#traits[port] = traits;
    this.#writeRoutes();
    return port;
  }

  close(port: number): void {
    this.#check(port);
    this.#exports.portClose(port);
    this.#traits[port] = undefined;
    this.#writeRoutes();
  }

  places(port: number): PortPlaces {
    this.#check(port);
    const room = this.#dataPlane.region(abi.REGION_PORT_ROOMS).base + port * abi.ROOM_BYTES;
    return {
      receiveRing: room + abi.ROOM_RECEIVE_RING,
      transmitRing: room + abi.ROOM_TRANSMIT_RING,
      fillRing: room + abi.ROOM_FILL_RING,
      completionRing: room + abi.ROOM_COMPLETION_RING,
      receiveMessages: room + abi.ROOM_RECEIVE_MESSAGES,
      transmitMessages: room + abi.ROOM_TRANSMIT_MESSAGES,
      messageCount: this.#word(port, abi.PACKET_PORT_MESSAGE_COUNT),
    };
  }

  startRings(port: number, layouts: RingLayouts): void {
    const { receiveRing, transmitRing, fillRing, completionRing } = this.places(port);
    const entryBytes = 1 << abi.XSK_ENTRY_SHIFT;
    const addressBytes = 1 << abi.XSK_ADDRESS_SHIFT;
    this.#writeRing(port, abi.PACKET_PORT_RECEIVE_RING, receiveRing, layouts.receive, entryBytes);
    this.#writeRing(port, abi.PACKET_PORT_TRANSMIT_RING, transmitRing, layouts.transmit, entryBytes);
    this.#writeRing(port, abi.PACKET_PORT_FILL_RING, fillRing, layouts.fill, addressBytes);
    this.#writeRing(port, abi.PACKET_PORT_COMPLETION_RING, completionRing, layouts.completion, addressBytes);
    this.#exports.portStartRings(port);
  }

  takeRing(port: number): number {
    return this.#exports.portTakeRing(port);
  }

  takeMessages(port: number, messageCount: number): number {
    return this.#exports.portTakeMessages(port, messageCount);
  }

  waitingCount(port: number): number {
    return this.#word(port, abi.PACKET_PORT_WAITING_COUNT);
  }

  frameRoom(port: number): number {
    return this.#exports.portFrameRoom(port) >>> 0;
  }

  takeFrame(port: number, byteCount: number): number {
    return this.#exports.portTakeFrame(port, byteCount);
  }

  pendingCount(port: number): number {
    if (this.#traits[port]?.kind === 'rings') return this.#exports.portPendingEntries(port) >>> 0;
    return this.#word(port, abi.PACKET_PORT_PENDING_COUNT);
  }

  needsWakeup(port: number): boolean {
    const flags = this.#word(port, abi.PACKET_PORT_TRANSMIT_RING + abi.XSK_RING_FLAGS);
    return (this.#dataPlane.words[flags >>> 2] & abi.XSK_FLAG_NEED_WAKEUP) !== 0;
  }

  pendingOffset(port: number, index: number): number {
    const base = this.#dataPlane.words[(this.#vector(port, index) + abi.VECTOR_BASE) >>> 2];
    return (base - this.#word(port, abi.PACKET_PORT_NATIVE_ADDRESS)) >>> 0;
  }

  pendingBytes(port: number, index: number): number {
    return this.#dataPlane.words[(this.#vector(port, index) + abi.VECTOR_LENGTH) >>> 2];
  }

  sent(port: number, count: number, isRefused: boolean): void {
    this.#exports.portSent(port, count, isRefused ? 1 : 0);
  }

  counters(port: number): PortCounters {
    const read = (counter: number) => Number(this.#dataPlane.view.getBigUint64(this.#record(port) + counter, true));
    return {
      received: read(abi.PACKET_PORT_RECEIVED),
      sent: read(abi.PACKET_PORT_SENT),
      sendDropped: read(abi.PACKET_PORT_SEND_DROPPED),
      tooLong: read(abi.PACKET_PORT_TOO_LONG),
      finished: read(abi.PACKET_PORT_FINISHED),
      segmented: read(abi.PACKET_PORT_SEGMENTED),
    };
  }

  /** Says which ports frames leave by, in place of what was said before. What is left out has its default. */
  setRoutes(routes: PortRoutes): void {
    this.#routes = routes;
    this.#writeRoutes();
  }

  /** Says how the NICs of the program that is in force are numbered. */
  assignNics(indexOf: (key: string) => number | undefined): void {
    this.#nicIndexOf = indexOf;
    this.#writeNicPorts();
  }

  /** Processes what ports have received, and dispatches it; returns how many frames that were, with those produced. */
  process(nowMs: number): number {
    return this.#process(wrapMs(nowMs));
  }

  #flagsOf({ kind, side, hasVirtioHeader = false, mayBeUnfinished = false }: PortTraits): number {
    const mayStayWhole = this.#role === 'host' && side === 'vm' && hasVirtioHeader;
    return (
      (hasVirtioHeader && kind !== 'datagrams' ? abi.PACKET_PORT_FLAG_VIRTIO : 0) |
      (mayBeUnfinished ? abi.PACKET_PORT_FLAG_UNFINISHED : 0) |
      (mayStayWhole ? abi.PACKET_PORT_FLAG_WHOLE : 0)
    );
  }

  #writeRing(port: number, field: number, room: number, layout: RingLayout, bytesPerEntry: number): void {
    const { producer, consumer, descriptors, flags, entryCount } = layout;
    const isPowerOfTwo = Number.isInteger(Math.log2(entryCount));
    const end = Math.max(producer + 4, consumer + 4, flags + 4, descriptors + entryCount * bytesPerEntry);
    if (!isPowerOfTwo || end > abi.ROOM_RING_BYTES) {
      throw new EdgemuxError(
        'ERR_CAPACITY',
        `a ring of ${entryCount} entries takes ${end} bytes: at most 65536 are there`,
      );
    }
    const { view } = this.#dataPlane;
    const ring = this.#record(port) + field;
    view.setUint32(ring + abi.XSK_RING_PRODUCER, room + producer, true);
    view.setUint32(ring + abi.XSK_RING_CONSUMER, room + consumer, true);
    view.setUint32(ring + abi.XSK_RING_ENTRIES, room + descriptors, true);
    view.setUint32(ring + abi.XSK_RING_FLAGS, room + flags, true);
    view.setUint32(ring + abi.XSK_RING_MASK, entryCount - 1, true);
  }

  #writeRoutes(): void {
    const open = this.#traits.flatMap((traits, port) => (traits ? [{ port, ...traits }] : []));
    writeRoutes(this.#dataPlane, this.#role, this.#routes, open);
    this.#writeNicPorts();
  }

  #writeNicPorts(): void {
    writeNicPorts(this.#dataPlane, this.#routes, this.#nicIndexOf);
  }

  #check(port: number): void {
    if (this.#traits[port] === undefined) throw new RangeError(`no packet port ${port} is open`);
  }

  #record(port: number): number {
    return this.#records + port * abi.PACKET_PORT_BYTES;
  }

  #word(port: number, field: number): number {
    return this.#dataPlane.words[(this.#record(port) + field) >>> 2];
  }

  #vector(port: number, index: number): number {
    const room = this.#word(port, abi.PACKET_PORT_ROOM);
    return room + abi.ROOM_TRANSMIT_VECTORS + index * abi.VECTOR_BYTES;
  }
}
