/** From policy to programs: the example literally, and what each knob of the policy does to it. */

import { compile, EdgemuxError, type MuxProgram, parseFabric } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { example, ipConfiguration, type Json, lb, mux, natRule, probe, rule } from '../resources/example.js';

const DIP_1 = '/networkInterfaces/vm-1-nic/ipConfigurations/ip1';
const DIP_2 = '/networkInterfaces/vm-2-nic/ipConfigurations/ip1';
const LB = '/loadBalancers/web';
const VIP = '80.80.80.80';

function compiled(change: (fabric: Json) => void = () => {}) {
  return compile(parseFabric(example(change)));
}
const muxProgramOf = (change?: (fabric: Json) => void): MuxProgram => compiled(change).forMux('mux-1');

describe('compile: the example', () => {
  const common = { idleTimeoutMs: 240_000, floatingIp: false };
  const http = { vip: VIP, protocol: 6, port: 80, backendPort: 8080, rule: `${LB}/loadBalancingRules/http`, ...common };
  const dns = { vip: VIP, protocol: 17, port: 53, backendPort: 53, rule: `${LB}/loadBalancingRules/dns`, ...common };
  const rdp = (vm: number) => ({
    vip: VIP,
    protocol: 6,
    port: 33_890 + vm,
    backendPort: 3389,
    rule: `${LB}/inboundNatRules/rdp-vm-${vm}`,
    ...common,
  });

  it('for a MUX', () => {
    expect(muxProgramOf()).toEqual({
      kind: 'mux',
      id: 'mux-1',
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      attachment: {
        providerAddress: '10.10.56.21',
        macAddress: '02:00:00:00:56:15',
        gatewayMacAddress: undefined,
        vlanId: 0,
      },
      flowHashKey: '656467656d757820666c6f7720686173',
      vips: [VIP],
      services: [
        { key: `${VIP}:33891/tcp`, distribution: 'Default', target: { backend: 0 }, ...rdp(1) },
        { key: `${VIP}:33892/tcp`, distribution: 'Default', target: { backend: 1 }, ...rdp(2) },
        { key: `${VIP}:53/udp`, distribution: 'SourceIP', target: { ring: 0 }, ...dns },
        { key: `${VIP}:80/tcp`, distribution: 'Default', target: { ring: 0 }, ...http },
      ],
      rings: [
        {
          slotCount: 65_537,
          members: [
            { backend: 0, weight: 1 },
            { backend: 1, weight: 1 },
          ],
        },
      ],
      backends: [
        {
          key: DIP_1,
          dip: '10.0.0.4',
          vni: 5001,
          macAddress: '00:1d:d8:00:00:04',
          host: 'host-1',
          hostProviderAddress: '10.10.56.11',
          nextHopMacAddress: '02:00:00:00:56:0b',
        },
        {
          key: DIP_2,
          dip: '10.0.0.5',
          vni: 5001,
          macAddress: '00:1d:d8:00:00:05',
          host: 'host-2',
          hostProviderAddress: '10.10.56.12',
          nextHopMacAddress: '02:00:00:00:56:0c',
        },
      ],
      // 1024 ports for each of a pool of two: slots 34 and 59 of 63.
      snatRanges: [
        { vip: VIP, firstPort: 35_840, portCount: 1024, backend: 0 },
        { vip: VIP, firstPort: 61_440, portCount: 1024, backend: 1 },
      ],
    });
  });

  it.each([
    {
      host: 'host-1',
      address: '10.10.56.11',
      mac: '02:00:00:00:56:0b',
      vm: 1,
      dip: '10.0.0.4',
      vmMac: '00:1d:d8:00:00:04',
      firstPort: 35_840,
    },
    {
      host: 'host-2',
      address: '10.10.56.12',
      mac: '02:00:00:00:56:0c',
      vm: 2,
      dip: '10.0.0.5',
      vmMac: '00:1d:d8:00:00:05',
      firstPort: 61_440,
    },
  ])(
    'for $host: its own VM and nothing of the other',
    ({ host, address, mac: macAddress, vm, dip, vmMac, firstPort }) => {
      expect(compiled().forHost(host)).toEqual({
        kind: 'host',
        id: host,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        attachment: { providerAddress: address, macAddress, gatewayMacAddress: undefined, vlanId: 0 },
        flowHashKey: '656467656d757820666c6f7720686173',
        nics: [{ key: `/networkInterfaces/vm-${vm}-nic`, macAddress: vmMac, vni: 5001 }],
        translations: [
          { nic: 0, dip, ...rdp(vm) },
          { nic: 0, dip, ...dns },
          { nic: 0, dip, ...http },
        ],
        snatRules: [
          {
            nic: 0,
            dip,
            vip: VIP,
            protocol: 0,
            ranges: [{ firstPort, portCount: 1024 }],
            idleTimeoutMs: 240_000,
            rule: `${LB}/outboundNatRules/out`,
          },
        ],
        exemptions: [{ prefix: '10.20.0.1/32' }, { prefix: '10.0.0.0/16', vni: 5001 }],
      });
    },
  );

  it('names its machines', () => {
    const { muxes, hosts } = compiled();
    expect({ muxes, hosts }).toEqual({ muxes: ['mux-1', 'mux-2'], hosts: ['host-1', 'host-2'] });
  });
});

