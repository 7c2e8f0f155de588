/** FRRouting: zebra for the kernel, bgpd, and bfdd. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needed } from '../needs.js';
import { waitFor } from '../wait.js';
import {
  forgetRoutes,
  isOverIpv6,
  MUX_AS,
  type Neighbor,
  ROUTER_AS,
  ROUTER_ID,
  type Router,
  type RouterKind,
  type RouterProcess,
  type RouterSession,
  type RouterSite,
} from './router.js';

const DAEMONS = '/usr/lib/frr';
const START_MS_MAX = 10_000;
/** FRRouting of Debian 12: 8.4. */
export const frr: RouterKind = {
  name: 'FRR',
  needs: needed('frr', `${DAEMONS}/zebra`, `${DAEMONS}/bgpd`, `${DAEMONS}/bfdd`, 'vtysh'),
  hasBfd: true,
  // It takes such a neighbour for one several hops away, and BFD for those has another port.
  hasBfdBesideTtlSecurity: false,
  hasExtendedNextHop: true,
  asksForRefresh: true,
  make: (site) => new Frr(site),
};

/**
 * Routes have their next hops in them, instead of sharing objects of the kernel: zebra 8.4 forgets to put a port that was
 * down back into those.
 */
const ZEBRA_SETTINGS = 'no zebra nexthop kernel enable\n';

/** A zebra that runs. */
export interface Zebra {
  readonly process: RouterProcess;
  /** Path of the socket of its API. */
  readonly socket: string;
}

/** Starts zebra, which puts routes into the kernel; gives its process and the socket of its API. */
export async function startZebra(site: RouterSite, folder: string): Promise<Zebra> {
  await mkdir(folder, { recursive: true });
  // FRR leaves root behind and makes its sockets here.
  await chmod(folder, 0o777);
  await writeFile(join(folder, 'zebra.conf'), `${ZEBRA_SETTINGS}log file ${join(folder, 'zebra.log')}\n`);
  // Of a zebra that was killed.
  for (const name of ['zserv.api', 'zebra.vty']) await rm(join(folder, name), { force: true });
  const process = site.spawn('zebra', [`${DAEMONS}/zebra`, ...daemonArgs(folder, 'zebra')]);
  const socket = join(folder, 'zserv.api');
  await waitFor('zebra', () => existsSync(socket) && existsSync(join(folder, 'zebra.vty')), START_MS_MAX);
  return { process, socket };
}

/** Daemons refuse to run as root; without a port, nothing but the socket leads to their command line. */
function daemonArgs(folder: string, daemon: string): string[] {
  const files = ['--vty_socket', folder, '-z', join(folder, 'zserv.api'), '-i', join(folder, `${daemon}.pid`)];
  return ['-u', 'frr', '-g', 'frr', '-P', '0', ...files, '-f', join(folder, `${daemon}.conf`)];
}

class Frr implements Router {
  readonly #site: RouterSite;
  readonly #folder: string;
  #neighbors: readonly Neighbor[] = [];
  #processes: RouterProcess[] = [];

  constructor(site: RouterSite) {
    this.#site = site;
    this.#folder = join(site.folder, 'frr');
  }

