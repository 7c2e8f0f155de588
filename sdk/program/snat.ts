/**
 * Outbound NAT resolved: which ports of which VIP are leased to which DIP.
 *
 *   VIP ports   | 1024 … 65535 in blocks of 8; blocks with a frontend port of a rule are left out
 *   slots       | as many blocks as one member gets | … |
 */
import {
  claimsByMember,
  leasedPortCount,
  type Member,
  type Membership,
  type OutboundClaim,
  type OutboundLease,
  outboundLeases,
  type ResourceIndex,
  SNAT_BLOCK_PORT_COUNT,
  SNAT_PORT_COUNT,
} from '../resources/index.js';
import { permutationSeed } from './maglev.js';
import { compareText } from './order.js';
import { PROTOCOLS } from './protocols.js';
import type { SnatRule } from './types.js';

/** Consecutive ports; both are multiples of 8. */
export interface PortRange {
  readonly firstPort: number;
  readonly portCount: number;
}

/** What one DIP may use of one VIP. */
export interface Lease {
  readonly vip: string;
  /** Canonical reference of the ipConfiguration. */
  readonly dip: string;
  /** All its ports of this VIP: what comes back to them goes to it. */
  readonly ranges: readonly PortRange[];
  /** The same ports by rule, in the order of the rules' keys. */
  readonly rules: readonly LeaseOfRule[];
}

/** What one outbound rule gives one DIP of one VIP. */
export interface LeaseOfRule extends Pick<SnatRule, 'protocol' | 'ranges' | 'idleTimeoutMs' | 'tcpReset' | 'rule'> {
  /** Place of the VIP among the frontends of the rule. */
  readonly frontend: number;
}

/**
 * Leases the ports of every VIP with outbound rules to the DIPs that reach out under it; sorted by VIP and key.
 *
 * A lease is a pure function of the fabric, so a DIP that gets other ports loses the connections on those it had. Dealt
 * out in the order of the keys, one new member would move the ports of all behind it. So each member looks for its slot
 * in an order of its own, as for Maglev, and takes the first that nobody before it has: with 50 members in 63 slots, as
 * full as the table of pool sizes makes it up to 800 members, a new one moves about one other, and in a small pool hardly
 * ever one. What cannot be helped is a step of the table, which gives every member another number of ports.
 */
export function leasesOf(index: ResourceIndex, membership: Membership): readonly Lease[] {
  return outboundLeases(index, membership).flatMap(leasesOfVip);
}

function leasesOfVip(lease: OutboundLease): Lease[] {
  const wanted = [...claimsByMember(lease.claims)].map(([member, claims]) => ({
    member,
    claims,
    blockCount: leasedPortCount(claims) / SNAT_BLOCK_PORT_COUNT,
  }));
  // The large ones first: a small slot never breaks a large one then, where both are powers of two.
  wanted.sort((a, b) => b.blockCount - a.blockCount || compareText(keyOf(a.member), keyOf(b.member)));
  const ports = new VipBlocks(lease.reservedBlocks);
  const taken = wanted.map(({ member, blockCount }) => ports.takeSlot(keyOf(member), blockCount));
  // Whoever found no slot, or one with a hole, takes from what is left when everybody else has theirs.
  for (const [at, { member, blockCount }] of wanted.entries()) {
    taken[at].push(...ports.takeRest(keyOf(member), blockCount - taken[at].length));
  }
  return wanted
    .map(({ member, claims }, at) => ({
      vip: lease.vip,
      dip: keyOf(member),
      ranges: rangesOf(taken[at]),
      rules: leasesByRule(claims, taken[at]),
    }))
    .sort((a, b) => compareText(a.dip, b.dip));
}

