/**
 * The networks of the bench: one namespace for the generator, one for each MUX, and a veth pair between them. On either
 * end a kernel thread of its own does what the interrupt of a network card would do, so that its time can be read:
 *
 *   core 1  generator ──► gN ─────────── upN ──► kernel thread ──► MUX │ core 0
 *           counter ◄── kernel thread ◄── gN ─────────── upN ◄────────┘
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { MUX_ADDRESS, MUX_MAC, ROUTER_ADDRESS, ROUTER_MAC, VIP } from './fabric.js';

/** Where the MUX works and everything the kernel does for it; and where the generator does. */
export const MUX_CORE = '0';
export const GENERATOR_CORE = '1';

/** Room for a tunnel around a full packet. */
const MTU_BYTES = 1600;

/**
 * What comes back is looked at every so many nanoseconds, as network cards moderate their interrupts: otherwise a MUX would
 * pay for waking up the counter, packet by packet.
 */
const MODERATION_NS = 50_000;

/** One MUX's place: a namespace and its link to the generator. */
export interface Place {
  readonly namespace: string;
  /** The MUX's end. */
  readonly uplink: string;
  /** The generator's. */
  readonly generatorLink: string;
  /** Process id of the kernel thread that takes frames from the uplink. */
  readonly kernelThread: number;
}

/** Interfaces have 15 characters, and the kernel threads that are called after them two or three less. */
const RUN = process.pid.toString(36);
const PREFIX = `emx-${process.pid}-`;

export const GENERATOR_NAMESPACE = `${PREFIX}g`;

export function makeGeneratorPlace(): void {
  makeNamespace(GENERATOR_NAMESPACE);
}

export function makePlace(at: number): Place {
  const [namespace, uplink, generatorLink] = [`${PREFIX}m${at}`, `up${at}-${RUN}`, `g${at}-${RUN}`];
  makeNamespace(namespace);
  const ends = [generatorLink, GENERATOR_NAMESPACE, ROUTER_MAC, uplink, namespace, MUX_MAC];
  const [from, fromSpace, fromMac, to, toSpace, toMac] = ends;
  ip(`link add ${from} netns ${fromSpace} mtu ${MTU_BYTES} address ${fromMac} type veth
      peer name ${to} netns ${toSpace} mtu ${MTU_BYTES} address ${toMac}`);
  ip(`-n ${fromSpace} addr add ${ROUTER_ADDRESS}/24 dev ${from}`, true);
  ip(`-n ${toSpace} addr add ${MUX_ADDRESS}/24 dev ${to}`);
  for (const [space, name] of [
    [fromSpace, from],
    [toSpace, to],
  ]) {
    ip(`-n ${space} link set ${name} up`);
    // What makes a veth poll, with a thread and a budget.
    inNamespace(space, ['ethtool', '-K', name, 'gro', 'on']);
    writeSetting(space, `/sys/class/net/${name}/threaded`, 1);
  }
  writeSetting(fromSpace, `/sys/class/net/${from}/gro_flush_timeout`, MODERATION_NS);
  writeSetting(fromSpace, `/sys/class/net/${from}/napi_defer_hard_irqs`, 1000);
  ip(`-n ${toSpace} neigh replace ${ROUTER_ADDRESS} lladdr ${ROUTER_MAC} dev ${to} nud permanent`);
  ip(`-n ${toSpace} route add default via ${ROUTER_ADDRESS}`);
  const kernelThread = pinKernelThread(uplink, MUX_CORE);
  // What has come back must be counted although the generator keeps its core busy.
  execFileSync('chrt', ['-f', '-p', '10', String(pinKernelThread(generatorLink, GENERATOR_CORE))]);
  return { namespace, uplink, generatorLink, kernelThread };
}

/** The kernel's stand-in for a MUX, as the lab has it: a route into one device of VXLAN per host, chosen by a hash. */
export function makeStandIn({ namespace }: Place): void {
  for (const host of [1, 2]) {
    const device = `vx${host}`;
    ip(`-n ${namespace} link add ${device} address 02:10:00:00:00:0${host} type vxlan id ${100 + host}
        remote 198.51.100.${host} local ${MUX_ADDRESS} dstport 4789 nolearning`);
    ip(`-n ${namespace} link set ${device} mtu 1500 up`);
    ip(`-n ${namespace} neigh replace 169.254.${host}.1 lladdr 02:20:00:00:00:0${host} dev ${device} nud permanent`);
  }
  const hops = [1, 2].map((host) => `nexthop via 169.254.${host}.1 dev vx${host} onlink`);
  ip(`-n ${namespace} route replace ${VIP}/32 ${hops.join(' ')}`);
}

/** Routes the VIP into a TUN device, whose packets may bear the address of the MUX. */
export function routeIntoDevice({ namespace }: Place, device: string): void {
  ip(`-n ${namespace} link set ${device} up`);
  writeSetting(namespace, `/proc/sys/net/ipv4/conf/${device}/accept_local`, 1);
  ip(`-n ${namespace} route replace ${VIP}/32 dev ${device}`);
}

/** Ends what runs in the namespaces, and them. */
export function removeNetworks(): void {
  const listed = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout ?? '';
  for (const namespace of listed.split('\n').map((line) => line.split(' ')[0])) {
    if (namespace.startsWith(PREFIX)) spawnSync('ip', ['netns', 'del', namespace]);
  }
}

function makeNamespace(namespace: string): void {
  ip(`netns add ${namespace}`);
  ip(`-n ${namespace} link set lo up`);
  for (const scope of ['all', 'default']) {
    writeSetting(namespace, `/proc/sys/net/ipv6/conf/${scope}/disable_ipv6`, 1);
    writeSetting(namespace, `/proc/sys/net/ipv4/conf/${scope}/rp_filter`, 0);
  }
  writeSetting(namespace, '/proc/sys/net/ipv4/ip_forward', 1);
  writeSetting(namespace, '/proc/sys/net/ipv4/fib_multipath_hash_policy', 1);
}

/** Keeps the kernel thread that takes frames from an interface on a core; returns its process id. */
function pinKernelThread(name: string, core: string): number {
  const thread = readdirSync('/proc').find(
    (entry) => /^\d+$/.test(entry) && commandOf(entry).startsWith(`napi/${name}-`),
  );
  if (thread === undefined) throw new Error(`no kernel thread of ${name}`);
  execFileSync('taskset', ['-p', '-c', core, thread], { stdio: 'ignore' });
  return Number(thread);
}

function commandOf(process: string): string {
  try {
    return readFileSync(`/proc/${process}/comm`, 'utf8');
  } catch {
    return '';
  }
}

function writeSetting(namespace: string, path: string, value: number): void {
  inNamespace(namespace, ['sh', '-c', `echo ${value} > ${path}`]);
}

function inNamespace(namespace: string, command: readonly string[]): void {
  execFileSync('ip', ['netns', 'exec', namespace, ...command]);
}

function ip(parameters: string, mayFail = false): void {
  const { status, stderr } = spawnSync('ip', parameters.split(/\s+/), { encoding: 'utf8' });
  if (status !== 0 && !mayFail) throw new Error(`ip ${parameters}: ${stderr}`);
}
