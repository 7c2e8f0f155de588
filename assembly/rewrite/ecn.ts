/**
 * Congestion marks at the end of a tunnel: RFC 6040 section 4.2, figure 4.
 *
 *   inner \ outer   Not-ECT   ECT(0)    ECT(1)    CE
 *   Not-ECT         Not-ECT   Not-ECT   Not-ECT   drop
 *   ECT(0)          ECT(0)    ECT(0)    ECT(1)    CE
 *   ECT(1)          ECT(1)    ECT(1)    ECT(1)    CE
 *   CE              CE        CE        CE        CE
 */
import { REASON_ECN, REASON_NONE } from '../abi';
import { packetFamily, packetIp, packetOuterEcn } from '../host-packet';
import { ipv4Tos, setIpv4Ecn } from '../wire/ipv4';
import { ipv6TrafficClass, setIpv6Ecn } from '../wire/ipv6';

export const ECN_MASK: u32 = 3;

const NOT_ECT: u32 = 0;
const ECT_1: u32 = 1;
const ECT_0: u32 = 2;
const CE: u32 = 3;

/** Carries the mark of the tunnel over to the packet that was in it; a drop reason when its sender cannot be told. */
export function combineEcn(packet: usize): u32 {
  const outer = packetOuterEcn(packet);
  // The other two leave every packet as it is.
  if (outer != CE && outer != ECT_1) return REASON_NONE;
  const inner = innerEcn(packet);
  if (outer == CE) {
    if (inner == NOT_ECT) return REASON_ECN;
    setEcn(packet, CE);
  } else if (inner == ECT_0) {
    setEcn(packet, ECT_1);
  }
  return REASON_NONE;
}

/** What combineEcn would answer. */
export function checkEcn(packet: usize): u32 {
  return packetOuterEcn(packet) == CE && innerEcn(packet) == NOT_ECT ? REASON_ECN : REASON_NONE;
}

function innerEcn(packet: usize): u32 {
  const ip = packetIp(packet);
  return (packetFamily(packet) == 6 ? ipv6TrafficClass(ip) : ipv4Tos(ip)) & ECN_MASK;
}

function setEcn(packet: usize, ecn: u32): void {
  if (packetFamily(packet) == 6) setIpv6Ecn(packetIp(packet), ecn);
  else setIpv4Ecn(packetIp(packet), ecn);
}
