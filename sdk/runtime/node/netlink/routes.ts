/**
 * What is set up on interfaces and in the routing table: routes to a device, addresses, MTU, up. Everything is given back with
 * the device it belongs to; all of it takes CAP_NET_ADMIN.
 *
 * Whatever the kernel refuses is `ERR_PORT` with one line: what was wanted, and what is wrong.
 */
import { EdgemuxError } from '../../../errors.js';
import { formatIp, parseIp } from '../../../net/address.js';
import { formatPrefix, type Prefix, parsePrefix } from '../../../net/prefix.js';
import { writeAddress } from './address-message.js';
import { InterfaceTable } from './interface-table.js';
import { IFLA_MTU, writeLinkChange } from './link-message.js';
import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  u32Value,
} from './message.js';
import type { NetlinkSocket, Reply } from './netlink-socket.js';
import { writeDeviceRoute, writeDeviceRouteRemoval } from './route-message.js';

const ESRCH = 3;
const TEXTS: ReadonlyMap<number, string> = new Map([
  [17 /* EEXIST */, 'it is there already'],
  [19 /* ENODEV */, 'there is no such interface'],
  [100 /* ENETDOWN */, 'the interface is down'],
]);

/** An interface to set something up on: its name, or its index. */
export type InterfaceId = string | number;

/** Has packets to `destination`, a prefix or an address, go to a device; @throws EdgemuxError `ERR_PORT`, also when there is such a route */
export function addDeviceRoute(netlink: NetlinkSocket, destination: string, device: InterfaceId): void {
  setRoute(netlink, destination, device, NLM_F_CREATE | NLM_F_EXCL);
}

/** The same, instead of another route of ours or of others to just that prefix, if there is one; @throws EdgemuxError `ERR_PORT` */
export function replaceDeviceRoute(netlink: NetlinkSocket, destination: string, device: InterfaceId): void {
  setRoute(netlink, destination, device, NLM_F_CREATE | NLM_F_REPLACE);
}

function setRoute(netlink: NetlinkSocket, destination: string, device: InterfaceId, flags: number): void {
  const prefix = prefixOf(destination);
  const what = `${formatPrefix(prefix)} dev ${device}`;
  const index = indexOf(netlink, what, device);
  check(what, netlink.change(RTM_NEWROUTE, flags, writeDeviceRoute(prefix, index)));
}

/** Takes such a route back, one of ours only; returns whether there was one. @throws EdgemuxError `ERR_PORT` */
export function removeDeviceRoute(netlink: NetlinkSocket, destination: string, device: InterfaceId): boolean {
  const prefix = prefixOf(destination);
  const what = `${formatPrefix(prefix)} dev ${device}`;
  const index = indexOf(netlink, what, device);
  const reply = netlink.change(RTM_DELROUTE, 0, writeDeviceRouteRemoval(prefix, index));
  if (reply.errno === ESRCH) return false;
  check(what, reply);
  return true;
}

/** Sets an interface up. @throws EdgemuxError `ERR_PORT` */
export function setLinkUp(netlink: NetlinkSocket, device: InterfaceId): void {
  const what = `${device} up`;
  const body = writeLinkChange(indexOf(netlink, what, device), true, []);
  check(what, netlink.change(RTM_NEWLINK, 0, body));
}

/** Sets the MTU of an interface, in bytes of an IP packet. @throws EdgemuxError `ERR_PORT` */
export function setLinkMtu(netlink: NetlinkSocket, device: InterfaceId, mtuBytes: number): void {
  const what = `${device} mtu ${mtuBytes}`;
  const body = writeLinkChange(indexOf(netlink, what, device), undefined, [[IFLA_MTU, u32Value(mtuBytes)]]);
  check(what, netlink.change(RTM_NEWLINK, 0, body));
}

/**
 * Gives an interface an address, `10.0.0.1/24`; nothing happens when it has it already. An IPv6 address can be used at once:
 * nobody is asked whether it is taken.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function addAddress(netlink: NetlinkSocket, address: string, device: InterfaceId): void {
  const { family, length } = prefixOf(address);
  const { bytes } = parseIp(address.split('/')[0]!);
  const what = `${formatIp(bytes)}/${length} dev ${device}`;
  const body = writeAddress(indexOf(netlink, what, device), { family, bytes }, length);
  check(what, netlink.change(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body));
}

/** A prefix, or an address as the prefix of nothing else. */
function prefixOf(text: string): Prefix {
  if (text.includes('/')) return parsePrefix(text);
  const { family, bytes } = parseIp(text);
  return { family, bytes, length: bytes.length * 8 };
}

function indexOf(netlink: NetlinkSocket, what: string, device: InterfaceId): number {
  if (typeof device === 'number') return device;
  const table = new InterfaceTable(() => {});
  table.load(netlink);
  const found = table.named(device);
  if (found) return found.index;
  const names = [...table.all].map(({ name }) => name).join(', ');
  throw new EdgemuxError('ERR_PORT', `${what}: there is no interface ${device} (there are ${names})`);
}

function check(what: string, { errno, text }: Reply): void {
  if (errno === 0) return;
  throw new EdgemuxError('ERR_PORT', `${what}: ${TEXTS.get(errno) ?? text}`);
}
