/** Connections of the VMs' own: which port they leave from, what comes back to them, and what is left alone. */

import { describe, expect, it } from 'vitest';
import type { SnatRule } from '../../sdk/program/types.js';
import { toHex } from '../support/bytes.js';
import { fullHost, OUT_VIP, OUT_VIP_6, PUBLIC_IP, PUBLIC_IP_6 } from '../support/host-programs.js';
import { ACK, eth, type Packet, SYN } from '../support/packet.js';
import { GATEWAY_MAC, HOST_A, HOST_A_MAC, MUX, VIP, VNI, WEB_A, WEB_A_MAC, WEB_B } from '../support/programs.js';
import { HostModel, type HostResult } from './host-model.js';

const SERVER = '198.51.100.9';
const SERVER_6 = '2001:db8:c::9';
const WEB_A_6 = 'fd00:1::4';
const WEB_C_MAC = fullHost.nics[2]!.macAddress;

function rule(more: Partial<SnatRule>): SnatRule {
  const ranges = [{ firstPort: 1024, portCount: 8 }];
  return { nic: 0, dip: WEB_A, vip: OUT_VIP, protocol: 0, ranges, idleTimeoutMs: 60_000, rule: '/out', ...more };
}

const fromVm = eth({ src: WEB_A_MAC });
const toGateway = eth({ src: HOST_A_MAC, dst: GATEWAY_MAC });
const toVm = eth({ src: HOST_A_MAC, dst: WEB_A_MAC });
const tunnel = eth().ipv4(MUX, HOST_A).udp(50000, 4789).vxlan(VNI).eth({ dst: WEB_A_MAC });

class Host {
  readonly model: HostModel;

  constructor(...rules: SnatRule[]) {
    this.model = new HostModel({ ...fullHost, snatRules: rules });
  }

  leave(packet: Packet, nowMs = 0, produced?: Packet): HostResult {
    return this.model.process(packet.bytes(), 'ethernet', 'vm', nowMs, produced?.bytes());
  }

  arrive(packet: Packet, nowMs = 0): HostResult {
    return this.model.process(packet.bytes(), 'ethernet', 'underlay', nowMs);
  }
}

/** What is sent, in hexadecimal, or why nothing is. */
function out({ verdict, reason, bytes }: HostResult): string {
  return reason ?? (bytes ? `${verdict} ${toHex(bytes)}` : verdict);
}

const reply = (packet: Packet): string => `reply ${toHex(packet.bytes())}`;
const deliver = (packet: Packet): string => `deliver ${toHex(packet.bytes())}`;

