/** Connections that were idle for too long: swept out of the table, and where the rule asks, both ends get a RST. */
import type { HostAgent } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ACK, eth, FIN, type Packet, RST, SYN } from '../support/packet.js';
import { HOST_A_MAC } from '../support/programs.js';
import {
  arrive,
  attached,
  FAMILIES,
  type Family,
  IDLE_TICKS,
  IPV4,
  leave,
  loadHost,
  ofVm,
  TICK_MS,
  toGateway,
  toVm,
  tunnel,
} from './one-vm.js';

/** One bucket of the NAT flow table per place of these, so that a few ticks pass over all of it. */
const SMALL = { flowCountMax: 16 };
/** Long enough to sweep such a table, whatever part of it a tick takes. */
const SWEPT_TICKS = 64;

interface Produced {
  readonly verdict: string;
  readonly bytes: string;
}

/** What the agent sends of its own accord when nothing comes, tick by tick up to `ticks`. */
function wait(host: HostAgent, ticks: number, from = 0): Produced[] {
  const produced: Produced[] = [];
  for (let tick = from; tick <= ticks; tick++) {
    host.batch.clear();
    host.processBatch(tick * TICK_MS);
    for (let index = 0; index < host.batch.count; index++) {
      produced.push({ verdict: host.batch.verdict(index), bytes: toHex(host.batch.bytes(index)) });
    }
  }
  host.batch.clear();
  return produced;
}

const frame = (verdict: string, packet: Packet): Produced => ({ verdict, bytes: toHex(packet.bytes()) });
/** What every reset has beside its ports and numbers. */
const reset = (seq: number, ack: number) => ({ seq, ack, window: 0 });
const afterIdle = IDLE_TICKS + SWEPT_TICKS;

/** A connection to the VIP that was answered: the client has acknowledged 301, the VM 106. */
function converse(host: HostAgent, { ip, client, dip, vip }: Family, clientPort = 40000, port = 443): void {
  const backendPort = port + 8000;
  const packets: [typeof arrive, Packet][] = [
    [arrive, ip(tunnel(), client, vip).tcp(clientPort, port, SYN, { seq: 100 })],
    [leave, ip(ofVm(), dip, client).tcp(backendPort, clientPort, SYN | ACK, { seq: 300, ack: 101 })],
    [arrive, ip(tunnel(), client, vip).tcp(clientPort, port, ACK, { seq: 101, ack: 301, payload: 'GET /' })],
    [leave, ip(ofVm(), dip, client).tcp(backendPort, clientPort, ACK, { seq: 301, ack: 106 })],
  ];
  for (const [process, packet] of packets) expect(['deliver', 'reply']).toContain(process(host, packet).verdict);
}

