/** BIRD in the place of a MUX: what the tests can be tried with when edgemux itself is in doubt (EDGEMUX_BGP_MUX=bird). */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Lab } from './lab.js';
import type { LabProcess } from './lab-process.js';
import type { Mux, MuxEvent, MuxPeer } from './mux.js';
import { MUX_AS, type MuxPlace, ROUTER_AS } from './topology.js';

/** A MUX that is BIRD. */
export class StandIn implements Mux {
  readonly events: MuxEvent[] = [];
  readonly #lab: Lab;
  readonly #peer: MuxPeer;
  readonly #files: { readonly configuration: string; readonly control: string };
  #process: LabProcess | undefined;

  constructor(
    lab: Lab,
    readonly place: MuxPlace,
    peer: MuxPeer,
  ) {
    this.#lab = lab;
    this.#peer = peer;
    const path = join(lab.folder, `stand-in-${place.number}`);
    this.#files = { configuration: `${path}.conf`, control: `${path}.ctl` };
  }

  async start(vips: readonly string[], isRestarting = false): Promise<void> {
    await this.#configure(vips);
    const { configuration, control } = this.#files;
    const command = ['bird', '-f', '-c', configuration, '-s', control, ...(isRestarting ? ['-R'] : [])];
    this.#process = this.#lab.spawn(this.place.namespace, `stand-in-${this.place.number}`, command);
  }

  async setVips(vips: readonly string[]): Promise<void> {
    await this.#configure(vips);
    this.#process?.signal('SIGHUP');
  }

  signal(signal: NodeJS.Signals): void {
    if (signal !== 'SIGUSR2') this.#process?.signal(signal);
    else void this.#lab.run(this.place.namespace, 'birdc', ['-s', this.#files.control, 'graceful', 'restart']);
  }

  async ended(): Promise<number | null> {
    return (await this.#process?.ended)?.code ?? null;
  }

  async #configure(vips: readonly string[]): Promise<void> {
    const { place } = this;
    const peer = this.#peer;
    const isIpv4 = peer.transport === 'ipv4';
    const routes = (isOfFamily: (vip: string) => boolean, length: number): string =>
      vips
        .filter(isOfFamily)
        .map((vip) => `route ${vip}/${length} blackhole;`)
        .join(' ');
    const session = [
      isIpv4
        ? `local ${place.ipv4} as ${MUX_AS}; neighbor ${place.routerIpv4} as ${ROUTER_AS};`
        : `local ${place.ipv6} as ${MUX_AS}; neighbor ${place.routerIpv6} as ${ROUTER_AS};`,
      `hold time ${peer.holdTimeSeconds ?? 9}; startup hold time 9;`,
      peer.restartTimeSeconds
        ? `graceful restart on; graceful restart time ${peer.restartTimeSeconds};`
        : 'graceful restart off;',
      peer.isPassive && 'passive on;',
      peer.md5Key && `password "${peer.md5Key}";`,
      peer.hasTtlSecurity && 'ttl security on;',
      peer.hasBfd && 'bfd on;',
      `ipv4 { import none; export all; ${isIpv4 ? 'next hop self;' : 'extended next hop on; next hop self;'} };`,
      `ipv6 { import none; export all; ${isIpv4 ? `next hop address ${place.ipv6};` : 'next hop self;'} };`,
    ];
    await writeFile(
      this.#files.configuration,
      `router id ${place.ipv4}; log stderr all;
protocol device { scan time 1; }
protocol bfd { interface "uplink" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; }; }
protocol static vips4 { ipv4; ${routes((vip) => !vip.includes(':'), 32)} }
protocol static vips6 { ipv6; ${routes((vip) => vip.includes(':'), 128)} }
protocol bgp edge { connect delay time 1; connect retry time 1; error wait time 1, 2; ${session.filter(Boolean).join(' ')} }
`,
    );
  }
}
