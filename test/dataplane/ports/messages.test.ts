/** Messages of recvmmsg and sendmmsg, and frames one at a time: the test is the socket or the device. */
import { Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { ipv4 } from '../../support/packet.js';
import { muxProgram } from '../../support/programs.js';
import { Device, MessageSocket } from './kernel.js';
import { bareRequest, openMux, request, SOCKET_ROOM } from './planes.js';

const VIRTIO_BYTES = 10;
/** What a chunk has for a frame, and what each of four ports may have of 512 chunks. */
const ROOM_BYTES = 69_824 - 256;
const SHARE = 56;

async function forwarded(frames: readonly Uint8Array[], link: 'ethernet' | 'bare' = 'ethernet'): Promise<Uint8Array[]> {
  const mux = await Mux.load(muxModule, { flowCountMax: 1024 });
  mux.program(muxProgram);
  return frames.map((frame) => mux.process(frame, 0, link).bytes as Uint8Array);
}

/** A frame behind a virtio header that leaves nothing to do. */
function withHeader(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(...new Uint8Array(VIRTIO_BYTES), ...frame);
}

async function openSocket(hasVirtioHeader = false) {
  const mux = await openMux(SOCKET_ROOM);
  const port = mux.ports.open({ kind: 'messages', link: 'ethernet', side: 'underlay', hasVirtioHeader });
  return { mux, port, socket: new MessageSocket(mux.ports, port) };
}

const requests = (count: number) => Array.from({ length: count }, (_, client) => request(client).bytes());

describe('messages', () => {
  it.each([
    { name: 'alone', hasVirtioHeader: false, dress: (frame: Uint8Array) => frame },
    { name: 'behind a virtio header', hasVirtioHeader: true, dress: withHeader },
  ])('are forwarded, $name', async ({ hasVirtioHeader, dress }) => {
    const { mux, port, socket } = await openSocket(hasVirtioHeader);
    const expected = (await forwarded(requests(20))).map(dress);
    for (let round = 0; round < 5; round++) {
      const count = socket.recvmmsg(requests(20).map((frame) => ({ bytes: dress(frame) })));
      expect(mux.ports.takeMessages(port, count)).toBe(20);
      expect(mux.ports.waitingCount(port)).toBe(0);
      expect(mux.processPorts(0)).toBe(20);
      expect(mux.ports.pendingCount(port)).toBe(20);
      expect(socket.sendmmsg().map(({ bytes }) => bytes)).toEqual(expected);
      mux.ports.sent(port, 20, false);
    }
    expect(mux.ports.counters(port)).toMatchObject({ received: 100, sent: 100, sendDropped: 0 });
    expect(mux.ports.freeChunkCount).toBe(512 - SHARE);
  });

  it('wait where the batch has no room, and go first', async () => {
    const { mux, port, socket } = await openSocket();
    const frames = requests(SHARE);
    expect(socket.recvmmsg(frames.map((bytes) => ({ bytes })))).toBe(SHARE);
    expect(mux.ports.takeMessages(port, SHARE)).toBe(48);
    expect(mux.ports.waitingCount(port)).toBe(SHARE - 48);
    expect(mux.ports.takeMessages(port, 0)).toBe(0);
    mux.processPorts(0);
    const first = socket.sendmmsg();
    mux.ports.sent(port, 48, false);
    expect(mux.ports.takeMessages(port, 0)).toBe(SHARE - 48);
    expect(mux.ports.waitingCount(port)).toBe(0);
    mux.processPorts(0);
    expect([...first, ...socket.sendmmsg()].map(({ bytes }) => bytes)).toEqual(await forwarded(frames));
  });

  it('that the socket has not taken wait in their order, or are given up', async () => {
    const { mux, port, socket } = await openSocket();
    const expected = await forwarded(requests(9));
    const sent = () => socket.sendmmsg().map(({ bytes }) => bytes);
    mux.ports.takeMessages(port, socket.recvmmsg(requests(6).map((bytes) => ({ bytes }))));
    mux.processPorts(0);
    mux.ports.sent(port, 2, false);
    expect(sent()).toEqual(expected.slice(2, 6));
    const more = requests(9).slice(6);
    mux.ports.takeMessages(port, socket.recvmmsg(more.map((bytes) => ({ bytes }))));
    mux.processPorts(0);
    mux.ports.sent(port, 3, false);
    expect(sent()).toEqual(expected.slice(5));
    mux.ports.sent(port, 1, true);
    expect(mux.ports.pendingCount(port)).toBe(0);
    expect(mux.ports.counters(port)).toMatchObject({ sent: 6, sendDropped: 3 });
    expect(mux.ports.freeChunkCount).toBe(512 - SHARE);
  });

  it('are given up when more wait than a port may send', async () => {
    const { mux, port, socket } = await openSocket();
    for (let round = 0; round < 3; round++) {
      mux.ports.takeMessages(port, socket.recvmmsg(requests(40).map((bytes) => ({ bytes }))));
      mux.processPorts(0);
    }
    expect(mux.ports.pendingCount(port)).toBe(SHARE);
    expect(mux.ports.counters(port).sendDropped).toBe(120 - SHARE);
    mux.ports.sent(port, 1000, false);
    expect(mux.ports.counters(port).sent).toBe(SHARE);
    expect(mux.ports.freeChunkCount).toBe(512 - SHARE);
  });

  const rows = [
    { name: 'longer than its vector', message: { bytes: Uint8Array.of(1), length: ROOM_BYTES + 11 } },
    { name: 'of 4 GiB', message: { bytes: Uint8Array.of(1), length: 0xffff_ffff } },
    { name: 'cut off', message: { bytes: Uint8Array.of(1), flags: 0x20 } },
    { name: 'shorter than its virtio header', message: { bytes: Uint8Array.of(1), length: 9 } },
  ];
  it.each(rows)('$name is counted as too long, and its chunk used again', async ({ message }) => {
    const { mux, port, socket } = await openSocket(true);
    const good = { bytes: withHeader(request(1).bytes()) };
    expect(mux.ports.takeMessages(port, socket.recvmmsg([good, message, good]))).toBe(2);
    mux.processPorts(0);
    expect(mux.ports.counters(port)).toMatchObject({ received: 2, tooLong: 1 });
    mux.ports.sent(port, 2, false);
    expect(mux.ports.freeChunkCount).toBe(512 - SHARE);
  });

  it('are never more than there are', async () => {
    const { mux, port } = await openSocket();
    expect(mux.ports.takeMessages(port, 0xffff_ffff)).toBe(48);
    expect(mux.ports.waitingCount(port)).toBe(SHARE - 48);
  });

  it('may be as long as a chunk', async () => {
    const { mux, port, socket } = await openSocket();
    const frame = request(1).pad(ROOM_BYTES).bytes();
    expect(mux.ports.takeMessages(port, socket.recvmmsg([{ bytes: frame }]))).toBe(1);
    mux.processPorts(0);
    expect(socket.sendmmsg().map(({ bytes }) => bytes)).toEqual(await forwarded([request(1).bytes()]));
  });

  it('give their chunks back when the port is closed', async () => {
    const { mux, port, socket } = await openSocket();
    mux.ports.takeMessages(port, socket.recvmmsg(requests(50).map((bytes) => ({ bytes }))));
    mux.processPorts(0);
    mux.ports.takeMessages(port, 0);
    mux.ports.close(port);
    expect(mux.ports.freeChunkCount).toBe(512 - 2);
    mux.processPorts(0);
    expect(mux.ports.freeChunkCount).toBe(512);
    expect(mux.counters().unrouted).toBe(2);
  });
});

it('nothing happens to a port that is closed, of another kind, or none', async () => {
  const mux = await openMux(SOCKET_ROOM);
  const { ports } = mux;
  const message = ports.open({ kind: 'messages', link: 'ethernet', side: 'underlay' });
  const frame = ports.open({ kind: 'frames', link: 'bare', side: 'underlay' });
  const closed = ports.open({ kind: 'messages', link: 'ethernet', side: 'underlay' });
  ports.close(closed);
  const free = ports.freeChunkCount;
  for (const port of [message, frame, closed, 3, 77, 0xffff_ffff]) {
    expect(ports.takeRing(port)).toBe(0);
    if (port !== message) expect(ports.takeMessages(port, 8)).toBe(0);
    if (port !== frame) expect([ports.frameRoom(port), ports.takeFrame(port, 60)]).toEqual([0, 0]);
    ports.sent(port, 5, true);
    expect(mux.processPorts(0)).toBe(0);
  }
  expect(ports.freeChunkCount).toBe(free);
});

describe('frames', () => {
  const TUN = { kind: 'frames', link: 'bare', side: 'underlay' } as const;

  it.each([
    { name: 'alone', hasVirtioHeader: false, dress: (frame: Uint8Array) => frame },
    { name: 'behind a virtio header', hasVirtioHeader: true, dress: withHeader },
  ])('are forwarded, $name', async ({ hasVirtioHeader, dress }) => {
    const mux = await openMux(SOCKET_ROOM);
    const device = new Device(mux.ports, mux.ports.open({ ...TUN, hasVirtioHeader }));
    const frames = [1, 2, 3].map((client) => bareRequest(client).bytes());
    for (const frame of frames) expect(device.deliver(dress(frame))).toBe(true);
    expect(mux.processPorts(0)).toBe(3);
    expect(device.write()).toEqual((await forwarded(frames, 'bare')).map(dress));
    expect(mux.ports.counters(0)).toMatchObject({ received: 3, sent: 3 });
    expect(mux.ports.freeChunkCount).toBe(512);
  });

  it('have room until the batch is full', async () => {
    const mux = await openMux(SOCKET_ROOM);
    const device = new Device(mux.ports, mux.ports.open(TUN));
    let count = 0;
    while (device.deliver(bareRequest(count).bytes())) count++;
    expect(count).toBe(48);
    mux.processPorts(0);
    expect(device.deliver(bareRequest(1).bytes())).toBe(true);
  });

  it('that are too long leave their room to the next one', async () => {
    const mux = await openMux(SOCKET_ROOM);
    const port = mux.ports.open(TUN);
    const offset = mux.ports.frameRoom(port);
    expect(mux.ports.takeFrame(port, ROOM_BYTES + 1)).toBe(0);
    expect(mux.ports.frameRoom(port)).toBe(offset);
    expect(mux.ports.counters(port).tooLong).toBe(1);
    mux.ports.close(port);
    expect(mux.ports.freeChunkCount).toBe(512);
  });

  it('are not taken where there was no room', async () => {
    const mux = await openMux(SOCKET_ROOM);
    const port = mux.ports.open(TUN);
    expect(mux.ports.takeFrame(port, 60)).toBe(0);
    expect(mux.processPorts(0)).toBe(0);
  });

  it('that are not the pipeline’s are dropped and counted', async () => {
    const mux = await openMux(SOCKET_ROOM);
    const device = new Device(mux.ports, mux.ports.open(TUN));
    device.deliver(ipv4('192.0.2.7', '192.0.2.8').udp(1, 2).bytes());
    device.deliver(Uint8Array.of());
    mux.processPorts(0);
    expect(mux.counters()).toMatchObject({ unrouted: 1, verdicts: { pass: 1, drop: 1 } });
    expect(mux.ports.freeChunkCount).toBe(512);
  });
});
