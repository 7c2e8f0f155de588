/** What IPv6 costs: the same MUX, the same connections, their packets in IPv6 and in IPv4, turn by turn. */
import { join } from 'node:path';
import { processChannel } from './channel.js';
import { Contestant } from './contestant.js';
import { CHILD, CORE, canPin, MUX_WASM, NODE_COMMAND } from './line-up.js';
import { BATCH_FRAME_COUNT, FRAME_SIZES, frameOf, type Workload, type WorkloadName } from './scenario.js';
import { median } from './statistics.js';

export interface Ipv6Row {
  readonly workload: WorkloadName;
  /** Nanoseconds per packet, medians. */
  readonly ipv4Ns: number;
  readonly ipv6Ns: number;
  /** Median of the ratios of one round. */
  readonly ratio: number;
}

const PROBE_BATCH_COUNT = 2048;
const FAMILIES = [4, 6] as const;

export async function measureIpv6(
  workloads: readonly Workload[],
  roundCount: number,
  folder: string,
): Promise<Ipv6Row[]> {
  const core = canPin(CORE) ? CORE : undefined;
  const muxes = FAMILIES.map(
    (family) =>
      new Contestant(`ipv${family}`, processChannel([...NODE_COMMAND, CHILD, 'edgemux', '-', MUX_WASM], core)),
  );
  try {
    const rows: Ipv6Row[] = [];
    for (const workload of workloads) {
      for (const [at, mux] of muxes.entries()) {
        await mux.prepare(workload, frameOf(workload, FRAME_SIZES[0], FAMILIES[at]));
        await checkForwarded(mux, workload, folder);
        await mux.run(PROBE_BATCH_COUNT);
      }
      rows.push({ workload: workload.name, ...(await measure(muxes, roundCount)) });
    }
    return rows;
  } finally {
    for (const mux of muxes) mux.end();
  }
}

/** Packets that pass or are dropped would be measured as well, and be cheap. */
async function checkForwarded(mux: Contestant, { name, fillPacketCount, fillCount }: Workload, folder: string) {
  const [forwarded] = (await mux.writeFrames(1, join(folder, 'family'))).split(' ').map(Number);
  const sent = (Math.ceil(fillPacketCount / BATCH_FRAME_COUNT) * fillCount + 1) * BATCH_FRAME_COUNT;
  if (forwarded !== sent) throw new Error(`${name}: ${mux.name} forwards ${forwarded} of ${sent} packets`);
}

async function measure(muxes: readonly Contestant[], roundCount: number): Promise<Omit<Ipv6Row, 'workload'>> {
  const [probe] = muxes;
  const batchCount = Math.ceil((probe.sliceMs * 1e6) / ((await probe.run(PROBE_BATCH_COUNT)) * BATCH_FRAME_COUNT));
  const rounds: number[][] = [];
  for (let round = 0; round < roundCount; round++) {
    const ns: number[] = [];
    for (const mux of muxes) ns.push(await mux.run(batchCount));
    rounds.push(ns);
  }
  return {
    ipv4Ns: Number(median(rounds.map(([ipv4]) => ipv4)).toFixed(1)),
    ipv6Ns: Number(median(rounds.map(([, ipv6]) => ipv6)).toFixed(1)),
    ratio: Number(median(rounds.map(([ipv4, ipv6]) => ipv6 / ipv4)).toFixed(3)),
  };
}
