/**
 * The network of the tests:
 *
 *   client ───────────────── router ──┬── MUX 1
 *   198.51.100.2   198.51.100.1       └── MUX 2
 *   2001:db8:c::2  2001:db8:c::1
 *
 * The link to MUX n is 10.10.n.0/24 and 2001:db8:10:n::/64, .1 the router, .2 the MUX. The loopback of every MUX has the
 * VIPs that traffic goes to, so its kernel answers in the place of a data plane.
 */
import type { RouterSite } from '../../../sdk/appliance/lab/routers/router.js';
import type { Lab } from './lab.js';

/** The VIPs of the tests that need only few. */
export const VIP4 = '80.80.80.80';
export const VIP6 = '2001:db8:80::80';

/** Where a MUX is attached. */
export interface MuxPlace {
  /** 1, 2, … */
  readonly number: number;
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly routerIpv4: string;
  readonly routerIpv6: string;
  /** Name of the interface to the router, in the namespace of the MUX. */
  readonly uplink: string;
  /** Name of the interface to the MUX, in the namespace of the router. */
  readonly port: string;
}

/** The namespaces, joined and addressed. */
export interface Topology {
  readonly lab: Lab;
  readonly client: string;
  readonly router: string;
  readonly muxes: readonly MuxPlace[];
}

/** Where the router of a topology runs. */
export function routerSite({ lab, router }: Topology): RouterSite {
  return {
    folder: lab.folder,
    run: (command, args) => lab.run(router, command, args),
    spawn: (name, command) => lab.spawn(router, name, command),
  };
}

/** Builds the network in a laboratory. */
export async function buildTopology(lab: Lab, muxCount = 2): Promise<Topology> {
  const router = await lab.namespace('router');
  const client = await lab.namespace('client');
  await lab.link(
    { namespace: client, name: 'uplink', addresses: ['198.51.100.2/24', '2001:db8:c::2/64'] },
    { namespace: router, name: 'client', addresses: ['198.51.100.1/24', '2001:db8:c::1/64'] },
  );
  await defaultRoutes(lab, client, '198.51.100.1', '2001:db8:c::1');
  const muxes: MuxPlace[] = [];
  for (let number = 1; number <= muxCount; number++) muxes.push(await attachMux(lab, router, number));
  return { lab, client, router, muxes };
}

async function attachMux(lab: Lab, router: string, number: number): Promise<MuxPlace> {
  const namespace = await lab.namespace(`mux${number}`);
  const place: MuxPlace = {
    number,
    namespace,
    ipv4: `10.10.${number}.2`,
    ipv6: `2001:db8:10:${number}::2`,
    routerIpv4: `10.10.${number}.1`,
    routerIpv6: `2001:db8:10:${number}::1`,
    uplink: 'uplink',
    port: `mux${number}`,
  };
  await lab.link(
    { namespace, name: place.uplink, addresses: [`${place.ipv4}/24`, `${place.ipv6}/64`] },
    { namespace: router, name: place.port, addresses: [`${place.routerIpv4}/24`, `${place.routerIpv6}/64`] },
  );
  for (const vip of [`${VIP4}/32`, `${VIP6}/128`]) await lab.run(namespace, 'ip', ['addr', 'add', vip, 'dev', 'lo']);
  await defaultRoutes(lab, namespace, place.routerIpv4, place.routerIpv6);
  return place;
}

async function defaultRoutes(lab: Lab, namespace: string, ipv4: string, ipv6: string): Promise<void> {
  await lab.run(namespace, 'ip', ['route', 'add', 'default', 'via', ipv4]);
  await lab.run(namespace, 'ip', ['-6', 'route', 'add', 'default', 'via', ipv6]);
}
