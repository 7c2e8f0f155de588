/**
 * Every resource of a fabric under its reference, with its place in the file.
 */
import type { Fabric, FabricResources } from './fabric.js';
import type {
  BackendAddressPool,
  FrontendIPConfiguration,
  InboundNatRule,
  LoadBalancer,
  LoadBalancingRule,
  OutboundNatRule,
  Probe,
} from './load-balancer.js';
import type { LoadBalancerMux } from './load-balancer-mux.js';
import type { IpPool, LogicalNetwork, LogicalNetworkSubnet } from './logical-network.js';
import type { IpConfiguration, NetworkInterface } from './network-interface.js';
import { type Path, pathText } from './problem.js';
import type { PublicIpAddress } from './public-ip-address.js';
import { childKinds, RESOURCE_KINDS, type ResourceKind, referenceKey } from './reference.js';
import type { Server } from './server.js';
import type { VirtualNetwork, VirtualNetworkSubnet } from './virtual-network.js';

/** The type behind each kind of reference. */
export interface ResourceOfKind {
  loadBalancer: LoadBalancer;
  frontendIPConfiguration: FrontendIPConfiguration;
  backendAddressPool: BackendAddressPool;
  probe: Probe;
  loadBalancingRule: LoadBalancingRule;
  inboundNatRule: InboundNatRule;
  outboundNatRule: OutboundNatRule;
  loadBalancerMux: LoadBalancerMux;
  logicalNetwork: LogicalNetwork;
  logicalNetworkSubnet: LogicalNetworkSubnet;
  ipPool: IpPool;
  virtualNetwork: VirtualNetwork;
  virtualNetworkSubnet: VirtualNetworkSubnet;
  server: Server;
  networkInterface: NetworkInterface;
  ipConfiguration: IpConfiguration;
  publicIPAddress: PublicIpAddress;
}

/** A resource, its canonical reference, and where it stands. */
export interface Located<TKind extends ResourceKind> {
  readonly kind: TKind;
  /** `/loadBalancers/web/probes/health` */
  readonly ref: string;
  /** `loadBalancers[0].properties.probes[0]` */
  readonly path: string;
  /** Canonical reference of the resource that holds this one; undefined for a resource of the fabric itself. */
  readonly parentRef: string | undefined;
  readonly resource: ResourceOfKind[TKind];
}

/**
 * Finds resources by kind and by reference.
 *
 * @example
 * ```ts
 * const index = new ResourceIndex(readFabric(text));
 * index.find('server', '/servers/host-1')?.resource.properties.edgemux?.providerAddresses;
 * ```
 */
export class ResourceIndex {
  readonly #byKind = new Map<ResourceKind, Located<ResourceKind>[]>();
  readonly #byRef = new Map<string, Located<ResourceKind>>();

  constructor(fabric: Fabric | FabricResources) {
    this.#addChildren(fabric as unknown as Collections, undefined, undefined, []);
  }

  /** All resources of a kind, in the order of the file. */
  all<TKind extends ResourceKind>(kind: TKind): readonly Located<TKind>[] {
    return (this.#byKind.get(kind) ?? []) as unknown as readonly Located<TKind>[];
  }

  /** The resource of a kind that a canonical reference names, or undefined. */
  find<TKind extends ResourceKind>(kind: TKind, ref: string): Located<TKind> | undefined {
    const found = this.#byRef.get(referenceKey(ref));
    return found?.kind === kind ? (found as unknown as Located<TKind>) : undefined;
  }

  #addChildren(holder: Collections, parent: ResourceKind | undefined, parentRef: string | undefined, path: Path): void {
    for (const kind of childKinds(parent)) {
      const { collection } = RESOURCE_KINDS[kind];
      for (const [i, resource] of (holder[collection] ?? []).entries()) {
        // A fabric that is still being checked has holes where a resource is not fit to be looked at.
        if (resource === undefined) continue;
        const ref = `${parentRef ?? ''}/${collection}/${resource.resourceId}`;
        const here = [...path, collection, i];
        this.#add({ kind, ref, path: pathText(here), parentRef, resource: resource as ResourceOfKind[ResourceKind] });
        this.#addChildren(resource.properties, kind, ref, [...here, 'properties']);
      }
    }
  }

  #add(located: Located<ResourceKind>): void {
    const siblings = this.#byKind.get(located.kind);
    if (siblings === undefined) this.#byKind.set(located.kind, [located]);
    else siblings.push(located);
    this.#byRef.set(referenceKey(located.ref), located);
  }
}

/** The shape all holders of collections share, seen without their types. */
type Collections = Readonly<Record<string, readonly (Envelope | undefined)[]>>;

interface Envelope {
  readonly resourceId: string;
  readonly properties: Collections;
}
