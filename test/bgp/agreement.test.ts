/** What two OPENs amount to, row by row. */

import { describe, expect, it } from 'vitest';
import type { PeerOptions } from '../../sdk/bgp/options.js';
import { agree, openFor } from '../../sdk/bgp/session/agreement.js';
import { collisionWinner } from '../../sdk/bgp/session/collision.js';
import { type Capabilities, MessageError, NO_CAPABILITIES, type OpenMessage } from '../../sdk/bgp/wire/index.js';

const US = { as: 65001, routerId: '10.0.0.1' };
const ROUTER: PeerOptions = { address: '10.0.0.2', as: 65002 };
const ROUTER6: PeerOptions = { ...ROUTER, address: '2001:db8::2' };

const EVERYTHING: Capabilities = {
  families: ['ipv4', 'ipv6'],
  extendedNextHop: ['ipv4'],
  routeRefresh: true,
  enhancedRouteRefresh: true,
  fourOctetAs: true,
};

function theirs(capabilities: Partial<Capabilities> = {}, open: Partial<OpenMessage> = {}): OpenMessage {
  return {
    kind: 'open',
    as: 65002,
    holdTimeSeconds: 90,
    routerId: '10.0.0.2',
    capabilities: { ...EVERYTHING, ...capabilities },
    ...open,
  };
}

describe('our OPEN', () => {
  const restart = { restartTimeSeconds: 120, isRestarting: false };
  it.each([
    { name: 'both families and 9 s by default', peer: ROUTER, hold: 9, families: ['ipv4', 'ipv6'], extended: [] },
    { name: 'IPv4 over IPv6', peer: ROUTER6, hold: 9, families: ['ipv4', 'ipv6'], extended: ['ipv4'] },
    { name: 'IPv6 alone', peer: { ...ROUTER6, families: ['ipv6'] }, hold: 9, families: ['ipv6'], extended: [] },
    { name: 'no timers', peer: { ...ROUTER, holdTimeSeconds: 0 }, hold: 0, families: ['ipv4', 'ipv6'], extended: [] },
  ] as const)('offers $name', ({ peer, hold, families, extended }) => {
    const open = openFor(peer as PeerOptions, US, undefined, true);
    expect(open).toMatchObject({ ...US, holdTimeSeconds: hold });
    expect(open.capabilities).toEqual({ ...EVERYTHING, families, extendedNextHop: extended });
  });

  it.each([false, true])(
    'has graceful restart when that is asked for; forwarding is preserved if restarting: %s',
    (isRestarting) => {
      const families = ['ipv4', 'ipv6'].map((family) => ({ family, isForwardingPreserved: isRestarting }));
      const { capabilities } = openFor(ROUTER, US, { ...restart, isRestarting }, true);
      expect(capabilities.gracefulRestart).toEqual({ restartTimeSeconds: 120, isRestarting, families });
    },
  );

  it('has no capabilities at all for who wants none', () => {
    expect(openFor(ROUTER6, US, restart, false).capabilities).toEqual(NO_CAPABILITIES);
  });
});

