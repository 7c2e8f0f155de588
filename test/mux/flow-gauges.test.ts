/**
 * The gauges are exact: after random packets, passing time and changing programs they say what a count of the table says.
 *
 * `EDGEMUX_SEEDS=7,8,9 npx vitest run …` runs other seeds.
 */
import type { MuxProgram, Service } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { countedGauges, flowsIn, gauges, type OpenMux, openMux } from '../support/open-mux.js';
import { ACK, FIN, ipv4, RST, SYN } from '../support/packet.js';
import { muxProgram, VIP } from '../support/programs.js';
import { Random } from '../support/random.js';

const STEP_COUNT = 4000;
const seeds = (process.env.EDGEMUX_SEEDS ?? '1,2,3').split(',').map(Number);

const [https, dns, http] = muxProgram.services;
const gre: Service = { ...https, key: 'gre', protocol: 47, port: 0 };

/** Programs that follow one another: services and backends come and go, and take over each other's indexes. */
const programs: readonly MuxProgram[] = [
  programWith([https, dns, gre], [0, 1, 2]),
  programWith([https, dns, gre], [1, 2]),
  programWith([http, dns, gre], [0, 1]),
  programWith([gre, http, https], [2]),
  programWith([https, dns, gre], [0, 1, 2], '192.168.1.77'),
  programWith([dns], []),
];

function programWith(services: Service[], members: number[], dip?: string): MuxProgram {
  const [first, ...others] = muxProgram.backends;
  return {
    ...muxProgram,
    services,
    rings: [{ slotCount: 251, members: members.map((backend) => ({ backend, weight: 1 })), drained: [] }],
    backends: [dip === undefined ? first : { ...first, dip }, ...others],
  };
}

function randomPacket(random: Random): Uint8Array {
  const packet = ipv4(`192.0.2.${random.between(1, 4)}`, VIP);
  const port = random.between(1, 12);
  const kind = random.below(10);
  if (kind === 0) return ipv4(`192.0.2.${port}`, VIP, { protocol: 47 }).payload('GRE').bytes();
  if (kind < 3) return packet.udp(port, 53).bytes();
  const flags = random.pick([SYN, ACK, ACK, ACK, ACK, SYN | ACK, FIN | ACK, RST]);
  return packet.tcp(port, random.pick([443, 80]), flags).bytes();
}

async function loaded(random: Random): Promise<OpenMux> {
  const open = await openMux({
    flowCountMax: random.pick([1, 64, 512]),
    trustedFlowCountMax: random.pick([5, 100]),
    untrustedFlowCountMax: random.pick([20, 200]),
    // As many as a program has, so that indexes are used again and the table is swept for it.
    serviceCountMax: 3,
    backendCountMax: 3,
  });
  open.mux.program(programs[0]);
  return open;
}

describe.each(seeds)('MUX: gauges, seed %i', (seed) => {
  it('are what a count of the table says', async () => {
    const random = new Random(seed);
    const open = await loaded(random);
    let nowMs = random.pick([0, (2 ** 19 - 200) * 1024, 1_800_000_000_000]);
    let exported = open.mux.exportFlows(nowMs);
    const seen = new Set<string>();
    for (let step = 0; step < STEP_COUNT; step++) {
      const kind = random.below(400);
      if (kind === 0) open.mux.program(random.pick(programs));
      else if (kind === 1) nowMs += random.below(400_000);
      else if (kind === 2) nowMs -= random.below(5_000);
      else if (kind === 3) exported = open.mux.exportFlows(nowMs);
      else if (kind === 4) open.mux.importFlows(exported, nowMs);
      else open.mux.process(randomPacket(random), nowMs, 'bare');
      if (random.oneIn(8)) nowMs += random.below(1_500);
      expect(gauges(open), `step ${step}`).toEqual(countedGauges(open));
      for (const { state } of flowsIn(open)) seen.add(state);
    }
    expect([...seen].sort()).toEqual(['closing', 'half-open', 'reset', 'seen-once', 'seen-twice', 'trusted']);
  });

  it('are zero after the table has been forgotten', async () => {
    const random = new Random(seed + 1000);
    const open = await loaded(random);
    for (let step = 0; step < 500; step++) open.mux.process(randomPacket(random), step * 300, 'bare');
    expect(gauges(open).untrusted).toBeGreaterThan(0);
    open.mux.program({ ...programs[0], flowHashKey: 'ff'.repeat(16) });
    expect(flowsIn(open)).toEqual([]);
    expect(gauges(open)).toEqual({ trusted: 0, untrusted: 0 });
  });
});
