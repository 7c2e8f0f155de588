/**
 * BFD as a process of its own, for the tests: watches a neighbour for each argument `LOCAL,REMOTE`.
 *
 * Prints a JSON line for each change of state. SIGUSR1: a line with what each watch is like now. SIGUSR2: timers of
 * 3 × 300 ms from now on. SIGTERM: close, and the end.
 */
import { Bfd } from '../../dist/sdk/bfd/index.js';
import { nodeRuntime } from '../../dist/sdk/runtime/node/index.js';

const say = (line) => console.log(JSON.stringify(line));
const bfd = new Bfd(nodeRuntime());
const watches = [];
for (const pair of process.argv.slice(2)) {
  const [localAddress, remoteAddress] = pair.split(',');
  const watch = await bfd.watch({ localAddress, remoteAddress }, (state, diagnostic) =>
    say({ remoteAddress, state, diagnostic, remoteState: watch.remoteState }),
  );
  watches.push(watch);
}
process.on('SIGUSR1', () =>
  say({ watches: watches.map(({ state, remoteState, detectionTimeMs }) => ({ state, remoteState, detectionTimeMs })) }),
);
process.on('SIGUSR2', () => {
  for (const watch of watches) watch.setTimers({ intervalMs: 300 });
});
process.on('SIGTERM', () => {
  bfd.close();
  clearInterval(alive);
});
const alive = setInterval(() => {}, 60_000);
