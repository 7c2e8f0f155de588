/** ICMP errors through the host: what they quote looks on either side as it did when it was sent there. */

import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { fullHost, HOST_A_6, OUT_VIP, PUBLIC_IP, VIP_6 } from '../support/host-programs.js';
import { ACK, bare, eth, type Packet, SYN } from '../support/packet.js';
import { GATEWAY_MAC, HOST_A, HOST_A_MAC, MUX, VIP, VNI, WEB_A, WEB_A_MAC } from '../support/programs.js';
import { HostModel } from './host-model.js';

const CLIENT = '192.0.2.7';
const ROUTER = '198.51.100.1';
const CLIENT_6 = '2001:db8:c::7';
const ROUTER_6 = '2001:db8:c::1';
const WEB_A_6 = 'fd00:1::4';
const WEB_C = fullHost.nics[2]!;

const tunnel = eth().ipv4(MUX, HOST_A).udp(50000, 4789).vxlan(VNI).eth({ dst: WEB_A_MAC });
const tunnelToC = eth().ipv6('fd00::11', HOST_A_6).udp(50000, 4789).vxlan(WEB_C.vni).eth({ dst: WEB_C.macAddress });
const ofVm = eth({ src: WEB_A_MAC });
const toVm = eth({ src: HOST_A_MAC, dst: WEB_A_MAC });
const toGateway = eth({ src: HOST_A_MAC, dst: GATEWAY_MAC });

/** Frag-needed, packet too big. */
const unreachable = (start: Packet, from: string, to: string, quote: Uint8Array): Packet =>
  to.includes(':')
    ? start.ipv6(from, to).icmpv6(2, 0, { rest: 1400 }).payload(quote)
    : start.ipv4(from, to).icmp(3, 4, { rest: 1400 }).payload(quote);

/** A client is connected to 443 in both families, and the VM to a server from a leased port. */
function connected(): HostModel {
  const model = new HostModel(fullHost);
  const process = (packet: Packet, port: 'underlay' | 'vm') =>
    expect(['deliver', 'reply']).toContain(model.process(packet.bytes(), 'ethernet', port, 0).verdict);
  process(tunnel.ipv4(CLIENT, VIP).tcp(40000, 443, SYN), 'underlay');
  process(tunnel.ipv6(CLIENT_6, VIP_6).tcp(40000, 443, SYN), 'underlay');
  process(ofVm.ipv4(WEB_A, CLIENT).tcp(5555, 443, SYN), 'vm');
  return model;
}

function sent(packet: Packet, port: 'underlay' | 'vm'): string {
  const { verdict, reason, bytes } = connected().process(packet.bytes(), 'ethernet', port, 0);
  return reason ?? (bytes ? `${verdict} ${toHex(bytes)}` : verdict);
}

const answer = (source: string, port: number) => bare().ipv4(source, CLIENT).tcp(port, 40000, ACK, { payload: 'data' });
const answer6 = (source: string, port: number) =>
  bare().ipv6(source, CLIENT_6).tcp(port, 40000, ACK, { payload: 'data' });

describe('host model: ICMP errors for a VM', () => {
  it('every length of the quote: addresses, ports, and checksums as far as they are there', () => {
    for (let length = 0; length <= 44; length++) {
      // Half a checksum cannot be mended: it stays.
      if (length === 20 + 17) continue;
      const [before, after] = [answer(VIP, 443), answer(WEB_A, 8443)].map((packet) => packet.bytes().slice(0, length));
      const expected = `deliver ${toHex(unreachable(toVm, ROUTER, WEB_A, after!).bytes())}`;
      const got = sent(unreachable(tunnel, ROUTER, VIP, before!), 'underlay');
      expect([length, got]).toEqual([length, length < 24 ? 'icmp-quote' : expected]);
    }
  });

  const rows: { name: string; in: Packet; out: Packet }[] = [
    {
      name: 'IPv6',
      in: unreachable(tunnel, ROUTER_6, VIP_6, answer6(VIP_6, 443).bytes()),
      out: unreachable(toVm, ROUTER_6, WEB_A_6, answer6(WEB_A_6, 8443).bytes()),
    },
    {
      name: 'of a connection from a leased port',
      in: unreachable(tunnel, ROUTER, OUT_VIP, bare().ipv4(OUT_VIP, CLIENT).tcp(1024, 443, SYN).bytes()),
      out: unreachable(toVm, ROUTER, WEB_A, bare().ipv4(WEB_A, CLIENT).tcp(5555, 443, SYN).bytes()),
    },
    {
      name: 'for an instance-level public IP, without any connection',
      in: unreachable(tunnelToC, ROUTER, PUBLIC_IP, bare().ipv4(PUBLIC_IP, CLIENT).udp(1, 2).bytes()),
      out: unreachable(
        eth({ src: HOST_A_MAC, dst: WEB_C.macAddress }),
        ROUTER,
        WEB_A,
        bare().ipv4(WEB_A, CLIENT).udp(1, 2).bytes(),
      ),
    },
  ];
  it.each(rows)('$name', ({ in: packet, out }) => {
    expect(sent(packet, 'underlay')).toBe(`deliver ${toHex(out.bytes())}`);
  });

  const refused: { name: string; quote: Packet }[] = [
    { name: 'another client', quote: bare().ipv4(VIP, ROUTER).tcp(443, 40000, ACK) },
    { name: 'a port of the client that is not connected', quote: bare().ipv4(VIP, CLIENT).tcp(443, 40001, ACK) },
    { name: 'a packet that did not come from the VIP', quote: bare().ipv4(OUT_VIP, CLIENT).tcp(443, 40000, ACK) },
    { name: 'an answer to a ping', quote: bare().ipv4(VIP, CLIENT).icmp(0) },
    { name: 'the middle of a datagram', quote: bare().ipv4(VIP, CLIENT, { fragmentOffset: 1 }).tcp(443, 40000, ACK) },
  ];
  it.each(refused)('about $name: icmp-quote', ({ quote }) => {
    expect(sent(unreachable(tunnel, ROUTER, VIP, quote.bytes()), 'underlay')).toBe('icmp-quote');
  });
});

describe('host model: ICMP errors of a VM', () => {
  it('about what a client sent', () => {
    const request = (destination: string, port: number) => bare().ipv4(CLIENT, destination).tcp(40000, port, SYN);
    expect(sent(unreachable(ofVm, WEB_A, CLIENT, request(WEB_A, 8443).bytes()), 'vm')).toBe(
      `reply ${toHex(unreachable(toGateway, VIP, CLIENT, request(VIP, 443).bytes()).bytes())}`,
    );
  });

  it('about nothing of ours: passes', () => {
    const quote = bare().ipv4(CLIENT, WEB_A).tcp(40001, 8443, SYN);
    expect(sent(unreachable(ofVm, WEB_A, CLIENT, quote.bytes()), 'vm')).toBe('pass');
  });
});
