/** What is measured: one MUX program, and the workloads that are sent to it. */
import type { Backend, MuxProgram, Service } from '../sdk/index.js';
import { buildTcp, TCP_ACK, TCP_SYN, withEthernet } from '../sdk/packet/index.js';

/** Frames of one call of `muxProcess`. */
export const BATCH_FRAME_COUNT = 256;

/** Live connections the flow table is made for; it has four places for each. */
export const FLOW_COUNT_MAX = 1_048_576;

/** With the headroom 33 cache lines from slot to slot: an odd number, so that slots do not share cache sets. */
export const FRAME_BYTES_MAX = 1984;

export const FRAME_SIZES = [64, 1500] as const;

export const WORKLOAD_NAMES = ['1-flow', '10k-flows', '1m-flows', 'syn-flood'] as const;
export type WorkloadName = (typeof WORKLOAD_NAMES)[number];

export interface Workload {
  readonly name: WorkloadName;
  /** Connections the packets are drawn from at random; 0: every packet is of a connection never seen before. */
  readonly flowCount: number;
  readonly flags: number;
  /** Packets, connection after connection, that bring the flow table into the state to be measured. */
  readonly fillPacketCount: number;
  /** How often, each time in another tick. */
  readonly fillCount: number;
}

export const WORKLOADS: readonly Workload[] = [
  // Three times each: a connection is trusted from its third tick on.
  { name: '1-flow', flowCount: 1, flags: TCP_ACK, fillPacketCount: 65_536, fillCount: 3 },
  { name: '10k-flows', flowCount: 10_000, flags: TCP_ACK, fillPacketCount: 65_536, fillCount: 3 },
  { name: '1m-flows', flowCount: 1_000_000, flags: TCP_ACK, fillPacketCount: 1_000_000, fillCount: 3 },
  // As many untrusted connections as there may be, and as many again: from then on each takes the place of another.
  { name: 'syn-flood', flowCount: 0, flags: TCP_SYN, fillPacketCount: 2 * FLOW_COUNT_MAX, fillCount: 1 },
];

const VIP_COUNT = 64;
export const BACKEND_COUNT = 100;
export const RING_SLOT_COUNT = 65_537;
const PORT = 443;

const MUX_MAC = '02:00:00:00:56:15';
const GATEWAY_MAC = '02:00:00:00:56:fe';

/** Sixty-four VIPs with one service each, which share one ring of a hundred backends. */
export function benchProgram(): MuxProgram {
  const vips = Array.from({ length: VIP_COUNT }, (_, at) => vipAt(at));
  return {
    kind: 'mux',
    id: 'mux-1',
    digest: '',
    attachment: {
      providerAddress: '10.10.56.21',
      macAddress: MUX_MAC,
      gatewayMacAddress: GATEWAY_MAC,
      vlanId: 0,
    },
    flowHashKey: '000102030405060708090a0b0c0d0e0f',
    vips,
    services: vips.map(serviceOf),
    rings: [
      {
        slotCount: RING_SLOT_COUNT,
        members: Array.from({ length: BACKEND_COUNT }, (_, backend) => ({ backend, weight: 1 })),
      },
    ],
    backends: Array.from({ length: BACKEND_COUNT }, (_, at) => backendAt(at)),
  };
}

/** The frame every packet of a workload is made from: its source address and port are overwritten. */
export function frameOf({ flags }: Workload, frameBytes: number): Uint8Array {
  const headers = 14 + 20 + 20;
  return withEthernet(
    buildTcp({
      source: { address: '192.0.2.1', port: 1024 },
      destination: { address: vipAt(VIP_COUNT / 2), port: PORT },
      flags,
      payload: new Uint8Array(frameBytes - headers),
    }),
    { source: GATEWAY_MAC, destination: MUX_MAC },
  );
}

function vipAt(at: number): string {
  return `80.80.80.${at + 1}`;
}

function serviceOf(vip: string): Service {
  return {
    key: `${vip}:${PORT}/tcp`,
    vip,
    protocol: 6,
    port: PORT,
    distribution: 'Default',
    idleTimeoutMs: 240_000,
    backendPort: 0,
    floatingIp: false,
    rule: `/rules/${vip}`,
    target: { ring: 0 },
  };
}

function backendAt(at: number): Backend {
  const hex = (at + 1).toString(16).padStart(2, '0');
  return {
    key: `backend-${hex}`,
    dip: `10.0.0.${at + 1}`,
    vni: 5001,
    macAddress: `02:00:00:00:01:${hex}`,
    host: `host-${hex}`,
    hostProviderAddress: `10.10.57.${at + 1}`,
    nextHopMacAddress: `02:00:00:00:57:${hex}`,
  };
}
