/** `edgemux replay`: captures in, captures out, and nothing left behind by what fails. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { firstPacketOf, LINKTYPE_ETHERNET, LINKTYPE_RAW, withEthernet, writePcap } from '../../sdk/packet/index.js';
import { ipv4 } from '../support/packet.js';
import { edgemux, edgemuxJson, FABRIC, temporaryFolder } from './cli.js';

const file = temporaryFolder();
const REPLAY = ['replay', FABRIC, '--mux', 'mux-1'];

const toVip = firstPacketOf('tcp 192.0.2.7:4000 > 80.80.80.80:80');
const toNobody = firstPacketOf('tcp 192.0.2.7:4000 > 80.80.80.80:81');
const toOthers = firstPacketOf('tcp 192.0.2.7:4000 > 80.80.80.90:80');
const CAPTURE = writePcap(
  [toVip, toNobody, toOthers, toVip].map((bytes) => ({ bytes })),
  LINKTYPE_RAW,
);
const FRAME_FROM_VIP = withEthernet(toVip, { source: '02:00:00:00:56:fe', destination: '02:00:00:00:56:15' });
/** IEEE 802.11: nothing edgemux reads. */
const LINKTYPE_WIFI = 105;

beforeAll(() => writeFileSync(file('a.pcap'), CAPTURE));

describe('a capture that is one', () => {
  test('--json counts what became of each frame', () => {
    expect(edgemuxJson([...REPLAY, '--in', file('a.pcap'), '--out', file('b.pcap')])).toEqual({
      frames: 4,
      produced: 0,
      forwarded: 2,
      delivered: 0,
      replied: 0,
      held: 0,
      consumed: 0,
      passed: 1,
      dropped: { 'no-rule': 1 },
    });
  });

  test('in words, a count on each line', () => {
    const { status, stdout, stderr } = edgemux([...REPLAY, '--in', file('a.pcap'), '--out', file('b.pcap')]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').map((line) => line.trim().split(/\s+/))).toEqual([
      ['frames', '4'],
      ['produced', '0'],
      ['forwarded', '2'],
      ['delivered', '0'],
      ['replied', '0'],
      ['held', '0'],
      ['consumed', '0'],
      ['passed', '1'],
      ['dropped', '1'],
      ['no-rule', '1'],
      [''],
    ]);
  });

  test('may come from standard input', () => {
    edgemuxJson([...REPLAY, '--in', file('a.pcap'), '--out', file('b.pcap')]);
    edgemuxJson([...REPLAY, '--in', '-', '--out', file('c.pcap')], CAPTURE);
    expect(readFileSync(file('c.pcap')).equals(readFileSync(file('b.pcap')))).toBe(true);
  });

  test('twice gives the same bytes', () => {
    for (const out of ['b.pcap', 'c.pcap']) edgemuxJson([...REPLAY, '--in', file('a.pcap'), '--out', file(out)]);
    expect(readFileSync(file('c.pcap')).equals(readFileSync(file('b.pcap')))).toBe(true);
  });

  test('may be without frames', () => {
    const empty = writePcap([], LINKTYPE_ETHERNET);
    expect(edgemuxJson([...REPLAY, '--in', '-', '--out', file('empty.pcap')], empty)).toMatchObject({ frames: 0 });
    // The file header alone, in which the link type stands at 20.
    expect(readFileSync(file('empty.pcap'))).toHaveLength(24);
    expect(readFileSync(file('empty.pcap')).readUInt32LE(20)).toBe(LINKTYPE_ETHERNET);
  });

  test('of Ethernet frames gives one of Ethernet frames', () => {
    const capture = writePcap([{ bytes: FRAME_FROM_VIP }], LINKTYPE_ETHERNET);
    edgemuxJson([...REPLAY, '--in', '-', '--out', file('ethernet.pcap')], capture);
    expect(readFileSync(file('ethernet.pcap')).readUInt32LE(20)).toBe(LINKTYPE_ETHERNET);
  });
});

