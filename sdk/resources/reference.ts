/**
 * Resource references: the paths by which resources name each other (MS-NCNBI), relative to
 * `/networking/v1`: `/loadBalancers/web/backendAddressPools/vms`.
 */

/**
 * The kinds of resources that can be referred to: the collection each lives in and the kind that holds the collection
 * (under `properties`); without a parent the collection is the fabric's own.
 */
export const RESOURCE_KINDS = {
  loadBalancer: { collection: 'loadBalancers', parent: undefined },
  frontendIPConfiguration: { collection: 'frontendIPConfigurations', parent: 'loadBalancer' },
  backendAddressPool: { collection: 'backendAddressPools', parent: 'loadBalancer' },
  probe: { collection: 'probes', parent: 'loadBalancer' },
  loadBalancingRule: { collection: 'loadBalancingRules', parent: 'loadBalancer' },
  inboundNatRule: { collection: 'inboundNatRules', parent: 'loadBalancer' },
  outboundNatRule: { collection: 'outboundNatRules', parent: 'loadBalancer' },
  loadBalancerMux: { collection: 'loadBalancerMuxes', parent: undefined },
  logicalNetwork: { collection: 'logicalNetworks', parent: undefined },
  logicalNetworkSubnet: { collection: 'subnets', parent: 'logicalNetwork' },
  ipPool: { collection: 'ipPools', parent: 'logicalNetworkSubnet' },
  virtualNetwork: { collection: 'virtualNetworks', parent: undefined },
  virtualNetworkSubnet: { collection: 'subnets', parent: 'virtualNetwork' },
  server: { collection: 'servers', parent: undefined },
  networkInterface: { collection: 'networkInterfaces', parent: undefined },
  ipConfiguration: { collection: 'ipConfigurations', parent: 'networkInterface' },
  publicIPAddress: { collection: 'publicIPAddresses', parent: undefined },
} as const;

/** A kind of resource that can be referred to. */
export type ResourceKind = keyof typeof RESOURCE_KINDS;

/** A reference taken apart. */
export interface ParsedReference {
  readonly kind: ResourceKind;
  /** The resourceIds along the path, outermost first, spelled as they came. */
  readonly resourceIds: readonly string[];
  /** The reference with the collections in canonical spelling and nothing in front: `/servers/host-1`. */
  readonly canonical: string;
}

/**
 * Takes a reference apart, or answers undefined when it names no known kind.
 *
 * Collections may be in any case; a `/networking/v1` in front and a slash at the end are dropped, as Microsoft's own
 * scripts write them all three ways. Full URLs are refused: a reference never leaves the fabric.
 *
 * @example
 * ```ts
 * parseReference('/networking/v1/loadbalancers/web/Probes/health')?.canonical; // '/loadBalancers/web/probes/health'
 * ```
 */
export function parseReference(text: string): ParsedReference | undefined {
  const segments = text
    .replace(/^\/?networking\/v\d+(?=\/)/i, '')
    .replace(/^\//, '')
    .replace(/\/$/, '')
    .split('/');
  if (segments.length % 2 !== 0 || segments.includes('')) return undefined;

  let kind: ResourceKind | undefined;
  let canonical = '';
  const resourceIds: string[] = [];
  for (let i = 0; i < segments.length; i += 2) {
    kind = kindOfSegment(kind, segments[i]!);
    if (kind === undefined) return undefined;
    canonical += `/${RESOURCE_KINDS[kind].collection}/${segments[i + 1]}`;
    resourceIds.push(segments[i + 1]!);
  }
  return kind === undefined ? undefined : { kind, resourceIds, canonical };
}

/** The kinds whose collections a resource of kind `parent` holds; without a parent, those of the fabric. */
export function childKinds(parent: ResourceKind | undefined): readonly ResourceKind[] {
  return CHILDREN.get(parent) ?? [];
}

/** What two references have in common exactly if they name the same resource: resourceIds ignore case. */
export function referenceKey(canonicalRef: string): string {
  return canonicalRef.toLowerCase();
}

/** The pattern of a kind's references, for people: `/loadBalancers/{id}/probes/{id}`. */
export function referencePattern(kind: ResourceKind): string {
  const { collection, parent } = RESOURCE_KINDS[kind];
  return `${parent === undefined ? '' : referencePattern(parent)}/${collection}/{id}`;
}

const ALL_KINDS = Object.keys(RESOURCE_KINDS) as ResourceKind[];

const CHILDREN = new Map<ResourceKind | undefined, readonly ResourceKind[]>(
  [undefined, ...ALL_KINDS].map((parent) => [
    parent,
    ALL_KINDS.filter((kind) => RESOURCE_KINDS[kind].parent === parent),
  ]),
);

function kindOfSegment(parent: ResourceKind | undefined, segment: string): ResourceKind | undefined {
  const folded = segment.toLowerCase();
  return childKinds(parent).find((kind) => RESOURCE_KINDS[kind].collection.toLowerCase() === folded);
}
