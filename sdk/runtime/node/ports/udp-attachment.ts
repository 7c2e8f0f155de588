/**
 * The port `udp`: tunnels through a socket on UDP 4789. It takes no privilege, and no part of the interface: the kernel does
 * all but what is in the tunnel.
 *
 * With one provider address the socket is bound to it; with one of each family it is bound to `::`, which is both, and the
 * route chooses the source.
 */
import { hostText, parseIp } from '../../../net/address.js';
import { interfacesWithAddress, withNetlink } from '../netlink/index.js';
import { AF_INET, AF_INET6, socketAddress } from '../socket-address.js';
import { requireMtu } from './interface.js';
import { EACCES, EADDRINUSE, EADDRNOTAVAIL, kernelRefused, portError } from './port-error.js';
import { makeSockets, PortSocket } from './port-socket.js';
import { portName } from './port-spec.js';
import type { AttachOptions, PortAttachment, PortSpec, UdpPlan } from './types.js';

const SOCK_DGRAM = 2;
const UDP_PORT_DEFAULT = 4789;

const SOL_SOCKET = 1;
const SO_NO_CHECK = 11;
const SO_REUSEPORT = 15;

const IPPROTO_IP = 0;
const IP_MTU_DISCOVER = 10;
const IPPROTO_UDP = 17;
const UDP_NO_CHECK6_TX = 101;
const UDP_NO_CHECK6_RX = 102;
const IPPROTO_IPV6 = 41;
const IPV6_MTU_DISCOVER = 23;
const IPV6_V6ONLY = 26;
/** Never fragmented, and never by what others say of the path; IP_PMTUDISC_PROBE is the same for both families. */
const PMTUDISC_PROBE = 3;

/**
 * Binds the sockets of a `udp` port, one per queue.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function attachUdp(spec: PortSpec, options: AttachOptions): PortAttachment {
  const { side, queueCount, providerAddresses, mtuBytesMin } = options;
  const name = portName(spec);
  if (side === 'vm') throw portError(name, 'VMs have Ethernet: tap, packet or xdp');
  if (providerAddresses.length === 0)
    throw portError(name, 'the fabric gives this machine no provider address to bind');
  const udpPort = Number(spec.options.port ?? UDP_PORT_DEFAULT);
  const localAddress = addressToBind(providerAddresses);
  for (const address of [...providerAddresses, localAddress]) {
    // Sockets that share a port would share it with those of another process too.
    bound(name, address, udpPort, false).close();
    requireRoom(name, address, mtuBytesMin);
  }
  const sockets = makeSockets(queueCount, () => bound(name, localAddress, udpPort, queueCount > 1));
  const plans = sockets.map(
    ({ descriptor }): UdpPlan => ({ kind: 'udp', name, side, interface: undefined, descriptor, localAddress }),
  );
  const close = () => {
    for (const socket of sockets.splice(0)) socket.close();
  };
  return { name, interface: undefined, plans, notes: [], select: () => {}, close };
}

function addressToBind(addresses: readonly string[]): string {
  if (addresses.length === 1) return addresses[0]!;
  return addresses.every((address) => parseIp(address).family === 4) ? '0.0.0.0' : '::';
}

function bound(port: string, address: string, udpPort: number, isShared: boolean): PortSocket {
  const { family } = parseIp(address);
  const domain = family === 4 ? AF_INET : AF_INET6;
  const socket = new PortSocket({ port, domain, type: SOCK_DGRAM, protocol: 0, capability: 'root' });
  try {
    if (isShared) socket.set(SOL_SOCKET, SO_REUSEPORT, 1, 'queues cannot share it');
    if (family === 6) socket.set(IPPROTO_IPV6, IPV6_V6ONLY, address === '::' ? 0 : 1, 'no IPv6');
    leaveTunnelsAlone(socket, family);
    socket.makeRoom();
    const errno = socket.bind(socketAddress(address, udpPort));
    if (errno !== 0) throw bindError(port, address, udpPort, errno);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** As the other ports send them: never in fragments, and without a UDP checksum of their own (RFC 7348, RFC 6935). */
function leaveTunnelsAlone(socket: PortSocket, family: 4 | 6): void {
  socket.try(SOL_SOCKET, SO_NO_CHECK, 1);
  socket.set(IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE, 'tunnels cannot be kept whole');
  if (family === 4) return;
  socket.set(IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE, 'tunnels cannot be kept whole');
  socket.set(IPPROTO_UDP, UDP_NO_CHECK6_TX, 1, 'no UDP over IPv6 without checksums');
  socket.set(IPPROTO_UDP, UDP_NO_CHECK6_RX, 1, 'no UDP over IPv6 without checksums');
}

function bindError(port: string, address: string, udpPort: number, errno: number): Error {
  const where = `${hostText(address)}:${udpPort}`;
  if (errno === EADDRINUSE) return portError(port, `${where} is taken by another socket, or by a vxlan device`);
  if (errno === EADDRNOTAVAIL) return portError(port, notLocal(address));
  if (errno === EACCES) return portError(port, `not permitted: UDP port ${udpPort} takes CAP_NET_BIND_SERVICE`);
  return kernelRefused(port, `${where} cannot be bound`, errno, 'root');
}

/** The MTU of the interfaces that have the address. */
function requireRoom(port: string, address: string, mtuBytesMin: number): void {
  for (const { mtuBytes } of withNetlink((netlink) => interfacesWithAddress(netlink, address))) {
    requireMtu(port, mtuBytes, mtuBytesMin);
  }
}

function notLocal(address: string): string {
  return `${address} is no address of this machine: ip addr add ${address} dev …`;
}
