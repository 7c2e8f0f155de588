/** The way from one address to another, and what is wrong with it. */

/** One direction between two addresses. Every field may be changed while packets are on their way. */
export interface Path {
  /** Nothing arrives: a partition. TCP sends again and may survive it, datagrams are lost. */
  isCut: boolean;
  /** Who connects is refused with a RST, as a firewall does. */
  isRefusing: boolean;
  /** Time on the way, 0.. ms; each packet takes up to half as long again. */
  latencyMs: number;
  /** Share of the datagrams that are lost, 0..1. TCP does not show its losses. */
  lossShare: number;
  /** 1 for neighbours on a link; each hop more takes 1 from TTL and hop limit. */
  hops: number;
}

/** TTL or hop limit of what nobody gave another one. */
export const HOP_LIMIT_DEFAULT = 64;

/** TTL or hop limit of packets that GTSM protects, RFC 5082 section 3. */
export const HOP_LIMIT_SECURE = 255;

/** What is left of a hop limit at the end of a path, against the lowest one that is taken there. */
export function hopLimitSuffices(path: Path, sent: number, min: number): boolean {
  return sent - (path.hops - 1) >= min;
}
