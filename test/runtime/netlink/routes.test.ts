/** Device routes, addresses, MTU and up, set by us and seen by `ip`; and what the kernel refuses. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  addAddress,
  addDeviceRoute,
  NetlinkSocket,
  RTPROT_EDGEMUX,
  removeDeviceRoute,
  replaceDeviceRoute,
  setLinkMtu,
  setLinkUp,
} from '../../../sdk/runtime/node/netlink/index.js';
import { RTM_GETADDR, RTM_GETLINK, RTM_GETROUTE } from '../../../sdk/runtime/node/netlink/message.js';
import { enterLab, ip, ipJson, leaveLab } from './lab.js';

const missing = await enterLab('routes of our own');

describe.skipIf(missing)('what is set up', () => {
  let netlink: NetlinkSocket;
  beforeAll(() => {
    ip('link add mux0 type veth peer name mux1');
    netlink = new NetlinkSocket();
    setLinkUp(netlink, 'mux0');
    setLinkUp(netlink, ipJson('link show mux1')[0]!.ifindex as number);
  });
  afterAll(() => {
    netlink.close();
    leaveLab();
  });

  it('is up', () => {
    expect(ipJson('link show mux0')[0]!.flags).toEqual(expect.arrayContaining(['UP', 'LOWER_UP']));
    expect(ipJson('link show mux1')[0]!.flags).toEqual(expect.arrayContaining(['UP', 'LOWER_UP']));
  });

  it('has an MTU, and keeps what else it had', () => {
    setLinkMtu(netlink, 'mux0', 1437);
    expect(ipJson('link show mux0')[0]).toMatchObject({ mtu: 1437, operstate: 'UP' });
  });

  it.each([
    ['10.9.0.1/24', 'inet', '10.9.0.1', 24, 'global'],
    ['fd09::1/64', 'inet6', 'fd09::1', 64, 'global'],
    ['fe80::9/64', 'inet6', 'fe80::9', 64, 'link'],
    ['10.9.1.1', 'inet', '10.9.1.1', 32, 'global'],
  ])('has the address %s, even when it is given twice', (text, family, local, prefixlen, scope) => {
    addAddress(netlink, text, 'mux0');
    addAddress(netlink, text, 'mux0');
    const addresses = ipJson('addr show dev mux0')[0]!.addr_info as Record<string, unknown>[];
    const found = addresses.filter((address) => address.local === local);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ family, prefixlen, scope });
    expect(found[0]!.tentative).toBeUndefined();
  });

  it.each([
    ['203.0.113.7/32', '203.0.113.7', 'link'],
    ['203.0.113.8', '203.0.113.8', 'link'],
    ['198.51.100.0/24', '198.51.100.0/24', 'link'],
    ['2001:db8::7/128', '2001:db8::7', undefined],
    ['2001:DB8::8', '2001:db8::8', undefined],
  ])('is the way to %s: added, replaced, removed', (text, dst, scope) => {
    const family = text.includes(':') ? '-6 ' : '';
    const byIp = () => ipJson(`${family}route show ${dst}`);
    addDeviceRoute(netlink, text, 'mux0');
    expect(byIp()).toMatchObject([{ dst, dev: 'mux0', protocol: String(RTPROT_EDGEMUX), ...(scope ? { scope } : {}) }]);
    expect(() => addDeviceRoute(netlink, text, 'mux0')).toThrow(
      expect.objectContaining({ code: 'ERR_PORT', message: expect.stringMatching(/dev mux0: it is there already$/) }),
    );
    replaceDeviceRoute(netlink, text, 'mux1');
    expect(byIp()).toMatchObject([{ dst, dev: 'mux1' }]);
    expect(removeDeviceRoute(netlink, text, 'mux0')).toBe(false);
    expect(removeDeviceRoute(netlink, text, 'mux1')).toBe(true);
    expect(removeDeviceRoute(netlink, text, 'mux1')).toBe(false);
    expect(byIp()).toEqual([]);
  });

  it('leaves the routes of others alone', () => {
    ip('route add 203.0.113.9 dev mux0 proto static');
    expect(removeDeviceRoute(netlink, '203.0.113.9', 'mux0')).toBe(false);
    expect(ipJson('route show 203.0.113.9')).toHaveLength(1);
  });

  it.each([
    [
      'no interface',
      () => setLinkUp(netlink, 'mux9'),
      'mux9 up: there is no interface mux9 (there are lo, mux0, mux1)',
    ],
    ['an index of none', () => setLinkUp(netlink, 999), '999 up: there is no such interface'],
    [
      'a route to nowhere',
      () => addDeviceRoute(netlink, '203.0.113.7/32', 999),
      '203.0.113.7/32 dev 999: there is no such interface',
    ],
    ['an MTU too small', () => setLinkMtu(netlink, 'mux0', 10), 'mux0 mtu 10: mtu less than device minimum'],
    ['an MTU too large', () => setLinkMtu(netlink, 'mux0', 99_999), 'mux0 mtu 99999: mtu greater than device maximum'],
    ['an IPv6 address of a group', () => addAddress(netlink, 'ff02::9/128', 'mux0'), /^ff02::9\/128 dev mux0: /],
  ])('refuses %s in one line', (_, attempt, message) => {
    const told = error(attempt);
    expect(told.code).toBe('ERR_PORT');
    expect(told.message.replace(/lo, .*\)/, 'lo, mux0, mux1)')).toMatch(message);
    expect(told.message).not.toContain('\n');
  });

  it('refuses a route to an interface that is down', () => {
    ip('link add mux2 type veth peer name mux3');
    expect(error(() => addDeviceRoute(netlink, '203.0.113.7', 'mux2')).message).toBe(
      '203.0.113.7/32 dev mux2: the interface is down',
    );
  });
});

describe.skipIf(missing)('a socket', () => {
  it('answers a dump of every table, whole', () => {
    const netlink = new NetlinkSocket();
    for (const type of [RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE]) {
      const dump = netlink.dump(type, new Uint8Array(16));
      expect(dump).toMatchObject({ errno: 0, isWhole: true });
      expect(dump.messages.length).toBeGreaterThan(1);
    }
    netlink.close();
  });

  it('tells what was asked wrongly, and goes on', () => {
    const netlink = new NetlinkSocket();
    expect(netlink.ask(RTM_GETLINK, new Uint8Array(0)).errno).not.toBe(0);
    expect(netlink.ask(9999, new Uint8Array(16)).errno).toBe(95);
    expect(netlink.dump(9999, new Uint8Array(16))).toMatchObject({ errno: 95, isWhole: false });
    expect(netlink.dump(RTM_GETLINK, new Uint8Array(16)).isWhole).toBe(true);
    netlink.close();
  });

  it('that is closed fails every request, and the descriptor that comes after it is safe', () => {
    const netlink = new NetlinkSocket();
    netlink.close();
    const another = new NetlinkSocket();
    netlink.close();
    expect(netlink.dump(RTM_GETLINK, new Uint8Array(16)).errno).toBe(9);
    expect(netlink.receive()).toBe(9);
    expect(another.dump(RTM_GETLINK, new Uint8Array(16)).isWhole).toBe(true);
    another.close();
  });

  it('of a group that does not exist is refused, and leaves nothing open', () => {
    expect(() => new NetlinkSocket({ groups: [99_999] })).toThrow(
      expect.objectContaining({ code: 'ERR_SOCKET', message: expect.stringContaining('netlink group 99999') }),
    );
  });
});

function error(attempt: () => unknown): { code: string; message: string } {
  try {
    attempt();
  } catch (thrown) {
    return thrown as { code: string; message: string };
  }
  throw new Error('nothing was thrown');
}
