/** The fabric of somebody else's topology, `EDGEMUX_TOPOLOGY`: two MUXes, two hosts, a VM in a subnet of its own behind each. */

/** Addresses are the script's; MUX, host and VM have the same number. */
export function topologyFabric(vmMacs: readonly [string, string]): object {
  const numbers = [1, 2] as const;
  return {
    virtualNetworkManager: { resourceId: 'configuration', properties: { networkVirtualizationProtocol: 'Vxlan' } },
    logicalNetworks: [
      {
        resourceId: 'HNVPA',
        properties: {
          networkVirtualizationEnabled: true,
          subnets: [
            { resourceId: 'muxes', properties: { addressPrefix: '10.1.0.0/16', vlanID: 0 } },
            { resourceId: 'hosts', properties: { addressPrefix: '10.2.0.0/16', vlanID: 0 } },
          ],
        },
      },
      {
        resourceId: 'PublicVIP',
        properties: {
          subnets: [{ resourceId: 'vips', properties: { addressPrefix: '203.0.113.0/24', isPublic: true } }],
        },
      },
    ],
    servers: numbers.map((n) => ({
      resourceId: `host-${n}`,
      properties: { edgemux: { providerAddresses: [`10.2.${n}.2`], mtuBytes: 1600 } },
    })),
    loadBalancerMuxes: numbers.map((n) => ({
      resourceId: `mux-${n}`,
      properties: {
        routerConfiguration: {
          localASN: 65_100 + n,
          peerRouterConfigurations: [
            {
              routerName: 'edge',
              routerIPAddress: `10.1.${n}.1`,
              peerASN: 65_000,
              localIPAddress: `10.1.${n}.2`,
              edgemux: { connectRetrySeconds: 1 },
            },
          ],
        },
        edgemux: { providerAddress: `10.1.${n}.2`, mtuBytes: 1600 },
      },
    })),
    virtualNetworks: [
      {
        resourceId: 'tenant',
        properties: {
          addressSpace: { addressPrefixes: ['10.3.0.0/16'] },
          logicalNetwork: ref('/logicalNetworks/HNVPA'),
          subnets: numbers.map((n) => ({
            resourceId: `web-${n}`,
            properties: { addressPrefix: `10.3.${n}.0/24`, edgemux: { vni: 5000 + n } },
          })),
        },
      },
    ],
    networkInterfaces: numbers.map((n) => ({
      resourceId: `vm-${n}-nic`,
      properties: {
        privateMacAddress: vmMacs[n - 1]?.replaceAll(':', '').toUpperCase(),
        isPrimary: true,
        server: ref(`/servers/host-${n}`),
        ipConfigurations: [
          {
            resourceId: 'ipv4',
            properties: {
              privateIPAddress: `10.3.${n}.2`,
              privateIPAllocationMethod: 'Static',
              subnet: ref(`/virtualNetworks/tenant/subnets/web-${n}`),
              loadBalancerBackendAddressPools: [ref('/loadBalancers/web/backendAddressPools/vms')],
            },
          },
        ],
      },
    })),
    publicIPAddresses: [
      {
        resourceId: 'vip',
        properties: { ipAddress: '203.0.113.7', publicIPAddressVersion: 'IPv4', publicIPAllocationMethod: 'Static' },
      },
    ],
    loadBalancers: [
      {
        resourceId: 'web',
        properties: {
          frontendIPConfigurations: [
            { resourceId: 'fe', properties: { publicIPAddress: ref('/publicIPAddresses/vip') } },
          ],
          backendAddressPools: [{ resourceId: 'vms', properties: {} }],
          loadBalancingRules: [
            {
              resourceId: 'http',
              properties: {
                frontendIPConfigurations: [ref('/loadBalancers/web/frontendIPConfigurations/fe')],
                backendAddressPool: ref('/loadBalancers/web/backendAddressPools/vms'),
                protocol: 'Tcp',
                frontendPort: 80,
                backendPort: 80,
              },
            },
          ],
        },
      },
    ],
  };
}

function ref(resourceRef: string): { readonly resourceRef: string } {
  return { resourceRef };
}
