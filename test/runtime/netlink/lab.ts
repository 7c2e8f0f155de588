/**
 * A network for one test file: this thread's own namespace, and others whose names begin with `emx-<pid>-`, joined by veth
 * pairs. What a run that was killed has left is removed by the next one.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { enterNetworkNamespace } from '../namespace.js';

const PREFIX = `emx-${process.pid}-`;

/** Enters a namespace of its own; says why when it cannot. */
export async function enterLab(what: string): Promise<string | undefined> {
  const missing = (await enterNetworkNamespace()) ?? removeAbandoned();
  if (missing) console.log(`skipped: ${what} not tried, as ${missing}`);
  return missing;
}

function removeAbandoned(): undefined {
  for (const name of namespaces()) {
    const [, pid] = /^emx-(\d+)-/.exec(name) ?? [];
    if (pid && !existsSync(`/proc/${pid}`)) execFileSync('ip', ['netns', 'del', name]);
  }
}

function namespaces(): string[] {
  return ip('netns list')
    .split('\n')
    .map((line) => line.split(' ')[0]!);
}

/** Removes the namespaces of this file; interfaces at both ends of their links go with them. */
export function leaveLab(): void {
  for (const name of namespaces()) if (name.startsWith(PREFIX)) execFileSync('ip', ['netns', 'del', name]);
}

/** Runs `ip` with arguments as one text. */
export function ip(command: string): string {
  return execFileSync('ip', command.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What `ip -json` says; nothing where it fails. */
export function ipJson(command: string): Record<string, unknown>[] {
  try {
    return JSON.parse(ip(`-json ${command}`) || '[]');
  } catch {
    return [];
  }
}

/** Many commands by one `ip -batch`; those that fail are passed over. */
export function ipBatch(commands: readonly string[]): void {
  spawnSync('ip', ['-force', '-batch', '-'], {
    input: `${commands.join('\n')}\n`,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
}

/** Another machine: a namespace, its loopback up. */
export class Machine {
  readonly name: string;

  constructor(name: string) {
    this.name = PREFIX + name;
    ip(`netns add ${this.name}`);
    this.ip('link set lo up');
    this.sysctl('net.ipv6.conf.default.accept_dad', 0);
  }

  ip(command: string): string {
    return ip(`-n ${this.name} ${command}`);
  }

  run(command: string): void {
    execFileSync('ip', ['netns', 'exec', this.name, ...command.split(' ')], { stdio: 'ignore' });
  }

  /** Sets a kernel parameter of that machine. */
  sysctl(name: string, value: number): void {
    this.run(`sysctl -qw ${name}=${value}`);
  }
}

/** Joins `near` of this machine and `far` of another, both up, with their addresses. */
export function join(
  near: string,
  nearAddresses: readonly string[],
  machine: Machine,
  far: string,
  farAddresses: readonly string[],
  farMacAddress: string,
): void {
  ip(`link add ${near} type veth peer name ${far} address ${farMacAddress} netns ${machine.name}`);
  for (const address of nearAddresses) ip(`addr add ${address} dev ${near}${noDad(address)}`);
  for (const address of farAddresses) machine.ip(`addr add ${address} dev ${far}${noDad(address)}`);
  ip(`link set ${near} up`);
  machine.ip(`link set ${far} up`);
}

function noDad(address: string): string {
  return address.includes(':') ? ' nodad' : '';
}

/** Waits for something that comes true by itself, and says what was so instead when it does not. */
export async function until<T>(look: () => T, isRight: (seen: T) => boolean, timeoutMs = 20_000): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const seen = look();
    if (isRight(seen)) return seen;
    if (performance.now() > endMs) throw new Error(`it stayed ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
