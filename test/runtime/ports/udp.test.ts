/** The UDP port: tunnels through a socket of the kernel, as they look on the wire; what is around it is in link.ts. */
import { createSocket } from 'node:dgram';
import { describe, expect, it } from 'vitest';
import { socketAddress } from '../../../sdk/runtime/node/socket-address.js';
import { eth } from '../../support/packet.js';
import type { FakeMemory } from './fake-memory.js';
import { attach, closeLater, enterLinkNamespace, FAR_MAC, ip, openFar, openText, received, toUp } from './link.js';

const HERE = '10.1.1.2';
const HERE6 = '2001:db8:1::2';
const PEER = '10.2.2.2';
const PEER6 = '2001:db8:2::2';
const OTHER = '10.1.1.3';

const missing = await enterLinkNamespace();
if (missing) console.log(`skipped: the UDP port was not tried, as ${missing}`);
else {
  ip(`addr add ${HERE}/24 dev up0`);
  ip(`addr add ${OTHER}/24 dev up0`);
  ip(`addr add ${HERE6}/64 dev up0 nodad`);
  ip(`neigh add 10.1.1.1 dev up0 lladdr ${FAR_MAC} nud permanent`);
  ip(`neigh add 2001:db8:1::1 dev up0 lladdr ${FAR_MAC} nud permanent`);
  ip('route add default via 10.1.1.1');
  ip('route add default via 2001:db8:1::1');
}

const bytes = (text: string) => new TextEncoder().encode(text);
const openUdp = (...providerAddresses: readonly string[]) => openText('udp', { providerAddresses });

/** What has come in, each as its text and where it came from. */
function payloads(memory: FakeMemory, port: { number: number; receive(): number }): [string, Uint8Array][] {
  while (port.receive() > 0);
  return memory.arrivals(port.number).map((arrival) => [new TextDecoder().decode(arrival.bytes), arrival.name]);
}

/** Without what is the kernel's: identification of IPv4 and the checksum that follows from it, flow label of IPv6. */
function comparable(frame: Uint8Array): Uint8Array {
  return frame[12] === 0x08 ? frame.fill(0, 18, 20).fill(0, 24, 26) : frame.fill(0, 15, 18);
}

