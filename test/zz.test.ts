import { test } from 'vitest';
import { HostModel } from './model/host-model.js';
import { fullHost, nvgreHost } from './support/host-programs.js';
import { Random } from './support/random.js';
import { RandomPackets } from './support/random-packets.js';

for (const program of [fullHost, nvgreHost])
  test(`x${program.encapsulation}`, () => {
    const t0 = Date.now();
    const packets = new RandomPackets(program, new Random(1), 65600);
    const model = new HostModel(program);
    const random = new Random(5);
    const counts = new Map<string, number>();
    let now = 1_000_000;
    let gen = 0;
    let due = 0;
    for (let i = 0; i < 20000; i++) {
      if (i % 75 === 0) now += random.below(2000);
      const g0 = performance.now();
      const p = packets.next();
      gen += performance.now() - g0;
      const r = model.process(p.frame, p.link, p.port, now);
      const kind = p.about.replace(/^tunnel, /, 't ').replace(/ of nic.*|, .*| to [0-9].*/g, '');
      for (const name of [r.reason ?? r.verdict, `   ${kind}: ${r.reason ?? r.verdict}`])
        counts.set(name, (counts.get(name) ?? 0) + 1);
      if (i % 75 === 0) due = Math.max(due, model.resetsDue(now).length);
    }
    console.log(
      [...counts]
        .sort((a, b) => (a[0] < b[0] ? -1 : 1))
        .map(([a, b]) => `${a} ${b}`)
        .join('\n'),
      due,
      Date.now() - t0,
      gen,
    );
  });
