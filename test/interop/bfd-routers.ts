/** The BFD of real routers: FRRouting's bfdd and BIRD, each with a session to a MUX over IPv4 and IPv6 at 3 × 100 ms. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '../../sdk/appliance/lab/wait.js';
import type { Lab } from './bgp/lab.js';
import type { LabProcess } from './bgp/lab-process.js';

const START_MS_MAX = 10_000;

/** Which router, and what it needs of the machine. */
export interface BfdRouterKind {
  readonly name: string;
  readonly programs: readonly string[];
  /** Whether it can be told to shut a session down by saying AdminDown. */
  readonly canShutDown: boolean;
  start(place: BfdPlace): Promise<BfdRouter>;
}

/** Where a router stands: the interface to the MUX, our addresses and its own. */
export interface BfdPlace {
  readonly lab: Lab;
  readonly namespace: string;
  readonly interface: string;
  readonly addresses: readonly { readonly mux: string; readonly router: string }[];
}

/** A router that runs. */
export interface BfdRouter {
  /** The process that speaks BFD. */
  readonly process: LabProcess;
  /** Of each session, in the order of the addresses. */
  sessions(): Promise<RouterBfdSession[]>;
  /** Shuts the first session down on purpose, or ends that. */
  setShutdown(isShut: boolean): Promise<void>;
}

/** A session as the router sees it. */
export interface RouterBfdSession {
  readonly isUp: boolean;
  /** How long we may be silent before it takes us for dead, ms. */
  readonly detectionTimeMs: number;
}

const FRR = '/usr/lib/frr';

/** FRRouting of Debian 12: 8.4. */
export const frrBfd: BfdRouterKind = {
  name: 'FRR',
  programs: [`${FRR}/zebra`, `${FRR}/bfdd`, '/usr/bin/vtysh'],
  canShutDown: true,
  async start({ lab, namespace, interface: name, addresses }) {
    const folder = join(lab.folder, 'frr');
    await mkdir(folder, { recursive: true });
    // FRR leaves root behind and makes its sockets here.
    await chmod(folder, 0o777);
    const peerOf = ({ mux, router }: BfdPlace['addresses'][number]) =>
      `peer ${mux} local-address ${router} interface ${name}`;
    const peers = addresses.map(
      (pair) => ` ${peerOf(pair)}\n  receive-interval 100\n  transmit-interval 100\n  detect-multiplier 3\n !\n`,
    );
    await writeFile(join(folder, 'zebra.conf'), `log file ${join(folder, 'zebra.log')}\n`);
    await writeFile(join(folder, 'bfdd.conf'), `log file ${join(folder, 'bfdd.log')}\nbfd\n${peers.join('')}`);
    const spawn = (daemon: string, ...own: readonly string[]) => {
      const files = [
        '-z',
        join(folder, 'zserv.api'),
        '-i',
        join(folder, `${daemon}.pid`),
        '-f',
        `${folder}/${daemon}.conf`,
      ];
      const args = ['-u', 'frr', '-g', 'frr', '-P', '0', '--vty_socket', folder, ...files, ...own];
      return lab.spawn(namespace, daemon, [join(FRR, daemon), ...args]);
    };
    const vtysh = (...commands: readonly string[]) =>
      lab.run(namespace, 'vtysh', ['--vty_socket', folder, ...commands.flatMap((command) => ['-c', command])]);
    spawn('zebra');
    await waitFor('zebra', () => existsSync(join(folder, 'zebra.vty')), START_MS_MAX);
    const process = spawn('bfdd', '--bfdctl', join(folder, 'bfdd.sock'));
    await waitFor('bfdd', () => existsSync(join(folder, 'bfdd.vty')), START_MS_MAX);
    return {
      process,
      async sessions() {
        const found: FrrSession[] = JSON.parse(await vtysh('show bfd peers json'));
        return addresses.map(({ mux }) => {
          const session = found.find(({ peer }) => peer === mux);
          return {
            isUp: session?.status === 'up',
            detectionTimeMs:
              (session?.['remote-detect-multiplier'] ?? 0) *
              Math.max(session?.['receive-interval'] ?? 0, session?.['remote-transmit-interval'] ?? 0),
          };
        });
      },
      async setShutdown(isShut) {
        await vtysh('configure terminal', 'bfd', peerOf(addresses[0]!), isShut ? 'shutdown' : 'no shutdown');
      },
    };
  },
};

interface FrrSession {
  readonly peer: string;
  readonly status: string;
  readonly 'receive-interval': number;
  readonly 'remote-transmit-interval': number;
  readonly 'remote-detect-multiplier': number;
}

/** BIRD of Debian 12: 2.0.12. */
export const birdBfd: BfdRouterKind = {
  name: 'BIRD',
  programs: ['/usr/sbin/bird', '/usr/sbin/birdc'],
  canShutDown: false,
  async start({ lab, namespace, interface: name, addresses }) {
    const [configuration, control] = [join(lab.folder, 'bird.conf'), join(lab.folder, 'bird.ctl')];
    const neighbors = addresses.map(({ mux, router }) => `neighbor ${mux} dev "${name}" local ${router};`);
    await writeFile(
      configuration,
      `log stderr all;
debug protocols { states, events };
router id 192.0.2.254;
protocol device { scan time 1; }
protocol bfd { interface "${name}" { interval 100 ms; multiplier 3; }; ${neighbors.join(' ')} }
`,
    );
    const process = lab.spawn(namespace, 'bird', ['bird', '-f', '-c', configuration, '-s', control]);
    const birdc = (...command: readonly string[]) => lab.run(namespace, 'birdc', ['-s', control, ...command]);
    await waitFor('BIRD', async () => (await birdc('show', 'status')).includes('up and running'), START_MS_MAX);
    return {
      process,
      async sessions() {
        const lines = (await birdc('show', 'bfd', 'sessions')).split('\n');
        return addresses.map(({ mux }) => {
          const [, , state, , , timeoutSeconds] = lines.find((line) => line.startsWith(`${mux} `))?.split(/\s+/) ?? [];
          return { isUp: state === 'Up', detectionTimeMs: Math.round(Number(timeoutSeconds) * 1000) };
        });
      },
      setShutdown: () => Promise.reject(new Error('BIRD does not say AdminDown')),
    };
  },
};
