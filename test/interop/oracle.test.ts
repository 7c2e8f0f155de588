/** The judge on trial: it knows its papers, and a capture that was tampered with does not get past it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { edgemuxJson, FABRIC, temporaryFolder } from '../appliance/cli.js';
import { arePeersMissing, headerComplaints, oracle, type Verdict } from './peers.js';

const file = temporaryFolder();
const sent = file('sent.pcap');
const received = file('received.pcap');
const tampered = file('tampered.pcap');

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

/** Where one bit is turned over, each in a frame of its own: byte of the frame, and the field that is wrong then. */
const TAMPERED = [
  ['the record header, microseconds', -12, 'time'],
  ['outer Ethernet, destination', 5, 'outerMacs'],
  ['outer Ethernet, source', 11, 'outerMacs'],
  ['outer IPv4, TOS', 15, 'outerIp'],
  ['outer IPv4, TTL', 22, 'outerIp'],
  ['outer IPv4, checksum', 25, 'checksums'],
  ['outer IPv4, source', 29, 'outerAddresses'],
  ['outer IPv4, destination', 33, 'outerAddresses'],
  ['outer UDP, source port', 35, 'sourcePort'],
  ['outer UDP, length', 39, 'udp'],
  ['outer UDP, checksum', 41, 'udp'],
  ['VXLAN, VNI', 48, 'vxlan'],
  ['inner Ethernet, destination', 55, 'innerMacs'],
  ['inner Ethernet, source', 61, 'innerMacs'],
  ['inner IPv4, TTL', 72, 'innerPacket'],
  ['inner IPv4, checksum', 75, 'checksums'],
] as const;

describe.skipIf(arePeersMissing)('the oracle', () => {
  let verdict: Verdict;

  beforeAll(() => {
    oracle('traffic', FABRIC, 'mux-1', 'ethernet', '2', sent);
    edgemuxJson(['replay', FABRIC, '--mux', 'mux-1', '--in', sent, '--out', received]);
    writeFileSync(tampered, withBitsTurned(readFileSync(received)));
    verdict = oracle('judge-mux', FABRIC, 'mux-1', 'ethernet', sent, tampered);
  });

  test('computes the last vector of the SipHash paper, and table 1 of the Maglev paper', () => {
    expect(oracle('papers')).toEqual({
      sipHash24: 'a129ca6149be45e5',
      maglev: [1, 0, 1, 0, 2, 2, 0],
      // Of the two that are left the second is B2.
      maglevWithoutB1: [0, 0, 0, 0, 1, 1, 1],
    });
  });

  test.each(TAMPERED)('notices one bit in %s (byte %i)', (what, _, field) => {
    const frame = TAMPERED.findIndex(([name]) => name === what) + 1;
    expect(verdict.wrong[field]?.filter((problem) => problem.startsWith(`frame ${frame}:`))).toHaveLength(1);
  });

  test('notices that a capture is of the other MUX', () => {
    const { wrong } = oracle('judge-mux', FABRIC, 'mux-2', 'ethernet', sent, received);
    for (const problems of [wrong.outerMacs, wrong.outerAddresses, wrong.innerMacs]) expect(problems).not.toEqual([]);
  });

  test('has a second in Wireshark, which notices the wrong checksums, too', () => {
    expect(headerComplaints(tampered).length).toBeGreaterThanOrEqual(2);
    expect(headerComplaints(received)).toEqual([]);
  });
});

function withBitsTurned(capture: Buffer): Buffer {
  let at = FILE_HEADER_BYTES;
  for (const [, byte] of TAMPERED) {
    const length = capture.readUInt32LE(at + 8);
    const frame = at + RECORD_HEADER_BYTES;
    capture[frame + byte]! ^= 1;
    at = frame + length;
  }
  return capture;
}
