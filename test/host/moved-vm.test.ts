/** A VM that has come from another host goes on with connections this agent has never heard of. */
import { HostAgent, type HostProgram } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ACK, FIN, type Packet, RST, SYN } from '../support/packet.js';
import { arrive, FAMILIES, IDLE_TICKS, leave, ofVm, program, TICK_MS, toGateway, tunnel } from './one-vm.js';

async function agentOf(changes: Partial<HostProgram> = {}, takesOver = true): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { flowCountMax: 256 });
  host.apply({ ...program, ...changes }, { takesOver });
  return host;
}

describe.each(FAMILIES)(
  'an agent that takes over, IPv$family',
  ({ ip, client, dip, vip, publicIp, otherDip, family }) => {
    const fromVm = () => ip(ofVm(), dip, client);
    const fromVip = () => ip(toGateway, vip, client);
    const flows = (host: HostAgent) => host.counters().natFlows.inserts;

    const answers: { name: string; in: Packet; out: Packet }[] = [
      {
        name: 'a segment of a connection: from the VIP and its port',
        in: fromVm().tcp(8443, 40000, ACK, { seq: 7, payload: 'answer' }),
        out: fromVip().tcp(443, 40000, ACK, { seq: 7, payload: 'answer' }),
      },
      { name: 'SYN and ACK', in: fromVm().tcp(8443, 40000, SYN | ACK), out: fromVip().tcp(443, 40000, SYN | ACK) },
      { name: 'the end', in: fromVm().tcp(8443, 40000, FIN | ACK), out: fromVip().tcp(443, 40000, FIN | ACK) },
      { name: 'a reset', in: fromVm().tcp(8443, 40000, RST), out: fromVip().tcp(443, 40000, RST) },
      {
        name: 'floating IP: as it is',
        in: ip(ofVm(), vip, client).tcp(80, 40000, ACK),
        out: fromVip().tcp(80, 40000, ACK),
      },
    ];
    it.each(answers)('$name', async (row) => {
      const host = await agentOf();
      const { verdict, bytes } = leave(host, row.in);
      expect([verdict, bytes && toHex(bytes)]).toEqual(['reply', toHex(row.out.bytes())]);
      expect(verifyFrame(bytes!, 'ethernet')).toEqual([]);
    });

    const others: { name: string; in: Packet; out: string }[] = [
      { name: 'a port no rule leads to', in: fromVm().tcp(8445, 40000, ACK), out: 'snat-unknown' },
      { name: 'UDP: a call, as ever', in: fromVm().udp(5353, 40000), out: 'reply' },
      { name: 'a call from the port of a rule', in: fromVm().tcp(8443, 40000, SYN), out: 'reply' },
      { name: 'to its own network', in: ip(ofVm(), dip, otherDip).tcp(8443, 40000, ACK), out: 'pass' },
    ];
    it.each(others)('$name: $out', async (row) => {
      const exemptions = family === 4 ? [{ prefix: '192.168.0.0/16' }] : [{ prefix: '2001:db8:1::/64' }];
      const host = await agentOf({ exemptions });
      const { verdict, reason } = leave(host, row.in);
      expect(reason ?? verdict).toBe(row.out);
    });

    it('nothing is remembered until the client speaks', async () => {
      const host = await agentOf();
      leave(host, fromVm().tcp(8443, 40000, ACK));
      const before = flows(host);
      expect(arrive(host, ip(tunnel(), client, vip).tcp(40000, 443, ACK)).verdict).toBe('deliver');
      expect([before, flows(host)]).toEqual([0, 1]);
    });

    it('two VIPs lead to one port: nobody knows which one the client has called', async () => {
      const [https] = program.translations.filter((each) => each.vip === vip);
      const host = await agentOf({ translations: [...program.translations, { ...https!, port: 8001 }] });
      expect(leave(host, fromVm().tcp(8443, 40000, ACK)).reason).toBe('snat-unknown');
      expect(leave(host, fromVm().tcp(8444, 40000, ACK)).verdict).toBe('reply');
    });

    it('a rule for every port', async () => {
      const [https] = program.translations.filter((each) => each.vip === vip);
      const every = { ...https!, port: 0, protocol: 0 as const, backendPort: 0 };
      const alone = await agentOf({ translations: [every] });
      expect(toHex(leave(alone, fromVm().tcp(22, 40000, ACK)).bytes!)).toBe(
        toHex(fromVip().tcp(22, 40000, ACK).bytes()),
      );
      const beside = await agentOf({ translations: [every, { ...https!, vip: publicIp }] });
      expect(leave(beside, fromVm().tcp(22, 40000, ACK)).reason).toBe('snat-unknown');
    });

    it('a connection that was idle for too long here: as one that began elsewhere', async () => {
      const host = await agentOf();
      arrive(host, ip(tunnel(), client, vip).tcp(40000, 444, SYN));
      const late = leave(host, fromVm().tcp(8444, 40000, ACK), (IDLE_TICKS + 1) * TICK_MS);
      expect(toHex(late.bytes!)).toBe(toHex(fromVip().tcp(444, 40000, ACK).bytes()));
    });

    it('explain says so', async () => {
      const host = await agentOf();
      const text = host.explain(fromVm().tcp(8443, 40000, ACK).bytes(), 0, { port: 'vm' }).text;
      expect(text).toMatch(/^answer .* → VIP .*:443 \(rule \/rules\/https\), of a connection that began elsewhere$/);
    });

    it('others take over nothing', async () => {
      const host = await agentOf({}, false);
      expect(leave(host, fromVm().tcp(8443, 40000, ACK)).reason).toBe('snat-unknown');
    });
  },
);
