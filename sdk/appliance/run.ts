/**
 * From arguments to an exit code: 0 done, 1 failed, 2 called wrongly.
 *
 * With `--json`, standard output is one JSON value, also for a failure: `{ "error": { code, message, problems } }`.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { EdgemuxError } from '../errors.js';
import { checkCommand } from './commands/check.js';
import { compileCommand } from './commands/compile.js';

import { demoCommand } from './commands/demo.js';
import { explainCommand } from './commands/explain.js';
import { replayCommand } from './commands/replay.js';
import { FileError } from './files.js';
import { Failed, UsageError } from './output.js';

const EXIT_DONE = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Runs the command line; everything it has to say is said on standard output and standard error. */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('edgemux')
    .description('An embeddable software load balancer: MUX and host agent in WebAssembly.')
    .version(packageVersion())
    .showHelpAfterError('(add --help for what can be given)');
  for (const command of [demoCommand(), checkCommand(), compileCommand(), explainCommand(), replayCommand()]) {
    program.addCommand(command);
  }
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync([...args], { from: 'user' });
    return EXIT_DONE;
  } catch (error) {
    return report(error, args.includes('--json'));
  }
}

function report(error: unknown, asJson: boolean): number {
  // Commander has said what is wrong already; --help and --version end here too, with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE;
  if (error instanceof Failed) return EXIT_FAILED;
  if (error instanceof UsageError) {
    process.stderr.write(`error: ${error.message}\n`);
    return EXIT_USAGE;
  }
  if (!(error instanceof EdgemuxError || error instanceof FileError)) throw error;
  if (asJson) {
    const { code, message, problems } = error;
    process.stdout.write(`${JSON.stringify({ error: { code, message: message.split('\n')[0], problems } })}\n`);
  } else {
    process.stderr.write(`error: ${error.message}\n`);
  }
  return error instanceof EdgemuxError && error.code === 'ERR_FLOW_SYNTAX' ? EXIT_USAGE : EXIT_FAILED;
}

function packageVersion(): string {
  const path = createRequire(import.meta.url).resolve('edgemux/package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
