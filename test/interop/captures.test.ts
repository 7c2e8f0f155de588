/** Captures as they are found in the field: cut, damaged, offloaded, with long silences; and those of the demo. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { edgemux, edgemuxJson, FABRIC, temporaryFolder } from '../appliance/cli.js';
import { arePeersMissing, frameCount, headerComplaints, merge, oracle, tcpComplaints } from './peers.js';

const file = temporaryFolder();
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

function replay(kind: '--mux' | '--host', id: string, from: string, to: string) {
  return edgemuxJson(['replay', FABRIC, kind, id, '--in', file(from), '--out', file(to)]);
}

describe.skipIf(arePeersMissing)('a capture that was cut', () => {
  let whole: Buffer;
  beforeAll(() => {
    oracle('traffic', FABRIC, 'mux-1', 'ethernet', '10', file('whole.pcap'));
    whole = readFileSync(file('whole.pcap'));
  });

  /** How far into its second record the file goes. */
  const CUTS = [
    ['one byte into a record header', 1],
    ['at the last byte of a record header', RECORD_HEADER_BYTES - 1],
    ['right behind a record header', RECORD_HEADER_BYTES],
    ['in the middle of a frame', RECORD_HEADER_BYTES + 20],
  ] as const;

  test.each(CUTS)('%s: a warning, and the whole frames are processed', (_, bytesLeft) => {
    const secondRecord = FILE_HEADER_BYTES + RECORD_HEADER_BYTES + whole.readUInt32LE(FILE_HEADER_BYTES + 8);
    writeFileSync(file('cut.pcap'), whole.subarray(0, secondRecord + bytesLeft));
    const args = ['replay', FABRIC, '--mux', 'mux-1', '--in', file('cut.pcap'), '--out', file('out.pcap'), '--json'];
    const { status, stdout, stderr } = edgemux(args);
    expect(status).toBe(0);
    expect(JSON.parse(stdout).frames).toBe(1);
    expect(stderr).toMatch(new RegExp(`^warning: the capture ends inside a record: its last ${bytesLeft} byte.*\n$`));
  });

  test('at a snap length: the frames that were cut are dropped, the short ones are not harmed', () => {
    oracle('snap', file('whole.pcap'), file('snapped.pcap'), '96');
    const before = replay('--mux', 'mux-1', 'whole.pcap', 'out.pcap');
    const after = replay('--mux', 'mux-1', 'snapped.pcap', 'snapped-out.pcap');
    const lost = before.forwarded - after.forwarded;
    expect(lost).toBe(frameCount(file('out.pcap'), 'frame.len > 146'));
    expect(lost).toBeGreaterThan(5);
    expect(after.dropped['ipv4-truncated']).toBe(before.dropped['ipv4-truncated'] + lost);
  });
});

describe.skipIf(arePeersMissing)('a pcapng of several interfaces', () => {
  beforeAll(() => {
    for (const link of ['ethernet', 'vlan', 'raw']) oracle('traffic', FABRIC, 'mux-1', link, '5', file(`${link}.pcap`));
  });

  test('all Ethernet: each frame is processed as in a capture of its own', () => {
    merge([file('ethernet.pcap'), file('vlan.pcap')], file('merged.pcapng'));
    const [one, two, both] = ['ethernet.pcap', 'vlan.pcap', 'merged.pcapng'].map((name) =>
      replay('--mux', 'mux-1', name, 'out.pcap'),
    );
    expect(both.frames).toBe(one.frames + two.frames);
    expect(both.forwarded).toBe(one.forwarded + two.forwarded);
  });

  test('Ethernet and bare IP: exit code 1, as one pcap cannot hold both', () => {
    merge([file('ethernet.pcap'), file('raw.pcap')], file('mixed.pcapng'));
    const args = ['replay', FABRIC, '--mux', 'mux-1', '--in', file('mixed.pcapng'), '--out', file('mixed.pcap')];
    const { status, stderr } = edgemux(args);
    expect(status).toBe(1);
    expect(stderr).toContain('linkType: expected one kind per capture, got both');
    expect(existsSync(file('mixed.pcap'))).toBe(false);
  });
});

