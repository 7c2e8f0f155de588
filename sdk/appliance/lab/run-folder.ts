/** What a lab leaves for later commands: /run/edgemux-lab/NAME with its state, its fabric and its logs. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessRecord } from './detached-process.js';
import type { RouterName } from './routers/kinds.js';
import type { RuntimeName } from './runtimes.js';

const RUN = '/run/edgemux-lab';

/** How a lab is made. */
export interface LabOptions {
  /** Names begin with it: namespaces, the run folder; default `edgemux`. */
  readonly name: string;
  readonly router: RouterName;
  /** What the MUXes and hosts take packets by. */
  readonly port: 'xdp' | 'packet' | 'tun';
  readonly web: 'node' | 'nginx';
  /** `kernel`: vxlan devices and nftables in the places of MUXes and hosts, `edgemux bgp` for the routes. */
  readonly dataPlane: 'edgemux' | 'kernel';
  /** What runs the MUXes and host agents. */
  readonly runtime: RuntimeName;
  /** Whether the places of MUXes and hosts are left free. */
  readonly isEmpty: boolean;
}

/** What is known of a lab. */
export interface LabState {
  readonly options: LabOptions;
  /** Number of the host of VM 1 and of VM 2. */
  hostOfVm: [number, number];
  /** The latest process of each name. */
  processes: ProcessRecord[];
  /** Whether everything was built and has answered. */
  isUp: boolean;
}

/** Folder of the lab of this name. */
export function runFolder(name: string): string {
  return join(RUN, name);
}

/** Makes the folder, which nobody else can then; `false` when somebody has. */
export function claimRunFolder(name: string): boolean {
  // Routing daemons leave root behind before they read their configuration.
  mkdirSync(RUN, { recursive: true, mode: 0o755 });
  try {
    mkdirSync(runFolder(name), { mode: 0o755 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the folder and everything in it. */
export function removeRunFolder(name: string): void {
  rmSync(runFolder(name), { recursive: true, force: true });
}

/** Reads the state of a lab; `undefined` when there is none, or when it broke off before it had one. */
export function readState(name: string): LabState | undefined {
  try {
    return JSON.parse(readFileSync(statePath(name), 'utf8')) as LabState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Keeps the state of a lab. */
export function writeState(state: LabState): void {
  const path = statePath(state.options.name);
  writeFileSync(`${path}.next`, JSON.stringify(state, null, 2));
  renameSync(`${path}.next`, path);
}

function statePath(name: string): string {
  return join(runFolder(name), 'state.json');
}