/** Rules for every protocol have blocks of their own; one for TCP and one for UDP share theirs. */
function leasesByRule(claims: readonly OutboundClaim[], blocks: readonly number[]): LeaseOfRule[] {
  const ofAll = claims.filter(({ rule }) => rule.resource.properties.protocol === 'All');
  const sharedStart = ofAll.reduce((sum, { portCount }) => sum + portCount / SNAT_BLOCK_PORT_COUNT, 0);
  const next = { All: 0, Tcp: sharedStart, Udp: sharedStart };
  return claims.map(({ rule, frontend, portCount }) => {
    const { protocol, edgemux } = rule.resource.properties;
    const start = next[protocol];
    next[protocol] += portCount / SNAT_BLOCK_PORT_COUNT;
    return {
      protocol: PROTOCOLS[protocol],
      ranges: rangesOf(blocks.slice(start, next[protocol])),
      idleTimeoutMs: edgemux.idleTimeoutInMinutes * MINUTE_MS,
      ...(edgemux.enableTcpReset && { tcpReset: true }),
      rule: rule.ref,
      frontend,
    };
  });
}

/** Blocks, numbered from 0, as ports: ranges in their order, none adjacent to another. */
function rangesOf(blocks: readonly number[]): PortRange[] {
  const ranges: { firstPort: number; portCount: number }[] = [];
  for (const block of [...blocks].sort((a, b) => a - b)) {
    const firstPort = (BLOCK_MIN + block) * SNAT_BLOCK_PORT_COUNT;
    const last = ranges.at(-1);
    if (last && last.firstPort + last.portCount === firstPort) last.portCount += SNAT_BLOCK_PORT_COUNT;
    else ranges.push({ firstPort, portCount: SNAT_BLOCK_PORT_COUNT });
  }
  return ranges;
}

function keyOf(member: Member): string {
  return member.ipConfiguration.ref;
}

const MINUTE_MS = 60_000;

const BLOCK_COUNT = SNAT_PORT_COUNT / SNAT_BLOCK_PORT_COUNT;
/** Port divided by 8 of the first block. */
const BLOCK_MIN = 65_536 / SNAT_BLOCK_PORT_COUNT - BLOCK_COUNT;

const FREE = 0;
const RESERVED = 1;
const LEASED = 2;

/** The blocks of one VIP, numbered from 0, and who may have them. */
class VipBlocks {
  readonly #states = new Uint8Array(BLOCK_COUNT);

  constructor(reserved: ReadonlySet<number>) {
    for (const block of reserved) this.#states[block - BLOCK_MIN] = RESERVED;
  }

  /** Takes the free blocks of the first slot in the key's own order that nobody has a part of; none when there is none. */
  takeSlot(key: string, blockCount: number): number[] {
    const slotCount = Math.floor(BLOCK_COUNT / blockCount);
    // An odd step visits every number below a power of two once; those past the last slot are passed over.
    const mask = 2 ** Math.ceil(Math.log2(slotCount)) - 1;
    const seed = permutationSeed(key);
    const step = seed.skip | 1;
    for (let turn = 0, slot = seed.offset & mask; turn <= mask; turn++, slot = (slot + step) & mask) {
      if (slot < slotCount && this.#isOpen(slot * blockCount, blockCount)) {
        return this.#take(this.#freeBlocks(slot * blockCount, blockCount));
      }
    }
    return [];
  }

  /**
   * Takes blocks wherever they are: the first run that is long enough, else the first ones, seen from a place of the
   * key's own, so that two that look for some are rarely in each other's way.
   */
  takeRest(key: string, blockCount: number): number[] {
    if (blockCount <= 0) return [];
    const own = permutationSeed(key).offset % BLOCK_COUNT;
    const free = [...this.#freeBlocks(own, BLOCK_COUNT - own), ...this.#freeBlocks(0, own)];
    const start = free.findIndex((block, at) => free[at + blockCount - 1] === block + blockCount - 1);
    return this.#take(free.slice(Math.max(start, 0), Math.max(start, 0) + blockCount));
  }

  #isOpen(start: number, count: number): boolean {
    const slot = this.#states.subarray(start, start + count);
    return !slot.includes(LEASED) && slot.includes(FREE);
  }

  #freeBlocks(start: number, count: number): number[] {
    return Array.from({ length: count }, (_, at) => start + at).filter((block) => this.#states[block] === FREE);
  }

  #take(blocks: number[]): number[] {
    for (const block of blocks) this.#states[block] = LEASED;
    return blocks;
  }
}
