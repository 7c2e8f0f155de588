/** The MUX model on packets worked out by hand. */

import { describe, expect, it } from 'vitest';
import type { MuxProgram } from '../../sdk/program/types.js';
import { concat, fromHex } from '../support/bytes.js';
import { ACK, eth, ipv4, type Packet, RST, SYN } from '../support/packet.js';
import {
  HOST_A,
  HOST_A_MAC,
  MUX,
  MUX_MAC,
  muxProgram,
  VIP,
  VIP_WITHOUT_SERVICE,
  VNI,
  WEB_B_MAC,
} from '../support/programs.js';
import { entropyPort, flowHash } from './flow-hash.js';
import { MuxModel, type MuxResult } from './mux-model.js';

const CLIENT = '192.0.2.7';

function process(packet: Packet, model = new MuxModel(muxProgram), nowMs = 0): MuxResult {
  return model.process(packet.bytes(), packet.link, nowMs);
}

/** A program whose first ring has only the backends of these indexes. */
function withMembers(...backends: number[]): MuxProgram {
  const [ring, empty] = muxProgram.rings;
  const members = backends.map((backend) => ({ backend, weight: 1 }));
  const drained = [0, 1, 2].filter((backend) => !backends.includes(backend));
  return { ...muxProgram, rings: [{ ...ring!, members, drained }, empty!] };
}

describe('MUX model: what goes in', () => {
  const syn = eth().ipv4(CLIENT, VIP).tcp(40000, 443, SYN);
  const rows: { name: string; in: Packet; out: MuxResult }[] = [
    { name: 'ARP', in: eth({ type: 0x0806 }).payload(new Uint8Array(28)), out: { verdict: 'pass' } },
    {
      name: 'a third tag',
      in: eth().vlan(1).vlan(2).vlan(3).ipv4(CLIENT, VIP).tcp(1, 443, SYN),
      out: { verdict: 'pass' },
    },
    {
      name: 'a malformed packet to somebody else',
      in: ipv4(CLIENT, '80.80.80.82', { checksum: 0 }).tcp(1, 443, SYN),
      out: { verdict: 'pass' },
    },
    {
      name: 'a wrong header checksum',
      in: ipv4(CLIENT, VIP, { checksum: 0 }).tcp(1, 443, SYN),
      out: { verdict: 'drop', reason: 'ipv4-checksum' },
    },
    {
      name: 'a first fragment',
      in: ipv4(CLIENT, VIP, { mf: true }).tcp(1, 443, SYN),
      out: { verdict: 'drop', reason: 'fragment' },
    },
    { name: 'ICMP to a VIP', in: ipv4(CLIENT, VIP).icmp(13), out: { verdict: 'drop', reason: 'protocol' } },
    {
      name: 'a VIP without services',
      in: ipv4(CLIENT, VIP_WITHOUT_SERVICE).tcp(1, 443, SYN),
      out: { verdict: 'drop', reason: 'no-rule' },
    },
    {
      name: 'a service whose ring is empty',
      in: ipv4(CLIENT, VIP).udp(1, 9),
      out: { verdict: 'drop', reason: 'no-backend', service: '80.80.80.80:9/udp' },
    },
  ];
  it.each(rows)('$name: $out.verdict $out.reason', ({ in: packet, out }) => {
    expect(process(packet)).toEqual(out);
  });

  it('an Ethernet frame cut inside its VLAN tag', () => {
    const cut = eth().vlan(1).ipv4(CLIENT, VIP).tcp(1, 443, SYN).bytes().slice(0, 17);
    expect(new MuxModel(muxProgram).process(cut, 'ethernet', 0).reason).toBe('ethernet-truncated');
  });

  it('a packet that fits the tunnel by one byte, and one that does not', () => {
    const padded = (totalLength: number): Packet =>
      ipv4(CLIENT, VIP).tcp(1, 443, SYN, { payload: new Uint8Array(totalLength - 40) });
    expect(process(padded(65485)).verdict).toBe('forward');
    expect(process(padded(65486)).reason).toBe('oversize');
  });

  it('keeps its hands off the frame it is given', () => {
    const frame = syn.bytes();
    new MuxModel(muxProgram).process(frame, 'ethernet', 0);
    expect(frame).toEqual(syn.bytes());
  });
});

