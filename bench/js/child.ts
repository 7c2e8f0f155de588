/**
 * A JavaScript implementation as a child of the harness: one command per line in, one line out (bench/contestant.ts
 * has the list). `native/main.c` is the same for C.
 *
 *   node child.js (edgemux | js-typed | js-idiomatic) <tables file> [<wasm file>]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { BATCH_FRAME_COUNT } from '../scenario.js';
import { decodeTables } from '../tables.js';
import { edgemux } from './edgemux.js';
import { IdiomaticMux } from './idiomatic.js';
import type { Implementation, Outcome } from './implementation.js';
import { ringMembers } from './ring.js';
import { Traffic } from './traffic.js';
import { TypedMux } from './typed.js';

/** A millisecond passes every 64 batches: the clock of a MUX that is sent 16 million packets per second. */
const BATCHES_PER_MS = 64;
const START_MS = 1_000_000;
const TICK_MS = 1024;

const [name, tablesPath, wasmPath] = process.argv.slice(2);
const implementation = await implementationOf(name);
let traffic: Traffic;
let batchNumber = 0;
/** Every filling begins in another tick, for trust takes packets in three of them. */
let startMs = START_MS;

const COMMANDS: Readonly<Record<string, (...parameters: string[]) => string>> = {
  workload: useWorkload,
  fill,
  frames: writeFrames,
  run,
  ring: buildRing,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...parameters] = line.split(' ');
  process.stdout.write(`${COMMANDS[command](...parameters)}\n`);
}

async function implementationOf(name: string): Promise<Implementation> {
  if (name === 'edgemux') return edgemux(new WebAssembly.Module(readFileSync(wasmPath)));
  const tables = decodeTables(readFileSync(tablesPath));
  return name === 'js-typed' ? new TypedMux(tables) : new IdiomaticMux(tables);
}

/** Starts over: no flow is known, nothing is counted, every slot holds this frame. */
function useWorkload(flowCount: string, frame: string): string {
  batchNumber = 0;
  startMs = START_MS;
  implementation.reset();
  traffic = new Traffic(implementation.slots, Buffer.from(frame, 'hex'), Number(flowCount));
  return 'ok';
}

function fill(batchCount: string): string {
  startMs += TICK_MS;
  for (let count = Number(batchCount); count > 0; count--) {
    traffic.generate(true);
    processBatch();
  }
  return 'ok';
}

function writeFrames(batchCount: string, path: string): string {
  const records: Buffer[] = [];
  for (let count = Number(batchCount); count > 0; count--) {
    traffic.generate(false);
    processBatch();
    for (let index = 0; index < BATCH_FRAME_COUNT; index++) records.push(recordOf(implementation.outcome(index)));
  }
  writeFileSync(path, Buffer.concat(records));
  return implementation.counters().join(' ');
}

/** Nanoseconds of generating and processing, and those of generating alone. */
function run(batchCount: string): string {
  const count = Number(batchCount);
  const startMs = performance.now();
  generateAndProcess(count);
  const middleMs = performance.now();
  generateOnly(count);
  const endMs = performance.now();
  return `${Math.round((middleMs - startMs) * 1e6)} ${Math.round((endMs - middleMs) * 1e6)}`;
}

/** Nanoseconds, and a digest of the slots. */
function buildRing(slotCountText: string, memberCount: string): string {
  const slotCount = Number(slotCountText);
  const members = ringMembers(Number(memberCount), slotCount);
  const startMs = performance.now();
  const ring = implementation.buildRing(members, slotCount);
  const ns = Math.round((performance.now() - startMs) * 1e6);
  return `${ns} ${ring.reduce((digest, backend) => (Math.imul(digest, 31) + backend) >>> 0, 0)}`;
}

function generateAndProcess(batchCount: number): void {
  for (let count = 0; count < batchCount; count++) {
    traffic.generate(false);
    processBatch();
  }
}

function generateOnly(batchCount: number): void {
  for (let count = 0; count < batchCount; count++) traffic.generate(false);
}

function processBatch(): void {
  implementation.process(BATCH_FRAME_COUNT, startMs + Math.floor(batchNumber++ / BATCHES_PER_MS));
}

/** verdict u8, reason u8, length u32, bytes */
function recordOf({ verdict, reason, bytes }: Outcome): Buffer {
  const record = Buffer.alloc(6 + bytes.length);
  record.writeUInt8(verdict, 0);
  record.writeUInt8(reason, 1);
  record.writeUInt32LE(bytes.length, 2);
  record.set(bytes, 6);
  return record;
}
