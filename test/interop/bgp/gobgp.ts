/** GoBGP, which leaves the kernel to the zebra of FRRouting. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { startZebra } from './frr.js';
import type { LabProcess } from './lab-process.js';
import {
  addressesOf,
  forgetRoutes,
  type Neighbor,
  ROUTER_ID,
  type Router,
  type RouterKind,
  type RouterSession,
} from './router.js';
import { MUX_AS, ROUTER_AS, type Topology } from './topology.js';
import { waitFor } from './wait.js';
import { startZapiBridge } from './zapi-bridge.js';

const START_MS_MAX = 10_000;
const API = '127.0.0.1:50051';

/** GoBGP of Debian 12: 3.10. */
export const gobgp: RouterKind = {
  name: 'GoBGP',
  programs: ['/usr/bin/gobgpd', '/usr/bin/gobgp', '/usr/lib/frr/zebra'],
  hasBfd: false,
  hasBfdBesideTtlSecurity: false,
  hasExtendedNextHop: true,
  restoresNextHops: false,
  // It keeps what it received, and looks at that again.
  asksForRefresh: false,
  make: (topology) => new Gobgp(topology),
};

class Gobgp implements Router {
  readonly #topology: Topology;
  readonly #folder: string;
  #neighbors: readonly Neighbor[] = [];
  #processes: LabProcess[] = [];
  #bridge: Server | undefined;

  constructor(topology: Topology) {
    this.#topology = topology;
    this.#folder = join(topology.lab.folder, 'gobgp');
  }

  async start(neighbors: readonly Neighbor[]): Promise<void> {
    const { lab, router } = this.#topology;
    this.#neighbors = neighbors;
    await mkdir(this.#folder, { recursive: true });
    const zebra = await startZebra(this.#topology, join(this.#folder, 'zebra'));
    const bridge = join(this.#folder, 'zapi-bridge.api');
    this.#bridge = await startZapiBridge(bridge, zebra.socket);
    const configuration = join(this.#folder, 'gobgpd.toml');
    await writeFile(configuration, gobgpConfiguration(neighbors, bridge));
    const command = ['gobgpd', '-f', configuration, '--api-hosts', API, '--log-level', 'debug'];
    this.#processes = [zebra.process, lab.spawn(router, 'gobgpd', command)];
    await waitFor('GoBGP', async () => (await this.#ask('neighbor')).length === neighbors.length, START_MS_MAX);
  }

  async kill(): Promise<void> {
    this.#bridge?.close();
    await Promise.all(this.#processes.map((process) => process.stop('SIGKILL')));
    await forgetRoutes(this.#topology);
  }

  async sessions(): Promise<RouterSession[]> {
    const answer: GobgpNeighbor[] = await this.#ask('neighbor');
    return this.#neighbors.map((neighbor) => {
      const of = answer.find(({ state }) => state.neighbor_address === addressesOf(neighbor).mux);
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
    for (const neighbor of this.#neighbors) await this.#gobgp(`neighbor ${addressesOf(neighbor).mux} softresetin`);
  }

  async reasons(): Promise<string> {
    const log = join(this.#topology.lab.folder, 'gobgpd.log');
    return existsSync(log) ? readFile(log, 'utf8') : '';
  }

  // biome-ignore lint/suspicious/noExplicitAny: the callers say what is in it.
  async #ask(command: string): Promise<any> {
    return JSON.parse(await this.#gobgp(`-j ${command}`));
  }

  #gobgp(command: string): Promise<string> {
    return this.#topology.lab.run(this.#topology.router, 'gobgp', command.split(' '));
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
  const { mux, router } = addressesOf(neighbor);
  const password = neighbor.md5Key === undefined ? '' : `auth-password = "${neighbor.md5Key}"`;
  const ttl = neighbor.hasTtlSecurity ? '[neighbors.ttl-security.config]\n  enabled = true\n  ttl-min = 255' : '';
  return `
[[neighbors]]
[neighbors.config]
  neighbor-address = "${mux}"
  peer-as = ${MUX_AS}
  ${password}
[neighbors.transport.config]
  local-address = "${router}"
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
