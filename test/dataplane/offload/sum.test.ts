/** Sums of payloads against RFC 1071 as the packet builder computes it. */
import { beforeAll, expect, test } from 'vitest';
import { internetChecksum } from '../../support/checksum.js';
import { Random } from '../../support/random.js';
import { expectBytes, OffloadBench } from './offload-bench.js';

let bench: OffloadBench;
const random = new Random(71);

beforeAll(async () => {
  bench = await OffloadBench.open();
});

/** The bench gives sums as they lie in little-endian memory. */
function swapped(sum: number): number {
  return ((sum & 0xff) << 8) | (sum >> 8);
}

function expectSum(bytes: Uint8Array): void {
  const expected = 0xffff - internetChecksum(bytes);
  expect(swapped(bench.sum(bytes))).toBe(expected);
  const { sum, copy } = bench.copySum(bytes);
  expect(swapped(sum)).toBe(expected);
  expectBytes(copy, bytes);
}

test('every length from 0 to 300', () => {
  for (let length = 0; length <= 300; length++) expectSum(random.bytes(length));
});

test.each([
  ['zeros', 0],
  ['ones', 0xff],
  ['the highest bit of each byte', 0x80],
  ['all but that', 0x7f],
])('%s, of any length up to 64 KiB', (_name, byte) => {
  for (const length of [1, 2, 15, 16, 17, 63, 64, 65, 1460, 65535, 65536]) expectSum(new Uint8Array(length).fill(byte));
});

test('long ranges of random bytes', () => {
  for (let round = 0; round < 20; round++) expectSum(random.bytes(random.between(1000, 66000)));
});