describe.skipIf(arePeersMissing)('super-packets of segmentation offload', () => {
  test('are forwarded as long as IPv4 can say their length with 50 bytes more', () => {
    oracle('super-packets', FABRIC, 'mux-1', file('super.pcap'));
    const summary = replay('--mux', 'mux-1', 'super.pcap', 'super.mux.pcap');
    expect(summary).toMatchObject({ frames: 4, forwarded: 2, dropped: { oversize: 2 } });
    const { frames, wrong } = oracle(
      'judge-mux',
      FABRIC,
      'mux-1',
      'ethernet',
      file('super.pcap'),
      file('super.mux.pcap'),
    );
    expect(frames).toBe(2);
    expect(Object.values(wrong).flat()).toEqual([]);
    expect(headerComplaints(file('super.mux.pcap'))).toEqual([]);
  });
});

describe.skipIf(arePeersMissing)('damaged segments', () => {
  test('keep their wrong checksum through MUX and host, so that the VM can see it', () => {
    oracle('damaged', FABRIC, 'mux-1', file('damaged.pcap'));
    const { forwarded, frames } = replay('--mux', 'mux-1', 'damaged.pcap', 'damaged.mux.pcap');
    expect(forwarded).toBe(frames);
    const { delivered } = replay('--host', 'host-1', 'damaged.mux.pcap', 'damaged.vm.pcap');
    expect(delivered).toBeGreaterThan(50);
    expect(oracle('bad-checksums', file('damaged.vm.pcap')).frames).toBe(delivered);
  });
});

describe.skipIf(arePeersMissing)('an idle flow on a host, idle timeout 4 minutes', () => {
  beforeAll(() => {
    oracle('traffic', FABRIC, 'mux-1', 'ethernet', '10', file('idle.pcap'));
    replay('--mux', 'mux-1', 'idle.pcap', 'idle.tunnel.pcap');
    replay('--host', 'host-1', 'idle.tunnel.pcap', 'idle.vm.pcap');
  });

  /** When the VM speaks, in seconds after the client has, and how much of it is an answer from the rule's own port. */
  const SILENCES = [
    { name: 'is remembered for all of it', seconds: [240], answers: 1 },
    { name: 'is forgotten two seconds later', seconds: [242], answers: 0 },
    { name: 'lives on with every answer', seconds: [239, 478, 717], answers: 3 },
    { name: 'is forgotten after its last answer, too', seconds: [239, 481], answers: 1 },
    { name: 'stays forgotten', seconds: [242, 243], answers: 0 },
  ];
  const FROM_RULE = 'tcp.srcport in {80, 33891, 33892} || udp.srcport == 53';

  test.each(SILENCES)('$name: the VM speaks after $seconds s', ({ seconds, answers }) => {
    oracle('answer-after', file('idle.tunnel.pcap'), file('idle.vm.pcap'), file('pauses.pcap'), ...seconds.map(String));
    const summary = replay('--host', 'host-1', 'pauses.pcap', 'out.pcap');
    expect(summary).toMatchObject({ frames: 1 + seconds.length, delivered: 1 });
    expect(frameCount(file('out.pcap'), FROM_RULE)).toBe(answers);
    // What is no answer any more leaves from a leased port or, where it opens nothing, not at all.
    expect(summary.replied + (summary.dropped['snat-unknown'] ?? 0)).toBe(seconds.length);
  });
});

describe.skipIf(arePeersMissing)('the captures of the demo', () => {
  const folder = file('demo');
  const captures = () => readdirSync(folder).sort();
  beforeAll(() => {
    edgemuxJson(['demo', '--connections', '300', '--pcap', folder]);
  });

  test('there is one for each link that was used', () => {
    expect(captures()).toEqual([
      'client--edge-router.pcap',
      'edge-router--host-1.pcap',
      'edge-router--host-2.pcap',
      'edge-router--mux-1.pcap',
      'edge-router--mux-2.pcap',
      'host-1--mux-1.pcap',
      'host-1--mux-2.pcap',
      'host-1--vm-1-nic.pcap',
      'host-2--mux-1.pcap',
      'host-2--mux-2.pcap',
      'host-2--vm-1-nic.pcap',
      'host-2--vm-2-nic.pcap',
    ]);
  });

  test('Wireshark finds TCP in every frame, nothing malformed, no wrong checksum', () => {
    for (const name of captures()) expect(tcpComplaints(`${folder}/${name}`), name).toEqual([]);
  });

  test('between client and router no server is seen but the VIP', () => {
    const capture = `${folder}/client--edge-router.pcap`;
    expect(frameCount(capture, '!(ip.addr == 80.80.80.80)')).toBe(0);
    expect(frameCount(capture, 'tcp.srcport == 80 && !(ip.src == 80.80.80.80)')).toBe(0);
  });
});
