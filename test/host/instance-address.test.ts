/** Instance-level public IPs: all that comes for one is the VM's, and all that the VM sends leaves from it. */

import { HostAgent, type HostProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import {
  atB,
  CLIENT,
  DIP_B,
  dualStackHost,
  FAMILIES,
  type Family,
  INSTANCE,
  ip,
  ofB,
  out,
  snatRule,
  toB,
  VIPS,
} from '../support/dual-stack-host.js';
import { ACK, type Packet, SYN } from '../support/packet.js';

async function hostOf(program: Partial<HostProgram> = {}): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
  host.apply({ ...dualStackHost, ...program });
  return host;
}

/** The same packet in every place it may be: only the addresses differ. */
interface Row {
  name: string;
  packet: (start: Packet, family: Family, source: string, destination: string) => Packet;
}

const ping = (start: Packet, family: Family, isReply: boolean) =>
  family === 4 ? start.icmp(isReply ? 0 : 8, 0, { rest: 7 }) : start.icmpv6(isReply ? 129 : 128, 0, { rest: 7 });

const rows: Row[] = [
  { name: 'TCP on any port', packet: (s, f, from, to) => ip(s, f, from, to).tcp(40000, 22, SYN) },
  { name: 'UDP', packet: (s, f, from, to) => ip(s, f, from, to).udp(40000, 53, { payload: 'question' }) },
  { name: 'a ping', packet: (s, f, from, to) => ping(ip(s, f, from, to), f, false).payload('data') },
  { name: 'the answer to one', packet: (s, f, from, to) => ping(ip(s, f, from, to), f, true).payload('data') },
  { name: 'ESP', packet: (s, f, from, to) => ip(s, f, from, to, { protocol: 50 }).payload('sealed') },
  {
    name: 'the first fragment of UDP',
    packet: (s, f, from, to) =>
      (f === 4 ? s.ipv4(from, to, { mf: true, id: 9 }) : s.ipv6(from, to).fragment({ more: true, id: 9 })).udp(4, 53, {
        payload: 'x'.repeat(16),
        udpLength: 1000,
      }),
  },
  {
    name: 'a later fragment, whatever came before',
    packet: (s, f, from, to) =>
      (f === 4
        ? s.ipv4(from, to, { fragmentOffset: 2, id: 9, protocol: 17 })
        : s.ipv6(from, to).fragment({ offset: 2, id: 9, nextHeader: 17 })
      ).payload('the rest of it'),
  },
];

describe.each(FAMILIES)('host agent: an instance address in IPv%i', (family) => {
  it.each(rows)('$name comes in', async ({ packet }) => {
    const host = await hostOf();
    const { verdict, reason, bytes } = host.process(packet(toB, family, CLIENT[family], INSTANCE[family]).bytes(), 0);
    const expected = packet(atB, family, CLIENT[family], DIP_B[family]);
    expect([verdict, reason, bytes && toHex(bytes)]).toEqual(['deliver', undefined, toHex(expected.bytes())]);
    expect(verifyFrame(bytes as Uint8Array, 'ethernet')).toEqual([]);
  });

  it.each(rows)('$name goes out, also when nothing came in before', async ({ packet }) => {
    const host = await hostOf();
    const sent = packet(ofB, family, DIP_B[family], CLIENT[family]);
    const { verdict, reason, bytes } = host.process(sent.bytes(), 0, { port: 'vm' });
    const expected = packet(out, family, INSTANCE[family], CLIENT[family]);
    expect([verdict, reason, bytes && toHex(bytes)]).toEqual(['reply', undefined, toHex(expected.bytes())]);
    expect(verifyFrame(bytes as Uint8Array, 'ethernet')).toEqual([]);
  });

  it('other ICMP comes in, too: not only pings', async () => {
    const host = await hostOf();
    const start = ip(toB, family, CLIENT[family], INSTANCE[family]);
    const message = family === 4 ? start.icmp(13) : start.icmpv6(139);
    expect(host.process(message.bytes(), 0).verdict).toBe('deliver');
  });

  it('a wrong ICMP checksum does not', async () => {
    const start = ip(toB, family, CLIENT[family], INSTANCE[family]);
    const message = family === 4 ? start.icmp(8, 0, { checksum: 1 }) : start.icmpv6(128, 0, { checksum: 1 });
    expect((await hostOf()).process(message.bytes(), 0).reason).toBe('icmp-checksum');
  });

  it('no other VIP of the VM is one: an answer to a connection through it leaves from there', async () => {
    const host = await hostOf();
    host.process(ip(toB, family, CLIENT[family], VIPS[family]).tcp(40000, 80, SYN).bytes(), 0);
    const { bytes } = host.process(ip(ofB, family, VIPS[family], CLIENT[family]).tcp(80, 40000, ACK).bytes(), 0, {
      port: 'vm',
    });
    expect(bytes && toHex(bytes)).toBe(
      toHex(ip(out, family, VIPS[family], CLIENT[family]).tcp(80, 40000, ACK).bytes()),
    );
    expect(host.process(ping(ip(toB, family, CLIENT[family], VIPS[family]), family, false).bytes(), 0).reason).toBe(
      'protocol',
    );
  });

  it('it goes before outbound rules', async () => {
    const host = await hostOf({ snatRules: [snatRule(family, { nic: 1, dip: DIP_B[family] })] });
    const sent = ip(ofB, family, DIP_B[family], CLIENT[family]).tcp(50000, 80, ACK);
    const { bytes } = host.process(sent.bytes(), 0, { port: 'vm' });
    const expected = ip(out, family, INSTANCE[family], CLIENT[family]).tcp(50000, 80, ACK);
    expect(bytes && toHex(bytes)).toBe(toHex(expected.bytes()));
  });

  it.each([33, 136])('protocol %i, whose checksum we do not mend, does not go through', async (protocol) => {
    const host = await hostOf();
    const inward = ip(toB, family, CLIENT[family], INSTANCE[family], { protocol }).payload('12345678');
    expect(host.process(inward.bytes(), 0).reason).toBe('protocol');
    const outward = ip(ofB, family, DIP_B[family], CLIENT[family], { protocol }).payload('12345678');
    expect(host.process(outward.bytes(), 0, { port: 'vm' }).verdict).toBe('pass');
  });

  it('TCP cut short is refused either way', async () => {
    const host = await hostOf();
    const inward = ip(toB, family, CLIENT[family], INSTANCE[family], { protocol: 6 }).payload(new Uint8Array(19));
    expect(host.process(inward.bytes(), 0).reason).toBe('tcp-truncated');
    const outward = ip(ofB, family, DIP_B[family], CLIENT[family], { protocol: 6 }).payload(new Uint8Array(19));
    expect(host.process(outward.bytes(), 0, { port: 'vm' }).reason).toBe('tcp-truncated');
  });

  it('of another NIC it is nothing to this one', async () => {
    const host = await hostOf({ snatRules: [] });
    const stolen = ip(ofB, family, dualStackHost.translations[family === 4 ? 0 : 5].dip, CLIENT[family]);
    expect(host.process(stolen.tcp(1, 80, SYN).bytes(), 0, { port: 'vm' }).verdict).toBe('pass');
  });
});
