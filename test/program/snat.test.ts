/** Outbound NAT: how many ports each member of a pool gets, which, and what becomes of them when the pool changes. */
import { createHash } from 'node:crypto';
import { compile, type HostProgram, type MuxProgram, parseFabric, type SnatRule } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { example, ipConfiguration, type Json, lb, natRule, ref, rule } from '../resources/example.js';
import { addOutboundRule, keyOf, names, VIP, withMembers } from './pool.js';

const SECOND_VIP = '80.80.80.81';

function compiled(change: (fabric: Json) => void) {
  return compile(parseFabric(example(change)));
}

const muxOf = (change: (fabric: Json) => void): MuxProgram => compiled(change).forMux('mux-1');
const hostOf = (change: (fabric: Json) => void): HostProgram => compiled(change).forHost('host-1');

/** Every leased port with the key of whom it is leased to, as `vip:port`. */
function portsOf({ snatRanges = [], backends }: MuxProgram): Map<string, string> {
  const ports = new Map<string, string>();
  for (const { vip, firstPort, portCount, backend } of snatRanges) {
    for (let port = firstPort; port < firstPort + portCount; port++) ports.set(`${vip}:${port}`, backends[backend].key);
  }
  return ports;
}

function countsOf(program: MuxProgram): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of portsOf(program).values()) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

function withSecondFrontend(fabric: Json): void {
  lb(fabric).frontendIPConfigurations.push({ resourceId: 'fe2', properties: { privateIPAddress: SECOND_VIP } });
}

/** Two members, as in the example, and no outbound rule yet. */
function twoMembers(fabric: Json): void {
  withMembers(fabric, ['a', 'b']);
  lb(fabric).inboundNatRules = [];
  lb(fabric).outboundNatRules = [];
}

describe('SNAT: ports of each member', () => {
  it.each([
    [1, 1024],
    [50, 1024],
    [51, 512],
    [100, 512],
    [101, 256],
    [200, 256],
    [201, 128],
    [400, 128],
    [401, 64],
    [800, 64],
    [801, 32],
    [1000, 32],
    [2000, 32],
  ])('of a pool of %i: %i', (poolSize, portCount) => {
    const counts = countsOf(muxOf((fabric) => withMembers(fabric, names(poolSize))));
    expect(counts).toEqual(new Map(names(poolSize).map((name) => [keyOf(name), portCount])));
  });

  it.each([
    ['the fewest', 2, 8],
    ['none of the powers of two', 3, 1000],
    ['as many as there are', 1, 64_504],
    ['half of them', 2, 32_248],
    ['all of them, for as many members as there are blocks', 8063, 8],
  ])('that the rule says: %s', (_, poolSize, allocatedOutboundPorts) => {
    const counts = countsOf(
      muxOf((fabric) => {
        withMembers(fabric, names(poolSize));
        // Block 33888..33895 is that of both inbound NAT rules.
        lb(fabric).outboundNatRules[0].properties.edgemux = { allocatedOutboundPorts };
      }),
    );
    expect(counts).toEqual(new Map(names(poolSize).map((name) => [keyOf(name), allocatedOutboundPorts])));
  });

  it('lie in a slot of 1024 to 65535, found by the member’s key', () => {
    const { snatRanges, backends } = muxOf((fabric) => withMembers(fabric, ['a']));
    // The member's own order of slots starts at the first word of SHA-256 of its key, and goes on by the second.
    const digest = createHash('sha256').update(keyOf('a')).digest();
    let slot = digest.readUInt32LE(0) & 63;
    if (slot === 63) slot = (slot + (digest.readUInt32LE(4) | 1)) & 63;
    expect(backends[0].key).toBe(keyOf('a'));
    expect(snatRanges).toEqual([{ vip: VIP, firstPort: 1024 + slot * 1024, portCount: 1024, backend: 0 }]);
  });

  it('are one range each, but for the blocks of frontend ports', () => {
    const { snatRanges = [] } = muxOf((fabric) => withMembers(fabric, names(50)));
    expect(snatRanges.filter(({ portCount }) => portCount === 1024).length).toBeGreaterThanOrEqual(49);
  });

  it('of a VIP are leased once, at whole blocks, in order', () => {
    for (const poolSize of [2, 50, 63, 700]) {
      const { snatRanges = [] } = muxOf((fabric) => {
        withMembers(fabric, names(poolSize));
        lb(fabric).outboundNatRules[0].properties.edgemux = { allocatedOutboundPorts: poolSize === 63 ? 1016 : 0 };
      });
      let end = 1024;
      for (const { firstPort, portCount } of snatRanges) {
        expect(firstPort).toBeGreaterThanOrEqual(end);
        expect([firstPort % 8, portCount % 8]).toEqual([0, 0]);
        end = firstPort + portCount;
      }
      expect(end).toBeLessThanOrEqual(65_536);
    }
  });
});