describe('MUX model: what comes out', () => {
  const tuple = { source: CLIENT, destination: VIP, sourcePort: 40000, destinationPort: 2201, protocol: 6 };
  const sourcePort = entropyPort(flowHash(muxProgram.flowHashKey, tuple, 'Default'));
  const toHost = (start: Packet): Packet =>
    start.ipv4(MUX, HOST_A, { tos: 0xb8 }).udp(sourcePort, 4789).vxlan(VNI).eth({ src: MUX_MAC, dst: WEB_B_MAC });
  const inner = (start: Packet): Packet => start.ipv4(CLIENT, VIP, { tos: 0xb8 }).tcp(40000, 2201, ACK);
  const outer = eth({ src: MUX_MAC, dst: HOST_A_MAC });

  it('an inbound NAT rule reaches its one backend, padding is trimmed and TOS copied', () => {
    expect(process(inner(eth()).pad(60))).toEqual({
      verdict: 'forward',
      bytes: inner(toHost(outer)).bytes(),
      service: '80.80.80.80:2201/tcp',
      backend: 'web-b',
    });
  });

  it('the tag of the frame comes along, with its TPID and priority', () => {
    const tag = { tpid: 0x88a8, priority: 5 };
    expect(process(inner(eth().vlan(100, tag))).bytes).toEqual(inner(toHost(outer.vlan(100, tag))).bytes());
  });

  it('the VLAN of the attachment takes its place', () => {
    const model = new MuxModel({ ...muxProgram, attachment: { ...muxProgram.attachment, vlanId: 7 } });
    expect(process(inner(eth().vlan(100)), model).bytes).toEqual(inner(toHost(outer.vlan(7))).bytes());
  });

  it('a bare packet gets the headers as added up by hand', () => {
    const packet = ipv4(CLIENT, VIP).tcp(40000, 2201, SYN).bytes();
    // Outer total length 20 + 8 + 8 + 14 + 40 = 90 = 5a; UDP 70 = 46; VNI 5001 = 1389.
    // Header: 4500 + 005a + 0000 + 4000 + 4011 + 0a00 + 000b + 0a00 + 0015 = d98b, checksum 2674.
    const headers = fromHex(`
      4500 005a 0000 4000 4011 2674 0a00 000b 0a00 0015
      ${sourcePort.toString(16)} 12b5 0046 0000
      0800 0000 0013 8900
      0200 0000 0105 0200 0000 560b 0800`);
    expect(new MuxModel(muxProgram).process(packet, 'bare', 0).bytes).toEqual(concat(headers, packet));
  });
});

describe('MUX model: flows', () => {
  const packet = (flags: number): Packet => ipv4(CLIENT, VIP).tcp(40000, 443, flags);
  const onlyA = withMembers(0);
  const onlyB = withMembers(1);

  it('a flow stays with its backend when the ring changes; a new SYN does not', () => {
    const model = new MuxModel(onlyA);
    process(packet(SYN), model);
    model.program(onlyB);
    expect(process(packet(ACK), model).backend).toBe('web-a');
    expect(process(packet(SYN), model).backend).toBe('web-b');
    expect(process(packet(ACK), model).backend).toBe('web-b');
  });

  it('a flow is forgotten one tick after its idle timeout', () => {
    // 240 000 ms are 234.375 ticks, so 235 whole ones still count.
    for (const [ticks, backend] of [
      [235, 'web-a'],
      [236, 'web-b'],
    ] as const) {
      const model = new MuxModel(onlyA);
      process(packet(ACK), model, 1023);
      model.program(onlyB);
      expect(process(packet(ACK), model, ticks * 1024).backend).toBe(backend);
    }
  });

  it('a flow ends when its backend is another machine now', () => {
    const model = new MuxModel(onlyA);
    process(packet(SYN), model);
    const [webA, ...others] = onlyB.backends;
    model.program({ ...onlyB, backends: [{ ...webA!, dip: '192.168.1.44' }, ...others] });
    expect(process(packet(ACK), model).backend).toBe('web-b');
  });

  it('a RST without a flow goes to the ring and leaves no flow', () => {
    const model = new MuxModel(onlyA);
    expect(process(packet(RST), model).backend).toBe('web-a');
    model.program(onlyB);
    expect(process(packet(ACK), model).backend).toBe('web-b');
  });
});
