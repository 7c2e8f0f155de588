/**
 * What a MUX keeps about a fragmented datagram: where its first fragment went. The value of a record of fragment.ts.
 *
 *   0      8         12        16           17      32
 *   | hash | service | backend | generation | spare |
 */
import {
  DATAGRAM_BYTES,
  DATAGRAM_FAMILY,
  NO_INDEX,
  PARSED_BACKEND,
  PARSED_HASH,
  PARSED_SERVICE,
  PARSED_SOURCE,
  PIN_BACKEND,
  PIN_GENERATION,
  PIN_HASH,
  PIN_SERVICE,
  REASON_NO_BACKEND,
  REASON_NONE,
  SOURCE_FRAGMENT,
} from '../abi';
import { fragmentsBase } from '../layout';
import { backendAt, backendGeneration, backendIs } from './backend';
import { datagramsEnd, datagramValue, forgetDatagram } from './fragment';
import { serviceAt, serviceIsInUse } from './service';

/** Notes in the datagram's record where a first fragment goes: its backend has been chosen. */
export function writePin(datagram: usize, parsed: usize): void {
  const pin = datagramValue(datagram);
  const backend = load<u32>(parsed, PARSED_BACKEND);
  store<u64>(pin, load<u64>(parsed, PARSED_HASH), PIN_HASH);
  store<u32>(pin, load<u32>(parsed, PARSED_SERVICE), PIN_SERVICE);
  store<u32>(pin, backend, PIN_BACKEND);
  store<u8>(pin, <u8>backendGeneration(backendAt(backend)), PIN_GENERATION);
}

/**
 * Sends a fragment after the first one: to its backend, for its service, and with its hash, so that all fragments have
 * one outer source port. Answers with a drop reason when that backend is gone.
 */
export function followPin(datagram: usize, parsed: usize): u32 {
  const pin = datagramValue(datagram);
  const backend = load<u32>(pin, PIN_BACKEND);
  store<u32>(parsed, load<u32>(pin, PIN_SERVICE), PARSED_SERVICE);
  if (!backendIs(backendAt(backend), load<u8>(pin, PIN_GENERATION))) return REASON_NO_BACKEND;
  store<u64>(parsed, load<u64>(pin, PIN_HASH), PARSED_HASH);
  store<u32>(parsed, backend, PARSED_BACKEND);
  store<u8>(parsed, SOURCE_FRAGMENT, PARSED_SOURCE);
  return REASON_NONE;
}

/** Forgets every datagram of a service that is gone, so that its index can be given to another one. */
export function pinSweep(): void {
  for (let datagram: usize = fragmentsBase; datagram < datagramsEnd(); datagram += DATAGRAM_BYTES) {
    const service = load<u32>(datagramValue(datagram), PIN_SERVICE);
    const isOrphan = service != NO_INDEX && !serviceIsInUse(serviceAt(service));
    if (load<u8>(datagram, DATAGRAM_FAMILY) != 0 && isOrphan) forgetDatagram(datagram);
  }
}
