/** The kernel's interfaces, addresses, routes and neighbours: to follow, to ask for, to set up. Linux, through koffi. */

export { type InterfaceChange, type InterfaceEvent, InterfaceWatch } from './interface-watch.js';
export { interfacesWithAddress } from './interfaces-with-address.js';
export type { InterfaceState } from './link-message.js';
export { NetlinkSocket, withNetlink } from './netlink-socket.js';
export { NextHopTable } from './next-hop-table.js';
export { RTPROT_EDGEMUX } from './route-message.js';
export {
  addAddress,
  addDeviceRoute,
  type InterfaceId,
  removeDeviceRoute,
  replaceDeviceRoute,
  setLinkMtu,
  setLinkUp,
} from './routes.js';
