/**
 * What a flood of new connections does to those that are there: half a million connections, each seen in three different
 * seconds, then a million new ones per second for twenty seconds. Time is simulated, packets and table are not.
 *
 * Before the last look the ring is given to other backends: whoever still reaches the backend of before has been
 * remembered all the time.
 */
import muxModule from 'edgemux/mux-module';
import * as abi from '../assembly/abi.js';
import type { MuxProgram, Service } from '../sdk/index.js';
import { buildTcp, buildUdp, TCP_ACK, TCP_SYN, withEthernet } from '../sdk/packet/index.js';
import { FLOODS, type PacketKind, type PacketsPerConnection } from './flood-variants.js';
import { Slots } from './js/slots.js';
import { Traffic } from './js/traffic.js';
import { type OpenMux, openMux } from './programmed.js';
import { BACKEND_COUNT, BATCH_FRAME_COUNT, benchProgram, RING_SLOT_COUNT } from './scenario.js';

export interface FloodRow {
  readonly flood: string;
  readonly establishedCount: number;
  readonly seconds: number;
  readonly newPerSecond: number;
  /** Share of the established connections that still find their entry, 0..1. */
  readonly foundShare: number;
}

const ESTABLISHED_COUNT = 500_000;
const NEW_PER_SECOND = 1_000_000;
/** Every established connection sends a packet as often. */
const PACKET_SECONDS = 5;
/** Flood batches between two batches of established connections. */
const FLOOD_BATCHES_PER_OTHER = (NEW_PER_SECOND * PACKET_SECONDS) / ESTABLISHED_COUNT;
const TICK_MS = 1024;

/** One row per flood, as soon as it is known. */
export async function* measureFloods(seconds: number): AsyncIterable<FloodRow> {
  for (const { name, packets } of FLOODS) {
    const flood = new Flood(await openMux(muxModule, programOf('first half')));
    flood.establish();
    flood.run(seconds, packets);
    yield {
      flood: name,
      establishedCount: ESTABLISHED_COUNT,
      seconds,
      newPerSecond: NEW_PER_SECOND,
      foundShare: flood.foundShare(),
    };
  }
}

class Flood {
  readonly #mux: OpenMux;
  readonly #slots: Slots;
  readonly #established: Traffic;
  #tick = 1000;

  constructor(mux: OpenMux) {
    this.#mux = mux;
    this.#slots = Slots.of(mux.dataPlane);
    this.#established = new Traffic(this.#slots, frameOf('ack'), ESTABLISHED_COUNT);
  }

  /** A handshake and two more packets, in three seconds. */
  establish(): void {
    this.#all('syn');
    for (let second = 0; second < 3; second++) {
      this.#all('ack');
      this.#tick++;
    }
  }

  run(seconds: number, packets: PacketsPerConnection): void {
    const floods = packets.map(([kind, second]) => ({
      second,
      traffic: new Traffic(this.#slots, frameOf(kind), 0, FIRST_NEW),
    }));
    const batchCount = Math.floor(NEW_PER_SECOND / BATCH_FRAME_COUNT);
    for (let second = 0; second < seconds; second++, this.#tick++) {
      for (let batch = 0; batch < batchCount; batch += FLOOD_BATCHES_PER_OTHER) {
        for (const { traffic, second: delay } of floods) {
          if (delay <= second) this.#send(traffic, Math.min(FLOOD_BATCHES_PER_OTHER, batchCount - batch));
        }
        this.#send(this.#established, 1);
      }
    }
  }

  foundShare(): number {
    this.#mux.program(programOf('second half'));
    const view = this.#mux.dataPlane.view;
    let found = 0;
    const traffic = new Traffic(this.#slots, frameOf('ack'), ESTABLISHED_COUNT);
    for (let flow = 0; flow < ESTABLISHED_COUNT; flow += BATCH_FRAME_COUNT) {
      this.#send(traffic, 1);
      const count = Math.min(BATCH_FRAME_COUNT, ESTABLISHED_COUNT - flow);
      for (let index = 0; index < count; index++) {
        const descriptor = this.#slots.descriptors + index * abi.DESCRIPTOR_BYTES;
        if (view.getUint32(descriptor + abi.DESCRIPTOR_BACKEND, true) < BACKEND_COUNT / 2) found++;
      }
    }
    return found / ESTABLISHED_COUNT;
  }

  /** A packet of every established connection, the last few twice. */
  #all(kind: PacketKind): void {
    const traffic = new Traffic(this.#slots, frameOf(kind), ESTABLISHED_COUNT);
    this.#send(traffic, Math.ceil(ESTABLISHED_COUNT / BATCH_FRAME_COUNT));
  }

  #send(traffic: Traffic, batchCount: number): void {
    traffic.takeSlots();
    for (let batch = 0; batch < batchCount; batch++) {
      traffic.generate(true);
      this.#mux.dataPlane.exports.muxProcess(BATCH_FRAME_COUNT, this.#tick * TICK_MS);
    }
  }
}

/** Numbers of new connections begin behind those of the established ones. */
const FIRST_NEW = 1 << 24;

/** One service each for TCP and UDP; half of the backends take new connections, the others keep theirs. */
function programOf(members: 'first half' | 'second half'): MuxProgram {
  const program = benchProgram();
  const [tcp] = program.services;
  const udp: Service = { ...tcp, key: 'udp', protocol: 17 };
  const half = BACKEND_COUNT / 2;
  const indexes = Array.from({ length: half }, (_, index) => index);
  const [first, second] = [indexes, indexes.map((index) => half + index)];
  const [taking, drained] = members === 'first half' ? [first, second] : [second, first];
  const ring = { slotCount: RING_SLOT_COUNT, members: taking.map((backend) => ({ backend, weight: 1 })), drained };
  return { ...program, services: [tcp, udp], rings: [ring] };
}

function frameOf(kind: PacketKind): Uint8Array {
  const { services } = programOf('first half');
  const [{ vip, port }] = services;
  const ends = { source: { address: '192.0.2.1', port: 1024 }, destination: { address: vip, port } };
  const packet = kind === 'udp' ? buildUdp(ends) : buildTcp({ ...ends, flags: kind === 'syn' ? TCP_SYN : TCP_ACK });
  return withEthernet(packet, { source: '02:00:00:00:56:fe', destination: '02:00:00:00:56:15' });
}
