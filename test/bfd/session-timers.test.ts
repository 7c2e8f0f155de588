/** When packets leave: RFC 5880 sections 6.5, 6.6, 6.8.2, 6.8.3 and 6.8.7, in virtual time. */
import { describe, expect, it } from 'vitest';
import { OneSession } from './one-session.js';

describe('BFD session: intervals', () => {
  const rows = [
    { name: 'slow while not Up', up: false, interval: 100, multiplier: 3, chance: 1, theirs: 0.001, longest: 1000 },
    {
      name: 'not Up, and slower than that',
      up: false,
      interval: 2000,
      multiplier: 3,
      chance: 1,
      theirs: 1,
      longest: 2000,
    },
    { name: 'Up', up: true, interval: 100, multiplier: 3, chance: 1, theirs: 100, longest: 100 },
    { name: 'jitter', up: true, interval: 100, multiplier: 3, chance: 0, theirs: 100, longest: 75 },
    { name: 'no packet may be lost', up: true, interval: 100, multiplier: 1, chance: 1, theirs: 100, longest: 90 },
    { name: 'jitter of that', up: true, interval: 100, multiplier: 1, chance: 0, theirs: 100, longest: 75 },
    { name: 'the other side is slower', up: true, interval: 100, multiplier: 3, chance: 1, theirs: 500, longest: 500 },
    { name: 'the other side is faster', up: true, interval: 100, multiplier: 3, chance: 1, theirs: 10, longest: 100 },
  ];
  it.each(rows)('$name: $longest ms', async ({ up, interval, multiplier, chance, theirs, longest }) => {
    const timers = { intervalUs: interval * 1000, multiplier };
    const says = { requiredMinRxUs: theirs * 1000 };
    const one = up ? OneSession.up(timers, says) : new OneSession(timers);
    one.chance = chance === 0 ? 0 : one.chance;
    await one.hearFor(longest * 2, 50, { ...says, state: up ? 'Up' : 'AdminDown' });
    one.sent = [];
    await one.hearFor(longest * 10, 50, { ...says, state: up ? 'Up' : 'AdminDown' });
    expect(one.intervalsMs.length).toBeGreaterThan(8);
    expect(new Set(one.intervalsMs)).toEqual(new Set([longest]));
  });

  it('each interval has a jitter of its own', async () => {
    const one = OneSession.up();
    let turn = 0;
    Object.defineProperty(one, 'chance', { get: () => (turn++ % 4) / 4 });
    await one.hearFor(2000, 50);
    expect([...new Set(one.intervalsMs)].sort((a, b) => a - b)).toEqual([75, 81, 88, 94]);
  });

  it('what it says of itself: 1 s until it is Up, and what it was given from then on', async () => {
    const one = new OneSession({ intervalUs: 50_000, multiplier: 5 });
    one.hear({ state: 'Init' });
    await one.hearFor(200, 50);
    const [first, ...rest] = one.takeSent();
    expect(first).toMatchObject({ desiredMinTxUs: 1_000_000, requiredMinRxUs: 50_000, detectMultiplier: 5 });
    expect(rest.length).toBeGreaterThan(2);
    for (const packet of rest) {
      expect(packet).toMatchObject({ state: 'Up', desiredMinTxUs: 50_000, requiredMinRxUs: 50_000 });
    }
    await one.clock.runFor(300);
    expect(one.sent.at(-1)).toMatchObject({ state: 'Down', desiredMinTxUs: 1_000_000, requiredMinRxUs: 50_000 });
  });
});

