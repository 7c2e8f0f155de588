/** Takes frames from the kernel on an interface, and lets what is taken be changed at any time. */
import { EdgemuxError } from '../../../errors.js';
import type { FrameSelection } from '../../packet-port.js';
import { BpfRefusal, ERRNO, forPort } from './call.js';
import { BpfLink, type XdpMode } from './link.js';
import { BpfMap } from './map.js';
import { BpfProgram } from './program.js';
import { keyBytes, rolesOf, SELECTION_KEY_BYTES, SELECTION_VALUE_BYTES } from './selection-key.js';
import { selectionProgram } from './selection-program.js';

const ADDRESS_COUNT_MAX = 1 << 18;

/**
 * A selection in the kernel, and the programs that read it. Nothing is selected at first. Everything goes away with this process,
 * however it ends.
 *
 * Every method throws `ERR_PORT` with one line when the kernel refuses: no privilege, not in this kernel, taken.
 */
export class Selector {
  readonly #port: string;
  readonly #addresses: BpfMap;
  readonly #closeables: { close(): void }[] = [];
  readonly #value = new Uint8Array(SELECTION_VALUE_BYTES);
  #roles = new Map<string, number>();
  #socketFilter: BpfProgram | undefined;

  /** @param port as it was asked for: `xdp:eth0`; errors begin with it */
  constructor(port: string) {
    this.#port = port;
    this.#addresses = this.keep(
      forPort(port, 'BPF', () => {
        return new BpfMap({
          type: 'hash',
          name: 'emx_addresses',
          keyBytes: SELECTION_KEY_BYTES,
          valueBytes: SELECTION_VALUE_BYTES,
          entryCountMax: ADDRESS_COUNT_MAX,
        });
      }),
    );
  }

  /** The program for `SO_ATTACH_BPF` (50): keeps what is selected, whole, and nothing else. */
  get socketFilterDescriptor(): number {
    this.#socketFilter ??= this.#load('socketFilter', 'emx_filter', { kind: 'socketFilter' });
    return this.#socketFilter.descriptor;
  }

  /**
   * Hides from the kernel what is selected, once packet sockets bound to `ETH_P_ALL` have it. Linux 6.6.
   *
   * @returns a descriptor of this selector: it is closed with it
   */
  tcxLink(interfaceIndex: number): number {
    const program = this.#load('trafficClassifier', 'emx_hide', { kind: 'tcx' });
    const attach = () => this.keep(BpfLink.tcxIngress(program, interfaceIndex)).descriptor;
    return forPort(this.#port, 'tcx programs', attach, 'Linux 6.6');
  }

  /**
   * Redirects what is selected to AF_XDP sockets.
   *
   * @param sockets descriptor of the map of sockets by queue
   * @returns the program; `attach` of it may be tried in several modes
   */
  xdpProgram(sockets: number): { attach(interfaceIndex: number, mode: XdpMode): void } {
    const program = this.#load('xdp', 'emx_redirect', { kind: 'xdp', sockets });
    return {
      attach: (interfaceIndex, mode) => {
        this.keep(BpfLink.xdp(program, interfaceIndex, mode));
      },
    };
  }

  /** What is taken from now on. Frames of addresses that stay never slip through: what is new comes first, then what goes. */
  select(selection: FrameSelection): void {
    const wanted = rolesOf(selection);
    forPort(this.#port, 'BPF', () => {
      for (const [key, roles] of wanted) if (this.#roles.get(key) !== roles) this.#set(key, roles);
      for (const key of [...this.#roles.keys()]) if (!wanted.has(key)) this.#remove(key);
    });
  }

  /** Closes something together with this. */
  keep<T extends { close(): void }>(closeable: T): T {
    this.#closeables.push(closeable);
    return closeable;
  }

  /** Gives the interface back. */
  close(): void {
    for (const closeable of this.#closeables.splice(0).reverse()) closeable.close();
  }

  #set(key: string, roles: number): void {
    new DataView(this.#value.buffer).setUint32(0, roles, true);
    try {
      this.#addresses.update(keyBytes(key), this.#value);
    } catch (error) {
      if (!(error instanceof BpfRefusal) || error.errno !== ERRNO.E2BIG) throw error;
      throw new EdgemuxError('ERR_CAPACITY', `${this.#port}: takes no more than ${ADDRESS_COUNT_MAX} addresses`);
    }
    this.#roles.set(key, roles);
  }

  #remove(key: string): void {
    this.#addresses.delete(keyBytes(key));
    this.#roles.delete(key);
  }

  #load(
    type: 'socketFilter' | 'trafficClassifier' | 'xdp',
    name: string,
    flavour: { kind: 'socketFilter' | 'tcx' } | { kind: 'xdp'; sockets: number },
  ): BpfProgram {
    const instructions = selectionProgram({ ...flavour, addresses: this.#addresses.descriptor });
    return forPort(this.#port, 'BPF', () => this.keep(new BpfProgram(type, name, instructions)));
  }
}
