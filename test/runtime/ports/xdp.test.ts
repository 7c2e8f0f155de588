/** `xdp:` ports on virtual links: what is selected comes into the memory and leaves from it, the rest stays with the kernel. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parsePortSpec } from '../../../sdk/runtime/node/ports/port-spec.js';
import type { PortAttachment, XdpPlan } from '../../../sdk/runtime/node/ports/types.js';
import { attachXdp } from '../../../sdk/runtime/node/ports/xdp-attachment.js';
import { openXdp } from '../../../sdk/runtime/node/ports/xdp-port.js';
import { type PacketPort, SELECT_NOTHING } from '../../../sdk/runtime/packet-port.js';
import { ACK, eth } from '../../support/packet.js';
import { RingMemory } from './ring-memory.js';
import { enterQuietNamespace, ip, isReadable, link, sendSegmented, Wire } from './veth.js';

const whyNot = await enterQuietNamespace();
if (whyNot) console.warn(`skipped: ${whyNot}`);

const VIP = '80.80.80.80';
const TO_VIPS = { ...SELECT_NOTHING, destinations: [VIP, '2001:db8:80::80'] };
const OPTIONS = { side: 'underlay', queueCount: 1, providerAddresses: [], mtuBytesMin: 0 } as const;

const toVip = (payload: string) => eth().ipv4('192.0.2.7', VIP).tcp(40000, 80, ACK, { payload }).bytes();
const toOther = (payload: string) => eth().ipv4('192.0.2.7', '80.80.80.81').tcp(40000, 80, ACK, { payload }).bytes();

function attach(text: string, options = {}): PortAttachment & Disposable {
  const attachment = attachXdp(parsePortSpec(text), { ...OPTIONS, ...options });
  return { ...attachment, [Symbol.dispose]: () => attachment.close() };
}

function open(attachment: PortAttachment, memory: RingMemory, queue = 0): PacketPort & Disposable {
  const port = openXdp(attachment.plans[queue] as XdpPlan, memory);
  return Object.assign(port, { [Symbol.dispose]: () => port.close() });
}

/** Receives until there are `count` frames, or none for a second. */
function arrivals(port: PacketPort, memory: RingMemory, count: number) {
  const frames = [];
  while (frames.length < count) {
    if (port.receive() === 0 && !isReadable(port.descriptor, 1000)) break;
    frames.push(...memory.arrivals(port.number));
  }
  return frames;
}

const bytesOf = (memory: RingMemory, { offset, byteCount }: { offset: number; byteCount: number }) =>
  memory.bytes.slice(offset, offset + byteCount);

