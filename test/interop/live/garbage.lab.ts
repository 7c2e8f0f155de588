/** A minute of garbage: requests are served, memory stays as it is. */
import { expect } from 'vitest';
import { expectServed, onStage } from './garbage.js';

/** The garbage collector of V8 has its own rhythm; a chunk a millisecond that is lost would be 70 MB a second. */
const RSS_GROWTH_BYTES_MAX = 24 << 20;

onStage('garbage for a minute', ['packet', 'xdp'], 60, (report) => {
  expectServed(report);
  for (const { rssWarm, rssAfter } of Object.values(report.machines)) {
    expect(rssAfter - rssWarm).toBeLessThan(RSS_GROWTH_BYTES_MAX);
  }
});
