/** The packets of the benches: minimal TCP and UDP frames to the example's VIP, from as many clients as asked. */
import { buildTcp, TCP_ACK, TCP_SYN, withEthernet } from 'edgemux/packet';

const MACS = { source: '02:00:00:00:56:fe', destination: '02:00:00:00:56:15' };
const VIP = { address: '80.80.80.80', port: 80 };

/** 64 bytes on the wire with the frame check sequence, 60 in memory. */
const FRAME_BYTES_MIN = 60;

export interface Workload {
  readonly name: string;
  readonly flows: number;
  readonly flags: number;
}

export const WORKLOADS: readonly Workload[] = [
  { name: '1-flow', flows: 1, flags: TCP_ACK },
  { name: '10k-flows', flows: 10_000, flags: TCP_ACK },
  { name: 'syn-flood', flows: 1_000_000, flags: TCP_SYN },
];

/** Frames of a workload, at most `count`, in an order that no cache likes. */
export function framesOf({ flows, flags }: Workload, count: number): Uint8Array[] {
  return Array.from({ length: Math.min(count, flows) }, (_, index) => {
    const flow = (index * 7_919) % flows;
    const source = { address: `198.51.${(flow >>> 16) & 0xff}.${(flow >>> 8) & 0xff}`, port: 1024 + (flow & 0xff) };
    const frame = withEthernet(buildTcp({ source, destination: VIP, flags }), MACS);
    const padded = new Uint8Array(Math.max(frame.length, FRAME_BYTES_MIN));
    padded.set(frame);
    return padded;
  });
}
