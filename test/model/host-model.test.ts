/** The host agent model on packets worked out by hand. */

import { describe, expect, it } from 'vitest';
import type { HostProgram } from '../../sdk/program/types.js';
import { fromHex } from '../support/bytes.js';
import { fullHost, HOST_A_6, VIP_6 } from '../support/host-programs.js';
import { ACK, eth, ipv4, type Packet, RST, SYN } from '../support/packet.js';
import {
  GATEWAY_MAC,
  HOST_A,
  HOST_A_MAC,
  hostProgram,
  MUX,
  VIP,
  VNI,
  WEB_A,
  WEB_A_MAC,
  WEB_B_MAC,
} from '../support/programs.js';
import { HostModel, type HostResult, type Port } from './host-model.js';

const CLIENT = '192.0.2.7';
const outer = eth().ipv4(MUX, HOST_A).udp(50000, 4789);
const toWebA = outer.vxlan(VNI).eth({ dst: WEB_A_MAC });
const toWebB = outer.vxlan(VNI).eth({ dst: WEB_B_MAC });
const delivered = (mac: string): Packet => eth({ src: HOST_A_MAC, dst: mac });

function process(packet: Packet, port: Port = 'underlay', model = new HostModel(hostProgram), nowMs = 0): HostResult {
  return model.process(packet.bytes(), packet.link, port, nowMs);
}

describe('host model: from the underlay', () => {
  const rows: { name: string; in: Packet; verdict: string; reason?: string }[] = [
    { name: 'to another host', in: eth().ipv4(MUX, '10.0.0.22').udp(1, 4789).vxlan(VNI), verdict: 'pass' },
    { name: 'TCP to the host', in: eth().ipv4(MUX, HOST_A, { checksum: 0 }).tcp(1, 22, SYN), verdict: 'pass' },
    { name: 'DNS to the host', in: eth().ipv4(MUX, HOST_A).udp(1, 53), verdict: 'pass' },
    {
      name: 'a first fragment of a tunnel',
      in: eth().ipv4(MUX, HOST_A, { mf: true }).udp(1, 4789).vxlan(VNI),
      verdict: 'drop',
      reason: 'fragment',
    },
    {
      name: 'a later fragment',
      in: eth().ipv4(MUX, HOST_A, { fragmentOffset: 1 }).udp(1, 4789).vxlan(VNI),
      verdict: 'pass',
    },
    {
      name: 'seven bytes of VXLAN header',
      in: outer.payload('\x08      '),
      verdict: 'drop',
      reason: 'vxlan-truncated',
    },
    { name: 'no I flag', in: outer.vxlan(VNI, { flags: 0xf7 }).eth(), verdict: 'drop', reason: 'vxlan-flags' },
    { name: 'no inner frame', in: outer.vxlan(VNI), verdict: 'drop', reason: 'inner-truncated' },
    { name: 'an inner tag', in: outer.vxlan(VNI).eth().vlan(1), verdict: 'drop', reason: 'inner-vlan' },
    { name: 'inner ARP', in: outer.vxlan(VNI).eth({ type: 0x0806 }), verdict: 'pass' },
    { name: 'an unknown VM', in: outer.vxlan(VNI).eth(), verdict: 'drop', reason: 'nic-unknown' },
    { name: 'another VNI', in: outer.vxlan(1).eth({ dst: WEB_A_MAC }), verdict: 'drop', reason: 'vni-mismatch' },
    { name: 'VM to VM', in: toWebA.ipv4('192.168.1.5', WEB_A).tcp(1, 22, SYN), verdict: 'pass' },
    { name: 'ICMP to the VIP', in: toWebA.ipv4(CLIENT, VIP).icmp(), verdict: 'drop', reason: 'protocol' },
    { name: 'a port of no rule', in: toWebB.ipv4(CLIENT, VIP).tcp(1, 22, SYN), verdict: 'drop', reason: 'no-rule' },
  ];
  it.each(rows)('$name: $verdict $reason', ({ in: packet, verdict, reason }) => {
    const result = process(packet);
    expect([result.verdict, result.reason]).toEqual([verdict, reason]);
  });

  it('a packet for the VIP becomes one for the DIP and its port, and loses its padding', () => {
    expect(process(toWebA.ipv4(CLIENT, VIP).tcp(40000, 443, SYN).pad(60))).toEqual({
      verdict: 'deliver',
      bytes: delivered(WEB_A_MAC).ipv4(CLIENT, WEB_A).tcp(40000, 8443, SYN).bytes(),
      nic: 'nic-a',
    });
  });

  it('floating IP keeps the VIP and rewrites the port', () => {
    expect(process(toWebB.ipv4(CLIENT, VIP).udp(40000, 1000)).bytes).toEqual(
      delivered(WEB_B_MAC).ipv4(CLIENT, VIP).udp(40000, 5353).bytes(),
    );
  });

  it('a bare tunnel holds a bare packet', () => {
    const tunnel = ipv4(MUX, HOST_A).udp(50000, 4789).vxlan(VNI).eth({ dst: WEB_A_MAC });
    expect(process(tunnel.ipv4(CLIENT, VIP).tcp(40000, 443, SYN)).bytes).toEqual(
      ipv4(CLIENT, WEB_A).tcp(40000, 8443, SYN).bytes(),
    );
  });

  it('two ports of the VIP on one port of the VM: the second client connection conflicts until it opens anew', () => {
    const model = new HostModel(hostProgram);
    const to = (vipPort: number, flags: number): HostResult =>
      process(toWebA.ipv4(CLIENT, VIP).tcp(40000, vipPort, flags), 'underlay', model);
    expect(to(443, SYN).verdict).toBe('deliver');
    expect(to(8443, ACK).reason).toBe('nat-conflict');
    expect(to(8443, SYN | ACK).reason).toBe('nat-conflict');
    expect(to(8443, SYN).verdict).toBe('deliver');
    expect(to(443, ACK).reason).toBe('nat-conflict');
  });
});