describe('SNAT: blocks with a frontend port are left out', () => {
  const full = (change: (fabric: Json) => void) =>
    portsOf(
      muxOf((fabric) => {
        withMembers(fabric, names(100));
        lb(fabric).outboundNatRules[0].properties.edgemux = { allocatedOutboundPorts: 640 };
        change(fabric);
      }),
    );
  const leasedAround = (ports: Map<string, string>, block: number) =>
    Array.from({ length: 10 }, (_, at) => ports.has(`${VIP}:${block - 1 + at}`));
  const leftOut = [true, ...new Array(8).fill(false), true];

  it('of a load balancing rule', () => {
    const change = (fabric: Json) => {
      rule(fabric).frontendPort = 40_003;
    };
    expect(
      leasedAround(
        full(() => {}),
        40_000,
      ),
    ).toEqual(new Array(10).fill(true));
    expect(leasedAround(full(change), 40_000)).toEqual(leftOut);
  });
  it('of an inbound NAT rule, also one that sends nowhere', () => {
    const change = (fabric: Json) => {
      natRule(fabric).frontendPort = 40_007;
    };
    expect(leasedAround(full(change), 40_000)).toEqual(leftOut);
  });
  it('but not of a rule on another VIP', () => {
    const change = (fabric: Json) => {
      withSecondFrontend(fabric);
      natRule(fabric).frontendPort = 40_003;
      natRule(fabric).frontendIPConfigurations = [ref('/loadBalancers/web/frontendIPConfigurations/fe2')];
    };
    expect(leasedAround(full(change), 40_000)).toEqual(new Array(10).fill(true));
  });
  it('and nobody has other ports for it but who had that block', () => {
    const ranges = (change: (fabric: Json) => void) => {
      const { snatRanges = [], backends } = muxOf((fabric) => {
        withMembers(fabric, names(50));
        change(fabric);
      });
      return { snatRanges, backends };
    };
    const before = ranges(() => {});
    const taken = before.snatRanges[20];
    const after = ranges((fabric) => {
      rule(fabric).frontendPort = taken.firstPort + 100;
    });
    const others = ({ snatRanges }: typeof before) => snatRanges.filter(({ backend }) => backend !== taken.backend);
    expect(others(after)).toEqual(others(before));
    expect(after.snatRanges.filter(({ backend }) => backend === taken.backend).slice(-2)[0].portCount).toBe(96);
  });
  it('and whoever has the slot around it gets as many ports as all', () => {
    const change = (fabric: Json) => {
      rule(fabric).frontendPort = 40_003;
      lb(fabric).outboundNatRules[0].properties.edgemux = { allocatedOutboundPorts: 512 };
    };
    const counts = countsOf(
      muxOf((fabric) => {
        withMembers(fabric, names(100));
        change(fabric);
      }),
    );
    expect([...new Set(counts.values())]).toEqual([512]);
  });
});

describe('SNAT: when the pool changes, members keep their ports', () => {
  /** How many of the members that stay have other ports than before. */
  const movedBetween = (before: readonly string[], after: readonly string[]): number => {
    const rangesByKey = (members: readonly string[]) => {
      const ranges = new Map<string, string>();
      const { snatRanges = [], backends } = muxOf((fabric) => withMembers(fabric, members));
      for (const { firstPort, portCount, backend } of snatRanges) {
        const { key } = backends[backend];
        ranges.set(key, `${ranges.get(key) ?? ''} ${firstPort}+${portCount}`);
      }
      return ranges;
    };
    const [was, is] = [rangesByKey(before), rangesByKey(after)];
    return [...is].filter(([key, ranges]) => was.has(key) && was.get(key) !== ranges).length;
  };
  const average = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0) / counts.length;

  it.each([
    { poolSize: 5, max: 0.4 },
    { poolSize: 20, max: 1 },
    { poolSize: 49, max: 3 },
  ])('one more in a pool of $poolSize moves $max others on average at most', ({ poolSize, max }) => {
    const members = names(poolSize);
    const moved = Array.from({ length: 12 }, (_, at) => movedBetween(members, [...members, `another-${at}`]));
    expect(average(moved)).toBeLessThanOrEqual(max);
  });

  it('one less moves no more', () => {
    const members = names(50);
    const moved = [0, 7, 20, 33, 49].map((gone) =>
      movedBetween(
        members,
        members.filter((_, at) => at !== gone),
      ),
    );
    expect(average(moved)).toBeLessThanOrEqual(3);
  });

  it('one that comes last by name moves nobody', () => {
    expect(movedBetween(names(49), [...names(49), 'zzz'])).toBe(0);
  });

  it('the order of the file says nothing', () => {
    const members = names(30);
    const programs = [members, members.toReversed()].map((order) => muxOf((fabric) => withMembers(fabric, order)));
    expect(portsOf(programs[0])).toEqual(portsOf(programs[1]));
  });
});

