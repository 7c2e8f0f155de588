/** The connection an ICMP error is about, as muxExplain has found it. */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from '../dataplane/instance.js';
import { formatIp, hostText } from '../net/address.js';

/** A connection as its client sends it: the quoted packet turned around. */
export interface QuotedConnection {
  /** IP protocol number. */
  readonly protocol: number;
  /** `192.0.2.7:40000`; without the port where the quote has none. */
  readonly source: string;
  /** `80.80.80.80:443`; the port is the identifier of a ping. */
  readonly destination: string;
}

/** Reads it; `undefined` for a packet that is no ICMP error, or one whose quote was not understood. */
export function readQuotedConnection(dataPlane: DataPlane): QuotedConnection | undefined {
  const { view, bytes } = dataPlane;
  const quote = abi.FIXED_STATE + abi.STATE_QUOTE;
  const family = bytes[quote + abi.QUOTE_FAMILY];
  if (family === 0) return undefined;
  const ip = view.getUint32(quote + abi.QUOTE_IP, true);
  const [start, length] = family === 6 ? [ip + 8, 16] : [ip + 12, 4];
  const source = formatIp(bytes.slice(start, start + length));
  const destination = formatIp(bytes.slice(start + length, start + 2 * length));
  const sourcePort = view.getUint16(quote + abi.QUOTE_SOURCE_PORT);
  const destinationPort = view.getUint16(quote + abi.QUOTE_DESTINATION_PORT);
  return {
    protocol: bytes[quote + abi.QUOTE_PROTOCOL],
    source: withPort(destination, destinationPort),
    destination: withPort(source, sourcePort),
  };
}

function withPort(address: string, port: number): string {
  return port === 0 ? address : `${hostText(address)}:${port}`;
}
