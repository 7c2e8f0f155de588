/** `edgemux explain`: what would a MUX or a host agent do with this packet, and why? */

import { Command, Option } from 'commander';
import muxModule from 'edgemux/mux-module';
import type { FramePort, Link } from '../../dataplane/index.js';
import { HostAgent, hostCapacitiesFor } from '../../host/index.js';
import { capacitiesFor, Mux } from '../../mux/index.js';
import { parseIp } from '../../net/address.js';
import { bareIp, type CapturedFrame, firstPacketOf, readCapture } from '../../packet/index.js';
import type { CompiledFabric, HostProgram, MuxProgram } from '../../program/index.js';
import { readChunks } from '../files.js';
import { framesOf } from '../host-flow.js';
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
import { type MachineOptions, machineOf, withMachineOptions } from './machine.js';

interface ExplainOptions extends MachineOptions {
  readonly pcap?: string;
  readonly flow?: string;
  readonly port?: FramePort;
  readonly json?: boolean;
}

/** One packet in words. */
interface Explained {
  readonly text: string;
  toJSON(): object;
}

/** A MUX or a host agent, to be asked. */
interface Explainer {
  /** About the first packet of a flow, bare: one answer, or one per VM it may be for. */
  flow(packet: Uint8Array): Explained | Explained[];
  /** About a frame of a capture, which is then processed, so that those after it find its connection. */
  frame(bytes: Uint8Array, nowMs: number, link: Link): Explained;
  /** What is said about a frame that is no IP at all. */
  readonly pass: Explained;
}

export function explainCommand(): Command {
  return withMachineOptions(new Command('explain'))
    .description('Say what a MUX or a host agent would do with a packet, and why.')
    .argument('<fabric>', 'fabric file, or - for standard input')
    .option('--flow <text>', 'the first packet of a flow: "tcp 192.0.2.7:40000 > 80.80.80.80:80"')
    .option(
      '--pcap <file>',
      'every frame of a capture, each in the light of those before it; - for standard input',
      fileName,
    )
    .addOption(
      new Option(
        '--port <port>',
        'where a host agent gets the packet from; shared (the default): from the VM that has its source address',
      ).choices(['underlay', 'vm', 'shared']),
    )
    .option('--json', 'print the explanation as JSON; for a capture and for a flow at a host an array of them')
    .addHelpText(
      'after',
      '\nA flow at a host is explained once for every VM it may be for or of: in a tunnel from a MUX, or out of the VM.',
    )
    .action(explain);
}

async function explain(path: string, options: ExplainOptions): Promise<void> {
  const { flow, pcap, port, mux } = options;
  if ((flow === undefined) === (pcap === undefined)) throw new UsageError('give one of --flow TEXT and --pcap FILE');
  if (mux !== undefined && port !== undefined) throw new UsageError('--port is for --host: a MUX has one side');
  onlyOneFromStandardInput(path, pcap);
  const packet = flow === undefined ? undefined : firstPacketOf(flow);
  const { program, fabric } = await machineOf(path, options);
  const explainer = program.kind === 'mux' ? await loadMux(program) : await loadHost(program, fabric, port ?? 'shared');
  if (packet === undefined) {
    await explainCapture(explainer, pcap as string, options.json ?? false);
    return;
  }
  const explained = explainer.flow(packet);
  if (options.json) printJson(explained);
  else for (const { text } of [explained].flat()) print(text);
}

async function loadMux(program: MuxProgram): Promise<Explainer> {
  const mux = await Mux.load(muxModule, {
    ...capacitiesFor(program),
    batchFrameCountMax: 1,
    frameBytesMax: CAPTURED_FRAME_BYTES_MAX,
  });
  mux.program(program);
  return {
    flow: (packet) => mux.explain(packet, 0, 'bare'),
    frame(bytes, nowMs, link) {
      const explanation = mux.explain(bytes, nowMs, link);
      mux.process(bytes, nowMs, link);
      return explanation;
    },
    pass: passed('not for a VIP of ours'),
  };
}

async function loadHost(program: HostProgram, fabric: CompiledFabric, port: FramePort): Promise<Explainer> {
  const host = await HostAgent.load(muxModule, {
    ...hostCapacitiesFor(program),
    // A frame, and the resets of both ends of a connection behind it.
    batchFrameCountMax: 3,
    frameBytesMax: CAPTURED_FRAME_BYTES_MAX,
  });
  host.apply(program);
  return {
    flow(packet) {
      const frames = framesOf(packet, program, muxAddressFor(program, fabric), port);
      if (frames.length === 0) return [passed('of no VM of this host, and for none')];
      return frames.map(({ frame, port }) => host.explain(frame, 0, { port }));
    },
    frame(bytes, nowMs, link) {
      const explanation = host.explain(bytes, nowMs, { link, port });
      host.process(bytes, nowMs, { link, port });
      return explanation;
    },
    pass: passed('no tunnel to this host'),
  };
}

/** Where tunnels to a host come from: the first MUX, with its address of the host's family; the host itself without one. */
function muxAddressFor({ attachment: { providerAddress } }: HostProgram, fabric: CompiledFabric): string {
  const { family } = parseIp(providerAddress);
  const addresses = fabric.muxes.flatMap((id) => {
    const { attachment } = fabric.forMux(id);
    return [attachment.providerAddress, attachment.secondProviderAddress ?? attachment.providerAddress];
  });
  return addresses.find((address) => parseIp(address).family === family) ?? providerAddress;
}

function passed(why: string): Explained {
  const text = `pass: ${why}`;
  return { text, toJSON: () => ({ verdict: 'pass', text }) };
}

async function explainCapture(explainer: Explainer, path: string, asJson: boolean): Promise<void> {
  let number = 0;
  try {
    for await (const group of readCapture(readChunks(path), { onTruncated: warnOfTruncation })) {
      for (const frame of group) {
        const explained = explainFrame(explainer, frame);
        number++;
        if (asJson) printElement(number, { frame: number, ...explained.toJSON() });
        else print(`${number}: ${explained.text}`);
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

function explainFrame(explainer: Explainer, { linkType, bytes, timestampMs }: CapturedFrame): Explained {
  const link = linkOf(linkType);
  const packet = link === 'bare' ? bareIp(linkType, bytes) : bytes;
  return packet === undefined ? explainer.pass : explainer.frame(packet, timestampMs, link);
}
