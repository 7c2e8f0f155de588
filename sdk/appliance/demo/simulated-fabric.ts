/**
 * A whole fabric in one process: client, edge router, MUXes, hosts and VMs on simulated links. MUXes and host agents
 * are the real ones; only what lies around them is simulated.
 *
 *   client ─ edge router ─ MUX … ─ host … ─ VM …
 *              ▲                    │
 *              └────────────────────┘
 */
import muxModule from 'edgemux/mux-module';
import { HostAgent } from '../../host/index.js';
import { capacitiesFor, Mux } from '../../mux/index.js';
import { macBytes } from '../../net/mac.js';
import { type CompiledFabric, compile } from '../../program/index.js';
import type { Fabric } from '../../resources/index.js';
import { withNicOnServer } from '../../topology/index.js';
import { EdgeRouter } from './edge-router.js';
import type { Links } from './links.js';
import { VirtualMachine } from './virtual-machine.js';

/** The MAC addresses of what the fabric file does not describe. */
export const CLIENT_MAC = '02:00:00:00:c1:01';
export const ROUTER_CLIENT_MAC = '02:00:00:00:c1:fe';
const ROUTER_FABRIC_MAC = '02:00:00:00:56:fe';

interface MuxNode {
  readonly mux: Mux;
  readonly macAddress: string;
  isAlive: boolean;
}

interface HostNode {
  readonly agent: HostAgent;
  readonly macAddress: string;
}

interface VmNode {
  readonly vm: VirtualMachine;
  readonly macAddress: string;
  host: string;
}

export class SimulatedFabric {
  readonly links: Links;
  readonly router = new EdgeRouter();
  readonly muxes = new Map<string, MuxNode>();
  readonly hosts = new Map<string, HostNode>();
  /** By resourceId of the NIC. */
  readonly vms = new Map<string, VmNode>();
  #fabric: Fabric;
  #compiled: CompiledFabric;
  readonly #routerMac: string;

  private constructor(fabric: Fabric, compiled: CompiledFabric, links: Links) {
    this.#fabric = fabric;
    this.#compiled = compiled;
    this.links = links;
    const gateways = [...compiled.topology.hosts.values()].flatMap(({ gatewayMacAddress }) => gatewayMacAddress ?? []);
    this.#routerMac = gateways[0] ?? ROUTER_FABRIC_MAC;
  }

  /** Loads and programs every machine of a fabric, then announces the VIPs: program first, announce after. */
  static async load(fabric: Fabric, links: Links): Promise<SimulatedFabric> {
    const compiled = compile(fabric);
    const simulated = new SimulatedFabric(fabric, compiled, links);
    const { topology } = compiled;
    for (const { id, macAddress } of topology.hosts.values()) {
      const agent = await HostAgent.load(muxModule, { batchFrameCountMax: 1 });
      agent.apply(compiled.forHost(id));
      simulated.hosts.set(id, { agent, macAddress });
    }
    for (const { nic, macAddress, host } of topology.dips.values()) {
      const name = nic.slice(nic.lastIndexOf('/') + 1);
      simulated.vms.set(name, { vm: new VirtualMachine(name), macAddress, host });
    }
    for (const { id, macAddress } of topology.muxes.values()) {
      const program = compiled.forMux(id);
      const mux = await Mux.load(muxModule, { ...capacitiesFor(program), batchFrameCountMax: 1 });
      mux.program(program);
      simulated.muxes.set(id, { mux, macAddress, isAlive: true });
      simulated.router.announce(id);
    }
    return simulated;
  }