describe('a capture with fragments', () => {
  /** Of one UDP datagram to a VIP: these offsets, in units of 8 bytes, at these times. */
  const capture = (...frames: readonly (readonly [offset: number, seconds: number])[]) =>
    writePcap(
      frames.map(([fragmentOffset, seconds]) => ({
        bytes: ipv4('192.0.2.7', '80.80.80.80', { protocol: 6, id: 7, df: false, mf: true, fragmentOffset })
          .payload(
            Uint8Array.from({ length: 24 }, (_, at) => [0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2][at] ?? 0),
          )
          .bytes(),
        timestampNs: BigInt(seconds) * 1_000_000_000n,
      })),
      LINKTYPE_RAW,
    );
  const replayed = (input: Uint8Array) =>
    edgemuxJson([...REPLAY, '--in', '-', '--out', file('fragments.pcap')], Buffer.from(input));
  /** Seconds of the records of what left, in order. */
  const seconds = () => {
    const out = readFileSync(file('fragments.pcap'));
    const all: number[] = [];
    for (let at = 24; at < out.length; at += 16 + out.readUInt32LE(at + 8)) all.push(out.readUInt32LE(at));
    return all;
  };

  test('those that come too early leave with the first one', () => {
    expect(replayed(capture([3, 1], [6, 2], [0, 3]))).toMatchObject({ frames: 3, produced: 2, held: 2, forwarded: 3 });
    expect(seconds()).toEqual([3, 3, 3]);
  });

  test('more than a batch holds leave all the same, after the last frame', () => {
    const early = Array.from({ length: 60 }, (_, index) => [3 * (index + 1), 1] as const);
    const others = Array.from({ length: 3 }, (_, index) => [600 + 3 * index, 1] as const);
    const summary = replayed(capture(...early, ...others, [0, 1]));
    expect(summary).toMatchObject({ frames: 64, produced: 63, held: 63, forwarded: 64, dropped: {} });
    expect(seconds()).toHaveLength(64);
  });

  test('those whose first one never comes do not leave', () => {
    expect(replayed(capture([3, 1], [6, 40]))).toMatchObject({
      frames: 2,
      produced: 0,
      held: 2,
      forwarded: 0,
      dropped: {},
    });
  });
});

describe('a capture that is none: exit code 1, the reason, no output file', () => {
  // So many frames that what they become is being written when the last record turns out to be broken.
  const frames = Array.from({ length: 1500 }, () => ({ bytes: toVip }));
  const broken = writePcap(frames, LINKTYPE_RAW);
  const lastRecord = broken.length - toVip.length - 16;
  new DataView(broken.buffer).setUint32(lastRecord + 8, 0x7fffffff, true);

  const UNREADABLE: readonly [name: string, content: Uint8Array | string, reason: string][] = [
    ['text', 'hello, world', 'got 68 65 6c 6c 6f'],
    ['JSON', '{"frames": []}', 'text, perhaps JSON'],
    ['gzip', gzipSync(CAPTURE), 'gzip: decompress it first'],
    ['nothing', '', 'got nothing'],
    ['half a file header', CAPTURE.subarray(0, 12), 'expected a file header of 24 bytes, got 12 bytes'],
    ['a record longer than any', broken, 'got 2147483647'],
    ['frames of another kind', writePcap([{ bytes: toVip }], LINKTYPE_WIFI), 'linkType: expected Ethernet'],
  ];

  const outputs = () => readdirSync(file('out'));
  beforeEach(() => mkdirSync(file('out'), { recursive: true }));

  test.each(UNREADABLE)('%s', (_, content, reason) => {
    writeFileSync(file('in.pcap'), content);
    const { status, stdout, stderr } = edgemux([...REPLAY, '--in', file('in.pcap'), '--out', file('out/b.pcap')]);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain('    at ');
    expect(outputs()).toEqual([]);
  });

  test.each(UNREADABLE.slice(-2))('%s: a file that was there before is not touched', (_, content) => {
    writeFileSync(file('kept.pcap'), 'older');
    expect(edgemux([...REPLAY, '--in', '-', '--out', file('kept.pcap')], content).status).toBe(1);
    expect(readFileSync(file('kept.pcap'), 'utf8')).toBe('older');
  });
});

describe('files that cannot be opened: exit code 1 and one line', () => {
  test.each([
    [
      'a capture that is missing',
      ['--in', file('none.pcap'), '--out', file('b.pcap')],
      'cannot read .*none.pcap: no such',
    ],
    [
      'a capture that is a directory',
      ['--in', file('.'), '--out', file('b.pcap')],
      'cannot read .*: it is a directory',
    ],
    [
      'an output folder that is missing',
      ['--in', file('a.pcap'), '--out', file('no/b')],
      'cannot write .*: no such file',
    ],
    [
      'an output that is a directory',
      ['--in', file('a.pcap'), '--out', file('.')],
      'cannot write .*: it is a directory',
    ],
  ])('%s', (_, args, reason) => {
    const { status, stdout, stderr } = edgemux([...REPLAY, ...args]);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(new RegExp(`^error: ${reason}.*\\n$`));
  });

  test('nothing partial is left, whatever failed', () => {
    const left = spawnSync('find', [file('.'), '-name', '*.partial'], { encoding: 'utf8' }).stdout;
    expect(left).toBe('');
  });
});
