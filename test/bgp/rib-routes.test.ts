/** Routes read and checked, and what becomes of them on one session. */
import { describe, expect, it } from 'vitest';
import type { Route } from '../../sdk/bgp/options.js';
import { resolveRoutes, routesOnSession } from '../../sdk/bgp/rib/index.js';
import type { Agreement } from '../../sdk/bgp/wire/index.js';
import { AGREEMENT, ENDS } from '../support/rib-session.js';

const V4 = '192.0.2.1/32';
const V6 = '2001:db8:f::1/128';

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_ROUTES_INVALID' });
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

describe('resolveRoutes', () => {
  const rows: readonly { name: string; routes: unknown[]; problems: string[] }[] = [
    { name: 'nothing', routes: [], problems: [] },
    { name: 'a default route', routes: [{ prefix: '0.0.0.0/0' }, { prefix: '::/0' }], problems: [] },
    {
      name: 'an address',
      routes: [{ prefix: '192.0.2.1' }],
      problems: ['routes[0].prefix: expected an IP prefix, got "192.0.2.1"'],
    },
    {
      name: 'too long',
      routes: [{ prefix: '192.0.2.1/33' }],
      problems: ['routes[0].prefix: expected an IP prefix, got "192.0.2.1/33"'],
    },
    { name: 'no route at all', routes: [null], problems: ['routes[0].prefix: expected an IP prefix, got nothing'] },
    { name: 'the same twice', routes: [{ prefix: V4 }, { prefix: V4 }], problems: [] },
    {
      name: 'the same twice, with host bits and different MED',
      routes: [{ prefix: '192.0.2.0/24' }, { prefix: '192.0.2.1/24', med: 0 }],
      problems: [
        'routes[1]: expected the attributes that 192.0.2.0/24 has before, got {"prefix":"192.0.2.1/24","med":0}',
      ],
    },
    {
      name: 'MED, lowest and highest',
      routes: [
        { prefix: V4, med: 0 },
        { prefix: V6, med: 4294967295 },
      ],
      problems: [],
    },
    {
      name: 'MED below',
      routes: [{ prefix: V4, med: -1 }],
      problems: ['routes[0].med: expected 0..4294967295, got -1'],
    },
    {
      name: 'MED above',
      routes: [{ prefix: V4, med: 4294967296 }],
      problems: ['routes[0].med: expected 0..4294967295, got 4294967296'],
    },
    {
      name: 'MED as text, after the same as a number',
      routes: [
        { prefix: V4, med: 1 },
        { prefix: V6, med: '1' },
      ],
      problems: ['routes[1].med: expected 0..4294967295, got "1"'],
    },
    { name: 'an IPv6 next hop for IPv4', routes: [{ prefix: V4, nextHop: '2001:db8::9' }], problems: [] },
    {
      name: 'an IPv4 next hop for IPv6',
      routes: [{ prefix: V6, nextHop: '10.0.0.9' }],
      problems: ['routes[0].nextHop: expected an IPv6 address of one host, got "10.0.0.9"'],
    },
    {
      name: 'a multicast next hop',
      routes: [{ prefix: V4, nextHop: '224.0.0.5' }],
      problems: ['routes[0].nextHop: expected an IP address of one host, got "224.0.0.5"'],
    },
    {
      name: 'everything at once',
      routes: [
        { prefix: 'x' },
        { prefix: V4, communities: ['65000:1', '65536:1', 3], largeCommunities: ['1:2'] },
        { prefix: V6, communities: 'no-export' },
      ],
      problems: [
        'routes[0].prefix: expected an IP prefix, got "x"',
        'routes[1].communities[1]: expected a community, 65000:100, got "65536:1"',
        'routes[1].communities[2]: expected a community, 65000:100, got 3',
        'routes[1].largeCommunities[0]: expected a large community, 4200000000:1:2, got "1:2"',
        'routes[2].communities: expected an array of at most 255, got "no-export"',
      ],
    },
    {
      name: 'the same fault twice',
      routes: [
        { prefix: V4, med: -1 },
        { prefix: V6, med: -1 },
      ],
      problems: ['routes[0].med: expected 0..4294967295, got -1', 'routes[1].med: expected 0..4294967295, got -1'],
    },
    {
      name: 'too many communities',
      routes: [{ prefix: V4, communities: Array.from({ length: 256 }, (_, i) => `1:${i}`) }],
      problems: ['routes[0].communities: expected an array of at most 255, got 256'],
    },
  ];
  it.each(rows)('$name', ({ routes, problems }) => {
    expect(problemsOf(() => resolveRoutes(routes as Route[]))).toEqual(problems);
  });

  it('gives one spelling', () => {
    const [route] = resolveRoutes([
      {
        prefix: '2001:DB8:0:0::1/64',
        nextHop: '2001:DB8::9',
        communities: ['no-export', '65000:2', '65000:1', '65535:65281'],
        largeCommunities: ['4200000000:1:2', '1:1:1'],
      },
    ]);
    expect(route).toMatchObject({ prefixText: '2001:db8::/64', family: 'ipv6', nextHop: '2001:db8::9' });
    expect(route!.policy.communities).toEqual(['65000:1', '65000:2', 'no-export']);
    expect(route!.policy.largeCommunities).toEqual(['1:1:1', '4200000000:1:2']);
  });

  it('shares prefixes with the set before, and policies within a set', () => {
    const first = resolveRoutes([
      { prefix: V4, med: 1 },
      { prefix: V6, med: 1 },
    ]);
    const second = resolveRoutes([{ prefix: V6 }, { prefix: V4, med: 2 }], first);
    expect(first[0]!.policy).toBe(first[1]!.policy);
    expect(second[1]!.prefix).toBe(first[0]!.prefix);
    expect(second.map(({ policy }) => policy.med)).toEqual([undefined, 2]);
  });
});

