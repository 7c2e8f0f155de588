/** Policy this release cannot forward is refused before anything is compiled, with the place of each part. */
import { compile, EdgemuxError, parseFabric } from 'edgemux';
import { expect, test } from 'vitest';
import { example, type Json, lb, mux, natRule, nic, ref, rule } from '../resources/example.js';
import { dualStack, VIP_6 } from './dual-stack.js';

function problemsOf(change: (fabric: Json) => void): readonly object[] {
  try {
    compile(parseFabric(example(change)));
    return [];
  } catch (error) {
    if (!(error instanceof EdgemuxError) || error.code !== 'ERR_UNSUPPORTED') throw error;
    return error.problems;
  }
}

/** A second address of the first VM. */
function addIpConfiguration(fabric: Json, subnet: string, privateIPAddress: string, pools: string[]): void {
  nic(fabric).ipConfigurations.push({
    resourceId: 'ip2',
    properties: {
      privateIPAddress,
      subnet: ref(`/virtualNetworks/tenant-a/subnets/${subnet}`),
      loadBalancerBackendAddressPools: pools.map((pool) => ref(`/loadBalancers/web/backendAddressPools/${pool}`)),
    },
  });
}

function addSubnet(fabric: Json): void {
  const properties = { addressPrefix: '10.0.1.0/24', edgemux: { vni: 5002 } };
  fabric.virtualNetworks[0].properties.subnets.push({ resourceId: 'db', properties });
}

const FE_6 = '/loadBalancers/web/frontendIPConfigurations/fe6';

/** The pool keeps its IPv4 members only. */
function withoutIpv6Members(fabric: Json): void {
  for (const at of [0, 1]) nic(fabric, at).ipConfigurations.splice(1, 1);
}

const PATH = 'networkInterfaces[0].properties.ipConfigurations[1]';

const rows: { name: string; change: (fabric: Json) => void; problems: object[] }[] = [
  {
    name: 'one network interface in two subnets',
    change: (fabric) => {
      addSubnet(fabric);
      addIpConfiguration(fabric, 'db', '10.0.1.4', []);
    },
    problems: [
      {
        path: PATH,
        expected: 'the subnet of the other ipConfigurations of its network interface',
        got: '"/virtualNetworks/tenant-a/subnets/db"',
      },
    ],
  },
  {
    name: 'two addresses of one network interface in one pool',
    change: (fabric) => addIpConfiguration(fabric, 'web', '10.0.0.40', ['vms']),
    problems: [
      {
        path: PATH,
        expected: 'one IPv4 ipConfiguration of a network interface per pool',
        got: '"/loadBalancers/web/backendAddressPools/vms"',
      },
    ],
  },
  {
    name: 'but not a second address in no pool',
    change: (fabric) => addIpConfiguration(fabric, 'web', '10.0.0.40', []),
    problems: [],
  },
  { name: 'nor an IPv4 and an IPv6 address in one pool', change: dualStack, problems: [] },
  {
    name: 'two IPv6 addresses of one network interface in one pool',
    change: (fabric) => {
      dualStack(fabric);
      addIpConfiguration(fabric, 'web', '2001:db8:a::40', ['vms']);
    },
    problems: [
      {
        path: 'networkInterfaces[0].properties.ipConfigurations[2]',
        expected: 'one IPv6 ipConfiguration of a network interface per pool',
        got: '"/loadBalancers/web/backendAddressPools/vms"',
      },
    ],
  },
  {
    name: 'a pool named twice is one pool',
    change: (fabric) => {
      nic(fabric).ipConfigurations[0].properties.loadBalancerBackendAddressPools.push(
        ref('/LoadBalancers/WEB/backendAddressPools/vms'),
      );
    },
    problems: [],
  },
  {
    name: 'a host no MUX has the family of',
    change: (fabric) => {
      fabric.servers[0].properties.edgemux.providerAddresses = ['2001:db8:56::11'];
      mux(fabric, 1).edgemux.secondProviderAddress = '2001:db8:56::22';
    },
    problems: [
      {
        path: 'servers[0].properties.edgemux.providerAddresses',
        expected: 'an IPv4 address, as MUX mux-1 has',
        got: '["2001:db8:56::11"]',
      },
    ],
  },
  {
    name: 'but not one without VMs',
    change: (fabric) => {
      fabric.servers.push({
        resourceId: 'host-6',
        properties: { edgemux: { providerAddresses: ['2001:db8:56::16'] } },
      });
    },
    problems: [],
  },
  {
    name: 'a machine in two VLANs',
    change: (fabric) => {
      const properties = { addressPrefix: '2001:db8:56::/64', vlanID: 9 };
      fabric.logicalNetworks[0].properties.subnets.push({ resourceId: 'v6', properties });
      fabric.servers[1].properties.edgemux.providerAddresses.push('2001:db8:56::12');
      mux(fabric).edgemux.secondProviderAddress = '2001:db8:56::21';
    },
    problems: [
      {
        path: 'servers[1]',
        expected: 'both provider addresses in one VLAN',
        got: '"10.10.56.12 in 0, 2001:db8:56::12 in 9"',
      },
      {
        path: 'loadBalancerMuxes[0]',
        expected: 'both provider addresses in one VLAN',
        got: '"10.10.56.21 in 0, 2001:db8:56::21 in 9"',
      },
    ],
  },
  {
    name: 'rules left with members of the other family',
    change: (fabric) => {
      dualStack(fabric);
      withoutIpv6Members(fabric);
      natRule(fabric).frontendIPConfigurations = [ref(FE_6)];
      lb(fabric).outboundNatRules[0].properties.frontendIPConfigurations.push(ref(FE_6));
    },
    problems: ['loadBalancingRules', 'inboundNatRules', 'outboundNatRules'].map((rules) => ({
      path: `loadBalancers[0].properties.${rules}[0].properties.frontendIPConfigurations`,
      expected: 'a member with an IPv6 address, as the VIP has',
      got: JSON.stringify(VIP_6),
    })),
  },
  {
    name: 'but not with floating IP',
    change: (fabric) => {
      dualStack(fabric);
      withoutIpv6Members(fabric);
      rule(fabric).enableFloatingIP = true;
    },
    problems: [],
  },
  {
    name: 'nor with no member at all',
    change: (fabric) => {
      dualStack(fabric);
      fabric.networkInterfaces = [];
      lb(fabric).outboundNatRules[0].properties.frontendIPConfigurations.push(ref(FE_6));
    },
    problems: [],
  },
];

test.each(rows)('$name', ({ change, problems }) => {
  expect(problemsOf(change)).toEqual(problems);
});
