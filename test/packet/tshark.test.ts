/** Wireshark's command line reads what we write, and we read what it writes. Skipped where tshark is not installed. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type CapturedFrame, LINKTYPE_ETHERNET, layers, readCapture, writePcap } from '../../sdk/packet/index.js';
import { hex, MAC_1_TO_2, SYN_IPV4, VXLAN_IN_VLAN } from './fixtures.js';

const isMissing = spawnSync('tshark', ['--version']).status !== 0;
if (isMissing) console.warn('skipped: tshark is not installed, so captures are not compared with Wireshark');

const folder = mkdtempSync(join(tmpdir(), 'edgemux-packet-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FRAMES = [
  { bytes: VXLAN_IN_VLAN, timestampNs: 1_700_000_000_123_456_789n },
  { bytes: hex(MAC_1_TO_2, '08 00', ...SYN_IPV4), timestampNs: 1_700_000_001_000_000_001n, originalLength: 1500 },
  { bytes: hex(MAC_1_TO_2, '88 cc', '01'), timestampNs: 1_700_000_002_999_999_999n },
];

test.skipIf(isMissing)('tshark reads a pcap of ours: times, lengths, addresses, VNI', () => {
  const fields = ['frame.time_epoch', 'frame.cap_len', 'frame.len', 'vlan.id', 'vxlan.vni', 'ip.dst', 'tcp.dstport'];
  expect(dissected(writePcap(FRAMES, LINKTYPE_ETHERNET, { nanoseconds: true }), fields)).toEqual([
    ['1700000000.123456789', '112', '112', '7', '5001', '10.0.0.2,80.80.80.80', '443'],
    ['1700000001.000000001', '58', '1500', '', '', '80.80.80.80', '443'],
    ['1700000002.999999999', '15', '15', '', '', '', ''],
  ]);
});

test.skipIf(isMissing)('tshark agrees on checksums, right and wrong', () => {
  const wrong = hex(MAC_1_TO_2, '08 00', ...SYN_IPV4);
  wrong[24]! ^= 0xff;
  wrong[50]! ^= 0xff;
  const frames = [{ bytes: VXLAN_IN_VLAN }, { bytes: wrong }];
  const theirs = dissected(writePcap(frames, LINKTYPE_ETHERNET), ['ip.checksum.status', 'tcp.checksum.status']);
  // 1 is good, 0 is bad; ours is bad when there is an expected one.
  const ours = frames.map(({ bytes }) => {
    const status = (name: string) =>
      layers(bytes)
        .filter((layer) => layer.name === name)
        .map(({ fields }) => ('checksumExpected' in fields ? 0 : 1))
        .join(',');
    return [status('ipv4'), status('tcp')];
  });
  expect(theirs).toEqual(ours);
  expect(ours).toEqual([
    ['1,1', '1'],
    ['0', '0'],
  ]);
});

test.skipIf(isMissing)('a pcapng by tshark holds the same frames as the pcap it was made from', async () => {
  for (const nanoseconds of [false, true]) {
    const file = writePcap(FRAMES, LINKTYPE_ETHERNET, { nanoseconds });
    const to = join(folder, 'b.pcapng');
    tshark(['-r', written(file), '-w', to, '-F', 'pcapng']);
    const frames = await readAll(readFileSync(to));
    expect(frames.map(comparable)).toEqual((await readAll(file)).map(comparable));
  }
});

/** The values of `fields` for each frame; what occurs twice in a frame is joined by a comma. */
function dissected(pcap: Uint8Array, fields: string[]): string[][] {
  const checked = ['ip', 'tcp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
  const shown = ['-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
  const rows = tshark(['-r', written(pcap), ...checked, ...shown])
    .replace(/\n$/, '')
    .split('\n');
  return rows.map((row) => row.split('\t'));
}

function tshark(args: string[]): string {
  const { status, stdout, stderr } = spawnSync('tshark', args);
  if (status !== 0) throw new Error(`tshark ${args.join(' ')}: ${stderr}`);
  return stdout.toString();
}

/** tshark takes standard input from a pipe or a file, and Node gives a socket: so a file it is. */
function written(pcap: Uint8Array): string {
  const path = join(folder, 'a.pcap');
  writeFileSync(path, pcap);
  return path;
}

async function readAll(file: Uint8Array): Promise<CapturedFrame[]> {
  const all: CapturedFrame[] = [];
  for await (const frames of readCapture(file)) all.push(...frames);
  return all;
}

/** A file read by Node is a Buffer, and so are the frames in it. */
function comparable(frame: CapturedFrame) {
  return { ...frame, bytes: Uint8Array.from(frame.bytes), timestampMs: Math.round(frame.timestampMs * 1000) };
}
