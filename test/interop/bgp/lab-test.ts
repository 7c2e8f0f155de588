/** `test` with a laboratory that closes when the test is over, however it ends; and the figures the tests measure. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, test as plainTest } from 'vitest';
import { Lab } from './lab.js';

const LOG_LINES = 25;

/** A test with a laboratory of its own. When it fails, the ends of all logs in it are printed. */
export const test = plainTest.extend<{ lab: Lab }>({
  lab: async ({ onTestFailed }, use) => {
    const lab = await Lab.open();
    let logs = '';
    onTestFailed(() => console.log(logs));
    await use(lab);
    logs = endsOfLogs(lab.folder);
    await lab.close();
  },
});

function endsOfLogs(folder: string): string {
  const logs = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.log'));
  return logs
    .map(
      (name) =>
        `── ${name}\n${readFileSync(join(folder, name), 'utf8').trim().split('\n').slice(-LOG_LINES).join('\n')}`,
    )
    .join('\n');
}

const figures: string[] = [];

/** Keeps a figure for the table at the end of its file; `router` and `scenario` are its row. */
export function measured(router: string, scenario: string, figure: string): void {
  figures.push(`${router.padEnd(7)}${scenario.padEnd(58)}${figure}`);
}

/** Prints the figures of a file when it is over. */
export function printFiguresAtEnd(): void {
  afterAll(() => console.log(`\n${figures.join('\n')}\n`));
}
