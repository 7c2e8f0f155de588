/** Flows as people write them: `tcp 192.0.2.7:40000 > 80.80.80.80:80`. */
import { EdgemuxError } from '../errors.js';
import { parseIp } from '../net/address.js';
import { buildTcp, buildUdp, type FlowEnd, TCP_SYN } from './build.js';

const FLOW = /^\s*(tcp|udp)\s+(\S+):(\d{1,5})\s*(?:>|->|→)\s*(\S+):(\d{1,5})\s*$/i;

/**
 * The first packet of a flow that is given as text: a TCP SYN or an empty UDP datagram, as a bare IP packet. IPv6
 * addresses stand in brackets: `tcp [2001:db8::7]:40000 > [2001:db8::80]:80`.
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
  if (parseIp(source.address).family !== parseIp(destination.address).family) {
    throw syntaxError(flow, 'the addresses are of two families');
  }
  return protocol.toLowerCase() === 'tcp'
    ? buildTcp({ source, destination, flags: TCP_SYN })
    : buildUdp({ source, destination });
}

function endOf(flow: string, text: string, portText: string): FlowEnd {
  const port = Number(portText);
  if (port > 65_535) throw syntaxError(flow, `port ${portText} is above 65535`);
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  const address = bracketed ?? text;
  if (familyOf(address) !== (bracketed === undefined ? 4 : 6)) {
    throw syntaxError(flow, `${text} is no IPv4 address, and no IPv6 address in brackets`);
  }
  return { address, port };
}

function familyOf(address: string): 4 | 6 | undefined {
  try {
    return parseIp(address).family;
  } catch {
    return undefined;
  }
}

function syntaxError(flow: string, why: string): EdgemuxError {
  return new EdgemuxError('ERR_FLOW_SYNTAX', `cannot read the flow ${JSON.stringify(flow)}: ${why}`);
}
