/**
 * A MUX that carries real traffic:
 *
 *   routers ◄─ BGP ─ speaker                    fabric file ─► program
 *      │                 ▲ announce what is programmed              │
 *      ▼                 │                                          ▼
 *   packets ─► ports ─► data planes, one per queue ─► ports ─► tunnels to the hosts
 */
import type { Route } from '../../bgp/index.js';
import { capacitiesFor } from '../../mux/index.js';
import type { MuxProgram } from '../../program/index.js';
import type { PortAttachment, PortSpec } from '../../runtime/node/ports/types.js';
import { SELECT_NOTHING } from '../../runtime/packet-port.js';
import { requireSpeakable } from '../bgp/deno-limits.js';
import type { MuxSpeaker } from '../bgp/speaker-of-mux.js';
import { counted } from '../output.js';
import type { EventRecord } from '../service/events.js';
import { Announcer } from './announcer.js';
import { DataPlanes } from './data-planes.js';
import type { LiveMux } from './live-mux.js';
import { attachUnderlay, checkMixture, needsRestart, portCapacities, roomFor, tellOpen } from './ports.js';
import { Programming } from './programming.js';
import type { LiveSystem } from './system.js';
import { Turns } from './turns.js';
import { Undo } from './undo.js';

/** What is said on the command line and not in the fabric. */
export interface MuxSettings {
  readonly ports: readonly PortSpec[];
  /** Data plane threads. */
  readonly queueCount: number;
  /** `undefined`: nothing is announced. */
  readonly bgp: { readonly port?: number } | undefined;
  /** How long packets go on after routes have been withdrawn. */
  readonly drainMs: number;
}

interface Parts {
  readonly attachments: readonly PortAttachment[];
  readonly planes: DataPlanes;
  readonly programming: Programming<MuxProgram>;
  readonly turns: Turns;
  readonly undo: Undo;
}

/** A MUX, forwarding. */
export class MuxRole {
  readonly #system: LiveSystem;
  readonly #settings: MuxSettings;
  readonly #tell: (record: EventRecord) => void;
  readonly #parts: Parts;
  readonly #stalled = new Set<number>();
  #announcer: Announcer | undefined;
  #speaker: MuxSpeaker | undefined;
  #fail: (error: unknown) => void = () => {};
  #end = () => {};

  /** Resolved when every port has come to the end of its capture, rejected when a part of the MUX has died. */
  readonly ended = new Promise<void>((resolve, reject) => {
    this.#end = resolve;
    this.#fail = reject;
  });

  /**
   * Attaches to the ports, programs the data planes, takes packets from the kernel, and announces: in this order.
   *
   * @throws EdgemuxError `ERR_PORT`, `ERR_SOCKET`, `ERR_UNSUPPORTED`, `ERR_CAPACITY`; nothing is left then
   */
  static async start(
    initial: LiveMux,
    settings: MuxSettings,
    system: LiveSystem,
    tell: (record: EventRecord) => void,
  ): Promise<MuxRole> {
    const undo = new Undo();
    try {
      return await MuxRole.#start(initial, settings, system, tell, undo);
    } catch (error) {
      await undo.run().catch(() => {});
      throw error;
    }
  }

