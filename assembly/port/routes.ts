/**
 * Where frames leave by: a port for each verdict, as the SDK has said, in one word that dispatch.ts loads by the verdict.
 *
 *   record of the port | ROUTE_NONE | ROUTE_BACK: to where it came from | ROUTE_NIC: to the VM it is for
 */
import {
  CONFIG_ROUTE_PASS,
  CONFIG_ROUTE_REPLIES,
  CONFIG_ROUTE_TUNNELS,
  CONFIG_ROUTE_VM,
  CONFIG_ROUTES_BY_NIC,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  FIXED_CONFIG,
  FIXED_REGIONS,
  FIXED_ROUTES,
  LINK_BARE,
  NO_INDEX,
  REGION_NIC_PORTS,
  REGION_PAIR_BYTES,
  ROUTE_BACK,
  ROUTE_NIC,
  ROUTE_NONE,
  VERDICT_COUNT,
  VERDICT_DELIVER,
  VERDICT_FORWARD,
  VERDICT_PASS,
  VERDICT_REPLY,
} from '../abi';
import { findNic, nicIndex } from '../table/nic';
import { destinationMac, ETHERNET_BYTES } from '../wire/ethernet';
import { regionBase } from './pool';
import { openPortAt } from './port';

const NO_PORT: usize = 0;
const ROUTE_SHIFT: u32 = 2;

/** The route of a verdict. @inline */
export function routeAt(verdict: u32): usize {
  return load<u32>(FIXED_ROUTES + (verdict << ROUTE_SHIFT));
}

/**
 * Works out where the frames of each verdict leave by, for this batch.
 *
 * @param goesBack whether a frame without a route goes back to where it came from
 */
export function readRoutes(goesBack: bool): void {
  const back = goesBack ? ROUTE_BACK : ROUTE_NONE;
  memory.fill(FIXED_ROUTES, 0, VERDICT_COUNT << ROUTE_SHIFT);
  setRoute(VERDICT_FORWARD, CONFIG_ROUTE_TUNNELS, back);
  setRoute(VERDICT_REPLY, CONFIG_ROUTE_REPLIES, back);
  setRoute(VERDICT_PASS, CONFIG_ROUTE_PASS, ROUTE_NONE);
  setRoute(VERDICT_DELIVER, CONFIG_ROUTE_VM, ROUTE_NONE);
  if (load<u8>(FIXED_CONFIG + CONFIG_ROUTES_BY_NIC) != 0) storeRoute(VERDICT_DELIVER, ROUTE_NIC);
}

function setRoute(verdict: u32, field: u32, otherwise: u32): void {
  const port = routeOf(field);
  storeRoute(verdict, port != NO_PORT ? <u32>port : otherwise);
}

function storeRoute(verdict: u32, route: u32): void {
  store<u32>(FIXED_ROUTES + (verdict << ROUTE_SHIFT), route);
}

/** The open port of a route, 0 without one. */
export function routeOf(field: u32): usize {
  return openPortAt(load<u8>(FIXED_CONFIG + field));
}

/** The port of the VM a frame is for, and never that of another one. */
export function portOfNic(descriptor: usize): usize {
  const nic = findNic(destinationMac(ethernetOf(descriptor)));
  const index = nic != 0 ? nicIndex(nic) : NO_INDEX;
  if (index >= load<u32>(FIXED_REGIONS + REGION_NIC_PORTS * REGION_PAIR_BYTES, 4)) return NO_PORT;
  return openPortAt(load<u8>(regionBase(REGION_NIC_PORTS) + index));
}

/** The Ethernet header of a frame for a VM: a bare one has come out of a tunnel, and has that of the tunnel in front. */
function ethernetOf(descriptor: usize): usize {
  const frame: usize = load<u32>(descriptor, DESCRIPTOR_OFFSET);
  return load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_BARE ? frame - ETHERNET_BYTES : frame;
}
