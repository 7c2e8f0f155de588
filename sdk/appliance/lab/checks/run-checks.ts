/** Makes all checks of a lab, one after the other. */
import type { Lab } from '../lab.js';
import { chaosChecks } from './chaos.js';
import type { Check, CheckedRow } from './check.js';
import { DirectReturnWatch } from './direct-return.js';
import { type Amounts, trafficChecks } from './traffic.js';

/** How checks are made. */
export interface CheckOptions {
  /** Less of everything, and fewer events. */
  readonly isShort?: boolean;
  /** Only checks whose name has this in it. */
  readonly only?: string;
  /** Called with each row as soon as it is there. */
  readonly tell?: (row: CheckedRow) => void;
  readonly signal?: AbortSignal;
}

const AMOUNTS: Amounts = { requestCount: 400, transferBytes: 50_000_000, datagramCount: 200 };
const AMOUNTS_SHORT: Amounts = { requestCount: 100, transferBytes: 50_000_000, datagramCount: 100 };

/** All rows; a check that throws has failed, and the next one is made. */
export async function runChecks(lab: Lab, options: CheckOptions = {}): Promise<readonly CheckedRow[]> {
  const { isShort = false, only = '', tell = () => {}, signal } = options;
  const watch = await DirectReturnWatch.start(lab);
  const all: readonly Check[] = [
    ...trafficChecks(isShort ? AMOUNTS_SHORT : AMOUNTS),
    ...chaosChecks(isShort),
    { name: 'direct server return, all the time', run: () => watch.end() },
  ];
  const checks = all.filter(({ name }) => name.includes(only));
  const rows: CheckedRow[] = [];
  try {
    for (const { name, run } of checks) {
      signal?.throwIfAborted();
      const row: CheckedRow = { name, ...(await run(lab).catch(failed)) };
      rows.push(row);
      tell(row);
    }
    return rows;
  } finally {
    watch.abandon();
  }
}

function failed(error: unknown): Omit<CheckedRow, 'name'> {
  return { outcome: 'failed', text: error instanceof Error ? error.message : String(error) };
}
