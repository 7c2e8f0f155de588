/**
 * Next hops as the kernel has them, in namespaces: found, followed, and compared with what `ip route get` and `ip neigh` say.
 *
 *   this ─ up0 10.1.0.1/24 fd01::1/64 ─ 10.1.0.2 fd01::2 ─ one
 *   this ─ up1 10.2.0.1/24 fd02::1/64 ─ 10.2.0.2 fd02::2 ─ two
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NextHopTable } from '../../../sdk/runtime/node/netlink/index.js';
import { sysctl } from '../namespace.js';
import { socketCount } from '../recorder.js';
import { enterLab, ip, ipBatch, ipJson, join, leaveLab, Machine, until } from './lab.js';

const missing = await enterLab('next hops of the kernel');

const MAC_ONE = '02:00:00:00:01:02';
const MAC_TWO = '02:00:00:00:02:02';
const MAC_NEW = '02:00:00:00:0e:0e';

let one: Machine;
let two: Machine;
let table: NextHopTable;
let callCount: number;

describe.skipIf(missing)('next hops', () => {
  beforeAll(() => {
    // An address is usable at once, instead of when it is sure that nobody else has it.
    sysctl('net.ipv6.conf.default.accept_dad', 0);
    one = new Machine('one');
    two = new Machine('two');
  });
  afterAll(leaveLab);

  beforeEach(() => {
    joinOne();
    joinTwo();
    table = new NextHopTable();
    callCount = 0;
    table.subscribe(() => {
      callCount += 1;
    });
  });
  afterEach(() => {
    table.close();
    for (const name of ['up0', 'up1']) if (ipJson(`link show ${name}`).length > 0) ip(`link del ${name}`);
  });

  it.each([
    ['on the link', '10.1.0.2', 'up0', '10.1.0.2', MAC_ONE],
    ['on the link, IPv6', 'fd01::2', 'up0', 'fd01::2', MAC_ONE],
    ['on the other link', 'fd02::2', 'up1', 'fd02::2', MAC_TWO],
    ['behind a router', '198.51.100.7', 'up0', '10.1.0.2', MAC_ONE],
    ['behind a router, IPv6', '2001:db8::7', 'up1', 'fd02::2', MAC_TWO],
    ['behind a router of IPv6', '192.0.2.7', 'up1', 'fd02::2', MAC_TWO],
    ['behind a router on no network of ours', '192.0.3.7', 'up1', '10.2.0.2', MAC_TWO],
  ])('%s: %s', async (_, destination, name, address, macAddress) => {
    ip('route add 198.51.100.0/24 via 10.1.0.2');
    ip('route add 2001:db8::/32 via fd02::2');
    ip('route add 192.0.2.0/24 via inet6 fd02::2 dev up1');
    ip('route add 192.0.3.0/24 via 10.2.0.2 dev up1 onlink');
    table.want([destination]);
    const link = ipJson(`link show ${name}`)[0]!;
    expect(table.of(destination)).toMatchObject({
      interface: { name, index: link.ifindex, macAddress: link.address, mtuBytes: link.mtu },
      address,
    });
    await untilMac(destination, macAddress);
    expectLikeKernel([destination]);
  });

  it.each([
    ['this machine', '10.1.0.1'],
    ['this machine, IPv6', 'fd01::1'],
    ['the loopback', '127.0.0.1'],
    ['no route', '203.0.113.1'],
    ['no route, IPv6', '2001:db8::1'],
    ['a black hole', '198.51.100.1'],
    ['a black hole, IPv6', 'fd99::1'],
    ['forbidden', '198.51.100.2'],
    ['everybody on a link', '10.1.0.255'],
    ['a group', '224.0.0.5'],
  ])('%s: none', (_, destination) => {
    ip('route replace blackhole 198.51.100.1');
    ip('route replace blackhole fd99::1');
    ip('route replace prohibit 198.51.100.2');
    table.want([destination]);
    expect(table.of(destination)).toBeUndefined();
  });

  it('are for those who are wanted, however they are written', () => {
    table.want(['FD01::0002', '10.1.0.2']);
    expect(table.of('fd01:0::2')?.address).toBe('fd01::2');
    expect(table.of('10.1.0.3')).toBeUndefined();
    table.want(['10.1.0.3']);
    expect(table.of('10.1.0.2')).toBeUndefined();
    expect(table.of('10.1.0.3')?.address).toBe('10.1.0.3');
    expect(() => table.want(['10.1'])).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }));
  });

  it.each(['10.1.0.2', 'fd01::2'])('follow %s to another MAC address when it speaks', async (destination) => {
    table.want([destination]);
    await untilMac(destination, MAC_ONE);
    one.ip(`link set down0 address ${MAC_NEW}`);
    one.run(`ping -c 1 -W 2 ${destination === '10.1.0.2' ? '10.1.0.1' : 'fd01::1'}`);
    await untilMac(destination, MAC_NEW);
    await untilLikeKernel([destination]);
  });

  it.each([
    ['10.1.0.2', 'ipv4'],
    ['fd01::2', 'ipv6'],
  ])('find %s again when it is silent: the kernel is kept asking', async (destination, family) => {
    hurry(family);
    table.want([destination]);
    await untilMac(destination, MAC_ONE);
    one.ip(`link set down0 address ${MAC_NEW}`);
    await untilMac(destination, MAC_NEW);
  });

  it.each([
    ['10.1.0.2', 'ipv4', '10.1.0.2/24'],
    ['fd01::2', 'ipv6', 'fd01::2/64 nodad'],
  ])('keep the last MAC address of %s while it is dead', async (destination, family, address) => {
    hurry(family);
    table.want([destination]);
    await untilMac(destination, MAC_ONE);
    one.ip(`addr del ${address.split(' ')[0]} dev down0`);
    await until(
      () => neighbour(destination, 'up0'),
      (seen) => (seen?.state as string[] | undefined)?.[0] === 'FAILED',
    );
    expect(table.of(destination)?.macAddress).toBe(MAC_ONE);
    one.ip(`link set down0 address ${MAC_NEW}`);
    one.ip(`addr add ${address} dev down0`);
    await untilMac(destination, MAC_NEW);
  });

  it('know a neighbour that was not there before', async () => {
    table.want(['10.1.0.9']);
    await until(
      () => neighbour('10.1.0.9', 'up0'),
      (seen) => seen !== undefined,
    );
    expect(table.of('10.1.0.9')).toMatchObject({ address: '10.1.0.9', macAddress: undefined });
    one.ip('addr add 10.1.0.9/24 dev down0');
    await untilMac('10.1.0.9', MAC_ONE);
    expect(callCount).toBeGreaterThan(0);
  });

  describe.each([
    ['IPv4', '198.51.100.7', '198.51.100.0/24', '10.1.0.2', '10.2.0.2', ''],
    ['IPv6', '2001:db8::7', '2001:db8::/32', 'fd01::2', 'fd02::2', '-6 '],
  ])('move, %s,', (_, destination, prefix, gatewayOne, gatewayTwo, family) => {
    beforeEach(async () => {
      ip(`route add ${prefix} via ${gatewayOne} metric 100`);
      table.want([destination]);
      await untilMac(destination, MAC_ONE);
      callCount = 0;
    });

    it.each([
      ['a route is replaced', [`route replace ${prefix} via ${gatewayTwo} metric 100`]],
      [
        'another is added and the first deleted',
        [`route add ${prefix} via ${gatewayTwo} metric 200`, `route del ${prefix} via ${gatewayOne} metric 100`],
      ],
      ['a better one comes', [`route add ${prefix} via ${gatewayTwo} metric 50`]],
      ['a longer one comes', [`route add ${destination} via ${gatewayTwo}`]],
      [
        'a rule leads to another table',
        [`route add ${prefix} via ${gatewayTwo} table 77`, `${family}rule add to ${destination} lookup 77`],
      ],
    ])('when %s', async (_, commands) => {
      for (const command of commands) ip(command);
      await untilMac(destination, MAC_TWO);
      expect(table.of(destination)).toMatchObject({ interface: { name: 'up1' }, address: gatewayTwo });
      expectLikeKernel([destination]);
      expect(callCount).toBeGreaterThan(0);
      if (commands[1]?.includes('rule')) ip(`${family}rule del to ${destination} lookup 77`);
      await untilLikeKernel([destination]);
    });

    it('when a shared next hop is replaced', async () => {
      ip(`nexthop add id 7 via ${gatewayOne} dev up0`);
      ip(`${family}route add ${destination} nhid 7`);
      await untilLikeKernel([destination]);
      ip(`nexthop replace id 7 via ${gatewayTwo} dev up1`);
      await untilMac(destination, MAC_TWO);
      ip('nexthop del id 7');
    });

    it('away, when the route is deleted, and back', async () => {
      ip(`route del ${prefix}`);
      await until(
        () => table.of(destination),
        (seen) => seen === undefined,
      );
      ip(`route add ${prefix} via ${gatewayOne}`);
      await untilMac(destination, MAC_ONE);
    });

    it('to the other path when the interface goes down, and back when it is up', async () => {
      ip(`route add ${prefix} via ${gatewayTwo} metric 200`);
      ip('link set up0 down');
      await untilMac(destination, MAC_TWO);
      await untilLikeKernel([destination]);
      ip('link set up0 up');
      // Routes of an interface go for good with it.
      ip(`addr replace ${family ? 'fd01::1/64' : '10.1.0.1/24'} dev up0${family ? ' nodad' : ''}`);
      await until(
        () => linkIsUp('up0'),
        (seen) => seen,
      );
      ip(`route replace ${prefix} via ${gatewayOne} metric 100`);
      await untilMac(destination, MAC_ONE);
      await untilLikeKernel([destination]);
    });

    it('away, when the interface is deleted, and to its namesake', async () => {
      const { index } = table.of(destination)!.interface;
      ip('link del up0');
      await until(
        () => table.of(destination),
        (seen) => seen === undefined,
      );
      joinOne();
      ip(`route add ${prefix} via ${gatewayOne}`);
      await untilMac(destination, MAC_ONE);
      expect(table.of(destination)!.interface.index).not.toBe(index);
      await untilLikeKernel([destination]);
    });
  });

  it('tell of another MTU and another MAC address of the interface', async () => {
    table.want(['10.1.0.2']);
    await untilMac('10.1.0.2', MAC_ONE);
    callCount = 0;
    ip('link set up0 mtu 1400');
    ip('link set up0 address 02:00:00:00:01:77');
    await until(
      () => table.of('10.1.0.2')?.interface,
      (seen) => seen?.mtuBytes === 1400 && seen.macAddress === '02:00:00:00:01:77',
    );
    expect(callCount).toBeGreaterThan(0);
  });

  it('of the default route', async () => {
    expect([table.ofDefault(4), table.ofDefault(6)]).toEqual([undefined, undefined]);
    ip('route add default via 10.1.0.2');
    ip('route add default via fd02::2');
    const addresses = () => [table.ofDefault(4)?.address, table.ofDefault(6)?.address];
    await until(addresses, ([four, six]) => four === '10.1.0.2' && six === 'fd02::2');
    await until(
      () => table.ofDefault(4)?.macAddress,
      (seen) => seen === MAC_ONE,
    );
    // What nobody has is often dropped on purpose.
    ip('route add blackhole 240.0.0.0/4');
    ip('route add blackhole 192.88.99.0/24');
    ip('route add blackhole 3ffe::/16');
    ip('route replace default via 10.2.0.2');
    await until(addresses, ([four, six]) => four === '10.2.0.2' && six === 'fd02::2');
    ip('route del default');
    await until(addresses, ([four, six]) => four === undefined && six === 'fd02::2');
    ip('route add 128.0.0.0/1 via 10.1.0.2');
    await until(addresses, ([four]) => four === '10.1.0.2');
    for (const prefix of ['240.0.0.0/4', '192.88.99.0/24', '3ffe::/16']) ip(`route del blackhole ${prefix}`);
  });

  it('leave a neighbour alone that someone else keeps', async () => {
    ip(`neigh replace 10.1.0.5 lladdr ${MAC_NEW} dev up0 nud permanent`);
    ip(`neigh replace fd01::5 lladdr ${MAC_NEW} dev up0 extern_learn`);
    ip('neigh replace 10.1.0.2 dev up0 managed');
    table.want(['10.1.0.5', 'fd01::5', '10.1.0.2', 'fd01::2']);
    await untilMac('fd01::2', MAC_ONE);
    // All of them are used once in 3 s.
    await new Promise((resolve) => setTimeout(resolve, 3300));
    expect(table.of('10.1.0.5')?.macAddress).toBe(MAC_NEW);
    expect(table.of('fd01::5')?.macAddress).toBe(MAC_NEW);
    expect(neighbour('10.1.0.5', 'up0')).toMatchObject({ state: ['PERMANENT'] });
    expect(ip('neigh show fd01::5 dev up0')).toContain('extern_learn');
    expect(ip('neigh show 10.1.0.2 dev up0')).toContain('managed');
    const ordinary = ip('neigh show fd01::2 dev up0');
    expect(ordinary).toMatch(/REACHABLE|STALE|DELAY|PROBE/);
    expect(ordinary).not.toMatch(/managed|extern_learn|PERMANENT/);
  });

  it('tell of many changes at once with one call, and of none with none', async () => {
    const destinations = Array.from({ length: 100 }, (_, i) => `198.51.100.${i}`);
    ip('route add 198.51.100.0/24 via 10.1.0.2');
    table.want(['10.1.0.2', '10.2.0.2', ...destinations]);
    await untilMac('10.1.0.2', MAC_ONE);
    await untilMac('10.2.0.2', MAC_TWO);
    await new Promise((resolve) => setTimeout(resolve, 500));
    callCount = 0;
    ip('route add 203.0.113.0/24 via 10.2.0.2');
    ip('neigh add 10.2.0.77 lladdr 02:00:00:00:00:77 dev up1');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(callCount).toBe(0);
    ipBatch(destinations.slice(0, 50).map((destination) => `route add ${destination} via 10.2.0.2`));
    await until(
      () => table.of('198.51.100.49')?.macAddress,
      (seen) => seen === MAC_TWO,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(callCount).toBe(1);
    expectLikeKernel(destinations);
  });

  it('of 1,000 destinations', async () => {
    const destinations = Array.from({ length: 1000 }, (_, i) =>
      i % 2 === 0 ? `198.18.${i >> 8}.${i & 255}` : `2001:db8::${i.toString(16)}`,
    );
    ip('route add 198.18.0.0/16 via 10.1.0.2');
    ip('route add 2001:db8::/32 via fd01::2');
    table.want(destinations);
    for (const destination of destinations) await untilMac(destination, MAC_ONE);
    const moved = destinations.filter((_, i) => i % 3 === 0);
    ipBatch(moved.map((destination, i) => `route add ${destination} via ${i % 2 === 0 ? '10.2.0.2' : 'fd02::2'}`));
    for (const [i, destination] of destinations.entries()) await untilMac(destination, i % 3 === 0 ? MAC_TWO : MAC_ONE);
    expectLikeKernel(destinations.filter((_, i) => i % 10 === 0));
    ip('route flush root 198.18.0.0/16');
    await until(
      () => destinations.filter((destination) => table.of(destination) !== undefined).length,
      (seen) => seen === 500,
    );
  });

  it('survive what comes faster than it is read', async () => {
    const small = new NextHopTable({ receiveBufferBytes: 4096 });
    const destinations = Array.from({ length: 300 }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
    small.want([...destinations, '10.1.0.9']);
    ip('route add 198.18.0.0/16 via 10.1.0.2');
    const addresses = () => destinations.map((destination) => small.of(destination)?.address);
    await until(addresses, (seen) => seen.every((address) => address === '10.1.0.2'));
    // Nothing is read while this runs.
    ipBatch([
      ...destinations.map((destination) => `route add ${destination} via 10.2.0.2`),
      ...Array.from({ length: 200 }, (_, i) => `addr add 10.9.0.${i}/32 dev up1`),
      `neigh replace 10.1.0.9 lladdr ${MAC_NEW} dev up0 nud reachable`,
      'link set up1 mtu 1333',
    ]);
    await until(addresses, (seen) => seen.every((address) => address === '10.2.0.2'));
    await until(
      () => [small.of('10.1.0.9')?.macAddress, small.of('198.18.0.0')?.interface.mtuBytes, small.localAddresses.length],
      ([mac, mtuBytes, count]) => mac === MAC_NEW && mtuBytes === 1333 && count === localAddressesByIp().length,
    );
    expect(small.localAddresses).toHaveLength(localAddressesByIp().length);
    small.close();
  });

  it('know the addresses of this machine', async () => {
    expect([...table.localAddresses].sort()).toEqual(localAddressesByIp());
    expect(table.localAddresses).toEqual(expect.arrayContaining(['127.0.0.1', '::1', '10.1.0.1', 'fd02::1']));
    table.want([]);
    await until(
      () => callCount,
      (seen) => seen === 0,
    );
    ip('addr add 10.1.0.77/24 dev up0');
    ip('addr add 10.3.0.1 peer 10.3.0.2 dev up1');
    ip('addr del 10.2.0.1/24 dev up1');
    await until(
      () => [...table.localAddresses].sort(),
      (seen) => JSON.stringify(seen) === JSON.stringify(localAddressesByIp()),
    );
    expect(table.localAddresses).toContain('10.3.0.1');
    expect(callCount).toBeGreaterThan(0);
  });

  it('are over when closed: no socket is left, and nobody is called', async () => {
    const before = socketCount();
    const another = new NextHopTable();
    expect(socketCount()).toBe(before + 2);
    let isCalled = false;
    another.subscribe(() => {
      isCalled = true;
    });
    another.want(['10.1.0.2']);
    ip('addr add 10.1.0.78/24 dev up0');
    another.close();
    another.close();
    expect(socketCount()).toBe(before);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isCalled).toBe(false);
    expect(another.of('10.1.0.2')).toBeUndefined();
    another.want(['10.1.0.3']);
    expect(another.of('10.1.0.3')).toBeUndefined();
  });

  it('are for one who unsubscribes no more', async () => {
    let count = 0;
    const unsubscribe = table.subscribe(() => {
      count += 1;
    });
    unsubscribe();
    table.want(['10.1.0.2']);
    await untilMac('10.1.0.2', MAC_ONE);
    await until(
      () => callCount,
      (seen) => seen > 0,
    );
    expect(count).toBe(0);
  });
});

function joinOne(): void {
  join('up0', ['10.1.0.1/24', 'fd01::1/64'], one, 'down0', ['10.1.0.2/24', 'fd01::2/64'], MAC_ONE);
}

function joinTwo(): void {
  join('up1', ['10.2.0.1/24', 'fd02::1/64'], two, 'down0', ['10.2.0.2/24', 'fd02::2/64'], MAC_TWO);
}

/** Has the kernel doubt a neighbour after a second instead of half a minute. */
function hurry(family: string): void {
  const parameters = { base_reachable_time_ms: 500, delay_first_probe_time: 1, retrans_time_ms: 100 };
  for (const [name, value] of Object.entries(parameters)) sysctl(`net.${family}.neigh.up0.${name}`, value);
}

