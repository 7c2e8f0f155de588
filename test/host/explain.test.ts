/** explain: one line that says what a host agent would do with a packet, and that nothing happens by asking. */
import { type FramePort, HostAgent } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { fullHost, nvgreHost } from '../support/host-programs.js';
import { ACK, bare, eth, type Packet, SYN } from '../support/packet.js';
import { HOST_A, MUX, WEB_B_MAC } from '../support/programs.js';
import { randomSteps } from '../support/random-steps.js';
import {
  arrive,
  FAMILIES,
  type Family,
  IPV4,
  IPV6,
  leave,
  loadHost,
  ofVm,
  program,
  TICK_MS,
  tunnel,
} from './one-vm.js';

interface Row {
  readonly name: string;
  readonly before?: (host: HostAgent, family: Family) => void;
  readonly in: (family: Family) => Packet;
  readonly port?: 'vm';
  readonly nowMs?: number;
  /** `VIP:443` and the like are written as the family writes them. */
  readonly text: (family: Family, end: (address: string, port: number) => string) => string;
}

const FROM_MUX = `VXLAN 5001 from ${MUX}`;
const opened = (host: HostAgent, { ip, client, vip }: Family) =>
  arrive(host, ip(tunnel(), client, vip).tcp(40000, 443, SYN));
