/** Which way packets to a destination go, as the kernel looks it up. */
import { type IpAddress, parseIp } from '../../../net/address.js';
import { RTM_GETROUTE, RTM_NEWROUTE, readEach } from './message.js';
import type { NetlinkSocket } from './netlink-socket.js';
import { type Route, readRoute, writeRouteLookup } from './route-message.js';

/** The interface, and the machine on its link. */
export interface Way {
  readonly interfaceIndex: number;
  readonly address: string;
}

/** The way to `destination`; `undefined` when it is this machine itself, or not reached by one packet to one machine. */
export function wayTo(netlink: NetlinkSocket, destination: string): Way | undefined {
  const route = lookUp(netlink, parseIp(destination), false);
  if (!route?.isUnicast || route.isEncapsulated || route.interfaceIndex === undefined) return undefined;
  return { interfaceIndex: route.interfaceIndex, address: route.gateway ?? destination };
}

/**
 * Addresses that are on nobody's network, to ask for where the default route leads. There is no asking for the route
 * itself: rules, several tables, several default routes with and without metrics are all weighed by looking up an address.
 * The first that no other route covers is taken; networks that drop one of these reserved ranges rarely drop all.
 */
const NOWHERE = {
  4: ['192.88.99.99', '240.0.0.1', '192.31.196.99', '192.52.193.99', '192.0.0.99'],
  6: ['3ffe:ffff::1', '2001:10::1', '2d00::1', '2001:4:112::99', '2620:4f:8000::99'],
} as const;

/** The way packets to anywhere go. */
export function defaultWay(netlink: NetlinkSocket, family: 4 | 6): Way | undefined {
  const matches = NOWHERE[family].map((address) => ({ address, route: lookUp(netlink, parseIp(address), true) }));
  // A default route may also be there in halves, 0.0.0.0/1 and 128.0.0.0/1, or as 2000::/3.
  const [first] = matches
    .flatMap(({ address, route }) => (route?.isUnicast ? { address, length: route.destination.length } : []))
    .sort((a, b) => a.length - b.length);
  return first && first.length <= DEFAULT_LENGTH_MAX ? wayTo(netlink, first.address) : undefined;
}

const DEFAULT_LENGTH_MAX = 7;

function lookUp(netlink: NetlinkSocket, address: IpAddress, isMatch: boolean): Route | undefined {
  const { errno, messages } = netlink.ask(RTM_GETROUTE, writeRouteLookup(address, isMatch));
  return errno === 0 ? readEach(messages, RTM_NEWROUTE, readRoute)[0] : undefined;
}
