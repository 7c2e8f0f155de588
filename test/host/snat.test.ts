/** Outbound connections: which VIP and leased port a VM calls out from, and what comes back to it. */

import { HostAgent, type HostProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import type { SnatRule } from '../../sdk/program/types.js';
import { be16, toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import {
  atA,
  CLIENT,
  DIP_A,
  dualStackHost,
  FAMILIES,
  type Family,
  ip,
  ofA,
  out,
  SNAT_VIP,
  snatRule,
  toA,
} from '../support/dual-stack-host.js';
import { ACK, type Packet, RST, SYN } from '../support/packet.js';

/** Ports 1024..1031 unless told otherwise. */
const PORTS = Array.from({ length: 8 }, (_, index) => 1024 + index);

async function hostOf(rules: readonly SnatRule[], program: Partial<HostProgram> = {}): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 4096 });
  host.apply({ ...dualStackHost, snatRules: rules, ...program });
  return host;
}

const send = (host: HostAgent, packet: Packet, nowMs = 0) => host.process(packet.bytes(), nowMs, { port: 'vm' });
const arrive = (host: HostAgent, packet: Packet, nowMs = 0) => host.process(packet.bytes(), nowMs);
const fromA = (family: Family, remote: string = CLIENT[family]) => ip(ofA, family, DIP_A[family], remote);
const backTo = (family: Family, remote: string = CLIENT[family]) => ip(toA, family, remote, SNAT_VIP[family]);

/** Offset of the source port of TCP and UDP in a frame without options. */
const SOURCE_PORT = { 4: 34, 6: 54 } as const;
const IDENTIFIER = { 4: 38, 6: 58 } as const;

/** The source port a packet left with, or why it did not leave. */
function portOf(host: HostAgent, packet: Packet, family: Family = 4, nowMs = 0): number | string {
  const { verdict, reason, bytes } = send(host, packet, nowMs);
  return verdict === 'reply' && bytes ? be16(bytes, SOURCE_PORT[family]) : (reason ?? verdict);
}

describe.each(FAMILIES)('host agent: a VM calls out in IPv%i', (family) => {
  const rule = snatRule(family);

  it.each([
    { name: 'TCP', there: (p: Packet, a: number, b: number) => p.tcp(a, b, SYN), back: SYN | ACK },
    { name: 'UDP', there: (p: Packet, a: number, b: number) => p.udp(a, b, { payload: 'question' }), back: 0 },
  ])('$name: from a leased port of the VIP, and back to its own', async ({ name, there, back }) => {
    const host = await hostOf([rule]);
    const { verdict, bytes } = send(host, there(fromA(family), 50000, 80));
    const port = be16(bytes as Uint8Array, SOURCE_PORT[family]);
    expect(PORTS).toContain(port);
    expect([verdict, toHex(bytes as Uint8Array)]).toEqual([
      'reply',
      toHex(there(ip(out, family, SNAT_VIP[family], CLIENT[family]), port, 80).bytes()),
    ]);
    const answer = (start: Packet, to: number) =>
      name === 'TCP' ? start.tcp(80, to, back) : start.udp(80, to, { payload: 'answer' });
    const returned = arrive(host, answer(backTo(family), port));
    expect([returned.verdict, returned.bytes && toHex(returned.bytes)]).toEqual([
      'deliver',
      toHex(answer(ip(atA, family, CLIENT[family], DIP_A[family]), 50000).bytes()),
    ]);
    for (const each of [bytes, returned.bytes]) expect(verifyFrame(each as Uint8Array, 'ethernet')).toEqual([]);
    expect(portOf(host, there(fromA(family), 50000, 80), family)).toBe(port);
    expect(host.counters().snat).toEqual({ allocated: 1, exhausted: 0, overShare: 0 });
  });

  const ping = (start: Packet, identifier: number, isReply = false, rest = 0x0007) => {
    const fields = { rest: (identifier * 0x10000 + rest) >>> 0 };
    return family === 4 ? start.icmp(isReply ? 0 : 8, 0, fields) : start.icmpv6(isReply ? 129 : 128, 0, fields);
  };

  it('a ping: its identifier is the port', async () => {
    const host = await hostOf([rule]);
    const { verdict, bytes } = send(host, ping(fromA(family), 0xabcd).payload('data'));
    const identifier = be16(bytes as Uint8Array, IDENTIFIER[family]);
    expect(PORTS).toContain(identifier);
    const left = ping(ip(out, family, SNAT_VIP[family], CLIENT[family]), identifier).payload('data');
    expect([verdict, toHex(bytes as Uint8Array)]).toEqual(['reply', toHex(left.bytes())]);
    const { bytes: returned } = arrive(host, ping(backTo(family), identifier, true).payload('data'));
    const delivered = ping(ip(atA, family, CLIENT[family], DIP_A[family]), 0xabcd, true).payload('data');
    expect(returned && toHex(returned)).toBe(toHex(delivered.bytes()));
    expect(be16(send(host, ping(fromA(family), 0xabcd)).bytes as Uint8Array, IDENTIFIER[family])).toBe(identifier);
  });

  it('an echo reply that is all zeros but for its checksum', async () => {
    const host = await hostOf([rule]);
    const { bytes } = send(host, ping(fromA(family), 0, false, 0));
    const identifier = be16(bytes as Uint8Array, IDENTIFIER[family]);
    const { bytes: returned } = arrive(host, ping(backTo(family), identifier, true, 0));
    const delivered = ping(ip(atA, family, CLIENT[family], DIP_A[family]), 0, true, 0);
    expect(returned && toHex(returned)).toBe(toHex(delivered.bytes()));
  });

  it('what comes back for nobody', async () => {
    const host = await hostOf([rule]);
    const port = portOf(host, fromA(family).udp(50000, 53), family) as number;
    const others = [
      { name: 'another port', packet: backTo(family).udp(53, port === 1024 ? 1025 : 1024) },
      { name: 'from another port', packet: backTo(family).udp(54, port) },
      { name: 'from another host', packet: backTo(family, family === 4 ? '192.0.2.8' : '2001:db8:c::8').udp(53, port) },
      { name: 'of another protocol', packet: backTo(family).tcp(53, port, ACK) },
      { name: 'an echo reply', packet: ping(backTo(family), port, true) },
    ];
    for (const { name, packet } of others) expect([name, arrive(host, packet).reason]).toEqual([name, 'snat-unknown']);
    expect(arrive(host, backTo(family).udp(53, port)).verdict).toBe('deliver');
  });

  it('an echo reply to a VIP nobody calls from has no rule', async () => {
    const host = await hostOf([]);
    const toVip = ip(
      toA,
      family,
      CLIENT[family],
      dualStackHost.translations.find(({ vip }) => vip.includes(':') === (family === 6))!.vip,
    );
    expect(arrive(host, ping(toVip, 1024, true)).reason).toBe('no-rule');
  });
});

