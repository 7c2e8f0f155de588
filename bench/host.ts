/** What the host agent costs per packet: a VXLAN frame to a VM, and the VM's answer, batches copied in from outside. */
import muxModule from 'edgemux/mux-module';
import { Bench } from 'tinybench';
import { compile, HostAgent, Mux, readFabric } from '../sdk/index.js';
import { buildTcp, TCP_ACK, withEthernet } from '../sdk/packet/index.js';

const BATCH_FRAME_COUNT = 256;
const VIP = '80.80.80.80';
const MACS = { source: '02:00:00:00:56:fe', destination: '02:00:00:00:56:15' };

export interface HostRow {
  readonly what: 'deliver' | 'reply';
  /** Nanoseconds per packet, median, without those of copying it in. */
  readonly ns: number;
}

/** @param fabricText the fabric of examples/two-hosts.fabric.json */
export async function measureHost(fabricText: string, timeMs: number): Promise<HostRow[]> {
  const fabric = compile(readFabric(fabricText));
  const mux = await Mux.load(muxModule);
  mux.program(fabric.forMux('mux-1'));
  const host = await HostAgent.load(muxModule);
  host.apply(fabric.forHost('host-1'));

  const tunneled = framesTo(mux, 'host-1');
  const answers = tunneled.map((frame) => answerTo(deliver(host, frame)));
  const bench = new Bench({ time: timeMs, warmupTime: timeMs / 4 });
  const fill = (frames: readonly Uint8Array[], port: 'underlay' | 'vm') => {
    host.batch.clear();
    for (const frame of frames) host.batch.add(frame, 'ethernet', port);
  };
  bench.add('copy deliver', () => fill(tunneled, 'underlay'));
  bench.add('deliver', () => {
    fill(tunneled, 'underlay');
    host.processBatch(0);
  });
  bench.add('copy reply', () => fill(answers, 'vm'));
  bench.add('reply', () => {
    fill(answers, 'vm');
    host.processBatch(0);
  });
  await bench.run();
  const ns = (name: string) => {
    const result = bench.getTask(name)?.result;
    return result && 'latency' in result ? (result.latency.p50 * 1e6) / BATCH_FRAME_COUNT : Number.NaN;
  };
  return (['deliver', 'reply'] as const).map((what) => ({
    what,
    ns: Number((ns(what) - ns(`copy ${what}`)).toFixed(1)),
  }));
}

/** As many frames as fit in a batch, one connection each, that the MUX sends to one host. */
function framesTo(mux: Mux, host: string): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let port = 1024; frames.length < BATCH_FRAME_COUNT; port++) {
    const source = { address: '192.0.2.7', port };
    const packet = buildTcp({ source, destination: { address: VIP, port: 80 }, flags: TCP_ACK });
    mux.batch.add(withEthernet(packet, MACS));
    mux.processBatch(0);
    if (mux.backendOf(0)?.host === host) frames.push(mux.batch.bytes(0).slice());
    mux.batch.clear();
  }
  return frames;
}

function deliver(host: HostAgent, frame: Uint8Array): Uint8Array {
  const { verdict, bytes } = host.process(frame, 0);
  if (verdict !== 'deliver' || !bytes) throw new Error(`a frame of the MUX was not delivered but got ${verdict}`);
  return bytes;
}

/** The frame a VM sends back: both MAC addresses, both addresses and both ports change places; no sum changes. */
function answerTo(frame: Uint8Array): Uint8Array {
  const answer = frame.slice();
  const exchange = (a: number, b: number, bytes: number) => {
    answer.set(frame.subarray(a, a + bytes), b);
    answer.set(frame.subarray(b, b + bytes), a);
  };
  exchange(0, 6, 6);
  exchange(26, 30, 4);
  exchange(34, 36, 2);
  return answer;
}
