/** What a speaker answers to a router written by hand, message by message and millisecond by millisecond. */

import { describe, expect, it } from 'vitest';
import { encodeRouteRefresh, NOTIFICATION } from '../../sdk/bgp/wire/index.js';
import {
  Bench,
  COMES_UP,
  KEEPALIVE,
  MUX,
  MUX_AS,
  notificationOf,
  OPEN,
  openWith,
  ROUTER,
  ROUTER_OPEN,
  raw,
} from '../support/bgp-router.js';

const VIP = '203.0.113.7/32';

describe('session: coming up', () => {
  it('as the side that is connected to', async () => {
    const bench = new Bench({ isPassive: true });
    await bench.speaker.start();
    expect(bench.state).toBe('Active');
    const router = await bench.connect();
    expect([bench.state, router.heard]).toEqual(['OpenSent', ['TCP', 'OPEN']]);
    router.send(OPEN);
    await bench.clock.runFor(0);
    expect([bench.state, router.heard]).toEqual(['OpenConfirm', ['TCP', 'OPEN', 'KEEPALIVE']]);
    router.send(KEEPALIVE);
    await bench.clock.runFor(0);
    expect([bench.state, router.heard]).toEqual(['Established', ['TCP', 'OPEN', 'KEEPALIVE']]);
    expect(bench.speaker.status.peers[0]).toMatchObject({
      routerId: ROUTER_OPEN.routerId,
      holdTimeSeconds: 9,
      families: ['ipv4', 'ipv6'],
      received: { open: 1, keepalive: 1 },
      sent: { open: 1, keepalive: 1 },
    });
  });

  it('as the side that connects', async () => {
    const bench = new Bench();
    const connections = await bench.listen(COMES_UP);
    await bench.speaker.start();
    expect(bench.state).toBe('Connect');
    await bench.clock.runFor(0);
    expect(bench.state).toBe('Established');
    expect(connections.map(({ heard }) => heard)).toEqual([['OPEN', 'KEEPALIVE']]);
    expect(bench.events.map((event) => event.kind === 'state' && event.state)).toEqual([
      'Connect',
      'OpenSent',
      'OpenConfirm',
      'Established',
    ]);
  });

  it('says who it is and what it can', async () => {
    const { router } = await Bench.established({ holdTimeSeconds: 30 });
    expect(router.messages[0]).toEqual({
      kind: 'open',
      as: MUX_AS,
      holdTimeSeconds: 30,
      routerId: MUX,
      capabilities: {
        families: ['ipv4', 'ipv6'],
        extendedNextHop: [],
        routeRefresh: true,
        enhancedRouteRefresh: true,
        fourOctetAs: true,
      },
    });
  });

  it('reads messages that come in pieces of one byte, and many in one piece', async () => {
    const bench = new Bench({ isPassive: true });
    await bench.speaker.start();
    const router = await bench.connect();
    for (const byte of OPEN) {
      router.send(Uint8Array.of(byte));
      await bench.clock.runFor(1);
    }
    router.send(Uint8Array.of(...KEEPALIVE, ...KEEPALIVE, ...raw(2, [0, 0, 0, 0])));
    await bench.clock.runFor(1);
    expect(bench.speaker.status.peers[0]).toMatchObject({
      state: 'Established',
      received: { keepalive: 2, update: 1 },
    });
  });
});

