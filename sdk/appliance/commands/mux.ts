/** `edgemux mux`: a MUX that carries real traffic. */
import { Command } from 'commander';
import { sessionTable } from '../bgp/session-table.js';
import { readFabricFile } from '../files.js';
import { sessionsOf } from '../live/announcer.js';
import { liveMuxOf } from '../live/live-mux.js';
import { MuxRole } from '../live/mux-role.js';
import { portTable } from '../live/port-table.js';
import { runRole, tellingErrors } from '../live/run-role.js';
import { thisMachine } from '../live/this-machine.js';
import { counted, wholeNumber } from '../output.js';
import { checkNames, DENO_HELP, type LiveOptions, PORTS_HELP, withLiveOptions } from './live.js';

interface MuxOptions extends LiveOptions {
  readonly mux: string;
  readonly queues: number;
  readonly bgp: boolean;
  readonly bgpPort?: number;
}

const QUEUE_COUNT_MAX = 64;

export function muxCommand(): Command {
  const command = new Command('mux')
    .description('Run a MUX: take packets to its VIPs from the network, tunnel them to the hosts, announce the VIPs.')
    .argument('<fabric>', 'fabric file, or - for standard input')
    .requiredOption('--mux <id>', 'resourceId of a load balancer MUX')
    .option('--queues <count>', 'data plane threads, one for each queue of a port', wholeNumber(1, QUEUE_COUNT_MAX), 1)
    .option('--no-bgp', 'announce nothing')
    .option('--bgp-port <port>', 'TCP port to listen on for routers, by default 179', wholeNumber(0, 65_535));
  return withLiveOptions(command)
    .addHelpText(
      'after',
      `${PORTS_HELP}

Signals:
  SIGTERM, SIGINT  withdraw the routes, forward for --drain seconds, exit code 0; the second one ends it at once
  SIGHUP           read the fabric again, as when the file changes; a broken one changes nothing
${DENO_HELP}`,
    )
    .action((path: string, options: MuxOptions) => tellingErrors(options.json ?? false, () => mux(path, options)));
}

async function mux(path: string, options: MuxOptions): Promise<void> {
  checkNames(options.port);
  const { mux: id, queues, bgp, bgpPort, drain, stats, json } = options;
  const initial = liveMuxOf(await readFabricFile(path), id);
  const settings = {
    ports: options.port,
    queueCount: queues,
    bgp: bgp ? { ...(bgpPort !== undefined && { port: bgpPort }) } : undefined,
    drainMs: drain * 1000,
  };
  await runRole({
    path,
    reading: 'mux',
    id,
    isJson: json ?? false,
    statsMs: stats * 1000,
    start: (tell) => MuxRole.start(initial, settings, thisMachine, tell),
    table: screen,
  });
}

function screen({ program, planes, announcer }: MuxRole, columnCount: number): string[] {
  const title = `${program.id}  ${counted(program.vips.length, 'VIP')}  program ${program.digest.slice(0, 12)}`;
  const sessions = announcer ? ['', ...sessionTable(sessionsOf(announcer), columnCount)] : [];
  return [title.slice(0, columnCount), '', ...portTable(planes.totals(), columnCount), ...sessions];
}
