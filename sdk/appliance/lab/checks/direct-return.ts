/** Direct server return, watched for as long as the other checks go on: answers leave from the hosts and pass no MUX. */
import type { Lab } from '../lab.js';
import { countsText, type Finding, judged } from './check.js';
import { FROM_A_VIP, Sniffer } from './sniffer.js';

/** Begins to watch the links of all MUXes and hosts; the function returned ends that. */
export async function watchDirectReturn(lab: Lab): Promise<() => Promise<Finding>> {
  const { router, muxes, hosts } = lab.places;
  const watch = (port: string): Promise<Sniffer> => Sniffer.start(router.namespace, port, FROM_A_VIP);
  const machines = [...muxes, ...hosts];
  const sniffers = await Promise.all(machines.map(({ port }) => watch(port)));
  return async () => {
    const counts = await Promise.all(sniffers.map((sniffer) => sniffer.end()));
    const byMachine = Object.fromEntries(machines.map(({ id }, i) => [id, counts[i] as number]));
    const all = (places: typeof muxes, isRight: (count: number) => boolean): boolean =>
      places.every(({ id }) => isRight(byMachine[id] as number));
    return judged(`packets from a VIP: ${countsText(byMachine)}`, byMachine, [
      [all(muxes, (count) => count === 0), 'none may cross a MUX'],
      [all(hosts, (count) => count > 0), 'every host has to send some'],
    ]);
  };
}
