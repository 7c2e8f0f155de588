/**
 * A contestant: one implementation in a process of its own, on the core of all the others, so that neither heap nor
 * compiler of one disturbs the next. It obeys lines on its standard input and answers each with one line:
 *
 *   workload <connections> <frame, hexadecimal>   forget every flow, take this frame       → ok
 *   fill <batches>                                process packets, connection by connection, in another tick → ok
 *   frames <batches> <path>                       process, and write what comes out         → counters
 *   run <batches>                                 → ns of generating and processing, ns of generating alone
 *   ring <slots> <members>                        → ns of building it, digest of its slots
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { BATCH_FRAME_COUNT, type Workload } from './scenario.js';

/** The last core: the first one tends to be busy with interrupts. */
const CORE = '1';

export class Contestant {
  readonly name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(name: string, command: readonly string[], isPinned: boolean) {
    const [file, ...parameters] = isPinned ? ['taskset', '-c', CORE, ...command] : command;
    this.name = name;
    this.#child = spawn(file, parameters);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Brings the contestant into the state in which a workload is measured. */
  async prepare({ flowCount, fillPacketCount, fillCount }: Workload, frame: Uint8Array): Promise<void> {
    await this.#ask(`workload ${flowCount} ${Buffer.from(frame).toString('hex')}`);
    for (let fill = 0; fill < fillCount; fill++) {
      await this.#ask(`fill ${Math.ceil(fillPacketCount / BATCH_FRAME_COUNT)}`);
    }
  }

  /** Writes what comes out for the next packets to a file; answers with the counters. */
  writeFrames(batchCount: number, path: string): Promise<string> {
    return this.#ask(`frames ${batchCount} ${path}`);
  }

  /** Nanoseconds per packet, without those of generating it. */
  async run(batchCount: number): Promise<number> {
    const [bothNs, generatingNs] = (await this.#ask(`run ${batchCount}`)).split(' ').map(Number);
    return (bothNs - generatingNs) / (batchCount * BATCH_FRAME_COUNT);
  }

  /** Milliseconds of building a ring, and a digest of it. */
  async buildRing(slotCount: number, memberCount: number): Promise<{ ms: number; digest: string }> {
    const [ns, digest] = (await this.#ask(`ring ${slotCount} ${memberCount}`)).split(' ');
    return { ms: Number(ns) / 1e6, digest };
  }

  end(): void {
    this.#child.stdin.end();
  }

  async #ask(line: string): Promise<string> {
    this.#child.stdin.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.name} ended at: ${line.slice(0, 40)}`);
    return value;
  }
}
