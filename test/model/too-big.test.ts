/** Messages about packets that are too big, by hand, and how many of them there are. */

import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { dualStackMuxProgram, VIP_INSTANCE, VIP6 } from '../support/mux-programs.js';
import { ACK, eth, ipv4, ipv6, type Packet } from '../support/packet.js';
import { VIP } from '../support/programs.js';
import { MuxModel, type MuxResult } from './mux-model.js';
import { TokenBucket } from './too-big.js';

const CLIENT = '192.0.2.7';
const CLIENT6 = '2001:db8:c::7';
const MTU = 1600;

/** A packet of so many bytes from its IP header on; port 2201 has one backend, behind IPv4. */
function sized(start: Packet, headerBytes: number, totalBytes: number): Packet {
  return start.tcp(40000, 2201, ACK, { payload: new Uint8Array(totalBytes - headerBytes - 20) });
}

function process(packet: Packet, model = new MuxModel(dualStackMuxProgram)): MuxResult {
  return model.process(packet.bytes(), packet.link, 0);
}

describe('too big for the underlay', () => {
  it('50 bytes of VXLAN and 1,550 of a packet fit 1,600', () => {
    expect(process(sized(ipv4(CLIENT, VIP), 20, MTU - 50)).verdict).toBe('forward');
    expect(process(sized(ipv4(CLIENT, VIP), 20, MTU - 49)).verdict).toBe('reply');
    expect(process(sized(ipv6(CLIENT6, VIP6), 40, MTU - 50)).verdict).toBe('forward');
    expect(process(sized(ipv6(CLIENT6, VIP6), 40, MTU - 49)).verdict).toBe('reply');
  });

  it('nobody knows the MTU: everything fits', () => {
    const { mtuBytes: _, ...attachment } = dualStackMuxProgram.attachment;
    const model = new MuxModel({ ...dualStackMuxProgram, attachment });
    expect(process(sized(ipv4(CLIENT, VIP), 20, 9000), model).verdict).toBe('forward');
  });

  it('IPv4: fragmentation needed, with 548 bytes of the packet', () => {
    const packet = sized(eth({ src: '02:00:00:00:00:aa' }).ipv4(CLIENT, VIP), 20, 1551);
    const { verdict, bytes, service, backend } = process(packet);
    expect({ verdict, service, backend }).toEqual({ verdict: 'reply', service: `${VIP}|2201/6`, backend: 'web-b' });
    expect(toHex(bytes!.subarray(0, 14))).toBe('0200000000aa02000000560b0800');
    // 45c0 + 0240 + 4001 + 5050 + 5050 + c000 + 0207 = 1eaa8, folded eaa9, complement 1556.
    const header = fromHex('45c0 0240 0000 0000 4001 1556 5050 5050 c000 0207');
    expect(toHex(bytes!.subarray(14, 34))).toBe(toHex(header));
    expect(toHex(bytes!.subarray(34, 36))).toBe('0304');
    // The unused word is 0, the next-hop MTU 1,600 - 50 = 1,550 = 60e.
    expect(toHex(bytes!.subarray(38, 42))).toBe('0000060e');
    expect(bytes!.subarray(42)).toEqual(packet.bytes().subarray(14, 14 + 548));
    expect(verifyFrame(bytes!, 'ethernet')).toEqual([]);
  });

  it('IPv6: packet too big, 1,280 bytes in all', () => {
    const packet = sized(ipv6(CLIENT6, VIP6, { trafficClass: 3, flowLabel: 77 }), 40, 1551);
    const { bytes } = process(packet);
    expect(bytes!.length).toBe(1280);
    expect(toHex(bytes!.subarray(0, 8))).toBe('6c00000004d83a40');
    expect(toHex(bytes!.subarray(40, 42))).toBe('0200');
    expect(toHex(bytes!.subarray(44, 48))).toBe('0000060e');
    expect(bytes!.subarray(48)).toEqual(packet.bytes().subarray(0, 1232));
    expect(verifyFrame(bytes!, 'bare')).toEqual([]);
  });

  it('without DF it goes on, and the outer packet may be cut', () => {
    const { verdict, bytes } = process(sized(ipv4(CLIENT, VIP, { df: false }), 20, 1551));
    expect(verdict).toBe('forward');
    expect(toHex(bytes!.subarray(6, 8))).toBe('0000');
  });

  const message = (type: number) => ipv4(CLIENT, VIP_INSTANCE).icmp(type).payload(new Uint8Array(1600));
  it.each([
    { name: 'an ICMP error', packet: message(3), told: { verdict: 'drop', reason: 'mtu' } },
    { name: 'a ping', packet: message(8), told: { verdict: 'reply' } },
    {
      name: 'a later fragment',
      packet: ipv4(CLIENT, VIP_INSTANCE, { fragmentOffset: 1, protocol: 17 }).payload(new Uint8Array(1600)),
      told: { verdict: 'drop', reason: 'mtu' },
    },
    {
      name: 'a first fragment',
      packet: ipv4(CLIENT, VIP_INSTANCE, { mf: true, protocol: 17 }).payload(new Uint8Array(1600)),
      told: { verdict: 'reply' },
    },
  ])('$name: $told.verdict', ({ packet, told }) => {
    expect(process(packet)).toMatchObject(told);
  });
});

describe('token bucket', () => {
  it('100 at once, and one more every 10 ms', () => {
    const bucket = new TokenBucket();
    const taken = (nowMs: number) => Array.from({ length: 300 }).filter(() => bucket.take(nowMs)).length;
    expect([5000, 5000, 5009, 5010, 5011, 6000, 60_000].map(taken)).toEqual([100, 0, 0, 1, 0, 99, 100]);
  });
});
