/** The thread of `reread`: reads one fabric, answers, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { readFabricFile } from '../files.js';
import { errorRecord } from './events.js';
import { READINGS, type Read, type Reading } from './readings.js';
import type { RereadAnswer, RereadRequest } from './reread.js';

const { path, reading, id } = workerData as RereadRequest;

async function answer(): Promise<RereadAnswer<Read<Reading>>> {
  try {
    return { value: READINGS[reading](await readFabricFile(path), id) };
  } catch (error) {
    return { error: errorRecord(error) };
  }
}

parentPort?.postMessage(await answer());
