/** Who is measured: MUXes in a process each, and the kernel's stand-in, which has none. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type CpuTimes, cpuTimes } from './cpu-time.js';
import { MUX } from './fabric.js';
import { MUX_CORE, makeStandIn, type Place, routeIntoDevice } from './network.js';

export type PortKind = 'xdp' | 'packet' | 'tun';
export type Implementation = 'kernel' | 'c' | 'edgemux';

/** One of those that are measured, at its place. */
export interface Subject {
  readonly implementation: Implementation;
  /** What it is called in the table. */
  readonly name: string;
  /** `undefined`: the kernel's stand-in. */
  readonly port: PortKind | undefined;
  readonly place: Place;
  readonly process: ChildProcess | undefined;
}

/** Files that C is started with: the executables by their port, and the tables. */
export interface Yardsticks {
  readonly executables: Readonly<Record<PortKind, string>>;
  readonly tables: string;
}

/** A build of edgemux. */
export interface EdgemuxCommand {
  readonly name: string;
  readonly command: readonly string[];
  readonly fabric: string;
}

/** What a TUN device of either is called: each is alone in its namespace. */
const DEVICE = 'mux0';
/** How long a MUX may take until it forwards. */
const READY_MS = 20_000;

export function standIn(place: Place): Subject {
  makeStandIn(place);
  return { implementation: 'kernel', name: 'kernel', port: undefined, place, process: undefined };
}

export async function startYardstick(port: PortKind, place: Place, yardsticks: Yardsticks): Promise<Subject> {
  const device = port === 'tun' ? DEVICE : place.uplink;
  const process = start(place, [yardsticks.executables[port], yardsticks.tables, device]);
  await lineFrom(process, `C on ${port}`, (line) => line === 'ready');
  if (port === 'tun') routeIntoDevice(place, device);
  return { implementation: 'c', name: 'c', port, place, process };
}

export async function startEdgemux(port: PortKind, place: Place, edgemux: EdgemuxCommand): Promise<Subject> {
  const target = port === 'tun' ? DEVICE : place.uplink;
  const options = ['--mux', MUX, '--port', `${port}:${target}`, '--no-bgp', '--json'];
  const process = start(place, [...edgemux.command, 'mux', edgemux.fabric, ...options]);
  await lineFrom(process, `edgemux on ${port}`, hasStarted);
  return { implementation: 'edgemux', name: edgemux.name, port, place, process };
}

export function stop({ process }: Subject): void {
  process?.kill('SIGKILL');
}

/** What the threads of a subject have used so far: of the process, and the kernel thread that takes frames from its interface. */
export function usedBy({ process, place }: Subject): { readonly process: CpuTimes; readonly kernel: CpuTimes } {
  return {
    process: process?.pid === undefined ? new Map() : cpuTimes(process.pid),
    kernel: cpuTimes(place.kernelThread),
  };
}

/** Both `ip netns exec` and `taskset` become what they start, so that the process id is the MUX's. */
function start({ namespace }: Place, command: readonly string[]): ChildProcess {
  return spawn('ip', ['netns', 'exec', namespace, 'taskset', '-c', MUX_CORE, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Waits for the line that says that packets are taken. */
async function lineFrom(process: ChildProcess, who: string, isWanted: (line: string) => boolean): Promise<void> {
  const said: string[] = [];
  process.stderr?.on('data', (text) => said.push(String(text)));
  const late = setTimeout(() => process.kill('SIGKILL'), READY_MS);
  for await (const line of createInterface({ input: process.stdout! })) {
    if (isWanted(line)) {
      clearTimeout(late);
      process.stdout?.resume();
      return;
    }
    said.push(`${line}\n`);
  }
  throw new Error(`${who} did not start: ${said.join('').trim()}`);
}

function hasStarted(line: string): boolean {
  try {
    return (JSON.parse(line) as { event?: string }).event === 'start';
  } catch {
    return false;
  }
}
