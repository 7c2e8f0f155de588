import { test } from 'vitest';
import { Duel } from './support/duel.js';
import { hostPipelines } from './support/host-pipelines.js';
import { randomSteps } from './support/random-steps.js';

const packets = Number(process.env.ZZ ?? 60000);
for (const [name, { program, begin }] of Object.entries(hostPipelines)) test(name, async () => {
  const seed = Number(process.env.SEED ?? 1);
  let runs = 0;
  const kinds = new Map<string, { n: number; text: string }>();
  // Each difference ends a life: the next one begins with another seed.
  let total = 0;
  for (let life = 0; total < packets; life++) {
    const duel = new Duel(await begin());
    runs++;
    for (const step of randomSteps(program, seed * 1000 + life)) {
      const d = duel.play(step);
      if (d !== undefined) {
        const lines = d.split('\n');
        const what = lines[0].replace(/^packet \d+ of \d+ at \d+ ms, /, '').replace(/ of nic-.*?, [0-9a-f.:]+ > [0-9a-f.:]+/, '');
        const m = lines.find((l) => l.startsWith('model'))?.split(/\s+/).slice(1, 3).map((w) => w.slice(0, 14)).join(' ');
        const g = lines.find((l) => l.startsWith('data plane'))?.split(/\s+/).slice(2, 4).map((w) => w.slice(0, 14)).join(' ');
        const key = `${what.split(',').slice(0, 2).join(',')} | ${/^[a-z]+ [a-z-]+$/.test(m ?? '') ? m : m?.split(' ')[0]} | ${/^[a-z]+ [a-z-]+$/.test(g ?? '') ? g : g?.split(' ')[0]}`;
        const k = kinds.get(key) ?? { n: 0, text: `seed ${seed * 1000 + life} after ${duel.packetCount}: ${d}` };
        k.n++;
        kinds.set(key, k);
        break;
      }
      if (duel.packetCount + total >= packets) break;
    }
    total += duel.packetCount + 1;
  }
  console.log(name, 'lives', runs, 'packets', total);
  for (const [key, { n, text }] of [...kinds].filter(([k]) => !process.env.SKIP || !new RegExp(process.env.SKIP).test(k)).sort((a, b) => b[1].n - a[1].n).slice(0, 25)) console.log(`${n} × ${key}\n${text.slice(0, 3000)}`);
}, 600_000);
