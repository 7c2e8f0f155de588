/** Adj-RIB-Out: from one set of routes to the next, the messages in between. */
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../sdk/net/address.js';
import { RibSession } from '../support/rib-session.js';

const A = '192.0.2.1/32';
const B = '192.0.2.2/32';
const V6 = '2001:db8:f::1/128';
const EOR = ['EoR ipv4', 'EoR ipv6'];

describe('a set after another', () => {
  const rows = [
    { name: 'nothing, ever', before: [], after: [], says: [] },
    { name: 'the first route', before: [], after: [A], says: [`+${A} via 10.0.0.1`] },
    { name: 'equal routes share a message', before: [], after: [A, B], says: [`+${A} +${B} via 10.0.0.1`] },
    {
      name: 'families do not',
      before: [],
      after: [V6, A],
      says: [`+${A} via 10.0.0.1`, `+${V6} via 2001:db8::1`],
    },
    {
      name: 'nor do attributes',
      before: [],
      after: [{ prefix: A, med: 5 }, B],
      says: [`+${A} via 10.0.0.1 med 5`, `+${B} via 10.0.0.1`],
    },
    { name: 'the same again', before: [A, B, V6], after: [V6, A, B], says: [] },
    { name: 'the same, spelled otherwise', before: [A, V6], after: ['192.0.2.1/32', '2001:DB8:F:0::1/128'], says: [] },
    { name: 'one less', before: [A, B], after: [A], says: [`-${B}`] },
    { name: 'none left', before: [A, B, V6], after: [], says: [`-${A} -${B}`, `-${V6}`] },
    {
      name: 'another attribute: announced over the old one, never withdrawn',
      before: [A],
      after: [{ prefix: A, med: 7 }],
      says: [`+${A} via 10.0.0.1 med 7`],
    },
    {
      name: 'another next hop',
      before: [A],
      after: [{ prefix: A, nextHop: '10.0.0.9' }],
      says: [`+${A} via 10.0.0.9`],
    },
    {
      name: 'communities in another order, one twice',
      before: [{ prefix: A, communities: ['65000:2', '65000:1'] }],
      after: [{ prefix: A, communities: ['65000:1', '65000:2', '65000:1'] }],
      says: [],
    },
    {
      name: 'withdrawals first',
      before: [A],
      after: [B, V6],
      says: [`-${A}`, `+${B} via 10.0.0.1`, `+${V6} via 2001:db8::1`],
    },
  ];
  it.each(rows)('$name', ({ before, after, says }) => {
    const session = new RibSession().set(...before);
    session.take();
    expect(session.set(...after).take()).toEqual(says);
    expect(session.rib.pendingCount).toBe(0);
    expect(session.rib.announcedCount).toBe(after.length);
  });
});

describe('End-of-RIB', () => {
  it('comes once per family, after its first routes', () => {
    const session = new RibSession().set(A, V6);
    expect(session.take()).toEqual([`+${A} via 10.0.0.1`, 'EoR ipv4', `+${V6} via 2001:db8::1`, 'EoR ipv6']);
    expect(session.set(B).take()).toEqual([`-${A}`, `-${V6}`, `+${B} via 10.0.0.1`]);
  });

  it('of a speaker without routes comes too', () => {
    expect(new RibSession().set().take()).toEqual(EOR);
  });

  it('waits for the first set: a router would drop what it kept over a restart', () => {
    const session = new RibSession();
    expect(session.take()).toEqual([]);
    session.rib.refresh('ipv4');
    expect(session.take()).toEqual([]);
    expect(session.set().take()).toEqual(EOR);
  });

  it('is for the families agreed on', () => {
    const session = new RibSession({ agreement: { families: new Set(['ipv6']) } });
    expect(session.set(A, V6).take()).toEqual([`+${V6} via 2001:db8::1`, 'EoR ipv6']);
  });

  it('waits for what comes while the first routes are sent', () => {
    const session = new RibSession().set(A);
    expect(session.take(1)).toEqual([`+${A} via 10.0.0.1`]);
    expect(session.set(A, B).take()).toEqual([`+${B} via 10.0.0.1`, ...EOR]);
  });
});

describe('a peer that reads slowly', () => {
  it('hears of a flapping route once', () => {
    const session = new RibSession().set();
    session.take();
    for (let i = 0; i < 10; i++) session.set(A).set();
    expect(session.rib.pendingCount).toBe(0);
    expect(session.take()).toEqual([]);
    expect(session.set(A).set().set(A).take()).toEqual([`+${A} via 10.0.0.1`]);
  });

  it('hears nothing of a route that is back as it was', () => {
    const session = new RibSession().set(A, B);
    session.take();
    session.set(B).set({ prefix: A, med: 1 }, B).set(A, B);
    expect(session.take()).toEqual([]);
  });

  it('hears the last attributes', () => {
    const session = new RibSession().set(A);
    session.take();
    for (const med of [1, 2, 3]) session.set({ prefix: A, med });
    expect(session.take()).toEqual([`+${A} via 10.0.0.1 med 3`]);
  });

  it('is told what changed between two messages', () => {
    const session = new RibSession().set({ prefix: A, med: 1 }, { prefix: B, med: 2 });
    expect(session.take(1)).toEqual([`+${A} via 10.0.0.1 med 1`]);
    expect(session.set({ prefix: B, med: 3 }).take()).toEqual([`-${A}`, `+${B} via 10.0.0.1 med 3`, ...EOR]);
  });
});

