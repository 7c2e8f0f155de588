/** What is measured: one fabric, which edgemux is started with and C gets the tables of, and a frame for one of its VIPs. */
import { buildTcp, TCP_ACK, withEthernet } from '../../sdk/packet/index.js';

export const MUX = 'mux-1';
/** Of every MUX, each in a network of its own. */
export const MUX_ADDRESS = '192.0.2.2';
export const ROUTER_ADDRESS = '192.0.2.1';
export const MUX_MAC = '02:00:00:00:00:02';
export const ROUTER_MAC = '02:00:00:00:00:01';

const VIP_COUNT = 16;
const HOST_COUNT = 100;
const PORT = 80;

/** The one the frames are for. */
export const VIP = vipAt(VIP_COUNT / 2);
export const VIPS = Array.from({ length: VIP_COUNT }, (_, at) => vipAt(at));

/** Frames on their way to the MUX; those of tunnels are 50 bytes longer. */
export const FRAME_SIZES = [64, 512] as const;

/** Connections the frames are of. */
export const FLOW_COUNT = 10_000;

const LOAD_BALANCER = '/loadBalancers/web';

/** A fabric of sixteen VIPs, one MUX, and a hundred hosts with a VM each, as a file has it. */
export function liveFabric(): object {
  const hosts = Array.from({ length: HOST_COUNT }, (_, at) => at + 1);
  return {
    virtualNetworkManager: {
      resourceId: 'configuration',
      properties: { networkVirtualizationProtocol: 'Vxlan' },
    },
    logicalNetworks: [
      network('HNVPA', { networkVirtualizationEnabled: true }, [
        subnet('192.0.2.0/24', { vlanID: 0, defaultGateways: [ROUTER_ADDRESS] }),
        subnet('198.51.100.0/24', { vlanID: 0, defaultGateways: ['198.51.100.254'] }),
      ]),
      network('PublicVIP', {}, [subnet('203.0.113.0/24', { isPublic: true })]),
    ],
    servers: hosts.map((at) => ({
      resourceId: `host-${at}`,
      properties: { edgemux: { providerAddresses: [`198.51.100.${at}`], macAddress: macAt('02:20', at) } },
    })),
    loadBalancerMuxes: [mux()],
    virtualNetworks: [
      {
        resourceId: 'tenant',
        properties: {
          addressSpace: { addressPrefixes: ['10.0.0.0/16'] },
          logicalNetwork: { resourceRef: '/logicalNetworks/HNVPA' },
          subnets: [{ resourceId: 'web', properties: { addressPrefix: '10.0.0.0/24', edgemux: { vni: 5001 } } }],
        },
      },
    ],
    networkInterfaces: hosts.map(networkInterface),
    publicIPAddresses: VIPS.map((ipAddress, at) => ({
      resourceId: `pip-${at}`,
      properties: { ipAddress, publicIPAddressVersion: 'IPv4', publicIPAllocationMethod: 'Static' },
    })),
    loadBalancers: [loadBalancer()],
  };
}

/** A packet of a connection in progress, for one of the VIPs. */
export function liveFrame(frameBytes: number): Uint8Array {
  const headers = 14 + 20 + 20;
  return withEthernet(
    buildTcp({
      source: { address: '44.0.0.1', port: 16_384 },
      destination: { address: VIP, port: PORT },
      flags: TCP_ACK,
      payload: new Uint8Array(frameBytes - headers),
    }),
    { source: ROUTER_MAC, destination: MUX_MAC },
  );
}

function vipAt(at: number): string {
  return `203.0.113.${at + 1}`;
}

function macAt(prefix: string, at: number): string {
  return `${prefix}:00:00:00:${at.toString(16).padStart(2, '0')}`;
}

function subnet(addressPrefix: string, properties: object): object {
  return { resourceId: addressPrefix.replace('/', '_'), properties: { addressPrefix, ...properties } };
}

function network(resourceId: string, properties: object, subnets: readonly object[]): object {
  return { resourceId, properties: { ...properties, subnets } };
}

function mux(): object {
  const peer = { routerName: 'edge', routerIPAddress: ROUTER_ADDRESS, peerASN: 65_000, localIPAddress: MUX_ADDRESS };
  return {
    resourceId: MUX,
    properties: {
      routerConfiguration: { localASN: 65_101, peerRouterConfigurations: [peer] },
      edgemux: { providerAddress: MUX_ADDRESS, macAddress: MUX_MAC },
    },
  };
}

function networkInterface(at: number): object {
  return {
    resourceId: `vm-${at}-nic`,
    properties: {
      privateMacAddress: macAt('02:30', at),
      isPrimary: true,
      server: { resourceRef: `/servers/host-${at}` },
      ipConfigurations: [
        {
          resourceId: 'ip1',
          properties: {
            privateIPAddress: `10.0.0.${at + 3}`,
            privateIPAllocationMethod: 'Static',
            subnet: { resourceRef: '/virtualNetworks/tenant/subnets/web' },
            loadBalancerBackendAddressPools: [{ resourceRef: `${LOAD_BALANCER}/backendAddressPools/vms` }],
          },
        },
      ],
    },
  };
}

function loadBalancer(): object {
  return {
    resourceId: 'web',
    properties: {
      frontendIPConfigurations: VIPS.map((_, at) => ({
        resourceId: `fe-${at}`,
        properties: { publicIPAddress: { resourceRef: `/publicIPAddresses/pip-${at}` } },
      })),
      backendAddressPools: [{ resourceId: 'vms', properties: {} }],
      loadBalancingRules: VIPS.map((_, at) => ({
        resourceId: `http-${at}`,
        properties: {
          frontendIPConfigurations: [{ resourceRef: `${LOAD_BALANCER}/frontendIPConfigurations/fe-${at}` }],
          backendAddressPool: { resourceRef: `${LOAD_BALANCER}/backendAddressPools/vms` },
          protocol: 'Tcp',
          frontendPort: PORT,
          backendPort: PORT,
        },
      })),
    },
  };
}
