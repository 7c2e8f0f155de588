/** What keeps `edgemux mux` and `edgemux host` from starting: one line each, and nothing is left of the attempt. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../resources/example.js';
import { CLI, temporaryFolder } from '../cli.js';
import { until } from '../running-edgemux.js';
import { ip, Stage, whyNoStage, writeStageFabric } from './stage.js';

const missing = whyNoStage();
const at = temporaryFolder();
const stage = new Stage();

/** Fabrics by the word for them in the commands below. */
const FABRICS: Readonly<Record<string, (json: Json) => void>> = {
  FABRIC: () => {},
  'MTU-1650': (json) => {
    json.loadBalancerMuxes[0].properties.edgemux.mtuBytes = 1650;
    json.servers[0].properties.edgemux.mtuBytes = 1650;
  },
  'WITH-ROUTER': (json) => {
    json.loadBalancerMuxes[0].properties.routerConfiguration = {
      localASN: 65_101,
      peerRouterConfigurations: [
        { routerName: 'edge', routerIPAddress: '10.1.1.1', peerASN: 65_000, localIPAddress: '10.1.1.2' },
      ],
    };
  },
  ELSEWHERE: (json) => {
    json.loadBalancerMuxes[0].properties.edgemux.providerAddress = '10.1.1.9';
    json.logicalNetworks[0].properties.subnets[0].properties.addressPrefix = '10.1.1.0/24';
  },
};

/** Those that are no fabrics. */
const UNREADABLE = ['NOWHERE', 'BROKEN', 'LIST'];

/** Who runs the command; by default root. */
type Who = 'nobody' | { readonly capabilities: string };

interface Command {
  readonly command: string;
  readonly who?: Who;
  /** A module that is loaded before everything else. */
  readonly preload?: string;
}

interface Row extends Command {
  readonly name: string;
  readonly says: string | RegExp;
}

const MUX = 'mux FABRIC --mux mux-1 --no-bgp';
const HOST = 'host FABRIC --host host-1';

/** Exit code 2. */
const USAGE: readonly Row[] = [
  { name: 'no port', command: MUX, says: "required option '--port <port>' not specified" },
  { name: 'no MUX', command: 'mux FABRIC --port packet:up0', says: "required option '--mux <id>' not specified" },
  { name: 'an interface alone', command: `${MUX} --port up0`, says: 'up0 is no kind of port: xdp, packet, tun, tap' },
  {
    name: 'a misspelt option',
    command: `${MUX} --port xdp:up0,queue=1`,
    says: 'xdp has no option queue: it takes mode',
  },
  {
    name: 'a name too long',
    command: `${MUX} --port packet:a234567890123456`,
    says: 'is no name of an interface: 1..15',
  },
  { name: 'no queues', command: `${MUX} --port packet:up0 --queues 0`, says: 'expected a whole number 1..64' },
  { name: 'a port twice', command: `${MUX} --port packet:up0 --port packet:up0`, says: 'packet:up0 is there twice' },
  {
    name: 'an interface on both sides',
    command: `${HOST} --port packet:up0 --vm vm-1-nic=packet:up0`,
    says: 'packet:up0 is there twice',
  },
  {
    name: 'a NIC twice',
    command: `${HOST} --port packet:up0 --vm vm-1-nic=packet:vm1 --vm VM-1-NIC=packet:vm2`,
    says: '--vm VM-1-NIC is there twice',
  },
  {
    name: 'two VMs without a name',
    command: `${HOST} --port packet:up0 --vm packet:vm1 --vm packet:vm2`,
    says: 'with several VMs each --vm says whose it is: --vm NIC=PORT',
  },
  { name: 'an empty NIC', command: `${HOST} --port packet:up0 --vm =packet:vm1`, says: 'expected NIC=PORT or PORT' },
];

