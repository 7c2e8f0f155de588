/**
 * The functions of assembly/port on one frame at a time. A frame lies so that it ends where the memory ends: whoever reads
 * behind it traps.
 */
import { expect } from 'vitest';
import type { Link } from '../../support/checksum.js';
import { compileOffload, instantiateOffload, type OffloadFunctions } from '../../support/offload-module.js';
import type { VirtioHeader } from './virtio.js';
import { virtioBytes } from './virtio.js';

const PAGES = 16;
const PAGE_BYTES = 65536;
const END = PAGES * PAGE_BYTES;
const HEADER = PAGE_BYTES;
const TARGET = 2 * PAGE_BYTES;
/** What memory is filled with that nobody should touch. */
const UNTOUCHED = 0xa5;

export class OffloadBench {
  readonly #functions: OffloadFunctions;
  readonly #memory: Uint8Array;

  constructor(functions: OffloadFunctions, memory: Uint8Array) {
    this.#functions = functions;
    this.#memory = memory;
  }

  static async open(): Promise<OffloadBench> {
    const { functions, memory } = instantiateOffload(await compileOffload(), PAGES);
    return new OffloadBench(functions, memory);
  }

  sum(bytes: Uint8Array): number {
    return this.#functions.sumLong(this.#place(bytes), bytes.length);
  }

  copySum(bytes: Uint8Array): { readonly sum: number; readonly copy: Uint8Array } {
    const at = this.#place(bytes);
    this.#memory.fill(UNTOUCHED, TARGET, TARGET + bytes.length + 1);
    const sum = this.#functions.copySumming(TARGET, at, bytes.length);
    if (this.#memory[TARGET + bytes.length] !== UNTOUCHED) throw new Error('written behind the copy');
    return { sum, copy: this.#memory.slice(TARGET, TARGET + bytes.length) };
  }

  /** The frame afterwards; `undefined` when it was refused. */
  finishMarked(frame: Uint8Array, checksumStart: number, checksumOffset: number): Uint8Array | undefined {
    return this.#change(frame, (at) => this.#functions.finishMarked(at, frame.length, checksumStart, checksumOffset));
  }

  /** The same; `undefined` when there was nothing to finish. */
  finishUnmarked(frame: Uint8Array, link: Link = 'ethernet'): Uint8Array | undefined {
    return this.#change(frame, (at) => this.#functions.finishUnmarked(at, frame.length, numberOf(link)));
  }

  finishAnew(frame: Uint8Array, link: Link = 'ethernet'): Uint8Array | undefined {
    return this.#change(frame, (at) => this.#functions.finishAnew(at, frame.length, numberOf(link)));
  }

  canStayWhole(header: VirtioHeader, frame: Uint8Array, link: Link = 'ethernet'): boolean {
    this.#memory.set(virtioBytes(header), HEADER);
    return this.#functions.canStayWhole(HEADER, this.#place(frame), frame.length, numberOf(link)) !== 0;
  }

  /** Header and frame as they leave; the header is written in front of the frame, where the received one stands. */
  renew(header: VirtioHeader, frame: Uint8Array, link: Link = 'ethernet'): Uint8Array | undefined {
    const at = this.#place(frame);
    const headerAt = at - virtioBytes(header).length;
    this.#memory.set(virtioBytes(header), headerAt);
    const before = this.#memory.slice(headerAt, END);
    if (this.#functions.renewVirtioHeader(headerAt, headerAt, at, frame.length, numberOf(link)) !== 0) {
      return this.#memory.slice(headerAt, END);
    }
    this.#expectSame(before, headerAt);
    return undefined;
  }

  /** All segments of a frame, none when it is refused. The last one that is written is the first, in the place of the frame. */
  cut(
    header: VirtioHeader,
    frame: Uint8Array,
    link: Link = 'ethernet',
    name: 'segmentCount' | 'segmentCountAnew' = 'segmentCount',
  ): readonly Uint8Array[] {
    this.#memory.set(virtioBytes(header), HEADER);
    const at = this.#place(frame);
    const before = this.#memory.slice(at, END);
    const count = this.#functions[name](HEADER, at, frame.length, numberOf(link));
    this.#expectSame(before, at);
    if (count === 0) return [];
    const bytesMax = this.#functions.segmentBytesMax();
    const filler = new Uint8Array(bytesMax + 64).fill(UNTOUCHED);
    const segments = Array.from({ length: count }, () => new Uint8Array(0));
    for (let index = count; index-- > 0; ) {
      const target = index === 0 ? at : TARGET;
      this.#memory.set(filler, TARGET);
      const bytes = this.#functions.writeSegment(index, target);
      if (bytes > bytesMax) throw new Error(`a segment of ${bytes} bytes, longer than ${bytesMax}`);
      segments[index] = this.#memory.slice(target, target + bytes);
      if (index > 0) this.#expectSame(before, at);
      this.#expectSame(filler.subarray(0, bytesMax + 64 - (index > 0 ? bytes : 0)), TARGET + (index > 0 ? bytes : 0));
    }
    return segments;
  }

  #change(frame: Uint8Array, call: (at: number) => number): Uint8Array | undefined {
    const at = this.#place(frame);
    const before = this.#memory.slice(at - 64, END);
    if (call(at) === 0) {
      this.#expectSame(before, at - 64);
      return undefined;
    }
    this.#expectSame(before.subarray(0, 64), at - 64);
    return this.#memory.slice(at, END);
  }

  #place(bytes: Uint8Array): number {
    this.#memory.set(bytes, END - bytes.length);
    return END - bytes.length;
  }

  #expectSame(before: Uint8Array, at: number): void {
    if (Buffer.compare(before, this.#memory.subarray(at, at + before.length)) !== 0) {
      throw new Error('bytes have changed that nobody should touch');
    }
  }
}

/** Like toEqual, which takes a second for 64 KiB. */
export function expectBytes(actual: Uint8Array | undefined, expected: Uint8Array): void {
  expect(actual && Buffer.from(actual).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
}

function numberOf(link: Link): number {
  return link === 'ethernet' ? 0 : 1;
}
