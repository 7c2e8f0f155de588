#!/usr/bin/env node
/** The `edgemux` command. */
import { run } from './run.js';

// A reader that has seen enough (`edgemux … | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await run(process.argv.slice(2));
