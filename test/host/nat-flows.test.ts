/** What the host agent remembers of connections: for how long, whose they are, and what another program does to them. */

import { EdgemuxError, HostAgent, type HostProgram, type Nic, type Translation } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { ipv4Text, macText } from '../support/bytes.js';
import { ACK, eth, type Packet, SYN } from '../support/packet.js';
import { HOST_A, hostProgram, MUX, VIP, VNI, WEB_A, WEB_A_MAC, WEB_B, WEB_B_MAC } from '../support/programs.js';

const CLIENT = '192.0.2.7';
const TICK_MS = 1024;

const tunnel = (mac: string, vni = VNI) => eth().ipv4(MUX, HOST_A).udp(50000, 4789).vxlan(vni).eth({ dst: mac });
const toWebA = (port: number, flags: number, clientPort = 40000) =>
  tunnel(WEB_A_MAC).ipv4(CLIENT, VIP).tcp(clientPort, port, flags);
const fromWebA = (clientPort = 40000) => eth({ src: WEB_A_MAC }).ipv4(WEB_A, CLIENT).tcp(8443, clientPort, ACK);
const dnsToWebA = tunnel(WEB_A_MAC).ipv4(CLIENT, VIP).udp(40000, 53);
const dnsFromWebA = eth({ src: WEB_A_MAC }).ipv4(WEB_A, CLIENT).udp(53, 40000);

async function hostWith(program: HostProgram, capacities = {}): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, capacities);
  host.apply(program);
  return host;
}

const arrive = (host: HostAgent, packet: Packet, nowMs = 0) => host.process(packet.bytes(), nowMs);
const answer = (host: HostAgent, packet: Packet, nowMs = 0) => host.process(packet.bytes(), nowMs, { port: 'vm' });
/** `443` for a reply from port 443 of the VIP, else the verdict. */
function replyPort(host: HostAgent, packet: Packet, nowMs = 0): number | string {
  const { verdict, bytes } = answer(host, packet, nowMs);
  return verdict === 'reply' && bytes ? (bytes[34] << 8) | bytes[35] : verdict;
}

describe('host agent: two ports of the VIP on one port of the VM', () => {
  // 443 becomes 8443 on web-a and 8443 stays 8443: the answers of both to one client port look the same.
  it('the connection that opens last is the one that lives', async () => {
    const host = await hostWith(hostProgram);
    expect(arrive(host, toWebA(443, SYN)).verdict).toBe('deliver');
    expect(replyPort(host, fromWebA())).toBe(443);
    expect(arrive(host, toWebA(8443, ACK)).reason).toBe('nat-conflict');
    expect(arrive(host, toWebA(8443, SYN | ACK)).reason).toBe('nat-conflict');
    expect(replyPort(host, fromWebA())).toBe(443);
    expect(arrive(host, toWebA(8443, SYN)).verdict).toBe('deliver');
    expect(replyPort(host, fromWebA())).toBe(8443);
    expect(arrive(host, toWebA(443, ACK)).reason).toBe('nat-conflict');
    expect(host.counters().dropped).toEqual({ 'nat-conflict': 3 });
  });

  it('another client port is no conflict', async () => {
    const host = await hostWith(hostProgram);
    arrive(host, toWebA(443, SYN));
    expect(arrive(host, toWebA(8443, ACK, 40001)).verdict).toBe('deliver');
    expect([replyPort(host, fromWebA()), replyPort(host, fromWebA(40001))]).toEqual([443, 8443]);
  });

  it('UDP takes over with any packet', async () => {
    const host = await hostWith(hostProgram);
    const toWebB = (port: number) => tunnel(WEB_B_MAC).ipv4(CLIENT, VIP).udp(40000, port);
    const fromWebB = eth({ src: WEB_B_MAC }).ipv4(VIP, CLIENT).udp(5353, 40000);
    arrive(host, toWebB(1000));
    expect(replyPort(host, fromWebB)).toBe(1000);
    expect(arrive(host, toWebB(1001)).verdict).toBe('deliver');
    expect(replyPort(host, fromWebB)).toBe(1001);
  });

  it('an expired connection conflicts with nobody', async () => {
    const host = await hostWith(hostProgram);
    arrive(host, toWebA(443, SYN));
    expect(arrive(host, toWebA(8443, ACK), 235 * TICK_MS).reason).toBe('nat-conflict');
    expect(arrive(host, toWebA(8443, ACK), 236 * TICK_MS).verdict).toBe('deliver');
  });
});