const rows: Row[] = [
  {
    name: 'in: a new connection',
    in: ({ ip, client, vip }) => ip(tunnel(), client, vip).tcp(40000, 443, SYN),
    text: ({ client, vip, dip }, at) =>
      `${FROM_MUX} → ${at(client, 40000)} > ${at(vip, 443)}/tcp → DIP ${at(dip, 8443)} (rule /rules/https), new connection`,
  },
  {
    name: 'in: a known connection',
    before: opened,
    in: ({ ip, client, vip }) => ip(tunnel(), client, vip).tcp(40000, 443, ACK),
    nowMs: 12 * TICK_MS,
    text: ({ client, vip, dip }, at) =>
      `${FROM_MUX} → ${at(client, 40000)} > ${at(vip, 443)}/tcp → DIP ${at(dip, 8443)} (rule /rules/https), known connection, idle for 12 s`,
  },
  {
    name: 'in: another port of the VIP on the same port of the VM',
    before: (host, { ip, client, vip }) => arrive(host, ip(tunnel(), client, vip).tcp(40000, 80, SYN)),
    in: ({ ip, client, vip }) => ip(tunnel(), client, vip).tcp(40000, 80, ACK),
    text: ({ client, vip }, at) =>
      `${FROM_MUX} → ${at(client, 40000)} > ${at(vip, 80)}/tcp → DIP ${at(vip, 80)} (rule /rules/floating), known connection, idle for 0 s`,
  },
  {
    name: 'in: a protocol without ports',
    in: ({ ip, client, vip }) => ip(tunnel(), client, vip).nvgre(7),
    text: ({ client, vip, dip }) =>
      `${FROM_MUX} → ${client} > ${vip}/gre → DIP ${dip} (rule /rules/gre), new connection`,
  },
  {
    name: 'in: the VM itself',
    in: ({ ip, dip, vip }) => ip(tunnel(), dip, vip).tcp(5555, 443, SYN),
    text: ({ vip, dip }, at) =>
      `${FROM_MUX} → ${at(dip, 5555)} > ${at(vip, 443)}/tcp → DIP ${at(dip, 8443)}, which sees ${at(vip, 5555)} as its client (rule /rules/https), new connection`,
  },
  {
    name: 'in: an instance-level public IP',
    in: ({ ip, echo, client, publicIp }) => echo(ip(tunnel(WEB_B_MAC), client, publicIp), 'request', 9),
    text: ({ client, publicIp, otherDip, family }) =>
      `${FROM_MUX} → ${client} > ${publicIp}/${family === 4 ? 'icmp' : 'icmpv6'} → DIP ${otherDip} (rule /publicIPAddresses/web-b)`,
  },
  {
    name: 'in: an error about a connection',
    before: opened,
    in: ({ ip, unreachable, router, vip, client }) =>
      unreachable(ip(tunnel(), router, vip), ip(bare(), vip, client).tcp(443, 40000, ACK).bytes()),
    text: ({ router, vip, dip, family }, at) =>
      `${FROM_MUX} → ${router} > ${vip}/${family === 4 ? 'icmp' : 'icmpv6'} → ICMP error about ${at(dip, 8443)} → DIP ${dip} (rule /rules/https), known connection, idle for 0 s`,
  },
  {
    name: 'in: no rule for the port',
    in: ({ ip, client, vip }) => ip(tunnel(), client, vip).tcp(40000, 445, SYN),
    text: ({ client, vip }, at) => `drop no-rule: ${FROM_MUX} → ${at(client, 40000)} > ${at(vip, 445)}/tcp`,
  },
  {
    name: 'in: a leased port without a connection',
    in: ({ ip, client, snatVip }) => ip(tunnel(), client, snatVip).tcp(443, 1024, ACK),
    text: ({ client, snatVip }, at) => `drop snat-unknown: ${FROM_MUX} → ${at(client, 443)} > ${at(snatVip, 1024)}/tcp`,
  },
  {
    name: 'in: a VIP that is none of the VM',
    in: ({ ip, client, router }) => ip(tunnel(), client, router).tcp(40000, 443, SYN),
    text: ({ client, router, family }, at) =>
      // An IPv6 address that no policy names is not even looked at.
      family === 4
        ? `pass: ${FROM_MUX} → ${at(client, 40000)} > ${at(router, 443)}/tcp, for no VIP of a local VM`
        : `pass: ${FROM_MUX}, for no VIP of a local VM`,
  },
  {
    name: 'out: an answer',
    before: opened,
    in: ({ ip, client, dip }) => ip(ofVm(), dip, client).tcp(8443, 40000, SYN | ACK),
    port: 'vm',
    text: ({ client, vip, dip }, at) =>
      `answer ${at(dip, 8443)} > ${at(client, 40000)}/tcp → VIP ${at(vip, 443)} (rule /rules/https), known connection, idle for 0 s`,
  },
  {
    name: 'out: an answer to the VM itself',
    before: (host, { ip, dip, vip }) => arrive(host, ip(tunnel(), dip, vip).tcp(5555, 443, SYN)),
    in: ({ ip, dip, vip }) => ip(ofVm(), dip, vip).tcp(8443, 5555, SYN | ACK),
    port: 'vm',
    text: ({ vip, dip }, at) =>
      `answer ${at(dip, 8443)} > ${at(vip, 5555)}/tcp → VIP ${at(vip, 443)}, back to the VM at ${at(dip, 5555)} (rule /rules/https), known connection, idle for 0 s`,
  },
  {
    name: 'out: an error about a connection',
    before: opened,
    in: ({ ip, unreachable, dip, client }) =>
      unreachable(ip(ofVm(), dip, client), ip(bare(), client, dip).tcp(40000, 8443, SYN).bytes()),
    port: 'vm',
    text: ({ client, vip, dip, family }, at) =>
      `outbound ${dip} > ${client}/${family === 4 ? 'icmp' : 'icmpv6'} → ICMP error about ${at(vip, 443)} → VIP ${vip} (rule /rules/https), known connection, idle for 0 s`,
  },
  {
    name: 'out: from an instance-level public IP',
    in: ({ ip, client, otherDip }) => ip(ofVm(WEB_B_MAC), otherDip, client).tcp(5555, 443, SYN),
    port: 'vm',
    text: ({ client, publicIp, otherDip }, at) =>
      `outbound ${at(otherDip, 5555)} > ${at(client, 443)}/tcp → instance-level public IP ${at(publicIp, 5555)} (rule /publicIPAddresses/web-b)`,
  },
  {
    name: 'out: TCP that opens no connection',
    in: ({ ip, client, dip }) => ip(ofVm(), dip, client).tcp(5555, 443, ACK),
    port: 'vm',
    text: ({ client, dip }, at) => `drop snat-unknown: outbound ${at(dip, 5555)} > ${at(client, 443)}/tcp`,
  },
  {
    name: 'out: to a neighbour',
    in: ({ ip, dip, family }) => ip(ofVm(), dip, family === 4 ? '224.0.0.1' : 'ff02::1').udp(5353, 5353),
    port: 'vm',
    text: ({ dip, family }, at) =>
      `pass: outbound ${at(dip, 5353)} > ${at(family === 4 ? '224.0.0.1' : 'ff02::1', 5353)}/udp, under the VM's own address`,
  },
];

