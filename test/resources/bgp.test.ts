/** What a MUX says of its routers: how it is read, what is refused with its path, and that keys are never shown. */
import { muxRouterIdOf } from 'edgemux';
import { describe, expect, test } from 'vitest';
import { fabricAfter, type Json, mux, problemsAfter, router } from './example.js';

const MUX = 'loadBalancerMuxes[0].properties';
const PEERS = `${MUX}.routerConfiguration.peerRouterConfigurations`;

/** The routers of the first MUX. */
const peers = (fabric: Json) => router(fabric).peerRouterConfigurations;
/** Its first router, with the members given. */
const withPeer = (members: Json) => (fabric: Json) => Object.assign(peers(fabric)[0], members);
/** The extension of its first router. */
const withExtension = (edgemux: Json) => withPeer({ edgemux });

describe('liberal in, canonical out', () => {
  const rows: { name: string; given: Json; read: Json }[] = [
    { name: 'nothing', given: undefined, read: {} },
    { name: 'null for what is absent', given: { port: null, md5Key: null, families: '' }, read: {} },
    {
      name: 'numbers as text',
      given: { port: '1790', holdTimeSeconds: '3' },
      read: { port: 1790, holdTimeSeconds: 3 },
    },
    {
      name: 'keys in any case',
      given: { TTLSecurityHops: '1', PASSIVE: 'True' },
      read: { ttlSecurityHops: 1, passive: true },
    },
    { name: 'families in any case', given: { families: ['IPv6', 'IPV4'] }, read: { families: ['ipv6', 'ipv4'] } },
    { name: 'a family once', given: { families: ['ipv4', 'IPv4'] }, read: { families: ['ipv4'] } },
    { name: 'BFD as it comes', given: { bfd: {} }, read: { bfd: {} } },
    {
      name: 'BFD with timers',
      given: { bfd: { intervalMs: '50', multiplier: 5 } },
      read: { bfd: { intervalMs: 50, multiplier: 5 } },
    },
    { name: 'a key of 80 bytes', given: { md5Key: 'ä'.repeat(40) }, read: { md5Key: 'ä'.repeat(40) } },
    { name: 'no hold time', given: { holdTimeSeconds: 0 }, read: { holdTimeSeconds: 0 } },
  ];
  test.each(rows)('$name', ({ given, read }) => {
    const [peer] = peers({ loadBalancerMuxes: fabricAfter(withExtension(given)).loadBalancerMuxes });
    expect(peer.edgemux).toEqual(read);
  });

  test('attributes of routes', () => {
    const { properties } = fabricAfter((f) => {
      mux(f).edgemux.routes = {
        med: '100',
        communities: ['065000:0100', 'No-Export', '65535:666'],
        largeCommunities: ['4200000000:1:02'],
      };
    }).loadBalancerMuxes[0];
    expect(properties.edgemux.routes).toEqual({
      med: 100,
      communities: ['65000:100', 'no-export', '65535:666'],
      largeCommunities: ['4200000000:1:2'],
    });
  });
});

describe('the BGP Identifier', () => {
  const rows: { name: string; change: (fabric: Json) => void; routerId: string | undefined }[] = [
    { name: 'is the provider address', change: () => {}, routerId: '10.10.56.21' },
    {
      name: 'is the first that is IPv4',
      change: (f) =>
        Object.assign(mux(f).edgemux, { providerAddress: '2001:db8::21', secondProviderAddress: '10.10.56.29' }),
      routerId: '10.10.56.29',
    },
    {
      name: 'is what the MUX says',
      change: (f) => Object.assign(mux(f).edgemux, { routerId: '192.0.2.1' }),
      routerId: '192.0.2.1',
    },
    {
      name: 'is none where nobody asks for it',
      change: (f) => {
        mux(f).edgemux = { providerAddress: '2001:db8::21' };
        delete mux(f).routerConfiguration;
      },
      routerId: undefined,
    },
  ];
  test.each(rows)('$name', ({ change, routerId }) => {
    expect(muxRouterIdOf(fabricAfter(change).loadBalancerMuxes[0])).toBe(routerId);
  });
});

