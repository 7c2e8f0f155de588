/**
 * MUX, second stage: where an ICMP error goes: to the backend of the connection it is about.
 *
 * An error quotes a packet that a backend sent from the VIP. Turned around, its addresses and ports are those of the
 * packets of that connection which come through here; the search is theirs, but for that it leaves no trace: whoever
 * invents an error can neither begin a flow nor keep one alive.
 */
import {
  FIXED_STATE,
  PARSED_FAMILY,
  PARSED_IP,
  PARSED_IP_LENGTH,
  PARSED_L4,
  PARSED_PROTOCOL,
  PARSED_SOURCE,
  REASON_ICMP_QUOTE,
  REASON_NO_RULE,
  REASON_NONE,
  SOURCE_FLOW,
  SOURCE_NONE,
  SOURCE_QUOTED_FLOW,
  SOURCE_QUOTED_RING,
  SOURCE_RING,
  STATE_REVERSED_IP,
  VERDICT_FORWARD,
} from './abi';
import { classifyLeased, classifyService } from './classify-service';
import { chooseBackendRarely } from './lookup';
import { dropFor, OUTCOME_CONTINUE } from './parse';
import { addressWord } from './table/address';
import { ICMP_BYTES } from './wire/icmp';
import { ipv4Destination, ipv4Source, setIpv4Addresses } from './wire/ipv4';
import { ipv6Destination, ipv6Source, setIpv6Addresses } from './wire/ipv6';
import {
  quoteIp,
  quoteIsEcho,
  quoteIsLater,
  quoteIsOfDestination,
  quoteProtocol,
  quoteReversePorts,
  readQuote,
} from './wire/quote';

/** An IP header of which nothing but the addresses means anything. */
const REVERSED_IP: usize = FIXED_STATE + STATE_REVERSED_IP;

/** Finds the backend of an ICMP error that classify has left pending: FORWARD or a drop. Only reads. */
export function chooseForQuote(parsed: usize, now: u32): u32 {
  const ip = load<u32>(parsed, PARSED_IP);
  const family: u32 = load<u8>(parsed, PARSED_FAMILY);
  const quote: usize = load<u32>(parsed, PARSED_L4) + ICMP_BYTES;
  const bytes = ip + load<u32>(parsed, PARSED_IP_LENGTH) - <u32>quote;
  const reason = readQuote(quote, bytes, family);
  if (reason != REASON_NONE) return dropFor(reason);
  if (!quoteIsOfDestination(ip)) return dropFor(REASON_ICMP_QUOTE);

  // For the search this is a packet of the connection, and no SYN.
  const protocol = load<u8>(parsed, PARSED_PROTOCOL);
  store<u32>(parsed, <u32>reversedIp(family), PARSED_IP);
  store<u8>(parsed, <u8>quoteProtocol(), PARSED_PROTOCOL);
  const outcome = chooseForConnection(
    parsed,
    family == 6 ? addressWord(ipv6Destination(ip)) : ipv4Destination(ip),
    now,
  );
  store<u32>(parsed, ip, PARSED_IP);
  store<u8>(parsed, protocol, PARSED_PROTOCOL);
  return outcome;
}

function chooseForConnection(parsed: usize, vip: u32, now: u32): u32 {
  const ports = quoteReversePorts();
  // Nobody is offered a service for pings: a backend that pings does so by a leased port.
  const outcome = quoteIsEcho() ? classifyLeased(parsed, vip, ports) : classifyService(parsed, vip, ports);
  if (outcome != OUTCOME_CONTINUE) return dropFor(quoteIsLater() ? REASON_ICMP_QUOTE : REASON_NO_RULE);
  if (load<u8>(parsed, PARSED_SOURCE) != SOURCE_NONE) return VERDICT_FORWARD;
  const reason = chooseBackendRarely(parsed, now);
  if (reason != REASON_NONE) return dropFor(reason);
  const source = load<u8>(parsed, PARSED_SOURCE);
  if (source == SOURCE_FLOW) store<u8>(parsed, SOURCE_QUOTED_FLOW, PARSED_SOURCE);
  if (source == SOURCE_RING) store<u8>(parsed, SOURCE_QUOTED_RING, PARSED_SOURCE);
  return VERDICT_FORWARD;
}

/** The quoted packet's addresses, exchanged: from the client to the VIP. */
function reversedIp(family: u32): usize {
  const quoted = quoteIp();
  if (family == 6) setIpv6Addresses(REVERSED_IP, ipv6Destination(quoted), ipv6Source(quoted));
  else setIpv4Addresses(REVERSED_IP, ipv4Destination(quoted), ipv4Source(quoted));
  return REVERSED_IP;
}
