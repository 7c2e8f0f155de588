/** `xdp:` ports on virtual links: what is selected comes into the memory and leaves from it, the rest stays with the kernel. */
import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { parsePortSpec } from '../../../sdk/runtime/node/ports/port-spec.js';
import type { PortAttachment, XdpPlan } from '../../../sdk/runtime/node/ports/types.js';
import { attachXdp } from '../../../sdk/runtime/node/ports/xdp-attachment.js';
import { openXdp } from '../../../sdk/runtime/node/ports/xdp-port.js';
import { type PacketPort, SELECT_NOTHING } from '../../../sdk/runtime/packet-port.js';
import { ACK, eth } from '../../support/packet.js';
import { RingMemory } from './ring-memory.js';
import { enterQuietNamespace, ip, isReadable, link, Wire } from './veth.js';

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
    // In generic mode a packet socket comes before XDP.
    const seen = near.receive(mode === 'native' ? 1 : 101);
    expect(seen.at(-1)).toEqual(toOther('stays'));

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
});