describe('SNAT: the rules of one DIP', () => {
  const textOf = ({ vip, protocol, ranges, rule: from }: SnatRule) =>
    `${from.slice(from.lastIndexOf('/') + 1)} ${vip}/${protocol} ${ranges.reduce((sum, range) => sum + range.portCount, 0)}`;
  const rulesOfA = (change: (fabric: Json) => void) =>
    (
      hostOf((fabric) => {
        twoMembers(fabric);
        withSecondFrontend(fabric);
        change(fabric);
      }).snatRules ?? []
    ).filter(({ nic }) => nic === 0);

  const rows: { name: string; change: (fabric: Json) => void; rules: string[] }[] = [
    { name: 'none', change: () => {}, rules: [] },
    { name: 'one', change: (f) => addOutboundRule(f, 'out'), rules: [`out ${VIP}/0 1024`] },
    {
      name: 'every frontend gives its ports, in the order of the rule',
      change: (f) => addOutboundRule(f, 'out', { frontends: ['fe2', 'fe', 'fe2'], allocatedOutboundPorts: 64 }),
      rules: [`out ${SECOND_VIP}/0 64`, `out ${VIP}/0 64`],
    },
    {
      name: 'rules by name, the protocol’s own before those for any',
      change: (f) => {
        addOutboundRule(f, 'c', { protocol: 'Udp', allocatedOutboundPorts: 16 });
        addOutboundRule(f, 'b', { protocol: 'Tcp', allocatedOutboundPorts: 24 });
        addOutboundRule(f, 'a', { allocatedOutboundPorts: 32 });
        addOutboundRule(f, 'd', { frontends: ['fe2'], protocol: 'Tcp', allocatedOutboundPorts: 40 });
      },
      rules: [`b ${VIP}/6 24`, `c ${VIP}/17 16`, `d ${SECOND_VIP}/6 40`, `a ${VIP}/0 32`],
    },
  ];
  it.each(rows)('$name', ({ change, rules }) => expect(rulesOfA(change).map(textOf)).toEqual(rules));

  it('for TCP and for UDP share the ports of a VIP, one for both has its own', () => {
    const rules = rulesOfA((fabric) => {
      addOutboundRule(fabric, 'tcp', { protocol: 'Tcp', allocatedOutboundPorts: 64 });
      addOutboundRule(fabric, 'udp', { protocol: 'Udp', allocatedOutboundPorts: 128 });
      addOutboundRule(fabric, 'all', { allocatedOutboundPorts: 256 });
    });
    const [tcp, udp, all] = rules.map(({ ranges }) => ranges[0]);
    expect(tcp).toEqual({ ...udp, portCount: 64 });
    expect(all).toEqual({ firstPort: udp.firstPort - 256, portCount: 256 });
  });

  it('are those a MUX sends back to it', () => {
    const program = compiled((fabric) => {
      twoMembers(fabric);
      withSecondFrontend(fabric);
      addOutboundRule(fabric, 'tcp', { protocol: 'Tcp', allocatedOutboundPorts: 512 });
      addOutboundRule(fabric, 'udp', { protocol: 'Udp', frontends: ['fe2', 'fe'], allocatedOutboundPorts: 800 });
      natRuleInTheWay(fabric);
    });
    const { nics, snatRules = [] } = program.forHost('host-1');
    const ofHost = new Map<string, string>();
    for (const { nic, vip, ranges } of snatRules) {
      for (const { firstPort, portCount } of ranges) {
        for (let port = firstPort; port < firstPort + portCount; port++) {
          ofHost.set(`${vip}:${port}`, `${nics[nic].key}/ipConfigurations/ip1`);
        }
      }
    }
    const ofMux = portsOf(program.forMux('mux-1'));
    expect(ofHost.size).toBe(4 * 800);
    expect(new Map([...ofHost].sort())).toEqual(new Map([...ofMux].sort()));
  });

  it('have the timeout and the reset of the rule', () => {
    const [plain] = rulesOfA((f) => addOutboundRule(f, 'out'));
    const [set] = rulesOfA((f) => addOutboundRule(f, 'out', { idleTimeoutInMinutes: 120, enableTcpReset: true }));
    expect([plain.idleTimeoutMs, plain.tcpReset]).toEqual([240_000, undefined]);
    expect([set.idleTimeoutMs, set.tcpReset]).toEqual([7_200_000, true]);
  });
});