describe('host model: from a VM', () => {
  const answer = (flags: number): Packet =>
    eth({ src: WEB_A_MAC, dst: '02:00:00:00:00:fe' }).ipv4(WEB_A, CLIENT).tcp(8443, 40000, flags);
  const connected = (): HostModel => {
    const model = new HostModel(hostProgram);
    process(toWebA.ipv4(CLIENT, VIP).tcp(40000, 443, SYN), 'underlay', model);
    return model;
  };

  it('an answer comes from the VIP and goes to the gateway', () => {
    expect(process(answer(SYN | ACK).pad(60), 'vm', connected())).toEqual({
      verdict: 'reply',
      bytes: eth({ src: HOST_A_MAC, dst: GATEWAY_MAC })
        .ipv4(VIP, CLIENT)
        .tcp(443, 40000, SYN | ACK)
        .bytes(),
      nic: 'nic-a',
    });
  });

  it('a shared capture is told apart by the source MAC address', () => {
    expect(process(answer(ACK), 'shared', connected()).verdict).toBe('reply');
    expect(process(answer(ACK), 'underlay', connected()).verdict).toBe('pass');
  });

  it('what is no answer passes', () => {
    expect(process(answer(RST), 'vm').verdict).toBe('pass');
    const otherVm = eth({ src: WEB_B_MAC }).ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK);
    expect(process(otherVm, 'vm', connected()).verdict).toBe('pass');
  });

  it('an answer after the idle timeout passes', () => {
    expect(process(answer(ACK), 'vm', connected(), 235 * 1024).verdict).toBe('reply');
    expect(process(answer(ACK), 'vm', connected(), 236 * 1024).verdict).toBe('pass');
  });

  it('malformed TCP of an answer is dropped; that of other connections passes', () => {
    const whole = eth({ src: WEB_A_MAC }).ipv4(WEB_A, CLIENT);
    expect(process(whole.tcp(8443, 40000, ACK, { dataOffset: 4 }), 'vm', connected()).reason).toBe('tcp-header-length');
    expect(process(whole.tcp(1, 2, ACK, { dataOffset: 4 }), 'vm', connected()).verdict).toBe('pass');
  });
});