describe('host agent: idle timeout', () => {
  // 240,000 ms are 235 ticks of 1024 ms, rounded up; 10,000 ms are 10.
  const rows = [
    { name: 'TCP of 240 s, last tick', in: toWebA(443, SYN), reply: fromWebA(), ticks: 235, out: 443 },
    { name: 'TCP of 240 s, one tick later', in: toWebA(443, SYN), reply: fromWebA(), ticks: 236, out: 'pass' },
    { name: 'UDP of 10 s, last tick', in: dnsToWebA, reply: dnsFromWebA, ticks: 10, out: 53 },
    { name: 'UDP of 10 s, one tick later', in: dnsToWebA, reply: dnsFromWebA, ticks: 11, out: 'pass' },
  ];
  const starts = [
    { epoch: 'from zero', startMs: TICK_MS - 1 },
    { epoch: 'across the wrap of 32-bit milliseconds', startMs: 2 ** 32 - 5 * TICK_MS },
    { epoch: 'from the Unix epoch', startMs: 1_800_000_000_000 },
  ];
  describe.each(starts)('$epoch', ({ startMs }) => {
    it.each(rows)('$name: $out', async ({ in: packet, reply, ticks, out }) => {
      const host = await hostWith(hostProgram);
      arrive(host, packet, startMs);
      expect(replyPort(host, reply, (Math.floor(startMs / TICK_MS) + ticks) * TICK_MS)).toBe(out);
    });
  });

  it('packets of either side start it anew', async () => {
    const host = await hostWith(hostProgram);
    arrive(host, toWebA(443, SYN), 0);
    arrive(host, toWebA(443, ACK), 200 * TICK_MS);
    expect(replyPort(host, fromWebA(), 400 * TICK_MS)).toBe(443);
    expect(replyPort(host, fromWebA(), 635 * TICK_MS)).toBe(443);
    expect(replyPort(host, fromWebA(), (635 + 236) * TICK_MS)).toBe('pass');
  });
});

describe('host agent: a full table', () => {
  const clients = Array.from({ length: 100 }, (_, client) => 40000 + client);
  /** Two buckets of four. */
  const PLACES = 8;

  it('drops what it could not answer when every connection is alive and answered', async () => {
    const host = await hostWith(hostProgram, { flowCountMax: 1 });
    const accepted = clients.filter((port) => {
      const { verdict, reason } = arrive(host, toWebA(443, SYN, port));
      if (verdict === 'drop') expect(reason).toBe('flow-table-full');
      else expect(replyPort(host, fromWebA(port))).toBe(443);
      return verdict === 'deliver';
    });
    expect(accepted).toHaveLength(PLACES);
    expect(host.counters().natFlows).toEqual({ inserts: PLACES, expired: 0, evicted: 0 });
    expect(accepted.map((port) => replyPort(host, fromWebA(port)))).toEqual(accepted.map(() => 443));
  });

  it('evicts connections that were never answered', async () => {
    const host = await hostWith(hostProgram, { flowCountMax: 1 });
    arrive(host, toWebA(443, SYN, 39999));
    answer(host, fromWebA(39999));
    for (const port of clients) expect(arrive(host, toWebA(443, SYN, port)).verdict).toBe('deliver');
    expect(replyPort(host, fromWebA(39999))).toBe(443);
    expect(host.counters().natFlows).toEqual({ inserts: 101, expired: 0, evicted: 101 - PLACES });
    expect(clients.filter((port) => replyPort(host, fromWebA(port)) === 443)).toHaveLength(PLACES - 1);
  });

  it('gives the places of expired connections away', async () => {
    const host = await hostWith(hostProgram, { flowCountMax: 1 });
    for (const port of clients) {
      arrive(host, toWebA(443, SYN, port));
      answer(host, fromWebA(port));
    }
    expect(arrive(host, toWebA(443, SYN, 50000), 235 * TICK_MS).reason).toBe('flow-table-full');
    expect(arrive(host, toWebA(443, SYN, 50000), 236 * TICK_MS).verdict).toBe('deliver');
    // The sweep has emptied a bucket of four before.
    expect(host.counters().natFlows.expired).toBe(4);
  });
});

