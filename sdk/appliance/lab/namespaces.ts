/** Network namespaces, the links between them, and commands in them. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { searchPath } from './needs.js';

const execute = promisify(execFile);
const OUTPUT_BYTES_MAX = 64 << 20;

/** The environment of every command of a lab. */
export function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: searchPath() };
}

/** One end of a link: an interface in a namespace. */
export interface LinkEnd {
  readonly namespace: string;
  readonly name: string;
  /** With their prefix lengths: `192.0.2.1/24`. */
  readonly addresses: readonly string[];
  /** Default: the kernel's choice. */
  readonly macAddress?: string;
}

/** Whether namespaces can be made: containers have a root that may not. */
export function canMakeNamespaces(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const name = `emx-${process.pid}-0-trial`;
  const isMade = spawnSync('ip', ['netns', 'add', name], { env: environment() }).status === 0;
  if (isMade) spawnSync('ip', ['netns', 'del', name], { env: environment() });
  return isMade;
}

/** Names of all namespaces of this machine. */
export async function namespaceNames(): Promise<string[]> {
  const { stdout } = await execute('ip', ['netns', 'list'], { env: environment() });
  return stdout.split('\n').flatMap((line) => line.split(' ')[0] || []);
}

/**
 * Makes a namespace.
 *
 * @param forwards whether its kernel forwards packets; default `true`
 */
export async function makeNamespace(namespace: string, forwards = true): Promise<void> {
  await ip('netns', 'add', namespace);
  await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  const forwarding = FORWARDING.map((setting) => `${setting}=${forwards ? 1 : 0}`);
  await runIn(namespace, 'sysctl', ['-qw', ...forwarding, ...NAMESPACE_SETTINGS]);
}

/** Ends every process in a namespace and removes it; nothing happens where there is none. */
export async function removeNamespace(namespace: string): Promise<void> {
  if (!(await namespaceNames()).includes(namespace)) return;
  for (let attempt = 0; attempt < KILL_ATTEMPTS; attempt++) {
    const { stdout } = await execute('ip', ['netns', 'pids', namespace], { env: environment() });
    const ids = stdout.split('\n').filter(Boolean).map(Number);
    if (ids.length === 0) break;
    for (const id of ids) kill(id);
    await new Promise((resolve) => setTimeout(resolve, KILL_WAIT_MS));
  }
  await ip('netns', 'del', namespace);
}

const KILL_ATTEMPTS = 20;
const KILL_WAIT_MS = 100;

function kill(id: number): void {
  try {
    process.kill(id, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Joins two namespaces; their addresses can be used at once.
 *
 * @param mtuBytes of both ends; default 1,500
 */
export async function link(one: LinkEnd, other: LinkEnd, mtuBytes = 1500): Promise<void> {
  const mtu = ['mtu', String(mtuBytes)];
  const ends = [...endOf(one), ...mtu, 'type', 'veth', 'peer', ...endOf(other), ...mtu];
  await ip('link', 'add', ...ends);
  for (const { namespace, name, addresses } of [one, other]) {
    for (const address of addresses) {
      const isIpv6 = address.includes(':');
      await ip('-n', namespace, 'addr', 'add', address, 'dev', name, ...(isIpv6 ? ['nodad'] : []));
    }
    await ip('-n', namespace, 'link', 'set', name, 'up');
  }
}

function endOf({ namespace, name, macAddress }: LinkEnd): string[] {
  return ['name', name, 'netns', namespace, ...(macAddress === undefined ? [] : ['address', macAddress])];
}

/** Runs `ip` with these arguments. */
export async function ip(...args: readonly string[]): Promise<string> {
  const { stdout } = await execute('ip', args, { maxBuffer: OUTPUT_BYTES_MAX, env: environment() });
  return stdout;
}

/** Runs a command in a namespace to its end and gives its standard output; fails when the command does. */
export async function runIn(namespace: string, command: string, args: readonly string[]): Promise<string> {
  return ip('netns', 'exec', namespace, command, ...args);
}

/** Asks `ip -json` about a namespace. */
// biome-ignore lint/suspicious/noExplicitAny: the callers say what is in it.
export async function ipJson(namespace: string, args: readonly string[]): Promise<any> {
  return JSON.parse((await ip('-n', namespace, '-json', ...args)).trim() || '[]');
}

const FORWARDING = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'];

/**
 * Flows are spread by their ports, as routers do; packets may come in where no route leads back, as with direct server
 * return; link-local addresses are there at once, and the others stay when a link is cut.
 */
const NAMESPACE_SETTINGS = [
  'net.ipv4.conf.all.rp_filter=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv4.fib_multipath_hash_policy=1',
  'net.ipv6.fib_multipath_hash_policy=1',
  'net.ipv6.conf.all.accept_dad=0',
  'net.ipv6.conf.default.accept_dad=0',
  'net.ipv6.conf.all.keep_addr_on_down=1',
  'net.ipv6.conf.default.keep_addr_on_down=1',
];
