/** What the kernel of a router does with packets: its routing table, read with `ip -json route`. */
import { ipJson } from './namespaces.js';

/** Protocols under which connected and static routes stand; whatever else is there, a routing daemon put there. */
const NOT_A_DAEMON = ['kernel', 'boot', 'static', 'ra'];

interface KernelRoute extends KernelNextHop {
  readonly dst: string;
  readonly protocol: string;
  readonly nexthops?: readonly KernelNextHop[];
}

interface KernelNextHop {
  readonly dev: string;
  readonly gateway?: string;
  /** In the place of `gateway` when it is of the other family. */
  readonly via?: { readonly family: string; readonly host: string };
}

/** Where a route leads. */
export interface NextHop {
  readonly port: string;
  readonly gateway: string;
}

/** The next hops of the route to exactly this address, by port; none when there is no such route. */
export async function kernelNextHops(namespace: string, address: string): Promise<NextHop[]> {
  const family = address.includes(':') ? '-6' : '-4';
  const routes: KernelRoute[] = await ipJson(namespace, [family, 'route', 'show', 'exact', address]);
  return routes
    .filter(isOfDaemon)
    .flatMap((route) => route.nexthops ?? [route])
    .map(({ dev, gateway, via }) => ({ port: dev, gateway: gateway ?? via?.host ?? '' }))
    .sort((one, other) => (one.port < other.port ? -1 : 1));
}

/** How many routes of each family a routing daemon has put into the kernel. */
export async function kernelRouteCounts(namespace: string): Promise<{ ipv4: number; ipv6: number }> {
  const count = async (family: string): Promise<number> => {
    const routes: KernelRoute[] = await ipJson(namespace, [family, 'route', 'show']);
    return new Set(routes.filter(isOfDaemon).map(({ dst }) => dst)).size;
  };
  return { ipv4: await count('-4'), ipv6: await count('-6') };
}

function isOfDaemon({ protocol }: KernelRoute): boolean {
  return !NOT_A_DAEMON.includes(protocol);
}
