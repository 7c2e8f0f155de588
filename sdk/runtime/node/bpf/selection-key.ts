/**
 * A selection as the entries of a hash map: every address with what it is to us.
 *
 *   key    | family 4 | address 16: of IPv4 the first 4, then zeros |
 *   value  | roles 4 |
 *
 * All in the byte order of this machine, but for the address.
 */
import { parseIp } from '../../../net/address.js';
import type { FrameSelection } from '../../packet-port.js';

/** What an address is to us, as bits. */
export const ROLE = { destination: 1, tunnelEnd: 2, source: 4, local: 8 } as const;

export const SELECTION_KEY_BYTES = 20;
export const SELECTION_KEY_ADDRESS = 4;
export const SELECTION_VALUE_BYTES = 4;

/** The addresses of a selection by the text of their key, each with its roles. */
export function rolesOf(selection: FrameSelection): Map<string, number> {
  const roles = new Map<string, number>();
  const add = (addresses: readonly string[], role: number) => {
    for (const address of addresses) {
      const key = keyText(address);
      roles.set(key, (roles.get(key) ?? 0) | role);
    }
  };
  add(selection.destinations, ROLE.destination);
  add(selection.tunnelEnds, ROLE.tunnelEnd);
  add(selection.sources, ROLE.source);
  add(selection.local, ROLE.local);
  return roles;
}

/** The key behind its text. */
export function keyBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A key as text of one character a byte, so that equal keys are equal. */
function keyText(address: string): string {
  const { family, bytes } = parseIp(address);
  const key = new Uint8Array(SELECTION_KEY_BYTES);
  new DataView(key.buffer).setUint32(0, family, true);
  key.set(bytes, SELECTION_KEY_ADDRESS);
  return String.fromCharCode(...key);
}
