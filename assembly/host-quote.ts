/**
 * Which connection an ICMP error is about: the packet it quotes went the other way, so that its source is our end for an
 * error on its way in, and its destination for one of a VM.
 */
import { FIXED_STATE, NAT_FLOW_KIND_OUTSIDE, NAT_FLOW_KIND_VM, REASON_NONE, STATE_QUOTED_KEY } from './abi';
import { packetFamily, packetL4, packetL4Bytes, packetNic } from './host-packet';
import {
  findNatFlow,
  natFlowIsLive,
  natFlowVip,
  natFlowVipPort,
  writeNatKeyEnds,
  writeNatKeyOwner,
  writeNatKeyRemote,
} from './table/nat-flow';
import { findAnyTranslation, findTranslation, translatedAddress, translatedPort } from './table/translation';
import { ICMP_BYTES } from './wire/icmp';
import { ipv4Destination, ipv4Source } from './wire/ipv4';
import { ipv6Destination, ipv6Source } from './wire/ipv6';
import { isTcpOrUdp } from './wire/ports';
import { quoteDestinationPort, quoteIp, quoteIsEcho, quoteProtocol, quoteSourcePort, readQuote } from './wire/quote';

const KEY: usize = FIXED_STATE + STATE_QUOTED_KEY;
const NO_PORT: u32 = 0;

/** Reads what an ICMP message quotes, whose checksum was right; false when it is no packet of ours to have sent. */
export function readQuoteOf(packet: usize): bool {
  const quote = packetL4(packet) + ICMP_BYTES;
  return readQuote(quote, packetL4Bytes(packet) - ICMP_BYTES, packetFamily(packet)) == REASON_NONE;
}

/** The live connection to a VIP that the quoted packet answers; 0 without one. */
export function findAnswered(packet: usize, vip: u32, now: u32): usize {
  const nic = packetNic(packet);
  const family = packetFamily(packet);
  const protocol = quoteProtocol();
  const vipPort = quoteSourcePort();
  let translation = findTranslation(nic, vip, family, protocol, vipPort);
  if (translation == 0) translation = findAnyTranslation(nic, vip, family, protocol);
  if (translation == 0) return 0;
  const dipPort = isTcpOrUdp(protocol) ? translatedPort(translation, vipPort) : NO_PORT;
  const dip = translatedAddress(translation, vip);
  setRemoteToDestination(family);
  const flow = findLive(packet, NAT_FLOW_KIND_VM, quoteDestinationPort(), dip, dipPort, now);
  return flow != 0 && natFlowVip(flow) == vip && natFlowVipPort(flow) == vipPort ? flow : 0;
}

/** The outside entry of the live connection from a leased port that the quoted packet is of; 0 without one. */
export function findCalled(packet: usize, vip: u32, now: u32): usize {
  setRemoteToDestination(packetFamily(packet));
  return findLive(packet, NAT_FLOW_KIND_OUTSIDE, quoteDestinationPort(), vip, quoteSourcePort(), now);
}

/** The live connection by which the quoted packet reached a VM; 0 without one. */
export function findReceived(packet: usize, local: u32, now: u32): usize {
  const remotePort = quoteIsEcho() ? NO_PORT : quoteSourcePort();
  setRemoteToSource(packetFamily(packet));
  return findLive(packet, NAT_FLOW_KIND_VM, remotePort, local, receivedPort(), now);
}

/** The VM's port of a quoted packet it has received; of a ping the identifier, which is the VM's whoever has sent it. */
export function receivedPort(): u32 {
  return quoteIsEcho() ? quoteSourcePort() : quoteDestinationPort();
}

/** KEY has the remote address. */
function findLive(packet: usize, kind: u32, remotePort: u32, local: u32, localPort: u32, now: u32): usize {
  writeNatKeyEnds(KEY, local, remotePort | (localPort << 16));
  writeNatKeyOwner(KEY, packetNic(packet), quoteProtocol(), packetFamily(packet) | kind);
  const flow = findNatFlow(KEY);
  return flow != 0 && natFlowIsLive(flow, now) ? flow : 0;
}

/** A VM has sent the quoted packet. */
function setRemoteToDestination(family: u32): void {
  const ip = quoteIp();
  if (family == 4) {
    writeNatKeyRemote(KEY, ipv4Destination(ip), 0);
  } else {
    const address = ipv6Destination(ip);
    writeNatKeyRemote(KEY, load<u64>(address), load<u64>(address, 8));
  }
}

/** A VM has received it. */
function setRemoteToSource(family: u32): void {
  const ip = quoteIp();
  if (family == 4) {
    writeNatKeyRemote(KEY, ipv4Source(ip), 0);
  } else {
    const address = ipv6Source(ip);
    writeNatKeyRemote(KEY, load<u64>(address), load<u64>(address, 8));
  }
}