describe.each(FAMILIES)('a reset when idle, IPv$family', (family) => {
  const { ip, client, dip, vip, snatVip, ipBytes } = family;
  const toTheVm = (clientPort = 40000) =>
    frame('deliver', ip(toVm(), client, dip).tcp(clientPort, 8443, RST | ACK, reset(106, 301)));
  const toTheClient = (clientPort = 40000) =>
    frame('reply', ip(toGateway, vip, client).tcp(443, clientPort, RST | ACK, reset(301, 106)));

  it('each end gets one from the other, with the number it has acknowledged last', async () => {
    const host = await loadHost({}, SMALL);
    converse(host, family);
    expect(wait(host, IDLE_TICKS)).toEqual([]);
    const produced = wait(host, afterIdle, IDLE_TICKS + 1);
    expect(produced).toEqual([toTheVm(), toTheClient()]);
    expect(wait(host, 2 * afterIdle, afterIdle)).toEqual([]);
    const { verdicts, natFlows, tcp } = host.counters();
    expect([verdicts.deliver, verdicts.reply, natFlows.expired, tcp.resetsSent]).toEqual([3, 3, 1, 2]);
  });

  it('beside a frame that comes by: produced', async () => {
    const host = await loadHost({}, SMALL);
    converse(host, family);
    const stray = eth({ type: 0x0806 }).payload(new Uint8Array(28));
    const { verdict, produced } = arrive(host, stray, afterIdle * TICK_MS);
    expect(verdict).toBe('pass');
    expect(produced.map(({ verdict, bytes }) => ({ verdict, bytes: toHex(bytes!) }))).toEqual([
      toTheVm(),
      toTheClient(),
    ]);
    for (const { bytes } of produced) expect(verifyFrame(bytes!, 'ethernet')).toEqual([]);
  });

  it('a connection the VM has opened from a leased port: both entries go', async () => {
    const host = await loadHost({}, SMALL);
    const opened = leave(host, ip(ofVm(), dip, client).tcp(5555, 443, SYN, { seq: 100 }));
    const port = opened.bytes![14 + ipBytes]! * 256 + opened.bytes![15 + ipBytes]!;
    arrive(host, ip(tunnel(), client, snatVip).tcp(443, port, SYN | ACK, { seq: 300, ack: 101 }));
    leave(host, ip(ofVm(), dip, client).tcp(5555, 443, ACK, { seq: 101, ack: 301 }));
    expect(wait(host, afterIdle)).toEqual([
      frame('deliver', ip(toVm(), client, dip).tcp(443, 5555, RST | ACK, reset(301, 101))),
      frame('reply', ip(toGateway, snatVip, client).tcp(port, 443, RST | ACK, reset(101, 301))),
    ]);
    const late = arrive(host, ip(tunnel(), client, snatVip).tcp(443, port, ACK), afterIdle * TICK_MS);
    expect(late.reason).toBe('snat-unknown');
    expect(host.counters().natFlows.expired).toBe(1);
  });

  it('of a VM that talks to itself: both to the VM', async () => {
    const host = await loadHost({}, SMALL);
    arrive(host, ip(tunnel(), dip, vip).tcp(5555, 443, SYN, { seq: 100 }));
    leave(host, ip(ofVm(), dip, vip).tcp(8443, 5555, SYN | ACK, { seq: 300, ack: 101 }));
    arrive(host, ip(tunnel(), dip, vip).tcp(5555, 443, ACK, { seq: 101, ack: 301 }));
    expect(wait(host, afterIdle)).toEqual([
      frame('deliver', ip(toVm(), vip, dip).tcp(5555, 8443, RST | ACK, reset(101, 301))),
      frame('deliver', ip(toVm(), vip, dip).tcp(443, 5555, RST | ACK, reset(301, 101))),
    ]);
  });

  it('a floating IP', async () => {
    const host = await loadHost({}, SMALL);
    const floating = {
      nic: 0,
      vip,
      protocol: 6,
      port: 90,
      dip,
      backendPort: 0,
      floatingIp: true,
      tcpReset: true,
    } as const;
    host.apply({ ...host.current!, translations: [{ ...floating, idleTimeoutMs: IDLE_TICKS * TICK_MS, rule: '/r' }] });
    arrive(host, ip(tunnel(), client, vip).tcp(40000, 90, SYN, { seq: 1 }));
    leave(host, ip(ofVm(), vip, client).tcp(90, 40000, SYN | ACK, { seq: 2, ack: 2 }));
    arrive(host, ip(tunnel(), client, vip).tcp(40000, 90, ACK, { seq: 2, ack: 3 }));
    expect(wait(host, afterIdle)).toEqual([
      frame('deliver', ip(toVm(), client, vip).tcp(40000, 90, RST | ACK, reset(2, 3))),
      frame('reply', ip(toGateway, vip, client).tcp(90, 40000, RST | ACK, reset(3, 2))),
    ]);
  });

  it('an unknown gateway: only the VM is told', async () => {
    const host = await loadHost(attached({ gatewayMacAddress: undefined }), SMALL);
    converse(host, family);
    expect(wait(host, afterIdle)).toEqual([toTheVm()]);
    expect(host.counters().tcp.resetsSent).toBe(1);
  });

  it('the VLAN of the host is on the way to the gateway, not to the VM', async () => {
    const host = await loadHost(attached({ vlanId: 7 }), SMALL);
    converse(host, family);
    const tagged = ip(eth({ src: HOST_A_MAC, dst: '02:00:00:00:56:01' }).vlan(7), vip, client);
    expect(wait(host, afterIdle)).toEqual([
      toTheVm(),
      frame('reply', tagged.tcp(443, 40000, RST | ACK, reset(301, 106))),
    ]);
  });

  const silent: { name: string; packets: (host: HostAgent) => void }[] = [
    { name: 'a rule that does not ask for it', packets: (host) => converse(host, family, 40000, 444) },
    {
      name: 'a connection the VM has not answered',
      packets: (host) => arrive(host, ip(tunnel(), client, vip).tcp(40000, 443, SYN)),
    },
    {
      name: 'a connection nobody outside has answered',
      packets: (host) => leave(host, ip(ofVm(), dip, client).tcp(5555, 443, SYN)),
    },
    {
      name: 'a connection that one end has finished',
      packets: (host) => {
        converse(host, family);
        arrive(host, ip(tunnel(), client, vip).tcp(40000, 443, FIN | ACK, { ack: 301 }));
      },
    },
    {
      name: 'a connection that one end has reset',
      packets: (host) => {
        converse(host, family);
        leave(host, ip(ofVm(), dip, client).tcp(8443, 40000, RST, {}));
      },
    },
    {
      name: 'UDP',
      packets: (host) => {
        arrive(host, ip(tunnel(), client, vip).udp(40000, 53));
        leave(host, ip(ofVm(), dip, client).udp(5353, 40000));
      },
    },
  ];
  it.each(silent)('$name: none, and the place is free all the same', async ({ packets }) => {
    const host = await loadHost({}, SMALL);
    packets(host);
    expect(wait(host, afterIdle)).toEqual([]);
    expect(host.counters().natFlows.expired).toBe(1);
  });

  it('a connection that was heard of in time lives on', async () => {
    const host = await loadHost({}, SMALL);
    converse(host, family);
    arrive(host, ip(tunnel(), client, vip).tcp(40000, 443, ACK, { ack: 500 }), 200 * TICK_MS);
    expect(wait(host, 200 + IDLE_TICKS, 200)).toEqual([]);
    const [toVmNow] = wait(host, 200 + afterIdle, 200 + IDLE_TICKS + 1);
    expect(toVmNow).toEqual(frame('deliver', ip(toVm(), client, dip).tcp(40000, 8443, RST | ACK, reset(106, 500))));
  });

  it('a segment without ACK says nothing of what its sender has seen', async () => {
    const host = await loadHost({}, SMALL);
    converse(host, family);
    arrive(host, ip(tunnel(), client, vip).tcp(40000, 443, 0, { ack: 999 }));
    expect(wait(host, afterIdle)).toEqual([toTheVm(), toTheClient()]);
  });
});

