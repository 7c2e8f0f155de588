/** Policy this release cannot forward is refused before anything is compiled, with the place of each part. */
import { readFileSync } from 'node:fs';
import { compile, EdgemuxError, parseFabric } from 'edgemux';
import { expect, test } from 'vitest';

interface Resource {
  resourceId: string;
  properties: Record<string, unknown>;
}

type FabricJson = Record<string, Resource[]> & { virtualNetworkManager: Resource };

const example = readFileSync(new URL('../../examples/two-hosts.fabric.json', import.meta.url), 'utf8');

function problemsOf(change: (fabric: FabricJson) => void): readonly object[] {
  const fabric = JSON.parse(example) as FabricJson;
  change(fabric);
  try {
    compile(parseFabric(fabric));
    return [];
  } catch (error) {
    if (!(error instanceof EdgemuxError) || error.code !== 'ERR_UNSUPPORTED') throw error;
    return error.problems;
  }
}

/** A second address of the first VM. */
function addIpConfiguration(fabric: FabricJson, subnet: string, privateIPAddress: string, pools: string[]): void {
  const ipConfigurations = fabric.networkInterfaces[0].properties.ipConfigurations as object[];
  ipConfigurations.push({
    resourceId: 'ip2',
    properties: {
      privateIPAddress,
      subnet: { resourceRef: `/virtualNetworks/tenant-a/subnets/${subnet}` },
      loadBalancerBackendAddressPools: pools.map((pool) => ({
        resourceRef: `/loadBalancers/web/backendAddressPools/${pool}`,
      })),
    },
  });
}

function addSubnet(fabric: FabricJson): void {
  const subnets = fabric.virtualNetworks[0].properties.subnets as object[];
  subnets.push({ resourceId: 'db', properties: { addressPrefix: '10.0.1.0/24', edgemux: { vni: 5002 } } });
}

const PATH = 'networkInterfaces[0].properties.ipConfigurations[1]';

const rows = [
  {
    name: 'NVGRE',
    change: (fabric: FabricJson) => {
      fabric.virtualNetworkManager.properties.networkVirtualizationProtocol = 'Nvgre';
    },
    problems: [
      { path: 'virtualNetworkManager.properties.networkVirtualizationProtocol', expected: '"Vxlan"', got: '"Nvgre"' },
    ],
  },
  {
    name: 'one network interface in two subnets',
    change: (fabric: FabricJson) => {
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
    change: (fabric: FabricJson) => addIpConfiguration(fabric, 'web', '10.0.0.40', ['vms']),
    problems: [
      {
        path: PATH,
        expected: 'one ipConfiguration of a network interface per pool',
        got: '"/loadBalancers/web/backendAddressPools/vms"',
      },
    ],
  },
  {
    name: 'but not a second address in no pool',
    change: (fabric: FabricJson) => addIpConfiguration(fabric, 'web', '10.0.0.40', []),
    problems: [],
  },
];

test.each(rows)('$name', ({ change, problems }) => {
  expect(problemsOf(change)).toEqual(problems);
});
