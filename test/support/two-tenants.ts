/**
 * Two tenants who talk to each other through their VIPs, hop by hop: two MUXes, three hosts, a router between.
 *
 *   caller (tenant b, host-1) ─► its leased port or public IP ─► router ─► MUX ─► host-2 ─► called (tenant a, VIP:80 → 8080)
 */
import { compile, HostAgent, Mux, type Processed, parseFabric } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { type Layer, layers } from 'edgemux/packet';
import { eth, type Packet } from './packet.js';

export const TICK_MS = 1024;
export const CALLER_MAC = '02:00:00:00:0b:01';
export const CALLED_MAC = '02:00:00:00:0a:01';
export const CALLER_VNI = 5002;
export const CALLED_VNI = 5001;
/** The caller's own port. */
export const CALLER_PORT = 5555;

/** Addresses of one family. */
export interface Ends {
  readonly family: 4 | 6;
  readonly caller: string;
  readonly called: string;
  readonly vip: string;
  readonly callerVip: string;
  /** Of the third VM, on host-1 too. */
  readonly neighbour: string;
}

export const IPV4: Ends = {
  family: 4,
  caller: '10.2.0.4',
  called: '10.1.0.4',
  vip: '80.80.80.80',
  callerVip: '80.80.80.81',
  neighbour: '10.2.0.5',
};
export const IPV6: Ends = {
  family: 6,
  caller: '2001:db8:b:1::4',
  called: '2001:db8:a:1::4',
  vip: '2001:db8:80::80',
  callerVip: '2001:db8:80::81',
  neighbour: '2001:db8:b:1::5',
};

/** What the fabric is to be. */
export interface Wishes {
  /** Of the provider network. */
  readonly underlay?: 4 | 6;
  readonly encapsulation?: 'Vxlan' | 'Nvgre';
  readonly ends?: Ends;
  /** The caller has a public IP of its own, and no leased ports. */
  readonly hasPublicIp?: boolean;
  readonly enableFastpath?: boolean;
  /** Where the called VM is. */
  readonly calledHost?: string;
  readonly mtuBytes?: number;
}

const KEY = '00112233445566778899aabbccddeeff';
const ref = (resourceRef: string) => ({ resourceRef });
const PROVIDER = { 4: '10.0.0.', 6: '2001:db8:56::' } as const;

/** Provider address of a machine: hosts are 21.., MUXes 11... */
export function providerAddress(id: string, underlay: 4 | 6 = 4): string {
  const [kind, number] = id.split('-');
  return `${PROVIDER[underlay]}${(kind === 'mux' ? 10 : 20) + Number(number)}`;
}

