/**
 * The MUX inside workerd, the runtime of Cloudflare Workers, as a contestant.
 *
 * Clocks stand still in a worker while it computes, so the harness measures from outside: one request that generates
 * and processes packets, one that only generates them.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { type Channel, pinned } from './channel.js';

/** https://developers.cloudflare.com/workers/configuration/compatibility-dates: none of the flags matters here. */
const COMPATIBILITY_DATE = '2026-01-01';

/** A request costs a tenth of a millisecond, and more when it wakes somebody up. */
const SLICE_MS = 100;

const CONFIGURATION = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "bench", worker = (
    modules = [(name = "worker.js", esModule = embed "worker.js"), (name = "mux.wasm", wasm = embed "mux.wasm")],
    compatibilityDate = "${COMPATIBILITY_DATE}",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "bench")],
);
`;

/** @param workerd path of the executable; @param wasm the data plane; @param folder to put the worker into */
export async function workerdChannel(workerd: string, wasm: string, folder: string, core?: string): Promise<Channel> {
  const home = join(folder, 'workerd');
  mkdirSync(home, { recursive: true });
  const bundle = await rolldown({
    input: fileURLToPath(new URL('js/worker.js', import.meta.url)),
    external: /\.wasm$/,
    platform: 'browser',
  });
  await bundle.write({ file: join(home, 'worker.js'), format: 'esm' });
  copyFileSync(wasm, join(home, 'mux.wasm'));
  const configuration = join(home, 'bench.capnp');
  writeFileSync(configuration, CONFIGURATION);

  const child = spawn(...pinned([workerd, 'serve', configuration, '--control-fd=3'], core), {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const address = await listeningAddress(child.stdio[3] as NodeJS.ReadableStream);
  const request = async (line: string) => {
    const response = await fetch(address, { method: 'POST', body: line });
    const body = Buffer.from(await response.arrayBuffer());
    if (!response.ok) throw new Error(`workerd answers ${response.status} to: ${line.slice(0, 40)}`);
    return { body, counters: response.headers.get('counters') ?? '' };
  };
  const timed = async (line: string) => {
    const startMs = performance.now();
    await request(line);
    return Math.round((performance.now() - startMs) * 1e6);
  };
  return {
    sliceMs: SLICE_MS,
    async ask(line) {
      const [command, count, path] = line.split(' ');
      if (command === 'run') return `${await timed(line)} ${await timed(`generate ${count}`)}`;
      const { body, counters } = await request(line);
      if (command !== 'frames') return body.toString();
      writeFileSync(path, body);
      return counters;
    },
    end: () => child.kill(),
  };
}

/** workerd says where it listens as a line of JSON on its control descriptor. */
async function listeningAddress(control: NodeJS.ReadableStream): Promise<string> {
  for await (const chunk of control) {
    const port = /"port":(\d+)/.exec(String(chunk))?.[1];
    if (port !== undefined) return `http://127.0.0.1:${port}/`;
  }
  throw new Error('workerd ended before it listened');
}