async function untilMac(destination: string, macAddress: string): Promise<void> {
  await until(
    () => table.of(destination)?.macAddress,
    (seen) => seen === macAddress,
  );
}

function neighbour(address: string, name: string): Record<string, unknown> | undefined {
  return ipJson(`neigh show ${address} dev ${name}`)[0];
}

function linkIsUp(name: string): boolean {
  return ipJson(`link show ${name}`)[0]?.operstate === 'UP';
}

function localAddressesByIp(): string[] {
  const infos = ipJson('addr show').flatMap(({ addr_info }) => addr_info as { local?: string }[]);
  return [...new Set(infos.flatMap(({ local }) => local ?? []))].sort();
}

/** Interface, address and MAC address, by `ip`. */
function byIp(destination: string): unknown {
  const [route] = ipJson(`route get ${destination}`);
  if (!route || (route.type !== undefined && route.type !== 'unicast')) return undefined;
  const via = route.via as { host: string } | undefined;
  const address = (route.gateway as string | undefined) ?? via?.host ?? destination;
  const name = route.dev as string;
  return [name, address, neighbour(address, name)?.lladdr];
}

function byTable(destination: string): unknown {
  const hop = table.of(destination);
  return hop && [hop.interface.name, hop.address, hop.macAddress];
}

function expectLikeKernel(destinations: readonly string[]): void {
  expect(destinations.map(byTable)).toEqual(destinations.map(byIp));
}

async function untilLikeKernel(destinations: readonly string[]): Promise<void> {
  await until(
    () => JSON.stringify([destinations.map(byTable), destinations.map(byIp)]),
    (seen) => {
      const [got, expected] = JSON.parse(seen);
      return JSON.stringify(got) === JSON.stringify(expected);
    },
  );
}
