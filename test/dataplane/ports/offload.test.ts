/** What senders leave to the hardware, through ports: unfinished checksums, frames larger than the MTU. */
import { describe, expect, it } from 'vitest';
import { concat, toHex } from '../../support/bytes.js';
import { verifyFrame } from '../../support/checksum.js';
import { ACK, eth, type Packet, PSH } from '../../support/packet.js';
import { VIP, WEB_A, WEB_A_MAC } from '../../support/programs.js';
import { GSO_TCPV4, NEEDS_CSUM, type VirtioHeader, virtioOf, withVirtio } from '../offload/virtio.js';
import { Device, MessageSocket, SMALL_RINGS, XdpSocket } from './kernel.js';
import { openHost, openMux, request, SOCKET_ROOM, tunnel } from './planes.js';

const CLIENT = '192.0.2.7';
const TCP_CHECKSUM = 16;
const L4 = 34;
const SEGMENT_BYTES = 1448;

/** Bytes nobody takes for others. */
function content(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
}

/** The field holds the sum of the pseudo header, as CHECKSUM_PARTIAL has it. */
function unfinished(frame: Uint8Array, l4 = L4): Uint8Array {
  const bytes = frame.slice();
  const words = [...bytes.subarray(l4 - 8, l4)];
  let sum = 6 + (bytes.length - l4);
  for (let at = 0; at < 8; at += 2) sum += words[at] * 256 + words[at + 1];
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  bytes.set([sum >> 8, sum & 0xff], l4 + TCP_CHECKSUM);
  return bytes;
}

const CHECKSUM: VirtioHeader = { flags: NEEDS_CSUM, checksumStart: L4, checksumOffset: TCP_CHECKSUM };
const TSO: VirtioHeader = { ...CHECKSUM, gsoType: GSO_TCPV4, gsoSize: SEGMENT_BYTES, headerLength: 54 };
const VM = { link: 'ethernet', side: 'vm', hasVirtioHeader: true } as const;
const UNDERLAY = { link: 'ethernet', side: 'underlay', hasVirtioHeader: true } as const;

/** A VM's answer of so many bytes, from the DIP or from the VIP. */
function page(packet: Packet, port: number, bytes: Uint8Array): Packet {
  return packet.tcp(port, 10_001, ACK | PSH, { seq: 1000, ack: 2000, payload: bytes });
}

/** A host whose VM has been called by a client. */
async function calledHost(underlayTraits: { readonly hasVirtioHeader?: boolean } = {}) {
  const host = await openHost({ ...SOCKET_ROOM, batchFrameCountMax: 128 });
  const { ports } = host;
  const vm = ports.open({ kind: 'frames', ...VM });
  const underlay = ports.open({ kind: 'messages', ...UNDERLAY, ...underlayTraits });
  const socket = new MessageSocket(ports, underlay);
  const hasHeader = underlayTraits.hasVirtioHeader ?? true;
  const arriving = hasHeader ? withVirtio({}, tunnel(1).bytes()) : tunnel(1).bytes();
  ports.takeMessages(underlay, socket.recvmmsg([{ bytes: arriving }]));
  host.processPorts(0);
  const device = new Device(ports, vm);
  expect(device.write()).toHaveLength(1);
  const sent = () => {
    const messages = socket.sendmmsg().map(({ bytes }) => bytes);
    ports.sent(underlay, messages.length, false);
    return messages;
  };
  return { host, ports, vm, underlay, socket, device, sent, freeCount: ports.freeChunkCount };
}

