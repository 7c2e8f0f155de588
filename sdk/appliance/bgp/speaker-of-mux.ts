/** From a fabric to what the speaker of one MUX is and announces. Pure: the same fabric gives the same. */
import type { PeerOptions, Route, SpeakerOptions } from '../../bgp/options.js';
import { EdgemuxError } from '../../errors.js';
import { compareIp, parseIp } from '../../net/address.js';
import { type CompiledFabric, compile, type MuxProgram } from '../../program/index.js';
import { type BgpRoutes, type Fabric, type LoadBalancerMux, muxRouterIdOf } from '../../resources/index.js';
import type { Machine } from '../../topology/index.js';

/** The speaker of a MUX. */
export interface MuxSpeaker {
  /** resourceId of the MUX. */
  readonly mux: string;
  readonly options: SpeakerOptions;
  /** Every VIP of the MUX's program as a host route, in ascending order, IPv4 before IPv6. */
  readonly routes: readonly Route[];
}

/**
 * What the speaker of a MUX is told.
 *
 * @param id resourceId of the MUX, in any case
 * @throws EdgemuxError `ERR_UNKNOWN_ID`; `ERR_RESOURCE_INVALID` for a MUX without routers; what `compile` throws
 */
export function speakerOfMux(fabric: Fabric, id: string): MuxSpeaker {
  const compiled = compile(fabric);
  const program = compiled.forMux(id);
  const speaker = speakerFor(program, compiled, fabric);
  if (speaker) return speaker;
  const at = fabric.loadBalancerMuxes.findIndex(({ resourceId }) => resourceId === program.id);
  const path = `loadBalancerMuxes[${at}].properties.routerConfiguration.peerRouterConfigurations`;
  const problem = { path, expected: 'at least one router to speak to', got: 'nothing' };
  throw new EdgemuxError('ERR_RESOURCE_INVALID', `${program.id} has no routers`, [problem]);
}

/** The same for a program that has been compiled; `undefined` for a MUX without routers. */
export function speakerFor(program: MuxProgram, { topology }: CompiledFabric, fabric: Fabric): MuxSpeaker | undefined {
  const mux = fabric.loadBalancerMuxes.find(({ resourceId }) => resourceId === program.id) as LoadBalancerMux;
  const { routerConfiguration, edgemux } = mux.properties;
  const routerId = muxRouterIdOf(mux);
  if (!routerConfiguration || routerConfiguration.peerRouterConfigurations.length === 0 || routerId === undefined) {
    return undefined;
  }
  const attributes = attributesOf(fabric.loadBalancerManager?.properties.edgemux.routes, edgemux.routes);
  return {
    mux: program.id,
    options: {
      as: routerConfiguration.localASN,
      routerId,
      addresses: addressesOf(topology.muxes.get(program.id) as Machine),
      peers: routerConfiguration.peerRouterConfigurations.map(peerOf),
    },
    routes: inOrder(program.vips).map((vip) => ({ prefix: hostPrefix(vip), ...attributes })),
  };
}

type PeerResource = NonNullable<
  LoadBalancerMux['properties']['routerConfiguration']
>['peerRouterConfigurations'][number];

function peerOf({ routerName, routerIPAddress, peerASN, localIPAddress, edgemux }: PeerResource): PeerOptions {
  const { passive, ...settings } = edgemux;
  return {
    ...(routerName !== undefined && { name: routerName }),
    address: routerIPAddress,
    as: peerASN,
    ...(localIPAddress !== undefined && { localAddress: localIPAddress }),
    ...(passive !== undefined && { isPassive: passive }),
    ...settings,
  };
}

function addressesOf({ ends }: Machine): SpeakerOptions['addresses'] {
  const ipv4 = ends.find(({ family }) => family === 4)?.address;
  const ipv6 = ends.find(({ family }) => family === 6)?.address;
  return { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
}

/** What all MUXes say of their routes, and then what this one says: ECMP wants the same of each. */
function attributesOf(ofAll: BgpRoutes = {}, ofMux: BgpRoutes = {}): Omit<Route, 'prefix'> {
  return { ...ofAll, ...ofMux };
}

function inOrder(addresses: readonly string[]): string[] {
  return addresses
    .map((address) => ({ address, parsed: parseIp(address) }))
    .sort((a, b) => compareIp(a.parsed, b.parsed))
    .map(({ address }) => address);
}

function hostPrefix(vip: string): string {
  return `${vip}/${parseIp(vip).family === 4 ? 32 : 128}`;
}
