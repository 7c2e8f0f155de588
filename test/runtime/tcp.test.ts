/** TCP of Node, over real sockets on loopback: what each end is told of what the other does. */

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { nodeRuntime } from 'edgemux/node';
import { afterEach, describe, expect, it } from 'vitest';
import type { TcpConnection, TcpListener, TcpListenOptions } from '../../sdk/runtime/index.js';
import { Recorder, socketCount, untilSocketCount, utf8 } from './recorder.js';

const { tcp } = nodeRuntime();
const open: { close(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A listener on loopback that takes one connection. */
async function listen(options: Partial<TcpListenOptions> = {}): Promise<{ listener: TcpListener; server: Recorder }> {
  const server = new Recorder();
  const localAddress = options.localAddress ?? '127.0.0.1';
  const peers = [{ address: localAddress }];
  const listener = await tcp.listen({ localAddress, port: 0, peers, ...options }, (c) => server.accepted(c));
  open.push(listener);
  return { listener, server };
}

/** Both ends of an open connection. */
async function pair(address = '127.0.0.1') {
  const { listener, server } = await listen({ localAddress: address });
  const client = new Recorder();
  const connection = tcp.connect({ remote: listener.local }, client);
  open.push({ close: () => connection.abort() });
  await Promise.all([client.until('opened'), server.until('accepted')]);
  return { listener, server, client, connection, accepted: server.connection! };
}

/** A peer that is not ours, to see what really arrives. */
async function strangers(took: (socket: Socket) => void): Promise<{ port: number; accepted: Promise<Socket> }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.push({ close: () => socket.destroy() });
    took(socket.on('error', () => {}));
  });
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  return { port: (server.address() as AddressInfo).port, accepted };
}

describe('TCP: a connection', () => {
  it.each(['127.0.0.1', '::1'])('carries bytes both ways between ends of %s', async (address) => {
    const { client, server, connection, accepted } = await pair(address);
    connection.write(utf8('open'));
    accepted.write(utf8('keep'));
    accepted.write(utf8('alive'));
    await server.untilTrue(() => server.text === 'open');
    await client.untilTrue(() => client.text === 'keepalive');
    expect(connection.local).toEqual(accepted.remote);
    expect(accepted.local).toEqual(connection.remote);
    expect(connection.remote.address).toBe(address);
  });

  it('gives bytes whose slice is a copy', async () => {
    let got: Uint8Array | undefined;
    const { listener, server } = await listen();
    const connection = tcp.connect(
      { remote: listener.local },
      {
        received: (bytes) => {
          got = bytes;
          connection.close();
        },
        closed() {},
      },
    );
    await server.until('accepted');
    server.connection!.write(utf8('x'));
    await server.until('ended: closed by peer');
    expect(Object.getPrototypeOf(got)).toBe(Uint8Array.prototype);
  });

  it('leaves from the address it is told to', async () => {
    const { listener, server } = await listen({ peers: [{ address: '127.0.0.9' }] });
    const client = new Recorder();
    const connection = tcp.connect({ remote: listener.local, localAddress: '127.0.0.9' }, client);
    open.push({ close: () => connection.abort() });
    await server.until('accepted');
    expect(server.connection!.remote.address).toBe('127.0.0.9');
  });

  it('drops what is written before it is open', async () => {
    const { listener, server } = await listen();
    const client = new Recorder();
    const connection = tcp.connect({ remote: listener.local }, client);
    connection.write(utf8('too soon'));
    await client.until('opened');
    connection.write(utf8('now'));
    await server.untilTrue(() => server.receivedByteCount > 0);
    connection.close();
    await server.until('ended: closed by peer');
    expect(server.text).toBe('now');
  });

  it("reads its peer's spelling of an address as its own", async () => {
    const { listener } = await listen({ localAddress: '::1', peers: [{ address: '0:0:0:0:0:0:0:1' }] });
    const client = new Recorder();
    const connection = tcp.connect({ remote: { address: '0::0001', port: listener.local.port } }, client);
    open.push({ close: () => connection.abort() });
    await client.until('opened');
    expect(connection.remote.address).toBe('::1');
  });
});

