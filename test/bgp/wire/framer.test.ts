import { describe, expect, it } from 'vitest';
import { MessageFramer } from '../../../sdk/bgp/wire/index.js';
import { concat, toHex } from '../../support/bytes.js';
import { Random } from '../../support/random.js';
import { faultOf, raw } from './raw.js';

/** Everything the framer gives until it needs more. */
function framesOf(framer: MessageFramer): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let frame = framer.next(); frame !== undefined; frame = framer.next()) frames.push(frame.slice());
  return frames;
}

/** Messages of every length class: the shortest, the longest, and any between. */
function randomFrames(random: Random, count: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    if (random.oneIn(3)) return raw(4);
    const bodyLength = random.pick([2, 4077, random.between(2, 60), random.between(2, 4077)]);
    return concat(raw(3, '', { length: 19 + bodyLength }), random.bytes(bodyLength));
  });
}

function randomPieces(random: Random, stream: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += pieces.at(-1)!.length) {
    const length = random.pick([1, random.between(1, 20), random.between(1, 9000)]);
    pieces.push(stream.slice(at, at + length));
  }
  return pieces;
}

describe('BGP framer', () => {
  it('gives nothing before the last byte of a message, and the message with it', () => {
    const frame = raw(3, '0602 05 68656c6c6f');
    const framer = new MessageFramer();
    for (const byte of frame.subarray(0, -1)) {
      framer.push(Uint8Array.of(byte));
      expect(framer.next()).toBeUndefined();
    }
    framer.push(frame.subarray(-1));
    expect(framesOf(framer)).toEqual([frame]);
  });

  it('gives the same messages however the stream is cut', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed);
      const frames = randomFrames(random, 12);
      const framer = new MessageFramer();
      const got: Uint8Array[] = [];
      for (const piece of randomPieces(random, concat(...frames))) {
        framer.push(piece);
        // Several pieces may wait before anyone asks.
        if (!random.oneIn(3)) got.push(...framesOf(framer));
      }
      got.push(...framesOf(framer));
      expect(got.map(toHex), `seed ${seed}`).toEqual(frames.map(toHex));
    }
  });

  it('gives the messages in front of a bad header, then its fault again and again, and takes nothing more', () => {
    const framer = new MessageFramer();
    framer.push(concat(raw(4), raw(3, '0602'), raw(7), raw(4)));
    expect(framer.next()).toEqual(raw(4));
    expect(framer.next()).toEqual(raw(3, '0602'));
    expect(faultOf(() => framer.next())).toBe('1/3 07');
    framer.push(raw(4));
    expect(faultOf(() => framer.next())).toBe('1/3 07');
  });

  it('refuses a bad header as soon as it is there, without waiting for what it promises', () => {
    const framer = new MessageFramer();
    framer.push(raw(2, '', { length: 60000 }).subarray(0, 18));
    expect(framer.next()).toBeUndefined();
    framer.push(Uint8Array.of(2));
    expect(faultOf(() => framer.next())).toBe('1/2 ea60');
  });

  it('copies every byte at most twice', () => {
    const message = concat(raw(3, '', { length: 4096 }), new Uint8Array(4077));
    const copied = bytesCopiedBy(() => {
      const framer = new MessageFramer();
      for (let i = 0; i < 8; i++) {
        for (const byte of message) {
          framer.push(Uint8Array.of(byte));
          framer.next();
        }
      }
    });
    expect(copied).toBeLessThanOrEqual(2 * 8 * 4096);
  });

  it('copies nothing of messages that arrive whole', () => {
    const stream = concat(...Array.from({ length: 1000 }, () => raw(4)));
    const framer = new MessageFramer();
    framer.push(stream);
    let count = 0;
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      expect(frame.buffer).toBe(stream.buffer);
      count++;
    }
    expect(count).toBe(1000);
  });

  it('keeps what it gave when the stream goes on', () => {
    const framer = new MessageFramer();
    const first = raw(3, '0602 aa');
    framer.push(first.slice(0, 10));
    framer.next();
    framer.push(first.slice(10));
    const frame = framer.next();
    const second = raw(3, '0604 bb');
    framer.push(second.slice(0, 10));
    framer.next();
    framer.push(second.slice(10));
    framer.next();
    expect(frame).toEqual(first);
  });
});

/** Bytes that `set` and `slice` of any Uint8Array move while `run` runs. */
function bytesCopiedBy(run: () => void): number {
  const { set, slice } = Uint8Array.prototype;
  let count = 0;
  Uint8Array.prototype.set = function (from: ArrayLike<number>, offset?: number) {
    count += from.length;
    set.call(this, from, offset);
  };
  Uint8Array.prototype.slice = function (start?: number, end?: number) {
    const copy = slice.call(this, start, end);
    count += copy.length;
    return copy;
  };
  try {
    run();
  } finally {
    Uint8Array.prototype.set = set;
    Uint8Array.prototype.slice = slice;
  }
  return count;
}
