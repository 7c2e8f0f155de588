/** GoBGP, which leaves the kernel to the zebra of FRRouting. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needed } from '../needs.js';
import { programPath } from '../package-files.js';
import { waitFor } from '../wait.js';
import { startZebra } from './frr.js';
import {
  forgetRoutes,
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

const START_MS_MAX = 10_000;
const API = '127.0.0.1:50051';

/** GoBGP of Debian 12: 3.10. */
export const gobgp: RouterKind = {
  name: 'GoBGP',
  needs: [...needed('gobgpd', 'gobgpd', 'gobgp'), ...needed('frr', '/usr/lib/frr/zebra')],
  hasBfd: false,
  hasBfdBesideTtlSecurity: false,
  hasExtendedNextHop: true,
  // It keeps what it received, and looks at that again.
  asksForRefresh: false,
  make: (site) => new Gobgp(site),
};

class Gobgp implements Router {
  readonly #site: RouterSite;
  readonly #folder: string;
  #neighbors: readonly Neighbor[] = [];
  #processes: RouterProcess[] = [];

  constructor(site: RouterSite) {
    this.#site = site;
    this.#folder = join(site.folder, 'gobgp');
  }

  async start(neighbors: readonly Neighbor[]): Promise<void> {
    this.#neighbors = neighbors;
    await mkdir(this.#folder, { recursive: true });
    const zebra = await startZebra(this.#site, join(this.#folder, 'zebra'));
    const bridge = join(this.#folder, 'zapi-bridge.api');
    const bridging = this.#site.spawn('zapi-bridge', [
      process.execPath,
      programPath('zapi-bridge'),
      bridge,
      zebra.socket,
    ]);
    await waitFor('the bridge to zebra', () => existsSync(bridge), START_MS_MAX);
    const configuration = join(this.#folder, 'gobgpd.toml');
    await writeFile(configuration, gobgpConfiguration(neighbors, bridge));
    const command = ['gobgpd', '-f', configuration, '--api-hosts', API, '--log-level', 'debug'];
    this.#processes = [zebra.process, bridging, this.#site.spawn('gobgpd', command)];
    await waitFor('GoBGP', async () => (await this.#ask('neighbor')).length === neighbors.length, START_MS_MAX);
  }

  async kill(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop('SIGKILL')));
    await forgetRoutes(this.#site);
  }

  async sessions(): Promise<RouterSession[]> {
    const answer: GobgpNeighbor[] = await this.#ask('neighbor');
    return this.#neighbors.map((neighbor) => {
      const of = answer.find(({ state }) => state.neighbor_address === neighbor.muxAddress);
      const count = (afi: number): number =>
        Number(of?.afi_safis?.find(({ state }) => state.family.afi === afi)?.state.accepted ?? 0);
      const state = of?.state.session_state ?? 0;
      return {
        isUp: state === ESTABLISHED,
        state: String(state),
        routeCounts: { ipv4: count(1), ipv6: count(2) },
      };
    });
  }

  async nextHops(address: string): Promise<string[]> {
    const [prefix, family] = address.includes(':') ? [`${address}/128`, 'ipv6'] : [`${address}/32`, 'ipv4'];
    const answer: Record<string, readonly GobgpPath[]> = await this.#ask(`global rib ${prefix} -a ${family}`);
    return (answer[prefix] ?? []).flatMap(({ attrs }) => attrs.flatMap(({ nexthop }) => nexthop ?? [])).sort();
  }

  async updateCount(): Promise<number> {
    const answer: GobgpNeighbor[] = await this.#ask('neighbor');
    return answer.reduce((sum, { state }) => sum + Number(state.messages?.received?.update ?? 0), 0);
  }

  async refresh(): Promise<void> {
    for (const neighbor of this.#neighbors) await this.#gobgp(`neighbor ${neighbor.muxAddress} softresetin`);
  }

  async reasons(): Promise<string> {
    const log = join(this.#site.folder, 'gobgpd.log');
    return existsSync(log) ? readFile(log, 'utf8') : '';
  }

  // biome-ignore lint/suspicious/noExplicitAny: the callers say what is in it.
  async #ask(command: string): Promise<any> {
    return JSON.parse(await this.#gobgp(`-j ${command}`));
  }

  #gobgp(command: string): Promise<string> {
    return this.#site.run('gobgp', command.split(' '));
  }
}

const ESTABLISHED = 6;

interface GobgpNeighbor {
  readonly state: {
    readonly neighbor_address: string;
    readonly session_state?: number;
    readonly messages?: { readonly received?: { readonly update?: string } };
  };
  readonly afi_safis?: readonly {
    readonly state: { readonly family: { readonly afi: number }; readonly accepted?: string };
  }[];
}

interface GobgpPath {
  readonly attrs: readonly { readonly nexthop?: string }[];
}

function gobgpConfiguration(neighbors: readonly Neighbor[], zebraSocket: string): string {
  return `
[global.config]
  as = ${ROUTER_AS}
  router-id = "${ROUTER_ID}"
[global.use-multiple-paths.config]
  enabled = true
[zebra.config]
  enabled = true
  url = "unix:${zebraSocket}"
  version = 6
  software-name = "frr8.2"
${neighbors.map(neighborTables).join('')}`;
}

function neighborTables(neighbor: Neighbor): string {
  const password = neighbor.md5Key === undefined ? '' : `auth-password = "${neighbor.md5Key}"`;
  const ttl = neighbor.hasTtlSecurity ? '[neighbors.ttl-security.config]\n  enabled = true\n  ttl-min = 255' : '';
  return `
[[neighbors]]
[neighbors.config]
  neighbor-address = "${neighbor.muxAddress}"
  peer-as = ${MUX_AS}
  ${password}
[neighbors.transport.config]
  local-address = "${neighbor.routerAddress}"
  passive-mode = ${neighbor.isPassive ?? false}
[neighbors.timers.config]
  connect-retry = 1
  idle-hold-time-after-reset = 1
[neighbors.graceful-restart.config]
  enabled = true
  restart-time = 20
${ttl}
${['ipv4-unicast', 'ipv6-unicast'].map(familyTables).join('')}`;
}

function familyTables(name: string): string {
  return `[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
  afi-safi-name = "${name}"
[neighbors.afi-safis.mp-graceful-restart.config]
  enabled = true
`;
}