describe('TCP: the end', () => {
  it('close sends what is queued, then a FIN', async () => {
    const { client, server, connection } = await pair();
    const bytes = new Uint8Array(8 << 20).fill(7);
    connection.write(bytes);
    connection.write(utf8('last'));
    connection.close();
    connection.write(utf8('after the end'));
    await server.until('ended: closed by peer');
    expect(server.receivedByteCount).toBe(bytes.length + 4);
    expect(client.events).toEqual(['opened']);
  });

  it('close ignores what the peer still sends, and the peer loses nothing of what was sent to it', async () => {
    const { client, server, connection, accepted } = await pair();
    accepted.write(new Uint8Array(1 << 20));
    connection.write(utf8('cease'));
    connection.close();
    await server.until('ended: closed by peer');
    expect(server.text).toBe('cease');
    expect(client.events).toEqual(['opened']);
  });

  it('abort is a RST, and nothing more is told', async () => {
    const { client, server, connection } = await pair();
    connection.abort();
    connection.abort();
    connection.close();
    await server.until('failed: reset by peer');
    expect(client.events).toEqual(['opened']);
    expect(server.events).toEqual(['accepted', 'failed: reset by peer']);
  });

  it('abort drops what is queued', async () => {
    const { server, connection } = await pair();
    connection.write(new Uint8Array(64 << 20));
    connection.abort();
    // libuv takes a RST that comes with data for a FIN.
    await server.untilTrue(() => /^(failed|ended)/.test(server.events.at(-1)!));
    expect(server.receivedByteCount).toBeLessThan(64 << 20);
  });

  it.each([
    { name: 'abort before it opens', ends: (c: TcpConnection) => c.abort() },
    { name: 'close before it opens', ends: (c: TcpConnection) => c.close() },
  ])('$name tells nothing and frees the socket', async ({ ends }) => {
    const { port } = await strangers(() => {});
    const before = socketCount();
    const client = new Recorder();
    const connection = tcp.connect({ remote: { address: '127.0.0.1', port } }, client);
    ends(connection);
    await untilSocketCount(before);
    expect(client.events).toEqual([]);
  });

  it.each([
    { name: 'that reads', queuedByteCount: 0 },
    { name: 'that does not read', queuedByteCount: 64 << 20 },
  ])('abort after close frees the socket to a peer $name and does not close', async ({ queuedByteCount }) => {
    const { port, accepted } = await strangers((socket) => socket.pause());
    const client = new Recorder();
    const before = socketCount();
    const connection = tcp.connect({ remote: { address: '127.0.0.1', port } }, client);
    await client.until('opened');
    await accepted;
    connection.write(new Uint8Array(queuedByteCount));
    connection.close();
    connection.abort();
    await untilSocketCount(before + 1);
    expect(client.events).toEqual(['opened']);
  });

  it('a peer that never closes is left after a while', async () => {
    const { port, accepted } = await strangers((socket) => socket.resume());
    const client = new Recorder();
    const before = socketCount();
    const connection = tcp.connect({ remote: { address: '127.0.0.1', port } }, client);
    await client.until('opened');
    await accepted;
    expect(socketCount()).toBe(before + 2);
    connection.close();
    await untilSocketCount(before + 1);
    expect(client.events).toEqual(['opened']);
  });

  it('a FIN of the peer ends it, after what came before', async () => {
    const { port } = await strangers((socket) => socket.end('bye'));
    const client = new Recorder();
    tcp.connect({ remote: { address: '127.0.0.1', port } }, client);
    await client.until('ended: closed by peer');
    expect(client.events).toEqual(['opened', 'ended: closed by peer']);
    expect(client.text).toBe('bye');
  });

  it('a RST of the peer fails it', async () => {
    const { port } = await strangers((socket) => socket.resetAndDestroy());
    const client = new Recorder();
    tcp.connect({ remote: { address: '127.0.0.1', port } }, client);
    await client.until('failed: reset by peer');
    expect(client.events.at(-1)).toBe('failed: reset by peer');
  });

  it.each([
    { name: 'nobody listens', remote: '127.0.0.1', localAddress: undefined, says: 'failed: connection refused' },
    {
      name: 'the source is not ours',
      remote: '127.0.0.1',
      localAddress: '192.0.2.1',
      says: 'failed: not an address of this machine',
    },
  ])('$name: $says', async ({ remote, localAddress, says }) => {
    const { listener } = await listen();
    listener.close();
    const before = socketCount();
    const client = new Recorder();
    tcp.connect(
      { remote: { address: remote, port: listener.local.port }, ...(localAddress && { localAddress }) },
      client,
    );
    expect(client.events).toEqual([]);
    await client.until(says);
    expect(client.events).toEqual([says]);
    await untilSocketCount(before);
  });
});