describe.skipIf(whyNot)('an xdp port', () => {
  test.each(['native', 'generic'])('%s: takes what is selected, and sends what has been changed in place', (mode) => {
    using up = link('up0');
    using far = new Wire(up.far);
    using near = new Wire(up.name);
    using attachment = attach(`xdp:${up.name},mode=${mode}`);
    expect(attachment.interface).toMatchObject({ name: up.name, mtuBytes: 1500 });
    const memory = new RingMemory();
    using port = open(attachment, memory);
    far.send(toVip('before'));
    expect(near.receive(1)).toHaveLength(1);
    attachment.select(TO_VIPS);

    const sent = Array.from({ length: 100 }, (_, i) => toVip(`request ${i}`));
    far.send(...sent, toOther('stays'));
    const arrived = arrivals(port, memory, 100);
    expect(arrived.map((frame) => bytesOf(memory, frame))).toEqual(sent);
    expect(arrived.every(({ offset }) => offset % 2048 === 256)).toBe(true);
    expect(near.receive(1)).toEqual([toOther('stays')]);

    // 50 bytes in front, as an encapsulation has; what was there stays as it is.
    const header = Uint8Array.from({ length: 50 }, (_, i) => (i < 12 ? 2 : i === 12 ? 0x88 : i === 13 ? 0xb5 : i));
    for (const frame of arrived) {
      memory.bytes.set(header, frame.offset - header.length);
      memory.transmit(port.number, { offset: frame.offset - 50, byteCount: frame.byteCount + 50 });
    }
    port.send();
    const left = far.receive(100);
    expect(left.map((frame) => frame.slice(0, 50))).toEqual(sent.map(() => header));
    expect(left.map((frame) => frame.slice(50))).toEqual(sent);

    attachment.select(SELECT_NOTHING);
    far.send(toVip('after'));
    expect(near.receive(1)).toEqual([toVip('after')]);
    expect(memory.pendingCount(port.number)).toBe(0);
  });

  test('sends more than a call takes, and more than its ring has', () => {
    using up = link('up0');
    using far = new Wire(up.far);
    using attachment = attach(`xdp:${up.name}`);
    const memory = new RingMemory();
    using port = open(attachment, memory);
    attachment.select(TO_VIPS);
    const frames = Array.from({ length: 150 }, (_, i) => toVip(`${i}`));
    for (let round = 0; round < 30; round++) {
      far.send(...frames);
      const arrived = arrivals(port, memory, frames.length);
      for (const frame of arrived) memory.transmit(port.number, frame);
      port.send();
      expect(memory.pendingCount(port.number)).toBe(0);
      expect(far.receive(frames.length)).toEqual(frames);
    }
  });

  test('is given back whole by close, and can be opened again at once', () => {
    using up = link('up0');
    using far = new Wire(up.far);
    using attachment = attach(`xdp:${up.name}`);
    attachment.select(TO_VIPS);
    const memory = new RingMemory();
    const chunkCount = memory.freeChunkCount;
    for (let round = 0; round < 5; round++) {
      const port = open(attachment, memory);
      far.send(toVip('one'), toVip('two'));
      const [one, two] = arrivals(port, memory, 2);
      memory.transmit(port.number, one!);
      // It is closed with a frame it has not sent, and one nobody has taken.
      far.send(toVip('three'));
      port.close();
      memory.drop(two!);
      expect(memory.freeChunkCount).toBe(chunkCount);
      expect(socketMappings()).toBe(0);
      // Where the rings were is memory as any other.
      const { fillRing } = memory.places(port.number);
      memory.bytes.fill(7, fillRing, fillRing + 65_536);
      expect(memory.bytes[fillRing + 40_000]).toBe(7);
      memory.bytes.fill(0, fillRing, fillRing + 65_536);
    }
  });

  test('is closed as any other when its interface has gone', () => {
    const memory = new RingMemory();
    const chunkCount = memory.freeChunkCount;
    // Its name may come back, as that of a VM that has been started again.
    for (let round = 0; round < 2; round++) {
      link('up0');
      using attachment = attach('xdp:up0');
      attachment.select(TO_VIPS);
      const port = open(attachment, memory);
      ip('link', 'del', 'up0');
      expect(port.receive()).toBe(0);
      port.send();
      attachment.select(SELECT_NOTHING);
      port.close();
      expect(memory.freeChunkCount).toBe(chunkCount);
    }
  });

  test('two queues, and another interface, over one memory: what comes in by one may leave by any', () => {
    using up = link('up0', { queueCount: 2 });
    using other = link('vm0');
    using far = new Wire(up.far);
    using otherFar = new Wire(other.far);
    using attachment = attach(`xdp:${up.name}`, { queueCount: 2 });
    using otherAttachment = attach(`xdp:${other.name},mode=generic`);
    expect(attachment.plans).toMatchObject([{ queue: 0 }, { queue: 1 }]);
    const memory = new RingMemory();
    using first = open(attachment, memory, 0);
    using second = open(attachment, memory, 1);
    using third = open(otherAttachment, memory);
    attachment.select(TO_VIPS);
    const frames = Array.from({ length: 64 }, (_, i) =>
      eth()
        .ipv4(`192.0.2.${i}`, VIP)
        .tcp(40000 + i, 80, ACK, { payload: `${i}` })
        .bytes(),
    );
    far.send(...frames);
    const byQueue = [first, second].map((port) => arrivals(port, memory, 64));
    expect(byQueue.map(({ length }) => length > 0)).toEqual([true, true]);
    for (const frame of byQueue.flat()) memory.transmit(third.number, frame);
    third.send();
    const texts = (list: readonly Uint8Array[]) => list.map((frame) => Buffer.from(frame).toString('hex')).sort();
    expect(texts(otherFar.receive(64))).toEqual(texts(frames));
  });

  test('one of two queues: the rest stays with the kernel', () => {
    using up = link('up0', { queueCount: 2 });
    using far = new Wire(up.far);
    using near = new Wire(up.name);
    using attachment = attach(`xdp:${up.name},queues=1`);
    expect(attachment.notes).toEqual([
      'xdp:up0: 1 of 2 receive queues are served: what arrives by the others stays with the kernel',
    ]);
    const memory = new RingMemory();
    using port = open(attachment, memory);
    attachment.select(TO_VIPS);
    for (let i = 0; i < 64; i++)
      far.send(
        eth()
          .ipv4('192.0.2.7', VIP)
          .tcp(40000 + i, 80, ACK)
          .bytes(),
      );
    const taken = arrivals(port, memory, 64).length;
    expect(taken).toBeGreaterThan(0);
    expect(near.pending()).toHaveLength(64 - taken);
  });

  test('native, on a virtual link: the other end sends no frame larger than the MTU, and no checksum', () => {
    using up = link('up0');
    ip('addr', 'add', '192.0.2.7/24', 'dev', up.far);
    ip('neigh', 'add', '192.0.2.80', 'lladdr', '02:00:00:00:00:80', 'dev', up.far);
    using attachment = attach(`xdp:${up.name},mode=native`);
    attachment.select({ ...SELECT_NOTHING, destinations: ['192.0.2.80'] });
    const memory = new RingMemory();
    using port = open(attachment, memory);
    sendSegmented('192.0.2.80', 10_000, 1_000);
    const frames = arrivals(port, memory, 10).map((frame) => bytesOf(memory, frame));
    expect(frames.map(({ length }) => length)).toEqual(Array(10).fill(14 + 20 + 8 + 1_000));
    // The sum of the pseudo-header alone, the same in all of them.
    expect(new Set(frames.map((frame) => frame.slice(40, 42).join())).size).toBe(1);
  });
});

/** Mappings of AF_XDP rings in this process. */
function socketMappings(): number {
  return readFileSync('/proc/self/maps', 'utf8').split('socket:').length - 1;
}
