/**
 * The smallest network in which a packet goes all the way round, in network namespaces of its own:
 *
 *   client and router ── m0 ── up0 ── MUX
 *     198.51.100.10  └── h0 ── up0 ── host ── vm1 ── eth0 ── VM 10.3.1.2
 *
 * The kernels' own offloads stay as they are: checksums are unfinished, and frames larger than the MTU.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { example, type Json } from '../../resources/example.js';
import { until } from '../running-edgemux.js';

/** Where the VIPs are. */
export const VIP = '203.0.113.7';
export const SECOND_VIP = '203.0.113.8';
export const CLIENT = '198.51.100.10';
const VM_ADDRESS = '10.3.1.2';
export const VM_MAC = '02:00:00:00:03:02';
const MTU_BYTES = 1600;

const WEB = fileURLToPath(new URL('./web.mjs', import.meta.url));

/** Why a stage cannot be set up here; `undefined` when it can. */
export function whyNoStage(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  if (process.getuid?.() !== 0) return 'this is not root';
  if (spawnSync('ip', ['-V']).status !== 0) return 'there is no ip command';
  const name = `emx-${process.pid}-try`;
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0;
  if (made) spawnSync('ip', ['netns', 'del', name]);
  return made ? undefined : 'no network namespace may be made here';
}

/** A request to the VM's server, and what came of it. */
export interface Answer {
  readonly status: number;
  /** Whom the VM took for the client. */
  readonly client: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly digest: string;
}

/** The network; `tearDown` must be called. */
export class Stage {
  readonly client = `emx-${process.pid}-c`;
  readonly mux = `emx-${process.pid}-m`;
  readonly host = `emx-${process.pid}-h`;
  readonly vm = `emx-${process.pid}-v`;
  #server: ChildProcess | undefined;

  async setUp(): Promise<void> {
    sweepLeftovers();
    for (const name of this.#all) {
      ip(`netns add ${name}`);
      ip(`-n ${name} link set lo up`);
      sysctl(name, 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0');
    }
    this.#link(this.client, 'm0', '10.1.1.1/30', this.mux, 'up0', '10.1.1.2/30');
    this.#link(this.client, 'h0', '10.2.1.1/30', this.host, 'up0', '10.2.1.2/30');
    ip(`-n ${this.client} addr add ${CLIENT}/32 dev lo`);
    for (const vip of [VIP, SECOND_VIP]) ip(`-n ${this.client} route add ${vip} via 10.1.1.2 src ${CLIENT}`);
    ip(`-n ${this.mux} route add default via 10.1.1.1`);
    ip(`-n ${this.host} route add default via 10.2.1.1`);
    this.addVm();
    await this.serve();
  }

  /** Plugs the VM in: its interface on the host is new. */
  addVm(): void {
    this.#link(this.vm, 'eth0', `${VM_ADDRESS}/24`, this.host, 'vm1', '10.3.1.1/24');
    ip(`-n ${this.vm} link set eth0 address ${VM_MAC} mtu 1500`);
    ip(`-n ${this.vm} route add default via 10.3.1.1`);
  }

  /** Pulls it out. */
  removeVm(): void {
    ip(`-n ${this.host} link del vm1`);
  }

  tearDown(): void {
    this.#server?.kill('SIGKILL');
    for (const name of this.#all) spawnSync('ip', ['netns', 'del', name]);
  }

  /** The VM's web server: each answer says who asked. */
  async serve(): Promise<void> {
    this.#server = spawn('ip', ['netns', 'exec', this.vm, process.execPath, WEB, 'serve'], { stdio: 'pipe' });
    let isReady = false;
    this.#server.stdout?.on('data', () => {
      isReady = true;
    });
    await until('the server', () => isReady);
  }

  /** A request of a client who knows nothing, with so many bytes each way. */
  ask({ vip = VIP, sendBytes = 0, wantBytes = 0 } = {}): Answer {
    const args = [
      'netns',
      'exec',
      this.client,
      process.execPath,
      WEB,
      'ask',
      vip,
      String(sendBytes),
      String(wantBytes),
    ];
    const { stdout, stderr } = spawnSync('ip', args, { encoding: 'utf8', timeout: 20_000 });
    if (stdout === '') throw new Error(`no answer: ${stderr}`);
    return JSON.parse(stdout);
  }

