/** Runs programs of the kernel on frames of ours, with no interface: BPF_PROG_TEST_RUN. */
import { attributesOf, bpfCall, portLibc } from '../../../sdk/runtime/node/bpf/call.js';
import { BpfMap } from '../../../sdk/runtime/node/bpf/map.js';

const BPF_PROG_TEST_RUN = 10;
const RETURN_VALUE_OFFSET = 4;

/** Why none of this can be tried here; undefined where it can. */
export function whyNoBpf(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  if (process.getuid?.() !== 0) return 'this is not root';
  try {
    new BpfMap({ type: 'hash', name: 'emx_test', keyBytes: 4, valueBytes: 4, entryCountMax: 1 }).close();
    return undefined;
  } catch (error) {
    return `no BPF: ${(error as Error).message}`;
  }
}

/** What a program returns for a frame; the kernel takes none shorter than an Ethernet header. */
export function runProgram(descriptor: number, frame: Uint8Array): number {
  const libc = portLibc();
  const fields = [descriptor, 0 /* returned */, frame.length, 0, frame, 0n, 1 /* times */];
  const attributes = attributesOf(libc, fields);
  if (libc.bpf(BPF_PROG_TEST_RUN, attributes) < 0) bpfCall(BPF_PROG_TEST_RUN, fields);
  return new DataView(attributes.buffer).getUint32(RETURN_VALUE_OFFSET, true);
}
