/** The same seed gives the same run, and another one another. */
import { describe, expect, it } from 'vitest';
import { Pair } from '../support/tcp-ends.js';

/** Everything an observer sees of a conversation with trouble, with the time. */
async function runOf(seed: number): Promise<string[]> {
  const pair = new Pair({ seed });
  const { clock } = pair.network;
  const seen: string[] = [];
  const { near, far } = await pair.open();
  const { received } = far;
  far.received = (bytes) => {
    seen.push(`${clock.nowMs()}: ${bytes.length}`);
    received.call(far, bytes);
  };
  near.write('x'.repeat(200_000));
  clock.after(10, () => pair.network.cut('10.0.0.1', '10.0.0.2'));
  clock.after(3000, () => pair.network.heal('10.0.0.1', '10.0.0.2'));
  pair.client.clock.after(5000 + 100 * pair.client.random(), () => near.connection.close());
  await clock.runFor(20_000);
  return [...seen, ...near.told, ...far.told, String(far.text.length)];
}

describe('a run', () => {
  it('is the same for the same seed', async () => {
    expect(await runOf(7)).toEqual(await runOf(7));
  });

  it('is another for another seed', async () => {
    expect(await runOf(7)).not.toEqual(await runOf(8));
  });

  it('loses nothing of a stream, whatever happens to the way', async () => {
    expect((await runOf(9)).at(-1)).toBe('200000');
  });
});
