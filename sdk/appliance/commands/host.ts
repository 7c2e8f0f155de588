/** `edgemux host`: a host agent that carries real traffic. */
import { Command, InvalidArgumentError } from 'commander';
import { compile } from '../../program/index.js';
import { readFabricFile } from '../files.js';
import { HostRole } from '../live/host-role.js';
import { portTable } from '../live/port-table.js';
import { runRole, tellingErrors } from '../live/run-role.js';
import { thisMachine } from '../live/this-machine.js';
import type { VmSpec } from '../live/vm-ports.js';
import { counted, UsageError } from '../output.js';
import { checkNames, DENO_HELP, type LiveOptions, PORTS_HELP, portOf, withLiveOptions } from './live.js';

interface HostOptions extends LiveOptions {
  readonly host: string;
  readonly vm?: readonly VmSpec[];
}

export function hostCommand(): Command {
  const command = new Command('host')
    .description('Run a host agent: hand tunnelled packets to the VMs, and their answers straight to the network.')
    .argument('<fabric>', 'fabric file, or - for standard input')
    .requiredOption('--host <id>', 'resourceId of a server')
    .option(
      '--vm <[nic=]port>',
      'packet port of a VM, with the resourceId of its network interface; may be given again',
      vms,
    );
  return withLiveOptions(command)
    .addHelpText(
      'after',
      `${PORTS_HELP}

VMs: --vm vm-1-nic=xdp:vm1. The port is opened when the interface is there, also when it goes and comes back. Without a
NIC there may be one only. What is for the host itself goes to its kernel by a device of ours, emx-pass0.

Signals:
  SIGTERM, SIGINT  forward for --drain seconds, exit code 0; the second one ends it at once
  SIGHUP           read the fabric again, as when the file changes; a broken one changes nothing
${DENO_HELP}`,
    )
    .action((path: string, options: HostOptions) => tellingErrors(options.json ?? false, () => host(path, options)));
}

async function host(path: string, options: HostOptions): Promise<void> {
  const { host: id, vm: specs = [], drain, stats, json } = options;
  checkNames([...options.port, ...specs.map(({ port }) => port)]);
  if (specs.length > 1 && specs.some(({ nic }) => nic === undefined)) {
    throw new UsageError('with several VMs each --vm says whose it is: --vm NIC=PORT');
  }
  const nics = specs.map(({ nic }) => nic?.toLowerCase());
  const twice = specs.find(({ nic }, at) => nics.indexOf(nic?.toLowerCase()) < at);
  if (twice) throw new UsageError(`--vm ${twice.nic} is there twice`);
  const initial = compile(await readFabricFile(path)).forHost(id);
  const settings = { ports: options.port, vms: specs, drainMs: drain * 1000 };
  await runRole({
    path,
    reading: 'host',
    id,
    isJson: json ?? false,
    statsMs: stats * 1000,
    start: (tell) => HostRole.start(initial, settings, thisMachine, tell),
    table: screen,
  });
}

/** A colon before the first `=` begins a port, as in `xdp:vm1,mode=generic`. */
const NIC_AND_PORT = /^(?:([^=:]*)=)?(.*)$/s;

function vms(text: string, before: readonly VmSpec[] = []): VmSpec[] {
  const [, nic, port = ''] = NIC_AND_PORT.exec(text) ?? [];
  if (nic === '') throw new InvalidArgumentError('expected NIC=PORT or PORT');
  return [...before, { nic, port: portOf(port) }];
}

function screen({ program, planes }: HostRole, columnCount: number): string[] {
  const title = `${program.id}  ${counted(program.nics.length, 'network interface')}  program ${program.digest.slice(0, 12)}`;
  return [title.slice(0, columnCount), '', ...portTable(planes.totals(), columnCount)];
}
