/**
 * What a fabric says, correctly, and no program of a MUX or host does: so that nobody relies on it unawares.
 */
import type { Fabric } from './fabric.js';
import { Membership } from './membership.js';
import { IDLE_TIMEOUT_IN_MINUTES_DEFAULT } from './public-ip-address.js';
import { ResourceIndex } from './resource-index.js';

/** Something the fabric asks for that no program does, and why. */
export interface Note {
  /** `loadBalancers[0].properties.probes[0]` */
  readonly path: string;
  /** A clause without a full stop that continues the path: `is run by a controller, …`. */
  readonly text: string;
}

/** Everything a fabric asks for that none of its programs does, in the order of the kinds below. */
export function notesOf(fabric: Fabric): readonly Note[] {
  const index = new ResourceIndex(fabric);
  return [
    ...probes(index),
    ...routers(index),
    ...hosts(index),
    ...unusedNatRules(index),
    ...disabledOutboundNat(fabric, index),
    ...tcpResets(index),
    ...idleTimeouts(index),
  ];
}

function probes(index: ResourceIndex): Note[] {
  const text = 'is run by a controller, not by a MUX or host: until one says otherwise every DIP counts as up';
  return index.all('probe').map(({ path }) => ({ path, text }));
}

function routers(index: ResourceIndex): Note[] {
  const text = 'is not spoken to by the program of a MUX: edgemux mux and edgemux bgp announce its VIPs to the router';
  return index.all('loadBalancerMux').flatMap(({ path, resource }) =>
    (resource.properties.routerConfiguration?.peerRouterConfigurations ?? []).map((_, i) => ({
      path: `${path}.properties.routerConfiguration.peerRouterConfigurations[${i}]`,
      text,
    })),
  );
}

function hosts(index: ResourceIndex): Note[] {
  const text = 'has no program: it has no edgemux.providerAddresses';
  return index
    .all('server')
    .filter(({ resource }) => resource.properties.edgemux === undefined)
    .map(({ path }) => ({ path, text }));
}

function unusedNatRules(index: ResourceIndex): Note[] {
  const membership = new Membership(index);
  const text = 'sends nowhere: no ipConfiguration refers to it, and it names none';
  return index
    .all('inboundNatRule')
    .filter(({ ref }) => membership.targetOfNatRule(ref) === undefined)
    .map(({ path }) => ({ path, text }));
}

function disabledOutboundNat({ loadBalancerManager }: Fabric, index: ResourceIndex): Note[] {
  if (loadBalancerManager?.properties.isOutboundNatEnabled !== false) return [];
  const text = 'leases no ports: loadBalancerManager.properties.isOutboundNatEnabled is false';
  return index.all('outboundNatRule').map(({ path }) => ({ path, text }));
}

function tcpResets(index: ResourceIndex): Note[] {
  return [...index.all('loadBalancingRule'), ...index.all('inboundNatRule'), ...index.all('outboundNatRule')].flatMap(
    ({ path, resource }) => {
      const { protocol, edgemux } = resource.properties;
      if (!edgemux.enableTcpReset || protocol === 'Tcp' || protocol === 'All') return [];
      return [{ path: `${path}.properties.edgemux.enableTcpReset`, text: `does nothing for ${protocol}` }];
    },
  );
}

function idleTimeouts(index: ResourceIndex): Note[] {
  const instances = new Set(
    index.all('ipConfiguration').flatMap(({ resource }) => resource.properties.publicIPAddress?.resourceRef ?? []),
  );
  const text = 'is that of an instance-level address: connections to a VIP have the timeout of their rule';
  return index
    .all('publicIPAddress')
    .filter(({ resource }) => resource.properties.idleTimeoutInMinutes !== IDLE_TIMEOUT_IN_MINUTES_DEFAULT)
    .filter(({ ref }) => !instances.has(ref))
    .map(({ path }) => ({ path: `${path}.properties.idleTimeoutInMinutes`, text }));
}