  static async #start(
    { program, speaker }: LiveMux,
    settings: MuxSettings,
    system: LiveSystem,
    tell: (record: EventRecord) => void,
    undo: Undo,
  ): Promise<MuxRole> {
    const { ports, queueCount } = settings;
    checkMixture(ports);
    if (settings.bgp && speaker) requireSpeakable(speaker.options.peers);
    const attachments = await attachUnderlay(system, ports, program, queueCount, undo);
    const nextHops = await system.openNextHops();
    undo.add(() => nextHops.close());
    const planes = await DataPlanes.start(system, 'mux', queueCount, {
      ...roomFor(capacitiesFor(program)),
      ...portCapacities(attachments, [], queueCount),
    });
    undo.add(() => planes.stop());
    const turns = new Turns();
    const tunnels = attachments.find((attachment) => attachment.interface?.macAddress !== undefined);
    const programming = await Programming.start(
      { planes, nextHops, interface: tunnels?.interface, turns, tell, changed() {} },
      program,
    );
    undo.add(() => programming.end());
    const role = new MuxRole(settings, system, tell, { attachments, planes, programming, turns, undo });
    undo.add(() => role.#announcer?.stop('edgemux failed').catch(() => {}));
    role.#watch();
    // What a port has at once, a capture, finds the MUX programmed.
    if (attachments.length > 1 && tunnels) await planes.route({ tunnels: tunnels.name });
    for (const attachment of attachments) await planes.openPort(attachment);
    await role.#begin(speaker);
    return role;
  }

  private constructor(settings: MuxSettings, system: LiveSystem, tell: (record: EventRecord) => void, parts: Parts) {
    this.#settings = settings;
    this.#system = system;
    this.#tell = tell;
    this.#parts = parts;
    this.ended.catch(() => {});
  }

  #watch(): void {
    const { planes } = this.#parts;
    planes.ended.catch(this.#fail);
    planes.watch({
      stalled: (thread) => this.#setStalled(thread, true),
      recovered: (thread) => this.#setStalled(thread, false),
      lost: (_, error) => this.#fail(error),
      end: () => this.#end(),
    });
  }

  async #begin(speaker: MuxSpeaker | undefined): Promise<void> {
    const { attachments, planes, programming } = this.#parts;
    // Before packets are taken: a speaker that cannot start leaves them with the kernel.
    await this.#speakAs(speaker);
    this.#select(programming.current.vips);
    for (const attachment of attachments) tellOpen(attachment, this.#tell);
    const idleCount = planes.count - Math.max(...attachments.map(({ plans }) => plans.length));
    if (idleCount > 0) {
      this.#tell({ event: 'note', text: `no port has so many queues: ${counted(idleCount, 'thread')} without work` });
    }
    this.#announce();
    this.#tell({
      event: 'start',
      mux: programming.current.id,
      digest: programming.current.digest,
      vips: programming.current.vips.length,
      queues: planes.count,
      ...(this.#speaker && { routers: this.#speaker.options.peers.map(({ address }) => address) }),
    });
  }

  /** The program in force. */
  get program(): MuxProgram {
    return this.#parts.programming.current;
  }

  get planes(): DataPlanes {
    return this.#parts.planes;
  }

  /** `undefined` where nothing is announced. */
  get announcer(): Announcer | undefined {
    return this.#announcer;
  }

  /**
   * Has the MUX be another one, without losing a connection: what is new is programmed before it is announced, what has
   * gone is withdrawn before it is forgotten.
   *
   * @param why who asked for it
   * @throws EdgemuxError (as a rejection) what programming throws; the MUX is as it was then
   */
  reload(why: string, { program, speaker }: LiveMux): Promise<void> {
    const { turns, programming } = this.#parts;
    return turns.take(async () => {
      if (this.#settings.bgp && speaker) requireSpeakable(speaker.options.peers);
      const before = programming.current.vips;
      const rebound = needsRestart(this.#settings.ports, programming.current, program);
      const next = new Set(program.vips);
      const kept = before.filter((vip) => next.has(vip));
      if (kept.length < before.length) {
        await this.#withdrawAllBut(speaker);
        this.#select(kept);
      }
      try {
        await programming.program(program);
      } finally {
        // Also after a failure: then all that was announced is again.
        this.#select(programming.current.vips);
        if (programming.current !== program) this.#announce();
      }
      const changed = this.#speaker && speaker ? differencesOf(this.#speaker, speaker) : [];
      await this.#speakAs(speaker);
      this.#announce();
      this.#tell({
        event: 'reload',
        why,
        digest: program.digest,
        vips: program.vips.length,
        added: program.vips.length - kept.length,
        removed: before.length - kept.length,
        needsRestart: [...changed, ...rebound],
      });
    });
  }

  /** Withdraws, goes on forwarding what is on its way, and gives everything back. */
  async drain(text: string): Promise<void> {
    const { turns, undo, attachments } = this.#parts;
    await turns.take(async () => {
      await this.#announcer?.stop(text);
      await passed(this.#settings.drainMs);
      for (const attachment of attachments) attachment.select(SELECT_NOTHING);
      await undo.run();
    });
    this.#tell({ event: 'stop', how: 'drain' });
  }

  /** Withdraws and gives everything back, as fast as it goes: a part of the MUX has died. */
  async abandon(text: string): Promise<void> {
    await this.#announcer?.stop(text).catch(() => {});
    await this.#parts.undo.run().catch(() => {});
  }

  /** Announces no more what the next speaker does not either, and lets what is on its way come. */
  async #withdrawAllBut(next: MuxSpeaker | undefined): Promise<void> {
    if (!this.#announcer || !this.#speaker) return;
    const prefixes = new Set(next?.routes.map(({ prefix }) => prefix));
    this.#announcer.announce(this.#speaker.routes.filter(({ prefix }) => prefixes.has(prefix)));
    await passed(this.#settings.drainMs);
  }

  #select(vips: readonly string[]): void {
    for (const attachment of this.#parts.attachments) attachment.select({ ...SELECT_NOTHING, destinations: vips });
  }

  #announce(): void {
    const routes: readonly Route[] = this.#speaker?.routes ?? [];
    this.#announcer?.announce(routes);
  }

  /** Has a speaker with these routers, or none; what it announces is another matter. */
  async #speakAs(speaker: MuxSpeaker | undefined): Promise<void> {
    const { bgp } = this.#settings;
    const wanted = bgp && speaker;
    if (wanted && this.#announcer) await this.#announcer.setPeers(wanted.options.peers);
    else if (wanted) {
      this.#announcer = await Announcer.start(this.#system, wanted, bgp.port, this.#tell);
      this.#announcer.ended.catch(this.#fail);
    } else {
      await this.#announcer?.stop('no routers any more');
      this.#announcer = undefined;
    }
    this.#speaker = wanted;
  }

  #setStalled(thread: number, isStalled: boolean): void {
    this.#tell({ event: isStalled ? 'stalled' : 'recovered', thread });
    if (isStalled) this.#stalled.add(thread);
    else this.#stalled.delete(thread);
    if (this.#stalled.size > 0) this.#announcer?.hold('a data plane thread does not answer');
    else this.#announcer?.release('a data plane thread does not answer');
  }
}

/** What a speaker keeps as long as it runs. */
function differencesOf(before: MuxSpeaker, next: MuxSpeaker): string[] {
  return (['as', 'routerId', 'addresses'] as const).filter(
    (key) => JSON.stringify(before.options[key]) !== JSON.stringify(next.options[key]),
  );
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
