import { test } from 'vitest';
import { toHex } from './support/bytes.js';
import { hostPipelines } from './support/host-pipelines.js';
import { randomSteps } from './support/random-steps.js';
import { Duel } from './support/duel.js';
test('produced', async () => {
  const { program, begin } = hostPipelines[(process.env.PIPE ?? 'host agent, VXLAN') as 'host agent, VXLAN'];
  const o = await begin();
  const duel = new Duel({ ...o, model: { ...o.model, beginOfBatch(nowMs, produced) {
    if (produced.length > 0) console.log(nowMs, produced.length, 'due', o.hostModel.resetsDue(nowMs).length, '\n' + produced.map((p) => `${p.verdict} ${toHex(p.bytes!)}`).join('\n'));
    o.model.beginOfBatch!(nowMs, produced);
  } } });
  for (const step of randomSteps(program, Number(process.env.SEED))) { const d = duel.play(step); if (d) { console.log(d.slice(0, 300)); break; } }
}, 300_000);
