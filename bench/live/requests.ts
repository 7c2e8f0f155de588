/**
 * Requests through whole labs: client, router, MUXes, hosts, VMs with nginx. One lab has the kernel in the places of MUXes and
 * hosts, the others have edgemux, by port; all are up at the same time, and take turns.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Lab } from '../../sdk/appliance/lab/lab.js';
import { ip } from '../../sdk/appliance/lab/namespaces.js';
import { HTTP_PORT, VIP4 } from '../../sdk/appliance/lab/places.js';
import { type RequestRow, type RequestSlice, requestRowOf } from './slices.js';
import type { PortKind } from './subjects.js';

/** One of those that are measured. */
interface Way {
  /** `direct`: the VM itself, without MUX and translation. */
  readonly subject: 'kernel' | 'edgemux' | 'direct';
  readonly port: PortKind | undefined;
  readonly lab: Lab;
  /** Where requests go. */
  readonly address: string;
}

const run = promisify(execFile);

/** Connections of wrk, which stay. */
const CONNECTION_COUNT = 16;
const WRK_SECONDS = 2;
/** Requests one after the other, of which each round has so many. */
const ASKED_COUNT = 2000;

/** @param ask path of the executable of native/ask.c */
export async function measureRequests(
  ports: readonly PortKind[],
  ask: string,
  roundCount: number,
): Promise<RequestRow[]> {
  const labs: Lab[] = [];
  try {
    labs.push(await up('kernel', undefined));
    for (const port of ports) labs.push(await up('edgemux', port));
    return await measureWays(await waysOf(labs), ask, roundCount);
  } finally {
    for (const { options } of labs) await Lab.down(options.name);
  }
}

function up(dataPlane: 'kernel' | 'edgemux', port: PortKind | undefined): Promise<Lab> {
  const name = `emx-${process.pid}-${port ?? dataPlane}`;
  return Lab.up({
    name,
    router: 'bird',
    port: port ?? 'xdp',
    web: 'nginx',
    dataPlane,
    runtime: 'node',
    isEmpty: false,
  });
}

async function waysOf(labs: readonly Lab[]): Promise<Way[]> {
  const [kernel] = labs;
  const [vm] = kernel.places.vms;
  const [host] = kernel.places.hosts;
  await ip('-n', kernel.places.router.namespace, 'route', 'replace', vm.ipv4, 'via', host.ipv4);
  return [
    { subject: 'direct', port: undefined, lab: kernel, address: vm.ipv4 },
    ...labs.map((lab): Way => {
      const { dataPlane, port } = lab.options;
      return { subject: dataPlane, port: dataPlane === 'kernel' ? undefined : port, lab, address: VIP4 };
    }),
  ];
}

async function measureWays(ways: readonly Way[], ask: string, roundCount: number): Promise<RequestRow[]> {
  const slices: RequestSlice[][] = ways.map(() => []);
  // The first round is not counted: connections are new to everybody, and a JavaScript engine is still compiling.
  for (let round = -1; round < roundCount; round++) {
    const order = round % 2 === 0 ? ways.keys() : [...ways.keys()].reverse();
    for (const at of order) {
      const slice = { perSecond: await requestsPerSecond(ways[at]), ns: await nsOfRequests(ways[at], ask) };
      if (round >= 0) slices[at].push(slice);
    }
  }
  const direct = slices[ways.findIndex(({ subject }) => subject === 'direct')];
  const kernel = slices[ways.findIndex(({ subject }) => subject === 'kernel')];
  return ways.map(({ subject, port }, at) =>
    requestRowOf({ subject, port: port ?? null, slices: slices[at], direct, kernel }),
  );
}

async function requestsPerSecond({ lab, address }: Way): Promise<number> {
  const options = ['-t1', `-c${CONNECTION_COUNT}`, `-d${WRK_SECONDS}s`];
  const output = await runAtClient(lab, ['wrk', ...options, `http://${address}/`]);
  const [, rate] = /^Requests\/sec:\s+([\d.]+)$/m.exec(output) ?? [];
  if (rate === undefined || /Socket errors|Non-2xx/.test(output)) throw new Error(`wrk: ${output}`);
  return Number(rate);
}

async function nsOfRequests({ lab, address }: Way, ask: string): Promise<number[]> {
  const output = await runAtClient(lab, [ask, address, String(HTTP_PORT), String(ASKED_COUNT)]);
  return output.trim().split('\n').map(Number);
}

async function runAtClient({ places }: Lab, command: readonly string[]): Promise<string> {
  const { stdout } = await run('ip', ['netns', 'exec', places.client.namespace, ...command], { maxBuffer: 1 << 24 });
  return stdout;
}
