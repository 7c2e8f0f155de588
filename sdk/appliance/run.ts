/**
 * From arguments to an exit code: 0 done, 1 failed, 2 called wrongly.
 *
 * With `--json`, standard output is one JSON value, also for a failure: `{ "error": { code, message, problems } }`.
 * There are exceptions: `check`, to which a fabric that is not sound is an answer, `{ "valid": false, … }`, and `bgp`, `mux`
 * and `host`, which print a line of JSON for each event, also for the one that ends them.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { EdgemuxError } from '../errors.js';
import { bgpCommand } from './commands/bgp.js';
import { checkCommand } from './commands/check.js';
import { compileCommand } from './commands/compile.js';
import { demoCommand } from './commands/demo.js';
import { explainCommand } from './commands/explain.js';
import { hostCommand } from './commands/host.js';
import { labCommand } from './commands/lab.js';
import { muxCommand } from './commands/mux.js';
import { replayCommand } from './commands/replay.js';
import { FileError } from './files.js';
import { LabError } from './lab/lab-error.js';
import { BrokenOff, Failed, printJson, UsageError } from './output.js';

const EXIT_DONE = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Runs the command line; everything it has to say is said on standard output and standard error. */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('edgemux')
    .description('An embeddable software load balancer: MUX and host agent in WebAssembly.')
    .version(packageVersion());
  const commands = [
    demoCommand(),
    checkCommand(),
    compileCommand(),
    explainCommand(),
    replayCommand(),
    bgpCommand(),
    labCommand(),
    muxCommand(),
    hostCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...program.commands.flatMap((one) => [one, ...one.commands])]) {
    command.exitOverride().showHelpAfterError('(add --help for what can be given)');
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return EXIT_DONE;
  } catch (error) {
    return report(error, args.includes('--json'));
  }
}

function report(error: unknown, asJson: boolean): number {
  if (error instanceof Failed) return EXIT_FAILED;
  if (error instanceof CommanderError) {
    // --help and --version end here too. What is wrong otherwise, Commander has said on standard error already.
    if (error.exitCode === 0) return EXIT_DONE;
    if (asJson) printError({ code: 'ERR_USAGE', message: error.message.replace(/^error: /, '') });
    return EXIT_USAGE;
  }
  if (error instanceof UsageError) {
    if (asJson) printError({ code: 'ERR_USAGE', message: error.message });
    else process.stderr.write(`error: ${error.message}\n`);
    return EXIT_USAGE;
  }
  const cause = error instanceof BrokenOff ? error.cause : error;
  if (!(cause instanceof EdgemuxError || cause instanceof FileError || cause instanceof LabError)) throw error;
  const { code, message, problems } = cause;
  if (asJson && cause === error) printError({ code, message: message.split('\n')[0], problems });
  else process.stderr.write(`error: ${message}\n`);
  return code === 'ERR_FLOW_SYNTAX' ? EXIT_USAGE : EXIT_FAILED;
}

function printError(error: object): void {
  printJson({ error });
}

function packageVersion(): string {
  const path = createRequire(import.meta.url).resolve('edgemux/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
