/** What a real kernel has left to the hardware, finished and cut, as Wireshark judges it. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../appliance/cli.js';
import { KERNEL_FRAMES } from '../dataplane/offload/kernel-frames.js';
import { OffloadBench } from '../dataplane/offload/offload-bench.js';
import { pcapFile } from '../support/pcap.js';
import { arePeersMissing, headerComplaints } from './peers.js';

const file = temporaryFolder();

function complaints(name: string, frames: readonly Uint8Array[]): string[] {
  const capture = file(name);
  writeFileSync(capture, pcapFile(frames, 'ethernet'));
  return headerComplaints(capture);
}

describe.skipIf(arePeersMissing)('frames of a kernel', () => {
  test('each is wrong as it came', () => {
    expect(
      complaints(
        'left.pcap',
        KERNEL_FRAMES.map(({ frame }) => frame),
      ),
    ).toHaveLength(KERNEL_FRAMES.length);
  });

  test('all are right, finished or cut', async () => {
    const bench = await OffloadBench.open();
    const frames = KERNEL_FRAMES.flatMap(({ header, frame }) =>
      header.gsoType !== 0 ? bench.cut(header, frame) : [bench.finishUnmarked(frame)!],
    );
    expect(frames.length).toBeGreaterThan(2 * KERNEL_FRAMES.length);
    expect(complaints('right.pcap', frames)).toEqual([]);
  });
});
