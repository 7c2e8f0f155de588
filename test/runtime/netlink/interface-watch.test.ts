/** Interfaces that come, go and change, in a namespace. */
import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InterfaceWatch } from '../../../sdk/runtime/node/netlink/index.js';
import { socketCount } from '../recorder.js';
import { enterLab, ip, ipBatch, ipJson, leaveLab, Machine, until } from './lab.js';

const missing = await enterLab('the watch over interfaces');

let watch: InterfaceWatch;
let told: string[];

describe.skipIf(missing)('the watch over interfaces', () => {
  afterAll(leaveLab);
  beforeEach(() => {
    watch = new InterfaceWatch();
    told = [];
    watch.subscribe(({ what, name }) => told.push(`${name} ${what}`));
  });
  afterEach(() => {
    watch.close();
    for (const { ifname } of ipJson('link show')) if (ifname !== 'lo') ipBatch([`link del ${ifname}`]);
  });

  it('knows those that are there', () => {
    ip('link add vm1 type veth peer name vm2');
    const another = new InterfaceWatch();
    const [link] = ipJson('link show vm1');
    expect(another.named('vm1')).toEqual({
      name: 'vm1',
      index: link!.ifindex,
      macAddress: link!.address,
      mtuBytes: 1500,
      isUp: false,
      hasCarrier: false,
      kind: 'veth',
      masterIndex: undefined,
    });
    expect(another.named('lo')).toMatchObject({ index: 1, macAddress: undefined, isUp: true, hasCarrier: true });
    expect(another.all.map(({ name }) => name).sort()).toEqual(['lo', 'vm1', 'vm2']);
    expect(another.named('vm3')).toBeUndefined();
    another.close();
  });

  it.each([
    ['made', [], ['link add vm1 type veth peer name vm2'], ['vm1 there', 'vm2 there']],
    ['deleted', ['link add vm1 type veth peer name vm2'], ['link del vm1'], ['vm1 gone', 'vm2 gone']],
    ['up at one end', ['link add vm1 type veth peer name vm2'], ['link set vm1 up'], []],
    ['up at both ends', ['link add vm1 up type veth peer name vm2'], ['link set vm2 up'], ['vm1 up', 'vm2 up']],
    [
      'down at one end',
      ['link add vm1 up type veth peer name vm2', 'link set vm2 up'],
      ['link set vm2 down'],
      ['vm1 down', 'vm2 down'],
    ],
    ['given another MTU', ['link add vm1 type veth peer name vm2'], ['link set vm1 mtu 9000'], ['vm1 mtu']],
    [
      'given another MAC address',
      ['link add vm1 type veth peer name vm2'],
      ['link set vm1 address 02:00:00:00:00:99'],
      ['vm1 mac'],
    ],
    ['renamed', ['link add vm1 type veth peer name vm2'], ['link set vm1 name vm9'], ['vm1 gone', 'vm9 there']],
    [
      'deleted and made again',
      ['link add vm1 type veth peer name vm2'],
      ['link del vm1', 'link add vm1 type veth peer name vm2'],
      ['vm1 gone', 'vm1 there', 'vm2 gone', 'vm2 there'],
    ],
    [
      'put into a bridge and taken out',
      ['link add vm1 type veth peer name vm2', 'link add br0 type bridge'],
      ['link set vm1 master br0', 'link set vm1 nomaster'],
      // A bridge takes the lowest MAC address of its ports.
      ['br0 mac', 'br0 mac'],
    ],
  ])('tells of one that is %s', async (_, before, commands, events) => {
    for (const command of before) ip(command);
    const made = before.filter((command) => command.startsWith('link add')).length > 0;
    await until(
      () => watch.named('vm1') !== undefined && !told.some((event) => event.endsWith('mtu')),
      (seen) => seen === made,
    );
    await settled();
    told = [];
    watch.subscribe(() => {});
    for (const command of commands) ip(command);
    const sorted = () => told.slice().sort();
    await until(sorted, (seen) => seen.length >= events.length);
    await settled();
    expect(sorted()).toEqual([...events].sort());
  });

  it('tells of one that moves to another namespace and back', async () => {
    const away = new Machine('away');
    ip('link add vm1 up type veth peer name vm2');
    ip('link set vm2 up');
    await until(
      () => told.length,
      (seen) => seen >= 4,
    );
    told = [];
    ip(`link set vm1 netns ${away.name}`);
    await until(
      () => told.includes('vm1 gone') && watch.named('vm1') === undefined,
      (seen) => seen,
    );
    const { index } = watch.named('vm2')!;
    // A namespace without a name goes by a thread that is in it.
    away.ip(`link set vm1 netns ${basename(readlinkSync('/proc/thread-self'))}`);
    await until(
      () => watch.named('vm1'),
      (seen) => seen !== undefined,
    );
    expect(told.filter((event) => event.startsWith('vm1') && !event.endsWith('down'))).toEqual([
      'vm1 gone',
      'vm1 there',
    ]);
    expect(watch.named('vm2')!.index).toBe(index);
  });

  it('misses nothing that lasts when messages are lost', async () => {
    watch.close();
    watch = new InterfaceWatch({ receiveBufferBytes: 4096 });
    const state = new Map<string, string>();
    watch.subscribe(({ what, name, interface: { index } }) => {
      if (what === 'there') state.set(name, String(index));
      if (what === 'gone') {
        expect(state.get(name)).toBe(String(index));
        state.delete(name);
      }
    });
    const names = Array.from({ length: 40 }, (_, i) => `vm${i}`);
    ipBatch(names.map((name) => `link add ${name} type veth peer name p${name}`));
    await until(
      () => state.size,
      (seen) => seen === 80,
    );
    ipBatch(names.flatMap((name) => [`link del ${name}`, `link add ${name} type veth peer name p${name}`]));
    ipBatch(names.slice(0, 10).map((name) => `link del ${name}`));
    const byIp = () => ipJson('link show').filter(({ ifname }) => ifname !== 'lo');
    await until(
      () => [...state].sort(),
      (seen) =>
        JSON.stringify(seen) ===
        JSON.stringify(
          byIp()
            .map(({ ifname, ifindex }) => [ifname, String(ifindex)])
            .sort(),
        ),
    );
    expect(state.size).toBe(60);
  });

  it('is over when closed', async () => {
    const before = socketCount();
    const another = new InterfaceWatch();
    another.subscribe(({ name }) => told.push(`late ${name}`));
    expect(socketCount()).toBe(before + 2);
    ip('link add vm1 type veth peer name vm2');
    another.close();
    another.close();
    expect(socketCount()).toBe(before);
    await settled();
    expect(told.filter((event) => event.startsWith('late'))).toEqual([]);
  });
});

/** What has happened has been told. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
