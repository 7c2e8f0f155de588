/** Ten thousand changes by seed: afterwards, what is followed is what the kernel has, by a fresh table and by `ip`. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { InterfaceWatch, NextHopTable } from '../../../sdk/runtime/node/netlink/index.js';
import { SeededRandom } from '../../../sdk/runtime/simulated/seeded-random.js';
import { enterLab, ip, ipBatch, ipJson, leaveLab, Machine, until } from './lab.js';

const missing = await enterLab('ten thousand changes');

const CHANGE_COUNT = 10_000;
const CHANGES_PER_STEP = 100;

describe.skipIf(missing)('after ten thousand changes', () => {
  afterEach(() => ipBatch([0, 1, 2].map((i) => `link del up${i}`)));
  afterAll(leaveLab);

  it.each([
    ['each in its time', 1, 1 << 20],
    ['many lost', 2, 4096],
  ])('all is as the kernel has it: %s', async (_, seed, receiveBufferBytes) => {
    const random = new SeededRandom(seed);
    const peer = new Machine(`peer${seed}`);
    for (const i of [0, 1, 2]) makeLink(peer, i, random);
    const destinations = [
      ...Array.from({ length: 40 }, (_, i) => `198.18.0.${i}`),
      ...Array.from({ length: 40 }, (_, i) => `2001:db8::${i}`),
      ...[0, 1, 2].flatMap((i) => [2, 3, 4].flatMap((j) => [`10.${i}.0.${j}`, `fd0${i}::${j}`])),
    ];
    const table = new NextHopTable({ receiveBufferBytes });
    const watch = new InterfaceWatch({ receiveBufferBytes });
    const names = new Map<string, number>(watch.all.map(({ name, index }) => [name, index]));
    watch.subscribe(({ what, name, interface: { index } }) => {
      if (what === 'there') names.set(name, index);
      if (what === 'gone') names.delete(name);
    });
    let callCount = 0;
    let seen = answers(table, destinations);
    table.subscribe(() => {
      callCount += 1;
      seen = answers(table, destinations);
    });
    table.want(destinations);

    for (let done = 0; done < CHANGE_COUNT; done += CHANGES_PER_STEP) {
      if (done % 1000 === 0) remakeLink(peer, random);
      ipBatch(Array.from({ length: CHANGES_PER_STEP }, () => change(random)));
      await new Promise((resolve) => setTimeout(resolve, random.between(0, 3) * 10));
    }
    for (const i of [0, 1, 2]) ipBatch([`link set up${i} up`, `addr add 10.${i}.0.1/24 dev up${i}`]);

    const fresh = new NextHopTable();
    fresh.want(destinations);
    await until(
      () => JSON.stringify([answers(table, destinations), seen, answers(fresh, destinations), byIp(destinations)]),
      (text) => {
        const [followed, told, asked, kernel] = JSON.parse(text).map((one: unknown) => JSON.stringify(one));
        return followed === told && withoutLast(followed, asked) && ways(asked) === ways(kernel);
      },
      30_000,
    );
    await until(
      () => JSON.stringify([table.localAddresses, fresh.localAddresses]),
      (text) => {
        const [followed, asked] = JSON.parse(text);
        return JSON.stringify(followed) === JSON.stringify(asked);
      },
    );
    const links = ipJson('link show').map(({ ifname, ifindex }) => [ifname, ifindex]);
    expect([...names].sort()).toEqual(links.sort());
    expect(watch.all.map(({ name, index }) => [name, index]).sort()).toEqual(links.sort());
    expect(callCount).toBeGreaterThan(20);
    expect(callCount).toBeLessThan(CHANGE_COUNT);
    for (const one of [table, fresh, watch]) one.close();
  });
});

function makeLink(peer: Machine, i: number, random: SeededRandom): void {
  ip(`link add up${i} type veth peer name down${i} netns ${peer.name}`);
  peer.ip(`link set down${i} up`);
  for (const address of [`10.${i}.0.2/24`, `fd0${i}::2/64`]) peer.ip(`addr add ${address} dev down${i}`);
  ipBatch([
    `link set up${i} mtu ${random.between(1300, 1500)} up`,
    `addr add 10.${i}.0.1/24 dev up${i}`,
    `addr add fd0${i}::1/64 dev up${i} nodad`,
  ]);
}

function remakeLink(peer: Machine, random: SeededRandom): void {
  const i = random.between(0, 2);
  ip(`link del up${i}`);
  makeLink(peer, i, random);
}

/** One change; some cannot be made as things are, and then nothing happens. */
function change(random: SeededRandom): string {
  const i = random.between(0, 2);
  const j = random.between(2, 4);
  const host = random.between(0, 39);
  const mac = `02:00:00:00:00:${random.between(16, 99)}`;
  const [four, six] = [`10.${i}.0.${j}`, `fd0${i}::${j}`];
  const commands = [
    () => `route replace 198.18.0.${host} via ${four}`,
    () => `route replace 2001:db8::${host} via ${six} dev up${i}`,
    () => `route replace 198.18.0.${host} via inet6 ${six} dev up${i}`,
    () => `route del 198.18.0.${host}`,
    () => `route del 2001:db8::${host}`,
    () => `route replace 198.18.0.${host & 32}/27 via ${four}`,
    () => `route replace blackhole 198.18.0.${host}`,
    () => `route replace 198.18.0.${host} nexthop via 10.0.0.2 nexthop via 10.1.0.2`,
    () => `neigh replace ${four} lladdr ${mac} dev up${i} nud reachable`,
    () => `neigh replace ${six} lladdr ${mac} dev up${i} nud stale`,
    () => `neigh replace ${four} lladdr ${mac} dev up${i} nud permanent`,
    () => `neigh del ${four} dev up${i}`,
    () => `neigh del ${six} dev up${i}`,
    () => `link set up${i} mtu ${random.between(1300, 1500)}`,
    () => `link set up${i} address 02:00:00:00:01:${random.between(16, 99)}`,
    () => `link set up${i} ${random.between(0, 3) === 0 ? 'down' : 'up'}`,
    () => `addr add 10.${i}.0.1/24 dev up${i}`,
    () => `addr add fd0${i}::1/64 dev up${i} nodad`,
    () => `addr add 10.${i}.9.${host}/24 dev up${i}`,
    () => `addr del 10.${i}.9.${host}/24 dev up${i}`,
    () => `rule add to 198.18.0.${host} prohibit`,
    () => `rule del to 198.18.0.${host} prohibit`,
  ];
  return commands[random.between(0, commands.length - 1)]!();
}

