/** explain: one line that says where a packet would go and why, and that nothing happens by asking. */

import { Mux, type MuxProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { flowHash, ringSlot } from '../model/flow-hash.js';
import { buildRing, permutationOf } from '../model/maglev.js';
import { bothFamilies, CLIENT, CLIENT6, instance, service, VIP6, WEB4, WEB6 } from '../support/both-families.js';
import { toHex } from '../support/bytes.js';
import { ACK, eth, ipv4, type Packet, SYN } from '../support/packet.js';
import { muxProgram, VIP } from '../support/programs.js';
import { Random } from '../support/random.js';
import { RandomPackets } from '../support/random-packets.js';

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

describe('MUX: explain, other families, protocols and tunnels', () => {
  const gre = service(VIP6, 47, 0, { ring: WEB4 }, { key: '[2001:db8::80]:*/gre' });
  const program: MuxProgram = {
    ...bothFamilies,
    vips: [...bothFamilies.vips, '80.80.80.90'],
    services: [
      service(VIP6, 6, 443, { ring: WEB4 }, { key: '[2001:db8::80]:443/tcp', backendPort: 8443 }),
      service(VIP6, 6, 444, { ring: WEB6 }, { key: '[2001:db8::80]:444/tcp', floatingIp: true }),
      service(VIP6, 6, 2201, { backend: WEB6 }, { key: '[2001:db8::80]:2201/tcp', rule: '/nat/2201' }),
      gre,
      { ...instance('80.80.80.90', WEB6), key: '80.80.80.90:*/*', rule: '/publicIPAddresses/web-6' },
    ],
    snatRanges: [
      { vip: VIP, firstPort: 1024, portCount: 8, backend: WEB4 },
      { vip: VIP6, firstPort: 1024, portCount: 8, backend: WEB6 },
    ],
  };
  const slotOf = (destinationPort: number, protocol: number, sourcePort: number) => {
    const flow = { source: CLIENT6, destination: VIP6, sourcePort, destinationPort, protocol };
    return ringSlot(flowHash(program.flowHashKey, flow, 'Default'), 251);
  };
  const tcp6 = (port: number) => eth().ipv6(CLIENT6, VIP6).tcp(40000, port, ACK);
  const onHost4 = 'on host-4, VXLAN 5001 to 10.0.0.21';
  const onHost6 = 'on host-6, VXLAN 5001 to fd00::21';
  const rows: { name: string; before?: Packet; in: Packet; encapsulation?: 'vxlan' | 'nvgre'; text: string }[] = [
    {
      name: 'IPv6 to an IPv4 DIP',
      in: tcp6(443),
      text: `VIP [2001:db8::80]:443/tcp → ring[${slotOf(443, 6, 40000)}] → DIP 10.1.0.4:8443 ${onHost4}`,
    },
    {
      name: 'NVGRE',
      in: tcp6(443),
      encapsulation: 'nvgre',
      text: `VIP [2001:db8::80]:443/tcp → ring[${slotOf(443, 6, 40000)}] → DIP 10.1.0.4:8443 on host-4, NVGRE 5001 to 10.0.0.21`,
    },
    {
      name: 'a floating IPv6 address',
      in: tcp6(444),
      text: `VIP [2001:db8::80]:444/tcp → ring[${slotOf(444, 6, 40000)}] → DIP fd01::6 with floating IP [2001:db8::80]:444 ${onHost6}`,
    },
    {
      name: 'a known flow',
      before: tcp6(443),
      in: tcp6(443),
      text: `VIP [2001:db8::80]:443/tcp → known flow → DIP 10.1.0.4:8443 ${onHost4}`,
    },
    {
      name: 'an inbound NAT rule to an IPv6 DIP',
      in: tcp6(2201),
      text: `VIP [2001:db8::80]:2201/tcp → inbound NAT rule /nat/2201 → DIP [fd01::6]:2201 ${onHost6}`,
    },
    {
      name: 'a protocol without ports',
      in: eth().ipv6(CLIENT6, VIP6, { nextHeader: 47 }).payload('GRE'),
      text: `VIP [2001:db8::80]:*/gre → ring[${slotOf(0, 47, 0)}] → DIP 10.1.0.4 ${onHost4}`,
    },
    {
      name: 'a leased port',
      in: eth().ipv4(CLIENT, VIP).udp(53, 1027),
      text: `leased port 80.80.80.80:1027 → DIP 10.1.0.4 ${onHost4}`,
    },
    {
      name: 'a leased port of an IPv6 VIP',
      in: tcp6(1027),
      text: `leased port [2001:db8::80]:1027 → DIP fd01::6 ${onHost6}`,
    },
    {
      name: 'an instance-level public IP',
      in: eth().ipv4(CLIENT, '80.80.80.90').udp(1, 53),
      text: `VIP 80.80.80.90:*/* → instance-level public IP /publicIPAddresses/web-6 → DIP [fd01::6]:53 ${onHost6}`,
    },
    {
      name: 'a ping of one',
      in: eth().ipv4(CLIENT, '80.80.80.90').icmp(),
      text: `VIP 80.80.80.90:*/* → instance-level public IP /publicIPAddresses/web-6 → DIP fd01::6 ${onHost6}`,
    },
    { name: 'no rule', in: tcp6(8080), text: 'tcp [2001:db8:c::7]:40000 > [2001:db8::80]:8080 → drop: no-rule' },
    {
      name: 'no rule for a protocol',
      in: eth().ipv6(CLIENT6, VIP6, { nextHeader: 132 }).payload('SCTP'),
      text: '132 2001:db8:c::7 > 2001:db8::80 → drop: protocol',
    },
    {
      name: 'a segment that is cut short',
      in: eth().ipv6(CLIENT6, VIP6, { nextHeader: 6 }).payload('TCP?'),
      text: 'tcp 2001:db8:c::7 > 2001:db8::80 → drop: tcp-truncated',
    },
    { name: 'no sender', in: eth().ipv6('::', VIP6).tcp(1, 443, SYN), text: 'drop: source' },
    { name: 'not ours', in: eth().ipv6(CLIENT6, '2001:db8::81').tcp(1, 443, SYN), text: 'pass: not for a VIP of ours' },
  ];
  it.each(rows)('$name', async ({ before, in: packet, encapsulation = 'vxlan', text }) => {
    const mux = await Mux.load(muxModule);
    mux.program({ ...program, encapsulation });
    if (before) mux.process(before.bytes(), 0);
    expect(mux.explain(packet.bytes(), 0).text).toBe(text);
  });

  it('says as JSON what it says as text', async () => {
    const mux = await Mux.load(muxModule);
    mux.program(program);
    const explanation = mux.explain(tcp6(1027).bytes(), 0);
    expect(JSON.parse(JSON.stringify(explanation))).toEqual({
      ...{ verdict: 'forward', protocol: 'tcp', source: '[2001:db8:c::7]:40000', destination: '[2001:db8::80]:1027' },
      ...{ backendSource: 'snat', leasedPort: '[2001:db8::80]:1027', encapsulation: 'vxlan' },
      hash: explanation.fields.hash,
      backend: { key: 'web-6', dip: 'fd01::6', vni: 5001, host: 'host-6', hostProviderAddress: 'fd00::21' },
      text: explanation.text,
    });
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
