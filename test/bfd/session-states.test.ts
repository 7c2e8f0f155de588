/** A session coming up, going down and staying up: RFC 5880 sections 6.8.1, 6.8.4, 6.8.6 and 6.8.16, in virtual time. */
import { describe, expect, it } from 'vitest';
import { OneSession } from './one-session.js';
import { OURS, THEIRS } from './packets.js';

describe('BFD session: coming up', () => {
  it('says Down at once, without having heard anything (Active role)', () => {
    const { sent } = new OneSession();
    expect(sent).toEqual([
      {
        atMs: 0,
        diagnostic: 0,
        state: 'Down',
        isPoll: false,
        isFinal: false,
        isControlPlaneIndependent: false,
        isDemand: false,
        detectMultiplier: 3,
        myDiscriminator: OURS,
        yourDiscriminator: 0,
        desiredMinTxUs: 1_000_000,
        requiredMinRxUs: 100_000,
        requiredMinEchoRxUs: 0,
      },
    ]);
  });

  it('Down → Init → Up, each told to the other side at once', async () => {
    const one = new OneSession();
    await one.clock.runFor(300);
    one.hear({ state: 'Down', yourDiscriminator: 0 });
    await one.clock.runFor(10);
    one.hear({ state: 'Up' });
    expect(one.told).toEqual(['Init 0 @300', 'Up 0 @310']);
    expect(one.sent.slice(1).map(({ atMs, state, yourDiscriminator }) => ({ atMs, state, yourDiscriminator }))).toEqual(
      [
        { atMs: 300, state: 'Init', yourDiscriminator: THEIRS },
        { atMs: 310, state: 'Up', yourDiscriminator: THEIRS },
      ],
    );
  });

  it('the side that is heard first goes Down → Up', () => {
    const one = new OneSession();
    one.hear({ state: 'Init' });
    expect(one.told).toEqual(['Up 0 @0']);
  });

  it('is not taken up by a side that is Up already: that one has to come down first', async () => {
    const one = new OneSession();
    await one.hearFor(2000, 100, { state: 'Up' });
    expect(one.session.state).toBe('Down');
  });

  it('tells why the session before this one ended, until it is Up', async () => {
    const one = OneSession.up();
    await one.clock.runFor(3000);
    one.hear({ state: 'Down', yourDiscriminator: 0 });
    one.hear({ state: 'Init' });
    expect(
      one
        .takeSent()
        .filter(({ state }) => state !== 'Up')
        .map(({ diagnostic }) => diagnostic),
    ).toContain(1);
    expect(one.told).toEqual(['Down 1 @300', 'Init 1 @3000', 'Up 0 @3000']);
  });
});

describe('BFD session: detection', () => {
  const rows = [
    { name: '3 × our 100 ms', ours: 100, theirs: 100, multiplier: 3, detectionMs: 300 },
    { name: 'their interval is the slower one', ours: 100, theirs: 400, multiplier: 3, detectionMs: 1200 },
    { name: 'our interval is the slower one', ours: 250, theirs: 10, multiplier: 3, detectionMs: 750 },
    { name: 'it is their multiplier that counts', ours: 100, theirs: 100, multiplier: 10, detectionMs: 1000 },
    { name: 'no packet may be lost', ours: 100, theirs: 100, multiplier: 1, detectionMs: 100 },
    { name: 'the fastest', ours: 10, theirs: 10, multiplier: 3, detectionMs: 30 },
    { name: 'fractions of a millisecond', ours: 10, theirs: 33.333, multiplier: 3, detectionMs: 99.999 },
  ];
  it.each(rows)('$name: $detectionMs ms', async ({ ours, theirs, multiplier, detectionMs }) => {
    const says = { desiredMinTxUs: theirs * 1000, detectMultiplier: multiplier };
    const one = OneSession.up({ intervalUs: ours * 1000 }, says);
    expect(one.session.detectionTimeMs).toBe(detectionMs);
    await one.clock.runFor(detectionMs - 0.001);
    expect(one.session.state).toBe('Up');
    await one.clock.runFor(0.001);
    expect(one.told).toEqual([`Down 1 @${detectionMs}`]);
  });

  it('two packets of three may be lost', async () => {
    const one = OneSession.up();
    await one.hearFor(60_000, 299);
    expect(one.told).toEqual([]);
  });

  it('of a side that was heard once and never again, in Init', async () => {
    const one = new OneSession();
    one.hear({ state: 'Down', yourDiscriminator: 0, desiredMinTxUs: 1_000_000 });
    await one.clock.runFor(10_000);
    expect(one.told).toEqual(['Init 0 @0', 'Down 1 @3000']);
  });

  it('goes down in front of the other side: Down at once, diagnostic 1, their discriminator forgotten', async () => {
    const one = OneSession.up();
    await one.clock.runFor(300);
    expect(one.sent.at(-1)).toMatchObject({ atMs: 300, state: 'Down', diagnostic: 1, yourDiscriminator: 0 });
    expect(one.session.remoteState).toBe('Down');
    expect(one.session.detectionTimeMs).toBe(0);
  });

  it('a session that is Down forgets a side that falls silent, and changes nothing else', async () => {
    const one = new OneSession();
    one.hear({ state: 'AdminDown' });
    expect(one.session.remoteState).toBe('AdminDown');
    await one.clock.runFor(10_000);
    expect(one.told).toEqual([]);
    expect(one.session.remoteState).toBe('Down');
    expect(one.sent.at(-1)).toMatchObject({ state: 'Down', yourDiscriminator: 0 });
  });

  it('reads what waits in its sockets before it judges, when its process was held up', async () => {
    const one = OneSession.up();
    // Set after the session's own timer, and so called after it: as packets are that a kernel has kept meanwhile.
    one.clock.after(300, () => one.hear());
    await one.clock.runFor(400);
    expect(one.told).toEqual([]);
  });
});

