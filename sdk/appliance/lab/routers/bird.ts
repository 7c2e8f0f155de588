/** BIRD 2: one process that does everything. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
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

const START_MS_MAX = 10_000;

/** BIRD of Debian 12: 2.0.12. */
export const bird: RouterKind = {
  name: 'BIRD',
  needs: needed('bird2', 'bird', 'birdc'),
  hasBfd: true,
  hasBfdBesideTtlSecurity: true,
  hasExtendedNextHop: true,
  asksForRefresh: true,
  make: (site) => new Bird(site),
};

class Bird implements Router {
  readonly #site: RouterSite;
  readonly #folder: string;
  #neighbors: readonly Neighbor[] = [];
  #process: RouterProcess | undefined;

  constructor(site: RouterSite) {
    this.#site = site;
    this.#folder = join(site.folder, 'bird');
  }

  async start(neighbors: readonly Neighbor[]): Promise<void> {
    this.#neighbors = neighbors;
    await mkdir(this.#folder, { recursive: true });
    const [configuration, control] = [join(this.#folder, 'bird.conf'), join(this.#folder, 'bird.ctl')];
    await writeFile(configuration, birdConfiguration(neighbors, join(this.#folder, 'bird.log')));
    this.#process = this.#site.spawn('bird', ['bird', '-f', '-c', configuration, '-s', control]);
    await waitFor('BIRD', async () => (await this.#birdc('show status')).includes('up and running'), START_MS_MAX);
  }

  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
    await forgetRoutes(this.#site);
  }

  sessions(): Promise<RouterSession[]> {
    return Promise.all(
      this.#neighbors.map(async (neighbor) => {
        const text = await this.#birdc(`show protocols all ${neighbor.name}`);
        const state = /BGP state: +(\S+)/.exec(text)?.[1] ?? 'unknown';
        const count = (family: string): number =>
          Number(new RegExp(`Channel ${family}\n[^]*?Routes: +(\\d+) imported`).exec(text)?.[1] ?? 0);
        return { isUp: state === 'Established', state, routeCounts: { ipv4: count('ipv4'), ipv6: count('ipv6') } };
      }),
    );
  }

  async nextHops(address: string): Promise<string[]> {
    const kernel = address.includes(':') ? 'kernel6' : 'kernel4';
    const text = await this.#birdc(`show route for ${address} export ${kernel}`);
    return [...text.matchAll(/via (\S+) on/g)].map(([, nextHop = '']) => nextHop).sort();
  }

  async updateCount(): Promise<number> {
    const text = await this.#birdc('show protocols all');
    return [...text.matchAll(/Import updates: +(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  async refresh(): Promise<void> {
    for (const neighbor of this.#neighbors) await this.#birdc(`reload in ${neighbor.name}`);
  }

  async reasons(): Promise<string> {
    const log = join(this.#folder, 'bird.log');
    return (await this.#birdc('show protocols all')) + (existsSync(log) ? await readFile(log, 'utf8') : '');
  }

  #birdc(command: string): Promise<string> {
    return this.#site.run('birdc', ['-s', join(this.#folder, 'bird.ctl'), ...command.split(' ')]);
  }
}

function birdConfiguration(neighbors: readonly Neighbor[], log: string): string {
  // With its defaults a protocol that meets an error waits a minute before it tries again.
  return `
router id ${ROUTER_ID};
log "${log}" all;
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; interface "mux*"; }
protocol bfd { interface "mux*" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; }; }
protocol kernel kernel4 { ipv4 { import none; export where source = RTS_BGP; }; merge paths on limit 64; }
protocol kernel kernel6 { ipv6 { import none; export where source = RTS_BGP; }; merge paths on limit 64; }
template bgp mux {
  connect delay time 1; connect retry time 1; error wait time 1, 2; graceful restart aware;
  ipv4 { import all; export none; };
  ipv6 { import all; export none; };
}
${neighbors.map(protocolOf).join('\n')}
`;
}

function protocolOf(neighbor: Neighbor): string {
  const { name, muxAddress, routerAddress, isPassive, md5Key, hasTtlSecurity, hasBfd } = neighbor;
  const lines = [
    `local ${routerAddress} as ${ROUTER_AS}; neighbor ${muxAddress} as ${MUX_AS};`,
    isOverIpv6(neighbor) && 'ipv4 { extended next hop on; };',
    isPassive && 'passive on;',
    md5Key && `password "${md5Key}";`,
    hasTtlSecurity && 'ttl security on;',
    hasBfd && 'bfd on;',
  ];
  return `protocol bgp ${name} from mux { ${lines.filter(Boolean).join(' ')} }`;
}
