/** Direct server return, watched for as long as the other checks go on: answers leave from the hosts and pass no MUX. */
import type { Lab } from '../lab.js';
import type { MachinePlace } from '../places.js';
import { countsText, type Finding, judged } from './check.js';
import { FROM_A_VIP, Sniffer } from './sniffer.js';

/** Watches the links of all MUXes and hosts; `DirectReturnWatch.start` begins it. */
export class DirectReturnWatch {
  private constructor(
    readonly lab: Lab,
    readonly machines: readonly MachinePlace[],
    readonly sniffers: readonly Sniffer[],
  ) {}

  static async start(lab: Lab): Promise<DirectReturnWatch> {
    const { router, muxes, hosts } = lab.places;
    const machines = [...muxes, ...hosts];
    const start = ({ port }: MachinePlace): Promise<Sniffer> => Sniffer.start(router.namespace, port, FROM_A_VIP);
    return new DirectReturnWatch(lab, machines, await Promise.all(machines.map(start)));
  }

  /** Ends it, and says whether it was as it must be. */
  async end(): Promise<Finding> {
    const counts = await Promise.all(this.sniffers.map((sniffer) => sniffer.end()));
    const byMachine = Object.fromEntries(this.machines.map(({ id }, i) => [id, counts[i] as number]));
    const { muxes, hosts } = this.lab.places;
    return judged(`packets from a VIP: ${countsText(byMachine)}`, byMachine, [
      [muxes.every(({ id }) => byMachine[id] === 0), 'none may cross a MUX'],
      [hosts.every(({ id }) => (byMachine[id] as number) > 0), 'every host has to send some'],
    ]);
  }

  /** Ends it, whatever it has seen. */
  abandon(): void {
    for (const sniffer of this.sniffers) sniffer.abandon();
  }
}