/** A fabric as its file says it. */
export function fabricOf(wishes: Wishes = {}): unknown {
  const { underlay = 4, encapsulation = 'Vxlan', ends = IPV4, hasPublicIp, calledHost = 'host-2', mtuBytes } = wishes;
  const { family, vip, callerVip } = ends;
  const tenant = (name: string, vni: number) => {
    const prefix = { a: { 4: '10.1.0.0/24', 6: '2001:db8:a:1::/64' }, b: { 4: '10.2.0.0/24', 6: '2001:db8:b:1::/64' } };
    const addressPrefix = prefix[name as 'a' | 'b'][family];
    return {
      resourceId: name,
      properties: {
        addressSpace: { addressPrefixes: [addressPrefix] },
        logicalNetwork: ref('/logicalNetworks/provider'),
        subnets: [{ resourceId: 'all', properties: { addressPrefix, edgemux: { vni } } }],
      },
    };
  };
  const vm = (resourceId: string, mac: string, host: string, address: string, network: string, more: object) => ({
    resourceId,
    properties: {
      privateMacAddress: mac,
      server: ref(`/servers/${host}`),
      ipConfigurations: [
        {
          resourceId: 'ip',
          properties: { privateIPAddress: address, subnet: ref(`/virtualNetworks/${network}/subnets/all`), ...more },
        },
      ],
    },
  });
  const pool = (id: string) => ({
    loadBalancerBackendAddressPools: [ref(`/loadBalancers/${id}/backendAddressPools/vms`)],
  });
  const publicIp = (resourceId: string, ipAddress: string) => ({
    resourceId,
    properties: { ipAddress, publicIPAddressVersion: `IPv${family}`, publicIPAllocationMethod: 'Static' },
  });
  const balancer = (id: string, frontend: string, rules: object) => ({
    resourceId: id,
    properties: {
      frontendIPConfigurations: [{ resourceId: 'fe', properties: { publicIPAddress: ref(frontend) } }],
      backendAddressPools: [{ resourceId: 'vms', properties: {} }],
      ...rules,
    },
  });
  const machine = (id: string) => ({
    macAddress: macOf(id),
    gatewayMacAddress: '02:00:00:00:00:fe',
    ...(mtuBytes && { mtuBytes }),
  });
  return {
    loadBalancerManager: {
      resourceId: 'config',
      properties: { edgemux: { flowHashKey: KEY, enableFastpath: wishes.enableFastpath ?? true } },
    },
    virtualNetworkManager: {
      resourceId: 'configuration',
      properties: { networkVirtualizationProtocol: encapsulation },
    },
    logicalNetworks: [
      {
        resourceId: 'provider',
        properties: {
          networkVirtualizationEnabled: true,
          subnets: [
            { resourceId: 'v4', properties: { addressPrefix: '10.0.0.0/24', vlanID: 0 } },
            { resourceId: 'v6', properties: { addressPrefix: '2001:db8:56::/64', vlanID: 0 } },
          ],
        },
      },
    ],
    servers: ['host-1', 'host-2', 'host-3'].map((resourceId) => ({
      resourceId,
      properties: { edgemux: { providerAddresses: [providerAddress(resourceId, underlay)], ...machine(resourceId) } },
    })),
    loadBalancerMuxes: ['mux-1', 'mux-2'].map((resourceId) => ({
      resourceId,
      properties: { edgemux: { providerAddress: providerAddress(resourceId, underlay), ...machine(resourceId) } },
    })),
    virtualNetworks: [tenant('a', CALLED_VNI), tenant('b', CALLER_VNI)],
    networkInterfaces: [
      vm('called', CALLED_MAC, calledHost, ends.called, 'a', pool('web')),
      vm(
        'caller',
        CALLER_MAC,
        'host-1',
        ends.caller,
        'b',
        hasPublicIp ? { publicIPAddress: ref('/publicIPAddresses/own') } : pool('out'),
      ),
      vm('neighbour', '02:00:00:00:0b:02', 'host-1', ends.neighbour, 'b', pool('out')),
    ],
    publicIPAddresses: [
      publicIp('web', vip),
      publicIp('out', hasPublicIp ? (family === 4 ? '80.80.80.82' : '2001:db8:80::82') : callerVip),
      ...(hasPublicIp ? [publicIp('own', callerVip)] : []),
    ],
    loadBalancers: [
      balancer('web', '/publicIPAddresses/web', {
        loadBalancingRules: [
          {
            resourceId: 'http',
            properties: {
              frontendIPConfigurations: [ref('/loadBalancers/web/frontendIPConfigurations/fe')],
              backendAddressPool: ref('/loadBalancers/web/backendAddressPools/vms'),
              protocol: 'Tcp',
              frontendPort: 80,
              backendPort: 8080,
              edgemux: { ringSlotCount: 251 },
            },
          },
        ],
      }),
      balancer('out', '/publicIPAddresses/out', {
        outboundNatRules: [
          {
            resourceId: 'out',
            properties: {
              frontendIPConfigurations: [ref('/loadBalancers/out/frontendIPConfigurations/fe')],
              backendAddressPool: ref('/loadBalancers/out/backendAddressPools/vms'),
              protocol: 'All',
              edgemux: { allocatedOutboundPorts: 8 },
            },
          },
        ],
      }),
    ],
  };
}

export function macOf(id: string): string {
  const [kind, number] = id.split('-');
  return `02:00:00:00:${kind === 'mux' ? '56' : '57'}:0${number}`;
}

/** One frame's way: the machines it went through, and what the VM at its end got. */
export interface Journey {
  readonly path: readonly string[];
  readonly delivered: Uint8Array | undefined;
  /** Messages of MUXes on the way, as they left. */
  readonly redirects: readonly Uint8Array[];
}

/** The machines, and the network between them. */
export class Network {
  readonly hosts = new Map<string, HostAgent>();
  readonly muxes = new Map<string, Mux>();
  readonly wishes: Wishes;
  /** The MUX the router has chosen for everything. */
  mux = 'mux-1';

  private constructor(wishes: Wishes) {
    this.wishes = wishes;
  }

