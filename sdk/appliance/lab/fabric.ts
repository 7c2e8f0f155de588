/** The fabric file of a lab: an ordinary one, for `check`, `compile` and `explain` as well. */
import { rename, writeFile } from 'node:fs/promises';
import {
  ECHO_PORT,
  FABRIC_MTU_BYTES,
  HTTP_PORT,
  type LabPlaces,
  type MachinePlace,
  VIP4,
  VIP6,
  type VmPlace,
} from './places.js';
import { MUX_AS, ROUTER_AS } from './routers/router.js';

/** What of a fabric may differ from lab to lab. */
export interface FabricOptions {
  /** Whether router and MUXes know BFD: a MUX that hangs is then noticed after 0.9 s, else after the hold time. */
  readonly hasBfd: boolean;
  /** Number of the host of VM 1 and of VM 2. */
  readonly hostOfVm: readonly [number, number];
}

/** Seconds of silence after which the router gives up a MUX: as short as BGP knows where there is no BFD. */
const HOLD_SECONDS = { withBfd: 9, without: 3 } as const;
const BFD = { intervalMs: 300, multiplier: 3 } as const;
const VNI = 5001;
const RING_SLOT_COUNT = 4093;
const POOL = '/loadBalancers/web/backendAddressPools/vms';
const FRONTENDS = ['ipv4', 'ipv6'].map((id) => ref(`/loadBalancers/web/frontendIPConfigurations/${id}`));

/** Writes the fabric; whoever reads the file meanwhile sees the old one or the new one. */
export async function writeFabric(path: string, places: LabPlaces, options: FabricOptions): Promise<void> {
  const next = `${path}.next`;
  await writeFile(next, `${JSON.stringify(fabricOf(places, options), null, 2)}\n`);
  await rename(next, path);
}

/** The fabric of a lab, as JSON. */
export function fabricOf({ muxes, hosts, vms }: LabPlaces, { hasBfd, hostOfVm }: FabricOptions): object {
  return {
    virtualNetworkManager: { resourceId: 'configuration', properties: { networkVirtualizationProtocol: 'Vxlan' } },
    logicalNetworks: [
      {
        resourceId: 'HNVPA',
        properties: {
          networkVirtualizationEnabled: true,
          subnets: [
            { resourceId: 'ipv4', properties: { addressPrefix: '10.10.0.0/16', vlanID: 0 } },
            { resourceId: 'ipv6', properties: { addressPrefix: '2001:db8:10::/48', vlanID: 0 } },
          ],
        },
      },
      {
        resourceId: 'PublicVIP',
        properties: {
          subnets: [
            { resourceId: 'ipv4', properties: { addressPrefix: '203.0.113.0/24', isPublic: true } },
            { resourceId: 'ipv6', properties: { addressPrefix: '2001:db8:7::/64', isPublic: true } },
          ],
        },
      },
    ],
    servers: hosts.map(({ id, ipv4, ipv6 }) => ({
      resourceId: id,
      properties: { edgemux: { providerAddresses: [ipv4, ipv6], mtuBytes: FABRIC_MTU_BYTES } },
    })),
    loadBalancerMuxes: muxes.map((mux) => muxOf(mux, hasBfd)),
    virtualNetworks: [
      {
        resourceId: 'tenant',
        properties: {
          addressSpace: { addressPrefixes: ['10.0.0.0/16', '2001:db8:a::/48'] },
          logicalNetwork: ref('/logicalNetworks/HNVPA'),
          subnets: [
            {
              resourceId: 'web',
              properties: {
                addressPrefix: '10.0.0.0/24',
                edgemux: { vni: VNI, secondAddressPrefix: '2001:db8:a:1::/64' },
              },
            },
          ],
        },
      },
    ],
    networkInterfaces: vms.map((vm, i) => networkInterfaceOf(vm, hostOfVm[i] as number)),
    publicIPAddresses: [publicAddressOf('ipv4', VIP4), publicAddressOf('ipv6', VIP6)],
    loadBalancers: [loadBalancerOf(vms)],
  };
}

