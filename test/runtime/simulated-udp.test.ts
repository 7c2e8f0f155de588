/** Datagrams of the simulated network. */
import { describe, expect, it } from 'vitest';
import type { UdpOptions } from '../../sdk/runtime/index.js';
import { SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';

const TO = { address: '10.0.0.2', port: 3784 };

async function pair({ seed = 1, near = {} as Partial<UdpOptions>, far = {} as Partial<UdpOptions> } = {}) {
  const network = new SimulatedNetwork({ seed });
  const hosts = [network.host('10.0.0.1'), network.host('10.0.0.2')] as const;
  const received: string[] = [];
  const options = { port: 3784, hopLimit: 255, hopLimitMin: 255 };
  const socket = await hosts[0].udp.bind({ ...options, localAddress: '10.0.0.1', ...near }, () => {});
  await hosts[1].udp.bind({ ...options, localAddress: '10.0.0.2', ...far }, (bytes, from) => {
    received.push(`${bytes.join(' ')} from ${from.address}:${from.port}`);
  });
  return { network, hosts, socket, received, there: network.path('10.0.0.1', '10.0.0.2') };
}

describe('a datagram', () => {
  it('arrives as it was when it was sent', async () => {
    const { network, socket, received } = await pair();
    const bytes = Uint8Array.of(1, 2, 3);
    socket.send(bytes, TO);
    bytes.fill(0);
    expect(received).toEqual([]);
    await network.clock.runFor(5);
    expect(received).toEqual(['1 2 3 from 10.0.0.1:3784']);
  });

  const rows = [
    { name: 'from a neighbour', hopLimit: 255, hopLimitMin: 255, hops: 1, arrives: true },
    { name: 'from behind a router', hopLimit: 255, hopLimitMin: 255, hops: 2, arrives: false },
    { name: 'with a plain hop limit', hopLimit: 64, hopLimitMin: 255, hops: 1, arrives: false },
    { name: 'from far away, where nobody minds', hopLimit: 64, hopLimitMin: 0, hops: 64, arrives: true },
    { name: 'from too far away', hopLimit: 64, hopLimitMin: 0, hops: 65, arrives: false },
  ];
  it.each(rows)('$name', async ({ hopLimit, hopLimitMin, hops, arrives }) => {
    const { network, socket, received, there } = await pair({ near: { hopLimit }, far: { hopLimitMin } });
    there.hops = hops;
    socket.send(Uint8Array.of(1), TO);
    await network.clock.runFor(5);
    expect(received).toHaveLength(arrives ? 1 : 0);
  });

  it('is lost in a partition, and as often as the path says', async () => {
    const { network, socket, received, there } = await pair();
    there.isCut = true;
    socket.send(Uint8Array.of(1), TO);
    await network.clock.runFor(5);
    there.isCut = false;
    await network.clock.runFor(5000);
    expect(received).toEqual([]);
    there.lossShare = 0.5;
    for (let i = 0; i < 1000; i++) socket.send(Uint8Array.of(1), TO);
    await network.clock.runFor(5);
    expect(received.length).toBeGreaterThan(80);
    // Nobody reads more than a kernel keeps, and nobody was stopped: loss alone decides.
    expect(received.length).toBeLessThan(600);
  });

  it('to nobody, a dead host or a closed socket is lost in silence', async () => {
    const { network, hosts, socket, received } = await pair();
    socket.send(Uint8Array.of(1), { address: '10.0.0.9', port: 3784 });
    socket.send(Uint8Array.of(1), { ...TO, port: 3785 });
    hosts[1].kill('ended');
    socket.send(Uint8Array.of(1), TO);
    await network.clock.runFor(5);
    socket.close();
    socket.send(Uint8Array.of(1), TO);
    await network.clock.runFor(5);
    expect(received).toEqual([]);
  });

  it('waits for a stopped process, but not without end', async () => {
    const { network, hosts, socket, received } = await pair();
    hosts[1].stop();
    for (let i = 0; i < 300; i++) socket.send(Uint8Array.of(i & 255), TO);
    await network.clock.runFor(5);
    hosts[1].continue();
    await network.clock.runFor(5);
    expect(received).toHaveLength(256);
  });
});

describe('a port', () => {
  it('is bound once, by who has the address; 0 is any that is free', async () => {
    const { hosts } = await pair();
    const options = { localAddress: '10.0.0.1', port: 3784, hopLimit: 255, hopLimitMin: 255 };
    await expect(hosts[0].udp.bind(options, () => {})).rejects.toMatchObject({ code: 'ERR_SOCKET' });
    await expect(hosts[0].udp.bind({ ...options, localAddress: '10.0.0.2' }, () => {})).rejects.toMatchObject({
      code: 'ERR_SOCKET',
    });
    const ports = [0, 0].map(async (port) => (await hosts[0].udp.bind({ ...options, port }, () => {})).local.port);
    const [first, second] = await Promise.all(ports);
    expect(first).not.toBe(second);
  });
});
