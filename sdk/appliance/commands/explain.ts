/** `edgemux explain`: where would this packet go, and why? */

import { Command } from 'commander';
import muxModule from 'edgemux/mux-module';
import { capacitiesFor, type Explanation, Mux } from '../../mux/index.js';
import { bareIp, type CapturedFrame, firstPacketOf, readCapture } from '../../packet/index.js';
import { compile } from '../../program/index.js';
import { readChunks, readFabricFile } from '../files.js';
import {
  BrokenOff,
  fileName,
  onlyOneFromStandardInput,
  print,
  printJson,
  UsageError,
  warnOfTruncation,
} from '../output.js';
import { CAPTURED_FRAME_BYTES_MAX, linkOf } from '../replay.js';

interface ExplainOptions {
  readonly mux: string;
  readonly pcap?: string;
  readonly flow?: string;
  readonly json?: boolean;
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('Say where a MUX would send a packet, and why.')
    .argument('<fabric>', 'fabric file, or - for standard input')
    .requiredOption('--mux <id>', 'resourceId of a load balancer MUX')
    .option('--flow <text>', 'the first packet of a flow: "tcp 192.0.2.7:40000 > 80.80.80.80:80"')
    .option(
      '--pcap <file>',
      'every frame of a capture, each in the light of those before it; - for standard input',
      fileName,
    )
    .option('--json', 'print the explanation as JSON; for a capture an array of them')
    .action(explain);
}

async function explain(path: string, options: ExplainOptions): Promise<void> {
  const { flow, pcap } = options;
  if ((flow === undefined) === (pcap === undefined)) throw new UsageError('give one of --flow TEXT and --pcap FILE');
  onlyOneFromStandardInput(path, pcap);
  const packet = flow === undefined ? undefined : firstPacketOf(flow);
  const program = compile(await readFabricFile(path)).forMux(options.mux);
  const mux = await Mux.load(muxModule, {
    ...capacitiesFor(program),
    batchFrameCountMax: 1,
    frameBytesMax: CAPTURED_FRAME_BYTES_MAX,
  });
  mux.program(program);
  if (packet !== undefined) {
    const explanation = mux.explain(packet, 0, 'bare');
    if (options.json) printJson(explanation);
    else print(explanation.text);
    return;
  }
  await explainCapture(mux, pcap as string, options.json ?? false);
}

async function explainCapture(mux: Mux, path: string, asJson: boolean): Promise<void> {
  let number = 0;
  try {
    for await (const group of readCapture(readChunks(path), { onTruncated: warnOfTruncation })) {
      for (const frame of group) {
        const explanation = explainFrame(mux, frame);
        number++;
        if (asJson) printElement(number, { frame: number, ...(explanation?.toJSON() ?? PASS) });
        else print(`${number}: ${explanation?.text ?? PASS.text}`);
      }
    }
  } catch (error) {
    if (!asJson || number === 0) throw error;
    print(']');
    throw new BrokenOff('the capture broke off', { cause: error });
  }
  if (asJson) print(number === 0 ? '[]' : ']');
}

/** An element of a JSON array that is printed as it comes: a capture's answers may not fit in memory. */
function printElement(number: number, element: object): void {
  print(`${number === 1 ? '[' : ','}${JSON.stringify(element)}`);
}

const PASS = { verdict: 'pass', text: 'pass: not for a VIP of ours' };

/** Explains a frame, then lets the MUX process it, so that the frames after it find its flow; `undefined`: no IP. */
function explainFrame(mux: Mux, { linkType, bytes, timestampMs }: CapturedFrame): Explanation | undefined {
  const link = linkOf(linkType);
  const packet = link === 'bare' ? bareIp(linkType, bytes) : bytes;
  if (packet === undefined) return undefined;
  const explanation = mux.explain(packet, timestampMs, link);
  mux.process(packet, timestampMs, link);
  return explanation;
}
