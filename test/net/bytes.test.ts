import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../../sdk/net/bytes.js';

const written = new ByteWriter()
  .u8(0x01)
  .u16be(0x0203)
  .u32be(0x04050607)
  .u16le(0x0908)
  .u32le(0xffffffff)
  .u64le(0x1817161514131211n)
  .bytes(Uint8Array.of(0xaa, 0xbb))
  .utf8('é\uFEFF')
  .toBytes();

describe('what a writer writes', () => {
  it('stands in the order its methods name', () => {
    expect(Buffer.from(written).toString('hex')).toBe(
      '01' + '0203' + '04050607' + '0809' + 'ffffffff' + '1112131415161718' + 'aabb' + 'c3a9efbbbf',
    );
  });

  it('is what a reader reads', () => {
    const reader = new ByteReader(written);
    expect([reader.u8(), reader.u16be(), reader.u32be(), reader.u16le(), reader.u32le(), reader.u64le()]).toEqual([
      0x01,
      0x0203,
      0x04050607,
      0x0908,
      0xffffffff,
      0x1817161514131211n,
    ]);
    expect(reader.bytes(2)).toEqual(Uint8Array.of(0xaa, 0xbb));
    expect(reader.utf8(5)).toBe('é\uFEFF');
    expect([reader.offset, reader.remaining]).toEqual([written.length, 0]);
  });

  it('may outgrow any first guess', () => {
    const writer = new ByteWriter();
    for (let i = 0; i < 100_000; i++) writer.u32be(i);
    const reader = new ByteReader(writer.toBytes());
    for (let i = 0; i < 100_000; i++) if (reader.u32be() !== i) throw new Error(`number ${i} was lost`);
    expect(writer.offset).toBe(400_000);
  });

  it('is a copy', () => {
    const writer = new ByteWriter().u8(1);
    writer.toBytes()[0] = 9;
    expect(writer.toBytes()).toEqual(Uint8Array.of(1));
  });
});

describe('the end of the bytes', () => {
  const reads: [string, number, (reader: ByteReader) => unknown][] = [
    ['u8', 1, (reader) => reader.u8()],
    ['u16be', 2, (reader) => reader.u16be()],
    ['u32be', 4, (reader) => reader.u32be()],
    ['u16le', 2, (reader) => reader.u16le()],
    ['u32le', 4, (reader) => reader.u32le()],
    ['u64le', 8, (reader) => reader.u64le()],
    ['bytes', 5, (reader) => reader.bytes(5)],
    ['utf8', 5, (reader) => reader.utf8(5)],
  ];
  it.each(reads)('%s reads %i bytes and not one fewer', (_, count, read) => {
    // The view ends inside a larger buffer, whose other bytes are nobody's to read.
    const buffer = new Uint8Array(32);
    read(new ByteReader(buffer.subarray(3, 3 + count)));
    const short = new ByteReader(buffer.subarray(3, 3 + count - 1));
    expect(() => read(short)).toThrow(outOfBounds(`read at offset 0: ${count} bytes wanted, ${count - 1} available`));
    expect(short.offset).toBe(0);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('%d is no number of bytes to read', (count) => {
    expect(() => new ByteReader(new Uint8Array(8)).bytes(count)).toThrow(
      outOfBounds(`read at offset 0: ${count} bytes wanted, 8 available`),
    );
  });

  it('a writer stops at its limit', () => {
    const writer = new ByteWriter(4).u16be(1).u16be(2);
    expect(() => writer.u8(3)).toThrow(outOfBounds('write at offset 4: 1 bytes wanted, 0 available'));
    expect(() => writer.utf8('é')).toThrow(outOfBounds('write at offset 4: 2 bytes wanted, 0 available'));
    expect(writer.toBytes()).toEqual(Uint8Array.of(0, 1, 0, 2));
  });
});

describe('a value that does not fit', () => {
  const writes: [string, () => ByteWriter][] = [
    ['u8(256)', () => new ByteWriter().u8(256)],
    ['u8(-1)', () => new ByteWriter().u8(-1)],
    ['u16be(65536)', () => new ByteWriter().u16be(65536)],
    ['u16le(1.5)', () => new ByteWriter().u16le(1.5)],
    ['u32be(2 ** 32)', () => new ByteWriter().u32be(2 ** 32)],
    ['u32le(NaN)', () => new ByteWriter().u32le(Number.NaN)],
    ['u64le(2n ** 64n)', () => new ByteWriter().u64le(2n ** 64n)],
    ['u64le(-1n)', () => new ByteWriter().u64le(-1n)],
  ];
  it.each(writes)('%s', (_, write) => expect(write).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_BOUNDS' })));
});

function outOfBounds(message: string): unknown {
  return expect.objectContaining({ code: 'ERR_OUT_OF_BOUNDS', message });
}
