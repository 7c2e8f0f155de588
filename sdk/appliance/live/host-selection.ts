/** Which frames a host agent takes from the kernel. Pure. */
import type { HostProgram } from '../../program/index.js';
import type { FrameSelection } from '../../runtime/packet-port.js';
import { providerAddressesOf } from './ports.js';

/** On the provider network: tunnels to the host, and redirects. */
export function underlaySelection(program: HostProgram): FrameSelection {
  return { destinations: [], tunnelEnds: providerAddressesOf(program), sources: [], local: [] };
}

/**
 * From VMs: what they answer and reach out with.
 *
 * @param nic key of the NIC behind the port; `undefined` for those of all VMs
 * @param local addresses of this machine: what VMs say to it is for the kernel
 */
export function vmSelection(program: HostProgram, nic: string | undefined, local: readonly string[]): FrameSelection {
  const isOf = (index: number) => nic === undefined || program.nics[index].key === nic;
  const sources = new Set<string>();
  for (const translation of program.translations) {
    // With floating IP the VM has the VIP itself, and answers from it.
    if (isOf(translation.nic)) sources.add(translation.floatingIp ? translation.vip : translation.dip);
  }
  for (const rule of program.snatRules ?? []) if (isOf(rule.nic)) sources.add(rule.dip);
  return { destinations: [], tunnelEnds: [], sources: [...sources], local };
}

/** The key of a NIC of the program, by its resourceId in any case; `undefined` when the host has none. */
export function nicKeyOf({ nics }: HostProgram, resourceId: string): string | undefined {
  const wanted = `/networkinterfaces/${resourceId.toLowerCase()}`;
  return nics.find(({ key }) => key.toLowerCase() === wanted)?.key;
}