describe('BFD session: the other side wants another rate (section 6.8.3, 6.8.7)', () => {
  it('faster: the packet that is overdue by that leaves at once', async () => {
    const one = OneSession.up({}, { requiredMinRxUs: 1_000_000 });
    await one.hearFor(1000, 100, { requiredMinRxUs: 1_000_000 });
    one.sent = [];
    await one.hearFor(500, 100, { requiredMinRxUs: 1_000_000 });
    expect(one.sent).toEqual([]);
    one.hear({ requiredMinRxUs: 200_000 });
    await one.clock.runFor(0);
    expect(one.sent.map(({ atMs }) => Math.round(atMs))).toEqual([1500]);
  });

  it('slower: from the next packet on', async () => {
    const one = OneSession.up();
    await one.hearFor(200, 50);
    one.sent = [];
    await one.hearFor(1000, 50, { requiredMinRxUs: 400_000 });
    expect(one.sent.map(({ atMs }) => Math.round(atMs))).toEqual([600, 1000]);
  });

  it('none at all, Required Min RX 0: no periodic packet; a Poll is answered, and a new state told', async () => {
    const one = OneSession.up();
    await one.hearFor(100, 50);
    one.sent = [];
    await one.hearFor(5000, 50, { requiredMinRxUs: 0 });
    expect(one.sent).toEqual([]);
    one.hear({ requiredMinRxUs: 0, isPoll: true });
    one.hear({ requiredMinRxUs: 0, state: 'Down' });
    expect(one.takeSent()).toMatchObject([
      { state: 'Up', isFinal: true },
      { state: 'Down', isFinal: false },
    ]);
    one.hear({ requiredMinRxUs: 100_000, state: 'AdminDown' });
    await one.clock.runFor(2000);
    expect(one.takeSent().length).toBe(2);
  });

  it('none at all, and then silence: after a Detection Time it is tried again', async () => {
    const one = OneSession.up();
    one.hear({ requiredMinRxUs: 0 });
    await one.clock.runFor(3300);
    expect(one.sent.map(({ atMs, state }) => [Math.round(atMs), state])).toEqual([
      [300, 'Down'],
      [1300, 'Down'],
      [2300, 'Down'],
      [3300, 'Down'],
    ]);
  });

  it('none at all while we are Down, and then silence: the same', async () => {
    const one = new OneSession();
    one.hear({ requiredMinRxUs: 0, state: 'AdminDown' });
    one.sent = [];
    await one.clock.runFor(2000);
    expect(one.sent.map(({ atMs }) => Math.round(atMs))).toEqual([1000, 2000]);
  });
});

