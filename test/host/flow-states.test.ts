/** How long a host agent remembers a connection, by what its ends have said: FIN, RST, SYN, an answer or none. */

import { HostAgent } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { CLIENT, DIP_A, dualStackHost, FAMILIES, type Family, ip, ofA, toA, VIPS } from '../support/dual-stack-host.js';
import { ACK, FIN, RST, SYN } from '../support/packet.js';

const TICK_MS = 1024;
const RULE_TICKS = 235;

/** What one end sends at a tick. */
interface Step {
  readonly tick?: number;
  readonly flags: number;
  readonly by: 'client' | 'vm';
}

const client = (flags: number, tick = 0): Step => ({ by: 'client', flags, tick });
const vm = (flags: number, tick = 0): Step => ({ by: 'vm', flags, tick });

function play(host: HostAgent, family: Family, { by, flags, tick = 0 }: Step): string {
  const packet =
    by === 'client'
      ? ip(toA, family, CLIENT[family], VIPS[family]).tcp(40000, 443, flags)
      : ip(ofA, family, DIP_A[family], CLIENT[family]).tcp(8443, 40000, flags);
  const { verdict, reason } = host.process(packet.bytes(), tick * TICK_MS, {
    port: by === 'client' ? 'underlay' : 'vm',
  });
  return reason ?? verdict;
}

const rows: { name: string; steps: Step[]; ticks: number }[] = [
  { name: 'a SYN nobody answered', steps: [client(SYN)], ticks: RULE_TICKS },
  { name: 'a connection in the middle', steps: [client(ACK)], ticks: RULE_TICKS },
  { name: 'one that was answered', steps: [client(SYN), vm(SYN | ACK)], ticks: RULE_TICKS },
  { name: 'FIN of the client', steps: [client(SYN), vm(ACK), client(FIN | ACK)], ticks: 60 },
  { name: 'FIN of the VM', steps: [client(SYN), vm(FIN | ACK)], ticks: 60 },
  { name: 'FIN as the first thing seen', steps: [client(FIN | ACK)], ticks: 60 },
  { name: 'the last ACK behind FIN', steps: [client(SYN), vm(FIN | ACK), client(ACK)], ticks: 60 },
  { name: 'RST of the client', steps: [client(SYN), vm(ACK), client(RST)], ticks: 4 },
  { name: 'RST of the VM', steps: [client(SYN), vm(RST | ACK)], ticks: 4 },
  { name: 'RST as the first thing seen', steps: [client(RST)], ticks: 4 },
  { name: 'RST behind FIN', steps: [client(SYN), vm(FIN | ACK), client(RST)], ticks: 4 },
  { name: 'FIN and RST at once', steps: [client(SYN), vm(FIN | RST)], ticks: 4 },
  { name: 'the client goes on behind RST', steps: [client(SYN), vm(ACK), client(RST), client(ACK)], ticks: RULE_TICKS },
  { name: 'the VM goes on behind RST', steps: [client(SYN), client(RST), vm(ACK)], ticks: RULE_TICKS },
  { name: 'FIN behind RST', steps: [client(SYN), client(RST), vm(FIN | ACK)], ticks: 60 },
  { name: 'SYN behind FIN begins anew', steps: [client(SYN), vm(FIN | ACK), client(SYN)], ticks: RULE_TICKS },
  { name: 'SYN behind RST, too', steps: [client(SYN), vm(RST), client(SYN)], ticks: RULE_TICKS },
  { name: 'SYN of the VM, too', steps: [client(FIN | ACK), vm(SYN)], ticks: RULE_TICKS },
  { name: 'its SYN and ACK behind FIN does not', steps: [client(FIN | ACK), vm(SYN | ACK)], ticks: 60 },
];

describe.each(FAMILIES)('host agent: states of a connection in IPv%i', (family) => {
  it.each(rows)('$name: $ticks ticks', async ({ steps, ticks }) => {
    for (const [later, expected] of [
      [ticks, 'reply'],
      [ticks + 1, 'pass'],
    ] as const) {
      const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
      host.apply({ ...dualStackHost, snatRules: [] });
      for (const step of steps) play(host, family, step);
      expect(play(host, family, vm(ACK, later))).toBe(expected);
    }
  });

  it('a rule that is shorter than a minute holds for what is closing', async () => {
    const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
    const translations = dualStackHost.translations.map((each) => ({ ...each, idleTimeoutMs: 10_000 }));
    host.apply({ ...dualStackHost, translations, snatRules: [] });
    play(host, family, client(SYN));
    play(host, family, vm(FIN | ACK));
    expect(play(host, family, client(ACK, 10))).toBe('deliver');
    expect(play(host, family, vm(ACK, 21))).toBe('pass');
  });

  it('an answered connection is not evicted, one that begins anew may be', async () => {
    const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 1 });
    host.apply({ ...dualStackHost, snatRules: [] });
    play(host, family, client(SYN));
    play(host, family, vm(SYN | ACK));
    const flood = () => {
      for (let port = 1; port <= 100; port++) {
        host.process(ip(toA, family, CLIENT[family], VIPS[family]).tcp(port, 443, SYN).bytes(), 0);
      }
    };
    flood();
    expect(play(host, family, vm(ACK))).toBe('reply');
    play(host, family, vm(RST));
    play(host, family, client(SYN));
    flood();
    expect(play(host, family, vm(ACK))).toBe('pass');
  });
});
