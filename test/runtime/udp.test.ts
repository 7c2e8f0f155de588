/**
 * UDP with hop limits: what is sent with which, what comes from too far away, and where from and to.
 *
 * Needs koffi, but no namespace and no root: a plain socket may choose its TTL.
 */
import { createSocket, type Socket } from 'node:dgram';
import { nodeRuntime } from 'edgemux/node';
import { afterEach, describe, expect, it } from 'vitest';
import type { Endpoint, UdpOptions, UdpSocket } from '../../sdk/runtime/index.js';
import { socketCount, untilSocketCount, utf8 } from './recorder.js';

const { udp } = nodeRuntime();
const text = new TextDecoder();

const missing =
  process.platform !== 'linux'
    ? `this is ${process.platform}`
    : await import('koffi').then(
        () => undefined,
        () => 'koffi is not installed',
      );
if (missing) console.log(`skipped: UDP with hop limits was not tried, as ${missing}`);

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A bound socket, and what it received so far. */
async function bind(options: Partial<UdpOptions> = {}) {
  const got: string[] = [];
  const from: Endpoint[] = [];
  let told = () => {};
  const socket = await udp.bind(
    { localAddress: '127.0.0.1', port: 0, hopLimit: 255, hopLimitMin: 255, ...options },
    (bytes, sender) => {
      got.push(text.decode(bytes));
      from.push(sender);
      told();
    },
  );
  open.push(socket);
  const until = async (last: string) => {
    while (!got.includes(last)) await new Promise<void>((resolve) => (told = resolve));
  };
  return { socket, got, from, until };
}

/** A plain socket, which sends with any TTL, one datagram after the other. */
async function plain(address: string) {
  const socket: Socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  open.push(socket);
  const send = (hopLimit: number, what: string, to: Endpoint) => {
    socket.setTTL(hopLimit);
    return new Promise((resolve) => socket.send(what, to.port, to.address, resolve));
  };
  return { send, port: socket.address().port };
}

describe.skipIf(missing)('UDP with hop limits', () => {
  it.each(['127.0.0.1', '::1'])(
    'takes on %s what comes from as near as it should, and drops the rest',
    async (address) => {
      for (const hopLimitMin of [255, 254, 64, 1]) {
        const { socket, got, from, until } = await bind({ localAddress: address, hopLimitMin });
        const sender = await plain(address);
        const hopLimits = [1, 2, 63, 64, 65, 253, 254, 255];
        for (const hopLimit of hopLimits) await sender.send(hopLimit, String(hopLimit), socket.local);
        await until('255');
        expect(got).toEqual(hopLimits.filter((hopLimit) => hopLimit >= hopLimitMin).map(String));
        expect(from[0]).toEqual({ address, port: sender.port });
      }
    },
  );

  it.each(['127.0.0.1', '::1'])('sends from %s with the hop limit and from the port it was told', async (address) => {
    const receiver = await bind({ localAddress: address, hopLimitMin: 200 });
    const near = await bind({ localAddress: address, hopLimit: 200 });
    const far = await bind({ localAddress: address, hopLimit: 199 });
    far.socket.send(utf8('far'), receiver.socket.local);
    near.socket.send(utf8('near'), receiver.socket.local);
    await receiver.until('near');
    expect(receiver.got).toEqual(['near']);
    expect(receiver.from).toEqual([near.socket.local]);
  });

  it('sends the bytes as they were when it was called', async () => {
    const receiver = await bind();
    const { socket } = await bind();
    const bytes = utf8('down');
    socket.send(bytes, receiver.socket.local);
    bytes.set(utf8('up!!'));
    await receiver.until('down');
  });

  it('leaves other addresses of its port to others', async () => {
    const one = await bind({ localAddress: '127.0.0.1' });
    const { port } = one.socket.local;
    const two = await bind({ localAddress: '127.0.0.2', port });
    const sender = await plain('127.0.0.1');
    await sender.send(255, 'two', two.socket.local);
    await sender.send(255, 'one', one.socket.local);
    await two.until('two');
    await one.until('one');
    expect([one.got, two.got]).toEqual([['one'], ['two']]);
  });

  it('loses in silence what cannot be sent', async () => {
    const receiver = await bind();
    const { socket } = await bind();
    socket.send(new Uint8Array(70_000), receiver.socket.local);
    socket.send(utf8('x'), { address: '255.255.255.255', port: 1 });
    socket.send(utf8('heard'), receiver.socket.local);
    await receiver.until('heard');
    socket.close();
    socket.close();
    socket.send(utf8('late'), receiver.socket.local);
    const { socket: last } = await bind();
    last.send(utf8('last'), receiver.socket.local);
    await receiver.until('last');
    expect(receiver.got).toEqual(['heard', 'last']);
  });

  it.each([
    { name: 'a port in use', localAddress: '127.0.0.1', says: 'address in use' },
    { name: 'an address that is not ours', localAddress: '192.0.2.1', says: 'not an address of this machine' },
  ])('$name cannot be bound, and leaves no socket behind', async ({ localAddress, says }) => {
    const { socket } = await bind();
    const { port } = socket.local;
    const before = socketCount();
    await expect(bind({ localAddress, port })).rejects.toMatchObject({
      code: 'ERR_SOCKET',
      message: `cannot bind UDP ${localAddress}:${port}: ${says}`,
    });
    await untilSocketCount(before);
  });

  it('closed, frees its port', async () => {
    const { socket } = await bind();
    const before = socketCount();
    socket.close();
    await untilSocketCount(before - 1);
    const again: UdpSocket = (await bind({ port: socket.local.port })).socket;
    expect(again.local).toEqual(socket.local);
  });
});
