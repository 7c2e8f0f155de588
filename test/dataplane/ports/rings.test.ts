/** AF_XDP rings: the module walks them, the test is the kernel. */
import { Mux } from 'edgemux';
import applianceModule from 'edgemux/appliance-module';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { muxProgram } from '../../support/programs.js';
import { NATIVE_ADDRESS, type RingSizes, SMALL_RINGS, XdpSocket } from './kernel.js';
import { openMux, request, XDP_ROOM } from './planes.js';

const UNDERLAY = { kind: 'rings', link: 'ethernet', side: 'underlay' } as const;
/** What each of four ports may have of 512 chunks to receive, and to send: half of those a batch of 64 leaves. */
const SHARE = 56;
const LARGE_RINGS: RingSizes = { receive: 64, transmit: 64, fill: 64, completion: 64 };

async function openSocket({ sizes = SMALL_RINGS, index = 0, room = XDP_ROOM } = {}) {
  const mux = await openMux(room);
  const port = mux.ports.open(UNDERLAY);
  return { mux, port, socket: new XdpSocket(mux.ports, port, sizes, index) };
}

/** The same frames through the batch of a MUX without ports. */
async function forwarded(frames: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const mux = await Mux.load(muxModule, { flowCountMax: 1024 });
  mux.program(muxProgram);
  return frames.map((frame) => mux.process(frame, 0).bytes as Uint8Array);
}

