/** A MUX between scapy, which makes its frames and judges what leaves it, and Wireshark, which judges again. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { edgemuxJson, FABRIC, temporaryFolder } from '../appliance/cli.js';
import { arePeersMissing, frameCount, headerComplaints, oracle, toPcapng, type Verdict } from './peers.js';

const file = temporaryFolder();
const CLIENTS = '100';

/** Field of the oracle's verdict → what must hold for it in every frame. */
const PROMISES = [
  ['time', 'a frame leaves at the time it came, in order'],
  ['outerMacs', 'outer MAC addresses: from the MUX to the host of the DIP'],
  ['vlan', 'the VLAN tag of the frame is kept, priority and all'],
  ['outerAddresses', 'outer IP addresses: from the MUX to the provider address of the host'],
  ['outerIp', 'outer IP header: DSCP and ECN of the inner one, id 0, DF, TTL 64, length'],
  ['sourcePort', 'outer source port: 49152 + 14 bits of the flow hash'],
  ['udp', 'outer UDP header: port 4789, no checksum, length'],
  ['vxlan', 'VXLAN: I flag, VNI of the tenant'],
  ['innerMacs', 'inner MAC addresses: from the MUX to the VM that the Maglev table or the NAT rule names'],
  ['innerPacket', 'the IP packet is what the client sent, without padding'],
  ['checksums', 'the IPv4, TCP and UDP checksums are those scapy computes'],
] as const;

const LINKS = [
  ['Ethernet, microseconds', 'ethernet'],
  ['VLAN tags, nanoseconds', 'vlan'],
  ['bare IP', 'raw'],
] as const;

describe.skipIf(arePeersMissing).each(LINKS)('%s', (_, link) => {
  const sent = file(`${link}.pcap`);
  const received = file(`${link}.mux-1.pcap`);
  let traffic: { frames: number; fates: Record<string, number> };
  let summary: Record<string, unknown>;
  let verdict: Verdict;

  beforeAll(() => {
    traffic = oracle('traffic', FABRIC, 'mux-1', link, CLIENTS, sent);
    summary = replay('mux-1', sent, received);
    verdict = oracle('judge-mux', FABRIC, 'mux-1', link, sent, received);
  });

  test('every frame has the fate the oracle foresaw', () => {
    const { forward: forwarded, pass: passed, hold: held, ...dropped } = traffic.fates;
    expect(summary).toEqual({
      ...{ frames: traffic.frames, forwarded, passed, held, dropped },
      ...{ delivered: 0, replied: 0, produced: 0, consumed: 0 },
    });
  });

  test('every frame that left was judged', () => {
    expect(verdict.frames).toBe(summary.forwarded);
    expect(Object.keys(verdict.wrong)).toEqual(PROMISES.map(([field]) => field));
  });

  test.each(PROMISES)('%s: %s', (field) => {
    expect(verdict.wrong[field]).toEqual([]);
  });

  test('Wireshark sees VXLAN in every frame, nothing malformed, no wrong checksum', () => {
    expect(frameCount(received, 'vxlan')).toBe(summary.forwarded);
    expect(headerComplaints(received)).toEqual([]);
  });
});

describe.skipIf(arePeersMissing)('two MUXes, one capture', () => {
  const sent = file('sent.pcap');
  const received = (mux: string) => file(`sent.${mux}.pcap`);

  const verdicts: Record<string, Verdict & { backends: Record<string, number> }> = {};

  beforeAll(() => {
    oracle('traffic', FABRIC, 'mux-1', 'ethernet', CLIENTS, sent);
    for (const mux of ['mux-1', 'mux-2']) {
      replay(mux, sent, received(mux));
      verdicts[mux] = oracle('judge-mux', FABRIC, mux, 'ethernet', sent, received(mux));
    }
  });

  test('both send every frame to the same DIP', () => {
    // The oracle has the same opinion for both.
    for (const { wrong } of Object.values(verdicts)) {
      expect([wrong.innerMacs, wrong.outerAddresses, wrong.sourcePort]).toEqual([[], [], []]);
    }
    expect(verdicts['mux-2']?.backends).toEqual(verdicts['mux-1']?.backends);
  });

  test('both DIPs have a fair share', () => {
    const { frames, backends } = verdicts['mux-1']!;
    const shares = Object.values(backends).map((count) => count / frames);
    expect(shares).toHaveLength(2);
    for (const share of shares) expect(share).toBeGreaterThan(0.4);
  });

  test('a pcapng gives the same file as the pcap it was made from', () => {
    toPcapng(sent, file('sent.pcapng'));
    replay('mux-1', file('sent.pcapng'), file('from-pcapng.pcap'));
    expect(readFileSync(file('from-pcapng.pcap')).equals(readFileSync(received('mux-1')))).toBe(true);
  });
});

function replay(mux: string, from: string, to: string): Record<string, unknown> {
  return edgemuxJson(['replay', FABRIC, '--mux', mux, '--in', from, '--out', to]);
}
