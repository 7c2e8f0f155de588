/**
 * The memory plan: from the capacities an embedder asks for to the bases of the regions.
 *
 * Linear memory is sized once, initial = maximum, and never grows, so views on it never go stale and an AF_XDP ring
 * mapped into it never moves. Pages nobody touches cost address space only.
 */
import * as abi from '../../assembly/abi.js';
import { EdgemuxError, type Problem } from '../errors.js';

/** How much room a data plane has. Each of these is fixed at load. */
export interface Capacities {
  /**
   * Connections the flow table is to hold comfortably; default 262,144. A MUX's table has four places for each, 64 bytes
   * (default 16 MiB; 1,048,576 connections: 64 MiB), a host agent's two.
   */
  readonly flowCountMax: number;
  /** Trusted ones (seen in three different seconds) a MUX keeps at most; default `flowCountMax`. */
  readonly trustedFlowCountMax?: number;
  /** The others it keeps at most; default `flowCountMax`. */
  readonly untrustedFlowCountMax?: number;
  /** Services (VIP, protocol, port), at most 65,536; default 4,096. */
  readonly serviceCountMax: number;
  /** VIPs of either family; default 4,096. */
  readonly vipCountMax: number;
  /** Blocks of eight leased ports of all VIPs of a MUX; default 65,536. */
  readonly snatBlockCountMax: number;
  /** Backends (DIPs), at most 65,535; default 4,096. */
  readonly backendCountMax: number;
  /** Slots of all rings together; default 32 × 65,537 (4 MiB). Rings with the same members are stored once. */
  readonly ringSlotCountMax: number;
  /** Local VMs of a host agent; default 1,024. */
  readonly nicCountMax: number;
  /** Translations of a host agent (NIC, VIP, protocol, port); default 4,096. */
  readonly translationCountMax: number;
  /** Outbound rules of all local DIPs; default 4,096. */
  readonly snatRuleCountMax: number;
  /** Port ranges leased to them; default 16,384. */
  readonly snatRangeCountMax: number;
  /** Prefixes a host agent leaves alone on the way out; default 1,024. */
  readonly exemptionCountMax: number;
  /** Other hosts and MUXes a host agent knows for Fastpath, by provider address; default 4,096. */
  readonly peerCountMax: number;
  /** Connections of a host that leave the MUX out at a time; default 65,536. */
  readonly fastpathCountMax: number;
  /** Fragmented datagrams that are remembered at a time; default 1,024. */
  readonly datagramCountMax: number;
  /** Frames in a batch; default 256. */
  readonly batchFrameCountMax: number;
  /**
   * Longest frame, in bytes, as it arrives; default 9,216, with packet ports all that fits a chunk. Longer ones are dropped as
   * `oversize`.
   */
  readonly frameBytesMax: number;
  /** Packet ports that may be open at a time, at most 254; default 0: none, and no memory for them. They take `edgemux/appliance-module`. */
  readonly portCountMax: number;
  /** Chunks of the pool that frames of packet ports lie in; default 2,048. */
  readonly chunkCount: number;
  /**
   * Bytes of each, 256 of them in front of the frame; a multiple of 64, default 69,824, which holds what a VM sends before it
   * is cut into segments. AF_XDP wants 2,048 or 4,096.
   */
  readonly chunkBytes: number;
}

/** The capacities of a data plane that does not ask for others. */
export const CAPACITIES_DEFAULT: Capacities = {
  flowCountMax: 262_144,
  serviceCountMax: 4096,
  vipCountMax: 4096,
  snatBlockCountMax: 65_536,
  backendCountMax: 4096,
  ringSlotCountMax: 32 * 65_537,
  nicCountMax: 1024,
  translationCountMax: 4096,
  snatRuleCountMax: 4096,
  snatRangeCountMax: 16_384,
  exemptionCountMax: 1024,
  peerCountMax: 4096,
  fastpathCountMax: 65_536,
  datagramCountMax: 1024,
  batchFrameCountMax: 256,
  frameBytesMax: 9216,
  portCountMax: 0,
  chunkCount: 2048,
  chunkBytes: 69_824,
};

/** Which of the two pipelines an instance is for: the tables of the other one get no room. */
export type Role = 'mux' | 'host';

/** A part of linear memory with records of one kind. */
export interface Region {
  readonly base: number;
  readonly count: number;
}

/** Where everything goes, and how much memory that takes. */
export interface MemoryPlan {
  /** Indexed by `REGION_…`. */
  readonly regions: readonly Region[];
  /** Bytes from the start of one slot to the next. */
  readonly slotBytes: number;
  /** Chunks of the pool that a packet port may have to receive, and to send. */
  readonly chunkShare: number;
  /** Pages of 64 KiB. */
  readonly pageCount: number;
}