describe.each(FAMILIES)('host agent: explain, IPv$family', (family) => {
  const at = (address: string, port: number) => `${family.family === 6 ? `[${address}]` : address}:${port}`;

  it.each(rows)('$name', async ({ before, in: packet, port: vmPort, nowMs = 0, text }) => {
    const port: FramePort = vmPort ?? 'underlay';
    const host = await loadHost();
    before?.(host, family);
    const explanation = host.explain(packet(family).bytes(), nowMs, { port });
    expect(explanation.text).toBe(text(family, at));
    expect(`${explanation}`).toBe(explanation.text);
    const { verdict, reason } = host.process(packet(family).bytes(), nowMs, { port });
    expect([explanation.fields.verdict, explanation.fields.reason]).toEqual([verdict, reason]);
  });

  it('out: the leased port a connection would get is the one it gets', async () => {
    const { ip, dip, client, snatVip, ipBytes } = family;
    const host = await loadHost();
    const syn = ip(ofVm(), dip, client).tcp(5555, 443, SYN).bytes();
    const first = host.explain(syn, 0, { port: 'vm' });
    const { bytes } = host.process(syn, 0, { port: 'vm' });
    const port = bytes![14 + ipBytes]! * 256 + bytes![15 + ipBytes]!;
    const leased = `${at(dip, 5555)} > ${at(client, 443)}/tcp → leased port ${at(snatVip, port)} (rule /outboundNatRules/out)`;
    expect(first.text).toBe(`outbound ${leased}, new connection`);
    expect(host.explain(syn, 3 * TICK_MS, { port: 'vm' }).text).toBe(
      `outbound ${leased}, known connection, idle for 3 s`,
    );
    const back = ip(tunnel(), client, snatVip)
      .tcp(443, port, SYN | ACK)
      .bytes();
    expect(host.explain(back).text).toBe(
      `${FROM_MUX} → ${at(client, 443)} > ${at(snatVip, port)}/tcp → DIP ${at(dip, 5555)} (rule /outboundNatRules/out), known connection, idle for 0 s`,
    );
  });

  it('out: a ping leaves with a leased identifier', async () => {
    const { ip, echo, dip, client, snatVip } = family;
    const host = await loadHost();
    const ping = echo(ip(ofVm(), dip, client), 'request', 77).bytes();
    expect(host.explain(ping, 0, { port: 'vm' }).text).toMatch(
      new RegExp(
        `→ leased port ${snatVip} identifier 10(2[4-9]|3[01]) \\(rule /outboundNatRules/out\\), new connection$`,
      ),
    );
  });

  it('out: no leased port is free', async () => {
    const { ip, dip, client } = family;
    const host = await loadHost();
    for (let port = 0; port < 8; port++) leave(host, ip(ofVm(), dip, client).tcp(6000 + port, 443, SYN));
    expect(host.explain(ip(ofVm(), dip, client).tcp(5555, 443, SYN).bytes(), 0, { port: 'vm' }).text).toBe(
      `drop snat-exhausted: outbound ${at(dip, 5555)} > ${at(client, 443)}/tcp`,
    );
  });

  it('a fragment behind its first one', async () => {
    const { client, vip, dip } = family;
    const host = await loadHost();
    const fragment = (offset: number) =>
      family.family === 4
        ? tunnel().ipv4(client, vip, { id: 5, df: false, mf: offset === 0, fragmentOffset: offset, protocol: 17 })
        : tunnel()
            .ipv6(client, vip)
            .fragment({ id: 5, more: offset === 0, offset, nextHeader: 17 });
    arrive(
      host,
      fragment(0)
        .payload(Uint8Array.of(0x9c, 0x40, 0, 53, 0, 24, 0, 0))
        .payload('8 bytes.'),
    );
    expect(host.explain(fragment(2).payload('the rest').bytes()).text).toBe(
      `${FROM_MUX} → ${client} > ${vip}/udp → fragment of a known datagram → DIP ${dip}`,
    );
  });

  it('a full table is foreseen', async () => {
    const { ip, client, vip, dip } = family;
    const host = await loadHost({}, { flowCountMax: 1 });
    const syn = (port: number) => ip(tunnel(), client, vip).tcp(port, 443, SYN);
    let refused = 0;
    for (let port = 40000; port < 40100; port++) {
      const { verdict, reason } = host.explain(syn(port).bytes()).fields;
      const processed = arrive(host, syn(port));
      expect([verdict, reason]).toEqual([processed.verdict, processed.reason]);
      if (reason === 'flow-table-full') refused++;
      else leave(host, ip(ofVm(), dip, client).tcp(8443, port, SYN | ACK));
    }
    expect(refused).toBe(100 - 8);
  });
});

