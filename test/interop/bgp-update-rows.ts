/**
 * UPDATE messages, and what Wireshark is to see in each but for its length; written down from the RFCs, and never from
 * what edgemux itself reads.
 */
import {
  type Agreement,
  encodeEndOfRib,
  encodeUpdates,
  type Family,
  type PathAttributes,
} from '../../sdk/bgp/wire/index.js';
import { parsePrefix } from '../../sdk/net/prefix.js';
import { type BgpSeen, updateSeen } from './bgp-fields.js';
import { only } from './bgp-random.js';
import type { Row } from './bgp-session-rows.js';

/** Both families, four-octet AS numbers, another autonomous system. */
export const EXTERNAL: Agreement = {
  fourOctetAs: true,
  isExternal: true,
  families: new Set(['ipv4', 'ipv6']),
  extendedNextHop: new Set(),
};
const TWO: Agreement = { ...EXTERNAL, fourOctetAs: false };
const INTERNAL: Agreement = { ...EXTERNAL, isExternal: false };
/** And IPv4 prefixes may have an IPv6 next hop. */
export const EXTENDED: Agreement = { ...EXTERNAL, extendedNextHop: new Set(['ipv4']) };

/** A change as people write it. */
export interface Change extends Partial<PathAttributes> {
  readonly prefixes: readonly string[];
  readonly nextHop?: string;
}

/** The messages of a change; without a next hop it is a withdrawal. */
export function updates({ prefixes, nextHop, ...attributes }: Change, agreement: Agreement): Uint8Array[] {
  const family: Family = prefixes[0]?.includes(':') ? 'ipv6' : 'ipv4';
  const path = nextHop && {
    nextHop,
    attributes: { origin: 'igp', asPath: [64512], communities: [], largeCommunities: [], ...attributes } as const,
  };
  return [...encodeUpdates({ family, prefixes: prefixes.map(parsePrefix), ...(path && { path }) }, agreement)];
}

function update(name: string, agreement: Agreement, change: Change, seen: BgpSeen): Row {
  return [`UPDATE: ${name}`, only(updates(change, agreement)), seen];
}

const VIP4 = ['203.0.113.7/32'];
const VIP6 = ['2001:db8:f::7/128'];
const PATH = { origin: '0', segments: '2', segmentLengths: '1', as4: '64512' };
const MUX4 = '192.0.2.4';
const MUX6 = '2001:db8::4';