describe('compile: rules', () => {
  const service = (change: (fabric: Json) => void) =>
    muxProgramOf(change).services.find(({ rule: from }) => from === `${LB}/loadBalancingRules/http`);
  const rows: { name: string; change: (fabric: Json) => void; has: object }[] = [
    {
      name: 'any port',
      change: (f) => {
        Object.assign(rule(f), { frontendPort: 0, backendPort: 0 });
        lb(f).outboundNatRules = [];
      },
      has: { key: `${VIP}:*/tcp`, port: 0, backendPort: 0 },
    },
    {
      name: 'any protocol',
      change: (f) => {
        Object.assign(rule(f), { protocol: 'All', frontendPort: 0, backendPort: 0 });
        lb(f).outboundNatRules = [];
      },
      has: { key: `${VIP}:*/*`, protocol: 0 },
    },
    {
      name: 'floating IP',
      change: (f) => Object.assign(rule(f), { enableFloatingIP: true, backendPort: 80 }),
      has: { floatingIp: true },
    },
    {
      name: 'idle timeout',
      change: (f) => Object.assign(rule(f), { idleTimeoutInMinutes: 30 }),
      has: { idleTimeoutMs: 1_800_000 },
    },
    {
      name: 'distribution',
      change: (f) => Object.assign(rule(f), { loadDistribution: 'SourceIPProtocol' }),
      has: { distribution: 'SourceIPProtocol' },
    },
    {
      name: 'GRE',
      change: (f) => Object.assign(rule(f), { protocol: 'gre', frontendPort: 0, backendPort: 0 }),
      has: { key: `${VIP}:*/gre`, protocol: 47, port: 0, backendPort: 0 },
    },
    {
      name: 'ESP',
      change: (f) => Object.assign(rule(f), { protocol: 'Esp', frontendPort: 0, backendPort: 0 }),
      has: { key: `${VIP}:*/esp`, protocol: 50, port: 0, backendPort: 0 },
    },
  ];
  it.each(rows)('$name', ({ change, has }) => expect(service(change)).toMatchObject(has));

  it('a frontend without a rule is a VIP all the same', () => {
    const { vips, services } = muxProgramOf((fabric) => {
      lb(fabric).frontendIPConfigurations.push({ resourceId: 'fe2', properties: { privateIPAddress: '80.80.80.9' } });
    });
    expect(vips).toEqual(['80.80.80.80', '80.80.80.9']);
    expect(services.every(({ vip }) => vip === VIP)).toBe(true);
  });

  it('an inbound NAT rule without a target is no service', () => {
    const program = muxProgramOf((fabric) => {
      ipConfiguration(fabric).loadBalancerInboundNatRules = [];
    });
    expect(program.services.map(({ key }) => key)).toEqual([`${VIP}:33892/tcp`, `${VIP}:53/udp`, `${VIP}:80/tcp`]);
  });

  it('NVGRE is said where it is meant, VXLAN is not', () => {
    const nvgre = compiled((fabric) => {
      fabric.virtualNetworkManager.properties.networkVirtualizationProtocol = 'nvgre';
    });
    expect([nvgre.forMux('mux-1').encapsulation, nvgre.forHost('host-1').encapsulation]).toEqual(['nvgre', 'nvgre']);
    expect([muxProgramOf(), compiled().forHost('host-1')].filter((one) => 'encapsulation' in one)).toEqual([]);
  });

  it('the MTU of the provider network is said where the fabric says it', () => {
    const program = compiled((fabric) => {
      mux(fabric).edgemux.mtuBytes = '1600';
      fabric.servers[0].properties.edgemux.mtuBytes = 9000;
    });
    const mtus = [program.forMux('mux-1'), program.forMux('mux-2'), program.forHost('host-1')];
    expect(mtus.map(({ attachment }) => attachment.mtuBytes)).toEqual([1600, undefined, 9000]);
  });

  it('TCP reset is the host’s to do, for the rules that ask', () => {
    const { translations } = compiled((fabric) => {
      rule(fabric).edgemux = { enableTcpReset: true };
      natRule(fabric).edgemux = { enableTcpReset: 'true' };
    }).forHost('host-1');
    expect(translations.map(({ port, tcpReset }) => [port, tcpReset])).toEqual([
      [33_891, true],
      [53, undefined],
      [80, true],
    ]);
  });

  it('the flow hash key of the fabric is that of every machine', () => {
    const keyed = compiled((fabric) => {
      fabric.loadBalancerManager.properties.edgemux = { flowHashKey: 'AB'.repeat(16) };
    });
    const keys = [...keyed.muxes.map(keyed.forMux), ...keyed.hosts.map(keyed.forHost)].map((each) => each.flowHashKey);
    expect(keys).toEqual(new Array(4).fill('ab'.repeat(16)));
  });
});

describe('compile: what is refused', () => {
  function refusalOf(act: () => unknown): unknown {
    try {
      act();
    } catch (error) {
      if (error instanceof EdgemuxError) return { code: error.code, problems: error.problems };
      throw error;
    }
    return undefined;
  }

  it.each([
    {
      name: 'a MUX',
      act: () => compiled().forMux('mux-9'),
      path: 'loadBalancerMuxes',
      expected: 'one of mux-1, mux-2',
      got: '"mux-9"',
    },
    {
      name: 'a host',
      act: () => compiled().forHost('host-9'),
      path: 'servers',
      expected: 'one of host-1, host-2',
      got: '"host-9"',
    },
    {
      name: 'a MUX by the name of a host',
      act: () => compiled().forMux('host-1'),
      path: 'loadBalancerMuxes',
      expected: 'one of mux-1, mux-2',
      got: '"host-1"',
    },
  ])('$name that is not there', ({ act, path, expected, got }) => {
    expect(refusalOf(act)).toEqual({ code: 'ERR_UNKNOWN_ID', problems: [{ path, expected, got }] });
  });

  it('a probe is no part of a program: changing it changes no digest', () => {
    const changed = muxProgramOf((fabric) => {
      probe(fabric).intervalInSeconds = 9;
    });
    expect(changed.digest).toBe(muxProgramOf().digest);
  });
});
