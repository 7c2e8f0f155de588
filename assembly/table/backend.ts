/** Backends: one DIP each, with the headers in front of every packet to it. Written by the SDK, layout in abi.ts. */
import {
  BACKEND_BYTES,
  BACKEND_GENERATION,
  BACKEND_HEADER_SUM,
  BACKEND_KIND,
  BACKEND_PACKETS,
  BACKEND_STATE,
  KIND_VXLAN_6,
} from '../abi';
import { backendsBase } from '../layout';

/** Of the template: an Ethernet header, then the destination of the outer IP header. */
const DESTINATION_4: u32 = 14 + 16;
const DESTINATION_6: u32 = 14 + 24;

export function backendAt(index: u32): usize {
  return backendsBase + index * BACKEND_BYTES;
}

/** Whether a backend is in use and still of this generation: two bytes side by side, one load. */
export function backendIs(backend: usize, generation: u32): bool {
  return load<u16>(backend, BACKEND_GENERATION) == (generation | (1 << ((BACKEND_STATE - BACKEND_GENERATION) << 3)));
}

export function backendGeneration(backend: usize): u32 {
  return load<u8>(backend, BACKEND_GENERATION);
}

export function backendHeaderSum(backend: usize): u32 {
  return load<u32>(backend, BACKEND_HEADER_SUM);
}

/** KIND_…: how packets to it are encapsulated. */
export function backendKind(backend: usize): u32 {
  return load<u8>(backend, BACKEND_KIND);
}

/** Where the provider address of its host lies, 4 or 16 bytes. */
export function backendHostAddress(backend: usize): usize {
  return backend + ((backendKind(backend) & KIND_VXLAN_6) != 0 ? DESTINATION_6 : DESTINATION_4);
}

/** 4 or 6: of that address. */
export function backendHostFamily(backend: usize): u32 {
  return (backendKind(backend) & KIND_VXLAN_6) != 0 ? 6 : 4;
}

export function backendTraffic(backend: usize): usize {
  return backend + BACKEND_PACKETS;
}
