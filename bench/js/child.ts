/**
 * A JavaScript implementation as a child of the harness: one command per line in, one line out (bench/contestant.ts
 * has the list). `native/main.c` and `native/host_main.c` are the same for C.
 *
 *   node child.js (edgemux | edgemux-host | js-typed | js-idiomatic) <tables file> [<wasm file>]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';
import type { Direction } from '../host-scenario.js';
import { decodeTables } from '../tables.js';
import { edgemux } from './edgemux.js';
import { edgemuxHost } from './edgemux-host.js';
import { IdiomaticMux } from './idiomatic.js';
import type { Implementation } from './implementation.js';
import { Subject } from './subject.js';
import { TypedMux } from './typed.js';

const [name, tablesPath, wasmPath] = process.argv.slice(2);
const subject = new Subject(await implementationOf(name));

const COMMANDS: Readonly<Record<string, (...parameters: string[]) => string>> = {
  workload(flowCount, frame, answer, direction) {
    const bytes = Buffer.from(frame, 'hex');
    if (direction === undefined) subject.useWorkload(Number(flowCount), bytes);
    else subject.useHostWorkload(Number(flowCount), bytes, Buffer.from(answer, 'hex'), direction as Direction);
    return 'ok';
  },
  fill(batchCount) {
    subject.fill(Number(batchCount));
    return 'ok';
  },
  frames(batchCount, path) {
    writeFileSync(path, subject.frames(Number(batchCount)));
    return subject.counters();
  },
  run(batchCount) {
    const startMs = performance.now();
    subject.run(Number(batchCount));
    const middleMs = performance.now();
    subject.generate(Number(batchCount));
    const endMs = performance.now();
    return `${Math.round((middleMs - startMs) * 1e6)} ${Math.round((endMs - middleMs) * 1e6)}`;
  },
  ring(slotCount, memberCount) {
    const { ms, digest } = subject.buildRing(Number(slotCount), Number(memberCount));
    return `${Math.round(ms * 1e6)} ${digest}`;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...parameters] = line.split(' ');
  process.stdout.write(`${COMMANDS[command](...parameters)}\n`);
}

async function implementationOf(name: string): Promise<Implementation> {
  if (name === 'edgemux') return edgemux(new WebAssembly.Module(readFileSync(wasmPath)));
  if (name === 'edgemux-host') return edgemuxHost(new WebAssembly.Module(readFileSync(wasmPath)));
  const tables = decodeTables(readFileSync(tablesPath));
  return name === 'js-typed' ? new TypedMux(tables) : new IdiomaticMux(tables);
}
