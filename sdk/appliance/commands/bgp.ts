/** `edgemux bgp`: announces the VIPs of a MUX to its routers. */
import { Command } from 'commander';
import { EdgemuxError } from '../../errors.js';
import { nodeRuntime } from '../../runtime/node/index.js';
import { printPlan } from '../bgp/plan.js';
import { BgpService, RESTART_TIME_SECONDS_DEFAULT } from '../bgp/service.js';
import { sessionTable } from '../bgp/session-table.js';
import { type MuxSpeaker, speakerOfMux } from '../bgp/speaker-of-mux.js';
import { FileError, readFabricFile } from '../files.js';
import { Failed, wholeNumber } from '../output.js';
import { errorRecord } from '../service/events.js';
import { watchForChange } from '../service/file-watch.js';
import { lineReporter, type Reporter, tableReporter } from '../service/reporter.js';
import { reread } from '../service/reread.js';
import { obeySignals } from '../service/signals.js';
import { outliveStandardOutput } from '../standard-output.js';

interface BgpOptions {
  readonly mux: string;
  readonly port?: number;
  readonly gracefulRestart?: number;
  readonly restarting?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function bgpCommand(): Command {
  return new Command('bgp')
    .description('Announce every VIP of a MUX to its routers by BGP, until a signal ends it.')
    .argument('<fabric>', 'fabric file, or - for standard input')
    .requiredOption('--mux <id>', 'resourceId of a load balancer MUX')
    .option('--port <port>', 'TCP port to listen on, by default 179', wholeNumber(0, 65_535))
    .option(
      '--graceful-restart <seconds>',
      'ask the routers to go on for that long without a session (RFC 4724)',
      wholeNumber(1, 4095),
    )
    .option('--restarting', 'tell the routers that this is the restart they were asked to wait for')
    .option('--dry-run', 'print the routers and routes, and speak to nobody')
    .option('--json', 'print a line of JSON for each event: { time, event, … }; so it is where there is no terminal')
    .addHelpText(
      'after',
      `
Signals:
  SIGTERM, SIGINT  withdraw the routes, say goodbye, exit code 0
  SIGHUP           read the fabric again, as when the file changes; a broken one changes nothing
  SIGUSR2          planned restart: leave the routes with the routers, exit code 0; go on with --restarting
                   (the routers are asked first to wait ${RESTART_TIME_SECONDS_DEFAULT} seconds, unless --graceful-restart has asked them already)`,
    )
    .action(bgp);
}

async function bgp(path: string, options: BgpOptions): Promise<void> {
  try {
    const initial = await read(path, options);
    if (options.dryRun) printPlan(initial, options.json ?? false);
    else await speak(path, initial, options);
  } catch (error) {
    const isExpected = error instanceof EdgemuxError || error instanceof FileError;
    if (!options.json || !isExpected) throw error;
    lineReporter().tell(errorRecord(error));
    throw new Failed();
  }
}

async function read(path: string, { mux }: BgpOptions): Promise<MuxSpeaker> {
  return speakerOfMux(await readFabricFile(path), mux);
}

async function speak(path: string, initial: MuxSpeaker, options: BgpOptions): Promise<void> {
  outliveStandardOutput();
  const { port, gracefulRestart, restarting, json } = options;
  const isTable = process.stdout.isTTY && !json;
  let reporter: Reporter | undefined;
  const service = new BgpService(
    initial,
    {
      ...(port !== undefined && { port }),
      ...((gracefulRestart !== undefined || restarting) && {
        gracefulRestart: {
          restartTimeSeconds: gracefulRestart ?? RESTART_TIME_SECONDS_DEFAULT,
          isRestarting: restarting ?? false,
        },
      }),
    },
    nodeRuntime(),
    (record) => reporter?.tell(record),
  );
  reporter = isTable ? tableReporter((columnCount) => tableOf(service, initial, columnCount)) : lineReporter();
  try {
    await runUntilSignal(path, service, reporter, options);
  } finally {
    reporter.end();
  }
}

/** Starts the speaker and is done when a signal has ended it. */
async function runUntilSignal(
  path: string,
  service: BgpService,
  reporter: Reporter,
  options: BgpOptions,
): Promise<void> {
  const reload = (why: string) => void service.reload(why, () => reread({ path, reading: 'speaker', id: options.mux }));
  const ending = new AbortController();
  const started = service.start();
  let isRestarting = false;
  let release = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    release = obeySignals({
      drain(signal) {
        ending.abort();
        started.then(() => service.drain(`edgemux stopped by ${signal}`)).then(resolve, reject);
      },
      reload: () => reload('SIGHUP'),
      restart() {
        if (isRestarting) return;
        isRestarting = true;
        const failed = (error: unknown) => {
          isRestarting = false;
          if (!ending.signal.aborted) reporter.tell({ ...errorRecord(error), during: 'planned restart' });
        };
        started.then(() => service.restart(ending.signal)).then(resolve, failed);
      },
    });
  });
  const unwatch = path === '-' ? () => {} : watchForChange(path, () => reload('file changed'));
  try {
    // Both at once: what ends a speaker that could not start fails as it did.
    await Promise.all([started, ended]);
  } finally {
    unwatch();
    release();
  }
}

function tableOf(service: BgpService, { mux, options }: MuxSpeaker, columnCount: number): string[] {
  const title = `${mux}  AS ${options.as}  BGP Identifier ${options.routerId}`;
  return [title.slice(0, columnCount), '', ...sessionTable(service.status, columnCount)];
}