describe('session: timers', () => {
  it.each([
    { name: 'no OPEN', says: [], at: 60_000 },
    { name: 'an OPEN and no KEEPALIVE', says: [OPEN], at: 9000 },
    { name: 'one KEEPALIVE', says: [OPEN, KEEPALIVE], at: 9000 },
  ])('after $name the peer is given up after $at ms', async ({ says, at }) => {
    const bench = new Bench({ isPassive: true });
    await bench.speaker.start();
    const router = await bench.connect();
    router.send(...says);
    await bench.clock.run(at - 1);
    expect(router.news).toEqual(['TCP', 'OPEN']);
    await bench.clock.run(at);
    expect(router.news).toEqual(['TCP', 'OPEN', 'NOTIFICATION 4/0 hold timer expired', 'FIN']);
    expect(bench.state).toBe('Idle');
  });

  it.each([
    { name: 'a KEEPALIVE', message: KEEPALIVE },
    { name: 'an UPDATE', message: raw(2, [0, 0, 0, 0]) },
    { name: 'a ROUTE-REFRESH', message: encodeRouteRefresh({ family: 'ipv4', subtype: 'request' }) },
  ])('$name restarts the hold timer', async ({ message }) => {
    const { bench, router } = await Bench.established({ holdTimeSeconds: 3 });
    await bench.clock.run(2999);
    router.send(message);
    await bench.clock.run(5998);
    expect(bench.state).toBe('Established');
    await bench.clock.run(5999);
    expect(router.atMs('NOTIFICATION 4/0')).toBe(5999);
  });

  it.each([3, 9, 90])('KEEPALIVEs go out each third of %i s, up to a quarter sooner', async (holdTimeSeconds) => {
    const { bench, router } = await Bench.established({ holdTimeSeconds });
    for (let second = 1; second <= 10 * holdTimeSeconds; second++) {
      await bench.clock.run(second * 1000);
      router.send(KEEPALIVE);
    }
    const times = router.heardAtMs.filter((_, i) => router.heard[i] === 'KEEPALIVE').slice(1);
    const gaps = times.slice(1).map((at, i) => at - times[i]);
    const third = (holdTimeSeconds * 1000) / 3;
    expect(gaps.length).toBeGreaterThanOrEqual(28);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(third * 0.75);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(third);
    expect(new Set(gaps).size).toBeGreaterThan(5);
  });

  it.each([
    { ours: 0, theirs: 90 },
    { ours: 9, theirs: 0 },
  ])('with hold times $ours and $theirs nothing is sent and nobody is given up', async ({ ours, theirs }) => {
    const answers = { OPEN: [openWith({ holdTimeSeconds: theirs }), KEEPALIVE] };
    const { bench, router } = await Bench.established({ holdTimeSeconds: ours }, {}, answers);
    const heardCount = router.heard.length;
    await bench.clock.runFor(86_400_000);
    expect([bench.state, router.heard.length]).toEqual(['Established', heardCount]);
  });

  it('a process that was paused reads what the peer sent meanwhile before it gives the peer up', async () => {
    const { bench, router } = await Bench.established({ holdTimeSeconds: 9 });
    bench.mux.stop();
    await bench.clock.run(8000);
    router.send(KEEPALIVE);
    await bench.clock.run(20_000);
    router.send(KEEPALIVE);
    await bench.clock.run(20_001);
    bench.mux.continue();
    await bench.clock.run(20_500);
    expect(bench.state).toBe('Established');
    await bench.clock.run(30_000);
    expect(bench.state).not.toBe('Established');
  });

  it('a process that is paused again reads what came meanwhile as it did the first time', async () => {
    const bench = new Bench({ isPassive: true, holdTimeSeconds: 9 });
    await bench.speaker.start();
    await bench.connect(COMES_UP);
    bench.mux.stop();
    await bench.clock.runFor(20_000);
    bench.mux.continue();
    await bench.clock.runFor(2000);
    const second = await bench.connect();
    expect(bench.state).toBe('OpenSent');
    bench.mux.stop();
    await bench.clock.runFor(61_000);
    second.send(OPEN, KEEPALIVE);
    await bench.clock.runFor(1000);
    bench.mux.continue();
    await bench.clock.runFor(100);
    expect(bench.state).toBe('Established');
  });
});

/** An attribute list that no rule of RFC 7606 can save: MP_REACH_NLRI that ends in its next hop. */
const BROKEN_MP_REACH = [0, 0, 0, 8, 0x80, 14, 5, 0, 2, 1, 16, 0];

