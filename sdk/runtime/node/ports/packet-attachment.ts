/**
 * The port `packet:`: AF_PACKET sockets on an interface. Any driver will do, and any virtual link.
 *
 *   interface ─► socket ─► filter: what is selected ─► data plane
 *             └► tcx ingress: drops what is selected ─► kernel: all the rest
 *
 * Both go with their descriptors. What this machine sends itself is not seen.
 *
 * What is sent passes the queueing discipline of the interface. PACKET_QDISC_BYPASS saves 3 % on a link that has none, and 10 %
 * on one that has, but then a flood of ours would leave no room in the queue for BGP, which the discipline lets through first.
 *
 * Source: packet(7); Linux, include/uapi/linux/if_packet.h.
 */
import type { FrameSelection } from '../../packet-port.js';
import { Selector } from '../bpf/selector.js';
import { requireInterface } from './interface.js';
import { ENODEV, kernelRefused, portError } from './port-error.js';
import { makeSockets, PortSocket } from './port-socket.js';
import { portName } from './port-spec.js';
import type { AttachOptions, PacketPlan, PortAttachment, PortSpec } from './types.js';

const AF_PACKET = 17;
const SOCK_RAW = 3;

/** `struct sockaddr_ll`: | family 2 | protocol net 2 | interface 4 | hardware type 2 | packet type 1 | address bytes 1 | address 8 |. */
const ADDRESS_BYTES = 20;
const ETH_P_ALL = 3;

const SOL_SOCKET = 1;
const SO_ATTACH_BPF = 50;

const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
const PACKET_FANOUT = 18;
const PACKET_IGNORE_OUTGOING = 23;

/** The option is `id | (mode | flags) << 16`; mode 0 is the hash of addresses and ports, the same in both directions. */
const FANOUT_ID = 0xffff;
const FANOUT_UNIQUE_ID = 0x2000 << 16;
const FANOUT_IGNORE_OUTGOING = 0x4000 << 16;

const CAPABILITY = 'CAP_NET_RAW';

/**
 * Opens the sockets of a `packet:` port, one per queue; nothing arrives by them until frames are selected.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function attachPacket(spec: PortSpec, { side, queueCount, mtuBytesMin }: AttachOptions): PortAttachment {
  const name = portName(spec);
  if (side === 'vm' && queueCount > 1) throw portError(name, 'a VM is served by one queue');
  const portInterface = requireInterface(name, spec.target, mtuBytesMin);
  if (portInterface.macAddress === undefined) throw portError(name, `${spec.target} is no Ethernet interface`);
  const sockets = makeSockets(queueCount, () => openSocket(name));
  let selector: Selector | undefined;
  const close = () => {
    for (const socket of sockets.splice(0)) socket.close();
    selector?.close();
  };
  try {
    selector = new Selector(name);
    for (const socket of sockets) {
      // Before it is bound: nothing that nobody has asked for may be waiting on it.
      socket.set(SOL_SOCKET, SO_ATTACH_BPF, selector.socketFilterDescriptor, 'the filter is refused');
      bind(name, socket, spec.target, portInterface.index);
    }
    if (queueCount > 1) share(sockets);
    selector.tcxLink(portInterface.index);
  } catch (error) {
    close();
    throw error;
  }
  const plans = sockets.map(
    ({ descriptor }): PacketPlan => ({ kind: 'packet', name, side, interface: portInterface, descriptor }),
  );
  const select = (selection: FrameSelection) => selector?.select(selection);
  return { name, interface: portInterface, plans, notes: [], select, close };
}

function openSocket(port: string): PortSocket {
  // Of no protocol, it receives nothing until it is bound.
  const socket = new PortSocket({ port, domain: AF_PACKET, type: SOCK_RAW, protocol: 0, capability: CAPABILITY });
  try {
    socket.set(SOL_PACKET, PACKET_VNET_HDR, 1, 'this kernel has no PACKET_VNET_HDR');
    socket.set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, 'this kernel has no PACKET_IGNORE_OUTGOING: it takes Linux 4.20');
    socket.makeRoom();
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function bind(port: string, socket: PortSocket, interfaceName: string, interfaceIndex: number): void {
  const address = new Uint8Array(ADDRESS_BYTES);
  const view = new DataView(address.buffer);
  new Uint16Array(address.buffer, 0, 1)[0] = AF_PACKET;
  view.setUint16(2, ETH_P_ALL);
  new Int32Array(address.buffer, 4, 1)[0] = interfaceIndex;
  const errno = socket.bind(address);
  if (errno === ENODEV) throw portError(port, `${interfaceName} has gone`);
  if (errno !== 0) throw kernelRefused(port, 'the socket cannot be bound', errno, CAPABILITY);
}

/** Spreads what arrives over all of them: the first founds a group of its own, the others join it. */
function share(sockets: readonly PortSocket[]): void {
  const [first, ...others] = sockets;
  first!.set(SOL_PACKET, PACKET_FANOUT, FANOUT_UNIQUE_ID | FANOUT_IGNORE_OUTGOING, 'queues cannot share the interface');
  const id = first!.number(SOL_PACKET, PACKET_FANOUT) & FANOUT_ID;
  for (const other of others) {
    other.set(SOL_PACKET, PACKET_FANOUT, id | FANOUT_IGNORE_OUTGOING, 'queues cannot share the interface');
  }
}
