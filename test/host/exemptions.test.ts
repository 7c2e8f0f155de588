/** Destinations that VMs reach under their own address. */

import { HostAgent, type HostProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import {
  CLIENT,
  DIP_A,
  DIP_B,
  dualStackHost,
  type Family,
  ip,
  ofA,
  ofB,
  toA,
  VIPS,
} from '../support/dual-stack-host.js';
import { ACK, SYN } from '../support/packet.js';
import { VNI } from '../support/programs.js';

const OTHER_VNI = VNI + 1;

const program: HostProgram = {
  ...dualStackHost,
  exemptions: [
    { prefix: '10.0.0.0/8' },
    { prefix: '172.16.5.128/25', vni: VNI },
    { prefix: '172.17.0.0/16', vni: OTHER_VNI },
    { prefix: '2001:db8:e::/49' },
    { prefix: 'fd00:1::/64', vni: VNI },
    { prefix: 'fd00:2::/64', vni: OTHER_VNI },
    { prefix: '198.51.100.9/32' },
  ],
};

async function hostOf(of: HostProgram): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
  host.apply(of);
  return host;
}

const send = (host: HostAgent, family: Family, remote: string, flags = SYN) =>
  host.process(ip(ofA, family, DIP_A[family], remote).tcp(50000, 80, flags).bytes(), 0, { port: 'vm' }).verdict;

const rows: { name: string; family: Family; remote: string; verdict: 'pass' | 'reply' }[] = [
  { name: 'in a prefix for all', family: 4, remote: '10.255.255.255', verdict: 'pass' },
  { name: 'right behind it', family: 4, remote: '11.0.0.0', verdict: 'reply' },
  { name: 'in a prefix of its network', family: 4, remote: '172.16.5.128', verdict: 'pass' },
  { name: 'right before it', family: 4, remote: '172.16.5.127', verdict: 'reply' },
  { name: 'in a prefix of another network', family: 4, remote: '172.17.0.1', verdict: 'reply' },
  { name: 'a single address', family: 4, remote: '198.51.100.9', verdict: 'pass' },
  { name: 'the one behind', family: 4, remote: '198.51.100.10', verdict: 'reply' },
  { name: 'in a prefix for all', family: 6, remote: '2001:db8:e:7fff::1', verdict: 'pass' },
  { name: 'right behind it', family: 6, remote: '2001:db8:e:8000::1', verdict: 'reply' },
  { name: 'in a prefix of its network', family: 6, remote: 'fd00:1::ffff:ffff:ffff:ffff', verdict: 'pass' },
  { name: 'in a prefix of another network', family: 6, remote: 'fd00:2::1', verdict: 'reply' },
  { name: 'multicast', family: 4, remote: '224.0.0.251', verdict: 'pass' },
  { name: 'the last of multicast', family: 4, remote: '239.255.255.255', verdict: 'pass' },
  { name: 'right before multicast', family: 4, remote: '223.255.255.255', verdict: 'reply' },
  { name: 'broadcast', family: 4, remote: '255.255.255.255', verdict: 'pass' },
  { name: 'link-local', family: 4, remote: '169.254.169.254', verdict: 'pass' },
  { name: 'beside link-local', family: 4, remote: '169.253.255.255', verdict: 'reply' },
  { name: 'loopback', family: 4, remote: '127.0.0.1', verdict: 'pass' },
  { name: 'multicast', family: 6, remote: 'ff02::fb', verdict: 'pass' },
  { name: 'link-local', family: 6, remote: 'fe80::1', verdict: 'pass' },
  { name: 'the last of link-local', family: 6, remote: 'febf::1', verdict: 'pass' },
  { name: 'right behind link-local', family: 6, remote: 'fec0::1', verdict: 'reply' },
  { name: 'loopback', family: 6, remote: '::1', verdict: 'pass' },
  { name: 'anything else', family: 6, remote: '2606:4700::1111', verdict: 'reply' },
];

describe('host agent: exemptions', () => {
  it.each(rows)('IPv$family, $name ($remote): $verdict', async ({ family, remote, verdict }) => {
    expect(send(await hostOf(program), family, remote)).toBe(verdict);
  });

  it('hold for instance addresses, too', async () => {
    const host = await hostOf(program);
    const sent = (remote: string) =>
      host.process(ip(ofB, 4, DIP_B[4], remote).tcp(1, 80, ACK).bytes(), 0, { port: 'vm' }).verdict;
    expect([sent('10.1.1.1'), sent(CLIENT[4])]).toEqual(['pass', 'reply']);
  });

  it('do not matter to answers: who called is answered from the VIP', async () => {
    const host = await hostOf(program);
    host.process(ip(toA, 4, '10.1.1.1', VIPS[4]).tcp(40000, 443, SYN).bytes(), 0);
    const answer = ip(ofA, 4, DIP_A[4], '10.1.1.1').tcp(8443, 40000, ACK);
    expect(host.process(answer.bytes(), 0, { port: 'vm' }).verdict).toBe('reply');
    expect(send(host, 4, '10.1.1.1')).toBe('pass');
  });

  it('do not end a connection that was there before them', async () => {
    const host = await hostOf(dualStackHost);
    expect(send(host, 4, '10.1.1.1')).toBe('reply');
    host.apply(program);
    expect(send(host, 4, '10.1.1.1', ACK)).toBe('reply');
    expect(send(host, 4, '10.1.1.2')).toBe('pass');
  });

  it('fewer of them than before', async () => {
    const host = await hostOf(program);
    host.apply({ ...program, exemptions: [{ prefix: '0.0.0.0/0' }] });
    expect([send(host, 4, '11.0.0.0'), send(host, 6, '2001:db8:e::1')]).toEqual(['pass', 'reply']);
    host.apply({ ...program, exemptions: [] });
    expect([send(host, 4, '10.0.0.1'), send(host, 6, '2001:db8:e::2')]).toEqual(['reply', 'reply']);
  });

  it('as many as there is room for', async () => {
    const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64, exemptionCountMax: 7 });
    host.apply(program);
    expect([send(host, 4, '198.51.100.9'), send(host, 4, '198.51.100.10')]).toEqual(['pass', 'reply']);
  });
});
