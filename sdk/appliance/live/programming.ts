/** Keeps data planes programmed: with what the fabric says, and what the kernel knows of the way. */
import { destinationsOf, locate } from '../../node/index.js';
import type { Program } from '../../program/index.js';
import type { NextHops } from '../../runtime/next-hops.js';
import type { PortInterface } from '../../runtime/packet-port.js';
import type { EventRecord } from '../service/events.js';
import { errorRecord } from '../service/events.js';
import type { DataPlanes } from './data-planes.js';
import type { Turns } from './turns.js';

/** How long a first program waits for the kernel to find next hops: longer than ARP takes, when somebody answers. */
const RESOLVE_MS = 1500;
/** Changes of the kernel's tables come in bursts. */
const SETTLED_AFTER_MS = 20;

/** What it works with. */
export interface ProgrammingParts {
  readonly planes: DataPlanes;
  readonly nextHops: NextHops;
  /** The interface tunnels leave by; `undefined` where the kernel chooses it. */
  readonly interface: PortInterface | undefined;
  readonly turns: Turns;
  tell(record: EventRecord): void;
  /** Called when the kernel's tables have changed. */
  changed(): void;
}

/** The program data planes obey, as it is here. */
export class Programming<P extends Program> {
  readonly #parts: ProgrammingParts;
  #current: P;
  #locatedKey = '';
  #unresolved = '';
  #unsubscribe = () => {};
  #settling: NodeJS.Timeout | undefined;

  private constructor(parts: ProgrammingParts, program: P) {
    this.#parts = parts;
    this.#current = program;
  }

  /**
   * Programs the data planes, as soon as the kernel knows the next hops or has had time to find them; from then on they
   * follow.
   *
   * @throws EdgemuxError what `DataPlanes.program` throws
   */
  static async start<P extends Program>(parts: ProgrammingParts, program: P): Promise<Programming<P>> {
    const programming = new Programming(parts, program);
    parts.nextHops.want(destinationsOf(program));
    await programming.#resolved();
    await programming.program(program);
    programming.#unsubscribe = parts.nextHops.subscribe(() => {
      programming.#settling ??= setTimeout(() => programming.#follow(), SETTLED_AFTER_MS);
    });
    return programming;
  }

  /** The program as the fabric says it. */
  get current(): P {
    return this.#current;
  }

  /** @throws EdgemuxError what `DataPlanes.program` throws; the old program then stays in force */
  async program(program: P): Promise<void> {
    this.#parts.nextHops.want(destinationsOf(program));
    const located = locate(program, this.#parts);
    await this.#parts.planes.program(located);
    this.#current = program;
    this.#locatedKey = keyOf(located);
    this.#tellUnresolved();
  }

  end(): void {
    this.#unsubscribe();
    clearTimeout(this.#settling);
  }

  #follow(): void {
    this.#settling = undefined;
    const { planes, turns, tell, changed } = this.#parts;
    void turns.take(async () => {
      try {
        const located = locate(this.#current, this.#parts);
        const key = keyOf(located);
        if (key !== this.#locatedKey) {
          await planes.program(located);
          this.#locatedKey = key;
        }
        this.#tellUnresolved();
        changed();
      } catch (error) {
        tell({ ...errorRecord(error), during: 'a change of next hops' });
      }
    });
  }

  async #resolved(): Promise<void> {
    const { nextHops } = this.#parts;
    const endMs = performance.now() + RESOLVE_MS;
    while (this.#unresolvedDestinations().length > 0) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return;
      await new Promise<void>((resolve) => {
        const done = () => {
          unsubscribe();
          clearTimeout(timer);
          resolve();
        };
        const unsubscribe = nextHops.subscribe(done);
        const timer = setTimeout(done, leftMs);
      });
    }
  }

  #unresolvedDestinations(): string[] {
    if (this.#parts.interface === undefined) return [];
    const { nextHops } = this.#parts;
    const unresolved = destinationsOf(this.#current).filter((one) => nextHops.of(one)?.macAddress === undefined);
    // Where a host's replies go. Without a default route nobody will ever find it.
    const gateway = nextHops.ofDefault(4) ?? nextHops.ofDefault(6);
    if (this.#current.kind === 'host' && gateway && gateway.macAddress === undefined) unresolved.push(gateway.address);
    return unresolved;
  }

  /** Tells once whose MAC address nobody knows: their tunnels go where the fabric says, if it does. */
  #tellUnresolved(): void {
    const unresolved = this.#unresolvedDestinations();
    const key = unresolved.join(' ');
    if (key === this.#unresolved) return;
    this.#unresolved = key;
    this.#parts.tell({ event: 'next-hops', unresolved });
  }
}

/** What `locate` may have put in. */
function keyOf(program: Program): string {
  const others = program.kind === 'mux' ? program.backends : (program.fastpath?.peers ?? []);
  return JSON.stringify([program.attachment, others.map(({ nextHopMacAddress }) => nextHopMacAddress)]);
}
