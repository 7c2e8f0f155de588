/** `edgemux explain`: where a packet would go, and why. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { firstPacketOf, LINKTYPE_RAW, writePcap } from '../../sdk/packet/index.js';
import { edgemux, edgemuxJson, FABRIC, temporaryFolder } from './cli.js';

const file = temporaryFolder();
const EXPLAIN = ['explain', FABRIC, '--mux', 'mux-1'];

describe('--flow', () => {
  const FLOWS = [
    [
      'tcp 192.0.2.7:4000 > 80.80.80.80:80',
      /^VIP 80\.80\.80\.80:80\/tcp → ring\[\d+\] → DIP 10\.0\.0\.[45]:8080 on host-[12]/,
    ],
    [
      'UDP 192.0.2.7:4000 -> 80.80.80.80:53',
      /^VIP 80\.80\.80\.80:53\/udp → ring\[\d+\] → DIP 10\.0\.0\.[45]:53 on host-[12]/,
    ],
    ['tcp 192.0.2.7:4000 > 80.80.80.80:33892', /^VIP 80\.80\.80\.80:33892\/tcp → .*DIP 10\.0\.0\.5:3389 on host-2/],
    ['tcp 192.0.2.7:4000 > 80.80.80.80:81', /→ drop: no-rule$/m],
    ['tcp 192.0.2.7:4000 > 80.80.80.81:80', /^pass: not for a VIP of ours/],
  ] as const;

  test.each(FLOWS)('%s', (flow, text) => {
    const { status, stdout, stderr } = edgemux([...EXPLAIN, '--flow', flow]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(text);
  });

  test('--json says the same in fields', () => {
    const explanation = edgemuxJson([...EXPLAIN, '--flow', 'tcp 192.0.2.7:4000 > 80.80.80.80:33892']);
    expect(explanation).toMatchObject({
      verdict: 'forward',
      protocol: 'tcp',
      source: '192.0.2.7:4000',
      destination: '80.80.80.80:33892',
      hash: expect.stringMatching(/^[0-9a-f]{16}$/),
      backendSource: 'fixed',
      backendPort: 3389,
      service: { key: '80.80.80.80:33892/tcp', rule: '/loadBalancers/web/inboundNatRules/rdp-vm-2' },
      backend: { dip: '10.0.0.5', vni: 5001, host: 'host-2', hostProviderAddress: '10.10.56.12' },
    });
  });

  test('every MUX chooses the same slot', () => {
    const slots = ['mux-1', 'mux-2'].map((mux) => {
      return edgemuxJson(['explain', FABRIC, '--mux', mux, '--flow', 'tcp 192.0.2.7:4000 > 80.80.80.80:80']).ringSlot;
    });
    expect(slots[1]).toBe(slots[0]);
    expect(slots[0]).toBeTypeOf('number');
  });

  const UNREADABLE = [
    ['', 'expected tcp|udp ADDRESS:PORT > ADDRESS:PORT'],
    ['icmp 192.0.2.7:1 > 80.80.80.80:1', 'expected tcp|udp ADDRESS:PORT > ADDRESS:PORT'],
    ['tcp 192.0.2.7 > 80.80.80.80:80', 'expected tcp|udp ADDRESS:PORT > ADDRESS:PORT'],
    ['tcp 192.0.2.7:70000 > 80.80.80.80:80', 'port 70000 is above 65535'],
    ['tcp 192.0.2.777:4000 > 80.80.80.80:80', '192.0.2.777 is no IPv4 address, and no IPv6 address in brackets'],
    ['tcp [2001:db8::7]:4000 > 80.80.80.80:80', 'the addresses are of two families'],
    ['tcp [2001:db8::7]:4000 > 2001:db8::80:80', '2001:db8::80 is no IPv4 address, and no IPv6 address in brackets'],
    ['tcp [192.0.2.7]:4000 > 80.80.80.80:80', '[192.0.2.7] is no IPv4 address, and no IPv6 address in brackets'],
  ] as const;

  test.each(UNREADABLE)('"%s" cannot be read: exit code 2', (flow, reason) => {
    const { status, stdout, stderr } = edgemux([...EXPLAIN, '--flow', flow]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toBe(`error: cannot read the flow ${JSON.stringify(flow)}: ${reason}\n`);
  });
});

describe('--pcap', () => {
  const packet = firstPacketOf('udp 192.0.2.7:4000 > 80.80.80.80:53');
  const stranger = firstPacketOf('udp 192.0.2.7:4000 > 80.80.80.90:53');
  const atSeconds = (seconds: number, bytes = packet) => ({ bytes, timestampNs: BigInt(seconds) * 1_000_000_000n });
  const capture = (...frames: ReturnType<typeof atSeconds>[]) => writePcap(frames, LINKTYPE_RAW);
  const explainAll = (pcap: Uint8Array) => edgemuxJson([...EXPLAIN, '--pcap', '-'], pcap);

  test('the second packet of a flow is known, as long as the idle timeout of 4 minutes', () => {
    const explanations = explainAll(capture(atSeconds(0), atSeconds(1), atSeconds(240), atSeconds(490)));
    const sources = explanations.map(({ backendSource }: { backendSource: string }) => backendSource);
    expect(sources).toEqual(['ring', 'flow', 'flow', 'ring']);
  });

  test('in words, each frame on a line with its number', () => {
    writeFileSync(file('a.pcap'), capture(atSeconds(0), atSeconds(0), atSeconds(0, stranger)));
    const { status, stdout, stderr } = edgemux([...EXPLAIN, '--pcap', file('a.pcap')]);
    expect([status, stderr]).toEqual([0, '']);
    const [first, second, third, end] = stdout.split('\n');
    expect(first).toMatch(/^1: VIP 80\.80\.80\.80:53\/udp → ring\[\d+\] → DIP/);
    expect(second).toMatch(/^2: VIP 80\.80\.80\.80:53\/udp → known flow → DIP/);
    expect([third, end]).toEqual(['3: pass: not for a VIP of ours', '']);
  });

  test('a capture without frames gives an empty array', () => {
    expect(explainAll(capture())).toEqual([]);
  });

  test('no capture: exit code 1', () => {
    const { status, stdout, stderr } = edgemux([...EXPLAIN, '--pcap', '-'], 'no capture');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain('expected a pcap');
  });
});
