/** The thread of `reread`: reads one fabric, answers, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { readFabricFile } from '../files.js';
import { errorRecord } from './events.js';
import type { RereadAnswer, RereadRequest } from './reread.js';
import { speakerOfMux } from './speaker-of-mux.js';

const { path, mux } = workerData as RereadRequest;

async function answer(): Promise<RereadAnswer> {
  try {
    return { speaker: speakerOfMux(await readFabricFile(path), mux) };
  } catch (error) {
    return { error: errorRecord(error) };
  }
}

parentPort?.postMessage(await answer());
