/** A MUX that speaks BGP: what the tests tell it and hear from it. */
import type { MuxPlace } from './topology.js';

/** The session of a MUX with the router. */
export interface MuxPeer {
  readonly transport: 'ipv4' | 'ipv6';
  readonly holdTimeSeconds?: number;
  readonly isPassive?: boolean;
  readonly md5Key?: string;
  readonly hasTtlSecurity?: boolean;
  /** BFD, 3 × 100 ms. */
  readonly hasBfd?: boolean;
  /** Asks the router from the start to wait this long for it; default: only when a restart is planned. */
  readonly restartTimeSeconds?: number;
}

/** One line of its output. */
export interface MuxEvent {
  readonly event: string;
  readonly [member: string]: unknown;
}

/** A MUX in its namespace. */
export interface Mux {
  readonly place: MuxPlace;
  /** What it has said since it was last started. */
  readonly events: readonly MuxEvent[];
  /** Starts it with these VIPs; `isRestarting` after a planned restart. */
  start(vips: readonly string[], isRestarting?: boolean): Promise<void>;
  /** Writes these VIPs into the fabric file of a MUX that runs. */
  writeVips(vips: readonly string[]): Promise<void>;
  /** Writes them, waits until the MUX has read and compiled them, and gives the moment it announces them, as `nowMs()`. */
  setVips(vips: readonly string[]): Promise<number>;
  /** SIGTERM: withdraw and say goodbye; SIGUSR2: planned restart; SIGKILL, SIGSTOP, SIGCONT as ever. */
  signal(signal: NodeJS.Signals): void;
  /** Waits until it is over, and gives the exit code. */
  ended(): Promise<number | null>;
}

/** Makes a MUX; it does not run yet. */
export type MakeMux = (place: MuxPlace, peer: MuxPeer) => Mux;