describe('host agent: leased ports', () => {
  const syn = (localPort: number, remotePort = 80, remote?: string) => fromA(4, remote).tcp(localPort, remotePort, SYN);

  it('as many connections to one remote end as there are ports, and no more', async () => {
    const host = await hostOf([snatRule(4)]);
    const ports = PORTS.map((_, index) => portOf(host, syn(50000 + index)));
    expect(new Set(ports)).toEqual(new Set(PORTS));
    expect(portOf(host, syn(50008))).toBe('snat-exhausted');
    expect(portOf(host, syn(50000))).toBe(ports[0]);
    expect(host.counters().snat).toEqual({ allocated: 8, exhausted: 1, overShare: 0 });
    expect(host.snatDemand()).toEqual([
      {
        nic: 'nic-a',
        dip: DIP_A[4],
        rule: '/outbound/web',
        vip: SNAT_VIP[4],
        portCount: 8,
        allocated: 8,
        exhausted: 1,
      },
    ]);
  });

  it('another remote address or port has all of them again', async () => {
    const host = await hostOf([snatRule(4)]);
    for (const port of PORTS) portOf(host, syn(port));
    expect(PORTS).toContain(portOf(host, syn(50009, 81)));
    expect(PORTS).toContain(portOf(host, syn(50009, 80, '192.0.2.8')));
    expect(PORTS).toContain(portOf(host, fromA(4).udp(50009, 80)));
    expect(portOf(host, syn(50009))).toBe('snat-exhausted');
  });

  it('what was idle for too long is free again', async () => {
    const host = await hostOf([snatRule(4, { idleTimeoutMs: 240_000 })]);
    for (const port of PORTS) portOf(host, syn(port));
    const at = (ticks: number) => ticks * 1024;
    expect(portOf(host, syn(50009), 4, at(235))).toBe('snat-exhausted');
    expect(PORTS).toContain(portOf(host, syn(50009), 4, at(236)));
  });

  it('either side keeps the connection alive', async () => {
    const host = await hostOf([snatRule(4)]);
    const port = portOf(host, syn(50000)) as number;
    const at = (ticks: number) => ticks * 1024;
    expect(arrive(host, backTo(4).tcp(80, port, ACK), at(235)).verdict).toBe('deliver');
    expect(portOf(host, fromA(4).tcp(50000, 80, ACK), 4, at(470))).toBe(port);
    expect(arrive(host, backTo(4).tcp(80, port, ACK), at(705)).verdict).toBe('deliver');
    expect(arrive(host, backTo(4).tcp(80, port, ACK), at(941)).reason).toBe('snat-unknown');
    expect(portOf(host, fromA(4).tcp(50000, 80, ACK), 4, at(941))).toBe('snat-unknown');
  });

  it('several ranges are one list', async () => {
    const ranges = [
      { firstPort: 2048, portCount: 8 },
      { firstPort: 1024, portCount: 8 },
    ];
    const host = await hostOf([snatRule(4, { ranges })]);
    const ports = Array.from({ length: 16 }, (_, index) => portOf(host, syn(50000 + index)));
    expect(new Set(ports)).toEqual(new Set([...PORTS, ...PORTS.map((port) => port + 1024)]));
    expect(portOf(host, syn(50016))).toBe('snat-exhausted');
  });

  it('a rule is looked through for 64 ports', async () => {
    const host = await hostOf([snatRule(4, { ranges: [{ firstPort: 1024, portCount: 1024 }] })]);
    const ports = Array.from({ length: 200 }, (_, index) => portOf(host, syn(50000 + index)));
    expect(new Set(ports).size).toBe(200);
    expect(ports.every((port) => typeof port === 'number' && port >= 1024 && port < 2048)).toBe(true);
  });

  it('a rule without ports is exhausted', async () => {
    const host = await hostOf([snatRule(4, { ranges: [] })]);
    expect(portOf(host, syn(50000))).toBe('snat-exhausted');
    expect(host.snatDemand()).toMatchObject([{ portCount: 0, allocated: 0, exhausted: 1 }]);
  });
});

