/** What changes from one program to the next, by the keys of what changed. */

import {
  compile,
  diffPrograms,
  EdgemuxError,
  type Program,
  type ProgramDiff,
  parseFabric,
  withNicOnServer,
} from 'edgemux';
import { describe, expect, it } from 'vitest';
import { example, ipConfiguration, type Json, lb, nic, rule } from '../resources/example.js';

const DIP_2 = '/networkInterfaces/vm-2-nic/ipConfigurations/ip1';
const NIC_1 = '/networkInterfaces/vm-1-nic';
const NIC_2 = '/networkInterfaces/vm-2-nic';
const VIP = '80.80.80.80';
const HTTP = `${VIP}:80/tcp`;
const DNS = `${VIP}:53/udp`;
const RDP_1 = `${VIP}:33891/tcp`;
const RDP_2 = `${VIP}:33892/tcp`;
const DIP_1 = '/networkInterfaces/vm-1-nic/ipConfigurations/ip1';
/** The ports leased to the two members, as a MUX and as a host has them. */
const SNAT_1 = `${VIP}:35840-36863 → ${DIP_1}`;
const SNAT_2 = `${VIP}:61440-62463 → ${DIP_2}`;
const SNAT_OF_HOST_1 = `${VIP}:35840-36863/* → ${NIC_1} 10.0.0.4`;
const SNAT_OF_HOST_2 = `${VIP}:61440-62463/* → ${NIC_2} 10.0.0.5`;

/** Only what is not empty, so that a row says what changes and nothing else. */
function brief({ machine, members }: ProgramDiff): object {
  const changes = Object.entries(members).flatMap(([kind, change]) => {
    const lists = Object.entries(change).filter(([, keys]) => keys.length > 0);
    return lists.length > 0 ? [[kind, Object.fromEntries(lists)]] : [];
  });
  return { ...(machine.length > 0 ? { machine } : {}), ...Object.fromEntries(changes) };
}

interface Row {
  name: string;
  change: (fabric: Json) => void;
  mux: object;
  host: object;
}