  async start(neighbors: readonly Neighbor[]): Promise<void> {
    this.#neighbors = neighbors;
    const { process } = await startZebra(this.#site, this.#folder);
    this.#processes = [process];
    const daemons = neighbors.some(({ hasBfd }) => hasBfd) ? ['bfdd', 'bgpd'] : ['bgpd'];
    for (const daemon of daemons) {
      const text = daemon === 'bgpd' ? bgpdConfiguration(neighbors) : 'bfd\n';
      const log = `log file ${join(this.#folder, `${daemon}.log`)}\n`;
      await writeFile(join(this.#folder, `${daemon}.conf`), log + text);
      const own = daemon === 'bfdd' ? ['--bfdctl', join(this.#folder, 'bfdd.sock')] : ['-p', '179'];
      await rm(join(this.#folder, `${daemon}.vty`), { force: true });
      const command = [join(DAEMONS, daemon), ...daemonArgs(this.#folder, daemon), ...own];
      this.#processes.push(this.#site.spawn(daemon, command));
      await waitFor(daemon, () => existsSync(join(this.#folder, `${daemon}.vty`)), START_MS_MAX);
    }
  }

  async kill(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop('SIGKILL')));
    await forgetRoutes(this.#site);
  }

  async sessions(): Promise<RouterSession[]> {
    const answer = await this.#ask('show bgp neighbors json');
    return this.#neighbors.map((neighbor) => {
      const { bgpState, addressFamilyInfo } = answer[neighbor.muxAddress];
      const count = (family: string): number => addressFamilyInfo?.[family]?.acceptedPrefixCounter ?? 0;
      return {
        isUp: bgpState === 'Established',
        state: bgpState,
        routeCounts: { ipv4: count('ipv4Unicast'), ipv6: count('ipv6Unicast') },
      };
    });
  }

  async nextHops(address: string): Promise<string[]> {
    const { paths = [] } = await this.#ask(
      `show bgp ${address.includes(':') ? 'ipv6' : 'ipv4'} unicast ${address} json`,
    );
    return (paths as FrrPath[])
      .filter(({ bestpath, multipath }) => multipath || bestpath?.overall)
      .flatMap(({ nexthops }) => nexthops.find(({ scope }) => scope !== 'link-local')?.ip ?? [])
      .sort();
  }

  async updateCount(): Promise<number> {
    const answer = await this.#ask('show bgp neighbors json');
    return this.#neighbors.reduce((sum, neighbor) => {
      return sum + answer[neighbor.muxAddress].messageStats.updatesRecv;
    }, 0);
  }

  async refresh(): Promise<void> {
    await this.#vtysh('clear bgp * soft in');
  }

  async reasons(): Promise<string> {
    const log = join(this.#folder, 'bgpd.log');
    return (await this.#vtysh('show bgp neighbors')) + (existsSync(log) ? await readFile(log, 'utf8') : '');
  }

  // biome-ignore lint/suspicious/noExplicitAny: the callers say what is in it.
  async #ask(command: string): Promise<any> {
    return JSON.parse(await this.#vtysh(command));
  }

  #vtysh(command: string): Promise<string> {
    return this.#site.run('vtysh', ['--vty_socket', this.#folder, '-c', command]);
  }
}

interface FrrPath {
  readonly multipath?: boolean;
  readonly bestpath?: { readonly overall?: boolean };
  readonly nexthops: readonly { readonly ip: string; readonly scope?: string }[];
}

function bgpdConfiguration(neighbors: readonly Neighbor[]): string {
  const each = (lines: (neighbor: Neighbor, address: string) => readonly (string | false | undefined)[]): string =>
    neighbors
      .flatMap((neighbor) => lines(neighbor, neighbor.muxAddress))
      .filter(Boolean)
      .join('\n');
  return `
router bgp ${ROUTER_AS}
 bgp router-id ${ROUTER_ID}
 bgp log-neighbor-changes
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 bgp bestpath as-path multipath-relax
${each((neighbor, address) => [
  ` neighbor ${address} remote-as ${MUX_AS}`,
  ` neighbor ${address} timers connect 1`,
  isOverIpv6(neighbor) && ` neighbor ${address} capability extended-nexthop`,
  neighbor.isPassive && ` neighbor ${address} passive`,
  neighbor.md5Key && ` neighbor ${address} password ${neighbor.md5Key}`,
  neighbor.hasTtlSecurity && ` neighbor ${address} ttl-security hops 1`,
  neighbor.hasBfd && ` neighbor ${address} bfd 3 100 100`,
])}
 address-family ipv4 unicast
  maximum-paths 64
${each((_, address) => [`  neighbor ${address} activate`])}
 exit-address-family
 address-family ipv6 unicast
  maximum-paths 64
${each((_, address) => [`  neighbor ${address} activate`])}
 exit-address-family
`;
}