/** Without koffi, as where nobody has installed optional packages. */
const NO_KOFFI = at('no-koffi.cjs');
/** Kernels that lack something: a call of this process fails as it does there. */
const OLD = {
  noBpf: at('no-bpf.cjs'),
  noTcx: at('no-tcx.cjs'),
  noXdpSocket: at('no-xdp-socket.cjs'),
  noVirtioHeader: at('no-virtio-header.cjs'),
};
const EINVAL = 22;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** Exit code 1. */
const FAILURES: readonly Row[] = [
  { name: 'no fabric', command: 'mux NOWHERE --mux mux-1 --port packet:up0', says: /NOWHERE.*no such file/ },
  { name: 'a fabric that is no JSON', command: 'mux BROKEN --mux mux-1 --port packet:up0', says: /line 1/ },
  { name: 'a fabric that is none', command: 'host LIST --host host-1 --port packet:up0', says: /./ },
  {
    name: 'an unknown MUX',
    command: 'mux FABRIC --mux mux-9 --port packet:up0',
    says: 'the fabric has no such machine',
  },
  {
    name: 'an unknown host',
    command: 'host FABRIC --host mux-1 --port packet:up0',
    says: 'the fabric has no such machine',
  },

  ...(['xdp', 'packet'] as const).flatMap((kind): Row[] => [
    {
      name: `${kind}, no interface`,
      command: `${MUX} --port ${kind}:eth9`,
      says: `${kind}:eth9: there is no interface eth9 (there are lo, `,
    },
    {
      name: `${kind}, no Ethernet`,
      command: `${MUX} --port ${kind}:lo`,
      says: `${kind}:lo: lo is no Ethernet interface`,
    },
    {
      name: `${kind}, down`,
      command: `${MUX} --port ${kind}:down0`,
      says: `${kind}:down0: down0 is down: ip link set down0 up`,
    },
    {
      name: `${kind}, MTU less than tunnels take`,
      command: `${MUX} --port ${kind}:small0`,
      says: `${kind}:small0: MTU 1300 is too small: tunnels of the fabric take 1350 bytes`,
    },
    {
      name: `${kind}, MTU less than the fabric's`,
      command: `mux MTU-1650 --mux mux-1 --port ${kind}:up0`,
      says: `${kind}:up0: MTU 1600 is too small: tunnels of the fabric take 1650 bytes`,
    },
    {
      name: `${kind}, MTU less than the fabric's, host`,
      command: `host MTU-1650 --host host-1 --port ${kind}:up0`,
      says: `${kind}:up0: MTU 1600 is too small: tunnels of the fabric take 1650 bytes`,
    },
    {
      name: `${kind}, the second interface`,
      command: `${MUX} --port ${kind}:up0 --port ${kind}:eth9`,
      says: `${kind}:eth9: there is no interface eth9`,
    },
    {
      name: `${kind}, a VM's is no Ethernet`,
      command: `${HOST} --port ${kind}:up0 --vm ${kind}:lo`,
      says: `${kind}:lo: lo is no Ethernet interface`,
    },
    {
      name: `${kind}, nobody`,
      command: `${MUX} --port ${kind}:up0`,
      who: 'nobody',
      says: new RegExp(`${kind}:up0: not permitted: it takes CAP_NET_RAW`),
    },
    {
      name: `${kind}, CAP_NET_RAW alone`,
      command: `${MUX} --port ${kind}:up0`,
      who: { capabilities: 'net_raw' },
      says: /:up0: not permitted: it takes CAP_BPF/,
    },
    {
      name: `${kind}, CAP_NET_RAW and CAP_BPF`,
      command: `${MUX} --port ${kind}:up0`,
      who: { capabilities: 'net_raw,bpf' },
      says: /:up0: not permitted: it takes (CAP_NET_ADMIN|CAP_BPF and CAP_NET_ADMIN)/,
    },
    {
      name: `${kind}, no koffi`,
      command: `${MUX} --port ${kind}:up0`,
      preload: NO_KOFFI,
      says: 'packet ports need the package koffi, which is not installed: npm install koffi',
    },
    {
      name: `${kind}, no BPF`,
      command: `${MUX} --port ${kind}:up0`,
      preload: OLD.noBpf,
      says: new RegExp(`${kind}:up0: this kernel, .*, has no .*: it takes Linux`),
    },
  ]),
  {
    name: 'xdp, without CAP_PERFMON',
    command: `${MUX} --port xdp:up0`,
    who: { capabilities: 'net_raw,bpf,net_admin' },
    says: 'xdp:up0: not permitted: it takes CAP_PERFMON',
  },
  {
    name: 'packet, no tcx',
    command: `${MUX} --port packet:up0`,
    preload: OLD.noTcx,
    says: /packet:up0: this kernel, .*, has no .*: it takes Linux 6.6/,
  },
  {
    name: 'packet, no virtio headers',
    command: `${MUX} --port packet:up0`,
    preload: OLD.noVirtioHeader,
    says: 'packet:up0: this kernel has no PACKET_VNET_HDR',
  },
  {
    name: 'xdp, no AF_XDP',
    command: `${MUX} --port xdp:up0`,
    preload: OLD.noXdpSocket,
    says: 'xdp:up0: this kernel is built without AF_XDP (CONFIG_XDP_SOCKETS)',
  },
  {
    name: 'xdp, more threads than queues',
    command: `${MUX} --port xdp:up0 --queues 2`,
    says: 'xdp:up0: 1 queue is served, and 2 data plane threads each take one',
  },
  {
    name: 'xdp, a queue that is not there',
    command: `${MUX} --port xdp:up0,queues=3`,
    says: 'xdp:up0: up0 has no queue 3',
  },
  {
    name: 'xdp, frames too large',
    command: `${MUX} --port xdp:large0`,
    says: 'xdp:large0: MTU 9000 is too large: AF_XDP takes 3818 bytes here, and packet:large0 any',
  },

  {
    name: 'mixed',
    command: `${MUX} --port xdp:up0 --port packet:up1`,
    says: 'xdp:up0 and packet:up1 cannot share a data plane: all ports are xdp, or none is',
  },
  {
    name: 'mixed, of a VM',
    command: `${HOST} --port xdp:up0 --vm packet:vm1`,
    says: 'xdp:up0 and packet:vm1 cannot share a data plane',
  },
  {
    name: 'mixed with a socket',
    command: `${HOST} --port udp --port xdp:up0`,
    says: 'xdp:up0 and udp cannot share a data plane',
  },

  {
    name: 'tun, the name of an interface',
    command: `${MUX} --port tun:up0`,
    says: 'tun:up0: there is another interface up0: choose another name',
  },
  {
    name: 'tap of a VM, the name of an interface',
    command: `${HOST} --port packet:up0 --vm vm-1-nic=tap:up0`,
    says: 'tap:up0: there is another interface up0: choose another name',
  },
  {
    name: 'tun, the name of a device nobody uses',
    command: `${MUX} --port tun:idle0`,
    says: 'tun:idle0: there is idle0 already, and nobody uses it: ip link del idle0',
  },
  {
    name: "tun, an MTU below the fabric's",
    command: 'mux MTU-1650 --mux mux-1 --port tun:t0,mtu=1600',
    says: 'tun:t0: MTU 1600 is too small: tunnels of the fabric take 1650 bytes',
  },
  {
    name: 'tun of a VM',
    command: `${HOST} --port packet:up0 --vm tun:vm9`,
    says: 'tun:vm9: VMs have Ethernet: tap:vm9',
  },
  {
    name: 'tun, nobody',
    command: `${MUX} --port tun:t0`,
    who: 'nobody',
    says: /tun:t0: not permitted: it takes CAP_NET_ADMIN/,
  },

  {
    name: 'udp, taken',
    command: `${HOST} --port udp --port tun:out0`,
    says: 'udp: 10.2.1.2:4789 is taken by another socket, or by a vxlan device',
  },
  {
    name: 'udp, an address of another machine',
    command: 'mux ELSEWHERE --mux mux-1 --port udp',
    says: 'udp: 10.1.1.9 is no address of this machine: ip addr add 10.1.1.9 dev …',
  },
  {
    name: 'udp of a VM',
    command: `${HOST} --port packet:up0 --vm udp`,
    says: 'udp: VMs have Ethernet: tap, packet or xdp',
  },
  {
    name: 'udp, not our port',
    command: `${MUX} --port udp,port=80`,
    who: 'nobody',
    says: /udp: not permitted: UDP port 80 takes CAP_NET_BIND_SERVICE/,
  },
  {
    name: 'udp, no koffi',
    command: `${MUX} --port udp`,
    preload: NO_KOFFI,
    says: 'packet ports need the package koffi, which is not installed',
  },

  {
    name: 'pcap, no capture',
    command: `${MUX} --port pcap:nowhere.pcap`,
    says: 'pcap:nowhere.pcap: there is no file nowhere.pcap',
  },
  {
    name: 'pcap, nowhere to write',
    command: `${MUX} --port pcap:,out=/nowhere/out.pcap`,
    says: /pcap.*: .*no such file/,
  },

  {
    name: 'BGP, the port is taken',
    command: 'mux WITH-ROUTER --mux mux-1 --port packet:up0',
    says: /10\.1\.1\.2:179.*(in use|taken)/,
  },
  {
    name: 'BGP, nobody',
    command: 'mux WITH-ROUTER --mux mux-1 --port udp,port=5789',
    who: 'nobody',
    says: /179.*(permi|CAP_NET_BIND_SERVICE)/,
  },
];