describe('host agent: explain of what is no tenant packet', () => {
  const rows: { name: string; in: Packet; port?: 'vm'; text: string }[] = [
    { name: 'ARP', in: eth({ type: 0x0806 }).payload(new Uint8Array(28)), text: 'pass: no tunnel to this host' },
    { name: 'SSH', in: eth().ipv4(MUX, HOST_A).tcp(40000, 22, SYN), text: 'pass: no tunnel to this host' },
    { name: 'half a frame', in: bare().payload(new Uint8Array(7)), text: 'drop ethernet-truncated' },
    {
      name: 'a MAC nobody has',
      in: tunnel('02:00:00:00:01:99').ipv4(IPV4.client, IPV4.vip).tcp(40000, 443, SYN),
      text: 'drop nic-unknown: VXLAN 5001 from 10.0.0.11',
    },
    {
      name: "another tenant's network",
      in: eth()
        .ipv4(MUX, HOST_A)
        .udp(50000, 4789)
        .vxlan(77)
        .eth({ dst: WEB_B_MAC })
        .ipv4(IPV4.client, IPV4.vip)
        .tcp(1, 2, 0),
      text: 'drop vni-mismatch: VXLAN 77 from 10.0.0.11',
    },
    { name: 'of a VM: ARP', in: ofVm(), port: 'vm', text: 'pass: no IP packet of a local VM' },
    {
      name: 'of nobody',
      in: ofVm('02:00:00:00:01:99').ipv4(IPV4.dip, IPV4.client).udp(1, 2),
      port: 'vm',
      text: 'pass: no IP packet of a local VM',
    },
  ];
  it.each(rows)('$name', async ({ in: packet, port, text }) => {
    const host = await loadHost();
    expect(host.explain(packet.bytes(), 0, port === undefined ? {} : { port }).text).toBe(text);
  });

  it('an agent without a program passes everything', async () => {
    const host = await HostAgent.load(muxModule);
    const packet = tunnel().ipv4(IPV4.client, IPV4.vip).tcp(40000, 443, SYN);
    expect(host.explain(packet.bytes()).text).toBe('pass: no tunnel to this host');
  });

  it('NVGRE', async () => {
    const host = await loadHost({ encapsulation: 'nvgre' });
    const packet = eth().ipv4(MUX, HOST_A).nvgre(5001).eth({ dst: WEB_B_MAC }).ipv4(IPV4.client, IPV4.vip).udp(1, 53);
    expect(host.explain(packet.bytes()).text).toBe(
      'pass: NVGRE 5001 from 10.0.0.11 → 192.0.2.7:1 > 80.80.80.80:53/udp, for no VIP of a local VM',
    );
  });

  it('fields, as JSON', async () => {
    const host = await loadHost();
    const packet = IPV4.ip(tunnel(), IPV4.client, IPV4.vip).tcp(40000, 443, SYN);
    expect(JSON.parse(JSON.stringify(host.explain(packet.bytes())))).toEqual({
      verdict: 'deliver',
      direction: 'in',
      tunnel: { encapsulation: 'vxlan', vni: 5001, source: '10.0.0.11' },
      nic: 'web-a',
      protocol: 'tcp',
      source: '192.0.2.7:40000',
      destination: '80.80.80.80:443',
      decision: 'translation',
      rule: '/rules/https',
      newDestination: '192.168.1.4:8443',
      connection: 'new',
      isHairpin: false,
      text: expect.stringContaining('new connection'),
    });
  });
});

