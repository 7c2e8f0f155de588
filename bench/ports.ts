/**
 * What packet ports cost: frames that come by the receive ring of an AF_XDP port and leave by its transmit ring, beside the same
 * frames that lie in the same chunks already. The kernel is played by this file, and its work is not timed.
 */
import applianceModule from 'edgemux/appliance-module';
import * as abi from '../assembly/abi.js';
import { PortTable } from '../sdk/dataplane/port-table.js';
import { buildTcp, withEthernet } from '../sdk/packet/index.js';
import { openMux } from './programmed.js';
import { benchProgram, FRAME_SIZES, frameOf, WORKLOADS } from './scenario.js';
import { quantile } from './statistics.js';

export interface PortsRow {
  readonly flowCount: number;
  /** Nanoseconds per packet, p10 of short rounds: the pipeline alone, and from ring to ring. */
  readonly aloneNs: number;
  readonly ringsNs: number;
  /** The same with `mayBeUnfinished`: every checksum is looked at. */
  readonly unfinishedNs: number;
}

const FLOW_COUNTS = [1, 10_000] as const;
/** What a batch takes of ports; the rest is room for what is produced. */
const FRAME_COUNT = 192;
const BATCHES_PER_ROUND = 50;
const CHUNK_BYTES = 2048;
const CHUNK_COUNT = 4096;
const ENTRY_COUNT = 2048;
const RING = { producer: 0, consumer: 64, flags: 128, descriptors: 320, entryCount: ENTRY_COUNT };
const NOW_MS = 1024;

/** How the frames of a round are processed; returns nanoseconds per packet. */
type Round = (frames: readonly Uint8Array[]) => number;

export async function measurePorts(roundCount: number): Promise<PortsRow[]> {
  const rounds = [await aloneRound(), await ringsRound(false), await ringsRound(true)];
  return FLOW_COUNTS.map((flowCount) => {
    const frames = framesOf(flowCount);
    const ns: number[][] = rounds.map(() => []);
    // The first rounds compile and fill the flow table.
    for (const round of rounds) round(frames);
    for (let count = 0; count < roundCount; count++)
      for (const [at, round] of rounds.entries()) ns[at].push(round(frames));
    const [aloneNs, ringsNs, unfinishedNs] = ns.map((values) => Number(quantile(values, 0.1).toFixed(1)));
    return { flowCount, aloneNs, ringsNs, unfinishedNs };
  });
}

/** Frames of connections in an order that repeats only after a while. */
function framesOf(flowCount: number): Uint8Array[] {
  const [workload] = WORKLOADS;
  if (flowCount === 1) return [frameOf(workload, FRAME_SIZES[0])];
  return Array.from({ length: flowCount }, (_, at) => {
    const source = { address: `192.0.${2 + (at >> 12)}.1`, port: 1024 + ((at * 7919) % 60_000) };
    const packet = buildTcp({
      source,
      destination: { address: '80.80.80.33', port: 443 },
      flags: workload.flags,
      payload: new Uint8Array(10),
    });
    return withEthernet(packet, { source: '02:00:00:00:56:fe', destination: '02:00:00:00:56:15' });
  });
}

async function loadPlane() {
  const room = { portCountMax: 1, chunkCount: CHUNK_COUNT, chunkBytes: CHUNK_BYTES, frameBytesMax: CHUNK_BYTES - 256 };
  const { dataPlane } = await openMux(applianceModule, benchProgram(), room);
  const ports = new PortTable(dataPlane, 'mux');
  ports.locate(0n);
  return { dataPlane, ports };
}

async function aloneRound(): Promise<Round> {
  const { dataPlane, ports } = await loadPlane();
  const { base } = dataPlane.region(abi.REGION_DESCRIPTORS);
  const { bytes, view, exports } = dataPlane;
  let next = 0;
  return (frames) => {
    let ns = 0;
    for (let batch = 0; batch < BATCHES_PER_ROUND; batch++) {
      for (let at = 0; at < FRAME_COUNT; at++) {
        const frame = frames[next % frames.length];
        const offset = ports.chunks.offset + (next++ % ENTRY_COUNT) * CHUNK_BYTES + abi.CHUNK_HEADROOM_BYTES;
        const descriptor = base + at * abi.DESCRIPTOR_BYTES;
        bytes.set(frame, offset);
        view.setUint32(descriptor + abi.DESCRIPTOR_OFFSET, offset, true);
        view.setUint32(descriptor + abi.DESCRIPTOR_LENGTH, frame.length, true);
        view.setUint32(descriptor + abi.DESCRIPTOR_LINK, abi.LINK_ETHERNET, true);
      }
      const start = process.hrtime.bigint();
      exports.muxProcess(FRAME_COUNT, NOW_MS);
      ns += Number(process.hrtime.bigint() - start);
    }
    return ns / (BATCHES_PER_ROUND * FRAME_COUNT);
  };
}

async function ringsRound(mayBeUnfinished: boolean): Promise<Round> {
  const { dataPlane, ports } = await loadPlane();
  const port = ports.open({ kind: 'rings', link: 'ethernet', side: 'underlay', mayBeUnfinished });
  const { receiveRing, transmitRing, fillRing, completionRing } = ports.places(port);
  ports.startRings(port, { receive: RING, transmit: RING, fill: RING, completion: RING });
  const { words, bytes } = dataPlane;
  const entryOf = (ring: number, index: number, bytesEach: number) =>
    (ring + RING.descriptors + (index & (ENTRY_COUNT - 1)) * bytesEach) >>> 2;
  let next = 0;
  const deliver = (frame: Uint8Array) => {
    const address = words[entryOf(fillRing, words[(fillRing + RING.consumer) >>> 2]++, 8)] + abi.CHUNK_HEADROOM_BYTES;
    const entry = entryOf(receiveRing, words[receiveRing >>> 2]++, 16);
    bytes.set(frame, ports.chunks.offset + address);
    words[entry] = address;
    words[entry + 2] = frame.length;
  };
  const send = () => {
    let count = 0;
    for (; words[(transmitRing + RING.consumer) >>> 2] !== words[transmitRing >>> 2]; count++) {
      const address = words[entryOf(transmitRing, words[(transmitRing + RING.consumer) >>> 2]++, 16)];
      words[entryOf(completionRing, words[completionRing >>> 2]++, 8)] = address;
    }
    return count;
  };
  return (frames) => {
    let ns = 0;
    for (let batch = 0; batch < BATCHES_PER_ROUND; batch++) {
      for (let at = 0; at < FRAME_COUNT; at++) deliver(frames[next++ % frames.length]);
      const start = process.hrtime.bigint();
      ports.takeRing(port);
      ports.process(NOW_MS);
      ns += Number(process.hrtime.bigint() - start);
      const sent = send();
      if (sent !== FRAME_COUNT) throw new Error(`${sent} of ${FRAME_COUNT} frames came out of the rings`);
    }
    return ns / (BATCHES_PER_ROUND * FRAME_COUNT);
  };
}
