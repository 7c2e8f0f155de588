/** What a data plane thread and its owner say to each other. All of it is plain data. */
import type { Counters } from '../../dataplane/index.js';
import type { Program } from '../../program/index.js';
import type { PortPlan } from '../../runtime/node/ports/types.js';
import type { PortCounters } from '../../runtime/packet-port.js';
import type { CrossingError } from '../crossing-error.js';

/** What the thread is asked to do and answers. */
export type DataPlaneCall =
  | { readonly method: 'program'; readonly program: Program }
  | { readonly method: 'openPort'; readonly plan: PortPlan }
  | { readonly method: 'closePort'; readonly name: string }
  | { readonly method: 'route'; readonly routes: Routes }
  /** Also closes the ports. */
  | { readonly method: 'stop' };

/**
 * Where frames go that the data plane has decided on; ports by name.
 *
 * | left out | then |
 * |---|---|
 * | `tunnels` | out of the port the frame came in by |
 * | `replies` | of a MUX: out of the port the frame came in by; of a host: out of its first port of the provider network |
 * | `pass` | what is not ours is dropped |
 * | `vms` | to the only port of a VM there is |
 */
export interface Routes {
  readonly tunnels?: string;
  readonly replies?: string;
  readonly pass?: string;
  /** The port of a NIC, by its key; the name of none that is open: nothing is delivered to that NIC. */
  readonly vms?: Readonly<Record<string, string>>;
}

/** To the thread. */
export interface DataPlaneRequest {
  readonly id: number;
  readonly call: DataPlaneCall;
}

/** From the thread. */
export type DataPlaneReport =
  /** The first: it has loaded its data plane, or cannot. */
  | { readonly kind: 'loaded'; readonly error?: CrossingError }
  | { readonly kind: 'answer'; readonly id: number; readonly error?: CrossingError }
  | { readonly kind: 'stats'; readonly stats: DataPlaneStats }
  /** A port of it does nothing any more; it is still open. */
  | { readonly kind: 'lost'; readonly port: string; readonly error: CrossingError }
  /** Every port has come to the end of its capture. */
  | { readonly kind: 'end' };

/** What a thread has counted since it was started. */
export interface DataPlaneStats {
  readonly counters: Counters;
  readonly ports: readonly PortStats[];
  /** Chunks for frames that nobody has now: neither a batch, nor the kernel on behalf of a port. */
  readonly freeChunkCount: number;
  /** Processor time of the thread in milliseconds; `undefined` where the system does not say. */
  readonly cpuMs: number | undefined;
}

/** What has gone through a port of it. */
export interface PortStats extends PortCounters {
  readonly name: string;
}
