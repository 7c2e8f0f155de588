/**
 * A laboratory: network namespaces, the links between them and the processes in them, all of which go when it closes.
 *
 * Everything in it is named `emx-<pid>-<serial>-`. A child process of its own, the reaper, waits for the end of its
 * standard input and then takes the laboratory down; so the same lines clean up after a test that ended, failed, was
 * interrupted or was killed.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LabProcess } from './lab-process.js';

const execute = promisify(execFile);
const OUTPUT_BYTES_MAX = 64 << 20;

/** Kills what runs in the namespaces that begin with $1, deletes them, then the folder $2. */
const REAP = `
cat >/dev/null
for n in $(ip netns list | cut -d' ' -f1 | grep "^$1"); do
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    pids=$(ip netns pids "$n")
    [ -z "$pids" ] && break
    kill -9 $pids 2>/dev/null
    sleep 0.1
  done
  ip netns del "$n"
done
rm -rf "$2"`;

/** One end of a link: an interface in a namespace, with its addresses (`192.0.2.1/24`). */
export interface LinkEnd {
  readonly namespace: string;
  readonly name: string;
  readonly addresses: readonly string[];
}

let laboratoryCount = 0;

/** A laboratory; `Lab.open()` makes one. */
export class Lab {
  readonly #prefix: string;
  readonly #reaper;

  private constructor(
    prefix: string,
    /** A folder for configuration and logs, readable by every user. */
    readonly folder: string,
  ) {
    this.#prefix = prefix;
    this.#reaper = spawn('sh', ['-c', REAP, 'reaper', prefix, folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }

  /** Opens an empty laboratory, after it has removed what runs before left behind whose process is dead. */
  static async open(): Promise<Lab> {
    await sweep();
    const prefix = `emx-${process.pid}-${++laboratoryCount}-`;
    const folder = await mkdtemp(join(tmpdir(), prefix));
    // Routing daemons leave root behind before they read their configuration.
    await chmod(folder, 0o755);
    return new Lab(prefix, folder);
  }

  /** Makes a namespace that forwards packets, and gives its full name. */
  async namespace(name: string): Promise<string> {
    const namespace = `${this.#prefix}${name}`;
    await execute('ip', ['netns', 'add', namespace]);
    await execute('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    await this.run(namespace, 'sysctl', ['-qw', ...NAMESPACE_SETTINGS]);
    return namespace;
  }

  /** Joins two namespaces; their addresses can be used at once. */
  async link(one: LinkEnd, other: LinkEnd): Promise<void> {
    const peer = ['peer', 'name', other.name, 'netns', other.namespace];
    await execute('ip', ['link', 'add', one.name, 'netns', one.namespace, 'type', 'veth', ...peer]);
    for (const { namespace, name, addresses } of [one, other]) {
      for (const address of addresses) {
        const isIpv6 = address.includes(':');
        await execute('ip', ['-n', namespace, 'addr', 'add', address, 'dev', name, ...(isIpv6 ? ['nodad'] : [])]);
      }
      await execute('ip', ['-n', namespace, 'link', 'set', name, 'up']);
    }
  }

  /** Runs a command in a namespace to its end and gives its standard output; fails when the command does. */
  async run(namespace: string, command: string, args: readonly string[]): Promise<string> {
    const { stdout } = await execute('ip', ['netns', 'exec', namespace, command, ...args], {
      maxBuffer: OUTPUT_BYTES_MAX,
    });
    return stdout;
  }

  /** Asks `ip -json` about a namespace. */
  // biome-ignore lint/suspicious/noExplicitAny: the callers say what is in it.
  async ipJson(namespace: string, args: readonly string[]): Promise<any> {
    const { stdout } = await execute('ip', ['-n', namespace, '-json', ...args], { maxBuffer: OUTPUT_BYTES_MAX });
    return JSON.parse(stdout.trim() || '[]');
  }

  /** Starts a process in a namespace; what it prints goes to `<folder>/<name>.log` too. */
  spawn(namespace: string, name: string, command: readonly string[]): LabProcess {
    return new LabProcess(join(this.folder, `${name}.log`), ['ip', 'netns', 'exec', namespace, ...command]);
  }

  /** Ends every process and removes every trace. */
  async close(): Promise<void> {
    const gone = once(this.#reaper, 'exit');
    this.#reaper.stdin?.end();
    await gone;
  }
}

/**
 * Flows are spread by their ports, as routers do; packets may come in where no route leads back, as with direct server
 * return; and link-local addresses are there at once.
 */
const NAMESPACE_SETTINGS = [
  'net.ipv4.ip_forward=1',
  'net.ipv6.conf.all.forwarding=1',
  'net.ipv4.conf.all.rp_filter=0',
  'net.ipv4.conf.default.rp_filter=0',
  'net.ipv4.fib_multipath_hash_policy=1',
  'net.ipv6.fib_multipath_hash_policy=1',
  'net.ipv6.conf.all.accept_dad=0',
  'net.ipv6.conf.default.accept_dad=0',
];

/** Removes laboratories of processes that are no more. */
async function sweep(): Promise<void> {
  const { stdout } = await execute('ip', ['netns', 'list']);
  const names = [...stdout.split('\n'), ...readdirSync(tmpdir())];
  const prefixes = new Set(names.flatMap((name) => /^emx-\d+-\d+-/.exec(name)?.[0] ?? []));
  for (const prefix of prefixes) {
    if (existsSync(`/proc/${prefix.split('-')[1]}`)) continue;
    for (const folder of ['', ...readdirSync(tmpdir()).filter((name) => name.startsWith(prefix))]) {
      await execute('sh', ['-c', `(${REAP}) </dev/null`, 'reaper', prefix, folder && join(tmpdir(), folder)]);
    }
  }
}