describe('rings', () => {
  it('forward what they receive, byte for byte as the batch does', async () => {
    const { mux, port, socket } = await openSocket();
    const frames = [1, 2, 3].map((client) => request(client).bytes());
    for (const frame of frames) expect(socket.deliver(frame)).toBe(true);
    expect(mux.ports.takeRing(port)).toBe(3);
    expect(mux.processPorts(0)).toBe(3);
    expect(mux.ports.pendingCount(port)).toBe(3);
    expect(socket.send()).toEqual(await forwarded(frames));
    expect(mux.ports.pendingCount(port)).toBe(0);
    expect(mux.ports.counters(port)).toMatchObject({ received: 3, sent: 3, sendDropped: 0, tooLong: 0 });
  });

  it.each([
    { name: 'from 0', index: 0 },
    { name: 'across the end of 32 bits', index: 0xffff_fffd },
  ])('wrap around $name', async ({ index }) => {
    const { mux, port, socket } = await openSocket({ index });
    const expected = await forwarded(Array.from({ length: 100 }, (_, client) => request(client).bytes()));
    for (let client = 0; client < 100; ) {
      const burst = 1 + (client % 7);
      let delivered = 0;
      while (delivered < burst && client + delivered < 100) {
        expect(socket.deliver(request(client + delivered).bytes())).toBe(true);
        delivered++;
      }
      expect(mux.ports.takeRing(port)).toBe(delivered);
      mux.processPorts(0);
      expect(socket.send()).toEqual(expected.slice(client, client + delivered));
      socket.complete();
      client += delivered;
    }
    mux.ports.takeRing(port);
    expect(mux.ports.freeChunkCount).toBe(512 - SMALL_RINGS.fill);
  });

  it('lose what does not fit the transmit ring, and keep its chunks', async () => {
    const { mux, port, socket } = await openSocket({ sizes: { ...LARGE_RINGS, transmit: 4 } });
    for (let client = 0; client < 10; client++) socket.deliver(request(client).bytes());
    mux.ports.takeRing(port);
    mux.processPorts(0);
    expect(mux.ports.counters(port)).toMatchObject({ received: 10, sent: 4, sendDropped: 6 });
    expect(socket.send()).toHaveLength(4);
    socket.complete();
    mux.ports.takeRing(port);
    expect(mux.ports.freeChunkCount).toBe(512 - SHARE);
  });

  it('have no more in flight than the kernel gives back', async () => {
    const { mux, port, socket } = await openSocket({ sizes: { ...LARGE_RINGS, transmit: 8, completion: 4 } });
    let sent = 0;
    for (let round = 0; round < 10; round++) {
      for (let client = 0; client < 8; client++) socket.deliver(request(client).bytes());
      mux.ports.takeRing(port);
      mux.processPorts(0);
      sent += socket.send().length;
    }
    expect(sent).toBe(8);
    expect(mux.ports.counters(port)).toMatchObject({ sent: 8, sendDropped: 72 });
    for (let round = 0; round < 3; round++) {
      socket.complete();
      mux.ports.takeRing(port);
    }
    expect(mux.ports.freeChunkCount).toBe(512 - SHARE);
  });

  it('move nothing before they have been mapped', async () => {
    const mux = await openMux();
    const [first, second] = [mux.ports.open(UNDERLAY), mux.ports.open(UNDERLAY)];
    const socket = new XdpSocket(mux.ports, first);
    mux.ports.setRoutes({ tunnels: second });
    socket.deliver(request(1).bytes());
    expect([mux.ports.takeRing(second), mux.ports.takeRing(first)]).toEqual([0, 1]);
    mux.processPorts(0);
    expect(mux.ports.counters(second)).toMatchObject({ sent: 0, sendDropped: 1 });
    mux.ports.close(second);
    mux.ports.close(first);
    expect(mux.ports.freeChunkCount).toBe(512);
  });

  it('say when the kernel wants to be woken', async () => {
    const { mux, port, socket } = await openSocket();
    expect(mux.ports.needsWakeup(port)).toBe(false);
    socket.transmit.flags = 1;
    expect(mux.ports.needsWakeup(port)).toBe(true);
  });

  it('leave in the ring what the batch has no room for', async () => {
    const { mux, port, socket } = await openSocket({ sizes: LARGE_RINGS });
    for (let client = 0; client < SHARE; client++) socket.deliver(request(client).bytes());
    // 64 descriptors, 16 of them for what is produced.
    expect(mux.ports.takeRing(port)).toBe(48);
    expect(mux.ports.takeRing(port)).toBe(0);
    mux.processPorts(0);
    expect(mux.ports.takeRing(port)).toBe(SHARE - 48);
  });

  it('starve no port: each has its part of a batch', async () => {
    const mux = await openMux();
    const numbers = [0, 1, 2].map(() => mux.ports.open(UNDERLAY));
    const sockets = numbers.map((port) => new XdpSocket(mux.ports, port, LARGE_RINGS));
    for (const socket of sockets)
      for (let client = 0; client < SHARE; client++) socket.deliver(request(client).bytes());
    expect(numbers.map((port) => mux.ports.takeRing(port))).toEqual([16, 16, 16]);
    mux.processPorts(0);
    expect(sockets.map((socket) => socket.send().length)).toEqual([16, 16, 16]);
  });

  it('take all of a batch where no other port asks', async () => {
    const mux = await openMux();
    const [busy] = [0, 1, 2].map(() => mux.ports.open(UNDERLAY));
    const socket = new XdpSocket(mux.ports, busy, LARGE_RINGS);
    const counts = [0, 1].map(() => {
      for (let client = 0; client < SHARE; client++) socket.deliver(request(client).bytes());
      const count = mux.ports.takeRing(busy);
      mux.processPorts(0);
      return count;
    });
    expect(counts).toEqual([16, 48]);
  });

  it('go on when there are no chunks for the fill ring', async () => {
    const room = { ...XDP_ROOM, portCountMax: 1, chunkCount: 96 };
    const { mux, port, socket } = await openSocket({ sizes: LARGE_RINGS, room });
    // 16 for what is received, 16 for what is sent.
    expect(socket.fill.filled).toBe(16);
    for (let round = 0; round < 20; round++) {
      while (socket.deliver(request(round).bytes()));
      mux.ports.takeRing(port);
      mux.processPorts(0);
    }
    expect(mux.ports.counters(port).sent).toBe(16);
    expect(socket.send()).toHaveLength(16);
    socket.complete();
    mux.ports.takeRing(port);
    expect(socket.fill.filled + socket.receive.filled).toBe(16);
    expect(mux.ports.freeChunkCount).toBe(96 - 16);
  });

  it('give every chunk back when the port is closed, also those only the kernel had', async () => {
    const mux = await openMux();
    const ports = [0, 1].map(() => mux.ports.open(UNDERLAY));
    const sockets = ports.map((port) => new XdpSocket(mux.ports, port, LARGE_RINGS));
    for (const socket of sockets) for (let client = 0; client < 30; client++) socket.deliver(request(client).bytes());
    for (const port of ports) mux.ports.takeRing(port);
    mux.ports.setRoutes({ tunnels: ports[1] });
    mux.processPorts(0);
    sockets[1].send(10);
    sockets[1].complete(5);
    sockets[0].fill.take();
    mux.ports.takeRing(ports[0]);
    mux.ports.close(ports[0]);
    mux.processPorts(0);
    mux.ports.close(ports[1]);
    expect(mux.ports.freeChunkCount).toBe(512);
    expect(mux.ports.open(UNDERLAY)).toBe(0);
  });
});

