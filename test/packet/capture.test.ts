/** Captures byte by byte: both formats, both byte orders, any chunking, and everything that is no capture. */

import { expect, test } from 'vitest';
import {
  type CapturedFrame,
  type CaptureSource,
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  PcapWriter,
  readCapture,
  writePcap,
} from '../../sdk/packet/index.js';
import { concat, hex } from './fixtures.js';

/** 2023-11-14T22:13:20Z. */
const SECONDS = 1_700_000_000;
const SECONDS_NS = 1_700_000_000_000_000_000n;

/** A capture in the byte order of its writer; the frames' bytes are the same in either. */
function words(littleEndian: boolean) {
  const word = (bytes: number) => (value: number) => {
    const digits = value.toString(16).padStart(2 * bytes, '0');
    const big = hex(digits);
    return littleEndian ? big.reverse() : big;
  };
  const [u16, u32] = [word(2), word(4)];
  const block = (type: number, ...body: Uint8Array[]) => {
    const content = concat(...body);
    const padded = concat(content, new Uint8Array((4 - (content.length % 4)) % 4));
    return concat(u32(type), u32(padded.length + 12), padded, u32(padded.length + 12));
  };
  return { u16, u32, block };
}

function pcap(littleEndian: boolean, magic: number): Uint8Array {
  const { u16, u32 } = words(littleEndian);
  return concat(
    concat(u32(magic), u16(2), u16(4), u32(0), u32(0), u32(65535), u32(LINKTYPE_ETHERNET)),
    concat(u32(SECONDS), u32(123_456), u32(3), u32(60), hex('aa bb cc')),
    concat(u32(SECONDS + 1), u32(0), u32(0), u32(0)),
    concat(u32(SECONDS + 2), u32(999_999), u32(5), u32(5), hex('01 02 03 04 05')),
  );
}

/** Two interfaces (µs, and 2⁻¹⁰ s with an offset), every kind of packet block, an unknown block, a second section. */
function pcapng(littleEndian: boolean): Uint8Array {
  const { u16, u32, block } = words(littleEndian);
  const unknownLength = concat(u32(0xffffffff), u32(0xffffffff));
  const section = block(0x0a0d0d0a, u32(0x1a2b3c4d), u16(1), u16(0), unknownLength);
  const microseconds = block(1, u16(LINKTYPE_ETHERNET), u16(0), u32(4));
  const tsresol = concat(u16(9), u16(1), hex('8a 00 00 00'));
  const offset = concat(u16(14), u16(8), ...(littleEndian ? [u32(10), u32(0)] : [u32(0), u32(10)]));
  const binary = block(
    1,
    u16(LINKTYPE_RAW),
    u16(0),
    u32(0),
    concat(u16(2), u16(3), hex('65 74 68 00')),
    tsresol,
    offset,
    u32(0),
  );
  const ticks = BigInt(SECONDS) * 1_000_000n + 7n;
  const time = concat(u32(Number(ticks >> 32n)), u32(Number(ticks & 0xffffffffn)));
  return concat(
    section,
    microseconds,
    binary,
    block(6, u32(0), time, u32(3), u32(60), hex('aa bb cc')),
    block(0x0bad, u32(1), u32(2)),
    block(6, u32(1), u32(0), u32(1536), u32(1), u32(1), hex('45')),
    block(3, u32(9), hex('01 02 03 04')),
    block(2, u16(0), u16(77), time, u32(2), u32(2), hex('dd ee')),
    section,
    block(1, u16(LINKTYPE_RAW), u16(0), u32(0)),
    block(3, u32(1), hex('60')),
  );
}

const ETHERNET_FRAME = { linkType: LINKTYPE_ETHERNET };
const PCAPNG_FRAMES = [
  { ...ETHERNET_FRAME, bytes: hex('aa bb cc'), originalLength: 60, timestampNs: SECONDS_NS + 7_000n },
  { linkType: LINKTYPE_RAW, bytes: hex('45'), originalLength: 1, timestampNs: 11_500_000_000n },
  { ...ETHERNET_FRAME, bytes: hex('01 02 03 04'), originalLength: 9, timestampNs: 0n },
  { ...ETHERNET_FRAME, bytes: hex('dd ee'), originalLength: 2, timestampNs: SECONDS_NS + 7_000n },
  { linkType: LINKTYPE_RAW, bytes: hex('60'), originalLength: 1, timestampNs: 0n },
];