describe('session: a bad message ends it, and the NOTIFICATION says why', () => {
  const bad = [
    { name: 'header: marker', message: raw(4, [], { marker: 0 }), says: '1/1 message header error' },
    { name: 'header: length 18', message: raw(4, [], { length: 18 }), says: '1/2 message header error' },
    { name: 'header: length 4097', message: raw(2, [], { length: 4097 }), says: '1/2 message header error' },
    { name: 'header: a KEEPALIVE of 20 bytes', message: raw(4, [0]), says: '1/2 message header error' },
    {
      name: 'header: an OPEN of 28 bytes',
      message: raw(1, [0, 0, 0, 0, 0, 0, 0, 0, 0]),
      says: '1/2 message header error',
    },
    { name: 'header: an UPDATE of 22 bytes', message: raw(2, [0, 0, 0]), says: '1/2 message header error' },
    { name: 'header: type 0', message: raw(0, []), says: '1/3 message header error' },
    { name: 'header: type 6', message: raw(6, []), says: '1/3 message header error' },
  ];
  it.each(['OpenSent', 'OpenConfirm', 'Established'].flatMap((state) => bad.map((row) => ({ ...row, state }))))(
    '$name in $state: $says',
    async ({ message, says, state }) => {
      const bench = new Bench({ isPassive: true });
      await bench.speaker.start();
      const router = await bench.connect();
      if (state !== 'OpenSent') router.send(OPEN);
      if (state === 'Established') router.send(KEEPALIVE);
      await bench.clock.runFor(0);
      expect(bench.state).toBe(state);
      router.send(message);
      await bench.clock.runFor(0);
      expect(router.news.slice(2)).toEqual([expect.stringContaining(`NOTIFICATION ${says}`), 'FIN']);
      expect(bench.state).toBe('Idle');
      expect(bench.speaker.status.peers[0].lastError).toMatch(/^sent message header error/);
    },
  );

  it.each([
    { name: 'without codes', message: raw(3, []), reason: 'received a NOTIFICATION of 19 bytes' },
    { name: 'without a subcode', message: raw(3, [6]), reason: 'received a NOTIFICATION of 20 bytes' },
    { name: 'of 4097 bytes', message: raw(3, [6, 2], { length: 4097 }), reason: 'received a message of 4097 bytes' },
    { name: 'of a code nobody knows', message: raw(3, [99, 7]), reason: 'received error code 99: subcode 7' },
  ])('a NOTIFICATION $name ends the session and is not answered with another', async ({ message, reason }) => {
    const { bench, router } = await Bench.established();
    router.send(message);
    await bench.clock.runFor(0);
    expect(router.news).toEqual(['TCP', 'OPEN', 'FIN']);
    expect(bench.events).toContainEqual(expect.objectContaining({ kind: 'down', reason }));
  });

  const version3 = [3, 0xfd, 0xea, 0, 90, 10, 0, 0, 2, 0];
  const holdTime = (seconds: number) => [4, 0xfd, 0xea, 0, seconds, 10, 0, 0, 2, 0];
  it.each([
    { name: 'version 3', message: raw(1, version3), says: '2/1 OPEN message error: unsupported version' },
    { name: 'another AS', message: openWith({ as: 65003 }), says: '2/2 OPEN message error: bad peer AS' },
    { name: 'AS 0', message: raw(1, [4, 0, 0, 0, 90, 10, 0, 0, 2, 0]), says: '2/2 OPEN message error: bad peer AS' },
    {
      name: 'identifier 0.0.0.0',
      message: openWith({ routerId: '0.0.0.0' }),
      says: '2/3 OPEN message error: bad BGP id',
    },
    {
      name: 'our own identifier within an AS',
      peer: { as: MUX_AS },
      message: openWith({ as: MUX_AS, routerId: MUX }),
      says: '2/3 OPEN message error: bad BGP id',
    },
    {
      name: 'parameter 3',
      message: raw(1, [4, 0xfd, 0xea, 0, 90, 10, 0, 0, 2, 2, 3, 0]),
      says: '2/4 OPEN message error: unsupported optional parameter',
    },
    { name: 'hold time 1', message: raw(1, holdTime(1)), says: '2/6 OPEN message error: unacceptable hold time' },
    { name: 'hold time 2', message: raw(1, holdTime(2)), says: '2/6 OPEN message error: unacceptable hold time' },
    {
      name: 'no family in common',
      peer: { families: ['ipv6' as const] },
      message: openWith({ capabilities: { ...ROUTER_OPEN.capabilities, families: ['ipv4'] } }),
      says: '2/7 OPEN message error: unsupported capability (data 01 04 00 02 00 01)',
    },
    {
      name: 'a parameter that is cut off',
      message: raw(1, [4, 0xfd, 0xea, 0, 90, 10, 0, 0, 2, 2, 2, 9]),
      says: '2/0 OPEN message error',
    },
  ])('OPEN with $name: $says', async ({ message, says, peer }) => {
    const bench = new Bench({ isPassive: true, ...peer });
    await bench.speaker.start();
    const router = await bench.connect();
    router.send(message);
    await bench.clock.runFor(0);
    expect(router.news.slice(2)).toEqual([expect.stringContaining(`NOTIFICATION ${says}`), 'FIN']);
    expect(bench.state).toBe('Idle');
    expect(bench.events.at(-2)).toMatchObject({ kind: 'down', state: 'OpenSent' });
  });

  it.each([
    { name: 'withdrawn routes past the end', body: [0, 9, 0, 0], says: '3/1' },
    { name: 'attributes past the end', body: [0, 0, 0, 9], says: '3/1' },
    { name: 'an unknown well-known attribute', body: [0, 0, 0, 3, 0x40, 99, 0], says: '3/2' },
    { name: 'MP_REACH_NLRI cut off', body: BROKEN_MP_REACH, says: '3/9' },
    { name: 'a prefix of 33 bits', body: [0, 6, 33, 1, 2, 3, 4, 5, 0, 0], says: '3/10' },
  ])('UPDATE with $name: $says', async ({ body, says }) => {
    const { bench, router } = await Bench.established();
    router.send(raw(2, body));
    await bench.clock.runFor(0);
    expect(router.news.at(-2)).toContain(`NOTIFICATION ${says} UPDATE message error`);
    expect(router.news.at(-1)).toBe('FIN');
    expect(bench.state).toBe('Idle');
  });

  it('a ROUTE-REFRESH of 22 bytes: 7/1', async () => {
    const { bench, router } = await Bench.established();
    router.send(raw(5, [0, 1, 0]));
    await bench.clock.runFor(0);
    expect(router.news.at(-2)).toContain('NOTIFICATION 7/1 ROUTE-REFRESH message error: invalid message length');
    expect(bench.state).toBe('Idle');
  });

  const update = raw(2, [0, 0, 0, 0]);
  const refresh = encodeRouteRefresh({ family: 'ipv4', subtype: 'request' });
  it.each([
    { name: 'KEEPALIVE', state: 'OpenSent', before: [], message: KEEPALIVE, says: '5/1', type: 4 },
    { name: 'UPDATE', state: 'OpenSent', before: [], message: update, says: '5/1', type: 2 },
    { name: 'ROUTE-REFRESH', state: 'OpenSent', before: [], message: refresh, says: '5/1', type: 5 },
    { name: 'OPEN', state: 'OpenConfirm', before: [OPEN], message: OPEN, says: '5/2', type: 1 },
    { name: 'UPDATE', state: 'OpenConfirm', before: [OPEN], message: update, says: '5/2', type: 2 },
    { name: 'ROUTE-REFRESH', state: 'OpenConfirm', before: [OPEN], message: refresh, says: '5/2', type: 5 },
    { name: 'OPEN', state: 'Established', before: [OPEN, KEEPALIVE], message: OPEN, says: '5/3', type: 1 },
  ])('$name in $state: $says with its type', async ({ state, before, message, says, type }) => {
    const bench = new Bench({ isPassive: true });
    await bench.speaker.start();
    const router = await bench.connect();
    router.send(...before, message);
    await bench.clock.runFor(0);
    const text = `NOTIFICATION ${says} finite state machine error: unexpected message in ${state} state (type ${type})`;
    expect(router.news.slice(2)).toEqual([text, 'FIN']);
    expect(bench.state).toBe('Idle');
  });
});

