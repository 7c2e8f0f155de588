/** The selection program in all its flavours, loaded and nowhere attached, over one map of addresses. */
import { portLibc } from '../../../sdk/runtime/node/bpf/call.js';
import { BpfMap, putSocket } from '../../../sdk/runtime/node/bpf/map.js';
import { BpfProgram } from '../../../sdk/runtime/node/bpf/program.js';
import { keyBytes, rolesOf } from '../../../sdk/runtime/node/bpf/selection-key.js';
import { selectionProgram } from '../../../sdk/runtime/node/bpf/selection-program.js';
import type { FrameSelection } from '../../../sdk/runtime/packet-port.js';
import { concat } from '../../support/bytes.js';
import { runProgram } from './test-run.js';

const AF_XDP = 44;
const SOCK_RAW = 3;
const SOL_XDP = 283;
const XDP_UMEM_REG = 4;
const PAGE_BYTES = 4096;
const ETHERNET_AND_IPV6_BYTES = 54;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_ANONYMOUS = 0x22;

/** What each flavour returns: for what is ours, and for what is not. */
const ANSWERS = {
  xdp: { ours: 4 /* XDP_REDIRECT */, others: 2 /* XDP_PASS */ },
  tcx: { ours: 2 /* TC_ACT_SHOT */, others: 0xffffffff /* TCX_NEXT */ },
  socketFilter: { ours: 0xffffffff, others: 0 },
};

export type FlavourName = keyof typeof ANSWERS;

/** All flavours with one selection. */
export class Flavours {
  readonly #addresses = new BpfMap({
    type: 'hash',
    name: 'emx_test',
    keyBytes: 20,
    valueBytes: 4,
    entryCountMax: 1024,
  });
  readonly #sockets = new BpfMap({
    type: 'xskSockets',
    name: 'emx_test',
    keyBytes: 4,
    valueBytes: 4,
    entryCountMax: 1,
  });
  readonly #socket = socketWithMemory();
  readonly #programs: Readonly<Record<FlavourName, BpfProgram>>;

  constructor(selection: FrameSelection) {
    const addresses = this.#addresses.descriptor;
    const sockets = this.#sockets.descriptor;
    putSocket(sockets, 0, this.#socket);
    for (const [key, roles] of rolesOf(selection)) {
      this.#addresses.update(keyBytes(key), new Uint8Array(Uint32Array.of(roles).buffer));
    }
    this.#programs = {
      xdp: new BpfProgram('xdp', 'emx_test', selectionProgram({ kind: 'xdp', addresses, sockets })),
      tcx: new BpfProgram('trafficClassifier', 'emx_test', selectionProgram({ kind: 'tcx', addresses })),
      socketFilter: new BpfProgram('socketFilter', 'emx_test', selectionProgram({ kind: 'socketFilter', addresses })),
    };
  }

  /**
   * Whether each takes a frame of more than 14 bytes. A run of `tcx` refuses frames without a whole IP header, so that those get the
   * answer of the socket filter, which differs in its verdicts only.
   */
  takes(frame: Uint8Array): Record<FlavourName, boolean> {
    const socketFilter = this.#ask('socketFilter', frame);
    const tcx = frame.length < ETHERNET_AND_IPV6_BYTES ? socketFilter : this.#ask('tcx', frame);
    return { xdp: this.#ask('xdp', frame), tcx, socketFilter };
  }

  close(): void {
    for (const one of [...Object.values(this.#programs), this.#addresses, this.#sockets]) one.close();
    portLibc().close(this.#socket);
  }

  #ask(name: FlavourName, frame: Uint8Array): boolean {
    const answer = runFlavour(name, this.#programs[name].descriptor, frame);
    if (answer === ANSWERS[name].ours) return true;
    if (answer === ANSWERS[name].others) return false;
    throw new Error(`${name} returned ${answer}`);
  }
}

/** A run of a program begins a socket filter behind the Ethernet header; on a packet socket it begins with it. */
export function runFlavour(name: FlavourName, descriptor: number, frame: Uint8Array): number {
  return runProgram(descriptor, name === 'socketFilter' ? concat(new Uint8Array(14), frame) : frame);
}

/** The least that a map of sockets takes. */
function socketWithMemory(): number {
  const libc = portLibc();
  const socket = libc.socket(AF_XDP, SOCK_RAW, 0);
  const memory = libc.mmap(0n, PAGE_BYTES, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  const region = new DataView(new ArrayBuffer(28));
  region.setBigUint64(0, BigInt(memory), true);
  region.setBigUint64(8, BigInt(PAGE_BYTES), true);
  region.setUint32(16, PAGE_BYTES, true);
  if (libc.setsockopt(socket, SOL_XDP, XDP_UMEM_REG, new Uint8Array(region.buffer), 28) < 0) {
    throw new Error(`no memory for an AF_XDP socket: errno ${libc.errno()}`);
  }
  return socket;
}