describe('asking changes nothing', () => {
  it.each(FAMILIES)(
    'IPv$family: an agent that is asked about every packet does what one does that is not',
    async (family) => {
      const { ip, client, vip, dip, snatVip, publicIp, otherDip, unreachable, echo } = family;
      const capacities = { flowCountMax: 4 };
      const [asked, unasked] = [await loadHost({}, capacities), await loadHost({}, capacities)] as const;
      const traffic: [Packet, 'underlay' | 'vm'][] = [];
      for (let port = 0; port < 40; port++) {
        traffic.push(
          [ip(tunnel(), client, vip).tcp(40000 + port, 443, SYN), 'underlay'],
          [ip(ofVm(), dip, client).tcp(8443, 40000 + port, SYN | ACK), 'vm'],
          [ip(ofVm(), dip, client).tcp(6000 + port, 443, SYN), 'vm'],
          [ip(ofVm(), dip, client).udp(6000 + port, 53), 'vm'],
          [ip(tunnel(), client, snatVip).udp(53, 1024 + (port % 8)), 'underlay'],
          [echo(ip(ofVm(), dip, client), 'request', port), 'vm'],
          [ip(tunnel(), dip, vip).tcp(5000 + port, 443, SYN), 'underlay'],
          [ip(ofVm(), dip, vip).tcp(8443, 5000 + port, SYN | ACK), 'vm'],
          [ip(tunnel(WEB_B_MAC), client, publicIp).udp(port, port), 'underlay'],
          [ip(ofVm(WEB_B_MAC), otherDip, client).udp(port, port), 'vm'],
          [
            unreachable(
              ip(tunnel(), client, vip),
              ip(bare(), vip, client)
                .tcp(443, 40000 + port, ACK)
                .bytes(),
            ),
            'underlay',
          ],
          [
            unreachable(
              ip(ofVm(), dip, client),
              ip(bare(), client, dip)
                .tcp(40000 + port, 8443, SYN)
                .bytes(),
            ),
            'vm',
          ],
        );
      }
      for (const [index, [packet, port]] of traffic.entries()) {
        const nowMs = index * TICK_MS;
        // Asked about a later time, too: what is dead then must not go now.
        asked.explain(packet.bytes(), nowMs + 1000 * TICK_MS, { port });
        const { fields } = asked.explain(packet.bytes(), nowMs, { port });
        const processed = asked.process(packet.bytes(), nowMs, { port });
        expect([index, fields.verdict, fields.reason]).toEqual([index, processed.verdict, processed.reason]);
        expect(processed).toEqual(unasked.process(packet.bytes(), nowMs, { port }));
      }
      expect(asked.counters()).toEqual(unasked.counters());
      expect(asked.counters().verdicts.deliver).toBeGreaterThan(30);
    },
  );

  it('what the sweep would do is left to it', async () => {
    const host = await loadHost({}, { flowCountMax: 4 });
    arrive(host, IPV6.ip(tunnel(), IPV6.client, IPV6.vip).tcp(40000, 443, SYN));
    leave(host, IPV6.ip(ofVm(), IPV6.dip, IPV6.client).tcp(8443, 40000, SYN | ACK));
    host.explain(new Uint8Array(0), 1000 * TICK_MS);
    expect(host.batch.count).toBe(0);
    expect(host.counters().tcp.resetsSent).toBe(0);
    expect(host.current?.translations).toHaveLength(program.translations.length);
  });

  it.each([
    { name: 'VXLAN', program: fullHost },
    { name: 'NVGRE', program: nvgreHost },
  ])('random packets, sound and hostile: what is said is what is done ($name)', async ({ program: all }) => {
    const capacities = { flowCountMax: 4096, batchFrameCountMax: 8 };
    const [asked, unasked] = [await HostAgent.load(muxModule, capacities), await HostAgent.load(muxModule, capacities)];
    asked.apply(all);
    unasked.apply(all);
    let count = 0;
    for (const step of randomSteps(all, 7)) {
      if (!('packets' in step)) continue;
      for (const { frame, link, port, about } of step.packets) {
        const { fields } = asked.explain(frame, step.nowMs, { link, port });
        const processed = asked.process(frame, step.nowMs, { link, port });
        expect([count, about, fields.verdict, fields.reason]).toEqual([
          count,
          about,
          processed.verdict,
          processed.reason,
        ]);
        expect(processed).toEqual(unasked.process(frame, step.nowMs, { link, port }));
        count++;
      }
      if (count > 4000) break;
    }
    expect(asked.counters()).toEqual(unasked.counters());
  });
});
