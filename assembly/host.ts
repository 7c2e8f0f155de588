/**
 * The host agent: a tunnel from a MUX becomes a packet for the VM, the VM's answer becomes one from the VIP.
 *
 *   underlay ─► tunnel.ts: verify, strip ─► host-in.ts:  NIC ─► translation or leased port ─► remember ─► DIP ─► VM
 *   gateway  ◄─────────────────────────────── host-out.ts: VIP ◄─ recall, or lease a port ◄─────────────────── VM
 *
 * What is neither passes: it belongs to the kernel (SSH, BGP) or to the rest of the virtual switch.
 */
import {
  DESCRIPTOR_BACKEND,
  DESCRIPTOR_BYTES,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_PORT,
  DESCRIPTOR_SERVICE,
  FIXED_PARSED,
  LINK_ETHERNET,
  NO_INDEX,
  PORT_SHARED,
  PORT_UNDERLAY,
  REASON_OVERSIZE,
} from './abi';
import { ticksOf } from './clock';
import { conclude } from './counters';
import { fromVm } from './host-out';
import { descriptorsBase } from './layout';
import { dropFor, isOversize, reasonOf, verdictOf } from './parse';
import { findNic } from './table/nic';
import { fromUnderlay } from './tunnel';
import { ETHERNET_BYTES, sourceMac } from './wire/ethernet';

/** Runs the first `count` frames of the batch; every descriptor then has a verdict. Returns how many frames there are. */
export function hostProcess(count: u32, nowMs: u32): u32 {
  const now = ticksOf(nowMs);
  for (let frame: u32 = 0; frame < count; frame++) {
    const descriptor = descriptorsBase + frame * DESCRIPTOR_BYTES;
    store<u32>(descriptor, NO_INDEX, DESCRIPTOR_SERVICE);
    store<u32>(descriptor, NO_INDEX, DESCRIPTOR_BACKEND);
    const outcome = translate(descriptor, FIXED_PARSED, now);
    conclude(descriptor, verdictOf(outcome), reasonOf(outcome));
  }
  return count;
}

function translate(descriptor: usize, packet: usize, now: u32): u32 {
  if (isOversize(descriptor)) return dropFor(REASON_OVERSIZE);
  return isFromVm(descriptor) ? fromVm(descriptor, packet, now) : fromUnderlay(descriptor, packet, now);
}

function isFromVm(descriptor: usize): bool {
  const port = load<u8>(descriptor, DESCRIPTOR_PORT);
  if (port != PORT_SHARED) return port != PORT_UNDERLAY;
  return (
    load<u8>(descriptor, DESCRIPTOR_LINK) == LINK_ETHERNET &&
    load<u32>(descriptor, DESCRIPTOR_LENGTH) >= ETHERNET_BYTES &&
    findNic(sourceMac(load<u32>(descriptor, DESCRIPTOR_OFFSET))) != 0
  );
}