describe('the agreement', () => {
  const all = {
    families: new Set(['ipv4', 'ipv6']),
    extendedNextHop: new Set(),
    fourOctetAs: true,
    isExternal: true,
  };
  it.each([
    { name: 'everything, over IPv4', peer: ROUTER, open: theirs(), expected: all },
    {
      name: 'everything, over IPv6',
      peer: ROUTER6,
      open: theirs(),
      expected: { ...all, extendedNextHop: new Set(['ipv4']) },
    },
    {
      name: 'a router with one family',
      peer: ROUTER,
      open: theirs({ families: ['ipv6'] }),
      expected: { ...all, families: new Set(['ipv6']) },
    },
    {
      name: 'one family of ours',
      peer: { ...ROUTER, families: ['ipv4'] },
      open: theirs(),
      expected: { ...all, families: new Set(['ipv4']) },
    },
    {
      name: 'two-octet AS',
      peer: ROUTER,
      open: theirs({ fourOctetAs: false }),
      expected: { ...all, fourOctetAs: false },
    },
    {
      name: 'a router without capabilities',
      peer: ROUTER6,
      open: theirs({ ...NO_CAPABILITIES }),
      expected: { ...all, families: new Set(['ipv4']), fourOctetAs: false },
    },
    {
      name: 'our own AS',
      peer: { ...ROUTER, as: US.as },
      open: theirs({}, { as: US.as }),
      expected: { ...all, isExternal: false },
    },
    {
      name: 'our own identifier in another AS, RFC 6286',
      peer: ROUTER,
      open: theirs({}, { routerId: US.routerId }),
      expected: all,
    },
  ])('with $name', ({ peer, open, expected }) => {
    const ours = openFor(peer as PeerOptions, US, undefined, true);
    expect(agree(ours, open, peer as PeerOptions).agreement).toEqual(expected);
  });

  it.each([
    { ours: 9, theirs: 90, agreed: 9 },
    { ours: 90, theirs: 9, agreed: 9 },
    { ours: 3, theirs: 3, agreed: 3 },
    { ours: 0, theirs: 90, agreed: 0 },
    { ours: 9, theirs: 0, agreed: 0 },
  ])('hold times $ours and $theirs give $agreed', ({ ours, theirs: holdTimeSeconds, agreed }) => {
    const peer = { ...ROUTER, holdTimeSeconds: ours };
    expect(agree(openFor(peer, US, undefined, true), theirs({}, { holdTimeSeconds }), peer).holdTimeSeconds).toBe(
      agreed,
    );
  });

  it.each([
    { enhanced: true, agreed: true },
    { enhanced: false, agreed: false },
  ])('enhanced route refresh needs both: $enhanced', ({ enhanced, agreed }) => {
    const session = agree(openFor(ROUTER, US, undefined, true), theirs({ enhancedRouteRefresh: enhanced }), ROUTER);
    expect(session.isRefreshEnhanced).toBe(agreed);
  });

  const family = { family: 'ipv4', isForwardingPreserved: false } as const;
  it.each([
    { name: 'neither', ours: false, families: undefined, agreed: false },
    { name: 'we alone', ours: true, families: undefined, agreed: false },
    { name: 'the router alone', ours: false, families: [family], agreed: false },
    { name: 'a router that only helps', ours: true, families: [], agreed: false },
    { name: 'both', ours: true, families: [family], agreed: true },
  ])('a new connection replaces the old one when both restart gracefully: $name', ({ ours, families, agreed }) => {
    const ourOpen = openFor(ROUTER, US, ours ? { restartTimeSeconds: 60, isRestarting: false } : undefined, true);
    const gracefulRestart = families && { isRestarting: false, restartTimeSeconds: 60, families };
    const session = agree(ourOpen, theirs(gracefulRestart && { gracefulRestart }), ROUTER);
    expect(session.isReplaceable).toBe(agreed);
  });

  it.each([
    { name: 'another AS', open: theirs({}, { as: 65003 }), code: 2, subcode: 2, data: [] },
    {
      name: 'no family in common',
      open: theirs({ families: [] }),
      code: 2,
      subcode: 7,
      data: [1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1],
    },
  ])('is refused for $name', ({ open, code, subcode, data }) => {
    const refused = () => agree(openFor(ROUTER, US, undefined, true), open, ROUTER);
    expect(refused).toThrow(MessageError);
    try {
      refused();
    } catch (error) {
      expect((error as MessageError).notification).toMatchObject({ code, subcode, data: Uint8Array.from(data) });
    }
  });
});

describe('the connection that survives a collision', () => {
  it.each([
    { ours: '10.0.0.2', theirs: '10.0.0.1', theirAs: 65002, winner: 'outgoing' },
    { ours: '10.0.0.1', theirs: '10.0.0.2', theirAs: 65002, winner: 'incoming' },
    { ours: '10.0.0.9', theirs: '10.0.0.10', theirAs: 65002, winner: 'incoming' },
    { ours: '200.0.0.1', theirs: '9.255.255.255', theirAs: 65002, winner: 'outgoing' },
    { ours: '10.0.0.1', theirs: '10.0.0.1', theirAs: 65000, winner: 'outgoing' },
    { ours: '10.0.0.1', theirs: '10.0.0.1', theirAs: 65002, winner: 'incoming' },
  ])('$ours AS 65001 with $theirs AS $theirAs: $winner', ({ ours, theirs: routerId, theirAs, winner }) => {
    expect(collisionWinner({ as: 65001, routerId: ours }, { as: theirAs, routerId })).toBe(winner);
  });
});
