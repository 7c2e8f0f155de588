/** The fabric file of a MUX in the tests: its session, and a load balancer with its VIPs. */
import { MUX_AS, ROUTER_AS } from '../../../sdk/appliance/lab/routers/router.js';
import type { MuxPeer } from './mux.js';
import type { MuxPlace } from './topology.js';

/** The fabric of one MUX, `mux-<number>`, with these VIPs. */
export function fabricOf(place: MuxPlace, peer: MuxPeer, vips: readonly string[]): unknown {
  return {
    virtualNetworkManager: { resourceId: 'configuration', properties: { networkVirtualizationProtocol: 'Vxlan' } },
    logicalNetworks: [
      {
        resourceId: 'HNVPA',
        properties: {
          networkVirtualizationEnabled: true,
          subnets: [subnet('v4', '10.10.0.0/16'), subnet('v6', '2001:db8:10::/48')],
        },
      },
      {
        resourceId: 'PublicVIP',
        properties: { subnets: [publicSubnet('v4', '80.80.0.0/16'), publicSubnet('v6', '2001:db8:80::/64')] },
      },
    ],
    servers: [
      {
        resourceId: 'host-1',
        properties: { edgemux: { providerAddresses: ['10.10.100.2'], macAddress: '02:00:00:00:64:02' } },
      },
    ],
    loadBalancerMuxes: [muxOf(place, peer)],
    virtualNetworks: [
      {
        resourceId: 'tenant',
        properties: {
          addressSpace: { addressPrefixes: ['10.0.0.0/16', '2001:db8:a::/48'] },
          logicalNetwork: { resourceRef: '/logicalNetworks/HNVPA' },
          subnets: [
            {
              resourceId: 'web',
              properties: {
                addressPrefix: '10.0.0.0/24',
                edgemux: { vni: 5001, secondAddressPrefix: '2001:db8:a:1::/64' },
              },
            },
          ],
        },
      },
    ],
    networkInterfaces: [
      {
        resourceId: 'web-1',
        properties: {
          privateMacAddress: '001DD8000004',
          server: { resourceRef: '/servers/host-1' },
          ipConfigurations: [backend('v4', '10.0.0.4'), backend('v6', '2001:db8:a:1::4')],
        },
      },
    ],
    publicIPAddresses: vips.map((ipAddress, i) => ({
      resourceId: `vip-${i}`,
      properties: {
        ipAddress,
        publicIPAddressVersion: ipAddress.includes(':') ? 'IPv6' : 'IPv4',
        publicIPAllocationMethod: 'Static',
      },
    })),
    loadBalancers: [
      {
        resourceId: 'web',
        properties: {
          frontendIPConfigurations: vips.map((_, i) => ({
            resourceId: `vip-${i}`,
            properties: { publicIPAddress: { resourceRef: `/publicIPAddresses/vip-${i}` } },
          })),
          backendAddressPools: [{ resourceId: 'vms', properties: {} }],
          loadBalancingRules: [
            {
              resourceId: 'http',
              properties: {
                frontendIPConfigurations: vips.map((_, i) => ({
                  resourceRef: `/loadBalancers/web/frontendIPConfigurations/vip-${i}`,
                })),
                backendAddressPool: { resourceRef: POOL },
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

const POOL = '/loadBalancers/web/backendAddressPools/vms';

function muxOf(place: MuxPlace, peer: MuxPeer): unknown {
  const isIpv4 = peer.transport === 'ipv4';
  return {
    resourceId: `mux-${place.number}`,
    properties: {
      routerConfiguration: {
        localASN: MUX_AS,
        peerRouterConfigurations: [
          {
            routerName: 'edge',
            routerIPAddress: isIpv4 ? place.routerIpv4 : place.routerIpv6,
            peerASN: ROUTER_AS,
            localIPAddress: isIpv4 ? place.ipv4 : place.ipv6,
            edgemux: {
              holdTimeSeconds: peer.holdTimeSeconds ?? 9,
              connectRetrySeconds: 1,
              ...(peer.isPassive && { passive: true }),
              ...(peer.md5Key && { md5Key: peer.md5Key }),
              ...(peer.hasTtlSecurity && { ttlSecurityHops: 1 }),
              ...(peer.hasBfd && { bfd: { intervalMs: 100, multiplier: 3 } }),
            },
          },
        ],
      },
      edgemux: {
        routerId: place.ipv4,
        providerAddress: place.ipv4,
        secondProviderAddress: place.ipv6,
        macAddress: `02:00:00:00:0a:0${place.number}`,
      },
    },
  };
}

function subnet(resourceId: string, addressPrefix: string): unknown {
  return { resourceId, properties: { addressPrefix, vlanID: 0 } };
}

function publicSubnet(resourceId: string, addressPrefix: string): unknown {
  return { resourceId, properties: { addressPrefix, isPublic: true } };
}

function backend(resourceId: string, privateIPAddress: string): unknown {
  return {
    resourceId,
    properties: {
      privateIPAddress,
      privateIPAllocationMethod: 'Static',
      subnet: { resourceRef: '/virtualNetworks/tenant/subnets/web' },
      loadBalancerBackendAddressPools: [{ resourceRef: POOL }],
    },
  };
}