/** A frontend port in the middle of the slot that member a has. */
function natRuleInTheWay(fabric: Json): void {
  const digest = createHash('sha256').update(keyOf('a')).digest();
  const slotCount = Math.floor(8064 / 100);
  const step = digest.readUInt32LE(4) | 1;
  let slot = digest.readUInt32LE(0) & 127;
  while (slot >= slotCount) slot = (slot + step) & 127;
  rule(fabric).frontendPort = 1024 + slot * 800 + 400;
}

describe('SNAT: who gets none', () => {
  const without = (change: (fabric: Json) => void) => {
    const program = compiled((fabric) => {
      withMembers(fabric, ['a', 'b']);
      change(fabric);
    });
    const { snatRules, exemptions } = program.forHost('host-1');
    return { ranges: program.forMux('mux-1').snatRanges, snatRules, exemptions };
  };
  const NONE = { ranges: undefined, snatRules: undefined, exemptions: undefined };

  it('everybody, when outbound NAT is switched off', () => {
    const off = (fabric: Json) => {
      fabric.loadBalancerManager.properties.isOutboundNatEnabled = 'False';
    };
    expect(without(off)).toEqual(NONE);
  });

  it('everybody, without an outbound rule', () => {
    const off = (fabric: Json) => {
      lb(fabric).outboundNatRules = [];
    };
    expect(without(off)).toEqual(NONE);
  });

  it('a target of an inbound NAT rule that is in no pool', () => {
    const { ranges } = without((fabric) => {
      ipConfiguration(fabric).loadBalancerBackendAddressPools = [];
      ipConfiguration(fabric).loadBalancerInboundNatRules = [ref('/loadBalancers/web/inboundNatRules/rdp-vm-1')];
    });
    expect(ranges?.map(({ backend }) => backend)).toEqual([1]);
  });

  it('a member with an address of its own, who counts for the size of the pool', () => {
    const { snatRanges = [], backends } = muxOf((fabric) => {
      withMembers(fabric, names(51));
      fabric.publicIPAddresses.push({ resourceId: 'own', properties: { ipAddress: '80.80.80.90' } });
      ipConfiguration(fabric).publicIPAddress = ref('/publicIPAddresses/own');
    });
    expect(snatRanges.some(({ backend }) => backends[backend].key === keyOf(names(1)[0]))).toBe(false);
    expect(new Set(countsOf({ snatRanges, backends } as MuxProgram).values())).toEqual(new Set([512]));
  });
});

describe('SNAT: exemptions', () => {
  const exemptionsOf = (change: (fabric: Json) => void) => hostOf(change).exemptions;

  it('are those of the fabric, and the networks of whoever reaches out', () => {
    const exemptions = exemptionsOf((fabric) => {
      fabric.loadBalancerManager.properties.outboundNatIPExemptions = [
        '2001:DB8::5/32',
        '10.20.0.0/16',
        '10.20.0.9/16',
      ];
      fabric.virtualNetworks[0].properties.addressSpace.addressPrefixes = ['2001:db8:a::/48', '10.0.0.0/16'];
      fabric.virtualNetworks.push(structuredClone(fabric.virtualNetworks[0]));
      Object.assign(fabric.virtualNetworks[1], { resourceId: 'b' });
      fabric.virtualNetworks[1].properties.subnets[0].properties.edgemux.vni = 6000;
    });
    expect(exemptions).toEqual([
      { prefix: '10.20.0.0/16' },
      { prefix: '2001:db8::/32' },
      { prefix: '10.0.0.0/16', vni: 5001 },
      { prefix: '2001:db8:a::/48', vni: 5001 },
    ]);
  });

  it('are needed for an instance-level address too', () => {
    const exemptions = exemptionsOf((fabric) => {
      lb(fabric).outboundNatRules = [];
      fabric.publicIPAddresses.push({ resourceId: 'own', properties: { ipAddress: '80.80.80.90' } });
      ipConfiguration(fabric).publicIPAddress = ref('/publicIPAddresses/own');
    });
    expect(exemptions).toEqual([{ prefix: '10.20.0.1/32' }, { prefix: '10.0.0.0/16', vni: 5001 }]);
  });
});