function pcapFrames(nanosecondsPerTick: bigint) {
  return [
    { bytes: hex('aa bb cc'), originalLength: 60, timestampNs: SECONDS_NS + 123_456n * nanosecondsPerTick },
    { bytes: hex(''), originalLength: 0, timestampNs: SECONDS_NS + 1_000_000_000n },
    {
      bytes: hex('01 02 03 04 05'),
      originalLength: 5,
      timestampNs: SECONDS_NS + 2_000_000_000n + 999_999n * nanosecondsPerTick,
    },
  ].map((frame) => ({ ...frame, ...ETHERNET_FRAME }));
}

const CAPTURES = [
  {
    name: 'pcap, little-endian, µs',
    bytes: pcap(true, 0xa1b2c3d4),
    frames: pcapFrames(1000n),
    headerBytes: 24,
    recordCount: 3,
  },
  {
    name: 'pcap, big-endian, µs',
    bytes: pcap(false, 0xa1b2c3d4),
    frames: pcapFrames(1000n),
    headerBytes: 24,
    recordCount: 3,
  },
  {
    name: 'pcap, little-endian, ns',
    bytes: pcap(true, 0xa1b23c4d),
    frames: pcapFrames(1n),
    headerBytes: 24,
    recordCount: 3,
  },
  {
    name: 'pcap, big-endian, ns',
    bytes: pcap(false, 0xa1b23c4d),
    frames: pcapFrames(1n),
    headerBytes: 24,
    recordCount: 3,
  },
  { name: 'pcapng, little-endian', bytes: pcapng(true), frames: PCAPNG_FRAMES, headerBytes: 28, recordCount: 10 },
  { name: 'pcapng, big-endian', bytes: pcapng(false), frames: PCAPNG_FRAMES, headerBytes: 28, recordCount: 10 },
  {
    name: 'pcapng, sections of both byte orders',
    bytes: concat(pcapng(true), pcapng(false)),
    frames: [...PCAPNG_FRAMES, ...PCAPNG_FRAMES],
    headerBytes: 28,
    recordCount: 21,
  },
];

for (const { name, bytes, frames, headerBytes, recordCount } of CAPTURES) {
  test(`${name}: frames, times and lengths`, async () => {
    const read = await readAll(bytes);
    expect(read.map(({ timestampMs, ...frame }) => frame)).toEqual(
      frames.map((frame) => expect.objectContaining(frame)),
    );
    for (const { timestampMs, timestampNs } of read) {
      // Half a microsecond: what a double of this size can tell apart, twice.
      expect(Math.abs(timestampMs - Number(timestampNs) / 1e6)).toBeLessThan(0.0005);
    }
  });

  test.each([1, 7, 64])(`${name}: chunks of %i bytes give the same frames`, async (chunkBytes) => {
    const whole = await readAll(bytes);
    expect(await readAll(chunks(bytes, chunkBytes))).toEqual(whole);
    expect(await readAll(asyncChunks(bytes, chunkBytes))).toEqual(whole);
  });

  test(`${name}: cut anywhere, it gives what is whole and says how much is left`, async () => {
    const whole = await readAll(bytes);
    const wholeEnds = new Set<number>();
    for (let length = headerBytes; length <= bytes.length; length += 1) {
      let bytesLeft = 0;
      const read = await readAll(bytes.subarray(0, length), (left) => {
        bytesLeft = left;
      });
      if (bytesLeft === 0) wholeEnds.add(length);
      expect(read).toEqual(whole.slice(0, read.length));
      expect(wholeEnds, `what is left of ${length} bytes begins where a record ends`).toContain(length - bytesLeft);
    }
    expect(wholeEnds.size).toBe(recordCount + 1);
  });
}

