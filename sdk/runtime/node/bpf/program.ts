/** Loading programs into the kernel, which reads every path through them before it agrees. */
import { BpfRefusal, bpfCall, ERRNO, ProgramRefusal, portLibc } from './call.js';

const BPF_PROG_LOAD = 5;

/** What a program is for. */
export const PROGRAM_TYPE = { socketFilter: 1, trafficClassifier: 3, xdp: 6 } as const;

/** No function these programs call asks for GPL. */
const LICENSE = new TextEncoder().encode('Apache-2.0\0');
const LOG_BYTES = 1 << 20;
const LOG_LINES_TOLD = 12;

/** A program in the kernel; it is gone when it is closed, and nothing runs it. */
export class BpfProgram {
  readonly descriptor: number;

  /**
   * @param name up to 15 characters, for `bpftool prog`
   * @throws BpfRefusal; ProgramRefusal with the end of the verifier's log
   */
  constructor(type: keyof typeof PROGRAM_TYPE, name: string, instructions: Uint8Array) {
    try {
      this.descriptor = load(type, name, instructions, undefined);
    } catch (error) {
      if (!(error instanceof BpfRefusal) || error.errno === ERRNO.EPERM) throw error;
      this.descriptor = loadAgain(type, name, instructions);
    }
  }

  close(): void {
    portLibc().close(this.descriptor);
  }
}

/** The log costs the verifier time, so it is asked for only when something is wrong. */
function loadAgain(type: keyof typeof PROGRAM_TYPE, name: string, instructions: Uint8Array): number {
  const log = new Uint8Array(LOG_BYTES);
  try {
    return load(type, name, instructions, log);
  } catch (error) {
    const text = new TextDecoder().decode(log.subarray(0, log.indexOf(0))).trim();
    if (!(error instanceof BpfRefusal) || text === '') throw error;
    throw new ProgramRefusal(name, text.split('\n').slice(-LOG_LINES_TOLD).join('\n'));
  }
}

function load(
  type: keyof typeof PROGRAM_TYPE,
  name: string,
  instructions: Uint8Array,
  log: Uint8Array | undefined,
): number {
  const logFields = log ? [1, log.length, log] : [0, 0, 0n];
  return bpfCall(BPF_PROG_LOAD, [
    PROGRAM_TYPE[type],
    instructions.length / 8,
    instructions,
    LICENSE,
    ...logFields,
    0 /* kernel version */,
    0 /* flags */,
    name,
  ]);
}
