/** Which interfaces have an address; Deno's node:os would want a permission for the same. */
import { canonicalIp } from '../../../net/address.js';
import { AddressTable } from './address-table.js';
import { InterfaceTable } from './interface-table.js';
import type { InterfaceState } from './link-message.js';
import type { NetlinkSocket } from './netlink-socket.js';

/** The interfaces of this machine that have an address; more than one may. */
export function interfacesWithAddress(netlink: NetlinkSocket, address: string): readonly InterfaceState[] {
  const addresses = new AddressTable();
  addresses.load(netlink);
  const interfaces = new InterfaceTable(() => {});
  interfaces.load(netlink);
  return addresses.interfacesOf(canonicalIp(address)).flatMap((index) => interfaces.at(index) ?? []);
}
