/** Services: what the MUX knows about one (VIP, protocol, port). Written by the SDK, layout in abi.ts. */
import {
  SERVICE_BACKEND,
  SERVICE_BYTES,
  SERVICE_DISTRIBUTION,
  SERVICE_DROP_SHARE,
  SERVICE_IDLE_TICKS,
  SERVICE_PACKETS,
  SERVICE_RING_BASE,
  SERVICE_RING_SLOT_COUNT,
  SERVICE_STATE,
} from '../abi';
import { servicesBase } from '../layout';

export function serviceAt(index: u32): usize {
  return servicesBase + index * SERVICE_BYTES;
}

export function serviceIsInUse(service: usize): bool {
  return load<u8>(service, SERVICE_STATE) != 0;
}

export function serviceRing(service: usize): usize {
  return load<u32>(service, SERVICE_RING_BASE);
}

export function serviceRingSlotCount(service: usize): u32 {
  return load<u32>(service, SERVICE_RING_SLOT_COUNT);
}

export function serviceFixedBackend(service: usize): u32 {
  return load<u32>(service, SERVICE_BACKEND);
}

export function serviceDistribution(service: usize): u32 {
  return load<u8>(service, SERVICE_DISTRIBUTION);
}

export function serviceIdleTicks(service: usize): u32 {
  return load<u32>(service, SERVICE_IDLE_TICKS);
}

export function serviceTraffic(service: usize): usize {
  return service + SERVICE_PACKETS;
}

/** How many of 65,536 packets are to be dropped. */
export function serviceDropShare(service: usize): u32 {
  return load<u32>(service, SERVICE_DROP_SHARE);
}