  /** The interfaces of a namespace with their details: what is left of programs shows here. */
  linksOf(name: string): string[] {
    const text = execFileSync('ip', ['-n', name, '-d', '-o', 'link'], { encoding: 'utf8' });
    return text
      .trim()
      .split('\n')
      .map((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] + (/ xdp| prog\/xdp/.test(line) ? ' with XDP' : ''));
  }

  get #all(): string[] {
    return [this.client, this.mux, this.host, this.vm];
  }

  #link(aName: string, a: string, aAddress: string, bName: string, b: string, bAddress: string): void {
    ip(`link add ${a} netns ${aName} mtu ${MTU_BYTES} type veth peer name ${b} netns ${bName} mtu ${MTU_BYTES}`);
    for (const [name, link, address] of [
      [aName, a, aAddress],
      [bName, b, bAddress],
    ]) {
      ip(`-n ${name} addr add ${address} dev ${link}`);
      ip(`-n ${name} link set ${link} up`);
    }
  }
}

/** Writes the fabric of the stage, all at once, as a careful editor does. */
export function writeStageFabric(path: string, change: (fabric: Json) => void = () => {}): void {
  const fabric = example((json) => {
    json.logicalNetworks[0].properties.subnets = ['10.1.1.0/30', '10.2.1.0/30'].map((addressPrefix, i) => ({
      resourceId: `pa-${i}`,
      properties: { addressPrefix },
    }));
    json.logicalNetworks[1].properties.subnets[0].properties.addressPrefix = '203.0.113.0/24';
    json.logicalNetworks[1].properties.subnets[0].properties.ipPools[0].properties = {
      startIPAddress: '203.0.113.1',
      endIPAddress: '203.0.113.254',
    };
    // What the fabric says of MAC addresses is wrong, for the kernel knows better.
    json.servers = [{ resourceId: 'host-1', properties: { edgemux: { providerAddresses: ['10.2.1.2'] } } }];
    json.loadBalancerMuxes = [{ resourceId: 'mux-1', properties: { edgemux: { providerAddress: '10.1.1.2' } } }];
    const network = json.virtualNetworks[0].properties;
    network.addressSpace.addressPrefixes = ['10.3.0.0/16'];
    network.subnets[0].properties.addressPrefix = '10.3.1.0/24';
    json.networkInterfaces.length = 1;
    const [nic] = json.networkInterfaces;
    nic.properties.privateMacAddress = VM_MAC;
    nic.properties.ipConfigurations[0].properties.privateIPAddress = VM_ADDRESS;
    delete nic.properties.ipConfigurations[0].properties.loadBalancerInboundNatRules;
    json.publicIPAddresses[0].properties.ipAddress = VIP;
    const lb = json.loadBalancers[0].properties;
    lb.loadBalancingRules.length = 1;
    lb.inboundNatRules = [];
    lb.outboundNatRules = [];
    change(json);
  });
  writeFileSync(`${path}.new`, JSON.stringify(fabric));
  execFileSync('mv', [`${path}.new`, path]);
}

/** The second VIP, with the rule of the first. */
export function withSecondVip(json: Json): void {
  json.publicIPAddresses.push({ resourceId: 'second', properties: { ipAddress: SECOND_VIP } });
  const lb = json.loadBalancers[0].properties;
  const publicIPAddress = { resourceRef: '/publicIPAddresses/second' };
  lb.frontendIPConfigurations.push({ resourceId: 'fe-2', properties: { publicIPAddress } });
  lb.loadBalancingRules[0].properties.frontendIPConfigurations.push({
    resourceRef: '/loadBalancers/web/frontendIPConfigurations/fe-2',
  });
}

/** Namespaces of tests that have crashed. */
function sweepLeftovers(): void {
  const names = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).match(/^emx-\d+-[cmhv]\b/gm) ?? [];
  for (const name of names) {
    const pid = name.split('-')[1];
    if (!isAlive(Number(pid))) spawnSync('ip', ['netns', 'del', name]);
  }
}

function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1') !== '';
  } catch {
    return false;
  }
}

/** Runs `ip`, its arguments between blanks; returns what it prints. */
export function ip(text: string): string {
  return execFileSync('ip', text.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function sysctl(name: string, ...settings: readonly string[]): void {
  execFileSync('ip', ['netns', 'exec', name, 'sysctl', '-qw', ...settings]);
}
