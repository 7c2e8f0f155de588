/**
 * Links: a program at an interface, for as long as somebody has the descriptor of the link. That ends with the process, however
 * it ends.
 */
import { bpfCall, portLibc } from './call.js';
import type { BpfProgram } from './program.js';

const BPF_LINK_CREATE = 28;
const BPF_XDP = 37;
const BPF_TCX_INGRESS = 46;
const XDP_FLAGS = { generic: 1 << 1, native: 1 << 2 };

/** Where XDP runs: in the driver, or behind it in the kernel's own code, which works with any driver and is slower. */
export type XdpMode = keyof typeof XDP_FLAGS;

/** A program at an interface. */
export class BpfLink {
  readonly descriptor: number;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  /**
   * Runs a program on what an interface receives, before the kernel sees it. There is room for one.
   *
   * @throws BpfRefusal `EBUSY` or `EEXIST` when another program is there
   */
  static xdp(program: BpfProgram, interfaceIndex: number, mode: XdpMode): BpfLink {
    return BpfLink.#create(program, interfaceIndex, BPF_XDP, XDP_FLAGS[mode]);
  }

  /**
   * Runs a program on what an interface receives: behind packet sockets for all protocols (`ETH_P_ALL`), and before all others
   * and IP. It stands behind those that are there.
   *
   * @throws BpfRefusal
   */
  static tcxIngress(program: BpfProgram, interfaceIndex: number): BpfLink {
    return BpfLink.#create(program, interfaceIndex, BPF_TCX_INGRESS, 0);
  }

  static #create(program: BpfProgram, interfaceIndex: number, attachType: number, flags: number): BpfLink {
    return new BpfLink(bpfCall(BPF_LINK_CREATE, [program.descriptor, interfaceIndex, attachType, flags]));
  }

  /** Takes the program off the interface. */
  close(): void {
    portLibc().close(this.descriptor);
  }
}
