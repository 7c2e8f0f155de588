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
import { type LinkEnd, link, makeNamespace, namespaceNames, runIn } from '../../../sdk/appliance/lab/namespaces.js';
import { LabProcess } from './lab-process.js';

const execute = promisify(execFile);

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
    await makeNamespace(namespace);
    return namespace;
  }

  /** Joins two namespaces; their addresses can be used at once. */
  link(one: LinkEnd, other: LinkEnd): Promise<void> {
    return link(one, other);
  }

  /** Runs a command in a namespace to its end and gives its standard output; fails when the command does. */
  run(namespace: string, command: string, args: readonly string[]): Promise<string> {
    return runIn(namespace, command, args);
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

/** Removes laboratories of processes that are no more. */
async function sweep(): Promise<void> {
  const names = [...(await namespaceNames()), ...readdirSync(tmpdir())];
  const prefixes = new Set(names.flatMap((name) => /^emx-\d+-\d+-/.exec(name)?.[0] ?? []));
  for (const prefix of prefixes) {
    if (existsSync(`/proc/${prefix.split('-')[1]}`)) continue;
    for (const folder of ['', ...readdirSync(tmpdir()).filter((name) => name.startsWith(prefix))]) {
      await execute('sh', ['-c', `(${REAP}) </dev/null`, 'reaper', prefix, folder && join(tmpdir(), folder)]);
    }
  }
}
