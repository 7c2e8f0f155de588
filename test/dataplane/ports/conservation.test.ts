/**
 * No chunk is lost and none is in two places, whatever happens in whatever order: after random operations by ports, kernel and
 * roles every chunk of the pool is found exactly once, on the stack, in a ring, in a message, in the batch or with the kernel.
 */
import type { Capacities, Mux, PortTable } from 'edgemux';
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi.js';
import { CAPACITIES_DEFAULT, planMemory } from '../../../sdk/dataplane/plan.js';
import type { PortTraits } from '../../../sdk/runtime/packet-port.js';
import { ipBytes } from '../../support/bytes.js';
import { ACK, eth } from '../../support/packet.js';
import { VIP } from '../../support/programs.js';
import { Random } from '../../support/random.js';
import { GSO_TCPV4, NEEDS_CSUM, withVirtio } from '../offload/virtio.js';
import { MessageSocket, SMALL_RINGS, socketName, XdpSocket } from './kernel.js';
import { bareRequest, openMux, request, SOCKET_ROOM, XDP_ROOM } from './planes.js';

const OPERATIONS = 100_000;
const CHECK_EVERY = 97;

const FRAMES: PortTraits = { kind: 'frames', link: 'bare', side: 'underlay' };
const VIRTIO: PortTraits = { kind: 'messages', link: 'ethernet', side: 'underlay', hasVirtioHeader: true };
const UDP: PortTraits = { kind: 'datagrams', link: 'bare', side: 'underlay' };
const RINGS: PortTraits = { kind: 'rings', link: 'ethernet', side: 'underlay' };

const PLANES = [
  { name: 'AF_XDP and a device', room: XDP_ROOM, traits: [RINGS, { ...RINGS, mayBeUnfinished: true }, FRAMES, RINGS] },
  {
    name: 'sockets and devices',
    room: SOCKET_ROOM,
    traits: [VIRTIO, UDP, { ...FRAMES, hasVirtioHeader: true }, VIRTIO],
  },
] as const;

interface OpenPort {
  readonly number: number;
  readonly traits: PortTraits;
  readonly xdp: XdpSocket | undefined;
}

const REQUESTS = Array.from({ length: 200 }, (_, client) => request(client).bytes());
const BARE_REQUESTS = REQUESTS.map((_, client) => bareRequest(client).bytes());
const LARGE = eth()
  .ipv4('192.0.2.7', VIP)
  .tcp(9, 443, ACK, { payload: new Uint8Array(9000) })
  .bytes();

/** A data plane, its ports, and a kernel that does one random thing after the other. */
class Machine {
  readonly #mux: Mux;
  readonly #ports: PortTable;
  readonly #random: Random;
  readonly #traits: readonly PortTraits[];
  readonly #view: DataView;
  readonly #regions: readonly { readonly base: number; readonly count: number }[];
  readonly #open = new Map<number, OpenPort>();
  #arrived = 0;
  #nowMs = 0;

  constructor(mux: Mux, room: Partial<Capacities>, traits: readonly PortTraits[], random: Random) {
    this.#mux = mux;
    this.#ports = mux.ports;
    this.#random = random;
    this.#traits = traits;
    this.#view = new DataView(mux.ports.bytes.buffer);
    const frameBytesMax = mux.ports.frameRoomBytes;
    const capacities = { ...CAPACITIES_DEFAULT, flowCountMax: 1024, ...room, frameBytesMax };
    this.#regions = planMemory('mux', capacities).regions;
  }

