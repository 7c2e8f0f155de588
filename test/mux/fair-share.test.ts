/** An overloaded MUX gives each VIP its share, takes from those who want more, and says which VIP to withdraw. */

import { Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { maxMinShare } from '../../sdk/mux/fair-share.js';
import type { MuxProgram, Service } from '../../sdk/program/types.js';
import { bare, SYN } from '../support/packet.js';
import { muxProgram } from '../support/programs.js';

describe('max-min share', () => {
  it.each([
    { about: 'enough for all', demands: [10, 20, 30], capacity: 60, share: Infinity },
    { about: 'nobody asks', demands: [], capacity: 60, share: Infinity },
    { about: 'all ask for more than an equal part', demands: [100, 100, 100], capacity: 60, share: 20 },
    { about: 'the modest leave theirs to the others', demands: [10, 100, 100], capacity: 60, share: 25 },
    { about: 'one alone is too much', demands: [5, 5, 1000], capacity: 60, share: 50 },
    { about: 'no capacity', demands: [1], capacity: 0, share: 0 },
  ])('$about', ({ demands, capacity, share }) => {
    expect(maxMinShare(demands, capacity)).toBe(share);
  });
});

const VIPS = ['80.80.80.80', '80.80.80.81', '80.80.80.82'];
const [LOUD, QUIET, SILENT] = VIPS;

function programOf(): MuxProgram {
  const services = VIPS.map(
    (vip): Service => ({ ...muxProgram.services[0], key: `${vip}:443/tcp`, vip, port: 443, target: { ring: 0 } }),
  );
  return { ...muxProgram, vips: VIPS, services };
}

/** Seconds of traffic; each sends so many packets of 40 bytes to each VIP. */
async function overload(mux: Mux, perSecond: Readonly<Record<string, number>>, seconds: number, startMs = 0) {
  const forwarded: Record<string, number> = {};
  for (let second = 0; second < seconds; second++) {
    for (const [vip, packets] of Object.entries(perSecond)) {
      for (let sent = 0; sent < packets; sent++) {
        const nowMs = startMs + second * 1000 + Math.floor((sent * 1000) / packets);
        const packet = bare()
          .ipv4('192.0.2.7', vip)
          .tcp(1024 + sent, 443, SYN)
          .bytes();
        const { verdict } = mux.process(packet, nowMs, 'bare');
        if (verdict === 'forward') forwarded[vip] = (forwarded[vip] ?? 0) + 1;
      }
    }
  }
  mux.processBatch(startMs + seconds * 1000);
  return forwarded;
}

async function muxWith(limits: Parameters<Mux['limit']>[0]): Promise<Mux> {
  const mux = await Mux.load(muxModule);
  mux.program(programOf());
  mux.limit(limits);
  return mux;
}

describe('MUX: fair share', () => {
  it('takes nothing from anybody without a limit, and knows who talks most', async () => {
    const mux = await muxWith({});
    expect(await overload(mux, { [LOUD]: 1000 }, 1)).toEqual({ [LOUD]: 1000 });
    expect(mux.topTalkers()).toEqual([{ vip: LOUD, packetsPerSecond: 1000, bytesPerSecond: 40_000, dropShare: 0 }]);
    expect(mux.vipToWithdraw()).toBeUndefined();
  });

  it.each([
    { about: 'packets', limits: { packetsPerSecond: 300 } },
    { about: 'bytes', limits: { bytesPerSecond: 300 * 40 } },
  ])('cuts the excess of the loud, by $about, and leaves the quiet alone', async ({ limits }) => {
    const mux = await muxWith(limits);
    await overload(mux, { [LOUD]: 1000 }, 1);
    const [talker] = mux.topTalkers();
    expect(talker).toMatchObject({ vip: LOUD, dropShare: 0.7 });
    const forwarded = await overload(mux, { [LOUD]: 1000 }, 1, 1000);
    expect(forwarded[LOUD]).toBeGreaterThan(250);
    expect(forwarded[LOUD]).toBeLessThan(350);
    expect(mux.counters().dropped['fair-share']).toBe(1000 - forwarded[LOUD]);
    // The quiet VIP has no share to lose, whatever the loud one does.
    expect(await overload(mux, { [QUIET]: 100 }, 1, 2000)).toEqual({ [QUIET]: 100 });
  });

  it('counts what it drops as demand, so that a cut VIP stays cut as long as it asks for more', async () => {
    const mux = await muxWith({ packetsPerSecond: 300 });
    await overload(mux, { [LOUD]: 1000 }, 3);
    expect(mux.topTalkers()[0]).toMatchObject({ packetsPerSecond: 1000, dropShare: 0.7 });
    await overload(mux, { [QUIET]: 1 }, 1, 3000);
    expect(mux.topTalkers()).toMatchObject([{ vip: QUIET, dropShare: 0 }]);
  });

  it('names the VIP to withdraw after three seconds of overload, and none when it is over', async () => {
    const mux = await muxWith({ packetsPerSecond: 300 });
    await overload(mux, { [LOUD]: 1000 }, 2);
    expect(mux.vipToWithdraw()).toBeUndefined();
    await overload(mux, { [LOUD]: 1000 }, 1, 2000);
    expect(mux.vipToWithdraw()).toMatchObject({ vip: LOUD, packetsPerSecond: 1000 });
    await overload(mux, { [QUIET]: 10, [SILENT]: 10 }, 1, 3000);
    expect(mux.vipToWithdraw()).toBeUndefined();
  });
});
