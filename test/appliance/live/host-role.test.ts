/** A live host agent on a machine the test plays: the order of its effects, and VMs that come and go. */
import { describe, expect, test, vi } from 'vitest';
import { HostRole, type HostSettings } from '../../../sdk/appliance/live/host-role.js';
import type { EventRecord } from '../../../sdk/appliance/service/events.js';
import { compile, type HostProgram } from '../../../sdk/program/index.js';
import { parseFabric } from '../../../sdk/resources/index.js';
import { parsePortSpec } from '../../../sdk/runtime/node/ports/port-spec.js';
import { example, type Json, nic, rule } from '../../resources/example.js';
import { FakeSystem, NEXT_MAC, OUR_MAC } from './fake-system.js';

const NIC_1 = '/networkInterfaces/vm-1-nic';
const NIC_2 = '/networkInterfaces/vm-2-nic';
const LOCAL = '10.10.56.11';

function program(change: (fabric: Json) => void = () => {}): HostProgram {
  return compile(parseFabric(example(change))).forHost('host-1');
}

/** Both VMs on the first host. */
const both = (fabric: Json) => {
  nic(fabric, 1).server.resourceRef = '/servers/host-1';
};

const vm = (text: string, ofNic?: string) => ({ nic: ofNic, port: parsePortSpec(text) });

async function start(settings: Partial<HostSettings> = {}, initial = program(), system = new FakeSystem()) {
  if (!system.interfaces.named('vm1')) system.interfaces.set('vm1', 3);
  const events: EventRecord[] = [];
  const role = await HostRole.start(
    initial,
    { ports: [parsePortSpec('packet:up0')], vms: [vm('packet:vm1')], drainMs: 0, ...settings },
    system,
    (event) => events.push(event),
  );
  return { system, role, events };
}

const ROUTES = { tunnels: 'packet:up0', replies: 'packet:up0', pass: 'pass' };
const routed = (vms: object) => `thread 0 route ${JSON.stringify({ ...ROUTES, vms })}`;

describe('start', () => {
  test('attaches, programs, opens the VMs, takes frames', async () => {
    const { system, events } = await start();
    expect(system.log).toEqual([
      'attach packet:up0',
      'attach pass',
      'thread 0 start',
      'thread 0 program vm-1-nic',
      routed({}),
      'thread 0 open packet:up0',
      'thread 0 open pass',
      'attach packet:vm1',
      'thread 0 open packet:vm1',
      routed({}),
      `select packet:vm1 from 10.0.0.4, not to ${LOCAL}`,
      `select packet:up0 tunnels to ${LOCAL}`,
      `select packet:vm1 from 10.0.0.4, not to ${LOCAL}`,
    ]);
    expect(events.at(-1)).toMatchObject({ event: 'start', host: 'host-1', nics: 1, vmPorts: 1 });
    const { attachment } = system.threads[0].program_ as HostProgram;
    expect(attachment).toMatchObject({ macAddress: OUR_MAC, gatewayMacAddress: NEXT_MAC, mtuBytes: 1600 });
  });

  test.each(['attach packet:up0', 'attach pass', 'thread 0 start', 'thread 0 program', 'attach packet:vm1', 'select'])(
    'nothing is left when this fails: %s',
    async (step) => {
      const system = new FakeSystem();
      system.refused.add(step);
      await expect(start({}, program(), system)).rejects.toThrow('refused by the test');
      expect(system.openCount).toBe(0);
    },
  );

  test('ports that take no privilege do without a pass device where none may be made', async () => {
    const system = new FakeSystem();
    system.refused.add('attach pass');
    const { events } = await start({ ports: ['udp'].map(parsePortSpec), vms: [vm('pcap:vm.pcap')] }, program(), system);
    expect(events[0]).toMatchObject({
      event: 'note',
      text: expect.stringContaining('what is not for a VM is dropped'),
    });
    expect(system.log).toContain('thread 0 route {"vms":{}}');
  });

  test('floating IP: the VM answers from the VIP', async () => {
    const floating = program((fabric) => {
      rule(fabric).enableFloatingIP = true;
      rule(fabric).backendPort = rule(fabric).frontendPort;
    });
    const { system } = await start({}, floating);
    expect(system.log.at(-1)).toContain('80.80.80.80');
  });

  test('a NIC the fabric does not have here is told', async () => {
    const { events, system } = await start({ vms: [vm('packet:vm1', 'VM-2-NIC')] });
    expect(events).toContainEqual({
      event: 'note',
      text: 'the fabric has no network interface VM-2-NIC on this host yet',
    });
    expect(system.log.at(-1)).toBe(`select packet:vm1 not to ${LOCAL}`);
  });
});