describe('host agent: tenants', () => {
  const OTHER_VNI = 6001;
  const nics: Nic[] = [hostProgram.nics[0], { key: 'nic-other', macAddress: WEB_B_MAC, vni: OTHER_VNI }];
  const [https] = hostProgram.translations;
  const vips = [VIP, '80.80.80.99'];
  /** The same DIP and port in two tenant networks, each behind a VIP of its own. */
  const program = { ...hostProgram, nics, translations: [https, { ...https, nic: 1, vip: vips[1] }] };
  const inbound = [
    tunnel(WEB_A_MAC).ipv4(CLIENT, vips[0]).tcp(40000, 443, SYN),
    tunnel(WEB_B_MAC, OTHER_VNI).ipv4(CLIENT, vips[1]).tcp(40000, 443, SYN),
  ];
  const outbound = [WEB_A_MAC, WEB_B_MAC].map((src) => eth({ src }).ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK));

  it('the same DIP in two networks gets its own packets and answers from its own VIP', async () => {
    const host = await hostWith(program);
    const delivered = inbound.map((packet) => arrive(host, packet).bytes as Uint8Array);
    expect(delivered.map((bytes) => [macText(bytes, 0), ipv4Text(bytes, 30)])).toEqual([
      [WEB_A_MAC, WEB_A],
      [WEB_B_MAC, WEB_A],
    ]);
    expect(outbound.map((packet) => ipv4Text(answer(host, packet).bytes as Uint8Array, 26))).toEqual(vips);
  });

  it('a connection of one is none of the other', async () => {
    const host = await hostWith(program);
    arrive(host, inbound[0]);
    expect([answer(host, outbound[0]).verdict, answer(host, outbound[1]).verdict]).toEqual(['reply', 'pass']);
  });

  it.each([
    { name: 'the MAC of one with the VNI of the other', in: tunnel(WEB_A_MAC, OTHER_VNI), reason: 'vni-mismatch' },
    { name: 'and the other way round', in: tunnel(WEB_B_MAC, VNI), reason: 'vni-mismatch' },
  ])('$name', async ({ in: start, reason }) => {
    const host = await hostWith(program);
    expect(arrive(host, start.ipv4(CLIENT, VIP).tcp(40000, 443, SYN)).reason).toBe(reason);
  });

  it('the VIP of one does not reach the other: the packet passes', async () => {
    const host = await hostWith(program);
    expect(arrive(host, tunnel(WEB_A_MAC).ipv4(CLIENT, vips[1]).tcp(40000, 443, SYN)).verdict).toBe('pass');
  });
});

describe('host agent: another program', () => {
  const [nicA, nicB] = hostProgram.nics;
  const ofNic = (nic: number, at: number): Translation[] =>
    hostProgram.translations.filter((each) => each.nic === nic).map((each) => ({ ...each, nic: at }));
  const onlyB: HostProgram = { ...hostProgram, nics: [nicB], translations: ofNic(1, 0) };
  const bThenA: HostProgram = { ...hostProgram, nics: [nicB, nicA], translations: [...ofNic(1, 0), ...ofNic(0, 1)] };
  const connected = async (): Promise<HostAgent> => {
    const host = await hostWith(hostProgram);
    arrive(host, toWebA(443, SYN));
    arrive(host, tunnel(WEB_B_MAC).ipv4(CLIENT, VIP).tcp(40000, 443, SYN));
    return host;
  };
  const fromWebB = eth({ src: WEB_B_MAC }).ipv4(WEB_B, CLIENT).tcp(8443, 40000, ACK);

  it('keeps the connections of NICs that stay, whatever their order', async () => {
    const host = await connected();
    host.apply(bThenA);
    expect([replyPort(host, fromWebA()), replyPort(host, fromWebB)]).toEqual([443, 443]);
  });

  it('keeps those of a rule that is gone: they may end in peace', async () => {
    const host = await connected();
    host.apply({ ...hostProgram, translations: [] });
    expect(replyPort(host, fromWebA())).toBe(443);
  });

  it('forgets those of a NIC that left, and keeps the others', async () => {
    const host = await connected();
    host.apply(onlyB);
    expect([replyPort(host, fromWebA()), replyPort(host, fromWebB)]).toEqual(['pass', 443]);
    host.apply(hostProgram);
    expect([replyPort(host, fromWebA()), replyPort(host, fromWebB)]).toEqual(['pass', 443]);
  });

  it('a NIC that takes over the place of another has none of its connections', async () => {
    const host = await connected();
    const newcomer = { ...nicA, key: 'nic-new', macAddress: '02:00:00:00:01:99' };
    host.apply({ ...hostProgram, nics: [newcomer, nicB] });
    expect(replyPort(host, eth({ src: newcomer.macAddress }).ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK))).toBe('pass');
  });

  it('with too little room names every capacity, and leaves the old one in force', async () => {
    const host = await hostWith(onlyB, { nicCountMax: 1, translationCountMax: onlyB.translations.length });
    let refused: unknown;
    try {
      host.apply(hostProgram);
    } catch (error) {
      refused = error;
    }
    expect(refused).toBeInstanceOf(EdgemuxError);
    expect(refused).toMatchObject({
      code: 'ERR_CAPACITY',
      problems: [
        { path: 'nicCountMax', expected: 'at least 2 for program host-A', got: '1' },
        { path: 'translationCountMax', expected: 'at least 7 for program host-A', got: '3' },
      ],
    });
    expect(host.current).toBe(onlyB);
    expect(arrive(host, toWebA(443, SYN)).reason).toBe('nic-unknown');
  });
});