  step(): void {
    const what = this.#random.below(100);
    const port = this.#anyPort();
    if (port === undefined || what === 0) this.#openOne();
    else if (what === 1 && this.#random.oneIn(10)) this.#close(port);
    else if (what === 2) this.#reroute();
    else if (what < 45) this.#arrive(port);
    else if (what < 60) this.#process();
    else this.#leave(port);
  }

  /** Where every chunk is, as text; what is nowhere or in two places is said. */
  problems(): string[] {
    const found = new Map<number, string[]>();
    const see = (chunk: number, where: string) => found.set(chunk, [...(found.get(chunk) ?? []), where]);
    const words = (base: number, count: number, where: string) => {
      for (let index = 0; index < count; index++) see(this.#view.getUint32(base + 4 * index, true), where);
    };
    words(this.#regions[abi.REGION_FREE_CHUNKS].base, this.#ports.freeChunkCount, 'free');
    const descriptors = this.#regions[abi.REGION_DESCRIPTORS].base;
    for (let index = 0; index < this.#arrived; index++) {
      see(this.#view.getUint32(descriptors + index * abi.DESCRIPTOR_BYTES + abi.DESCRIPTOR_CHUNK, true) & ~1, 'batch');
    }
    for (const { number, traits, xdp } of this.#open.values()) {
      const record = this.#regions[abi.REGION_PACKET_PORTS].base + number * abi.PACKET_PORT_BYTES;
      const room = this.#regions[abi.REGION_PORT_ROOMS].base + number * abi.ROOM_BYTES;
      const word = (field: number) => this.#view.getUint32(record + field, true);
      if (xdp) {
        for (const address of xdp.addresses()) see(this.#chunkOf(address), `rings of ${number}`);
        continue;
      }
      if (traits.kind === 'frames' && word(abi.PACKET_PORT_HAND) !== 0)
        see(word(abi.PACKET_PORT_HAND), `hand of ${number}`);
      words(room + abi.ROOM_RECEIVE_CHUNKS, word(abi.PACKET_PORT_MESSAGE_COUNT), `received by ${number}`);
      words(room + abi.ROOM_TRANSMIT_CHUNKS, word(abi.PACKET_PORT_PENDING_COUNT), `waiting at ${number}`);
    }
    const { offset, byteCount, chunkBytes } = this.#ports.chunks;
    const problems = [...found].filter(([, places]) => places.length > 1).map(([at, places]) => `${at}: ${places}`);
    for (let chunk = offset; chunk < offset + byteCount; chunk += chunkBytes) {
      if (!found.has(chunk)) problems.push(`${chunk}: nowhere`);
    }
    if (found.size > byteCount / chunkBytes) problems.push('chunks that are none');
    return problems;
  }

  /** What has gone by each port, so that a test that does nothing is seen. */
  get sentCount(): number {
    return [...this.#open.keys()].reduce((sum, port) => sum + this.#ports.counters(port).sent, 0);
  }

  get openCount(): number {
    return this.#open.size;
  }

  closeAll(): void {
    for (const port of [...this.#open.values()]) this.#close(port);
    this.#process();
  }

  #chunkOf(address: number): number {
    const { offset, chunkBytes } = this.#ports.chunks;
    return offset + address - (address % chunkBytes);
  }

  #anyPort(): OpenPort | undefined {
    return this.#open.size === 0 ? undefined : this.#random.pick([...this.#open.values()]);
  }

  #openOne(): void {
    if (this.#open.size === this.#traits.length) return;
    const traits = this.#random.pick(this.#traits);
    const number = this.#ports.open(traits);
    const index = this.#random.oneIn(2) ? 0xffff_ffff - this.#random.below(20) : 0;
    const xdp = traits.kind === 'rings' ? new XdpSocket(this.#ports, number, SMALL_RINGS, index) : undefined;
    this.#open.set(number, { number, traits, xdp });
  }

  #close(port: OpenPort): void {
    this.#ports.close(port.number);
    this.#open.delete(port.number);
  }

  #reroute(): void {
    const anyOrNone = () => (this.#random.oneIn(2) ? undefined : this.#anyPort()?.number);
    this.#ports.setRoutes({ tunnels: anyOrNone(), pass: anyOrNone() });
  }

  #arrive({ number, traits, xdp }: OpenPort): void {
    const count = this.#random.below(20);
    if (xdp) {
      for (let index = 0; index < count; index++)
        if (this.#random.oneIn(30)) xdp.deliverNonsense();
        else xdp.deliver(this.#frame(traits));
      this.#arrived += this.#ports.takeRing(number);
    } else if (traits.kind === 'frames') {
      for (let index = 0; index < count; index++) {
        const at = this.#ports.frameRoom(number);
        if (at === 0) break;
        const frame = this.#frame(traits);
        this.#ports.bytes.set(frame, at);
        this.#arrived += this.#ports.takeFrame(number, this.#random.oneIn(50) ? 0xffff_ffff : frame.length);
      }
      // A large frame that waited may have been taken without being counted.
      this.#process();
    } else {
      const socket = new MessageSocket(this.#ports, number);
      const name = socketName(ipBytes(this.#random.oneIn(2) ? '10.0.0.11' : '2001:db8::11'), 50_000);
      const received =
        this.#ports.waitingCount(number) > 0 ? [] : Array.from({ length: count }, () => this.#frame(traits));
      const messages = received.map((bytes) =>
        this.#random.oneIn(30) ? { bytes, name, flags: 0x20 } : { bytes, name },
      );
      this.#arrived += this.#ports.takeMessages(number, socket.recvmmsg(messages));
    }
  }

  #process(): void {
    this.#nowMs += this.#random.below(100);
    this.#mux.processPorts(this.#nowMs);
    this.#arrived = 0;
  }

  #leave({ number, xdp }: OpenPort): void {
    const count = this.#random.below(20);
    if (!xdp) {
      this.#ports.sent(number, count, this.#random.oneIn(4));
      return;
    }
    xdp.send(count);
    xdp.complete(this.#random.below(20));
  }

  #frame({ link, hasVirtioHeader, kind }: PortTraits): Uint8Array {
    const client = this.#random.below(REQUESTS.length);
    const kinds = this.#random.below(10);
    if (kind === 'datagrams') return BARE_REQUESTS[client];
    let frame = link === 'bare' ? BARE_REQUESTS[client] : REQUESTS[client];
    if (kinds === 0) frame = frame.slice(0, this.#random.below(frame.length));
    if (!hasVirtioHeader) return frame;
    if (kinds > 2 || link === 'bare') return withVirtio({}, frame);
    const gsoSize = this.#random.pick([0, 500, 1448, 9000]);
    return withVirtio({ flags: NEEDS_CSUM, gsoType: GSO_TCPV4, gsoSize, checksumStart: 34, checksumOffset: 16 }, LARGE);
  }
}

describe.each(PLANES)('chunks of $name', ({ room, traits }) => {
  it.each([1, 2])('are neither lost nor doubled, seed %i', async (seed) => {
    const machine = new Machine(await openMux(room), room, traits, new Random(seed));
    for (let operation = 0; operation < OPERATIONS; operation++) {
      machine.step();
      if (operation % CHECK_EVERY !== 0) continue;
      const problems = machine.problems();
      if (problems.length > 0) expect.unreachable(`after ${operation} operations: ${problems.slice(0, 5).join('\n')}`);
    }
    expect(machine.sentCount).toBeGreaterThan(0);
    machine.closeAll();
    expect(machine.problems()).toEqual([]);
  });
});
