/** `edgemux replay`: a capture through the data plane of one MUX or host. */

import { Command } from 'commander';
import muxModule from 'edgemux/mux-module';
import { HostAgent, hostCapacitiesFor } from '../../host/index.js';
import { capacitiesFor, Mux } from '../../mux/index.js';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW, PcapWriter } from '../../packet/index.js';
import type { Program } from '../../program/index.js';
import { checkOutputIsNoInput, type OutputFile, openOutput, readChunks } from '../files.js';
import { besides, fileName, onlyOneFromStandardInput, print, printJson, warnOfTruncation } from '../output.js';
import { CAPTURED_FRAME_BYTES_MAX, type ReplaySink, type ReplaySummary, type ReplayTarget, replay } from '../replay.js';
import { type MachineOptions, programFor, withMachineOptions } from './machine.js';

interface ReplayOptions extends MachineOptions {
  readonly in: string;
  readonly out: string;
  readonly json?: boolean;
}

const CAPACITIES = { frameBytesMax: CAPTURED_FRAME_BYTES_MAX, batchFrameCountMax: 64, flowCountMax: 1_048_576 };

export function replayCommand(): Command {
  return withMachineOptions(new Command('replay'))
    .description(
      'Run every frame of a capture (pcap or pcapng) through a MUX or a host agent, at the times of the capture, and write what leaves it.',
    )
    .argument('<fabric>', 'fabric file, or - for standard input')
    .requiredOption('--in <capture>', 'capture to read; - for standard input', fileName)
    .requiredOption(
      '--out <pcap>',
      'capture to write: what is forwarded, delivered or replied, not what is passed; - for standard output',
      fileName,
    )
    .option(
      '--json',
      'print { frames, produced, forwarded, delivered, replied, held, passed, dropped: { reason: count } } as JSON',
    )
    .addHelpText(
      'after',
      "\nA host agent takes both directions from one capture: VXLAN to its provider address comes from the underlay, a frame\nwhose source MAC address is a local VM's comes from that VM.",
    )
    .action(replayCapture);
}

async function replayCapture(path: string, options: ReplayOptions): Promise<void> {
  onlyOneFromStandardInput(path, options.in);
  await checkOutputIsNoInput(options.out, path, options.in);
  const program = await programFor(path, options);
  const target = await loadTarget(program);
  const sink = new PcapSink(options.out);
  try {
    const summary = await replay(readChunks(options.in), target, sink, warnOfTruncation);
    await sink.complete();
    const to = besides(options.out);
    if (options.json) printJson(summary, to);
    else for (const line of summaryLines(summary)) print(line, to);
  } catch (error) {
    await sink.abandon();
    throw error;
  }
}

async function loadTarget(program: Program): Promise<ReplayTarget> {
  if (program.kind === 'mux') {
    const mux = await Mux.load(muxModule, { ...capacitiesFor(program), ...CAPACITIES });
    mux.program(program);
    return mux;
  }
  const host = await HostAgent.load(muxModule, { ...hostCapacitiesFor(program), ...CAPACITIES });
  host.apply(program);
  return host;
}

/** Writes frames to a pcap file that appears when it is complete. */
class PcapSink implements ReplaySink {
  readonly #path: string;
  #output: OutputFile | undefined;
  #writer = new PcapWriter(LINKTYPE_ETHERNET);

  constructor(path: string) {
    this.#path = path;
  }

  async start(link: 'ethernet' | 'bare', isNanoseconds: boolean): Promise<void> {
    const linkType = link === 'ethernet' ? LINKTYPE_ETHERNET : LINKTYPE_RAW;
    this.#writer = new PcapWriter(linkType, { nanoseconds: isNanoseconds });
    this.#output = await openOutput(this.#path);
    await this.#output.write(this.#writer.header());
  }

  async frames(frames: readonly { bytes: Uint8Array; timestampNs: bigint }[]): Promise<void> {
    const records = frames.map(({ bytes, timestampNs }) => this.#writer.record(bytes, timestampNs));
    await this.#output?.write(Buffer.concat(records));
  }

  async complete(): Promise<void> {
    await this.#output?.complete();
  }

  async abandon(): Promise<void> {
    await this.#output?.abandon();
  }
}

function summaryLines(summary: ReplaySummary): string[] {
  const { dropped, ...counts } = summary;
  const reasons = Object.entries(dropped).sort(([, a], [, b]) => b - a);
  const droppedTotal = reasons.reduce((sum, [, count]) => sum + count, 0);
  return [
    ...[...Object.entries(counts), ['dropped', droppedTotal] as const].map(
      ([name, count]) => `${name.padEnd(10)}${String(count).padStart(10)}`,
    ),
    ...reasons.map(([reason, count]) => `  ${reason.padEnd(20)}${String(count).padStart(8)}`),
  ];
}
