/**
 * AF_PACKET ports in a network namespace of this test's own. Frames are put on the link by a port on its other end, raw; the
 * kernel's share of them is what a UDP socket on the VIP gets.
 *
 *   far0 ─── up0 ─► packet:up0, or the kernel: 203.0.113.7, 2001:db8::7
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { attachPort } from '../../../sdk/runtime/node/ports/attach-port.js';
import { interfaceNames } from '../../../sdk/runtime/node/ports/interface.js';
import { openPort } from '../../../sdk/runtime/node/ports/open-port.js';
import { parsePortSpec } from '../../../sdk/runtime/node/ports/port-spec.js';
import type { AttachOptions } from '../../../sdk/runtime/node/ports/types.js';
import { type FrameSelection, type PacketPort, SELECT_NOTHING } from '../../../sdk/runtime/packet-port.js';
import { eth, type Packet, SYN } from '../../support/packet.js';
import { enterNetworkNamespace } from '../namespace.js';
import { FakeMemory } from './fake-memory.js';

const UP_MAC = '02:00:00:00:00:0a';
const VIP = '203.0.113.7';
const VIP6 = '2001:db8::7';
const VIRTIO_BYTES = 10;

const missing = await enterNetworkNamespace();
if (missing) console.log(`skipped: AF_PACKET ports were not tried, as ${missing}`);
else {
  const ip = (text: string) => execFileSync('ip', text.split(' '));
  // No addresses of IPv6 that speak by themselves.
  for (const name of ['up0', 'far0']) {
    if (name === 'up0') ip(`link add up0 address ${UP_MAC} mtu 1600 type veth peer name far0 mtu 1600`);
    ip(`link set ${name} addrgenmode none`);
    ip(`link set ${name} up`);
  }
  ip(`addr add ${VIP}/32 dev up0`);
  ip(`addr add ${VIP6}/128 dev up0 nodad`);
  ip('tuntap add dev bare0 mode tun');
  ip('link set bare0 up');
  ip('link add down0 type veth peer name down1');
}

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0).reverse()) one.close();
});

async function attach(text: string, options: Partial<AttachOptions> = {}) {
  const all = { side: 'underlay', queueCount: 1, providerAddresses: [], mtuBytesMin: 0, ...options } as const;
  const attachment = await attachPort(parsePortSpec(text), all);
  open.push(attachment);
  return attachment;
}

async function openPacket(name: string, options: Partial<AttachOptions> = {}) {
  const attachment = await attach(`packet:${name}`, options);
  const memory = new FakeMemory();
  const ports = attachment.plans.map((plan) => openPort(plan, memory));
  open.push(...ports);
  return { attachment, memory, ports, port: ports[0] };
}

/** What is at the far end of the link. */
async function openFar() {
  const far = await openPacket('far0', { side: 'vm' });
  const send = (...packets: readonly Packet[]) => {
    for (const packet of packets) {
      far.memory.put(far.port.number, withHeader(packet.bytes()));
      far.port.send();
    }
  };
  return { ...far, send };
}

/** UDP sockets on the VIPs: what the kernel has got. */
async function kernelShare() {
  const got: string[] = [];
  for (const address of [VIP, VIP6]) {
    const socket = createSocket(address === VIP ? 'udp4' : 'udp6');
    socket.on('message', (bytes) => got.push(bytes.toString()));
    await new Promise<void>((resolve) => socket.bind(53, address, resolve));
    open.push(socket);
  }
  return got;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 30));

/** All that arrives, without virtio headers; on a veth it is there when send returns. */
function received(memory: FakeMemory, ...ports: readonly PacketPort[]): Uint8Array[] {
  return ports.flatMap((port) => {
    while (port.receive() > 0);
    return memory.arrivals(port.number).map(({ bytes }) => bytes.subarray(VIRTIO_BYTES));
  });
}

function withHeader(frame: Uint8Array): Uint8Array {
  return Uint8Array.from([...new Uint8Array(VIRTIO_BYTES), ...frame]);
}

