/**
 * The bench in short: it runs, and edgemux, C and JavaScript make the same bytes of the same frames (the bench refuses to
 * time them otherwise). How fast they were is nobody's assertion.
 */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

interface Row {
  readonly implementation: string;
  readonly workload: string;
  readonly frameBytes: number;
  readonly ns: number;
}

test('every implementation makes the same frames, and is timed', () => {
  execFileSync(process.execPath, [tsc, '-p', 'bench'], { cwd: root });
  const args = ['dist/bench/mux.js', '--rounds', '1', '--workload', '1-flow', '--workload', 'syn-flood', '--json'];
  const { rows } = JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })) as { rows: Row[] };
  const implementations = [...new Set(rows.map(({ implementation }) => implementation))];
  if (!implementations.includes('c')) console.warn('skipped: C, no compiler found');
  expect(implementations.filter((name) => name !== 'c')).toEqual(['edgemux', 'js-typed', 'js-idiomatic']);
  for (const { workload, frameBytes, ns } of rows) {
    expect(['1-flow', 'syn-flood']).toContain(workload);
    expect([64, 1500]).toContain(frameBytes);
    expect(ns).toBeGreaterThan(0);
  }
});
