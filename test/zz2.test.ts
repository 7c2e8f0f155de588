import { test } from 'vitest';
import { toHex } from './support/bytes.js';
import { Duel } from './support/duel.js';
import { hostPipelines } from './support/host-pipelines.js';
import { randomSteps } from './support/random-steps.js';

test('history', async () => {
  const seed = Number(process.env.SEED);
  const match = new RegExp(process.env.MATCH ?? 'x');
  const { program, begin } = hostPipelines[(process.env.PIPE ?? 'host agent, VXLAN') as 'host agent, VXLAN'];
  const opponents = await begin();
  const outs: string[] = [];
  const inner = opponents.model.process;
  const model = {
    ...opponents.model,
    process(packet: any, nowMs: number, got: any) {
      const want = inner(packet, nowMs, got);
      const line = `${nowMs} ${packet.about} ${packet.port} ${packet.link}\n  in ${toHex(packet.frame)}\n  m ${want.verdict} ${want.reason ?? ''} ${want.bytes ? toHex(want.bytes) : ''}\n  d ${got?.verdict} ${got?.reason ?? ''} ${got?.bytes ? toHex(got.bytes) : ''}`;
      if (match.test(line)) outs.push(line);
      return want;
    },
  };
  const duel = new Duel({ ...opponents, model });
  for (const step of randomSteps(program, seed)) {
    if ('program' in step) outs.push(`program ${step.program}`);
    const d = duel.play(step);
    if (d !== undefined) { outs.push(`END ${d}`); break; }
  }
  console.log(outs.slice(-Number(process.env.LAST ?? 12)).map((l) => l.split('\n').map((x) => x.slice(0, 500)).join('\n')).join('\n'));
}, 600_000);