describe('host model: both families, both tunnels', () => {
  const CLIENT_6 = '2001:db8:c::7';
  const WEB_A_6 = 'fd00:1::4';
  const inner = (start: Packet, to: string, port: number) => start.ipv6(CLIENT_6, to).tcp(40000, port, SYN);
  const nvgre = { ...fullHost, encapsulation: 'nvgre' } as const;

  const rows: { name: string; program: HostProgram; outer: Packet }[] = [
    { name: 'VXLAN over IPv4', program: fullHost, outer: eth().ipv4(MUX, HOST_A).udp(50000, 4789).vxlan(VNI) },
    { name: 'VXLAN over IPv6', program: fullHost, outer: eth().ipv6('fd00::11', HOST_A_6).udp(50000, 4789).vxlan(VNI) },
    { name: 'NVGRE over IPv4', program: nvgre, outer: eth().ipv4(MUX, HOST_A).nvgre(VNI, 9) },
    { name: 'NVGRE over IPv6', program: nvgre, outer: eth().ipv6('fd00::11', HOST_A_6).hopByHop().nvgre(VNI, 9) },
  ];
  it.each(rows)('$name', ({ program, outer: tunnel }) => {
    const result = process(inner(tunnel.eth({ dst: WEB_A_MAC }), VIP_6, 443), 'underlay', new HostModel(program));
    expect(result).toEqual({
      verdict: 'deliver',
      bytes: inner(delivered(WEB_A_MAC), WEB_A_6, 8443).bytes(),
      nic: 'nic-a',
    });
  });

  const refused: { name: string; program: HostProgram; in: Packet; verdict: string; reason?: string }[] = [
    { name: 'NVGRE in a VXLAN fabric', program: fullHost, in: eth().ipv4(MUX, HOST_A).nvgre(VNI), verdict: 'pass' },
    {
      name: 'VXLAN in an NVGRE fabric',
      program: nvgre,
      in: eth().ipv4(MUX, HOST_A).udp(1, 4789).vxlan(VNI),
      verdict: 'pass',
    },
    {
      name: 'another GRE',
      program: nvgre,
      in: eth().ipv4(MUX, HOST_A).nvgre(VNI, 0, { type: 0x0800 }),
      verdict: 'pass',
    },
    {
      name: 'GRE with a sequence number',
      program: nvgre,
      in: eth().ipv4(MUX, HOST_A).nvgre(VNI, 0, { flags: 0x3000 }),
      verdict: 'drop',
      reason: 'gre-flags',
    },
    {
      name: 'GRE that ends before its key',
      program: nvgre,
      in: eth()
        .ipv4(MUX, HOST_A, { protocol: 47 })
        .payload(fromHex('20006558 00138900'.slice(0, 14))),
      verdict: 'drop',
      reason: 'gre-truncated',
    },
    {
      name: 'the first fragment of a tunnel',
      program: nvgre,
      in: eth().ipv6('fd00::11', HOST_A_6).fragment({ more: true }).nvgre(VNI),
      verdict: 'drop',
      reason: 'fragment',
    },
    {
      name: 'a chain of extension headers that ends nowhere',
      program: nvgre,
      in: eth().ipv6('fd00::11', HOST_A_6).routing({ segmentsLeft: 1 }).nvgre(VNI),
      verdict: 'pass',
    },
  ];
  it.each(refused)('$name: $verdict $reason', ({ program, in: packet, verdict, reason }) => {
    const result = process(packet, 'underlay', new HostModel(program));
    expect([result.verdict, result.reason]).toEqual([verdict, reason]);
  });

  it('congestion on the way to a sender that does not know the mark', () => {
    const marked = eth().ipv4(MUX, HOST_A, { tos: 3 }).udp(50000, 4789).vxlan(VNI).eth({ dst: WEB_A_MAC });
    expect(process(marked.ipv4(CLIENT, VIP).tcp(40000, 443, SYN)).reason).toBe('ecn');
    expect(process(marked.ipv4(CLIENT, VIP, { tos: 2 }).tcp(40000, 443, SYN)).bytes).toEqual(
      delivered(WEB_A_MAC).ipv4(CLIENT, WEB_A, { tos: 3 }).tcp(40000, 8443, SYN).bytes(),
    );
  });
});