const PAGE_BYTES = 65_536;
/** What a port needs at least to receive, and to send, so that it works in batches. */
const CHUNK_SHARE_MIN = 16;
/** Linear memory has 32-bit addresses. */
const PAGE_COUNT_MAX = 65_536;
const LINE_BYTES = 64;

/**
 * Lays the regions of a role behind the fixed block, each on a cache line of its own.
 *
 * @throws EdgemuxError `ERR_CAPACITY` when a capacity is no positive whole number, or all of them need more than 4 GiB
 */
export function planMemory(role: Role, capacities: Capacities): MemoryPlan {
  checkCounts(capacities);
  const chunkShare = checkPorts(capacities);
  const slotBytes = roundUp(abi.HEADROOM_BYTES + capacities.frameBytesMax, LINE_BYTES);
  const sizes = role === 'mux' ? muxRegions(capacities) : hostRegions(capacities);
  sizes.set(abi.REGION_DESCRIPTORS, [capacities.batchFrameCountMax, abi.DESCRIPTOR_BYTES]);
  sizes.set(abi.REGION_SLOTS, [capacities.batchFrameCountMax, slotBytes]);
  if (capacities.portCountMax > 0) for (const [region, size] of portRegions(capacities)) sizes.set(region, size);

  let end = roundUp(abi.FIXED_END, PAGE_BYTES);
  const regions = Array.from({ length: abi.REGION_COUNT }, (_, region): Region => {
    const [count, bytes, alignment = LINE_BYTES] = sizes.get(region) ?? [1, LINE_BYTES];
    const base = roundUp(end, alignment);
    end = roundUp(base + count * bytes, LINE_BYTES);
    return { base, count };
  });
  const pageCount = Math.ceil(end / PAGE_BYTES);
  if (pageCount > PAGE_COUNT_MAX) {
    const message = `the capacities need ${pageCount} pages of 64 KiB, WebAssembly has ${PAGE_COUNT_MAX}`;
    throw new EdgemuxError('ERR_CAPACITY', message);
  }
  return { regions, slotBytes, chunkShare, pageCount };
}

function checkCounts(capacities: Capacities): void {
  const problems = Object.entries(capacities)
    .filter(([path, count]) => !Number.isSafeInteger(count) || count < leastOf(path))
    .map(([path, count]) => ({ path, expected: `a whole number of at least ${leastOf(path)}`, got: String(count) }));
  if (problems.length > 0) throw new EdgemuxError('ERR_CAPACITY', 'no data plane can be so large', problems);
}

function leastOf(path: string): number {
  return path === 'portCountMax' ? 0 : 1;
}

/** Half of the chunks beside those of a batch are for what ports receive, the other half for what they send. */
function checkPorts({ portCountMax, chunkCount, chunkBytes, batchFrameCountMax, frameBytesMax }: Capacities): number {
  if (portCountMax === 0) return 0;
  const problems: Problem[] = [];
  const check = (path: string, got: number, isRight: boolean, expected: string) => {
    if (!isRight) problems.push({ path, expected, got: String(got) });
  };
  const countMin = 2 * portCountMax * CHUNK_SHARE_MIN + batchFrameCountMax;
  const roomBytes = chunkBytes - abi.CHUNK_HEADROOM_BYTES;
  check('portCountMax', portCountMax, portCountMax < abi.NO_PACKET_PORT, `at most ${abi.NO_PACKET_PORT - 1}`);
  check('chunkCount', chunkCount, chunkCount >= countMin, `at least ${countMin} for ${portCountMax} ports`);
  check('chunkBytes', chunkBytes, chunkBytes % LINE_BYTES === 0 && chunkBytes >= 2048, 'a multiple of 64 from 2048 on');
  check('frameBytesMax', frameBytesMax, frameBytesMax <= roomBytes, `at most ${roomBytes}, which fits a chunk`);
  if (problems.length > 0) throw new EdgemuxError('ERR_CAPACITY', 'packet ports need room that fits', problems);
  return Math.floor((chunkCount - batchFrameCountMax) / (2 * portCountMax));
}

type RegionSizes = Map<number, readonly [count: number, bytes: number, alignment?: number]>;

