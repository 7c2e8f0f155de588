/** AF_PACKET ports: what they take from the kernel and what they leave it; what is in between is in link.ts. */
import { createSocket } from 'node:dgram';
import { describe, expect, it } from 'vitest';
import { interfaceNames } from '../../../sdk/runtime/node/ports/interface.js';
import { SELECT_NOTHING } from '../../../sdk/runtime/packet-port.js';
import { eth, SYN } from '../../support/packet.js';
import {
  arrivals,
  attach,
  enterLinkNamespace,
  FAR_MAC,
  ip,
  kernelShare,
  openFar,
  openText,
  pause,
  query,
  received,
  selecting,
  sendBytes,
  toUp,
  VIP,
  VIP6,
  VIRTIO_BYTES,
} from './link.js';

const missing = await enterLinkNamespace();
if (missing) console.log(`skipped: AF_PACKET ports were not tried, as ${missing}`);
else {
  ip('tuntap add dev bare0 mode tun');
  ip('link set bare0 up');
  ip('link add down0 type veth peer name down1');
}

describe.skipIf(missing)('packet: what is selected comes here, the rest goes to the kernel', () => {
  it('nothing is taken at first, then what is selected, then nothing again', async () => {
    const share = await kernelShare();
    const { attachment, memory, port } = await openText('packet:up0');
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
    const { attachment, port } = await openText('packet:up0');
    attachment.select(selecting({ destinations: [VIP] }));
    const far = await openFar();
    far.send(query('taken'));
    port.close();
    attachment.close();
    far.send(query('let go'));
    await pause();
    expect(share).toEqual(['let go']);
  });

  it('does not see what it sends itself, nor what the kernel sends', async () => {
    const { attachment, memory, port } = await openText('packet:up0');
    attachment.select(selecting({ destinations: ['192.0.2.1', '192.0.2.2'] }));
    const far = await openFar('192.0.2.1', '192.0.2.2');
    const frame = eth({ dst: 'ff:ff:ff:ff:ff:ff' }).ipv4(VIP, '192.0.2.1').udp(53, 40000).payload('ours');
    sendBytes(memory, port, frame.bytes());
    ip(`neigh replace 192.0.2.2 dev up0 lladdr ${FAR_MAC} nud permanent`);
    ip('route replace 192.0.2.2 dev up0');
    const socket = createSocket('udp4');
    await new Promise((resolve) => socket.send('theirs', 53, '192.0.2.2', resolve));
    socket.close();
    expect(received(far.memory, far.port)).toHaveLength(2);
    expect(received(memory, port)).toEqual([]);
  });

  it('queues share what arrives, both directions of a flow in one', async () => {
    const { attachment, memory, ports } = await openText('packet:up0', { queueCount: 3 });
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
    const { attachment, memory, port } = await openText('packet:up0');
    attachment.select(selecting({ destinations: [VIP] }));
    const far = await openFar();
    const frame = query('to be summed').bytes();
    const header = Uint8Array.of(1, 0, 0, 0, 0, 0, 34, 0, 6, 0);
    sendBytes(far.memory, far.port, frame, header);
    expect(arrivals(memory, port)).toEqual([Uint8Array.from([...header, ...frame])]);
  });

  it('TCP of 30 KB arrives whole, with its virtio header', async () => {
    const { attachment, memory, port } = await openText('packet:up0');
    attachment.select(selecting({ destinations: [VIP] }));
    const far = await openFar();
    const frame = toUp().ipv4('192.0.2.1', VIP).tcp(40000, 443, SYN).payload('x'.repeat(30_000)).bytes();
    const header = Uint8Array.of(1, 1, 54, 0, 0x78, 5 /* 1400 */, 34, 0, 16, 0);
    sendBytes(far.memory, far.port, frame, header);
    expect(far.port.counters()).toMatchObject({ sent: 1, sendDropped: 0 });
    const [arrival] = arrivals(memory, port);
    expect([...arrival.subarray(0, 2)]).toEqual([1, 1]);
    expect([...arrival.subarray(4, 10)]).toEqual([...header.subarray(4, 10)]);
    expect(arrival.length).toBe(VIRTIO_BYTES + frame.length);
  });
});

describe.skipIf(missing)('packet: what cannot be sent', () => {
  it('a frame too long for the interface stops none of the others', async () => {
    const { attachment, memory, port } = await openText('packet:up0');
    attachment.select(selecting({ destinations: [VIP] }));
    const far = await openFar();
    const long = query('x'.repeat(3000));
    for (const packet of [long, query('1'), long, long, query('2'), long]) {
      far.memory.put(far.port.number, Uint8Array.from([...new Uint8Array(VIRTIO_BYTES), ...packet.bytes()]));
    }
    far.port.send();
    expect(far.memory.pendingCount(far.port.number)).toBe(0);
    expect(far.port.counters()).toMatchObject({ sent: 2, sendDropped: 4 });
    expect(received(memory, port)).toEqual([query('1').bytes(), query('2').bytes()]);
  });

  it('while the interface is down, all is dropped; then it goes on', async () => {
    const { attachment, memory, port } = await openText('packet:up0');
    attachment.select(selecting({ destinations: [VIP] }));
    const far = await openFar('192.0.2.1');
    ip('link set far0 down');
    far.send(query('lost'), query('lost'));
    expect(far.port.counters()).toMatchObject({ sent: 0, sendDropped: 2 });
    expect(far.port.receive()).toBe(0);
    ip('link set far0 up');
    far.send(query('found'));
    expect(received(memory, port)).toEqual([query('found').bytes()]);
    sendBytes(memory, port, eth().ipv4(VIP, '192.0.2.1').udp(53, 40000).bytes());
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
