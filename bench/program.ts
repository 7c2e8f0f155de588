/** What a change of policy costs: a program of a thousand rules, applied after one backend has gone or come back. */
import muxModule from 'edgemux/mux-module';
import { Bench } from 'tinybench';
import { Mux, type MuxProgram } from '../sdk/index.js';
import { benchProgram } from './scenario.js';

const RULE_COUNT = 1000;
const RULES_PER_VIP = 20;

/** Milliseconds of `Mux.program`, median. */
export async function measureProgram(timeMs: number): Promise<number> {
  const whole = programOf(RULE_COUNT);
  const without = withoutFirstMember(whole);
  const mux = await Mux.load(muxModule);
  mux.program(whole);
  let isWhole = true;
  const bench = new Bench({ time: timeMs, warmupTime: timeMs / 4 });
  bench.add('program', () => {
    mux.program(isWhole ? without : whole);
    isWhole = !isWhole;
  });
  await bench.run();
  const [{ result }] = bench.tasks;
  return 'latency' in result ? result.latency.p50 : Number.NaN;
}

/** The program of the bench with more rules: the services of each VIP again on further ports. */
function programOf(ruleCount: number): MuxProgram {
  const program = benchProgram();
  const vips = program.vips.slice(0, ruleCount / RULES_PER_VIP);
  const services = vips.flatMap((vip) =>
    Array.from({ length: RULES_PER_VIP }, (_, at) => {
      const key = `${vip}:${1000 + at}/tcp`;
      return { ...program.services[0], key, vip, port: 1000 + at, rule: `/rules/${key}` };
    }),
  );
  return { ...program, vips, services };
}

/** The ring without its first backend, which stays a backend: its connections are looked for and given up. */
function withoutFirstMember(program: MuxProgram): MuxProgram {
  const rings = program.rings.map(({ slotCount, members }) => ({ slotCount, members: members.slice(1) }));
  return { ...program, digest: 'without', rings };
}
