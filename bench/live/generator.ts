/** The generator of native/generate.c. */
import { processChannel } from '../channel.js';
import { GENERATOR_CORE, GENERATOR_NAMESPACE } from './network.js';

/** What a run has come to. */
export interface Traffic {
  readonly ns: number;
  readonly sentCount: number;
  /** Those that came back in a tunnel. */
  readonly returnedCount: number;
  readonly returnedBytes: number;
}

/** Frames under way at a time: as many as a veth takes, so that nothing is lost and nothing is waited for. */
const WINDOW = 256;

export interface Generator {
  use(link: string, frame: Uint8Array, flowCount: number): Promise<void>;
  /** Sends as fast as frames come back, but no faster than `rate` per second; 0: no limit. */
  run(link: string, ms: number, rate?: number): Promise<Traffic>;
  end(): void;
}

export function startGenerator(path: string, links: readonly string[]): Generator {
  const command = ['ip', 'netns', 'exec', GENERATOR_NAMESPACE, 'taskset', '-c', GENERATOR_CORE, path, ...links];
  const channel = processChannel(command, undefined);
  return {
    async use(link, frame, flowCount) {
      await channel.ask(`frame ${link} ${Buffer.from(frame).toString('hex')} ${flowCount}`);
    },
    async run(link, ms, rate = 0) {
      const answer = await channel.ask(`run ${link} ${ms} ${rate} ${WINDOW}`);
      const [ns, sentCount, returnedCount, returnedBytes] = answer.split(' ').map(Number);
      return { ns, sentCount, returnedCount, returnedBytes };
    },
    end: () => channel.end(),
  };
}
