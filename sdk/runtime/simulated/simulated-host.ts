/** A machine of a simulated network and the one process on it. */
import type { Clock } from '../clock.js';
import type { Runtime } from '../index.js';
import { SeededRandom } from './seeded-random.js';
import type { SimulatedNetwork } from './simulated-network.js';
import { SimulatedProcess } from './simulated-process.js';
import { SimulatedTcp } from './simulated-tcp.js';
import { SimulatedUdp } from './simulated-udp.js';
import type { SimulatedTcpConnection } from './tcp-connection.js';

/**
 * How a process dies: `ended` as the kernel closes the sockets of a killed one, with a FIN each; `reset` with a RST
 * each; `silent` with its machine, which answers nothing until a new host takes its addresses.
 */
export type Death = 'ended' | 'reset' | 'silent';

/** The runtime of a process, and what can be done to that process. `SimulatedNetwork.host` makes one. */
export class SimulatedHost implements Runtime {
  readonly network: SimulatedNetwork;
  /** Canonical spellings. */
  readonly addresses: readonly string[];
  readonly process: SimulatedProcess;
  readonly tcp: SimulatedTcp;
  readonly udp: SimulatedUdp;
  readonly #random: SeededRandom;
  #isDown = false;
  #isReading = true;

  constructor(network: SimulatedNetwork, addresses: readonly string[], seed: number) {
    this.network = network;
    this.addresses = addresses;
    this.process = new SimulatedProcess(network.clock);
    this.tcp = new SimulatedTcp(this);
    this.udp = new SimulatedUdp(this);
    this.#random = new SeededRandom(seed);
  }

  get clock(): Clock {
    return this.process.clock;
  }

  random(): number {
    return this.#random.next();
  }

  get isAlive(): boolean {
    return this.process.isAlive;
  }

  /** The machine is off, not the process alone. */
  get isDown(): boolean {
    return this.#isDown;
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  /** SIGSTOP: the kernel goes on, and takes what fits its buffers. */
  stop(): void {
    this.process.stop();
  }

  /** SIGCONT. */
  continue(): void {
    this.process.continue();
  }

  /** The process reads nothing more from its connections; otherwise it goes on. */
  stopReading(): void {
    this.#isReading = false;
  }

  /** It reads again. */
  startReading(): void {
    this.#isReading = true;
    for (const end of this.tcp.ends) this.network.clock.after(0, () => end.readSoon());
  }

  /** Ends the process; none of its code runs again. A new host may take the addresses then. */
  kill(death: Death): void {
    this.process.kill();
    this.tcp.unbind();
    this.udp.unbind();
    for (const end of [...this.tcp.ends]) {
      if (death === 'silent') end.vanish();
      else if (death === 'reset') end.abort();
      else end.close();
    }
    this.#isDown = death === 'silent';
  }

  /** The first of the host's addresses that can talk to another. */
  sourceFor(remoteAddress: string): string | undefined {
    const isIpv6 = remoteAddress.includes(':');
    return this.addresses.find((address) => address.includes(':') === isIpv6);
  }

  forget(end: SimulatedTcpConnection): void {
    this.tcp.forget(end);
  }
}
