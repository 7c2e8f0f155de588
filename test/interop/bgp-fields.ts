/**
 * BGP messages and BFD packets as Wireshark reads them: every field it has a name for, those that a message has not left
 * out. What occurs twice is joined by commas; prefixes and communities are put together of their parts.
 */
import { fieldsOf } from './peers.js';

const ATTRIBUTE = 'bgp.update.path_attribute';

/** Our name of a field → Wireshark's; of several at most one is in a message. */
const BGP_FIELDS = {
  type: ['bgp.type'],
  length: ['bgp.length'],

  version: ['bgp.open.version'],
  myAs: ['bgp.open.myas'],
  holdTime: ['bgp.open.holdtime'],
  identifier: ['bgp.open.identifier'],
  parameters: ['bgp.open.opt.param.type'],
  capabilities: ['bgp.cap.type'],
  families: ['bgp.cap.mp.afi'],
  familySafis: ['bgp.cap.mp.safi'],
  nextHopOf: ['bgp.cap.enh.afi'],
  nextHopOfSafi: ['bgp.cap.enh.safi'],
  nextHopIn: ['bgp.cap.enh.nhafi'],
  isRestarting: ['bgp.cap.gr.timers.restart_flag'],
  hasNotificationBit: ['bgp.cap.gr.timers.notification_flag'],
  restartTime: ['bgp.cap.gr.timers.restart_time'],
  restartFamilies: ['bgp.cap.gr.afi'],
  restartSafis: ['bgp.cap.gr.safi'],
  forwarding: ['bgp.cap.gr.flag'],
  fourOctetAs: ['bgp.cap.4as'],
  unknownCapability: ['bgp.cap.unknown'],

  code: ['bgp.notify.major_error'],
  subcode: ['', '_open', '_update', '_expired', '_state', '_cease', '_capability', '_unknown'].map(
    (suffix) => `bgp.notify.minor_error${suffix}`,
  ),
  data: ['bgp.notify.minor_data', 'bgp.notify.error_open.bad_peer_as'],
  textLength: ['bgp.notify.communication_length'],
  text: ['bgp.notify.communication'],

  refreshAfi: ['bgp.route_refresh.afi'],
  refreshSubtype: ['bgp.route_refresh.subtype'],
  refreshSafi: ['bgp.route_refresh.safi'],

  attributes: [`${ATTRIBUTE}.type_code`],
  flags: [`${ATTRIBUTE}.flags`],
  origin: [`${ATTRIBUTE}.origin`],
  segments: [`${ATTRIBUTE}.as_path_segment.type`],
  segmentLengths: [`${ATTRIBUTE}.as_path_segment.length`],
  as2: [`${ATTRIBUTE}.as_path_segment.as2`],
  as4: [`${ATTRIBUTE}.as_path_segment.as4`],
  nextHop: [`${ATTRIBUTE}.next_hop`],
  med: [`${ATTRIBUTE}.multi_exit_disc`],
  localPref: [`${ATTRIBUTE}.local_pref`],
  communityAs: [`${ATTRIBUTE}.community_as`],
  communityValues: [`${ATTRIBUTE}.community_value`],
  /** AS 0 and 65535 are reserved, RFC 1997. */
  reservedCommunities: [`${ATTRIBUTE}.community_wellknown`],
  largeAs: ['bgp.large_communities.ga'],
  largeData1: ['bgp.large_communities.ldp1'],
  largeData2: ['bgp.large_communities.ldp2'],
  reachAfi: [`${ATTRIBUTE}.mp_reach_nlri.afi`],
  reachSafi: [`${ATTRIBUTE}.mp_reach_nlri.safi`],
  reachNextHop: [`${ATTRIBUTE}.mp_reach_nlri.next_hop.ipv6`, `${ATTRIBUTE}.mp_reach_nlri.next_hop.ipv4`],
  reachSnpaCount: [`${ATTRIBUTE}.mp_reach_nlri.nbr_snpa`],
  unreachAfi: [`${ATTRIBUTE}.mp_unreach_nlri.afi`],
  unreachSafi: [`${ATTRIBUTE}.mp_unreach_nlri.safi`],
  prefixLengths: ['bgp.prefix_length'],
  nlri: ['bgp.nlri_prefix'],
  withdrawn: ['bgp.withdrawn_prefix'],
  reach: ['bgp.mp_reach_nlri_ipv4_prefix', 'bgp.mp_reach_nlri_ipv6_prefix'],
  unreach: ['bgp.mp_unreach_nlri_ipv4_prefix', 'bgp.mp_unreach_nlri_ipv6_prefix'],
  pathIds: ['bgp.nlri_path_id'],
} as const satisfies Record<string, readonly string[]>;