describe.skipIf(missing)('udp: tunnels as the other ports would send them', () => {
  it.each([
    { name: 'one address: IPv4', addresses: [HERE] },
    { name: 'one of each family', addresses: [HERE, HERE6] },
  ])('$name: source, port 4789, DF, no UDP checksum', async ({ addresses }) => {
    const { memory, port } = await openUdp(...addresses);
    const far = await openFar(PEER, PEER6);
    memory.put(port.number, bytes('four'), socketAddress(PEER, 4789));
    port.send();
    if (addresses.length > 1) {
      memory.put(port.number, bytes('six'), socketAddress(PEER6, 4789));
      port.send();
    }
    const header = eth({ dst: FAR_MAC, src: '02:00:00:00:00:0a' });
    const expected = [header.ipv4(HERE, PEER).udp(4789, 4789, { checksum: 'none' }).payload('four')];
    if (addresses.length > 1) {
      expected.push(header.ipv6(HERE6, PEER6).udp(4789, 4789, { checksum: 'none' }).payload('six'));
    }
    const seen = received(far.memory, far.port);
    expect(seen.map(comparable)).toEqual(expected.map((packet) => comparable(packet.bytes())));
    expect(port.counters()).toMatchObject({ sent: addresses.length, sendDropped: 0 });
    expect(port.interface).toBeUndefined();
  });

  it('takes payloads with the address they came from, without and with checksums', async () => {
    const { memory, port } = await openUdp(HERE, HERE6);
    const far = await openFar();
    far.send(
      toUp().ipv4(PEER, HERE).udp(50001, 4789, { checksum: 'none' }).payload('none'),
      toUp().ipv4(PEER, HERE).udp(50002, 4789).payload('right'),
      toUp().ipv4(PEER, HERE).udp(50003, 4789, { checksum: 0x1234 }).payload('wrong'),
      toUp().ipv6(PEER6, HERE6).udp(50004, 4789, { checksum: 'none' }).payload('none'),
    );
    expect(payloads(memory, port).map(([text, name]) => [text, (name[2] << 8) | name[3]])).toEqual([
      ['none', 50001],
      ['right', 50002],
      ['none', 50004],
    ]);
  });

  it('addresses of one family come as addresses of that family', async () => {
    const { memory, port } = await openUdp(HERE);
    const far = await openFar();
    far.send(toUp().ipv4(PEER, HERE).udp(50001, 4789).payload('x'));
    expect(payloads(memory, port)).toEqual([['x', socketAddress(PEER, 50001)]]);
  });

  it('what is too long for the path, or has no route, stops none of the others', async () => {
    const { memory, port } = await openUdp(HERE);
    const far = await openFar(PEER);
    ip('route add unreachable 10.9.0.0/16');
    const to = socketAddress(PEER, 4789);
    memory.put(port.number, new Uint8Array(1600 - 27), to);
    memory.put(port.number, bytes('1'), to);
    memory.put(port.number, bytes('nowhere'), socketAddress('10.9.9.9', 4789));
    memory.put(port.number, new Uint8Array(1600 - 28), to);
    memory.put(port.number, new Uint8Array(1600 - 27), to);
    port.send();
    expect(memory.pendingCount(port.number)).toBe(0);
    expect(port.counters()).toMatchObject({ sent: 2, sendDropped: 3 });
    expect(received(far.memory, far.port).map((frame) => frame.length)).toEqual([43, 1614]);
  });

  it('queues share what arrives', async () => {
    const { memory, ports } = await openText('udp', { providerAddresses: [HERE], queueCount: 2 });
    const far = await openFar();
    for (let flow = 50000; flow < 50060; flow++) far.send(toUp().ipv4(PEER, HERE).udp(flow, 4789).payload('x'));
    const counts = ports.map((port) => payloads(memory, port).length);
    expect(counts[0] + counts[1]).toBe(60);
    for (const count of counts) expect(count).toBeGreaterThan(10);
  });

  it('leaves the port when it is closed', async () => {
    const first = await attach('udp', { providerAddresses: [HERE] });
    first.close();
    await attach('udp', { providerAddresses: [HERE] });
    await attach('udp,port=14789', { providerAddresses: [HERE] });
    await attach('udp', { providerAddresses: [OTHER] });
  });
});

describe.skipIf(missing)('udp: what it refuses, in one line', () => {
  it.each([
    { addresses: [], why: 'the fabric gives this machine no provider address to bind' },
    { addresses: [HERE], side: 'vm', why: 'VMs have Ethernet: tap, packet or xdp' },
    { addresses: ['10.7.7.7'], why: '10.7.7.7 is no address of this machine: ip addr add 10.7.7.7 dev …' },
    {
      addresses: [HERE, '2001:db8:7::7'],
      why: '2001:db8:7::7 is no address of this machine: ip addr add 2001:db8:7::7 dev …',
    },
    { addresses: [HERE], mtuBytesMin: 1650, why: 'MTU 1600 is too small: tunnels of the fabric take 1650 bytes' },
    { addresses: [HERE], taken: HERE, why: '10.1.1.2:4789 is taken by another socket, or by a vxlan device' },
    { addresses: [HERE6], taken: HERE6, why: '[2001:db8:1::2]:4789 is taken by another socket, or by a vxlan device' },
    {
      addresses: [HERE, HERE6],
      taken: HERE,
      queueCount: 2,
      why: '10.1.1.2:4789 is taken by another socket, or by a vxlan device',
    },
  ] as const)('$addresses: $why', async ({ addresses, why, ...row }) => {
    const { taken, ...options } = { taken: undefined, ...row };
    if (taken) {
      const socket = closeLater(createSocket({ type: taken.includes(':') ? 'udp6' : 'udp4' }));
      await new Promise<void>((resolve) => socket.bind(4789, taken, resolve));
    }
    await expect(attach('udp', { ...options, providerAddresses: addresses })).rejects.toMatchObject({
      code: 'ERR_PORT',
      message: `udp: ${why}`,
    });
  });

  it('a vxlan device has the port', async () => {
    ip('link add vx0 type vxlan id 7 dstport 4789');
    ip('link set vx0 up');
    await expect(attach('udp', { providerAddresses: [HERE] })).rejects.toThrow(
      'udp: 10.1.1.2:4789 is taken by another socket, or by a vxlan device',
    );
    ip('link del vx0');
  });
});
