/** TCP over node:net. */
import { Socket } from 'node:net';
import { EdgemuxError } from '../../errors.js';
import { canonicalIp } from '../../net/address.js';
import type { Tcp, TcpConnection, TcpConnectOptions, TcpHandlers } from '../tcp.js';
import { NodeTcpConnection } from './tcp-connection.js';
import { NodeTcpListener } from './tcp-listener.js';
import { isProtected, protectedSocket } from './tcp-protection.js';

/** The TCP of Node and Deno. */
export const nodeTcp: Tcp = {
  connect(options: TcpConnectOptions, handlers: TcpHandlers): TcpConnection {
    const remote = { address: canonicalIp(options.remote.address), port: options.remote.port };
    const from = options.localAddress === undefined ? {} : { localAddress: canonicalIp(options.localAddress) };
    const socket = newSocket({ ...options, remote });
    try {
      // In this same turn of the event loop: a socket made by hand would else be found unconnected.
      if (!socket.destroyed) socket.connect({ host: remote.address, port: remote.port, noDelay: true, ...from });
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return new NodeTcpConnection(socket, remote, handlers);
  },
  listen: NodeTcpListener.open,
};

function newSocket(options: TcpConnectOptions): Socket {
  try {
    return isProtected(options) ? protectedSocket(options) : new Socket({ allowHalfOpen: true });
  } catch (error) {
    // What the kernel refuses for want of descriptors or memory is told as the network's refusals are.
    if (error instanceof EdgemuxError && error.code === 'ERR_SOCKET') return new Socket().destroy(error);
    throw error;
  }
}
