/**
 * MUXes and their routers: every session is with another router, from an address that can reach it, under a BGP
 * Identifier of the MUX's own.
 */
import { parseIp } from '../net/address.js';
import { Claims } from './claims.js';
import type { LoadBalancerMux } from './load-balancer-mux.js';
import { muxProviderAddressOf, muxRouterIdOf } from './lookups.js';
import type { Report } from './problem.js';
import type { Located, ResourceIndex } from './resource-index.js';

/** Checks what loadBalancerMuxes say about BGP. */
export function checkMuxes(index: ResourceIndex, report: Report): void {
  const withPeers = index
    .all('loadBalancerMux')
    .filter(({ resource }) => (resource.properties.routerConfiguration?.peerRouterConfigurations ?? []).length > 0);
  checkRouterIds(withPeers, report);
  for (const mux of withPeers) checkRouters(mux, report);
}

/**
 * RFC 6286: unique among the speakers of an autonomous system. Two that come of provider addresses are equal only where
 * those are, and of those that is reported.
 */
function checkRouterIds(muxes: readonly Located<'loadBalancerMux'>[], report: Report): void {
  const claims = new Claims('a BGP Identifier', report);
  const implied = new Set<string>();
  for (const { path, ref, resource } of muxes) {
    const { edgemux, routerConfiguration } = resource.properties;
    const routerIdPath = `${path}.properties.edgemux.routerId`;
    const routerId = muxRouterIdOf(resource);
    if (routerId === undefined) {
      const expected = 'an IPv4 address, because the MUX has no IPv4 provider address';
      if (muxProviderAddressOf(resource) !== undefined) report(routerIdPath, expected, undefined);
      continue;
    }
    const key = `${routerConfiguration?.localASN} ${routerId}`;
    const isSaid = edgemux.routerId !== undefined;
    if (isSaid || !implied.has(key)) claims.claim(key, ref, routerIdPath, edgemux.routerId, routerId);
    if (!isSaid) implied.add(key);
  }
}

type Peer = NonNullable<LoadBalancerMux['properties']['routerConfiguration']>['peerRouterConfigurations'][number];

function checkRouters({ path, resource }: Located<'loadBalancerMux'>, report: Report): void {
  const routers = new Set<string>();
  for (const [i, peer] of resource.properties.routerConfiguration?.peerRouterConfigurations.entries() ?? []) {
    const peerPath = `${path}.properties.routerConfiguration.peerRouterConfigurations[${i}]`;
    const { routerIPAddress: router } = peer;
    if (routers.has(router)) {
      report(`${peerPath}.routerIPAddress`, `a router that ${resource.resourceId} has once`, router);
    }
    routers.add(router);
    checkLocalAddress(peerPath, peer, report);
  }
}

function checkLocalAddress(path: string, { routerIPAddress, localIPAddress, edgemux }: Peer, report: Report): void {
  const { family } = parseIp(routerIPAddress);
  if (localIPAddress === undefined) {
    // BFD begins before there is a connection that could tell which address of the MUX is meant.
    if (edgemux.bfd) report(`${path}.localIPAddress`, 'an address to send BFD from', undefined);
  } else if (parseIp(localIPAddress).family !== family) {
    const expected = `an IPv${family} address, because routerIPAddress ${routerIPAddress} is IPv${family}`;
    report(`${path}.localIPAddress`, expected, localIPAddress);
  } else if (localIPAddress === routerIPAddress) {
    report(`${path}.routerIPAddress`, "another address than the MUX's own end of the session", routerIPAddress);
  }
}
