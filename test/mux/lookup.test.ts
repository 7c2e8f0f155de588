/** Which rule takes a packet, and what of the packet decides the backend: precedence, distribution, weights, fleets. */

import { readFileSync } from 'node:fs';
import { compile, Mux, type MuxProgram, readFabric, type Service } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { be16, macText } from '../support/bytes.js';
import { eth, type Packet, SYN } from '../support/packet.js';
import { muxProgram, VIP, VIP_WITHOUT_SERVICE } from '../support/programs.js';
import { Random } from '../support/random.js';

const CLIENT = '192.0.2.7';
/** Where the inner Ethernet header of an untagged tunnel begins: its destination says which backend was chosen. */
const INNER_ETHERNET = 14 + 20 + 8 + 8;
const OUTER_SOURCE_PORT = 14 + 20;

async function muxWith(program: MuxProgram): Promise<Mux> {
  const mux = await Mux.load(muxModule);
  mux.program(program);
  return mux;
}

/** The MAC address of the VM a packet is sent to, or why it is not sent. */
function destinationOf(mux: Mux, packet: Packet): string {
  const { bytes, verdict, reason } = mux.process(packet.bytes(), 0);
  return verdict === 'forward' && bytes ? macText(bytes, INNER_ETHERNET) : (reason ?? verdict);
}

function backendOf(mux: Mux, packet: Packet): string {
  const destination = destinationOf(mux, packet);
  return muxProgram.backends.find(({ macAddress }) => macAddress === destination)?.key ?? destination;
}

function service(vip: string, protocol: Service['protocol'], port: number, target: Service['target']): Service {
  return { ...muxProgram.services[0], key: `${vip}:${port}/${protocol}`, vip, protocol, port, target };
}

describe('MUX: the most specific rule wins', () => {
  /** Each rule has a backend of its own, so that the backend says which rule it was. */
  const exact = service(VIP, 6, 443, { backend: 0 });
  const anyPort = service(VIP, 6, 0, { backend: 1 });
  const anyProtocol = service(VIP, 0, 0, { backend: 2 });
  const to = (port: number) => eth().ipv4(CLIENT, VIP).tcp(40000, port, SYN);
  const rows = [
    {
      name: 'exact over any port over any protocol',
      services: [exact, anyPort, anyProtocol],
      in: to(443),
      out: 'web-a',
    },
    {
      name: 'the order of the rules does not matter',
      services: [anyProtocol, anyPort, exact],
      in: to(443),
      out: 'web-a',
    },
    { name: 'any port for another port', services: [exact, anyPort, anyProtocol], in: to(444), out: 'web-b' },
    {
      name: 'any protocol for another protocol',
      services: [exact, anyPort, anyProtocol],
      in: eth().ipv4(CLIENT, VIP).udp(40000, 443),
      out: 'web-c',
    },
    {
      name: 'any protocol, where the protocol has no any-port rule',
      services: [exact, anyProtocol],
      in: to(444),
      out: 'web-c',
    },
    { name: 'no other port takes it', services: [exact], in: to(444), out: 'no-rule' },
    { name: 'the port bytes are not turned around', services: [exact], in: to(0xbb01), out: 'no-rule' },
    {
      name: 'rules of another VIP do not count',
      services: [anyProtocol],
      in: eth().ipv4(CLIENT, VIP_WITHOUT_SERVICE).tcp(40000, 443, SYN),
      out: 'no-rule',
    },
    {
      name: 'any protocol takes a third one',
      services: [anyPort, anyProtocol],
      in: eth().ipv4(CLIENT, VIP, { protocol: 47 }).payload('GRE'),
      out: 'web-c',
    },
  ];
  it.each(rows)('$name', async ({ services, in: packet, out }) => {
    expect(backendOf(await muxWith({ ...muxProgram, services }), packet)).toBe(out);
  });
});

describe('MUX: distribution', () => {
  const on = async (distribution: Service['distribution']) =>
    muxWith({ ...muxProgram, services: [{ ...service(VIP, 0, 0, { ring: 0 }), distribution }] });
  const clients = Array.from({ length: 60 }, (_, index) => `198.51.100.${index}`);
  const tcp = (client: string, sourcePort = 40000, port = 443) => eth().ipv4(client, VIP).tcp(sourcePort, port, SYN);
  const udp = (client: string) => eth().ipv4(client, VIP).udp(40000, 443);
  const rows = [
    { distribution: 'Default', sourcePort: true, port: true, protocol: true },
    { distribution: 'SourceIP', sourcePort: false, port: false, protocol: false },
    { distribution: 'SourceIPProtocol', sourcePort: false, port: false, protocol: true },
  ] as const;
  it.each(rows)('$distribution: source port $sourcePort, port $port, protocol $protocol', async (row) => {
    const mux = await on(row.distribution);
    // Sixty clients: that all of them have the same backend twice by chance is out of the question.
    const differs = (other: (client: string) => Packet) =>
      clients.some((client) => backendOf(mux, tcp(client)) !== backendOf(mux, other(client)));
    expect(differs((client) => tcp(client, 40001))).toBe(row.sourcePort);
    expect(differs((client) => tcp(client, 40000, 444))).toBe(row.port);
    expect(differs(udp)).toBe(row.protocol);
    expect(new Set(clients.map((client) => backendOf(mux, tcp(client)))).size).toBe(3);
  });

  it('SourceIP still spreads the outer source port by the whole 5-tuple', async () => {
    const mux = await on('SourceIP');
    const ports = Array.from({ length: 50 }, (_, index) => {
      const { bytes } = mux.process(tcp(CLIENT, 40000 + index).bytes(), 0);
      return be16(bytes as Uint8Array, OUTER_SOURCE_PORT);
    });
    expect(new Set(ports).size).toBeGreaterThan(45);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(49152);
  });
});

/** So many packets of new connections from anywhere. */
function randomSyns(count: number, seed: number, vip: string, port: number): Packet[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () =>
    eth()
      .ipv4([random.between(128, 223), ...random.bytes(3)].join('.'), vip)
      .tcp(random.below(65536), port, SYN),
  );
}

describe('MUX: shares and fleets', () => {
  it('weights 1 : 2 give connections 1 : 2', async () => {
    const members = [
      { backend: 0, weight: 1 },
      { backend: 2, weight: 2 },
    ];
    const mux = await muxWith({ ...muxProgram, rings: [{ slotCount: 65_537, members }, muxProgram.rings[1]] });
    const syns = randomSyns(30_000, 1, VIP, 443);
    const share = syns.filter((packet) => backendOf(mux, packet) === 'web-c').length / syns.length;
    expect(Math.abs(share - 2 / 3)).toBeLessThan(0.01);
  });

  it('the two MUXes of the example choose the same DIP for 10,000 flows', async () => {
    const text = readFileSync(new URL('../../examples/two-hosts.fabric.json', import.meta.url), 'utf8');
    const compiled = compile(readFabric(text));
    const one = await muxWith(compiled.forMux('mux-1'));
    const two = await muxWith(compiled.forMux('mux-2'));
    const syns = randomSyns(10_000, 2, '80.80.80.80', 80);
    const byOne = syns.map((packet) => destinationOf(one, packet));
    expect(syns.map((packet) => destinationOf(two, packet))).toEqual(byOne);
    expect([...new Set(byOne)].sort()).toEqual(['00:1d:d8:00:00:04', '00:1d:d8:00:00:05']);
  });
});
