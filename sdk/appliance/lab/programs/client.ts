/**
 * What asks in a lab: `node client.js JOB`, JOB as JSON; prints one line of JSON when it is done.
 *
 * | job | does |
 * |---|---|
 * | `requests` | GET /, a new connection each |
 * | `download` | GET /bytes/N, and compares |
 * | `upload` | POST of N bytes, and compares |
 * | `echo` | UDP, a port each |
 * | `load` | until SIGTERM: new connections at a fixed rate, and some that stay and ask again and again |
 */
import { runEcho, runRequests, runTransfer } from './client-jobs.js';
import { runLoad } from './client-load.js';
import type { Job } from './jobs.js';

const job = JSON.parse(process.argv[2] ?? '') as Job;
process.stdout.write(`${JSON.stringify(await run(job))}\n`, () => process.exit());

function run(job: Job): Promise<unknown> {
  switch (job.kind) {
    case 'requests':
      return runRequests(job);
    case 'download':
    case 'upload':
      return runTransfer(job);
    case 'echo':
      return runEcho(job);
    case 'load':
      return runLoad(job);
  }
}
