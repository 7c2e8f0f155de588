/**
 * TCP sockets with MD5 signatures (RFC 2385) and the TTL security mechanism (RFC 5082). Both have to be there before
 * the first segment, so these sockets are made by hand and then given to Node.
 */
import { type Server, Socket } from 'node:net';
import { EdgemuxError } from '../../errors.js';
import { parseIp } from '../../net/address.js';
import type { Endpoint, TcpConnectOptions, TcpListenPeer, TcpProtection } from '../tcp.js';
import { type KernelSocketOptions, withKernelSocket } from './kernel-socket.js';
import { IS_DENO } from './libc.js';

/** What GTSM sends, and what arrives of it over no router. */
const HOP_LIMIT_MAX = 255;

/** Whether more than TCP is asked of the connections of a peer. */
export function isProtected({ md5Key, ttlSecurityHops }: TcpProtection): boolean {
  return md5Key !== undefined || ttlSecurityHops !== undefined;
}

/**
 * A socket to connect to `options.remote`, in this turn of the event loop.
 *
 * @throws EdgemuxError `ERR_UNSUPPORTED`, `ERR_SOCKET`
 */
export function protectedSocket(options: TcpConnectOptions): Socket {
  const { remote, md5Key, ttlSecurityHops } = options;
  const which = tcpSocket(remote, [options]);
  if (IS_DENO) {
    throw new EdgemuxError('ERR_UNSUPPORTED', `${which.what} under Deno are for connections that the peer opens`);
  }
  return withKernelSocket(which, (kernel) => {
    if (md5Key !== undefined) kernel.signTo(remote.address, md5Key);
    if (ttlSecurityHops !== undefined) {
      kernel.sendHopLimit(HOP_LIMIT_MAX);
      kernel.receiveHopLimitMin(hopLimitMin(ttlSecurityHops));
    }
    return new Socket({ fd: kernel.descriptor, allowHalfOpen: true });
  });
}

/**
 * Lets a server listen on a socket with the protection of every peer. `vacate` is called when nothing is left to do
 * but to bind.
 *
 * @throws EdgemuxError `ERR_UNSUPPORTED`, before `vacate`; `ERR_SOCKET`
 */
export function listenProtected(
  server: Server,
  local: Endpoint,
  peers: readonly TcpListenPeer[],
  vacate: () => void = () => {},
): void {
  const { family } = parseIp(local.address);
  const ofFamily = peers.filter((peer) => parseIp(peer.address).family === family);
  withKernelSocket(tcpSocket(local, ofFamily), (kernel) => {
    for (const { address, md5Key } of ofFamily) if (md5Key !== undefined) kernel.signTo(address, md5Key);
    const rules = ofFamily.flatMap(({ address, ttlSecurityHops }) =>
      ttlSecurityHops === undefined ? [] : [{ address, hopLimitMin: hopLimitMin(ttlSecurityHops) }],
    );
    if (rules.length > 0) {
      // To the peers without GTSM too: they take any TTL.
      kernel.sendHopLimit(HOP_LIMIT_MAX);
      kernel.filterHopLimits(rules);
    }
    vacate();
    kernel.bind(local.address, local.port);
    server.listen({ fd: kernel.descriptor });
  });
}

function tcpSocket({ address }: Endpoint, protections: readonly TcpProtection[]): KernelSocketOptions {
  const isSigned = protections.some(({ md5Key }) => md5Key !== undefined);
  const what = isSigned ? 'TCP MD5 signatures' : 'TTL security checks';
  return { kind: 'tcp', family: parseIp(address).family, what };
}

/** A neighbour's segments pass no router and arrive as they left; every hop more takes one. */
function hopLimitMin(hops: number): number {
  if (Number.isInteger(hops) && hops >= 1 && hops <= 254) return HOP_LIMIT_MAX + 1 - hops;
  throw new EdgemuxError('ERR_UNSUPPORTED', `TTL security knows 1..254 hops, not ${hops}`);
}