test('a capture without frames is a capture', async () => {
  expect(await readAll(CAPTURES[0]!.bytes.subarray(0, 24))).toEqual([]);
});

test('groups are one per chunk, and of at most 1024 frames', async () => {
  const file = writePcap(
    Array.from({ length: 1500 }, () => ({ bytes: hex('aa') })),
    LINKTYPE_ETHERNET,
  );
  const sizes: number[] = [];
  for await (const frames of readCapture(file)) sizes.push(frames.length);
  expect(sizes).toEqual([1024, 476]);
  sizes.length = 0;
  for await (const frames of readCapture(chunks(file, 24 + 17 * 100))) sizes.push(frames.length);
  expect(sizes.slice(0, 2)).toEqual([100, 101]);
});

test('frames of one chunk are views on it, not copies', async () => {
  const file = writePcap([{ bytes: hex('aa bb') }], LINKTYPE_ETHERNET);
  const [frame] = await readAll(file);
  expect(frame?.bytes.buffer).toBe(file.buffer);
});

const { u16: le16, u32: le32, block: leBlock } = words(true);
const SECTION = leBlock(0x0a0d0d0a, le32(0x1a2b3c4d), le16(1), le16(0), le32(0), le32(0));
const INTERFACE = leBlock(1, le16(1), le16(0), le32(0));
const PCAP_HEADER = new PcapWriter(LINKTYPE_ETHERNET).header();

const REFUSED: readonly { name: string; bytes: Uint8Array; says: RegExp }[] = [
  { name: 'an empty file', bytes: hex(''), says: /bytes\[0\]: expected a pcap .*, got nothing/ },
  { name: 'three bytes', bytes: hex('d4 c3 b2'), says: /got d4 c3 b2$/ },
  { name: 'JSON', bytes: new TextEncoder().encode('{"a":1}'), says: /got 7b 22 .* \(text, perhaps JSON\)/ },
  { name: 'gzip', bytes: hex('1f 8b 08 00 00'), says: /got 1f 8b 08 00.* \(gzip: decompress it first\)/ },
  { name: 'zstd', bytes: hex('28 b5 2f fd 00'), says: /\(zstd: decompress it first\)/ },
  { name: 'modified pcap', bytes: hex('34 cd b2 a1'), says: /\(modified pcap: convert it first, editcap -F pcap\)/ },
  { name: 'a cut pcap header', bytes: PCAP_HEADER.subarray(0, 23), says: /a file header of 24 bytes, got 23 bytes/ },
  { name: 'a cut section header', bytes: SECTION.subarray(0, 20), says: /a file header of 28 bytes, got 20 bytes/ },
  {
    name: 'pcap 2.3',
    bytes: concat(le32(0xa1b2c3d4), le16(2), le16(3), new Uint8Array(16)),
    says: /bytes\[4\]: expected pcap version 2.4, got 2.3/,
  },
  {
    name: 'a pcap record above 256 MiB',
    bytes: concat(PCAP_HEADER, le32(0), le32(0), le32(2 ** 28 + 1), le32(0)),
    says: /bytes\[32\]: .*268435456 bytes, got 268435457/,
  },
  {
    name: 'a block shorter than a block',
    bytes: concat(SECTION, le32(5), le32(8), le32(8)),
    says: /bytes\[32\]: .*, got 8/,
  },
  {
    name: 'a block length that is not a multiple of 4',
    bytes: concat(SECTION, le32(5), le32(13), le32(0)),
    says: /bytes\[32\]: .*multiple of 4, got 13/,
  },
  {
    name: 'a block that ends in another length',
    bytes: concat(SECTION, le32(5), le32(12), le32(16)),
    says: /bytes\[36\]: .*length 12 again, got 16/,
  },
  {
    name: 'a section of version 2',
    bytes: leBlock(0x0a0d0d0a, le32(0x1a2b3c4d), le16(2), new Uint8Array(10)),
    says: /bytes\[12\]: expected pcapng major version 1, got 2/,
  },
  {
    name: 'a section without byte order',
    bytes: leBlock(0x0a0d0d0a, new Uint8Array(16)),
    says: /bytes\[8\]: expected the byte-order magic/,
  },
  {
    name: 'a packet without interface',
    bytes: concat(SECTION, leBlock(3, le32(0))),
    says: /bytes\[36\]: .*\(0 so far\), got interface 0/,
  },
  {
    name: 'a packet longer than its block',
    bytes: concat(SECTION, INTERFACE, leBlock(6, new Uint8Array(12), le32(5), le32(5), le32(0))),
    says: /within the block \(4 bytes\), got 5/,
  },
  {
    name: 'a simple packet longer than its block',
    bytes: concat(SECTION, INTERFACE, leBlock(3, le32(5), le32(0))),
    says: /within the block \(4 bytes\), got 5/,
  },
  {
    name: 'an enhanced packet block too short for its fields',
    bytes: concat(SECTION, INTERFACE, leBlock(6, le32(0))),
    says: /a block body of at least 20 bytes, got 4/,
  },
];

