/** A network namespace for one test file, where it can try what a machine's own network should not see. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const CLONE_NEWNET = 0x40000000;

/** Moves this thread, and what it starts from here on, into an empty network with a loopback; says why when it cannot. */
export async function enterNetworkNamespace(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  if (process.getuid?.() !== 0) return 'this is not root';
  const koffi = await import('koffi').catch(() => undefined);
  if (!koffi) return 'koffi is not installed';
  if (koffi.load(null).func('int unshare(int)')(CLONE_NEWNET) !== 0) return 'no network namespace may be made here';
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  return undefined;
}

/** Sets a kernel parameter of the namespace: `net.ipv4.tcp_syn_retries`. */
export function sysctl(name: string, value: number): void {
  writeFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, String(value));
}
