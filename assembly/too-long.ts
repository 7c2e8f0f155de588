/**
 * MUX: packets that are too long for the provider network once encapsulated.
 *
 * What may be fragmented goes on in an outer header that allows it. Of the rest the sender is told, so that path MTU
 * discovery works through the tunnel (RFC 1191, RFC 8201), but not about errors, later fragments, or too often.
 */
import {
  CONFIG_MTU_BYTES,
  FIXED_CONFIG,
  FIXED_STATE,
  PARSED_FAMILY,
  PARSED_IP,
  PARSED_IP_LENGTH,
  PARSED_PROTOCOL,
  REASON_MTU,
  REASON_OVERSIZE,
  STATE_NOW_MS,
  VERDICT_FORWARD,
  VERDICT_REPLY,
} from './abi';
import { dropFor } from './parse';
import { mayTell } from './rate-limit';
import { chosenKind, outerHasRoom, overheadBytes } from './rewrite/encapsulate';
import { icmpForbidsError, PROTOCOL_ICMP } from './wire/icmp';
import { icmpv6ForbidsError, PROTOCOL_ICMPV6 } from './wire/icmpv6';
import { ipv4HeaderBytes, ipv4IsLaterFragment, ipv4MayFragment } from './wire/ipv4';
import { ipv6FragmentOffset, walkedFragment, walkedL4, walkedProtocol, walkIpv6 } from './wire/ipv6';

const TYPE_CODE_BYTES: u32 = 2;

/** What becomes of a packet longer than CONFIG_FITTING_BYTES, whose backend has been chosen; only reads. */
export function judgeLong(parsed: usize): u32 {
  if (!outerHasRoom(parsed)) return dropFor(REASON_OVERSIZE);
  if (!isAboveMtu(parsed)) return VERDICT_FORWARD;
  const ip: usize = load<u32>(parsed, PARSED_IP);
  const isIpv4 = load<u8>(parsed, PARSED_FAMILY) != 6;
  if (isIpv4 && ipv4MayFragment(ip)) return VERDICT_FORWARD;
  const forbidsError = isIpv4 ? forbidsErrorV4(parsed, ip) : forbidsErrorV6(parsed, ip);
  const isTold = !forbidsError && mayTell(load<u32>(FIXED_STATE + STATE_NOW_MS));
  return isTold ? VERDICT_REPLY : dropFor(REASON_MTU);
}

/** Whether the encapsulated packet is longer than the MTU, if there is one. */
export function isAboveMtu(parsed: usize): bool {
  const mtuBytes = load<u32>(FIXED_CONFIG + CONFIG_MTU_BYTES);
  return mtuBytes != 0 && load<u32>(parsed, PARSED_IP_LENGTH) + overheadOf(parsed) > mtuBytes;
}

/** The longest packet for the chosen backend; there is an MTU. */
export function fittingBytes(parsed: usize): u32 {
  return load<u32>(FIXED_CONFIG + CONFIG_MTU_BYTES) - overheadOf(parsed);
}

function overheadOf(parsed: usize): u32 {
  return overheadBytes(chosenKind(parsed));
}

/** RFC 1122 section 3.2.2: not about an ICMP error, nor about a fragment that is not the first. */
function forbidsErrorV4(parsed: usize, ip: usize): bool {
  if (ipv4IsLaterFragment(ip)) return true;
  const headerBytes = ipv4HeaderBytes(ip);
  if (load<u8>(parsed, PARSED_PROTOCOL) != PROTOCOL_ICMP) return false;
  const hasType = load<u32>(parsed, PARSED_IP_LENGTH) - headerBytes >= TYPE_CODE_BYTES;
  return hasType && icmpForbidsError(ip + headerBytes);
}

/** RFC 4443 section 2.4 (e), and a later fragment would tell the sender no more than the first one. */
function forbidsErrorV6(parsed: usize, ip: usize): bool {
  const ipLength = load<u32>(parsed, PARSED_IP_LENGTH);
  walkIpv6(ip, ipLength);
  if (walkedFragment != 0 && ipv6FragmentOffset(walkedFragment) != 0) return true;
  if (walkedProtocol != PROTOCOL_ICMPV6) return false;
  return ip + ipLength - walkedL4 >= TYPE_CODE_BYTES && icmpv6ForbidsError(walkedL4);
}