describe('session: what a bad UPDATE does not end', () => {
  const nextHop = [0x40, 3, 4, 10, 0, 0, 2];
  const asPath = [0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xea];
  const withAttributes = (...attributes: number[]) =>
    raw(2, [0, 0, 0, attributes.length, ...attributes, 32, 192, 0, 2, 1]);
  it.each([
    {
      name: 'ORIGIN of 2 bytes',
      message: withAttributes(0x40, 1, 2, 0, 0, ...asPath, ...nextHop),
      disposition: 'treat-as-withdraw',
    },
    { name: 'no AS_PATH', message: withAttributes(0x40, 1, 1, 0, ...nextHop), disposition: 'treat-as-withdraw' },
    {
      name: 'ATOMIC_AGGREGATE of 1 byte',
      message: withAttributes(0x40, 1, 1, 0, ...asPath, ...nextHop, 0x40, 6, 1, 0),
      disposition: 'attribute-discard',
    },
  ])('$name: $disposition', async ({ message, disposition }) => {
    const { bench, router } = await Bench.established();
    router.send(message);
    await bench.clock.runFor(0);
    expect(bench.state).toBe('Established');
    expect(bench.events.at(-1)).toMatchObject({ kind: 'fault', disposition, text: expect.any(String) });
    expect(router.news.join()).not.toContain('NOTIFICATION');
  });
});