type Answer = [name: string, index: number, mtuBytes: number, address: string, macAddress: string | null] | null;

function answers(table: NextHopTable, destinations: readonly string[]): Answer[] {
  return destinations.map((destination) => {
    const hop = table.of(destination);
    if (!hop) return null;
    return [hop.interface.name, hop.interface.index, hop.interface.mtuBytes, hop.address, hop.macAddress ?? null];
  });
}

/** Interface and address, as `ip route get` has them. */
function byIp(destinations: readonly string[]): Answer[] {
  return destinations.map((destination) => {
    const [route] = ipJson(`route get ${destination}`);
    if (!route || (route.type !== undefined && route.type !== 'unicast')) return null;
    const via = route.via as { host: string } | undefined;
    return [route.dev as string, 0, 0, (route.gateway as string) ?? via?.host ?? destination, null];
  });
}

/** Interfaces and addresses alone. */
function ways(text: string): string {
  return JSON.stringify((JSON.parse(text) as Answer[]).map((answer) => answer && [answer[0], answer[3]]));
}

/** Whether two tables say the same, but that one still knows MAC addresses of neighbours that are not there any more. */
function withoutLast(followedText: string, askedText: string): boolean {
  const asked: Answer[] = JSON.parse(askedText);
  const followed = (JSON.parse(followedText) as Answer[]).map((answer, i) =>
    answer && asked[i] && asked[i][4] === null ? [...answer.slice(0, 4), null] : answer,
  );
  return JSON.stringify(followed) === askedText;
}