describe('BFD session: Poll Sequences (sections 6.5, 6.8.3)', () => {
  it('a Poll is answered at once with a Final that is no Poll, and the timer does not notice', async () => {
    const one = OneSession.up();
    await one.hearFor(100, 50);
    one.sent = [];
    await one.hearFor(50, 50);
    one.hear({ isPoll: true });
    await one.hearFor(50, 50);
    expect(one.sent).toMatchObject([
      { atMs: 150, isFinal: true, isPoll: false },
      { isFinal: false, isPoll: false },
    ]);
    expect(Math.round(one.sent[1]!.atMs)).toBe(200);
  });

  it('a Poll is answered in every state but AdminDown', () => {
    const down = new OneSession();
    down.hear({ state: 'AdminDown', isPoll: true });
    expect(down.sent.at(-1)).toMatchObject({ state: 'Down', isFinal: true });
  });

  it('a Poll that changes our state is answered once, by a Final that says so', () => {
    const one = new OneSession();
    one.takeSent();
    one.hear({ state: 'Init', isPoll: true });
    expect(one.takeSent()).toMatchObject([{ state: 'Up', isFinal: true, isPoll: false }]);
  });

  it('coming up changes the interval: Polls on what is sent anyway, until the Final', async () => {
    const one = new OneSession();
    one.hear({ state: 'Init' });
    await one.hearFor(250, 50);
    one.hear({ isFinal: true });
    await one.hearFor(250, 50);
    expect(one.sent.slice(1).map(({ isPoll }) => isPoll)).toEqual([true, true, true, false, false, false]);
    expect(one.intervalsMs.slice(1)).toEqual([100, 100, 100, 100, 100]);
  });

  it('going down does too', async () => {
    const one = OneSession.up();
    one.hear({ state: 'Down' });
    expect(one.takeSent()).toMatchObject([{ state: 'Down', isPoll: true, desiredMinTxUs: 1_000_000 }]);
  });

  it('slower: said at once, done once the other side has answered', async () => {
    const one = OneSession.up();
    await one.hearFor(100, 50);
    one.session.setTimers({ intervalUs: 300_000, multiplier: 3 });
    one.sent = [];
    await one.hearFor(300, 50);
    expect(one.intervalsMs).toEqual([100, 100]);
    for (const packet of one.takeSent()) expect(packet).toMatchObject({ isPoll: true, desiredMinTxUs: 300_000 });
    one.hear({ isFinal: true });
    await one.hearFor(900, 50);
    expect(one.intervalsMs).toEqual([300, 300]);
    expect(one.told).toEqual([]);
  });

  it('faster: we send faster at once, and expect it once the other side has answered', async () => {
    const one = OneSession.up({ intervalUs: 300_000 });
    one.session.setTimers({ intervalUs: 100_000, multiplier: 3 });
    expect(one.session.detectionTimeMs).toBe(900);
    await one.hearFor(500, 50);
    expect(new Set(one.intervalsMs)).toEqual(new Set([100]));
    expect(one.session.detectionTimeMs).toBe(900);
    one.hear({ isFinal: true });
    expect(one.session.detectionTimeMs).toBe(300);
    await one.clock.runFor(300);
    expect(one.told).toEqual(['Down 1 @800']);
  });

  it('slower: we expect less at once', async () => {
    const one = OneSession.up();
    one.session.setTimers({ intervalUs: 400_000, multiplier: 3 });
    await one.clock.runFor(1199);
    expect(one.told).toEqual([]);
    await one.clock.runFor(1);
    expect(one.told).toEqual(['Down 1 @1200']);
  });

  it('two changes during one Poll: the Final may answer the first, so there is another Poll, and only then it counts', async () => {
    const one = OneSession.up();
    one.session.setTimers({ intervalUs: 200_000, multiplier: 3 });
    await one.hearFor(150, 50);
    one.session.setTimers({ intervalUs: 400_000, multiplier: 3 });
    one.hear({ isFinal: true });
    one.hear();
    one.sent = [];
    await one.hearFor(200, 50);
    expect(one.intervalsMs).toEqual([100]);
    expect(one.takeSent()).toMatchObject([{ isPoll: true }, { isPoll: true }]);
    one.hear({ isFinal: true });
    await one.hearFor(1200, 50);
    expect(one.intervalsMs).toEqual([400, 400]);
  });

  it('a side that falls silent during a Poll owes no answer to that one', async () => {
    const one = OneSession.up();
    one.session.setTimers({ intervalUs: 200_000, multiplier: 3 });
    await one.clock.runFor(600);
    expect(one.told).toEqual(['Down 1 @600']);
    one.hear({ state: 'AdminDown', isFinal: true });
    one.hear({ state: 'AdminDown' });
    one.sent = [];
    await one.hearFor(2000, 500, { state: 'AdminDown' });
    expect(one.sent.map(({ isPoll }) => isPoll)).toEqual([false, false]);
  });

  it('the same timers again change nothing', async () => {
    const one = OneSession.up();
    one.session.setTimers({ intervalUs: 100_000, multiplier: 3 });
    await one.hearFor(200, 50);
    expect(one.sent.some(({ isPoll }) => isPoll)).toBe(false);
  });

  it('another multiplier is said, and Polled for', async () => {
    const one = OneSession.up();
    one.session.setTimers({ intervalUs: 100_000, multiplier: 5 });
    await one.hearFor(100, 50);
    expect(one.sent.at(-1)).toMatchObject({ detectMultiplier: 5, isPoll: true });
  });
});

describe('BFD session: the other side is in demand mode (section 6.6)', () => {
  it('no periodic packets while both are Up; Polls are sent and answered; periodic ones again when it ends', async () => {
    const one = OneSession.up();
    one.hear({ isDemand: true });
    await one.hearFor(2000, 100, { isDemand: true });
    expect(one.sent).toEqual([]);
    one.hear({ isDemand: true, isPoll: true });
    expect(one.takeSent()).toMatchObject([{ isFinal: true, isDemand: false }]);
    one.session.setTimers({ intervalUs: 50_000, multiplier: 3 });
    await one.hearFor(100, 50, { isDemand: true });
    expect(one.takeSent()).toMatchObject([{ isPoll: true }, { isPoll: true }]);
    one.hear({ isDemand: true, isFinal: true });
    await one.hearFor(2000, 50, { isDemand: true });
    expect(one.takeSent()).toEqual([]);
    await one.hearFor(500, 50);
    expect(one.takeSent().length).toBeGreaterThan(4);
  });

  it('that does not excuse its own silence', async () => {
    const one = OneSession.up();
    one.hear({ isDemand: true });
    await one.clock.runFor(300);
    expect(one.told).toEqual(['Down 1 @300']);
    await one.clock.runFor(1000);
    expect(one.takeSent().length).toBe(2);
  });

  it('not while it is not Up', async () => {
    const one = new OneSession();
    await one.hearFor(3000, 500, { state: 'AdminDown', isDemand: true });
    expect(one.sent.length).toBeGreaterThan(2);
  });
});