describe('TCP: what is buffered', () => {
  it('is counted until the peer makes room, and its end is told once', async () => {
    const { port, accepted } = await strangers((socket) => socket.pause());
    const client = new Recorder();
    const connection = tcp.connect({ remote: { address: '127.0.0.1', port } }, client);
    open.push({ close: () => connection.abort() });
    await client.until('opened');
    const peer = await accepted;
    for (let i = 0; i < 64; i++) connection.write(new Uint8Array(1 << 20));
    expect(connection.bufferedByteCount).toBeGreaterThan(32 << 20);
    expect(client.events).toEqual(['opened']);
    peer.resume();
    await client.until('drained');
    expect(connection.bufferedByteCount).toBe(0);
    expect(client.events).toEqual(['opened', 'drained']);
  });

  it('is nothing where the kernel takes it at once, and then there is nothing to tell', async () => {
    const { client, server, connection } = await pair();
    connection.write(utf8('keepalive'));
    expect(connection.bufferedByteCount).toBe(0);
    await server.untilTrue(() => server.text === 'keepalive');
    expect(client.events).toEqual(['opened']);
  });
});

describe('TCP: a listener', () => {
  it.each([
    { name: 'a peer it knows', peers: ['127.0.0.5'], isTaken: true },
    { name: 'a stranger', peers: ['127.0.0.6'], isTaken: false },
    { name: 'anyone when it knows nobody', peers: [], isTaken: false },
  ])('$name: taken $isTaken, else reset', async ({ peers, isTaken }) => {
    const { listener, server } = await listen({ peers: peers.map((address) => ({ address })) });
    const client = new Recorder();
    const connection = tcp.connect({ remote: listener.local, localAddress: '127.0.0.5' }, client);
    open.push({ close: () => connection.abort() });
    await (isTaken ? server.until('accepted') : client.until('failed: reset by peer'));
    expect(server.events).toEqual(isTaken ? ['accepted'] : []);
  });

  it('lets its owner refuse', async () => {
    const listener = await tcp.listen(
      { localAddress: '127.0.0.1', port: 0, peers: [{ address: '127.0.0.1' }] },
      () => undefined,
    );
    open.push(listener);
    const client = new Recorder();
    tcp.connect({ remote: listener.local }, client);
    await client.until('failed: reset by peer');
  });

  it('takes the peers it is given later, and keeps the connections of those before', async () => {
    const { listener, server, client, connection } = await pair();
    listener.setPeers([{ address: '127.0.0.5' }]);
    const stranger = new Recorder();
    tcp.connect({ remote: listener.local }, stranger);
    await stranger.until('failed: reset by peer');
    const known = new Recorder();
    tcp.connect({ remote: listener.local, localAddress: '127.0.0.5' }, known);
    await known.until('opened');
    connection.write(utf8('still here'));
    await server.untilTrue(() => server.text === 'still here');
    expect(client.events).toEqual(['opened']);
  });

  it('closed, keeps its connections and takes no more', async () => {
    const { listener, server, connection } = await pair();
    listener.close();
    listener.close();
    listener.setPeers([]);
    const late = new Recorder();
    tcp.connect({ remote: listener.local }, late);
    await late.until('failed: connection refused');
    connection.write(utf8('still here'));
    await server.untilTrue(() => server.text === 'still here');
  });

  it('of every address of a family leaves the other family alone', async () => {
    const { listener } = await listen({ localAddress: '0.0.0.0', peers: [{ address: '127.0.0.1' }] });
    const { port } = listener.local;
    const six = await listen({ localAddress: '::', port, peers: [{ address: '::1' }] });
    const client = new Recorder();
    const connection = tcp.connect({ remote: { address: '::1', port } }, client);
    open.push({ close: () => connection.abort() });
    await six.server.until('accepted');
    expect(six.listener.local).toEqual({ address: '::', port });
  });

  it.each([
    { name: 'a port in use', localAddress: '127.0.0.1', says: 'address in use' },
    { name: 'an address that is not ours', localAddress: '192.0.2.1', says: 'not an address of this machine' },
  ])('$name cannot be bound: $says', async ({ localAddress, says }) => {
    const { listener } = await listen();
    const { port } = listener.local;
    const before = socketCount();
    await expect(tcp.listen({ localAddress, port, peers: [] }, () => undefined)).rejects.toMatchObject({
      code: 'ERR_SOCKET',
      message: `cannot listen on ${localAddress}:${port}: ${says}`,
    });
    expect(socketCount()).toBe(before);
  });
});