const toUp = () => eth({ dst: UP_MAC, src: '02:00:00:00:00:0b' });
const query = (text: string, port = 40000, vip = VIP) =>
  (vip === VIP ? toUp().ipv4('192.0.2.1', vip) : toUp().ipv6('2001:db8:c::1', vip)).udp(port, 53).payload(text);
const selecting = (selection: Partial<FrameSelection>) => ({ ...SELECT_NOTHING, ...selection });

describe.skipIf(missing)('packet: what is selected comes here, the rest goes to the kernel', () => {
  it('nothing is taken at first, then what is selected, then nothing again', async () => {
    const share = await kernelShare();
    const { attachment, memory, port } = await openPacket('up0');
    const far = await openFar();
    far.send(query('before'));
    attachment.select(selecting({ destinations: [VIP] }));
    far.send(query('taken'), query('other family', 40000, VIP6));
    attachment.select(selecting({ destinations: [VIP6] }));
    far.send(query('let go'), query('taken too', 40000, VIP6));
    attachment.select(SELECT_NOTHING);
    far.send(query('after'), query('after', 40000, VIP6));
    await pause();
    expect(received(memory, port)).toEqual([query('taken').bytes(), query('taken too', 40000, VIP6).bytes()]);
    expect(share.toSorted()).toEqual(['after', 'after', 'before', 'let go', 'other family']);
    expect(far.port.counters()).toMatchObject({ sent: 7, sendDropped: 0 });
  });

  it('closed, it leaves the interface to the kernel', async () => {
    const share = await kernelShare();
    const { attachment, port } = await openPacket('up0');
    attachment.select(selecting({ destinations: [VIP] }));
    const far = await openFar();
    far.send(query('taken'));
    port.close();
    attachment.close();
    open.splice(open.indexOf(port), 1);
    far.send(query('let go'));
    await pause();
    expect(share).toEqual(['let go']);
  });

  it('does not see what it sends itself, nor what the kernel sends', async () => {
    const { attachment, memory, port } = await openPacket('up0');
    attachment.select(selecting({ destinations: ['192.0.2.1', '192.0.2.2'] }));
    const far = await openFar();
    far.attachment.select(selecting({ destinations: ['192.0.2.1', '192.0.2.2'] }));
    const frame = eth({ dst: 'ff:ff:ff:ff:ff:ff' }).ipv4(VIP, '192.0.2.1').udp(53, 40000).payload('ours');
    memory.put(port.number, withHeader(frame.bytes()));
    port.send();
    execFileSync('ip', 'neigh replace 192.0.2.2 dev up0 lladdr 02:00:00:00:00:0b nud permanent'.split(' '));
    execFileSync('ip', 'route replace 192.0.2.2 dev up0'.split(' '));
    const socket = createSocket('udp4');
    await new Promise((resolve) => socket.send('theirs', 53, '192.0.2.2', resolve));
    socket.close();
    expect(received(far.memory, far.port)).toHaveLength(2);
    expect(received(memory, port)).toEqual([]);
  });

  it('queues share what arrives, both directions of a flow in one', async () => {
    const { attachment, memory, ports } = await openPacket('up0', { queueCount: 3 });
    attachment.select(selecting({ destinations: [VIP, '192.0.2.1'] }));
    const far = await openFar();
    const flows = Array.from({ length: 60 }, (_, i) => 40000 + i);
    for (const flow of flows) {
      far.send(query('there', flow), toUp().ipv4(VIP, '192.0.2.1').udp(53, flow).payload('and back'));
    }
    const counts = ports.map((port) => received(memory, port).length);
    expect(counts.reduce((sum, count) => sum + count)).toBe(120);
    for (const count of counts) expect(count).toBeGreaterThan(10);
    // A flow has two frames, so a queue has an even number of them.
    expect(counts.map((count) => count % 2)).toEqual([0, 0, 0]);
  });
});