describe('a host agent and its VM', () => {
  const bytes = content(20_000);
  const whole = unfinished(page(eth({ src: WEB_A_MAC }).ipv4(WEB_A, CLIENT), 8443, bytes).bytes());

  it('lets a large frame go whole, from the VIP', async () => {
    const { host, ports, device, sent, freeCount } = await calledHost();
    expect(device.deliver(withVirtio(TSO, whole))).toBe(true);
    expect(host.processPorts(0)).toBe(1);
    const [message, ...others] = sent();
    expect(others).toEqual([]);
    expect(virtioOf(message)).toEqual({ ...TSO, checksumStart: L4 });
    const frame = message.slice(10);
    const expected = unfinished(page(eth().ipv4(VIP, CLIENT), 443, bytes).bytes());
    expect(toHex(frame.slice(12))).toBe(toHex(expected.slice(12)));
    expect(ports.freeChunkCount).toBe(freeCount);
  });

  it('cuts it where the port has no virtio header', async () => {
    const { host, ports, device, sent, underlay, freeCount } = await calledHost({ hasVirtioHeader: false });
    expect(device.deliver(withVirtio(TSO, whole))).toBe(true);
    host.processPorts(0);
    const frames = sent();
    expect(frames).toHaveLength(Math.ceil(bytes.length / SEGMENT_BYTES));
    for (const frame of frames) expect(verifyFrame(frame, 'ethernet')).toEqual([]);
    expect(toHex(concat(...frames.map((frame) => frame.slice(54))))).toBe(toHex(bytes));
    expect(ports.counters(underlay)).toMatchObject({ segmented: 1, sent: frames.length });
    expect(ports.freeChunkCount).toBe(freeCount);
  });

  it('leaves an unfinished checksum to the port, or finishes it', async () => {
    const small = content(100);
    const frame = unfinished(page(eth({ src: WEB_A_MAC }).ipv4(WEB_A, CLIENT), 8443, small).bytes());
    const left = await calledHost();
    left.device.deliver(withVirtio(CHECKSUM, frame));
    left.host.processPorts(0);
    const [message] = left.sent();
    expect(virtioOf(message)).toMatchObject({ flags: NEEDS_CSUM, checksumStart: L4 });
    const finished = await calledHost({ hasVirtioHeader: false });
    finished.device.deliver(withVirtio(CHECKSUM, frame));
    finished.host.processPorts(0);
    const [other] = finished.sent();
    expect(verifyFrame(other, 'ethernet')).toEqual([]);
    expect(toHex(other.slice(12))).toBe(toHex(page(eth().ipv4(VIP, CLIENT), 443, small).bytes().slice(12)));
  });

  it('sends as much of a large frame as there are messages for, and gives all chunks back', async () => {
    const { host, ports, device, underlay, freeCount, sent } = await calledHost({ hasVirtioHeader: false });
    const segments = Math.ceil(bytes.length / SEGMENT_BYTES);
    for (let round = 0; round < 6; round++) {
      device.deliver(withVirtio(TSO, whole));
      host.processPorts(0);
    }
    const frames = sent();
    const { sendDropped, segmented } = ports.counters(underlay);
    // The last of those that were cut was cut short; what comes when there is no room at all is one frame.
    expect(segmented).toBe(Math.ceil(frames.length / segments));
    expect(frames.length % segments).not.toBe(0);
    expect(frames.length + sendDropped).toBe(segmented * segments + (6 - segmented));
    for (const [index, frame] of frames.entries()) {
      expect(verifyFrame(frame, 'ethernet')).toEqual([]);
      const from = (index % segments) * SEGMENT_BYTES;
      expect(toHex(frame.slice(54))).toBe(toHex(bytes.slice(from, from + SEGMENT_BYTES)));
    }
    expect(ports.freeChunkCount).toBe(freeCount);
  });

  it('finishes what a header says of the inside of a tunnel', async () => {
    const { host, ports, underlay, socket, device } = await calledHost();
    const good = tunnel(1).bytes();
    const inner = 14 + 20 + 8 + 8 + 14 + 20;
    const message = withVirtio({ ...CHECKSUM, checksumStart: inner }, unfinished(good, inner));
    ports.takeMessages(underlay, socket.recvmmsg([{ bytes: message }]));
    host.processPorts(0);
    const [delivered] = device.write();
    expect(verifyFrame(delivered.slice(10), 'ethernet')).toEqual([]);
    expect(ports.counters(underlay).finished).toBe(1);
  });
});