  static async of(wishes: Wishes = {}): Promise<Network> {
    const network = new Network(wishes);
    const small = { flowCountMax: 256, fastpathCountMax: 16 };
    for (const id of ['mux-1', 'mux-2']) network.muxes.set(id, await Mux.load(muxModule, small));
    for (const id of ['host-1', 'host-2', 'host-3']) network.hosts.set(id, await HostAgent.load(muxModule, small));
    network.become(wishes);
    return network;
  }

  /** Makes all machines obey another fabric. */
  become(wishes: Wishes): void {
    const compiled = compile(parseFabric(fabricOf(wishes)));
    for (const [id, mux] of this.muxes) mux.program(compiled.forMux(id));
    for (const [id, host] of this.hosts) host.apply(compiled.forHost(id));
  }

  host(id: string): HostAgent {
    return this.hosts.get(id) as HostAgent;
  }

  /** Sends a frame of a VM on its way. */
  send(from: string, packet: Packet, nowMs: number): Journey {
    const path = [from];
    const left = this.host(from).process(packet.bytes(), nowMs, { port: 'vm' });
    if (left.verdict === 'forward') return this.#arrive(left.bytes as Uint8Array, nowMs, path, []);
    if (left.verdict !== 'reply')
      return { path: [...path, `${left.verdict} ${left.reason ?? ''}`], delivered: undefined, redirects: [] };
    path.push(this.mux);
    const routed = (this.muxes.get(this.mux) as Mux).process(left.bytes as Uint8Array, nowMs);
    const redirects = routed.produced.map(({ bytes }) => bytes as Uint8Array);
    const isForwarded = routed.verdict === 'forward';
    const journey = isForwarded
      ? this.#arrive(routed.bytes as Uint8Array, nowMs, path, redirects)
      : { path: [...path, `${routed.verdict} ${routed.reason ?? ''}`], delivered: undefined, redirects };
    // They leave behind the packet, and come behind it.
    for (const redirect of redirects) this.tell(redirect, nowMs);
    return journey;
  }

  /** As far as the MUX: what it makes of a frame of the caller, and its messages, which go nowhere. */
  route(packet: Packet, nowMs: number, look: (frame: Uint8Array) => void = () => {}) {
    const frame = this.host('host-1').process(packet.bytes(), nowMs, { port: 'vm' }).bytes as Uint8Array;
    look(frame);
    const routed = (this.muxes.get(this.mux) as Mux).process(frame, nowMs);
    return { routed, redirects: routed.produced.map(({ bytes }) => bytes as Uint8Array) };
  }

  /** Brings a frame to the host it is for. */
  tell(frame: Uint8Array, nowMs: number): Processed {
    return this.host(this.#hostOf(frame)).process(frame, nowMs);
  }

  #arrive(frame: Uint8Array, nowMs: number, path: readonly string[], redirects: readonly Uint8Array[]): Journey {
    const id = this.#hostOf(frame);
    const { verdict, reason, bytes } = this.host(id).process(frame, nowMs);
    const isDelivered = verdict === 'deliver';
    return {
      path: [...path, id, ...(isDelivered ? [] : [`${verdict} ${reason ?? ''}`])],
      delivered: isDelivered ? bytes : undefined,
      redirects,
    };
  }

  #hostOf(frame: Uint8Array): string {
    const { destination } = ipOf(layers(frame)).fields;
    const found = [...this.hosts.keys()].find((id) => providerAddress(id, this.wishes.underlay) === destination);
    if (found === undefined) throw new Error(`no host at ${destination}`);
    return found;
  }
}

function ipOf(decoded: readonly Layer[]): Layer {
  return decoded.find(({ name }) => name === 'ipv4' || name === 'ipv6') as Layer;
}

/** A frame of a VM up to its IP header, or one for it. */
export function ip({ family }: Ends, start: Packet, source: string, destination: string): Packet {
  return family === 4 ? start.ipv4(source, destination) : start.ipv6(source, destination);
}

export const fromCaller = (ends: Ends): Packet =>
  ip(ends, eth({ src: CALLER_MAC, dst: '02:00:00:00:00:01' }), ends.caller, ends.vip);
export const fromCalled = (ends: Ends): Packet =>
  ip(ends, eth({ src: CALLED_MAC, dst: '02:00:00:00:00:01' }), ends.called, ends.callerVip);