describe('next hops', () => {
  const extended: Partial<Agreement> = { extendedNextHop: new Set(['ipv4']) };
  const v6Ends = { localAddress: '2001:db8::1', remoteAddress: '2001:db8::fe' };
  const rows = [
    { name: 'our end of the session', route: V4, ends: {}, via: '10.0.0.1' },
    { name: 'of the other family: the address of the speaker', route: V6, ends: {}, via: '2001:db8::1' },
    { name: 'likewise over IPv6', route: V4, ends: v6Ends, via: '10.0.0.1' },
    { name: 'IPv4 over IPv6, and the peer takes it', route: V4, ends: v6Ends, agreement: extended, via: '2001:db8::1' },
    { name: 'IPv6 is not taken over IPv4 for that', route: V6, ends: {}, agreement: extended, via: '2001:db8::1' },
    { name: 'a link-local end', route: V6, ends: { localAddress: 'fe80::1' }, via: '2001:db8::1' },
    {
      name: 'no address',
      route: V6,
      ends: { addresses: {} },
      why: 'the speaker has no IPv6 address to give as next hop',
    },
    {
      name: 'a family that was not agreed',
      route: V6,
      ends: {},
      agreement: { families: new Set(['ipv4'] as const) },
      why: 'the peer does not take IPv6 routes',
    },
    { name: 'its own', route: { prefix: V4, nextHop: '10.0.0.7' }, ends: {}, via: '10.0.0.7' },
    {
      name: 'its own of IPv6, and the peer takes it',
      route: { prefix: V4, nextHop: '2001:db8::7' },
      ends: {},
      agreement: extended,
      via: '2001:db8::7',
    },
    {
      name: 'its own of IPv6, and the peer does not',
      route: { prefix: V4, nextHop: '2001:db8::7' },
      ends: {},
      why: 'its next hop is 2001:db8::7, and the peer takes none of IPv6 for IPv4 routes (RFC 8950)',
    },
    {
      name: 'the peer itself',
      route: { prefix: V4, nextHop: '10.0.0.254' },
      ends: {},
      why: 'its next hop 10.0.0.254 is the peer itself',
    },
    {
      name: 'its own, in a family that was not agreed',
      route: { prefix: V6, nextHop: '2001:db8::7' },
      ends: {},
      agreement: { families: new Set(['ipv4'] as const) },
      why: 'the peer does not take IPv6 routes',
    },
  ];
  it.each(rows)('$name', ({ route, ends, agreement, via, why }) => {
    const wanted = resolveRoutes([typeof route === 'string' ? { prefix: route } : route]);
    const session = { ...ENDS, ...ends, agreement: { ...AGREEMENT, ...agreement } };
    const { routes, unannounced } = routesOnSession(wanted, 65000, session);
    expect(routes.map(({ path }) => path.nextHop)).toEqual(via === undefined ? [] : [via]);
    expect(unannounced).toEqual(why === undefined ? [] : [{ prefix: wanted[0]!.prefixText, why }]);
  });
});

describe('attributes', () => {
  const route: Route = { prefix: V4, med: 10, communities: ['65000:1'], largeCommunities: ['65000:1:2'] };
  const said = { med: 10, communities: ['65000:1'], largeCommunities: ['65000:1:2'] };
  it.each([
    { name: 'to another AS', isExternal: true, attributes: { origin: 'igp', asPath: [4200000000], ...said } },
    { name: 'within the AS', isExternal: false, attributes: { origin: 'igp', asPath: [], localPref: 100, ...said } },
  ])('$name', ({ isExternal, attributes }) => {
    const session = { ...ENDS, agreement: { ...AGREEMENT, isExternal } };
    const { routes } = routesOnSession(resolveRoutes([route]), 4200000000, session);
    expect(routes[0]!.path.attributes).toEqual(attributes);
  });
});