const BFD_FIELDS = {
  hops: ['ip.ttl', 'ipv6.hlim'],
  port: ['udp.dstport'],
  version: ['bfd.version'],
  diagnostic: ['bfd.diag'],
  state: ['bfd.sta'],
  poll: ['bfd.flags.p'],
  final: ['bfd.flags.f'],
  independent: ['bfd.flags.c'],
  authenticated: ['bfd.flags.a'],
  demand: ['bfd.flags.d'],
  multipoint: ['bfd.flags.m'],
  multiplier: ['bfd.detect_time_multiplier'],
  length: ['bfd.message_length'],
  mine: ['bfd.my_discriminator'],
  yours: ['bfd.your_discriminator'],
  minTx: ['bfd.desired_min_tx_interval'],
  minRx: ['bfd.required_min_rx_interval'],
  minEchoRx: ['bfd.required_min_echo_interval'],
} as const satisfies Record<string, readonly string[]>;

/** What Wireshark sees in a frame with a BGP message. */
export type BgpSeen = Seen<Exclude<keyof typeof BGP_FIELDS, Joined> | 'communities' | 'largeCommunities'>;
/** What it sees in one with a BFD control packet. */
export type BfdSeen = Seen<keyof typeof BFD_FIELDS>;
type Seen<Name extends string> = Readonly<Partial<Record<Name, string>>>;

/** Type codes and flags of path attributes, of the RFC in the comment. */
const ATTRIBUTES = {
  ORIGIN: [1, 0x40], // 4271
  AS_PATH: [2, 0x40],
  NEXT_HOP: [3, 0x40],
  MULTI_EXIT_DISC: [4, 0x80],
  LOCAL_PREF: [5, 0x40],
  COMMUNITIES: [8, 0xc0], // 1997
  MP_REACH_NLRI: [14, 0x80], // 4760
  MP_UNREACH_NLRI: [15, 0x80],
  AS4_PATH: [17, 0xc0], // 6793
  LARGE_COMMUNITY: [32, 0xc0], // 8092
} as const;
const EXTENDED_LENGTH = 0x10;

/** A path attribute edgemux writes. */
export type AttributeName = keyof typeof ATTRIBUTES;

/** An UPDATE with these path attributes, in this order; those of `long` have more than 255 bytes. */
export function updateSeen(
  names: readonly AttributeName[],
  rest: BgpSeen,
  long: readonly AttributeName[] = [],
): BgpSeen {
  const flags = names.map((name) => ATTRIBUTES[name][1] | (long.includes(name) ? EXTENDED_LENGTH : 0));
  const isReach = names.includes('MP_REACH_NLRI');
  return {
    type: '2',
    attributes: names.map((name) => ATTRIBUTES[name][0]).join(','),
    flags: flags.map((value) => `0x${value.toString(16)}`).join(','),
    ...(isReach && { reachSafi: '1', reachSnpaCount: '0' }),
    ...(names.includes('MP_UNREACH_NLRI') && { unreachSafi: '1' }),
    ...rest,
  };
}

/** Parts of prefixes, communities and large communities. */
type Joined = 'prefixLengths' | 'communityAs' | 'communityValues' | 'largeAs' | 'largeData1' | 'largeData2';
const PREFIXES = ['nlri', 'withdrawn', 'reach', 'unreach'] as const;

/** Wireshark only guesses how long the numbers in an AS_PATH are, unless it is told. */
export function asNumbersOf(octets: 2 | 4): string[] {
  return ['-o', `bgp.asn_len:${octets} octet`];
}

/** Every frame of a capture. */
export function bgpSeen(capture: string, preferences: readonly string[] = []): BgpSeen[] {
  return seen(capture, BGP_FIELDS, preferences).map((fields) => {
    const { prefixLengths, communityAs, communityValues, largeAs, largeData1, largeData2, ...rest } = fields;
    // Ours have prefixes in one place alone; in two the lengths would not add up, and show.
    const prefixes = PREFIXES.map((name) => [name, joined('/', rest[name], prefixLengths)] as const);
    const zipped = [
      ...prefixes.filter(([name]) => rest[name] !== undefined),
      ['communities', joined(':', communityAs, communityValues)] as const,
      ['largeCommunities', joined(':', largeAs, largeData1, largeData2)] as const,
    ];
    return { ...rest, ...Object.fromEntries(zipped.filter(([, text]) => text !== '')) };
  });
}

/** `a,b` and `1,2` are `a/1,b/2`; what one list has more than another stands beside nothing. */
function joined(by: string, ...lists: readonly (string | undefined)[]): string {
  const columns = lists.map((list) => list?.split(',') ?? []);
  const count = Math.max(...columns.map(({ length }) => length));
  return Array.from({ length: count }, (_, row) => columns.map((column) => column[row] ?? '').join(by)).join(',');
}

/** Every frame of a capture. */
export function bfdSeen(capture: string): BfdSeen[] {
  return seen(capture, BFD_FIELDS, []);
}

function seen<Name extends string>(
  capture: string,
  fields: Readonly<Record<Name, readonly string[]>>,
  preferences: readonly string[],
): Seen<Name>[] {
  const names = Object.keys(fields) as Name[];
  const columns = names.flatMap((name) => fields[name].map((field) => ({ name, field })));
  const rows = fieldsOf(
    capture,
    columns.map(({ field }) => field),
    preferences,
  );
  return rows.map((row) => {
    const values = columns.map(({ name }, column) => [name, row[column] ?? ''] as const);
    return Object.fromEntries(values.filter(([, value]) => value !== '')) as Seen<Name>;
  });
}