describe('a MUX', () => {
  const bytes = content(10_000);
  const large = () =>
    eth()
      .ipv4(CLIENT, VIP)
      .tcp(10_001, 443, ACK | PSH, { seq: 1, ack: 1, payload: bytes });
  const segments = Math.ceil(bytes.length / SEGMENT_BYTES);

  async function open(kind: 'messages' | 'frames', batchFrameCountMax = 64) {
    const mux = await openMux({ ...SOCKET_ROOM, batchFrameCountMax });
    return { mux, ports: mux.ports, port: mux.ports.open({ kind, ...UNDERLAY }) };
  }

  it('cuts a large frame before it forwards it', async () => {
    const { mux, ports, port } = await open('messages');
    const socket = new MessageSocket(ports, port);
    const free = ports.freeChunkCount;
    const messages = [{ bytes: withVirtio(TSO, unfinished(large().bytes())) }];
    expect(ports.takeMessages(port, socket.recvmmsg(messages))).toBe(segments);
    expect(mux.processPorts(0)).toBe(segments);
    const sent = socket.sendmmsg().map((message) => message.bytes);
    for (const message of sent) {
      expect(virtioOf(message)).toEqual(virtioOf(new Uint8Array(10)));
      expect(verifyFrame(message.slice(10), 'ethernet')).toEqual([]);
    }
    const payloadAt = 10 + 50 + 54;
    expect(toHex(concat(...sent.map((message) => message.slice(payloadAt))))).toBe(toHex(bytes));
    ports.sent(port, sent.length, false);
    expect(ports.freeChunkCount).toBe(free);
    expect(ports.counters(port)).toMatchObject({ received: 1, segmented: 1, sent: segments });
  });

  it.each(['messages', 'frames'] as const)(
    'takes a large frame of %s without room with the next batch',
    async (kind) => {
      const { mux, ports, port } = await open(kind, 16);
      const frame = withVirtio(TSO, unfinished(large().bytes()));
      const small = withVirtio({}, request(2).bytes());
      if (kind === 'messages') {
        const socket = new MessageSocket(ports, port);
        const count = socket.recvmmsg(Array.from({ length: 8 }, () => ({ bytes: small })).concat({ bytes: frame }));
        expect(ports.takeMessages(port, count)).toBe(8);
        expect(ports.waitingCount(port)).toBe(1);
        mux.processPorts(0);
        expect(ports.takeMessages(port, 0)).toBe(segments);
      } else {
        const device = new Device(ports, port);
        for (let index = 0; index < 8; index++) expect(device.deliver(small)).toBe(true);
        device.deliver(frame);
        expect(ports.frameRoom(port)).toBe(0);
        expect(mux.processPorts(0)).toBe(8);
        expect(ports.frameRoom(port)).not.toBe(0);
      }
      expect(mux.processPorts(0)).toBe(segments);
      expect(ports.counters(port).segmented).toBe(1);
    },
  );

  it('leaves room for a large frame of a port whose part of a batch is small', async () => {
    const { mux, ports, port: first } = await open('messages', 16);
    const others = [1, 2].map(() => ports.open({ kind: 'messages', ...UNDERLAY }));
    const frame = withVirtio(TSO, unfinished(large().bytes()));
    const flood = Array.from({ length: 20 }, () => ({ bytes: withVirtio({}, request(2).bytes()) }));
    const last = others[1];
    let rounds = 0;
    const socket = new MessageSocket(ports, last);
    let made = ports.takeMessages(last, socket.recvmmsg([{ bytes: flood[0].bytes }, { bytes: frame }]));
    while (ports.waitingCount(last) > 0 && rounds++ < 5) {
      mux.processPorts(0);
      for (const port of [first, others[0]]) {
        const received = ports.waitingCount(port) === 0 ? new MessageSocket(ports, port).recvmmsg(flood) : 0;
        ports.takeMessages(port, received);
      }
      made += ports.takeMessages(last, 0);
    }
    expect(made).toBe(1 + segments);
    expect(rounds).toBeLessThanOrEqual(2);
  });

  it('leaves room for a large frame in one batch, and no longer', async () => {
    const { mux, ports, port: asking } = await open('messages', 16);
    const other = ports.open({ kind: 'messages', ...UNDERLAY });
    const small = Array.from({ length: 18 }, () => ({ bytes: withVirtio({}, request(2).bytes()) }));
    const take = (port: number, messages: readonly { bytes: Uint8Array }[]) =>
      ports.takeMessages(port, new MessageSocket(ports, port).recvmmsg(messages));
    mux.processPorts(0);
    // Six each: two ports are open.
    expect([take(other, small), take(asking, [{ bytes: withVirtio(TSO, unfinished(large().bytes())) }])]).toEqual([
      6, 0,
    ]);
    mux.processPorts(0);
    expect(ports.takeMessages(other, 0)).toBe(Math.floor((12 - segments) / 2));
    mux.processPorts(0);
    expect(ports.takeMessages(other, 0)).toBe(10);
    ports.close(asking);
    ports.close(other);
    expect(ports.freeChunkCount).toBe(512 - 10);
    mux.processPorts(0);
    expect(ports.freeChunkCount).toBe(512);
  });

  it.each([
    { name: 'more segments than a batch', header: { ...TSO, gsoSize: 128 } },
    { name: 'segments of nothing', header: { ...TSO, gsoSize: 0 } },
    { name: 'no TCP', header: { ...TSO, gsoType: 3 } },
    { name: 'a checksum behind its end', header: { ...CHECKSUM, checksumStart: 0xffff } },
  ])('refuses a frame that asks for $name', async ({ header }) => {
    const { mux, ports, port } = await open('messages');
    const free = ports.freeChunkCount;
    const socket = new MessageSocket(ports, port);
    const bytesOf = withVirtio(header, unfinished(large().bytes()));
    expect(ports.takeMessages(port, socket.recvmmsg([{ bytes: bytesOf }]))).toBe(0);
    expect(mux.processPorts(0)).toBe(0);
    expect(ports.counters(port)).toMatchObject({ tooLong: 1, received: 0 });
    expect(ports.freeChunkCount).toBe(free);
  });

  it('finishes checksums of rings that may be unfinished', async () => {
    const mux = await openMux();
    const port = mux.ports.open({ kind: 'rings', link: 'ethernet', side: 'underlay', mayBeUnfinished: true });
    const socket = new XdpSocket(mux.ports, port, SMALL_RINGS);
    const frame = request(1).bytes();
    socket.deliver(unfinished(frame));
    socket.deliver(frame);
    mux.ports.takeRing(port);
    mux.processPorts(0);
    const [first, second] = socket.send();
    expect(toHex(first)).toBe(toHex(second));
    expect(mux.ports.counters(port)).toMatchObject({ received: 2, finished: 1 });
  });
});