describe('BFD session: the other side says', () => {
  it.each([
    { name: 'Down', state: 'Down' as const, yourDiscriminator: OURS },
    { name: 'Down, having restarted without knowing us', state: 'Down' as const, yourDiscriminator: 0 },
    { name: 'AdminDown', state: 'AdminDown' as const, yourDiscriminator: OURS },
  ])('$name: neighbor signaled session down', ({ state, yourDiscriminator }) => {
    const one = OneSession.up();
    one.hear({ state, yourDiscriminator, diagnostic: 7 });
    expect(one.told).toEqual(['Down 3 @0']);
    expect(one.session.remoteState).toBe(state);
    expect(one.session.remoteDiagnostic).toBe(7);
    expect(one.takeSent()).toMatchObject([{ state: 'Down', diagnostic: 3, yourDiscriminator: THEIRS }]);
  });

  it('Down with another discriminator: it has restarted, and is taken up by its new name', () => {
    const one = OneSession.up();
    one.hear({ state: 'Down', yourDiscriminator: 0, myDiscriminator: 0x33333333 });
    one.hear({ state: 'Down', yourDiscriminator: OURS, myDiscriminator: 0x33333333 });
    one.hear({ state: 'Up', myDiscriminator: 0x33333333 });
    expect(one.told).toEqual(['Down 3 @0', 'Init 3 @0', 'Up 0 @0']);
    expect(one.takeSent().map(({ yourDiscriminator }) => yourDiscriminator)).toEqual(Array(3).fill(0x33333333));
  });

  it('Up with another discriminator: its name is another, and the session goes on (section 6.3)', async () => {
    const one = OneSession.up();
    one.hear({ myDiscriminator: 0x33333333 });
    await one.clock.runFor(100);
    expect(one.told).toEqual([]);
    expect(one.takeSent().at(-1)).toMatchObject({ state: 'Up', yourDiscriminator: 0x33333333 });
  });

  it('AdminDown to one that is Down: that stays so', () => {
    const one = new OneSession();
    one.hear({ state: 'AdminDown' });
    expect(one.told).toEqual([]);
  });
});

describe('BFD session: disabled', () => {
  it('says AdminDown at once, diagnostic 7, and then slowly', async () => {
    const one = OneSession.up();
    await one.hearFor(250, 50);
    one.sent = [];
    one.session.disable();
    await one.clock.runFor(2500);
    expect(one.sent.map(({ atMs, state, diagnostic }) => [Math.round(atMs), state, diagnostic])).toEqual([
      [250, 'AdminDown', 7],
      [1250, 'AdminDown', 7],
      [2250, 'AdminDown', 7],
    ]);
    expect(one.sent.every(({ yourDiscriminator }) => yourDiscriminator === THEIRS)).toBe(true);
    expect(one.session.remoteDetectionTimeMs).toBe(3000);
  });

  it('says it no more often than the other side wants', async () => {
    const one = OneSession.up();
    one.session.disable();
    one.hear({ requiredMinRxUs: 0, state: 'Down' });
    one.sent = [];
    await one.clock.runFor(10_000);
    expect(one.sent).toEqual([]);
  });

  it('hears nothing more, misses nothing more, and answers no Poll', async () => {
    const one = OneSession.up();
    one.session.disable();
    one.sent = [];
    for (const state of ['Down', 'Init', 'Up', 'AdminDown'] as const) one.hear({ state, isPoll: true });
    expect(one.sent).toEqual([]);
    await one.clock.runFor(10_000);
    expect(one.session.state).toBe('AdminDown');
    expect(one.told).toEqual([]);
  });

  it('falls silent when it ends', async () => {
    const one = OneSession.up();
    one.session.disable();
    one.session.end();
    one.sent = [];
    await one.clock.runFor(10_000);
    expect(one.sent).toEqual([]);
  });
});
