/** edgemux as the MUX: the `bgp` command in the namespace of its MUX. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '../../../sdk/appliance/lab/wait.js';
import { CLI } from '../../appliance/cli.js';
import { fabricOf } from './fabric.js';
import type { Lab } from './lab.js';
import type { LabProcess } from './lab-process.js';
import type { Mux, MuxEvent, MuxPeer } from './mux.js';
import type { MuxPlace } from './topology.js';

const START_MS_MAX = 20_000;
/** Thousands of VIPs take seconds to compile, more where others want the same cores. */
const RELOAD_MS_MAX = 60_000;

/** A MUX that is `edgemux bgp`; it does not run yet. */
export function edgemuxMux(lab: Lab, place: MuxPlace, peer: MuxPeer): Mux {
  return new EdgemuxMux(lab, place, peer);
}

class EdgemuxMux implements Mux {
  readonly #lab: Lab;
  readonly #peer: MuxPeer;
  readonly #fabric: string;
  #events: MuxEvent[] = [];
  #process: LabProcess | undefined;

  constructor(
    lab: Lab,
    readonly place: MuxPlace,
    peer: MuxPeer,
  ) {
    this.#lab = lab;
    this.#peer = peer;
    this.#fabric = join(lab.folder, `mux-${place.number}.fabric.json`);
  }

  get events(): readonly MuxEvent[] {
    return this.#events;
  }

  async start(vips: readonly string[], isRestarting = false): Promise<void> {
    await this.writeVips(vips);
    this.#events = [];
    const { namespace, number } = this.place;
    const { restartTimeSeconds } = this.#peer;
    const command = [process.execPath, CLI, 'bgp', this.#fabric, '--mux', `mux-${number}`, '--json'];
    if (restartTimeSeconds !== undefined) command.push('--graceful-restart', String(restartTimeSeconds));
    if (isRestarting) command.push('--restarting');
    this.#process = this.#lab.spawn(namespace, `mux-${number}`, command);
    this.#process.onLine = (line) => this.#events.push(JSON.parse(line));
    await waitFor('edgemux bgp to start', () => this.#events.some(({ event }) => event === 'start'), START_MS_MAX);
  }

  async setVips(vips: readonly string[]): Promise<number> {
    const seenCount = this.#events.length;
    await this.writeVips(vips);
    const isRead = ({ event, routes }: MuxEvent): boolean => event === 'reload' && routes === vips.length;
    const { time } = await waitFor('a reload', () => this.#events.slice(seenCount).find(isRead), RELOAD_MS_MAX, 10);
    return Date.parse(String(time));
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  async ended(): Promise<number | null> {
    return (await this.#process?.ended)?.code ?? null;
  }

  /** Whoever reads the file meanwhile sees the old one or the new one. */
  async writeVips(vips: readonly string[]): Promise<void> {
    const next = `${this.#fabric}.next`;
    await writeFile(next, JSON.stringify(fabricOf(this.place, this.#peer, vips)));
    await rename(next, this.#fabric);
  }
}