const rows: Row[] = [
  { name: 'nothing', change: () => {}, mux: {}, host: {} },
  {
    name: 'a VM moves to host-1',
    change: (fabric) => {
      nic(fabric, 1).server.resourceRef = '/servers/host-1';
    },
    mux: { backends: { changed: [DIP_2] } },
    host: {
      nics: { added: [NIC_2] },
      translations: { added: [`${NIC_2} ${VIP}:33892/tcp`, `${NIC_2} ${VIP}:53/udp`, `${NIC_2} ${VIP}:80/tcp`] },
      snat: { added: [SNAT_OF_HOST_2] },
    },
  },
  {
    name: 'a member is added',
    change: (fabric) => {
      const copy = structuredClone(fabric.networkInterfaces[1]);
      copy.resourceId = 'vm-0-nic';
      copy.properties.privateMacAddress = '001DD8000003';
      copy.properties.ipConfigurations[0].properties.privateIPAddress = '10.0.0.6';
      copy.properties.ipConfigurations[0].properties.loadBalancerInboundNatRules = [];
      fabric.networkInterfaces.push(copy);
    },
    // Its key sorts first: every index moves, and no other member changes.
    mux: {
      services: { changed: [DNS, HTTP] },
      backends: { added: ['/networkInterfaces/vm-0-nic/ipConfigurations/ip1'] },
      snat: { added: [`${VIP}:51200-52223 → /networkInterfaces/vm-0-nic/ipConfigurations/ip1`] },
    },
    host: {},
  },
  {
    name: 'a member leaves the pool, but not the NAT rule',
    change: (fabric) => {
      ipConfiguration(fabric, 1).loadBalancerBackendAddressPools = [];
    },
    mux: { services: { changed: [DNS, HTTP] }, snat: { removed: [SNAT_2] } },
    host: {},
  },
  {
    name: 'a member is drained',
    change: (fabric) => {
      ipConfiguration(fabric).edgemux = { weight: 0 };
    },
    mux: { services: { changed: [DNS, HTTP] } },
    host: {},
  },
  {
    name: 'a rule is removed',
    change: (fabric) => {
      lb(fabric).loadBalancingRules.splice(0, 1);
    },
    mux: { services: { removed: [HTTP] } },
    host: { translations: { removed: [`${NIC_1} ${VIP}:80/tcp`] } },
  },
  {
    name: 'a rule gets another backend port',
    change: (fabric) => {
      rule(fabric).backendPort = 8081;
    },
    mux: { services: { changed: [HTTP] } },
    host: { translations: { changed: [`${NIC_1} ${VIP}:80/tcp`] } },
  },
  {
    name: 'two NAT rules change places',
    change: (fabric) => {
      const [one, two] = [ipConfiguration(fabric), ipConfiguration(fabric, 1)];
      [one.loadBalancerInboundNatRules, two.loadBalancerInboundNatRules] = [
        two.loadBalancerInboundNatRules,
        one.loadBalancerInboundNatRules,
      ];
    },
    mux: { services: { changed: [RDP_1, RDP_2] } },
    host: { translations: { added: [`${NIC_1} ${VIP}:33892/tcp`], removed: [`${NIC_1} ${VIP}:33891/tcp`] } },
  },
  {
    name: 'the VIP is another',
    change: (fabric) => {
      fabric.publicIPAddresses[0].properties.ipAddress = '80.80.80.81';
      lb(fabric).loadBalancingRules = [];
      lb(fabric).inboundNatRules = [];
      for (const at of [0, 1]) ipConfiguration(fabric, at).loadBalancerInboundNatRules = [];
    },
    mux: {
      vips: { added: ['80.80.80.81'], removed: [VIP] },
      services: { removed: [RDP_1, RDP_2, DNS, HTTP] },
      snat: {
        added: [SNAT_1, SNAT_2].map((ports) => ports.replace(VIP, '80.80.80.81')),
        removed: [SNAT_1, SNAT_2],
      },
    },
    host: {
      translations: { removed: [`${NIC_1} ${VIP}:33891/tcp`, `${NIC_1} ${VIP}:53/udp`, `${NIC_1} ${VIP}:80/tcp`] },
      snat: { added: [SNAT_OF_HOST_1.replace(VIP, '80.80.80.81')], removed: [SNAT_OF_HOST_1] },
    },
  },
  {
    name: 'outbound NAT is switched off',
    change: (fabric) => {
      fabric.loadBalancerManager.properties.isOutboundNatEnabled = false;
    },
    mux: { snat: { removed: [SNAT_1, SNAT_2] } },
    host: { snat: { removed: [SNAT_OF_HOST_1] }, exemptions: { removed: ['10.20.0.1/32', '10.0.0.0/16 in 5001'] } },
  },
  {
    name: 'an outbound rule gets another timeout',
    change: (fabric) => {
      lb(fabric).outboundNatRules[0].properties.edgemux = { idleTimeoutInMinutes: 120 };
    },
    mux: {},
    host: { snat: { changed: [SNAT_OF_HOST_1] } },
  },
  {
    name: 'one more exemption',
    change: (fabric) => {
      fabric.loadBalancerManager.properties.outboundNatIPExemptions.push('2001:db8::/32');
    },
    mux: {},
    host: { exemptions: { added: ['2001:db8::/32'] } },
  },
  {
    name: 'a VM gets an address of its own',
    change: (fabric) => {
      fabric.publicIPAddresses.push({ resourceId: 'vm-1', properties: { ipAddress: '80.80.80.90' } });
      ipConfiguration(fabric).publicIPAddress = { resourceRef: '/publicIPAddresses/vm-1' };
    },
    mux: {
      vips: { added: ['80.80.80.90'] },
      services: { added: ['80.80.80.90:*/*'] },
      snat: { removed: [SNAT_1] },
    },
    host: { translations: { added: [`${NIC_1} 80.80.80.90:*/*`] }, snat: { removed: [SNAT_OF_HOST_1] } },
  },
  {
    name: 'the flow hash key is another',
    change: (fabric) => {
      fabric.loadBalancerManager.properties.edgemux = { flowHashKey: 'f'.repeat(32) };
    },
    mux: { machine: ['flowHashKey'] },
    host: { machine: ['flowHashKey'] },
  },
  {
    name: 'the encapsulation is another',
    change: (fabric) => {
      fabric.virtualNetworkManager.properties.networkVirtualizationProtocol = 'Nvgre';
    },
    mux: { machine: ['encapsulation'] },
    host: { machine: ['encapsulation'] },
  },
  {
    name: 'the MUX gets an address of the other family',
    change: (fabric) => {
      fabric.loadBalancerMuxes[0].properties.edgemux.secondProviderAddress = '2001:db8:56::21';
    },
    mux: { machine: ['secondProviderAddress'] },
    host: {},
  },
  {
    name: 'the provider network is tagged',
    change: (fabric) => {
      fabric.logicalNetworks[0].properties.subnets[0].properties.vlanID = '7';
    },
    mux: { machine: ['vlanId'] },
    host: { machine: ['vlanId'] },
  },
];

describe('diff of programs', () => {
  const before = compile(parseFabric(example()));
  it.each(rows)('$name', ({ change, mux, host }) => {
    const after = compile(parseFabric(example(change)));
    expect(brief(diffPrograms(before.forMux('mux-1'), after.forMux('mux-1')))).toEqual(mux);
    expect(brief(diffPrograms(before.forHost('host-1'), after.forHost('host-1')))).toEqual(host);
    const isSame = (a: Program, b: Program) => a.digest === b.digest;
    expect(isSame(before.forMux('mux-1'), after.forMux('mux-1'))).toBe(Object.keys(mux).length === 0);
    expect(isSame(before.forHost('host-1'), after.forHost('host-1'))).toBe(Object.keys(host).length === 0);
  });

  it('read backwards, what came goes', () => {
    const after = compile(withNicOnServer(parseFabric(example()), 'vm-1-nic', 'host-2'));
    const forth = diffPrograms(before.forHost('host-2'), after.forHost('host-2')).members;
    const back = diffPrograms(after.forHost('host-2'), before.forHost('host-2')).members;
    expect(forth.nics).toEqual({ added: [NIC_1], removed: [], changed: [] });
    expect(back.nics).toEqual({ added: [], removed: [NIC_1], changed: [] });
  });

  it('of two MUXes is the machine alone', () => {
    expect(brief(diffPrograms(before.forMux('mux-1'), before.forMux('mux-2')))).toEqual({
      machine: ['id', 'providerAddress', 'macAddress'],
    });
  });

  it('of a MUX and a host there is none', () => {
    expect(() => diffPrograms(before.forMux('mux-1'), before.forHost('host-1'))).toThrow(EdgemuxError);
  });
});
