/** The judge on trial: it knows its papers, and a capture that was tampered with does not get past it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { edgemuxJson, FABRIC, temporaryFolder } from '../appliance/cli.js';
import { arePeersMissing, complaints, oracle } from './peers.js';

const file = temporaryFolder();
const sent = file('sent.pcap');
const received = file('received.pcap');

/** Bytes before the first frame of a pcap: file header and record header. */
const FIRST_FRAME = 24 + 16;

const TAMPERED = [
  ['record header, microseconds', -12, 'time'],
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
  beforeAll(() => {
    oracle('traffic', FABRIC, 'mux-1', 'ethernet', '1', sent);
    edgemuxJson(['replay', FABRIC, '--mux', 'mux-1', '--in', sent, '--out', received]);
  });

  test('computes the last vector of the SipHash paper, and table 1 of the Maglev paper', () => {
    expect(oracle('papers')).toEqual({
      sipHash24: 'a129ca6149be45e5',
      maglev: [1, 0, 1, 0, 2, 2, 0],
      // Of the two that are left the second is B2.
      maglevWithoutB1: [0, 0, 0, 0, 1, 1, 1],
    });
  });

  test.each(TAMPERED)('notices one bit in %s (byte %i)', (_, at, field) => {
    const tampered = readFileSync(received);
    tampered[FIRST_FRAME + at]! ^= 1;
    writeFileSync(file('tampered.pcap'), tampered);
    const { wrong } = oracle('judge-mux', FABRIC, 'mux-1', 'ethernet', sent, file('tampered.pcap'));
    expect(wrong[field]).toHaveLength(1);
  });

  test('notices that a capture is of the other MUX', () => {
    const { wrong } = oracle('judge-mux', FABRIC, 'mux-2', 'ethernet', sent, received);
    expect([wrong.outerMacs, wrong.outerAddresses, wrong.innerMacs].map(({ length }) => length)).toEqual([3, 3, 3]);
  });

  test('has a second in Wireshark, which notices a wrong checksum', () => {
    const tampered = readFileSync(received);
    tampered[FIRST_FRAME + 75]! ^= 1;
    writeFileSync(file('tampered.pcap'), tampered);
    expect(complaints(file('tampered.pcap'))).toHaveLength(1);
  });
});
