/** Flows as people write them: `tcp 192.0.2.7:40000 > 80.80.80.80:80`. */
import { EdgemuxError } from '../errors.js';
import { parseIp } from '../net/address.js';
import { buildTcp, buildUdp, type FlowEnd, TCP_SYN } from './build.js';

const FLOW = /^\s*(tcp|udp)\s+(\S+):(\d{1,5})\s*(?:>|->|→)\s*(\S+):(\d{1,5})\s*$/i;

/**
 * The first packet of a flow that is given as text: a TCP SYN or an empty UDP datagram, as a bare IPv4 packet.
 *
 * @throws EdgemuxError `ERR_FLOW_SYNTAX`
 * @example
 * ```ts
 * mux.explain(firstPacketOf('tcp 192.0.2.7:40000 > 80.80.80.80:80'), 0, 'bare');
 * ```
 */
export function firstPacketOf(flow: string): Uint8Array {
  const match = FLOW.exec(flow);
  if (!match) throw syntaxError(flow, 'expected tcp|udp ADDRESS:PORT > ADDRESS:PORT');
  const [, protocol, sourceAddress, sourcePort, destinationAddress, destinationPort] = match;
  const source = endOf(flow, sourceAddress, sourcePort);
  const destination = endOf(flow, destinationAddress, destinationPort);
  return protocol.toLowerCase() === 'tcp'
    ? buildTcp({ source, destination, flags: TCP_SYN })
    : buildUdp({ source, destination });
}

function endOf(flow: string, address: string, portText: string): FlowEnd {
  const port = Number(portText);
  if (port > 65_535) throw syntaxError(flow, `port ${portText} is above 65535`);
  if (!isIpv4(address)) throw syntaxError(flow, `${address} is no IPv4 address`);
  return { address, port };
}

function isIpv4(address: string): boolean {
  try {
    return parseIp(address).family === 4;
  } catch {
    return false;
  }
}

function syntaxError(flow: string, why: string): EdgemuxError {
  return new EdgemuxError('ERR_FLOW_SYNTAX', `cannot read the flow ${JSON.stringify(flow)}: ${why}`);
}
