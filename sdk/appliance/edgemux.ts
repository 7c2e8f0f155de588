#!/usr/bin/env node
/** The `edgemux` command. */
import { run } from './run.js';
import { watchStandardOutput } from './standard-output.js';

watchStandardOutput();
process.exitCode = await run(process.argv.slice(2));