describe.skipIf(missing)('packet: offloads', () => {
  it('a frame that asks for it leaves with a finished checksum, or says that it has none', async () => {
    const { attachment, memory, port } = await openPacket('up0');
    attachment.select(selecting({ destinations: [VIP] }));
    const far = await openFar();
    const frame = query('to be summed').bytes();
    const header = Uint8Array.of(1, 0, 0, 0, 0, 0, 34, 0, 6, 0);
    far.memory.put(far.port.number, Uint8Array.from([...header, ...frame]));
    far.port.send();
    port.receive();
    const [arrival] = memory.arrivals(port.number);
    expect(arrival.bytes.subarray(0, VIRTIO_BYTES)).toEqual(header);
    expect(arrival.bytes.subarray(VIRTIO_BYTES)).toEqual(frame);
  });

  it('TCP of 30 KB arrives whole, with its virtio header', async () => {
    const { attachment, memory, port } = await openPacket('up0');
    attachment.select(selecting({ destinations: [VIP] }));
    const far = await openFar();
    const frame = toUp().ipv4('192.0.2.1', VIP).tcp(40000, 443, SYN).payload('x'.repeat(30_000)).bytes();
    const header = Uint8Array.of(1, 1, 54, 0, 0x78, 5 /* 1400 */, 34, 0, 16, 0);
    far.memory.put(far.port.number, Uint8Array.from([...header, ...frame]));
    far.port.send();
    expect(far.port.counters()).toMatchObject({ sent: 1, sendDropped: 0 });
    port.receive();
    const [arrival] = memory.arrivals(port.number);
    expect([...arrival.bytes.subarray(0, 2)]).toEqual([1, 1]);
    expect([...arrival.bytes.subarray(4, 10)]).toEqual([...header.subarray(4, 10)]);
    expect(arrival.bytes.length).toBe(VIRTIO_BYTES + frame.length);
  });
});

describe.skipIf(missing)('packet: what cannot be sent', () => {
  it('a frame too long for the interface stops none of the others', async () => {
    const { attachment, memory, port } = await openPacket('up0');
    attachment.select(selecting({ destinations: [VIP] }));
    const far = await openFar();
    const long = withHeader(query('x'.repeat(3000)).bytes());
    for (const frame of [long, withHeader(query('1').bytes()), long, long, withHeader(query('2').bytes()), long]) {
      far.memory.put(far.port.number, frame);
    }
    far.port.send();
    expect(far.memory.pendingCount(far.port.number)).toBe(0);
    expect(far.port.counters()).toMatchObject({ sent: 2, sendDropped: 4 });
    expect(received(memory, port)).toEqual([query('1').bytes(), query('2').bytes()]);
  });

  it('while the interface is down, all is dropped; then it goes on', async () => {
    const { attachment, memory, port } = await openPacket('up0');
    attachment.select(selecting({ destinations: [VIP] }));
    const far = await openFar();
    execFileSync('ip', 'link set far0 down'.split(' '));
    far.send(query('lost'), query('lost'));
    expect(far.port.counters()).toMatchObject({ sent: 0, sendDropped: 2 });
    expect(far.port.receive()).toBe(0);
    execFileSync('ip', 'link set far0 up'.split(' '));
    far.send(query('found'));
    expect(received(memory, port)).toEqual([query('found').bytes()]);
    far.attachment.select(selecting({ destinations: ['192.0.2.1'] }));
    memory.put(port.number, withHeader(eth().ipv4(VIP, '192.0.2.1').udp(53, 40000).bytes()));
    port.send();
    expect(received(far.memory, far.port)).toHaveLength(1);
  });
});

describe.skipIf(missing)('packet: what it refuses, in one line', () => {
  it.each([
    { text: 'packet:up9', why: 'there is no interface up9 (there are NAMES)' },
    { text: 'packet:down0', why: 'down0 is down: ip link set down0 up' },
    { text: 'packet:bare0', why: 'bare0 is no Ethernet interface' },
    { text: 'packet:lo', why: 'lo is no Ethernet interface' },
    { text: 'packet:up0', mtuBytesMin: 1650, why: 'MTU 1600 is too small: tunnels of the fabric take 1650 bytes' },
    { text: 'packet:up0', side: 'vm', queueCount: 2, why: 'a VM is served by one queue' },
  ] as const)('$text: $why', async ({ text, why, ...options }) => {
    const message = `${text}: ${why.replace('NAMES', interfaceNames().join(', '))}`;
    await expect(attach(text, options)).rejects.toMatchObject({ code: 'ERR_PORT', message });
  });
});
