/** What senders leave to the hardware, assembly/port: compiled by itself, with every function of those files exported. */
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = ['sum', 'transport', 'unfinished', 'plain', 'segment', 'renew'].map(
  (name) => `assembly/port/${name}.ts`,
);
const OPTIONS =
  '--config none --runtime stub --noAssert --importMemory --use abort= --enable simd --transform ./assembly/inline.mjs -O3'.split(
    ' ',
  );

/** The functions under test; positions are offsets in the memory, truth values 0 and 1. */
export interface OffloadFunctions {
  sumLong(start: number, bytes: number): number;
  copySumming(target: number, source: number, bytes: number): number;
  finishMarked(frame: number, length: number, checksumStart: number, checksumOffset: number): number;
  finishUnmarked(frame: number, length: number, link: number): number;
  isPlainlyFinished(frame: number, length: number, link: number): number;
  finishAnew(frame: number, length: number, link: number): number;
  segmentCount(header: number, frame: number, length: number, link: number): number;
  segmentCountAnew(header: number, frame: number, length: number, link: number): number;
  segmentBytesMax(): number;
  writeSegment(index: number, target: number): number;
  canStayWhole(header: number, frame: number, length: number, link: number): number;
  renewVirtioHeader(target: number, received: number, frame: number, length: number, link: number): number;
}

/** Compiles them; a second or two. */
export async function compileOffload(): Promise<WebAssembly.Module> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([...SOURCES, ...OPTIONS, '--baseDir', ROOT, '--outFile', 'offload.wasm'], {
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') binary = contents;
    },
  });
  if (error || binary === undefined) throw new Error(stderr.toString(), { cause: error });
  return new WebAssembly.Module(new Uint8Array(binary));
}

/** An instance whose memory is as long as asked for: what lies behind its end cannot be read without a trap. */
export function instantiateOffload(
  module: WebAssembly.Module,
  pages: number,
): { readonly functions: OffloadFunctions; readonly memory: Uint8Array } {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  return { functions: instance.exports as unknown as OffloadFunctions, memory: new Uint8Array(memory.buffer) };
}