function muxOf({ id, ipv4, ipv6, routerIpv4 }: MachinePlace, hasBfd: boolean): object {
  const session = hasBfd
    ? { holdTimeSeconds: HOLD_SECONDS.withBfd, bfd: BFD }
    : { holdTimeSeconds: HOLD_SECONDS.without };
  return {
    resourceId: id,
    properties: {
      routerConfiguration: {
        localASN: MUX_AS,
        peerRouterConfigurations: [
          {
            routerName: 'edge',
            routerIPAddress: routerIpv4,
            peerASN: ROUTER_AS,
            localIPAddress: ipv4,
            edgemux: { connectRetrySeconds: 1, ...session },
          },
        ],
      },
      edgemux: { providerAddress: ipv4, secondProviderAddress: ipv6, mtuBytes: FABRIC_MTU_BYTES },
    },
  };
}

function networkInterfaceOf({ id, nicId, macAddress, ipv4, ipv6 }: VmPlace, hostNumber: number): object {
  const configuration = (family: string, privateIPAddress: string): object => ({
    resourceId: family,
    properties: {
      privateIPAddress,
      privateIPAllocationMethod: 'Static',
      subnet: ref('/virtualNetworks/tenant/subnets/web'),
      loadBalancerBackendAddressPools: [ref(POOL)],
      loadBalancerInboundNatRules: [ref(`/loadBalancers/web/inboundNatRules/${id}-${family}`)],
    },
  });
  return {
    resourceId: nicId,
    properties: {
      privateMacAddress: macAddress.replaceAll(':', '').toUpperCase(),
      isPrimary: true,
      server: ref(`/servers/host-${hostNumber}`),
      ipConfigurations: [configuration('ipv4', ipv4), configuration('ipv6', ipv6)],
    },
  };
}

function publicAddressOf(family: 'ipv4' | 'ipv6', ipAddress: string): object {
  return {
    resourceId: `vip-${family}`,
    properties: {
      ipAddress,
      publicIPAddressVersion: family === 'ipv4' ? 'IPv4' : 'IPv6',
      publicIPAllocationMethod: 'Static',
    },
  };
}

function loadBalancerOf(vms: LabPlaces['vms']): object {
  return {
    resourceId: 'web',
    properties: {
      frontendIPConfigurations: ['ipv4', 'ipv6'].map((family) => ({
        resourceId: family,
        properties: { publicIPAddress: ref(`/publicIPAddresses/vip-${family}`) },
      })),
      backendAddressPools: [{ resourceId: 'vms', properties: {} }],
      loadBalancingRules: [ruleOf('http', 'Tcp', HTTP_PORT), ruleOf('echo', 'Udp', ECHO_PORT)],
      inboundNatRules: vms.flatMap(({ id, natPort }) =>
        ['ipv4', 'ipv6'].map((family, i) => ({
          resourceId: `${id}-${family}`,
          properties: {
            frontendIPConfigurations: [FRONTENDS[i]],
            protocol: 'Tcp',
            frontendPort: natPort,
            backendPort: HTTP_PORT,
          },
        })),
      ),
      outboundNatRules: [
        {
          resourceId: 'out',
          properties: {
            frontendIPConfigurations: FRONTENDS,
            backendAddressPool: ref(POOL),
            protocol: 'All',
          },
        },
      ],
    },
  };
}

function ruleOf(resourceId: string, protocol: 'Tcp' | 'Udp', port: number): object {
  return {
    resourceId,
    properties: {
      frontendIPConfigurations: FRONTENDS,
      backendAddressPool: ref(POOL),
      protocol,
      frontendPort: port,
      backendPort: port,
      edgemux: { ringSlotCount: RING_SLOT_COUNT },
    },
  };
}

function ref(resourceRef: string): { readonly resourceRef: string } {
  return { resourceRef };
}