describe('session: a NOTIFICATION is not answered', () => {
  it.each([
    { state: 'OpenSent', before: [] },
    { state: 'OpenConfirm', before: [OPEN] },
    { state: 'Established', before: [OPEN, KEEPALIVE] },
  ])('in $state', async ({ state, before }) => {
    const bench = new Bench({ isPassive: true });
    await bench.speaker.start();
    const router = await bench.connect();
    router.send(...before, notificationOf(NOTIFICATION.CEASE.OUT_OF_RESOURCES));
    await bench.clock.runFor(0);
    expect(router.news).toEqual(['TCP', 'OPEN', 'FIN']);
    expect(bench.events.at(-2)).toMatchObject({ kind: 'down', state, reason: 'received Cease: out of resources' });
    expect(bench.state).toBe('Idle');
  });

  it('one that wants no optional parameters: the next OPEN has none, the one after a session has them again', async () => {
    const bench = new Bench({ isPassive: true });
    await bench.speaker.start();
    const refusing = await bench.connect();
    refusing.send(notificationOf(NOTIFICATION.OPEN.UNSUPPORTED_OPTIONAL_PARAMETER));
    await bench.clock.runFor(1000);
    const old = openWith({ capabilities: { ...ROUTER_OPEN.capabilities, families: ['ipv4'], fourOctetAs: false } });
    const plain = await bench.connect({ OPEN: [old, KEEPALIVE] });
    expect(plain.messages[0]).toMatchObject({
      capabilities: { families: ['ipv4'], routeRefresh: false, enhancedRouteRefresh: false, fourOctetAs: false },
    });
    expect(bench.speaker.status.peers[0]).toMatchObject({ state: 'Established', families: ['ipv4'] });
    plain.tcp.abort();
    await bench.clock.runFor(2000);
    const again = await bench.connect();
    expect(again.messages[0]).toMatchObject({ capabilities: { fourOctetAs: true } });
  });
});

describe('session: routes', () => {
  it('are sent with End-of-RIB for both families, changes alone after that', async () => {
    const { bench, router } = await Bench.established({}, { addresses: { ipv6: '2001:db8::1' } });
    expect(router.news).toEqual(['TCP', 'OPEN']);
    bench.speaker.announce([{ prefix: VIP }, { prefix: '2001:db8:7::1/128' }]);
    await bench.clock.runFor(0);
    const first = [`+${VIP}`, 'End-of-RIB ipv4', '+2001:db8:7::1/128', 'End-of-RIB ipv6'];
    expect(router.news.slice(2)).toEqual(first);
    bench.speaker.announce([{ prefix: VIP }, { prefix: '203.0.113.8/32' }]);
    await bench.clock.runFor(0);
    expect(router.news.slice(6)).toEqual(['-2001:db8:7::1/128', '+203.0.113.8/32']);
    expect(bench.events.filter(({ kind }) => kind === 'routes')).toMatchObject([
      { announced: 2, withdrawn: 0, total: 2 },
      { announced: 1, withdrawn: 1, total: 2 },
    ]);
  });

  it('that cannot be told are in the status, with the reason', async () => {
    const { bench } = await Bench.established();
    bench.speaker.announce([{ prefix: '2001:db8:7::1/128' }]);
    expect(bench.speaker.status.peers[0].unannounced).toEqual([
      { prefix: '2001:db8:7::1/128', why: expect.stringContaining('IPv6') },
    ]);
  });

  it.each([
    { name: 'RFC 7313', enhancedRouteRefresh: true, says: ['BoRR ipv4', `+${VIP}`, 'EoRR ipv4'] },
    { name: 'RFC 2918', enhancedRouteRefresh: false, says: [`+${VIP}`] },
  ])('are sent again when the router asks, $name', async ({ enhancedRouteRefresh, says }) => {
    const capabilities = { ...ROUTER_OPEN.capabilities, enhancedRouteRefresh };
    const { bench, router } = await Bench.established({}, {}, { OPEN: [openWith({ capabilities }), KEEPALIVE] });
    bench.speaker.announce([{ prefix: VIP }]);
    await bench.clock.runFor(0);
    const before = router.news.length;
    router.send(encodeRouteRefresh({ family: 'ipv4', subtype: 'request' }));
    await bench.clock.runFor(0);
    expect(router.news.slice(before)).toEqual(says);
    expect(bench.events).toContainEqual(expect.objectContaining({ kind: 'refresh', family: 'ipv4' }));
  });

  it.each([1, 2, 255])('are sent again whatever the reserved octet says (%i), without RFC 7313', async (reserved) => {
    const capabilities = { ...ROUTER_OPEN.capabilities, enhancedRouteRefresh: false };
    const { bench, router } = await Bench.established({}, {}, { OPEN: [openWith({ capabilities }), KEEPALIVE] });
    bench.speaker.announce([{ prefix: VIP }]);
    await bench.clock.runFor(0);
    const before = router.news.length;
    router.send(raw(5, [0, 1, reserved, 1]));
    await bench.clock.runFor(0);
    expect(router.news.slice(before)).toEqual([`+${VIP}`]);
  });

  it.each(['begin', 'end'] as const)('a mark of the router (%s) asks for nothing', async (subtype) => {
    const { bench, router } = await Bench.established();
    bench.speaker.announce([{ prefix: VIP }]);
    await bench.clock.runFor(0);
    const before = router.news.length;
    router.send(encodeRouteRefresh({ family: 'ipv4', subtype }));
    await bench.clock.runFor(0);
    expect(router.news.length).toBe(before);
  });

  it('are all sent again in the next session', async () => {
    const { bench, router } = await Bench.established();
    bench.speaker.announce([{ prefix: VIP }]);
    await bench.clock.runFor(0);
    router.tcp.abort();
    await bench.clock.runFor(0);
    expect(bench.speaker.status.peers[0]).toMatchObject({ announcedCount: 0 });
    await bench.clock.runFor(1000);
    const again = await bench.connect(COMES_UP);
    expect(again.news).toEqual(['TCP', 'OPEN', `+${VIP}`, 'End-of-RIB ipv4', 'End-of-RIB ipv6']);
  });
});

