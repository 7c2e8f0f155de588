/** Loading: which modules are refused, what a module may import, and memory that never grows. */

import { readFileSync } from 'node:fs';
import { HostAgent, Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { ABI_VERSION, FIXED_BASE, REGION_COUNT } from '../../assembly/abi.js';
import { DataPlane } from '../../sdk/dataplane/instance.js';
import { CAPACITIES_DEFAULT, planMemory } from '../../sdk/dataplane/plan.js';

// WebAssembly binary format, core specification section 5.5.
const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 };
const I32_CONST = 0x41;
const END = 0x0b;

function leb128(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const last = rest < 64;
    bytes.push((rest & 0x7f) | (last ? 0 : 0x80));
    if (last) return bytes;
  }
}

function section(id: number, ...items: number[][]): number[] {
  const body = [items.length, ...items.flat()];
  return [id, body.length, ...body];
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}

/** A module of functions `() → i32` that each return a constant. */
function moduleOf(constants: Record<string, number>, imports: number[][] = []): WebAssembly.Module {
  const functions = Object.entries(constants);
  const bytes = [
    ...PREAMBLE,
    ...section(SECTION.type, [0x60, 0, 1, 0x7f]),
    ...section(SECTION.import, ...imports),
    ...section(SECTION.function, ...functions.map(() => [0])),
    ...section(SECTION.export, ...functions.map(([text], index) => [...name(text), 0, imports.length + index])),
    ...section(
      SECTION.code,
      ...functions.map(([, value]) => {
        const body = [0, I32_CONST, ...leb128(value), END];
        return [body.length, ...body];
      }),
    ),
  ];
  return new WebAssembly.Module(Uint8Array.from(bytes));
}

/** What is thrown by loading a module, `undefined` when nothing is. */
async function refusalOf(module: WebAssembly.Module): Promise<unknown> {
  try {
    await DataPlane.load(module, 'mux', { flowCountMax: 1 });
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('data plane: modules that are refused', () => {
  const rows = [
    { name: 'an empty one', module: moduleOf({}), message: 'boundary version none' },
    { name: 'one of another kind', module: moduleOf({ main: 0 }), message: 'boundary version none' },
    {
      name: 'an older boundary',
      module: moduleOf({ abiVersion: ABI_VERSION - 1 }),
      message: `version ${ABI_VERSION - 1}`,
    },
    {
      name: 'a newer boundary',
      module: moduleOf({ abiVersion: ABI_VERSION + 1 }),
      message: `version ${ABI_VERSION + 1}`,
    },
    {
      name: 'statics that reach into the fixed block',
      module: moduleOf({ abiVersion: ABI_VERSION, heapBase: FIXED_BASE + 1 }),
      message: `ends at ${FIXED_BASE + 1}`,
    },
    {
      name: 'one that refuses its regions',
      module: moduleOf({ abiVersion: ABI_VERSION, heapBase: FIXED_BASE, init: REGION_COUNT }),
      message: `region ${REGION_COUNT - 1}`,
    },
    {
      name: 'one that wants more than a memory',
      module: moduleOf({ abiVersion: ABI_VERSION }, [[...name('env'), ...name('now'), 0, 0]]),
      message: '',
    },
  ];
  it.each(rows)('$name', async ({ module, message }) => {
    expect(await refusalOf(module)).toMatchObject({
      name: 'EdgemuxError',
      code: 'ERR_ABI_MISMATCH',
      message: expect.stringContaining(message),
    });
  });

  it('statics that end where the fixed block begins are all right', async () => {
    const module = moduleOf({ abiVersion: ABI_VERSION, heapBase: FIXED_BASE, init: 0 });
    expect(await refusalOf(module)).toBeUndefined();
  });

  it('MUX and host agent refuse alike', async () => {
    const other = moduleOf({ abiVersion: ABI_VERSION + 1 });
    await expect(Mux.load(other)).rejects.toMatchObject({ code: 'ERR_ABI_MISMATCH' });
    await expect(HostAgent.load(other)).rejects.toMatchObject({ code: 'ERR_ABI_MISMATCH' });
  });
});

describe('data plane: the module', () => {
  it('imports a memory and nothing else', () => {
    expect(WebAssembly.Module.imports(muxModule)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
  });

  it('is the file that the package also ships as it is', () => {
    const bytes = readFileSync(new URL('../../dist/mux.wasm', import.meta.url));
    expect(WebAssembly.Module.exports(new WebAssembly.Module(bytes))).toEqual(WebAssembly.Module.exports(muxModule));
  });
});

describe('data plane: memory', () => {
  it.each(['mux', 'host'] as const)('is as large as the plan of a %s, and cannot grow', async (role) => {
    const memories: WebAssembly.MemoryDescriptor[] = [];
    const { Memory } = WebAssembly;
    WebAssembly.Memory = class extends Memory {
      constructor(descriptor: WebAssembly.MemoryDescriptor) {
        super(descriptor);
        memories.push(descriptor);
      }
    };
    try {
      const dataPlane = await DataPlane.load(muxModule, role);
      const { pageCount } = planMemory(role, CAPACITIES_DEFAULT);
      expect(memories).toEqual([{ initial: pageCount, maximum: pageCount }]);
      expect(dataPlane.bytes.length).toBe(pageCount * 65_536);
    } finally {
      WebAssembly.Memory = Memory;
    }
  });

  it.each(['mux', 'host'] as const)('regions of a %s lie behind each other, each on its own cache line', (role) => {
    const { regions, pageCount } = planMemory(role, CAPACITIES_DEFAULT);
    expect(regions).toHaveLength(REGION_COUNT);
    expect(regions.every(({ base }) => base % 64 === 0 && base > FIXED_BASE)).toBe(true);
    const bases = regions.map(({ base }) => base);
    expect(bases).toEqual([...bases].sort((a, b) => a - b));
    expect(new Set(bases).size).toBe(REGION_COUNT);
    expect(Math.max(...bases)).toBeLessThan(pageCount * 65_536);
  });

  it('a MUX has no room for NICs, a host none for rings', async () => {
    const mux = planMemory('mux', CAPACITIES_DEFAULT).pageCount;
    expect(planMemory('mux', { ...CAPACITIES_DEFAULT, nicCountMax: 1_000_000 }).pageCount).toBe(mux);
    const host = planMemory('host', CAPACITIES_DEFAULT).pageCount;
    expect(planMemory('host', { ...CAPACITIES_DEFAULT, ringSlotCountMax: 100_000_000 }).pageCount).toBe(host);
  });

  it('two instances of one module share nothing', async () => {
    const [one, two] = [await DataPlane.load(muxModule, 'mux'), await DataPlane.load(muxModule, 'mux')];
    one.bytes.fill(0xff, FIXED_BASE);
    expect(two.bytes[two.region(0).base]).toBe(0);
  });
});