describe('the sweep', () => {
  it('waits when there is no free slot, and loses nobody', async () => {
    const host = await loadHost({}, { ...SMALL, batchFrameCountMax: 3 });
    const clients = Array.from({ length: 5 }, (_, client) => 40000 + client);
    for (const port of clients) converse(host, IPV4, port);
    const stray = eth({ type: 0x0806 }).payload(new Uint8Array(28)).bytes();
    const produced: string[] = [];
    /** What the agent sends behind so many frames that come by. */
    const call = (frames: number): number => {
      host.batch.clear();
      for (let frame = 0; frame < frames; frame++) host.batch.add(stray);
      host.processBatch(afterIdle * TICK_MS);
      for (let index = frames; index < host.batch.count; index++) produced.push(toHex(host.batch.bytes(index)));
      return host.batch.count - frames;
    };
    // Without a slot nothing is sent; with an odd number of them, the other end of a connection waits for the next call.
    expect([3, 3, 2, 1, 0, 2, 0, 0].map(call)).toEqual([0, 0, 1, 2, 3, 1, 3, 0]);
    expect(new Set(produced).size).toBe(10);
    const { natFlows, tcp } = host.counters();
    expect([natFlows.expired, tcp.resetsSent]).toEqual([5, 10]);
  });

  it('one slot at a time will do', async () => {
    const host = await loadHost({}, { ...SMALL, batchFrameCountMax: 1 });
    converse(host, IPV4);
    expect(wait(host, afterIdle).map(({ verdict }) => verdict)).toEqual(['deliver', 'reply']);
  });

  it('passes over a table in a few ticks, however large it is', async () => {
    for (const flowCountMax of [1, 1000, 100_000]) {
      const host = await loadHost({}, { flowCountMax });
      converse(host, IPV4);
      expect([flowCountMax, wait(host, afterIdle).length]).toEqual([flowCountMax, 2]);
    }
  });

  it('keeps time across the wrap of 32-bit milliseconds, and from the Unix epoch', async () => {
    for (const startMs of [2 ** 32 - 5 * TICK_MS, 1_800_000_000_000]) {
      const host = await loadHost({}, SMALL);
      const start = Math.floor(startMs / TICK_MS);
      wait(host, start, start);
      arrive(host, IPV4.ip(tunnel(), IPV4.client, IPV4.vip).tcp(40000, 443, SYN), start * TICK_MS);
      leave(host, IPV4.ip(ofVm(), IPV4.dip, IPV4.client).tcp(8443, 40000, SYN | ACK), start * TICK_MS);
      expect(wait(host, start + IDLE_TICKS, start)).toEqual([]);
      expect(wait(host, start + afterIdle, start + IDLE_TICKS + 1)).toHaveLength(2);
    }
  });

  it('a long silence: everything that died is found in one call', async () => {
    const host = await loadHost({}, { ...SMALL, batchFrameCountMax: 64 });
    for (let client = 0; client < 10; client++) converse(host, IPV4, 40000 + client);
    host.batch.clear();
    host.processBatch(100_000 * TICK_MS);
    expect(host.batch.count).toBe(20);
  });
});
