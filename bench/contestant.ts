/**
 * A contestant: one implementation in a process of its own, on the core of all the others, so that neither heap nor
 * compiler of one disturbs the next. It obeys lines on its standard input and answers each with one line:
 *
 *   workload <connections> <frame, hexadecimal>   forget every flow, take this frame       → ok
 *   workload <connections> <frame> <answer> <direction>   the same for a host agent        → ok
 *   fill <batches>                                process packets, connection by connection, in another tick → ok
 *   frames <batches> <path>                       process, and write what comes out         → counters
 *   run <batches>                                 → ns of generating and processing, ns of generating alone
 *   ring <slots> <members>                        → ns of building it, digest of its slots
 */
import type { Channel } from './channel.js';
import type { HostWorkload } from './host-scenario.js';
import { BATCH_FRAME_COUNT, type Workload } from './scenario.js';

/** What it takes until the JavaScript engine has compiled everything. */
const HOST_FILL_PACKET_COUNT_MIN = 65_536;

export class Contestant {
  readonly name: string;
  readonly #channel: Channel;

  constructor(name: string, channel: Channel) {
    this.name = name;
    this.#channel = channel;
  }

  /** How long a slice of it should last. */
  get sliceMs(): number {
    return this.#channel.sliceMs;
  }

  /** Brings the contestant into the state in which a workload is measured. */
  async prepare({ flowCount, fillPacketCount, fillCount }: Workload, frame: Uint8Array): Promise<void> {
    await this.#ask(`workload ${flowCount} ${hex(frame)}`);
    await this.#fill(fillPacketCount, fillCount);
  }

  /** The same for a host agent, which a client's packets tell of each connection first. */
  async prepareHost({ flowCount, direction }: HostWorkload, tunneled: Uint8Array, answer: Uint8Array): Promise<void> {
    await this.#ask(`workload ${flowCount} ${hex(tunneled)} ${hex(answer)} ${direction}`);
    await this.#fill(Math.max(flowCount, HOST_FILL_PACKET_COUNT_MIN), 1);
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
    this.#channel.end();
  }

  async #fill(fillPacketCount: number, fillCount: number): Promise<void> {
    for (let fill = 0; fill < fillCount; fill++) {
      await this.#ask(`fill ${Math.ceil(fillPacketCount / BATCH_FRAME_COUNT)}`);
    }
  }

  #ask(line: string): Promise<string> {
    return this.#channel.ask(line);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
