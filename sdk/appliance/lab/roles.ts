/** The commands that fill the places of a lab: a MUX in each of theirs, a host agent in each of theirs. */
import type { LabPlaces, MachinePlace } from './places.js';
import type { LabOptions } from './run-folder.js';

/** What a command depends on. */
export interface RoleSettings {
  readonly options: Pick<LabOptions, 'port' | 'dataPlane'>;
  /** Path of the fabric file. */
  readonly fabric: string;
}

/** Arguments of `edgemux` for a MUX of the lab. */
export function muxArguments({ id, uplink }: MachinePlace, { options, fabric }: RoleSettings): readonly string[] {
  if (options.dataPlane === 'kernel') return ['bgp', fabric, '--mux', id, '--json'];
  const port = options.port === 'tun' ? 'tun:mux0' : `${options.port}:${uplink}`;
  return ['mux', fabric, '--mux', id, '--port', port, '--json'];
}

/** Arguments of `edgemux` for a host agent of the lab. Every VM may come to every host, so every host waits for every VM. */
export function hostArguments(
  { id, uplink }: MachinePlace,
  { vms }: LabPlaces,
  { options: { port }, fabric }: RoleSettings,
): readonly string[] {
  // A device for bare packets has no VMs behind it: they stay behind their veth, and answers leave by the device.
  const underlay = port === 'tun' ? ['--port', 'udp', '--port', 'tun:host0'] : ['--port', `${port}:${uplink}`];
  const kind = port === 'tun' ? 'packet' : port;
  const local = vms.flatMap((vm) => ['--vm', `${vm.nicId}=${kind}:${vm.port}`]);
  return ['host', fabric, '--host', id, ...underlay, ...local, '--json'];
}
