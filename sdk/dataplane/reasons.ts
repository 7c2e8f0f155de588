/** Verdicts and drop reasons by name: what the numbers of the boundary are called in counters, JSON and messages. */
import * as abi from '../../assembly/abi.js';

/**
 * What is to happen with a frame.
 *
 * | verdict | from | means |
 * |---|---|---|
 * | `pass` | both | not ours: leave it to the kernel |
 * | `drop` | both | ours, and thrown away for a counted reason |
 * | `forward` | MUX | encapsulated, send it to the host |
 * | | MUX | its own message to a host |
 * | | host | encapsulated, send it straight to the other VM's host |
 * | `deliver` | host | decapsulated and translated, give it to the VM |
 * | `reply` | host | a VM's answer, now from the VIP, send it to the default gateway |
 * | | MUX | its own answer (echo reply, frag-needed, packet-too-big), send it back |
 * | `hold` | MUX | a fragment kept until the first one of its datagram is here |
 * | `consume` | host | a message of a MUX, obeyed |
 */
export type Verdict = 'pass' | 'drop' | 'forward' | 'deliver' | 'reply' | 'hold' | 'consume';

const VERDICTS: Readonly<Record<number, Verdict>> = {
  [abi.VERDICT_PASS]: 'pass',
  [abi.VERDICT_DROP]: 'drop',
  [abi.VERDICT_FORWARD]: 'forward',
  [abi.VERDICT_DELIVER]: 'deliver',
  [abi.VERDICT_REPLY]: 'reply',
  [abi.VERDICT_HOLD]: 'hold',
  [abi.VERDICT_CONSUME]: 'consume',
};

/** Why a frame was dropped; the names are stable and documented in the README. */
export const DROP_REASONS = {
  oversize: abi.REASON_OVERSIZE,
  'ethernet-truncated': abi.REASON_ETHERNET_TRUNCATED,
  'ipv4-truncated': abi.REASON_IPV4_TRUNCATED,
  'ipv4-version': abi.REASON_IPV4_VERSION,
  'ipv4-header-length': abi.REASON_IPV4_HEADER_LENGTH,
  'ipv4-total-length': abi.REASON_IPV4_TOTAL_LENGTH,
  'ipv4-checksum': abi.REASON_IPV4_CHECKSUM,
  fragment: abi.REASON_FRAGMENT,
  protocol: abi.REASON_PROTOCOL,
  'tcp-truncated': abi.REASON_TCP_TRUNCATED,
  'tcp-header-length': abi.REASON_TCP_HEADER_LENGTH,
  'udp-truncated': abi.REASON_UDP_TRUNCATED,
  'udp-length': abi.REASON_UDP_LENGTH,
  'no-rule': abi.REASON_NO_RULE,
  'no-backend': abi.REASON_NO_BACKEND,
  'vxlan-truncated': abi.REASON_VXLAN_TRUNCATED,
  'vxlan-flags': abi.REASON_VXLAN_FLAGS,
  'inner-truncated': abi.REASON_INNER_TRUNCATED,
  'inner-vlan': abi.REASON_INNER_VLAN,
  'nic-unknown': abi.REASON_NIC_UNKNOWN,
  'vni-mismatch': abi.REASON_VNI_MISMATCH,
  'nat-conflict': abi.REASON_NAT_CONFLICT,
  'flow-table-full': abi.REASON_FLOW_TABLE_FULL,
  'icmp-truncated': abi.REASON_ICMP_TRUNCATED,
  'icmp-checksum': abi.REASON_ICMP_CHECKSUM,
  'ipv6-truncated': abi.REASON_IPV6_TRUNCATED,
  'ipv6-version': abi.REASON_IPV6_VERSION,
  'ipv6-extension': abi.REASON_IPV6_EXTENSION,
  ttl: abi.REASON_TTL,
  source: abi.REASON_SOURCE,
  'icmp-quote': abi.REASON_ICMP_QUOTE,
  'fragment-overlap': abi.REASON_FRAGMENT_OVERLAP,
  'fragment-limit': abi.REASON_FRAGMENT_LIMIT,
  'fragment-expired': abi.REASON_FRAGMENT_EXPIRED,
  mtu: abi.REASON_MTU,
  'fair-share': abi.REASON_FAIR_SHARE,
  'gre-truncated': abi.REASON_GRE_TRUNCATED,
  'gre-flags': abi.REASON_GRE_FLAGS,
  ecn: abi.REASON_ECN,
  'snat-exhausted': abi.REASON_SNAT_EXHAUSTED,
  'snat-unknown': abi.REASON_SNAT_UNKNOWN,
  redirect: abi.REASON_REDIRECT,
} as const;

/** The name of a drop reason. */
export type DropReason = keyof typeof DROP_REASONS;

const REASON_NAMES = new Map<number, DropReason>(
  Object.entries(DROP_REASONS).map(([name, number]) => [number, name as DropReason]),
);

/** The name of a verdict of the boundary. */
export function verdictName(verdict: number): Verdict {
  return VERDICTS[verdict];
}

/** The name of a drop reason of the boundary; `undefined` for "none". */
export function reasonName(reason: number): DropReason | undefined {
  return REASON_NAMES.get(reason);
}
