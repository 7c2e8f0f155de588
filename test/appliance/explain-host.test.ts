/** `edgemux explain --host`: what a host agent would do with a packet, and why. */
import { describe, expect, test } from 'vitest';
import { LINKTYPE_ETHERNET, writePcap } from '../../sdk/packet/index.js';
import { ACK, eth, type Packet, SYN } from '../support/packet.js';
import { edgemux, edgemuxJson, FABRIC } from './cli.js';

const EXPLAIN = ['explain', FABRIC, '--host', 'host-1'];
const HTTP = '/loadBalancers/web/loadBalancingRules/http';

describe('--flow', () => {
  const FLOWS: [flow: string, options: string[], text: RegExp][] = [
    [
      'tcp 192.0.2.7:4000 > 80.80.80.80:80',
      [],
      /^VXLAN 5001 from 10\.10\.56\.21 → 192\.0\.2\.7:4000 > 80\.80\.80\.80:80\/tcp → DIP 10\.0\.0\.4:8080 \(rule .*\/http\), new connection\n$/,
    ],
    [
      'tcp 10.0.0.4:5555 > 1.2.3.4:443',
      [],
      /^outbound 10\.0\.0\.4:5555 > 1\.2\.3\.4:443\/tcp → leased port 80\.80\.80\.80:\d+ \(rule .*\/out\), new connection\n$/,
    ],
    ['tcp 10.0.0.4:5555 > 10.0.0.5:443', [], /^pass: outbound .*, under the VM's own address\n$/],
    ['tcp 192.0.2.7:4000 > 80.80.80.80:81', [], /^drop (snat-unknown|no-rule): VXLAN 5001 from .*\n$/],
    ['tcp 192.0.2.7:4000 > 80.80.80.90:80', [], /^pass: of no VM of this host, and for none\n$/],
    [
      'tcp 10.0.0.4:5555 > 80.80.80.80:80',
      ['--port', 'underlay'],
      /^VXLAN 5001 from .* which sees 80\.80\.80\.80:5555 /,
    ],
    ['tcp 10.0.0.4:5555 > 80.80.80.80:80', ['--port', 'vm'], /^outbound 10\.0\.0\.4:5555 > 80\.80\.80\.80:80\/tcp → /],
    ['tcp 192.0.2.7:4000 > 80.80.80.80:80', ['--port', 'vm'], /^pass: of no VM of this host, and for none\n$/],
  ];

  test.each(FLOWS)('%s %s', (flow, options, text) => {
    const { status, stdout, stderr } = edgemux([...EXPLAIN, '--flow', flow, ...options]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(text);
  });

  test('--json gives an array, one explanation for each VM', () => {
    expect(edgemuxJson([...EXPLAIN, '--flow', 'tcp 192.0.2.7:4000 > 80.80.80.80:80'])).toEqual([
      {
        verdict: 'deliver',
        direction: 'in',
        tunnel: { encapsulation: 'vxlan', vni: 5001, source: '10.10.56.21' },
        nic: expect.stringContaining('/networkInterfaces/'),
        protocol: 'tcp',
        source: '192.0.2.7:4000',
        destination: '80.80.80.80:80',
        decision: 'translation',
        rule: HTTP,
        newDestination: '10.0.0.4:8080',
        connection: 'new',
        isHairpin: false,
        text: expect.stringContaining('new connection'),
      },
    ]);
    expect(edgemuxJson([...EXPLAIN, '--flow', 'tcp 192.0.2.7:4000 > 80.80.80.90:80'])).toEqual([
      { verdict: 'pass', text: 'pass: of no VM of this host, and for none' },
    ]);
  });
});

describe('--pcap', () => {
  const VM_MAC = '00:1d:d8:00:00:04';
  const tunnel = eth().ipv4('10.10.56.21', '10.10.56.11').udp(50000, 4789).vxlan(5001).eth({ dst: VM_MAC });
  const request = tunnel.ipv4('192.0.2.7', '80.80.80.80').tcp(40000, 80, SYN);
  const answer = eth({ src: VM_MAC })
    .ipv4('10.0.0.4', '192.0.2.7')
    .tcp(8080, 40000, SYN | ACK);
  const atSeconds = (seconds: number, packet: Packet) => ({
    bytes: packet.bytes(),
    timestampNs: BigInt(seconds) * 1_000_000_000n,
  });
  const capture = writePcap([atSeconds(0, request), atSeconds(3, answer), atSeconds(300, answer)], LINKTYPE_ETHERNET);

  test('each frame on a line with its number, in the light of those before it', () => {
    const { status, stdout, stderr } = edgemux([...EXPLAIN, '--pcap', '-'], capture);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^1: VXLAN 5001 from 10\.10\.56\.21 → .* → DIP 10\.0\.0\.4:8080 .*, new connection$/),
      expect.stringMatching(
        /^2: answer 10\.0\.0\.4:8080 > .* → VIP 80\.80\.80\.80:80 .*, known connection, idle for 2 s$/,
      ),
      expect.stringMatching(/^3: drop snat-unknown: outbound 10\.0\.0\.4:8080 > 192\.0\.2\.7:40000\/tcp$/),
      '',
    ]);
  });

  test('--json gives an array', () => {
    const explanations = edgemuxJson([...EXPLAIN, '--pcap', '-'], capture);
    expect(explanations.map(({ frame, verdict }: { frame: number; verdict: string }) => [frame, verdict])).toEqual([
      [1, 'deliver'],
      [2, 'reply'],
      [3, 'drop'],
    ]);
  });

  test('--port says where all of it comes from', () => {
    const verdicts = (port: string) =>
      edgemuxJson([...EXPLAIN, '--pcap', '-', '--port', port], capture).map(
        ({ verdict }: { verdict: string }) => verdict,
      );
    expect(verdicts('shared')).toEqual(['deliver', 'reply', 'drop']);
    expect(verdicts('underlay')).toEqual(['deliver', 'pass', 'pass']);
    expect(verdicts('vm')).toEqual(['pass', 'drop', 'drop']);
  });
});

describe('called wrongly: exit code 2', () => {
  const FLOW = ['--flow', 'tcp 192.0.2.7:4000 > 80.80.80.80:80'];
  test.each([
    [['explain', FABRIC, ...FLOW], 'give one of --mux ID and --host ID'],
    [['explain', FABRIC, '--mux', 'mux-1', '--host', 'host-1', ...FLOW], 'give one of --mux ID and --host ID'],
    [['explain', FABRIC, '--mux', 'mux-1', '--port', 'vm', ...FLOW], '--port is for --host: a MUX has one side'],
    [[...EXPLAIN, '--port', 'front', ...FLOW], 'Allowed choices are underlay, vm, shared'],
    [EXPLAIN, 'give one of --flow TEXT and --pcap FILE'],
  ])('%j', (args, reason) => {
    const { status, stdout, stderr } = edgemux(args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(reason);
  });
});
