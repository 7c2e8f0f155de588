/** What the kernel says of interfaces, in a network namespace of this test's own. */
import { execFileSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  findInterface,
  interfaceNames,
  receiveQueueCount,
  requireInterface,
} from '../../../sdk/runtime/node/ports/interface.js';
import { enterNetworkNamespace } from '../namespace.js';

const missing = await enterNetworkNamespace();
if (missing) console.log(`skipped: interfaces were not tried, as ${missing}`);
else {
  const ip = (text: string) => execFileSync('ip', text.split(' '));
  ip('link add up0 address 02:00:00:00:00:0a mtu 1600 numrxqueues 3 numtxqueues 3 type veth peer name up1');
  ip('link set up0 up');
  ip('tuntap add dev bare0 mode tun');
  ip('link set bare0 up');
}

const refusal = (why: string) => expect.objectContaining({ code: 'ERR_PORT', message: `packet:up0: ${why}` });

describe.skipIf(missing)('interfaces', () => {
  it('says index, MAC address, MTU and whether it is up', () => {
    const index = Number(execFileSync('ip', ['-o', 'link', 'show', 'up0'], { encoding: 'utf8' }).split(':')[0]);
    expect(findInterface('up0')).toEqual({
      name: 'up0',
      index,
      macAddress: '02:00:00:00:00:0a',
      mtuBytes: 1600,
      isUp: true,
    });
    expect(findInterface('up1')).toMatchObject({ isUp: false, mtuBytes: 1500 });
    expect(findInterface('up9')).toBeUndefined();
  });

  it('a device without Ethernet has no MAC address', () => {
    expect(findInterface('bare0')).toMatchObject({ macAddress: undefined, isUp: true });
    expect(findInterface('lo')).toMatchObject({ macAddress: undefined, isUp: true });
  });

  it('lists the interfaces of this namespace, up or down', () => {
    expect(interfaceNames().toSorted()).toEqual(['bare0', 'lo', 'up0', 'up1']);
    expect(Object.keys(networkInterfaces())).not.toContain('eth0');
  });

  it('counts receive queues', () => {
    expect(receiveQueueCount('up0')).toBe(3);
    expect(receiveQueueCount('lo')).toBe(1);
  });

  it('requires an interface that is there, up, and has room', () => {
    expect(requireInterface('packet:up0', 'up0', 1600)).toEqual({
      name: 'up0',
      index: expect.any(Number),
      macAddress: '02:00:00:00:00:0a',
      mtuBytes: 1600,
    });
    const names = interfaceNames().join(', ');
    expect(() => requireInterface('packet:up0', 'up9', 0)).toThrow(
      refusal(`there is no interface up9 (there are ${names})`),
    );
    expect(() => requireInterface('packet:up0', 'up1', 0)).toThrow(refusal('up1 is down: ip link set up1 up'));
    expect(() => requireInterface('packet:up0', 'up0', 1650)).toThrow(
      refusal('MTU 1600 is too small: tunnels of the fabric take 1650 bytes'),
    );
  });
});