/** For peers with four-octet AS numbers. */
export const UPDATE_ROWS: readonly Row[] = [
  update(
    'IPv4',
    EXTERNAL,
    { prefixes: [...VIP4, '198.51.100.0/24', '172.16.0.0/12', '128.0.0.0/1'], nextHop: MUX4 },
    updateSeen(['ORIGIN', 'AS_PATH', 'NEXT_HOP'], {
      ...{ ...PATH, nextHop: MUX4 },
      nlri: '203.0.113.7/32,198.51.100.0/24,172.16.0.0/12,128.0.0.0/1',
    }),
  ),
  update(
    'IPv4 default route',
    EXTERNAL,
    { prefixes: ['0.0.0.0/0'], nextHop: MUX4 },
    updateSeen(['ORIGIN', 'AS_PATH', 'NEXT_HOP'], { ...PATH, nextHop: MUX4, nlri: '0.0.0.0/0' }),
  ),
  update(
    'IPv6',
    EXTERNAL,
    { prefixes: [...VIP6, '2001:db8:8000::/33'], nextHop: MUX6 },
    updateSeen(['MP_REACH_NLRI', 'ORIGIN', 'AS_PATH'], {
      ...{ ...PATH, reachAfi: '2', reachNextHop: MUX6 },
      reach: '2001:db8:f::7/128,2001:db8:8000::/33',
    }),
  ),
  update(
    'IPv4 with an IPv6 next hop, RFC 8950',
    EXTENDED,
    { prefixes: VIP4, nextHop: MUX6 },
    updateSeen(['MP_REACH_NLRI', 'ORIGIN', 'AS_PATH'], {
      ...{ ...PATH, reachAfi: '1', reachNextHop: MUX6 },
      reach: '203.0.113.7/32',
    }),
  ),
  update(
    'MED, and ORIGIN INCOMPLETE',
    EXTERNAL,
    { prefixes: VIP4, nextHop: MUX4, med: 4294967295, origin: 'incomplete' },
    updateSeen(['ORIGIN', 'AS_PATH', 'NEXT_HOP', 'MULTI_EXIT_DISC'], {
      ...{ ...PATH, origin: '2', nextHop: MUX4, med: '4294967295', nlri: '203.0.113.7/32' },
    }),
  ),
  update(
    'communities',
    EXTERNAL,
    {
      ...{ prefixes: VIP4, nextHop: MUX4 },
      communities: ['65000:1', 'no-export', '1:65535', 'blackhole', 'graceful-shutdown', 'no-advertise', '0:7'],
    },
    updateSeen(['ORIGIN', 'AS_PATH', 'NEXT_HOP', 'COMMUNITIES'], {
      ...{ ...PATH, nextHop: MUX4, nlri: '203.0.113.7/32', communities: '65000:1,1:65535' },
      reservedCommunities: '0xffffff01,0xffff029a,0xffff0000,0xffffff02,0x00000007',
    }),
  ),
  update(
    'large communities',
    EXTERNAL,
    { prefixes: VIP6, nextHop: MUX6, largeCommunities: ['4200000000:1:2', '0:4294967295:0'] },
    updateSeen(['MP_REACH_NLRI', 'ORIGIN', 'AS_PATH', 'LARGE_COMMUNITY'], {
      ...{ ...PATH, reachAfi: '2', reachNextHop: MUX6, reach: '2001:db8:f::7/128' },
      largeCommunities: '4200000000:1:2,0:4294967295:0',
    }),
  ),
  update(
    'an AS path of 300',
    EXTERNAL,
    { prefixes: VIP4, nextHop: MUX4, asPath: Array.from({ length: 300 }, (_, at) => 4200000000 + at) },
    updateSeen(
      ['ORIGIN', 'AS_PATH', 'NEXT_HOP'],
      {
        ...{ ...PATH, nextHop: MUX4, nlri: '203.0.113.7/32', segments: '2,2', segmentLengths: '255,45' },
        as4: Array.from({ length: 300 }, (_, at) => 4200000000 + at).join(','),
      },
      ['AS_PATH'],
    ),
  ),
  update(
    'IBGP: LOCAL_PREF, and an empty AS_PATH',
    INTERNAL,
    { prefixes: VIP4, nextHop: MUX4, asPath: [], localPref: 100, med: 0 },
    updateSeen(['ORIGIN', 'AS_PATH', 'NEXT_HOP', 'MULTI_EXIT_DISC', 'LOCAL_PREF'], {
      ...{ origin: '0', nextHop: MUX4, med: '0', localPref: '100', nlri: '203.0.113.7/32' },
    }),
  ),
  update(
    'withdrawn IPv4',
    EXTERNAL,
    { prefixes: [...VIP4, '10.0.0.0/8'] },
    { type: '2', withdrawn: '203.0.113.7/32,10.0.0.0/8' },
  ),
  update(
    'withdrawn IPv4, RFC 8950',
    EXTENDED,
    { prefixes: VIP4 },
    updateSeen(['MP_UNREACH_NLRI'], { unreachAfi: '1', unreach: '203.0.113.7/32' }),
  ),
  update(
    'withdrawn IPv6',
    EXTERNAL,
    { prefixes: VIP6 },
    updateSeen(['MP_UNREACH_NLRI'], { unreachAfi: '2', unreach: '2001:db8:f::7/128' }),
  ),
  ['UPDATE: End-of-RIB of IPv4', encodeEndOfRib('ipv4'), { type: '2' }],
  ['UPDATE: End-of-RIB of IPv6', encodeEndOfRib('ipv6'), updateSeen(['MP_UNREACH_NLRI'], { unreachAfi: '2' })],
];

/** For peers without, which makes AS_PATH another one (RFC 6793). */
export const TWO_OCTET_ROWS: readonly Row[] = [
  update(
    'two-octet AS',
    TWO,
    { prefixes: VIP4, nextHop: MUX4 },
    updateSeen(['ORIGIN', 'AS_PATH', 'NEXT_HOP'], {
      ...{ origin: '0', segments: '2', segmentLengths: '1', as2: '64512', nextHop: MUX4, nlri: '203.0.113.7/32' },
    }),
  ),
  update(
    'AS_TRANS and AS4_PATH',
    TWO,
    { prefixes: VIP6, nextHop: MUX6, asPath: [4200000001, 64512], communities: ['65000:1'] },
    updateSeen(['MP_REACH_NLRI', 'ORIGIN', 'AS_PATH', 'COMMUNITIES', 'AS4_PATH'], {
      ...{ origin: '0', segments: '2,2', segmentLengths: '2,2', as2: '23456,64512', as4: '4200000001,64512' },
      communities: '65000:1',
      ...{ reachAfi: '2', reachNextHop: MUX6, reach: '2001:db8:f::7/128' },
    }),
  ),
];
