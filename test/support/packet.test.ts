/** The packet builder, judged by hand, by the checksum oracle and by Wireshark. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { be16, fromHex, toHex } from './bytes.js';
import { verifyFrame } from './checksum.js';
import { ACK, bare, eth, ipv4, ipv6, type Packet, PSH, RST, SYN } from './packet.js';
import { pcapFile } from './pcap.js';

const CLIENT = '192.0.2.7';
const VIP = '80.80.80.80';
const CLIENT6 = '2001:db8::7';
const VIP6 = '2001:db8:0:1::80';

const sound: { name: string; packet: Packet }[] = [
  { name: 'TCP SYN', packet: eth().ipv4(CLIENT, VIP).tcp(40000, 443, SYN) },
  {
    name: 'TCP data of odd length',
    packet: eth()
      .ipv4(CLIENT, VIP)
      .tcp(40000, 443, ACK | PSH, { payload: 'odd' }),
  },
  {
    name: 'TCP with an MSS option',
    packet: eth()
      .ipv4(CLIENT, VIP)
      .tcp(40000, 443, SYN, { options: fromHex('020405b4'), seq: 0xfffffffe }),
  },
  { name: 'UDP', packet: eth().ipv4(CLIENT, VIP).udp(53000, 5300, { payload: 'question' }) },
  { name: 'UDP without checksum', packet: eth().ipv4(CLIENT, VIP).udp(53000, 5300, { checksum: 'none' }) },
  {
    name: 'IP options',
    packet: eth()
      .ipv4(CLIENT, VIP, { options: fromHex('010101') })
      .tcp(40000, 443, RST),
  },
  { name: 'ICMP echo', packet: eth().ipv4(CLIENT, VIP).icmp().payload('ping') },
  { name: 'one VLAN tag', packet: eth().vlan(100, { priority: 5 }).ipv4(CLIENT, VIP).tcp(40000, 443, SYN) },
  { name: 'QinQ', packet: eth().vlan(7, { tpid: 0x88a8 }).vlan(100).ipv4(CLIENT, VIP).tcp(40000, 443, SYN) },
  { name: 'padding', packet: eth().ipv4(CLIENT, VIP).tcp(40000, 443, SYN).pad(60) },
  {
    name: 'VXLAN',
    packet: eth()
      .ipv4('10.0.0.11', '10.0.0.21')
      .udp(50000, 4789)
      .vxlan(5001)
      .eth()
      .ipv4(CLIENT, VIP)
      .tcp(40000, 443, SYN)
      .pad(60),
  },
  { name: 'IPv6 TCP', packet: eth().ipv6(CLIENT6, VIP6).tcp(40000, 443, SYN) },
  {
    name: 'IPv6 UDP behind extension headers',
    packet: eth()
      .ipv6(CLIENT6, VIP6, { trafficClass: 0xb8, flowLabel: 0xabcde })
      .hopByHop()
      .destinationOptions({ data: new Uint8Array(9) })
      .routing()
      .fragment({ id: 7 })
      .udp(53000, 5300, { payload: 'odd' }),
  },
  { name: 'ICMPv6 echo', packet: eth().ipv6(CLIENT6, VIP6).icmpv6().payload('ping') },
  {
    name: 'NVGRE over IPv6',
    packet: eth().ipv6('fd00::11', 'fd00::21').nvgre(5001, 0xab).eth().ipv6(CLIENT6, VIP6).tcp(40000, 443, SYN),
  },
  {
    name: 'VXLAN over IPv6',
    packet: eth()
      .ipv6('fd00::11', 'fd00::21')
      .udp(50000, 4789)
      .vxlan(5001)
      .eth()
      .ipv4(CLIENT, VIP)
      .udp(1, 2, { payload: 'odd' }),
  },
];

describe('packet builder', () => {
  it.each(sound)('$name has right lengths and checksums', ({ packet }) => {
    expect(verifyFrame(packet.bytes(), 'ethernet')).toEqual([]);
  });

  it('writes an Ethernet frame with VLAN, IPv4 and UDP as added up by hand', () => {
    // IPv4: 4500 + 001e + 1234 + 4000 + 4011 + c000 + 0207 + 5050 + 5050 = 23a0a, folded 3a0c, complement c5f3.
    // UDP: c000 + 0207 + 5050 + 5050 + 0011 + 000a (pseudo header) + cf08 + 0035 + 000a + 6869 = 29a72, 9a74, 658b.
    const frame = eth({ src: '02:00:00:00:00:0a', dst: '02:00:00:00:00:0b' })
      .vlan(100)
      .ipv4(CLIENT, VIP, { id: 0x1234 })
      .udp(53000, 53, { payload: 'hi' });
    expect(toHex(frame.bytes())).toBe(
      toHex(
        fromHex(`
          0200 0000 000b 0200 0000 000a 8100 0064 0800
          4500 001e 1234 4000 4011 c5f3 c000 0207 5050 5050
          cf08 0035 000a 658b 6869`),
      ),
    );
  });

  it('writes an IPv6 packet as added up by hand', () => {
    // UDP: 2001 + 0db8 + 0007 + 2001 + 0db8 + 0080 + 000a + 0011 (pseudo header) + cf08 + 0035 + 000a + 6869 = 193c4,
    // folded 93c5, complement 6c3a.
    const packet = ipv6('2001:db8::7', '2001:db8::80', { trafficClass: 0x12, flowLabel: 0x34567 });
    expect(toHex(packet.udp(53000, 53, { payload: 'hi' }).bytes())).toBe(
      toHex(
        fromHex(`
          6123 4567 000a 1140
          2001 0db8 0000 0000 0000 0000 0000 0007 2001 0db8 0000 0000 0000 0000 0000 0080
          cf08 0035 000a 6c3a 6869`),
      ),
    );
  });

  it('tells one lie at a time', () => {
    const honest = ipv4(CLIENT, VIP).udp(1, 2).bytes();
    const lying = ipv4(CLIENT, VIP)
      .udp(1, 2, { udpLength: 9, checksum: be16(honest, 26) })
      .bytes();
    expect(toHex(lying)).toBe(toHex(honest).replace('000100020008', '000100020009'));
  });

  it('starts bare frames with the IP header', () => {
    expect(bare().ipv4(CLIENT, VIP).tcp(1, 2, SYN).bytes()).toEqual(
      eth().ipv4(CLIENT, VIP).tcp(1, 2, SYN).bytes().subarray(14),
    );
  });

  it('pads the innermost frame', () => {
    const tunnel = ipv4('10.0.0.11', '10.0.0.21').udp(50000, 4789).vxlan(1).eth().ipv4(CLIENT, VIP).udp(1, 2);
    expect(tunnel.pad(60).bytes().length).toBe(20 + 8 + 8 + 60);
  });
});

const TSHARK = '/usr/bin/tshark';

describe.skipIf(!existsSync(TSHARK))('packet builder, decoded by tshark (skipped where it is not installed)', () => {
  it('nothing is malformed and no checksum is bad', () => {
    const directory = mkdtempSync(join(tmpdir(), 'edgemux-'));
    try {
      const capture = join(directory, 'frames.pcap');
      writeFileSync(
        capture,
        pcapFile(
          sound.map(({ packet }) => packet.bytes()),
          'ethernet',
        ),
      );
      const tshark = (filter: string): string =>
        execFileSync(
          TSHARK,
          // biome-ignore format: one option a line
          [
            '-o', 'ip.check_checksum:TRUE',
            '-o', 'tcp.check_checksum:TRUE',
            '-o', 'udp.check_checksum:TRUE',
            '-r', capture,
            '-Y', filter,
          ],
          { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
        );
      expect(tshark('ip.checksum.status == Good || ipv6').trim().split('\n')).toHaveLength(sound.length);
      expect(
        tshark(
          'ip.checksum.status == Bad || tcp.checksum.status == Bad || udp.checksum.status == Bad || icmp.checksum.status == Bad || icmpv6.checksum.status == Bad || _ws.malformed',
        ),
      ).toBe('');
    } finally {
      rmSync(directory, { recursive: true });
    }
  }, 60_000);
});