describe('VMs', () => {
  const two = [vm('packet:vm1', 'vm-1-nic'), vm('packet:vm2', 'VM-2-nic')];

  test('each has its port and its addresses', async () => {
    const system = new FakeSystem();
    system.interfaces.set('vm2', 4);
    await start({ vms: two }, program(both), system);
    expect(system.log).toContain(routed({ [NIC_1]: 'packet:vm1', [NIC_2]: 'packet:vm2' }));
    expect(system.log.slice(-3)).toEqual([
      `select packet:up0 tunnels to ${LOCAL}`,
      `select packet:vm1 from 10.0.0.4, not to ${LOCAL}`,
      `select packet:vm2 from 10.0.0.5, not to ${LOCAL}`,
    ]);
  });

  test('an interface that is not there is awaited, opened, closed when it goes, and opened again', async () => {
    const { system, events } = await start({ vms: two }, program(both));
    expect(events).toContainEqual({ event: 'port', port: 'VM-2-nic=packet:vm2', state: 'awaited' });
    system.log.length = 0;
    system.interfaces.set('vm2', 4, false);
    system.interfaces.set('vm2', 4);
    await vi.waitFor(() => expect(system.log).toHaveLength(4));
    expect(system.log).toEqual([
      'attach packet:vm2',
      'thread 0 open packet:vm2',
      routed({ [NIC_1]: 'packet:vm1', [NIC_2]: 'packet:vm2' }),
      `select packet:vm2 from 10.0.0.5, not to ${LOCAL}`,
    ]);

    system.log.length = 0;
    system.interfaces.remove('vm2');
    await vi.waitFor(() => expect(system.log).toHaveLength(3));
    // The NIC stays named: what is for its VM must not go to the only port that is left.
    const left = routed({ [NIC_1]: 'packet:vm1', [NIC_2]: '' });
    expect(system.log).toEqual(['thread 0 close packet:vm2', 'close packet:vm2', left]);
    expect(events.at(-1)).toEqual({ event: 'port', port: 'packet:vm2', state: 'gone' });

    system.log.length = 0;
    system.interfaces.set('vm2', 5);
    await vi.waitFor(() => expect(system.log).toHaveLength(4));
    expect(system.log[0]).toBe('attach packet:vm2');
  });

  test('another interface of the same name is another one', async () => {
    const { system } = await start();
    system.log.length = 0;
    system.interfaces.set('vm1', 9);
    await vi.waitFor(() => expect(system.log.filter((step) => step.startsWith('select'))).toHaveLength(1));
    expect(system.log.map((step) => step.split(' ').slice(0, 3).join(' '))).toEqual([
      'thread 0 close',
      'close packet:vm1',
      'thread 0 route',
      'attach packet:vm1',
      'thread 0 open',
      'thread 0 route',
      'select packet:vm1 from',
    ]);
  });

  test('a port that cannot be opened is told once, and tried again', async () => {
    const { system, events } = await start({ vms: two }, program(both));
    system.refused.add('attach packet:vm2');
    system.interfaces.set('vm2', 4);
    system.interfaces.set('vm2', 4);
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ event: 'error', during: 'VM-2-nic=packet:vm2' }));
    const { length } = events;
    system.refused.clear();
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ port: 'packet:vm2', state: 'open' }), 3000);
    expect(events).toHaveLength(length + 1);
  });

  test('a port that fails is closed and tried again; the host goes on', async () => {
    const { system, events } = await start();
    system.threads[0].tell({ kind: 'lost', port: 'packet:vm1', error: new Error('no such device') });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ port: 'packet:vm1', state: 'gone' }));
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ port: 'packet:vm1', state: 'open' }), 3000);
  });

  test('a port of the provider network that fails is the end', async () => {
    const { system, role } = await start();
    system.threads[0].tell({ kind: 'lost', port: 'packet:up0', error: new Error('no such device') });
    await expect(role.ended).rejects.toThrow('no such device');
  });
});

test('reload: programs, routes, takes', async () => {
  const { system, role, events } = await start({ vms: [vm('packet:vm1', 'vm-2-nic')] });
  system.log.length = 0;
  await role.reload('SIGHUP', program(both));
  expect(system.log).toEqual([
    'thread 0 program vm-1-nic vm-2-nic',
    routed({ [NIC_2]: 'packet:vm1' }),
    `select packet:up0 tunnels to ${LOCAL}`,
    `select packet:vm1 from 10.0.0.5, not to ${LOCAL}`,
  ]);
  expect(events.at(-1)).toMatchObject({ event: 'reload', nics: 2, added: 1, removed: 0 });
});

test('an address of the machine that is new is left to its kernel', async () => {
  const { system } = await start();
  system.nextHops.localAddresses = [LOCAL, '192.0.2.9'];
  system.nextHops.change();
  await vi.waitFor(() => expect(system.log.at(-1)).toBe(`select packet:vm1 from 10.0.0.4, not to ${LOCAL} 192.0.2.9`));
});

test('the end gives everything back', async () => {
  const { system, role, events } = await start();
  system.log.length = 0;
  await role.drain();
  expect(system.log).toEqual([
    'select packet:up0',
    'thread 0 close packet:vm1',
    'close packet:vm1',
    'thread 0 stop',
    'close pass',
    'close packet:up0',
  ]);
  expect([system.openCount, events.at(-1)]).toEqual([0, { event: 'stop', how: 'drain' }]);
});