function muxRegions(capacities: Capacities): RegionSizes {
  return new Map([
    [abi.REGION_ENDPOINTS, [hashedCount(capacities.serviceCountMax + capacities.vipCountMax), abi.ENDPOINT_BYTES]],
    // Every VIP may be an IPv6 address.
    [abi.REGION_ADDRESSES, [hashedCount(capacities.vipCountMax), abi.ADDRESS_BYTES]],
    [abi.REGION_SNAT_BLOCKS, [hashedCount(capacities.snatBlockCountMax), abi.SNAT_BLOCK_BYTES]],
    [abi.REGION_SERVICES, [capacities.serviceCountMax, abi.SERVICE_BYTES]],
    [abi.REGION_BACKENDS, [capacities.backendCountMax, abi.BACKEND_BYTES]],
    [abi.REGION_RINGS, [capacities.ringSlotCountMax, 2]],
    [abi.REGION_RING_MEMBERS, [capacities.backendCountMax, abi.RING_MEMBER_BYTES]],
    // Four places per flow: at two, one flow in twenty-five finds its bucket full.
    [abi.REGION_FLOWS, [hashedCount((2 * capacities.flowCountMax) / abi.FLOW_WAYS), abi.FLOW_BUCKET_BYTES]],
    [abi.REGION_FRAGMENTS, fragmentRegion(capacities)],
    [abi.REGION_HELD, [abi.HELD_COUNT_MAX, abi.HELD_BYTES]],
    // Only a host agent has peers: one record is the least a region has.
    [abi.REGION_PEERS, [1, abi.BACKEND_BYTES]],
    [abi.REGION_FASTPATHS, [1, abi.FASTPATH_SET_BYTES]],
  ]);
}

function hostRegions(capacities: Capacities): RegionSizes {
  const { translationCountMax, snatRuleCountMax } = capacities;
  // A translation may bring its VIP with it and, for an instance address, its DIP, else its answer; an outbound rule brings both.
  const translationEntryCount = 3 * translationCountMax + 2 * snatRuleCountMax;
  // VIP and DIP of all of them may be IPv6 addresses, and as many of former programs are kept.
  const addressCount = 2 * 2 * (translationCountMax + snatRuleCountMax);
  return new Map([
    [abi.REGION_NICS, [hashedCount(capacities.nicCountMax), abi.NIC_BYTES]],
    [abi.REGION_TRANSLATIONS, [hashedCount(translationEntryCount), abi.TRANSLATION_BYTES]],
    [abi.REGION_ADDRESSES, [hashedCount(addressCount), abi.ADDRESS_BYTES]],
    [abi.REGION_ADDRESS_VALUES, [addressCount + 1, abi.ADDRESS_VALUE_BYTES]],
    [abi.REGION_NAT_FLOWS, [hashedCount(capacities.flowCountMax / abi.NAT_FLOW_WAYS), abi.NAT_FLOW_BUCKET_BYTES]],
    [abi.REGION_SNAT_RULES, [snatRuleCountMax, abi.SNAT_RULE_BYTES]],
    [abi.REGION_SNAT_RANGES, [capacities.snatRangeCountMax, abi.SNAT_RANGE_BYTES]],
    [abi.REGION_SNAT_SHARES, [capacities.nicCountMax, 4]],
    [abi.REGION_EXEMPTIONS, [capacities.exemptionCountMax, abi.EXEMPTION_BYTES]],
    [abi.REGION_PEERS, [hashedCount(capacities.peerCountMax), abi.BACKEND_BYTES]],
    [abi.REGION_FASTPATHS, [hashedCount(capacities.fastpathCountMax / abi.FASTPATH_WAYS), abi.FASTPATH_SET_BYTES]],
    [abi.REGION_FRAGMENTS, fragmentRegion(capacities)],
    // Only a MUX keeps frames: one record is the least a region has.
    [abi.REGION_HELD, [1, abi.HELD_BYTES]],
  ]);
}

function portRegions({ portCountMax, chunkCount, chunkBytes, nicCountMax }: Capacities): RegionSizes {
  return new Map([
    [abi.REGION_CHUNKS, [chunkCount, chunkBytes, PAGE_BYTES]],
    [abi.REGION_FREE_CHUNKS, [chunkCount, 4]],
    [abi.REGION_CHUNK_OWNERS, [chunkCount, 1]],
    [abi.REGION_PACKET_PORTS, [portCountMax, abi.PACKET_PORT_BYTES]],
    [abi.REGION_PORT_ROOMS, [portCountMax, abi.ROOM_BYTES, PAGE_BYTES]],
    [abi.REGION_NIC_PORTS, [nicCountMax, 1]],
  ]);
}

function fragmentRegion({ datagramCountMax }: Capacities): readonly [count: number, bytes: number] {
  return [hashedCount(datagramCountMax / abi.DATAGRAM_WAYS), abi.FRAGMENT_SET_BYTES];
}

/** The power of two that leaves at least half of a hashed table empty. */
function hashedCount(itemCount: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2 * itemCount, 2)));
}

function roundUp(bytes: number, multiple: number): number {
  return Math.ceil(bytes / multiple) * multiple;
}