/** What is all that some ports take: they start, and end well. */
const ENOUGH: readonly (Command & { readonly name: string })[] = [
  { name: 'udp: nothing', command: `${MUX} --port udp`, who: 'nobody' },
  {
    name: 'packet: three capabilities',
    command: `${MUX} --port packet:up0`,
    who: { capabilities: 'net_raw,bpf,net_admin' },
  },
  {
    name: 'xdp: four capabilities',
    command: `${MUX} --port xdp:up0`,
    who: { capabilities: 'net_raw,bpf,net_admin,perfmon' },
  },
  {
    name: 'a NIC that is not of this host is waited for',
    command: `${HOST} --port packet:up0 --vm vm-9-nic=packet:vm9`,
  },
];

interface Ending {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(row: Command, ...more: readonly string[]): Ending {
  const [program, ...args] = commandOf(row);
  const { status, stdout, stderr } = spawnSync(program as string, [...args, ...more], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

function commandOf({ command, who, preload }: Command): string[] {
  const args = command
    .split(' ')
    .map((word) => (Object.hasOwn(FABRICS, word) || UNREADABLE.includes(word) ? at(word) : word));
  const within = command.startsWith('mux') ? stage.mux : stage.host;
  const preloaded = preload === undefined ? [] : ['--require', preload];
  return ['ip', 'netns', 'exec', within, ...asUser(who), process.execPath, ...preloaded, CLI, ...args];
}

function asUser(who: Who | undefined): string[] {
  if (who === undefined) return [];
  const capabilities =
    who === 'nobody'
      ? ''
      : who.capabilities
          .split(',')
          .map((name) => `,+${name}`)
          .join('');
  const sets = ['--inh-caps', '--ambient-caps'].map((set) => `${set}=-all${capabilities}`);
  return ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=+all', ...sets];
}

/** What a namespace is like: interfaces with their programs, addresses, routes, rules, sockets, kernel parameters. */
function stateOf(namespace: string): string {
  const commands = [
    'ip -d -o link | sed "s/qdisc .*//;s/numtxqueues.*//"',
    'ip -d -o link | grep -o "prog/xdp"',
    'ip -o addr | sed "s/ valid_lft.*//"',
    'ip route show table all',
    'ip rule',
    'ss -Hltunap',
    'sed "s/^[0-9a-f]* //" /proc/net/packet | wc -l',
    'grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/ip_forward 2>/dev/null | sort',
  ];
  return execFileSync('ip', ['netns', 'exec', namespace, 'sh', '-c', commands.join(';')], { encoding: 'utf8' });
}

const state = () => ({ mux: stateOf(stage.mux), host: stateOf(stage.host) });

/** What ports find taken or unfit. */
const holders: ChildProcess[] = [];

async function hold(namespace: string, script: string): Promise<void> {
  const holder = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', script], { stdio: 'pipe' });
  holders.push(holder);
  await once(holder.stdout, 'data');
}

/** Has calls of this process fail: those of which the test, a JavaScript expression over `name` and `args`, says so. */
function failing(test: string, errno: number): string {
  return `
    const koffi = require(${JSON.stringify(require_('koffi'))});
    const load = koffi.load;
    koffi.load = (...path) => {
      const library = load(...path);
      return { func(signature) {
        const call = library.func(signature);
        const name = /(\\w+)\\(/.exec(signature)[1];
        return (...args) => {
          if (!(${test})) return call(...args);
          koffi.errno(${errno});
          return -1;
        };
      } };
    };`;
}

function require_(name: string): string {
  return execFileSync(process.execPath, ['-p', `require.resolve(${JSON.stringify(name)})`], {
    encoding: 'utf8',
    cwd: new URL('../../..', import.meta.url),
  }).trim();
}

function writePreloads(): void {
  writeFileSync(
    NO_KOFFI,
    `const Module = require('node:module');
     const resolve = Module._resolveFilename;
     Module._resolveFilename = (name, ...more) => resolve(name === 'koffi' ? 'no-koffi-here' : name, ...more);`,
  );
  writeFileSync(OLD.noBpf, failing("name === 'syscall'", ENOSYS));
  // BPF_LINK_CREATE for BPF_TCX_INGRESS.
  writeFileSync(OLD.noTcx, failing("name === 'syscall' && args[1] === 28 && args[2][8] === 46", EINVAL));
  writeFileSync(OLD.noXdpSocket, failing("name === 'socket' && args[0] === 44", EAFNOSUPPORT));
  writeFileSync(OLD.noVirtioHeader, failing("name === 'setsockopt' && args[1] === 263 && args[2] === 15", EINVAL));
}

beforeAll(async () => {
  if (missing !== undefined) return;
  await stage.setUp();
  const { mux, host } = stage;
  for (const [link, mtu] of [
    ['small0', 1300],
    ['large0', 9000],
    ['down0', 1600],
  ] as const) {
    ip(`-n ${mux} link add ${link} mtu ${mtu} type veth peer name ${link}p mtu ${mtu}`);
    if (link === 'down0') continue;
    for (const end of [link, `${link}p`]) ip(`-n ${mux} link set ${end} up`);
  }
  ip(`-n ${mux} tuntap add idle0 mode tun`);
  await hold(host, "require('dgram').createSocket('udp4').bind(4789, '10.2.1.2', () => console.log('ready'))");
  await hold(mux, "require('net').createServer().listen(179, '10.1.1.2', () => console.log('ready'))");
  for (const [name, change] of Object.entries(FABRICS)) writeStageFabric(at(name), change);
  writeFileSync(at('BROKEN'), '{ "loadBalancers": [');
  writeFileSync(at('LIST'), '[1, 2]');
  writePreloads();
  // Whoever it is that runs a command has to be able to read them.
  execFileSync('chmod', ['-R', 'a+rX', at('.')]);
});
afterAll(() => {
  for (const holder of holders) holder.kill('SIGKILL');
  stage.tearDown();
});

describe.skipIf(missing)(`bad input${missing === undefined ? '' : ` (${missing})`}`, () => {
  let before: ReturnType<typeof state>;
  beforeAll(async () => {
    // IPv6 looks for others with its addresses first.
    await until('addresses are settled', () => {
      before = state();
      return !/tentative|NO-CARRIER/.test(before.mux + before.host);
    });
  });
  afterEach(() => expect(state()).toEqual(before));

  test.each(USAGE)('usage: $name', (row) => {
    const { status, stdout, stderr } = run(row);
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining(row.says as string),
    });
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  });

  test.each(FAILURES)('$name', (row) => {
    const { status, stdout, stderr } = run(row);
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^[^\n]+\n( {2}[^\n]+\n)?$/),
    });
    if (typeof row.says === 'string') expect(stderr).toContain(row.says);
    else expect(stderr).toMatch(row.says);
    expect(stderr.length).toBeLessThan(300);
  });

  test('with --json it is an event', () => {
    const { status, stdout, stderr } = run({ command: `${MUX} --port xdp:eth9` }, '--json');
    expect([status, stderr]).toEqual([1, '']);
    const message = expect.stringContaining('xdp:eth9: there is no interface eth9');
    expect(JSON.parse(stdout)).toMatchObject({ event: 'error', code: 'ERR_PORT', message });
  });

  test.each(ENOUGH)('$name', async (row) => {
    const [program, ...args] = commandOf(row);
    const running = spawn(program as string, [...args, '--drain', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface(running.stdout);
    for await (const line of lines) if (JSON.parse(line).event === 'start') running.kill('SIGTERM');
    if (running.exitCode === null) await once(running, 'exit');
    expect(running.exitCode).toBe(0);
  });
});
