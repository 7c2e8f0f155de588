/** Who is in a ring, and with what share: weights, admin state, probes. */

import { type CompileOptions, compile, type MuxProgram, parseFabric } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { example, ipConfiguration, type Json, rule } from '../resources/example.js';

const DIP_1 = '/networkInterfaces/vm-1-nic/ipConfigurations/ip1';
const DIP_2 = '/networkInterfaces/vm-2-nic/ipConfigurations/ip1';
const HEALTH = '/loadBalancers/web/probes/health';
const VIP = '80.80.80.80';

function compiled(change: (fabric: Json) => void = () => {}, options: CompileOptions = {}) {
  return compile(parseFabric(example(change)), options);
}

/** Each service with the ring of its members' keys and weights, or the key of its one backend. */
function targetsOf(program: MuxProgram): Record<string, string> {
  const key = (backend: number) => program.backends[backend].key;
  return Object.fromEntries(
    program.services.map(({ key: service, target }) => [
      service,
      'backend' in target
        ? key(target.backend)
        : program.rings[target.ring].members.map(({ backend, weight }) => `${key(backend)}*${weight}`).join(' '),
    ]),
  );
}

describe('compile: members of a ring', () => {
  const both = `${DIP_1}*1 ${DIP_2}*1`;
  const weighed = (edgemux: object) => (fabric: Json) => {
    ipConfiguration(fabric).edgemux = edgemux;
  };
  const rows: { name: string; change: (fabric: Json) => void; down?: string[]; http: string; dns: string }[] = [
    { name: 'all alike', change: () => {}, http: both, dns: both },
    { name: 'a weight', change: weighed({ weight: 7 }), http: `${DIP_1}*7 ${DIP_2}*1`, dns: `${DIP_1}*7 ${DIP_2}*1` },
    { name: 'weight 0', change: weighed({ weight: 0 }), http: `${DIP_2}*1`, dns: `${DIP_2}*1` },
    { name: 'adminState Down', change: weighed({ adminState: 'Down' }), http: `${DIP_2}*1`, dns: `${DIP_2}*1` },
    {
      name: 'a DIP that fails its probe, for rules with the probe',
      change: () => {},
      down: [DIP_1],
      http: `${DIP_2}*1`,
      dns: both,
    },
    {
      name: 'adminState Up overrules the probe',
      change: weighed({ adminState: 'Up' }),
      down: [DIP_1],
      http: both,
      dns: both,
    },
    { name: 'everything down', change: () => {}, down: [DIP_1, DIP_2], http: '', dns: both },
    {
      name: 'a rule without the probe does not ask',
      change: (fabric) => delete rule(fabric).probe,
      down: [DIP_1],
      http: both,
      dns: both,
    },
  ];
  it.each(rows)('$name', ({ change, down = [], http, dns }) => {
    const asked: [string, string][] = [];
    const health = (dip: string, probed: string) => {
      asked.push([dip, probed]);
      return !down.includes(dip);
    };
    const program = compiled(change, { health }).forMux('mux-1');
    const targets = targetsOf(program);
    expect([targets[`${VIP}:80/tcp`], targets[`${VIP}:53/udp`]]).toEqual([http, dns]);
    expect(new Set(asked.map(([, probed]) => probed))).toEqual(new Set(asked.length > 0 ? [HEALTH] : []));
    // Whoever takes no new connections keeps those it has.
    expect(program.backends.map(({ key }) => key)).toEqual([DIP_1, DIP_2]);
    expect(compiled(change, { health }).forHost('host-1').translations).toHaveLength(3);
  });

  it('health nobody knows counts as up', () => {
    expect(targetsOf(compiled(undefined, { health: () => undefined }).forMux('mux-1'))[`${VIP}:80/tcp`]).toBe(both);
  });

  it('an inbound NAT rule asks nobody', () => {
    const program = compiled(weighed({ adminState: 'Down' }), { health: () => false }).forMux('mux-1');
    expect(targetsOf(program)[`${VIP}:33891/tcp`]).toBe(DIP_1);
  });

  it('rules with the same members and size share a ring, others do not', () => {
    expect(compiled().forMux('mux-1').rings).toHaveLength(1);
    const sized = compiled((fabric) => {
      rule(fabric).edgemux = { ringSlotCount: 251 };
    }).forMux('mux-1');
    expect(sized.rings.map(({ slotCount }) => slotCount)).toEqual([65_537, 251]);
  });
});
