/** explain: one line that says where a packet would go and why, and that nothing happens by asking. */

import { Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { flowHash, ringSlot } from '../model/flow-hash.js';
import { buildRing, permutationOf } from '../model/maglev.js';
import { toHex } from '../support/bytes.js';
import { ACK, eth, ipv4, type Packet, SYN } from '../support/packet.js';
import { muxProgram, VIP } from '../support/programs.js';
import { Random } from '../support/random.js';
import { RandomPackets } from '../support/random-packets.js';

const CLIENT = '192.0.2.7';

async function muxWith(capacities = {}): Promise<Mux> {
  const mux = await Mux.load(muxModule, capacities);
  mux.program(muxProgram);
  return mux;
}

const [ring] = muxProgram.rings;
const tuple = { source: CLIENT, destination: VIP, sourcePort: 40000, destinationPort: 443, protocol: 6 };
const hash = flowHash(muxProgram.flowHashKey, tuple, 'Default');
const slot = ringSlot(hash, ring.slotCount);
const members = ring.members.map(({ backend, weight }) => ({
  ...permutationOf(muxProgram.backends[backend].key, ring.slotCount),
  weight,
}));
const owner = muxProgram.backends[buildRing(members, ring.slotCount)[slot]];

describe('MUX: explain', () => {
  const tcp = (port: number, flags = SYN) => eth().ipv4(CLIENT, VIP).tcp(40000, port, flags);
  const goesToOwner = `DIP ${owner.dip}:8443 on ${owner.host}, VXLAN 5001 to ${owner.hostProviderAddress}`;
  const rows: { name: string; before?: Packet; in: Packet; text: string }[] = [
    { name: 'by the ring', in: tcp(443), text: `VIP 80.80.80.80:443/tcp → ring[${slot}] → ${goesToOwner}` },
    {
      name: 'a known flow',
      before: tcp(443),
      in: tcp(443, ACK),
      text: `VIP 80.80.80.80:443/tcp → known flow → ${goesToOwner}`,
    },
    {
      name: 'a SYN of a known flow goes by the ring',
      before: tcp(443),
      in: tcp(443),
      text: `VIP 80.80.80.80:443/tcp → ring[${slot}] → ${goesToOwner}`,
    },
    {
      name: 'by an inbound NAT rule',
      in: tcp(2201),
      text: 'VIP 80.80.80.80:2201/tcp → inbound NAT rule /rules/80.80.80.80:2201/tcp → DIP 192.168.1.5:2201 on host-A, VXLAN 5001 to 10.0.0.21',
    },
    { name: 'no rule', in: tcp(8080), text: 'tcp 192.0.2.7:40000 > 80.80.80.80:8080 → drop: no-rule' },
    {
      name: 'no backend',
      in: eth().ipv4(CLIENT, VIP).udp(40000, 9),
      text: 'udp 192.0.2.7:40000 > 80.80.80.80:9 → VIP 80.80.80.80:9/udp (/rules/80.80.80.80:9/udp) → drop: no-backend',
    },
    {
      name: 'malformed',
      in: eth().ipv4(CLIENT, VIP, { checksum: 0 }).tcp(40000, 443, SYN),
      text: 'drop: ipv4-checksum',
    },
    { name: 'not ours', in: eth().ipv4(CLIENT, '80.80.80.82').tcp(1, 2, SYN), text: 'pass: not for a VIP of ours' },
    { name: 'ARP', in: eth({ type: 0x0806 }), text: 'pass: not for a VIP of ours' },
  ];
  it.each(rows)('$name', async ({ before, in: packet, text }) => {
    const mux = await muxWith();
    if (before) mux.process(before.bytes(), 0, before.link);
    const explanation = mux.explain(packet.bytes(), 0, packet.link);
    expect(explanation.text).toBe(text);
    expect(String(explanation)).toBe(text);
  });

  it('has a field for everything it says', async () => {
    const { fields } = (await muxWith()).explain(tcp(443).bytes());
    expect(fields).toEqual({
      verdict: 'forward',
      reason: undefined,
      protocol: 'tcp',
      source: '192.0.2.7:40000',
      destination: '80.80.80.80:443',
      hash: hash.toString(16).padStart(16, '0'),
      service: muxProgram.services[0],
      backendSource: 'ring',
      ringSlot: slot,
      backend: owner,
      backendPort: 8443,
      leasedPort: undefined,
      encapsulation: 'vxlan',
    });
  });

  it('keeps the port of the packet where the rule has none', async () => {
    const { fields } = (await muxWith()).explain(eth().ipv4(CLIENT, VIP).udp(40000, 1234).bytes());
    expect(fields.backendPort).toBe(1234);
  });

  it('says of every random packet what then happens to it', async () => {
    const mux = await muxWith();
    const packets = new RandomPackets(muxProgram, new Random(11), 2000);
    for (let count = 0; count < 5000; count++) {
      const { frame, link, about } = packets.next();
      const { verdict, reason } = mux.explain(frame, 0, link).fields;
      const processed = mux.process(frame, 0, link);
      expect([verdict, reason], about).toEqual([processed.verdict, processed.reason]);
    }
  });

  it('says oversize of a packet that is too long once it is encapsulated', async () => {
    const mux = await muxWith({ frameBytesMax: 65_600 });
    const explain = (totalLength: number) =>
      mux.explain(
        ipv4(CLIENT, VIP)
          .tcp(1, 443, SYN, { payload: new Uint8Array(totalLength - 40) })
          .bytes(),
        0,
        'bare',
      );
    expect(explain(65_485).fields.verdict).toBe('forward');
    expect(explain(65_486).fields).toMatchObject({ verdict: 'drop', reason: 'oversize' });
  });
});

describe('MUX: explain changes nothing', () => {
  it('neither counters nor later decisions', async () => {
    const asked = await muxWith();
    const silent = await muxWith();
    const packets = new RandomPackets(muxProgram, new Random(13), 2000);
    for (let count = 0; count < 2000; count++) {
      const { frame, link, about } = packets.next();
      asked.explain(packets.next().frame, count * 100);
      asked.explain(frame, count * 100, link);
      const [got, expected] = [asked.process(frame, count * 100, link), silent.process(frame, count * 100, link)];
      expect([got.verdict, got.bytes && toHex(got.bytes)], about).toEqual([
        expected.verdict,
        expected.bytes && toHex(expected.bytes),
      ]);
    }
    expect(asked.counters()).toEqual(silent.counters());
    for (const { key } of muxProgram.backends) {
      expect(asked.backendTraffic(key)).toEqual(silent.backendTraffic(key));
    }
  });

  it('a flow that was only asked about is not known', async () => {
    const mux = await muxWith();
    const ack = ipv4(CLIENT, VIP).tcp(40000, 443, ACK).bytes();
    mux.explain(ack, 0, 'bare');
    expect(mux.explain(ack, 0, 'bare').fields.backendSource).toBe('ring');
  });

  it('nor is a flow that was asked about kept alive', async () => {
    const mux = await muxWith();
    const ack = ipv4(CLIENT, VIP).tcp(40000, 443, ACK).bytes();
    const source = (ticks: number) => mux.explain(ack, ticks * 1024, 'bare').fields.backendSource;
    mux.process(ack, 0, 'bare');
    expect([source(200), source(235), source(236)]).toEqual(['flow', 'flow', 'ring']);
  });
});