describe('refused', () => {
  const rows: { name: string; change: (fabric: Json) => void; problems: string[] }[] = [
    {
      name: 'a router twice, in whatever spelling',
      change: (f) => {
        Object.assign(peers(f)[0], { routerIPAddress: '2001:db8::1', localIPAddress: '2001:db8::2' });
        peers(f).push({ ...peers(f)[0], routerIPAddress: '2001:DB8:0::1' });
      },
      problems: [`${PEERS}[1].routerIPAddress: expected a router that mux-1 has once, got "2001:db8::1"`],
    },
    {
      name: 'ends of two families',
      change: withPeer({ localIPAddress: '2001:db8::21' }),
      problems: [
        `${PEERS}[0].localIPAddress: expected an IPv4 address, because routerIPAddress 10.10.56.1 is IPv4, got "2001:db8::21"`,
      ],
    },
    {
      name: 'a session with oneself',
      change: withPeer({ routerIPAddress: '10.10.56.21' }),
      problems: [
        `${PEERS}[0].routerIPAddress: expected another address than the MUX's own end of the session, got "10.10.56.21"`,
      ],
    },
    {
      name: 'BFD from nowhere',
      change: withPeer({ localIPAddress: null, edgemux: { bfd: {} } }),
      problems: [`${PEERS}[0].localIPAddress: expected an address to send BFD from, got nothing`],
    },
    {
      name: 'no BGP Identifier',
      change: (f) => Object.assign(mux(f).edgemux, { providerAddress: '2001:db8::21' }),
      problems: [
        `${MUX}.edgemux.routerId: expected an IPv4 address, because the MUX has no IPv4 provider address, got nothing`,
      ],
    },
    {
      name: 'the BGP Identifier of another MUX',
      change: (f) => Object.assign(mux(f, 1).edgemux, { routerId: '10.10.56.21' }),
      problems: [
        'loadBalancerMuxes[1].properties.edgemux.routerId: expected a BGP Identifier of its own: /loadBalancerMuxes/mux-1 has 10.10.56.21, got "10.10.56.21"',
      ],
    },
    {
      name: 'three communities that are none',
      change: (f) =>
        Object.assign(mux(f).edgemux, {
          routes: { communities: ['65536:1', '1', 'internet'], largeCommunities: ['1:2'] },
        }),
      problems: [
        ...['65536:1', '1', 'internet'].map(
          (got, i) =>
            `${MUX}.edgemux.routes.communities[${i}]: expected community such as 65000:100, or one of no-export, no-advertise, no-export-subconfed, blackhole, graceful-shutdown, got "${got}"`,
        ),
        `${MUX}.edgemux.routes.largeCommunities[0]: expected large community such as 4200000000:1:2, got "1:2"`,
      ],
    },
  ];
  test.each(rows)('$name', ({ change, problems }) => expect(problemsAfter(change)).toEqual(problems));

  test('more communities than a message has room for', () => {
    const communities = Array.from({ length: 256 }, (_, i) => `65000:${i}`);
    const largeCommunities = Array.from({ length: 129 }, (_, i) => `65000:1:${i}`);
    const problems = problemsAfter((f) => Object.assign(mux(f).edgemux, { routes: { communities, largeCommunities } }));
    expect(problems.map((problem) => problem.slice(0, problem.indexOf(', got')))).toEqual([
      `${MUX}.edgemux.routes.communities: expected array of at most 255`,
      `${MUX}.edgemux.routes.largeCommunities: expected array of at most 128`,
    ]);
  });

  test('whichever of the two says it', () => {
    expect(problemsAfter((f) => Object.assign(mux(f).edgemux, { routerId: '10.10.56.22' }))).toEqual([
      'loadBalancerMuxes[1].properties.edgemux.routerId: expected a BGP Identifier of its own: /loadBalancerMuxes/mux-1 has 10.10.56.22, got nothing',
    ]);
  });

  test('but not the same identifier in another autonomous system', () => {
    const change = (f: Json) => {
      mux(f, 1).edgemux.routerId = '10.10.56.21';
      router(f, 1).localASN = 64629;
    };
    expect(problemsAfter(change)).toEqual([]);
  });
});

describe('a key is not shown, whatever is wrong around it', () => {
  const KEY = 'hush';
  const rows: { name: string; change: (fabric: Json) => void; problem: string }[] = [
    {
      name: 'too long',
      change: withExtension({ md5Key: KEY.repeat(21) }),
      problem: 'edgemux.md5Key: expected text of 1..80 bytes, got "…"',
    },
    {
      name: 'empty',
      change: withExtension({ md5Key: '' }),
      problem: 'edgemux.md5Key: expected text of 1..80 bytes, got "…"',
    },
    {
      name: 'no text',
      change: withExtension({ md5Key: [KEY] }),
      problem: 'edgemux.md5Key: expected text of 1..80 bytes, got "…"',
    },
    {
      name: 'an object',
      change: withExtension({ md5Key: { KEY } }),
      problem: 'edgemux.md5Key: expected text of 1..80 bytes, got "…"',
    },
    {
      name: 'twice',
      change: withExtension({ md5Key: KEY, MD5Key: KEY }),
      problem: 'edgemux.md5Key: expected one spelling of the key, got ["md5Key","MD5Key"]',
    },
    {
      name: 'in an array',
      change: withExtension([{ md5KEY: KEY }]),
      problem: 'edgemux: expected object, got [{"md5KEY":"…"}]',
    },
  ];
  test.each(rows)('$name', ({ change, problem }) => {
    expect(problemsAfter(change)).toEqual([`${PEERS}[0].${problem}`]);
  });

  test('in routers that are no list', () => {
    const change = (f: Json) => {
      router(f).peerRouterConfigurations = { edge: { edgemux: { md5Key: KEY } } };
    };
    expect(problemsAfter(change)).toEqual([`${PEERS}: expected array, got {"edge":{"edgemux":{"md5Key":"…"}}}`]);
  });
});