test.each(REFUSED)('refused: $name', async ({ bytes, says }) => {
  for (const source of [bytes, chunks(bytes, 1)]) {
    await expect(readAll(source)).rejects.toMatchObject({
      code: 'ERR_CAPTURE_INVALID',
      message: expect.stringMatching(says),
    });
  }
});

test('frames before a damaged record are given', async () => {
  const good = CAPTURES[0]!.bytes;
  const seen: CapturedFrame[] = [];
  const reading = (async () => {
    for await (const frames of readCapture([good, concat(le32(0), le32(0), le32(0xffffffff), le32(0))]))
      seen.push(...frames);
  })();
  await expect(reading).rejects.toMatchObject({ code: 'ERR_CAPTURE_INVALID' });
  expect(seen).toHaveLength(3);
});

const WRITTEN: readonly { name: string; time: bigint | number; nanoseconds?: boolean; timestampNs: bigint }[] = [
  { name: 'ns to a µs file are cut', time: SECONDS_NS + 1_999n, timestampNs: SECONDS_NS + 1_000n },
  { name: 'ns to an ns file are kept', time: SECONDS_NS + 1_999n, nanoseconds: true, timestampNs: SECONDS_NS + 1_999n },
  { name: 'ms are rounded to µs', time: 1_700_000_000_000.123, timestampNs: SECONDS_NS + 123_000n },
  {
    name: 'the last second',
    time: 4_294_967_295_999_999_999n,
    nanoseconds: true,
    timestampNs: 4_294_967_295_999_999_999n,
  },
];

test.each(WRITTEN)('PcapWriter: $name', async ({ time, nanoseconds = false, timestampNs }) => {
  const writer = new PcapWriter(LINKTYPE_RAW, { nanoseconds });
  const [frame] = await readAll([writer.header(), writer.record(hex('45'), time, 1500)]);
  expect(frame).toMatchObject({ bytes: hex('45'), originalLength: 1500, timestampNs, linkType: LINKTYPE_RAW });
});

test('PcapWriter cuts at the snap length and keeps the length on the wire', async () => {
  const [frame] = await readAll(writePcap([{ bytes: hex('01 02 03') }], LINKTYPE_RAW, { snapLength: 2 }));
  expect(frame).toMatchObject({ bytes: hex('01 02'), originalLength: 3 });
});

test.each([-1n, 4_294_967_296_000_000_000n])('PcapWriter refuses a time of %s ns', (time) => {
  expect(() => new PcapWriter(LINKTYPE_RAW).record(hex('45'), time)).toThrowError(/0\.\.4294967295 seconds/);
});

async function readAll(source: CaptureSource, onTruncated?: (bytesLeft: number) => void): Promise<CapturedFrame[]> {
  const all: CapturedFrame[] = [];
  for await (const frames of readCapture(source, onTruncated && { onTruncated })) all.push(...frames);
  return all;
}

function* chunks(bytes: Uint8Array, chunkBytes: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** As a stream would give them, an empty chunk among them. */
async function* asyncChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  yield new Uint8Array();
  yield* chunks(bytes, chunkBytes);
}