  /** The client sends a frame; what comes back to it, comes back from this call. */
  fromClient(frame: Uint8Array): Uint8Array | undefined {
    this.links.cross({ from: 'client', to: 'edge router', action: 'sends to the VIP', frame });
    const id = this.router.nextHop(frame);
    const node = id === undefined ? undefined : this.muxes.get(id);
    if (id === undefined || !node) return undefined;
    const forwarded = this.router.forward(frame, {
      source: macBytes(this.#routerMac),
      destination: macBytes(node.macAddress),
    });
    const action = `ECMP over ${this.router.nextHops.length} next hops chooses ${id}`;
    this.links.cross({ from: 'edge router', to: id, action, frame: forwarded });
    return node.isAlive ? this.#throughMux(id, node, forwarded) : undefined;
  }

  /** A MUX stops without a word; the router goes on sending to it until it notices. */
  loseMux(id: string): void {
    const node = this.muxes.get(id);
    if (node) node.isAlive = false;
  }

  /** The VM itself goes to another host; policy does not know yet. */
  moveVm(nic: string, host: string): void {
    const node = this.vms.get(nic);
    if (node) node.host = host;
  }

  /** Policy follows a VM that has moved: its new host first, then the MUXes, its old host last. */
  reprogramForMove(nic: string, host: string): void {
    this.#fabric = withNicOnServer(this.#fabric, nic, host);
    this.#compiled = compile(this.#fabric);
    this.hosts.get(host)?.agent.apply(this.#compiled.forHost(host));
    for (const [id, { mux }] of this.muxes) mux.program(this.#compiled.forMux(id));
    for (const [id, { agent }] of this.hosts) if (id !== host) agent.apply(this.#compiled.forHost(id));
  }

  #throughMux(id: string, { mux }: MuxNode, frame: Uint8Array): Uint8Array | undefined {
    const action = this.links.watcher ? mux.explain(frame, this.links.nowMs).text : '';
    const { verdict, bytes } = mux.process(frame, this.links.nowMs);
    if (verdict !== 'forward' || !bytes) return undefined;
    const host = this.#hostWithMac(bytes);
    if (host === undefined) return undefined;
    this.links.cross({ from: id, to: host, action, frame: bytes });
    return this.#throughHost(host, bytes);
  }

  #throughHost(id: string, frame: Uint8Array): Uint8Array | undefined {
    const { agent } = this.hosts.get(id) as HostNode;
    const { verdict, bytes } = agent.process(frame, this.links.nowMs);
    if (verdict !== 'deliver' || !bytes) return undefined;
    const local = [...this.vms].find(([, { macAddress, host }]) => host === id && isTo(bytes, macAddress));
    if (!local) return undefined;
    const [nic, { vm, macAddress }] = local;
    const action = 'strips VXLAN, translates the destination to the DIP, remembers the client';
    this.links.cross({ from: id, to: nic, action, frame: bytes });
    const answer = vm.receive(bytes);
    return answer && this.#fromVm(nic, id, toGateway(answer, macAddress, this.#routerMac));
  }

  #fromVm(nic: string, host: string, frame: Uint8Array): Uint8Array | undefined {
    this.links.cross({ from: nic, to: host, action: 'answers the client it sees', frame });
    const { agent } = this.hosts.get(host) as HostNode;
    const { verdict, bytes } = agent.process(frame, this.links.nowMs, { port: 'vm' });
    if (verdict !== 'reply' || !bytes || !isTo(bytes, this.#routerMac)) return undefined;
    const action = 'translates the source to the VIP; straight to the default gateway, no MUX on the way (DSR)';
    this.links.cross({ from: host, to: 'edge router', action, frame: bytes });
    const forwarded = this.router.forward(bytes, {
      source: macBytes(ROUTER_CLIENT_MAC),
      destination: macBytes(CLIENT_MAC),
    });
    this.links.cross({
      from: 'edge router',
      to: 'client',
      action: 'routes to the client',
      frame: forwarded,
    });
    return forwarded;
  }

  #hostWithMac(frame: Uint8Array): string | undefined {
    return [...this.hosts].find(([, { macAddress }]) => isTo(frame, macAddress))?.[0];
  }
}

/** A VM sends everything to its default gateway. */
function toGateway(frame: Uint8Array, vmMac: string, gatewayMac: string): Uint8Array {
  frame.set(macBytes(gatewayMac), 0);
  frame.set(macBytes(vmMac), 6);
  return frame;
}

function isTo(frame: Uint8Array, macAddress: string): boolean {
  return macBytes(macAddress).every((byte, at) => frame[at] === byte);
}
