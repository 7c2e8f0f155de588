#!/usr/bin/env node
/** The `edgemux` command. */
import { run } from './run.js';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough (`edgemux … | head`) is no failure.
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`error: cannot write standard output: ${error.message}\n`);
  process.exit(1);
});

process.exitCode = await run(process.argv.slice(2));