describe('host model: leased ports', () => {
  it('a connection out, its answer, and what follows', () => {
    const host = new Host(rule({}));
    expect(out(host.leave(fromVm.ipv4(WEB_A, SERVER).tcp(5555, 443, SYN)))).toBe(
      reply(toGateway.ipv4(OUT_VIP, SERVER).tcp(1024, 443, SYN)),
    );
    expect(out(host.arrive(tunnel.ipv4(SERVER, OUT_VIP).tcp(443, 1024, SYN | ACK)))).toBe(
      deliver(toVm.ipv4(SERVER, WEB_A).tcp(443, 5555, SYN | ACK)),
    );
    expect(out(host.leave(fromVm.ipv4(WEB_A, SERVER).tcp(5555, 443, ACK)))).toBe(
      reply(toGateway.ipv4(OUT_VIP, SERVER).tcp(1024, 443, ACK)),
    );
  });

  it('a ping: its identifier is its port, in both families', () => {
    const host = new Host(rule({}), rule({ dip: WEB_A_6, vip: OUT_VIP_6 }));
    expect(out(host.leave(fromVm.ipv4(WEB_A, SERVER).icmp(8, 0, { rest: 0x00070001 })))).toBe(
      reply(toGateway.ipv4(OUT_VIP, SERVER).icmp(8, 0, { rest: 0x04000001 })),
    );
    expect(out(host.arrive(tunnel.ipv4(SERVER, OUT_VIP).icmp(0, 0, { rest: 0x04000001 })))).toBe(
      deliver(toVm.ipv4(SERVER, WEB_A).icmp(0, 0, { rest: 0x00070001 })),
    );
    expect(out(host.leave(fromVm.ipv6(WEB_A_6, SERVER_6).icmpv6(128, 0, { rest: 0x00070001 })))).toBe(
      reply(toGateway.ipv6(OUT_VIP_6, SERVER_6).icmpv6(128, 0, { rest: 0x04000001 })),
    );
    expect(out(host.arrive(tunnel.ipv6(SERVER_6, OUT_VIP_6).icmpv6(129, 0, { rest: 0x04000001 })))).toBe(
      deliver(toVm.ipv6(SERVER_6, WEB_A_6).icmpv6(129, 0, { rest: 0x00070001 })),
    );
  });

  it('one port serves many servers, and one server no more connections than there are ports', () => {
    const host = new Host(rule({}));
    const open = (vmPort: number, serverPort: number) => host.leave(fromVm.ipv4(WEB_A, SERVER).udp(vmPort, serverPort));
    for (let port = 0; port < 8; port++) {
      expect(out(open(5000 + port, 53))).toBe(reply(toGateway.ipv4(OUT_VIP, SERVER).udp(1024 + port, 53)));
    }
    expect(open(5008, 53).reason).toBe('snat-exhausted');
    expect(out(open(5008, 54))).toBe(reply(toGateway.ipv4(OUT_VIP, SERVER).udp(1024, 54)));
    expect(out(open(5003, 53))).toBe(reply(toGateway.ipv4(OUT_VIP, SERVER).udp(1027, 53)));
  });

  it('rules in their order: those of other protocols and those without ports are passed over', () => {
    const host = new Host(
      rule({ protocol: 6 }),
      rule({ protocol: 17, ranges: [] }),
      rule({ vip: VIP, ranges: [{ firstPort: 2048, portCount: 8 }] }),
    );
    expect(out(host.leave(fromVm.ipv4(WEB_A, SERVER).udp(5555, 53)))).toBe(
      reply(toGateway.ipv4(VIP, SERVER).udp(2048, 53)),
    );
  });

  it('a data plane chooses among the free ports, and only among them', () => {
    const host = new Host(rule({}));
    const sent = (vmPort: number) => fromVm.ipv4(WEB_A, SERVER).udp(vmPort, 53);
    const from = (port: number) => toGateway.ipv4(OUT_VIP, SERVER).udp(port, 53);
    expect(out(host.leave(sent(5000), 0, from(1030)))).toBe(reply(from(1030)));
    expect(out(host.leave(sent(5001), 0, from(1030)))).toBe(reply(from(1024)));
    expect(out(host.leave(sent(5002), 0, from(1032)))).toBe(reply(from(1025)));
  });

  it('a dead connection leaves its port', () => {
    const host = new Host(rule({ ranges: [{ firstPort: 1024, portCount: 8 }], idleTimeoutMs: 10 * 1024 }));
    for (let port = 0; port < 8; port++) host.leave(fromVm.ipv4(WEB_A, SERVER).udp(5000 + port, 53));
    const late = fromVm.ipv4(WEB_A, SERVER).udp(5008, 53);
    expect(host.leave(late, 10 * 1024).reason).toBe('snat-exhausted');
    expect(host.leave(late, 11 * 1024).verdict).toBe('reply');
  });

  const unknown: { name: string; result: (host: Host) => HostResult; reason: string }[] = [
    {
      name: 'TCP that opens nothing',
      result: (host) => host.leave(fromVm.ipv4(WEB_A, SERVER).tcp(5555, 443, ACK)),
      reason: 'snat-unknown',
    },
    {
      name: 'for a port nobody has opened',
      result: (host) => host.arrive(tunnel.ipv4(SERVER, OUT_VIP).tcp(443, 1024, ACK)),
      reason: 'snat-unknown',
    },
    {
      name: 'an answer to no ping',
      result: (host) => host.arrive(tunnel.ipv4(SERVER, OUT_VIP).icmp(0, 0, { rest: 0x04000001 })),
      reason: 'snat-unknown',
    },
    {
      name: 'an answer to no ping, of a VIP without leased ports',
      result: (host) => host.arrive(tunnel.ipv4(SERVER, VIP).icmp(0, 0, { rest: 0x04000001 })),
      reason: 'no-rule',
    },
    { name: 'a ping', result: (host) => host.arrive(tunnel.ipv4(SERVER, OUT_VIP).icmp()), reason: 'protocol' },
    {
      name: 'GRE to leased ports',
      result: (host) => host.arrive(tunnel.ipv4(SERVER, OUT_VIP, { protocol: 47 })),
      reason: 'protocol',
    },
  ];
  it.each(unknown)('$name: $reason', ({ result, reason }) => {
    expect(result(new Host(rule({}))).reason).toBe(reason);
  });

  it.each(['10.1.2.3', '192.168.1.9', '224.0.0.5', '255.255.255.255', '169.254.169.254', '127.0.0.1'])(
    'to %s: under the own address',
    (address) => {
      expect(new Host(rule({})).leave(fromVm.ipv4(WEB_A, address).tcp(5555, 443, SYN)).verdict).toBe('pass');
    },
  );

  it('an address without a rule, and a protocol without ports, pass', () => {
    const host = new Host(rule({}));
    expect(host.leave(fromVm.ipv4(WEB_B, SERVER).tcp(5555, 443, SYN)).verdict).toBe('pass');
    expect(host.leave(fromVm.ipv4(WEB_A, SERVER, { protocol: 47 })).verdict).toBe('pass');
  });
});

describe('host model: an instance-level public IP', () => {
  const ofWebC = eth({ src: WEB_C_MAC });
  const rows: { name: string; in: Packet; out: Packet }[] = [
    {
      name: 'TCP, whatever its flags',
      in: ofWebC.ipv4(WEB_A, SERVER).tcp(5555, 443, ACK),
      out: toGateway.ipv4(PUBLIC_IP, SERVER).tcp(5555, 443, ACK),
    },
    {
      name: 'a ping of IPv6',
      in: ofWebC.ipv6(WEB_A_6, SERVER_6).icmpv6(128, 0, { rest: 7 }),
      out: toGateway.ipv6(PUBLIC_IP_6, SERVER_6).icmpv6(128, 0, { rest: 7 }),
    },
    {
      name: 'ESP',
      in: ofWebC.ipv4(WEB_A, SERVER, { protocol: 50 }).payload('ESP'),
      out: toGateway.ipv4(PUBLIC_IP, SERVER, { protocol: 50 }).payload('ESP'),
    },
    {
      name: 'the middle of a datagram',
      in: ofWebC.ipv4(WEB_A, SERVER, { protocol: 17, fragmentOffset: 9 }).payload('middle'),
      out: toGateway.ipv4(PUBLIC_IP, SERVER, { protocol: 17, fragmentOffset: 9 }).payload('middle'),
    },
  ];
  it.each(rows)('$name', ({ in: packet, out: expected }) => {
    expect(out(new Host().leave(packet))).toBe(reply(expected));
  });

  it('does not show where policy exempts', () => {
    expect(new Host().leave(ofWebC.ipv4(WEB_A, '10.1.2.3').tcp(1, 2, SYN)).verdict).toBe('pass');
  });
});