describe('host agent: several outbound rules', () => {
  const tcp = snatRule(4, { protocol: 6, rule: '/outbound/tcp', ranges: [{ firstPort: 4096, portCount: 8 }] });
  const any = snatRule(4, { rule: '/outbound/any' });
  const more = snatRule(4, { rule: '/outbound/more', vip: '80.80.80.71', ranges: [{ firstPort: 8192, portCount: 8 }] });

  it('are tried in order, each for its protocol', async () => {
    const host = await hostOf([tcp, any]);
    expect(portOf(host, fromA(4).tcp(50000, 80, SYN))).toBeGreaterThanOrEqual(4096);
    expect(portOf(host, fromA(4).udp(50000, 80))).toBeLessThan(1032);
    expect(send(host, fromA(4).icmp()).verdict).toBe('reply');
  });

  it('a rule for TCP takes neither UDP nor pings', async () => {
    const host = await hostOf([tcp]);
    expect(portOf(host, fromA(4).udp(50000, 80))).toBe('pass');
    expect(send(host, fromA(4).icmp()).verdict).toBe('pass');
  });

  it('the next has a port when the first has none', async () => {
    const host = await hostOf([any, more]);
    const left = Array.from({ length: 16 }, (_, index) => send(host, fromA(4).tcp(50000 + index, 80, SYN)));
    expect(left.map(({ verdict }) => verdict)).toEqual(Array(16).fill('reply'));
    const vips = left.map(({ bytes }) => (bytes as Uint8Array)[29]);
    expect(vips).toEqual([...Array(8).fill(70), ...Array(8).fill(71)]);
    expect(portOf(host, fromA(4).tcp(50016, 80, SYN))).toBe('snat-exhausted');
    expect(host.snatDemand()).toMatchObject([
      { rule: '/outbound/any', allocated: 8, exhausted: 9 },
      { rule: '/outbound/more', allocated: 8, exhausted: 1 },
    ]);
  });
});

describe('host agent: what is not translated on the way out', () => {
  const rows: { name: string; in: Packet; out: string }[] = [
    { name: 'TCP that opens nothing', in: fromA(4).tcp(50000, 80, ACK), out: 'snat-unknown' },
    { name: 'an answer to a call nobody saw', in: fromA(4).tcp(50000, 80, SYN | ACK), out: 'snat-unknown' },
    { name: 'a reset', in: fromA(4).tcp(50000, 80, RST), out: 'snat-unknown' },
    { name: 'SYN and RST at once', in: fromA(4).tcp(50000, 80, SYN | RST), out: 'snat-unknown' },
    {
      name: 'TCP with a header that is cut',
      in: fromA(4).tcp(50000, 80, SYN, { dataOffset: 6 }),
      out: 'tcp-header-length',
    },
    { name: 'a UDP length that lies', in: fromA(4).udp(50000, 80, { udpLength: 7 }), out: 'udp-length' },
    { name: '7 bytes of UDP', in: ip(ofA, 4, DIP_A[4], CLIENT[4], { protocol: 17 }).payload('1234567'), out: 'pass' },
    { name: '7 bytes of ICMP', in: ip(ofA, 4, DIP_A[4], CLIENT[4], { protocol: 1 }).payload('1234567'), out: 'pass' },
    { name: 'GRE', in: ip(ofA, 4, DIP_A[4], CLIENT[4], { protocol: 47 }).payload('tunnel'), out: 'pass' },
    { name: 'an echo reply', in: fromA(4).icmp(0), out: 'pass' },
    { name: 'a timestamp request', in: fromA(4).icmp(13), out: 'pass' },
    { name: 'an address without a rule', in: ip(ofA, 4, '192.168.1.99', CLIENT[4]).tcp(1, 80, SYN), out: 'pass' },
    { name: 'IPv6 without a rule', in: fromA(6).tcp(50000, 80, SYN), out: 'pass' },
    { name: 'an unknown IPv6 address', in: ip(ofA, 6, 'fd00:1::99', CLIENT[6]).tcp(1, 80, SYN), out: 'pass' },
  ];
  it.each(rows)('$name: $out', async ({ in: packet, out: expected }) => {
    const { verdict, reason, bytes } = send(await hostOf([snatRule(4)]), packet);
    expect(reason ?? verdict).toBe(expected);
    if (verdict === 'pass') expect(bytes).toEqual(packet.bytes());
  });
});
