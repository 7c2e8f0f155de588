/** Where results go, and what is left when something goes wrong on the way. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { buildTcp, LINKTYPE_ETHERNET, LINKTYPE_RAW, TCP_SYN, withEthernet, writePcap } from 'edgemux/packet';
import { describe, expect, test } from 'vitest';
import { CLI, edgemux, FABRIC, temporaryFolder } from './cli.js';

const FRAME_COUNT = 1500;
const RECORD_HEADER_BYTES = 16;

const at = temporaryFolder();

const packet = buildTcp({
  source: { address: '192.0.2.7', port: 40_000 },
  destination: { address: '80.80.80.80', port: 80 },
  flags: TCP_SYN,
});
const frame = withEthernet(packet, { source: '02:00:00:00:00:01', destination: '02:00:00:00:56:15' });
const capture = writePcap(
  Array.from({ length: FRAME_COUNT }, () => ({
    bytes: frame,
    timestampMs: 0,
    timestampNs: 0n,
    originalLength: frame.length,
  })),
  LINKTYPE_ETHERNET,
);
const capturePath = at('in.pcap');
writeFileSync(capturePath, capture);

function replay(out: string, input = capturePath, ...more: string[]) {
  return edgemux(['replay', FABRIC, '--mux', 'mux-1', '--in', input, '--out', out, ...more]);
}

const expected = (() => {
  replay(at('expected.pcap'));
  return readFileSync(at('expected.pcap'));
})();

describe('an output that is no plain new file', () => {
  test('a symbolic link stays one, and what it points to is written', () => {
    writeFileSync(at('target.pcap'), 'old');
    symlinkSync('target.pcap', at('link.pcap'));
    expect(replay(at('link.pcap')).status).toBe(0);
    expect(lstatSync(at('link.pcap')).isSymbolicLink()).toBe(true);
    expect(readFileSync(at('target.pcap'))).toEqual(expected);
  });

  test('a named pipe stays one, and its reader gets the capture', async () => {
    execFileSync('mkfifo', [at('fifo')]);
    const reader = spawn('cat', [at('fifo')]);
    const chunks: Buffer[] = [];
    reader.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    expect(replay(at('fifo')).status).toBe(0);
    await once(reader, 'close');
    expect(lstatSync(at('fifo')).isFIFO()).toBe(true);
    expect(Buffer.concat(chunks)).toEqual(expected);
  });

  test('- is standard output, and the counts go to standard error', () => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [CLI, 'replay', FABRIC, '--mux', 'mux-1', '--in', capturePath, '--out', '-', '--json'],
      { encoding: 'buffer', maxBuffer: 1 << 26 },
    );
    expect(stdout).toEqual(expected);
    expect(JSON.parse(stderr.toString())).toMatchObject({ frames: FRAME_COUNT, forwarded: FRAME_COUNT });
  });

  test('a device that is full is an error of one line', () => {
    const { status, stderr } = replay('/dev/full');
    expect(status).toBe(1);
    expect(stderr).toBe('error: cannot write /dev/full: no space left on the device\n');
  });
});

test('a signal leaves no part of the output behind', async () => {
  // Standard input that never ends keeps the command waiting with its output open.
  const child = spawn(process.execPath, [
    CLI,
    'replay',
    FABRIC,
    '--mux',
    'mux-1',
    '--in',
    '-',
    '--out',
    at('cut.pcap'),
  ]);
  child.stdin.write(capture);
  const partials = () => readdirSync(at('.')).filter((name) => name.startsWith('cut.pcap'));
  while (partials().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  expect(code).toBe(130);
  expect(partials()).toEqual([]);
});

describe('a capture that goes wrong late', () => {
  const broken = capture.slice();
  const lastRecord = capture.length - frame.length - RECORD_HEADER_BYTES;
  new DataView(broken.buffer).setUint32(lastRecord + 8, 0x7fffffff, true);
  writeFileSync(at('broken.pcap'), broken);
  const explain = (...more: string[]) =>
    edgemux(['explain', FABRIC, '--mux', 'mux-1', '--pcap', at('broken.pcap'), ...more]);

  test('is explained up to there', () => {
    const { status, stdout, stderr } = explain();
    expect(status).toBe(1);
    expect(stdout.trim().split('\n')).toHaveLength(FRAME_COUNT - 1);
    expect(stderr).toContain(`bytes[${lastRecord + 8}]: expected a captured length`);
  });

  test('is explained in whole JSON all the same', () => {
    const { status, stdout } = explain('--json');
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toHaveLength(FRAME_COUNT - 1);
  });
});

test('a capture that breaks off is explained with a warning', () => {
  writeFileSync(at('short.pcap'), capture.subarray(0, capture.length - frame.length - RECORD_HEADER_BYTES + 1));
  const { status, stderr } = edgemux(['explain', FABRIC, '--mux', 'mux-1', '--pcap', at('short.pcap')]);
  expect({ status, stderr }).toEqual({
    status: 0,
    stderr: 'warning: the capture ends inside a record: its last 1 byte is left out\n',
  });
});

test('a capture without frames gives one of the same link type', () => {
  writeFileSync(at('empty.pcap'), writePcap([], LINKTYPE_RAW));
  expect(replay(at('empty-out.pcap'), at('empty.pcap')).status).toBe(0);
  expect(readFileSync(at('empty-out.pcap')).readUInt32LE(20)).toBe(LINKTYPE_RAW);
});

test('a kind of frame nobody here can read is refused by explain as by replay', () => {
  const wifi = capture.slice();
  new DataView(wifi.buffer).setUint32(20, 105, true);
  writeFileSync(at('wifi.pcap'), wifi);
  for (const args of [
    ['explain', FABRIC, '--mux', 'mux-1', '--pcap', at('wifi.pcap')],
    ['replay', FABRIC, '--mux', 'mux-1', '--in', at('wifi.pcap'), '--out', at('wifi-out.pcap')],
  ]) {
    const { status, stderr } = edgemux(args);
    expect(status).toBe(1);
    expect(stderr).toContain('linkType: expected Ethernet, raw IP, BSD loopback or Linux cooked, got 105');
  }
});

describe('an output that is an input', () => {
  test.each([
    ['the capture of replay', ['replay', FABRIC, '--mux', 'mux-1', '--in', at('own.pcap'), '--out', at('own.pcap')]],
    [
      'the fabric of replay',
      ['replay', at('own.pcap'), '--mux', 'mux-1', '--in', capturePath, '--out', at('own.pcap')],
    ],
    ['the fabric of compile', ['compile', at('own.pcap'), '--mux', 'mux-1', '-o', at('own.pcap')]],
  ])('%s is kept', (_, args) => {
    writeFileSync(at('own.pcap'), capture);
    const { status, stderr } = edgemux(args);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `error: ${at('own.pcap')} is an input too, and would be lost\n`,
    });
    expect(readFileSync(at('own.pcap'))).toEqual(Buffer.from(capture));
  });
});

describe('called wrongly', () => {
  const rows: { name: string; args: string[]; message: string }[] = [
    {
      name: 'two inputs from standard input',
      args: ['replay', '-', '--mux', 'mux-1', '--in', '-', '--out', at('never.pcap')],
      message: 'only one input can be standard input (-)',
    },
    {
      name: 'an empty file name',
      args: ['replay', FABRIC, '--mux', 'mux-1', '--in', capturePath, '--out', ''],
      message: 'expected a file name',
    },
    { name: 'an option that does not exist', args: ['check', FABRIC, '--frobnicate'], message: '--frobnicate' },
    { name: 'no machine', args: ['compile', FABRIC], message: 'give one of --mux ID and --host ID' },
  ];
  test.each(rows)('$name: exit code 2, also in JSON', ({ args, message }) => {
    const text = edgemux(args);
    expect(text.status).toBe(2);
    expect(text.stderr).toContain(message);
    const json = edgemux([...args, '--json']);
    expect(json.status).toBe(2);
    expect(JSON.parse(json.stdout).error).toMatchObject({
      code: 'ERR_USAGE',
      message: expect.stringContaining(message),
    });
  });
});

test('resourceIds on the command line ignore case, as they do in the fabric', () => {
  const flow = ['--flow', 'tcp 192.0.2.7:40000 > 80.80.80.80:80'];
  const { stdout } = edgemux(['explain', FABRIC, '--mux', 'MUX-1', ...flow]);
  expect(stdout).toBe(edgemux(['explain', FABRIC, '--mux', 'mux-1', ...flow]).stdout);
});

test('demo says before it starts that it cannot write its captures', () => {
  const { status, stdout, stderr } = edgemux(['demo', '--pcap', capturePath]);
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: `error: cannot write ${capturePath}: there is a file of that name\n`,
  });
});