describe('session: a router that does not read', () => {
  const many = (count: number, med: number) =>
    Array.from({ length: count }, (_, i) => ({ prefix: `10.${100 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`, med }));
  const waiting = (bench: Bench) => [...bench.mux.tcp.ends].reduce((sum, end) => sum + end.bufferedByteCount, 0);

  it('costs 64 KiB and one message, whatever happens to the routes; each is told once in the end', async () => {
    const { bench, router } = await Bench.established();
    bench.router.stopReading();
    for (let med = 0; med < 5; med++) {
      bench.speaker.announce(many(40_000, med));
      await bench.clock.runFor(100);
      expect(waiting(bench)).toBeLessThanOrEqual(65_536 + 4096);
    }
    expect(bench.speaker.status.peers[0].pendingCount).toBeGreaterThan(10_000);
    bench.router.startReading();
    await bench.clock.runFor(10_000);
    const told = router.heard.filter((text) => text.startsWith('+10.'));
    expect(bench.speaker.status.peers[0]).toMatchObject({ pendingCount: 0, announcedCount: 40_000 });
    expect(told.length).toBeLessThan(40_000 * 2);
  });

  it('is given up within a second of twice the hold time without a byte, though it sends KEEPALIVEs', async () => {
    const { bench, router } = await Bench.established({ holdTimeSeconds: 9 });
    bench.router.stopReading();
    bench.speaker.announce(many(40_000, 0));
    await bench.clock.runFor(0);
    const beganMs = bench.clock.nowMs();
    for (let second = 1; second <= 30 && bench.state === 'Established'; second++) {
      router.send(KEEPALIVE);
      await bench.clock.run(beganMs + second * 1000);
    }
    expect(bench.clock.nowMs() - beganMs).toBe(19_000);
    expect(bench.speaker.status.peers[0].lastError).toBe('send hold timer expired: the peer takes nothing');
    await bench.clock.runFor(0);
    expect(waiting(bench)).toBe(0);
  });

  it('whose machine is gone leaves nothing behind once its last words are given up', async () => {
    const { bench } = await Bench.established({ holdTimeSeconds: 9 });
    bench.router.stopReading();
    bench.speaker.announce(many(40_000, 0));
    await bench.clock.runFor(0);
    bench.network.cut(MUX, ROUTER);
    await bench.clock.run(9000);
    expect(bench.events.filter(({ kind }) => kind === 'down')).toMatchObject([
      { state: 'Established', reason: 'sent hold timer expired: no message for 9 s' },
    ]);
    expect(waiting(bench)).toBeGreaterThan(0);
    await bench.clock.run(14_100);
    expect(waiting(bench)).toBe(0);
  });
});
