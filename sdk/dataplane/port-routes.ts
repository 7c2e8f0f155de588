/** Which packet port frames leave by: what was asked for, or follows from the ports that are open. */
import * as abi from '../../assembly/abi.js';
import type { PortTraits } from '../runtime/packet-port.js';
import type { DataPlane } from './instance.js';
import type { Role } from './plan.js';

/** Which port frames leave by, as numbers of open ports. */
export interface PortRoutes {
  /**
   * What is `forward`ed. Default of a MUX: the port it came in by; of a host agent: the first port of the underlay.
   */
  readonly tunnels?: number | undefined;
  /** Host agent: what is `reply`. Default: the first port of the underlay that is not of `datagrams`. A MUX answers where it was asked. */
  readonly replies?: number | undefined;
  /** What `pass`es: a bare port that gives it to the kernel. Default: it is dropped. */
  readonly pass?: number | undefined;
  /**
   * Host agent: ports of VMs, by the key of the NIC in the program; `undefined` for a NIC whose port is not open. As soon as
   * one NIC is named, nothing is delivered to one that is not. Default: the only port of the VM side.
   */
  readonly nicPorts?: ReadonlyMap<string, number | undefined> | undefined;
}

/** A port that is open. */
export interface OpenPort extends PortTraits {
  readonly port: number;
}

/** Writes the routes of every verdict. */
export function writeRoutes(
  { view }: DataPlane,
  role: Role,
  { tunnels, replies, pass }: PortRoutes,
  open: readonly OpenPort[],
): void {
  const underlay = open.filter(({ side, port }) => side === 'underlay' && port !== pass);
  const sockets = underlay.filter(({ kind }) => kind !== 'datagrams');
  const vms = open.filter(({ side }) => side === 'vm');
  const write = (field: number, port: number | undefined) =>
    view.setUint8(abi.FIXED_CONFIG + field, port ?? abi.NO_PACKET_PORT);
  const isHost = role === 'host';
  write(abi.CONFIG_ROUTE_TUNNELS, tunnels ?? (isHost ? underlay[0]?.port : undefined));
  write(abi.CONFIG_ROUTE_REPLIES, isHost ? (replies ?? sockets[0]?.port) : undefined);
  write(abi.CONFIG_ROUTE_PASS, pass);
  write(abi.CONFIG_ROUTE_VM, vms.length === 1 ? vms[0].port : undefined);
  write(abi.CONFIG_ROUTE_UNDERLAY, underlay[0]?.port);
}

/** Writes the ports of the NICs of the program that is in force. */
export function writeNicPorts(
  dataPlane: DataPlane,
  { nicPorts = new Map() }: PortRoutes,
  indexOf: (key: string) => number | undefined,
): void {
  const { base, count } = dataPlane.region(abi.REGION_NIC_PORTS);
  dataPlane.bytes.fill(abi.NO_PACKET_PORT, base, base + count);
  for (const [key, port] of nicPorts) {
    const index = indexOf(key);
    if (index !== undefined && index < count) dataPlane.bytes[base + index] = port ?? abi.NO_PACKET_PORT;
  }
  dataPlane.view.setUint8(abi.FIXED_CONFIG + abi.CONFIG_ROUTES_BY_NIC, nicPorts.size > 0 ? 1 : 0);
}