describe('rings: a kernel that says nonsense', () => {
  const chunkBytes = 2048;
  const umemBytes = 512 * chunkBytes;
  const rows = [
    { name: 'a frame behind the UMEM', address: BigInt(umemBytes + 256), length: 60 },
    { name: 'a frame at the end of 64 bits', address: 0xffff_ffff_ffff_ff00n, length: 60 },
    { name: 'a frame longer than its chunk', address: 256n, length: chunkBytes - 255 },
    { name: 'a frame of 4 GiB', address: 256n, length: 0xffff_ffff },
    { name: 'a frame without headroom', address: 64n, length: 60 },
  ];
  it.each(rows)('$name is counted, and nothing else', async ({ address, length }) => {
    const { mux, port, socket } = await openSocket();
    socket.receive.put(address, length);
    expect(mux.ports.takeRing(port)).toBe(0);
    expect(mux.ports.counters(port)).toMatchObject({ received: 0, tooLong: 1 });
    expect(mux.processPorts(0)).toBe(0);
  });

  it('a producer far ahead is no more than a full ring', async () => {
    const { mux, port, socket } = await openSocket();
    socket.receive.producer = 0x8000_0000;
    socket.completion.producer = 0x8000_0000;
    expect(() => mux.ports.takeRing(port)).not.toThrow();
    expect(mux.ports.counters(port).tooLong + mux.ports.counters(port).received).toBeLessThanOrEqual(8);
  });

  it('the same chunk again and again, received and sent: there are no more chunks than there were', async () => {
    const { mux, port, socket } = await openSocket();
    const frame = request(1).bytes();
    const { offset } = mux.ports.chunks;
    mux.ports.bytes.set(frame, offset + 256);
    for (let round = 0; round < 200; round++) {
      while (!socket.receive.isFull) socket.receive.put(256n, round % 2 === 0 ? frame.length : 10);
      while (!socket.completion.isFull) socket.completion.put(256n);
      mux.ports.takeRing(port);
      mux.processPorts(0);
      socket.send();
      socket.sending.length = 0;
    }
    expect(mux.ports.freeChunkCount).toBeLessThanOrEqual(512);
  });

  it('a completion outside the UMEM is no chunk', async () => {
    const { mux, port, socket } = await openSocket();
    socket.completion.put(BigInt(umemBytes));
    socket.completion.put(0xffff_ffff_0000_0000n);
    mux.ports.takeRing(port);
    expect(mux.ports.freeChunkCount).toBe(512 - 8);
  });
});

describe('packet ports', () => {
  it.each([
    { name: 'the module has none', module: muxModule, portCountMax: 1 },
    { name: 'none were asked for', module: applianceModule, portCountMax: 0 },
  ])('are refused when $name', async ({ module, portCountMax }) => {
    const mux = await Mux.load(module, { portCountMax });
    expect(() => mux.ports).toThrow('packet ports take the module of edgemux/appliance-module');
    expect(() => mux.processPorts(0)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }));
  });

  it.each([
    { name: 'too many', room: { portCountMax: 255, chunkCount: 100_000, chunkBytes: 2048 }, says: 'at most 254' },
    { name: 'too few chunks', room: { portCountMax: 2, chunkCount: 319 }, says: 'at least 320 for 2 ports' },
    { name: 'odd chunks', room: { portCountMax: 1, chunkBytes: 2049 }, says: 'a multiple of 64 from 2048 on' },
    { name: 'long frames', room: { portCountMax: 1, chunkBytes: 2048, frameBytesMax: 1793 }, says: 'at most 1792' },
    { name: 'half a port', room: { portCountMax: 0.5 }, says: 'a whole number of at least 0' },
  ])('are refused when they are $name', async ({ room, says }) => {
    await expect(Mux.load(applianceModule, room)).rejects.toThrow(says);
  });

  it('cost an embedder who asks for none no memory', async () => {
    const bytesOf = async (module: WebAssembly.Module) => {
      const mux = await Mux.load(module, { flowCountMax: 1024 });
      mux.batch.add(Uint8Array.of(1));
      return mux.batch.bytes(0).buffer.byteLength;
    };
    expect(await bytesOf(applianceModule)).toBe(await bytesOf(muxModule));
  });

  it('are numbered from 0, and numbers are used again', async () => {
    const mux = await openMux({ ...XDP_ROOM, portCountMax: 2 });
    expect([mux.ports.open(UNDERLAY), mux.ports.open(UNDERLAY)]).toEqual([0, 1]);
    expect(() => mux.ports.open(UNDERLAY)).toThrow('all 2 packet ports of this data plane are taken');
    mux.ports.close(0);
    expect(mux.ports.open(UNDERLAY)).toBe(0);
    expect(() => mux.ports.close(7)).toThrow('no packet port 7 is open');
  });

  it('with rings want chunks AF_XDP takes, and rings that fit', async () => {
    const mux = await openMux({ portCountMax: 1 });
    expect(() => mux.ports.open(UNDERLAY)).toThrow('AF_XDP takes chunks of 2048 or 4096 bytes, not of 69824');
    const other = await openMux();
    const port = other.ports.open(UNDERLAY);
    expect(() => new XdpSocket(other.ports, port, { ...SMALL_RINGS, receive: 4096 })).toThrow('takes 65856 bytes');
    expect(() => new XdpSocket(other.ports, port, { ...SMALL_RINGS, fill: 12 })).toThrow('a ring of 12 entries');
  });

  it('want to know where linear memory begins', async () => {
    const mux = await Mux.load(applianceModule, XDP_ROOM);
    expect(() => mux.ports.open(UNDERLAY)).toThrow('say where linear memory begins');
    expect(mux.ports.open({ kind: 'frames', link: 'bare', side: 'underlay' })).toBe(0);
    mux.ports.locate(NATIVE_ADDRESS);
    expect(mux.ports.open(UNDERLAY)).toBe(1);
  });
});
