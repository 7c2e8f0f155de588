/** Who tells what a speaker does: lines of JSON for programs, a table that stays where it is for people. */
import { print } from '../output.js';
import { neverWaitFor } from '../terminal.js';
import { textLine } from './event-text.js';
import { type EventRecord, jsonLine } from './events.js';
import { Screen } from './screen.js';

/** Tells events as they come. */
export interface Reporter {
  tell(record: EventRecord): void;
  /** Leaves the output as it is to stay. */
  end(): void;
}

/** Each event as a line of JSON on standard output. */
export function lineReporter(): Reporter {
  return {
    tell: (record) => print(jsonLine(record, new Date())),
    end() {},
  };
}

const EVENTS_SHOWN = 6;
const REDRAW_AFTER_MS = 100;
const REDRAW_EVERY_MS = 1000;

/**
 * A table with the latest events below it, drawn again when something happens and once a second.
 *
 * @param table the lines of the table, cut to a number of characters
 */
export function tableReporter(table: (columnCount: number) => readonly string[]): Reporter {
  // Sessions live in this thread, and their routers do not wait for a terminal.
  neverWaitFor(process.stdout);
  const screen = new Screen(process.stdout);
  const latest: string[] = [];
  const draw = () => {
    const { columnCount } = screen;
    screen.draw([...table(columnCount), '', ...latest]);
  };
  let soon: NodeJS.Timeout | undefined;
  const always = setInterval(draw, REDRAW_EVERY_MS);
  return {
    tell(record) {
      latest.push(textLine(record, new Date(), screen.columnCount));
      if (latest.length > EVENTS_SHOWN) latest.shift();
      soon ??= setTimeout(() => {
        soon = undefined;
        draw();
      }, REDRAW_AFTER_MS);
    },
    end() {
      clearInterval(always);
      clearTimeout(soon);
      // What fails before anything has happened leaves no table above its error.
      if (latest.length > 0) draw();
      screen.end();
    },
  };
}
