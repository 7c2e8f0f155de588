/** Has the client of a lab, or a VM in its place, do a job. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { environment, runIn } from '../namespaces.js';
import { programPath } from '../package-files.js';
import type {
  Answers,
  EchoJob,
  Job,
  LoadJob,
  LoadSummary,
  RequestsJob,
  Transfer,
  TransferJob,
} from '../programs/jobs.js';

/** Does a job that ends by itself. */
export async function doJob(namespace: string, job: RequestsJob | EchoJob): Promise<Answers>;
export async function doJob(namespace: string, job: TransferJob): Promise<Transfer>;
export async function doJob(namespace: string, job: Job): Promise<unknown> {
  return JSON.parse(await runIn(namespace, process.execPath, [programPath('client'), JSON.stringify(job)]));
}

/** Starts a load; the function returned ends it and waits for its last answers. */
export function startLoad(namespace: string, job: LoadJob): () => Promise<LoadSummary> {
  const command = [process.execPath, programPath('client'), JSON.stringify(job)];
  const child = spawn('ip', ['netns', 'exec', namespace, ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment(),
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const closed = once(child, 'close');
  return async () => {
    child.kill('SIGTERM');
    await closed;
    return JSON.parse(said);
  };
}