describe('a refresh', () => {
  it('sends the family again, and only that', () => {
    const session = new RibSession().set(A, B, V6);
    session.take();
    session.rib.refresh('ipv4');
    expect(session.take()).toEqual([`+${A} +${B} via 10.0.0.1`]);
    expect(session.take()).toEqual([]);
  });

  it('enhanced: between BoRR and EoRR', () => {
    const session = new RibSession({ isRefreshEnhanced: true }).set(A, V6);
    session.take();
    session.rib.refresh('ipv6');
    expect(session.take()).toEqual(['BoRR ipv6', `+${V6} via 2001:db8::1`, 'EoRR ipv6']);
    session.rib.refresh('ipv4');
    expect(session.set().take()).toEqual([`-${A}`, `-${V6}`, 'BoRR ipv4', 'EoRR ipv4']);
  });

  it('enhanced: after the End-of-RIB, RFC 7313 section 4', () => {
    const session = new RibSession({ isRefreshEnhanced: true }).set(A);
    session.rib.refresh('ipv4');
    expect(session.take()).toEqual([
      `+${A} via 10.0.0.1`,
      'EoR ipv4',
      'BoRR ipv4',
      `+${A} via 10.0.0.1`,
      'EoRR ipv4',
      'EoR ipv6',
    ]);
  });

  it('enhanced: one after the other, and asked for twice before it begins only once', () => {
    const session = new RibSession({ isRefreshEnhanced: true }).set(A);
    session.take();
    session.rib.refresh('ipv4');
    session.rib.refresh('ipv4');
    const round = ['BoRR ipv4', `+${A} via 10.0.0.1`, 'EoRR ipv4'];
    expect(session.take(1)).toEqual(['BoRR ipv4']);
    session.rib.refresh('ipv4');
    expect(session.take()).toEqual([...round.slice(1), ...round]);
  });

  it('a route withdrawn in the midst of it is withdrawn, not forgotten', () => {
    const session = new RibSession({ isRefreshEnhanced: true }).set(A, { prefix: B, med: 1 });
    session.take();
    session.rib.refresh('ipv4');
    expect(session.take(1)).toEqual(['BoRR ipv4']);
    expect(session.set(A).take()).toEqual([`-${B}`, `+${A} via 10.0.0.1`, 'EoRR ipv4']);
  });

  it('of a family the session does not carry is nothing', () => {
    const session = new RibSession({ agreement: { families: new Set(['ipv4']) } }).set(A);
    session.take();
    session.rib.refresh('ipv6');
    expect(session.take()).toEqual([]);
  });
});

describe('a session', () => {
  it('begins with nothing said', () => {
    const session = new RibSession().set(A);
    session.take();
    session.rib.reset();
    expect([session.rib.announcedCount, session.rib.pendingCount, session.take()]).toEqual([0, 0, []]);
    expect(session.set(A).take()).toEqual([]);
    session.rib.agree(
      { fourOctetAs: true, isExternal: true, families: new Set(['ipv4']), extendedNextHop: new Set() },
      false,
    );
    expect(session.set(A).take()).toEqual([`+${A} via 10.0.0.1`, 'EoR ipv4']);
  });
});

describe('ten thousand routes', () => {
  const routes = Array.from({ length: 10_000 }, (_, i) => `${formatIp(Uint8Array.of(10, i >> 16, i >> 8, i))}/32`);

  it('fill messages to the last byte', () => {
    const session = new RibSession().set(...routes);
    const sizes: number[] = [];
    for (let message = session.rib.next(); message !== undefined; message = session.rib.next()) {
      sizes.push(message.length);
    }
    const full = sizes.slice(0, -3);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4096);
    expect(Math.min(...full)).toBeGreaterThan(4096 - 2 * 5);
    expect(sizes.length).toBeLessThan((10_000 * 5) / 4000 + 4);
  });

  it('of which one changes: one prefix in one message', () => {
    const session = new RibSession().set(...routes);
    session.take();
    session.set(...routes.slice(0, -1), { prefix: routes.at(-1)!, med: 1 });
    expect(session.rib.pendingCount).toBe(1);
    expect(session.take()).toEqual([`+${routes.at(-1)} via 10.0.0.1 med 1`]);
  });

  it('each with attributes of its own: a message each, in no more than linear time', () => {
    const session = new RibSession().set(...routes.map((prefix, med) => ({ prefix, med })));
    expect(session.take()).toHaveLength(10_002);
  });
});
