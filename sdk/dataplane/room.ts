/** Does a program fit the data plane it is for? What it needs is counted by MUX and host agent, each for its own tables. */
import { EdgemuxError, type Problem } from '../errors.js';
import type { Capacities } from './plan.js';

/** Numbers of things, by the capacity that limits them; a program may need none of some. */
export type Counts<Name extends keyof Capacities> = Readonly<Record<Name, number>>;

/** The capacities to load a data plane with for one program and no other: what it needs, and at least 1 of each. */
export function capacitiesOf(need: Partial<Capacities>): Partial<Capacities> {
  return Object.fromEntries(Object.entries(need).map(([name, count]) => [name, Math.max(count, 1)]));
}

/**
 * Refuses a program that needs more than there is.
 *
 * @param programId for the error
 * @param need what the program needs
 * @param room what there is
 * @throws EdgemuxError `ERR_CAPACITY` with every capacity that is too small
 */
export function checkRoom<Name extends keyof Capacities>(
  programId: string,
  need: Counts<Name>,
  room: Counts<Name>,
): void {
  const problems: Problem[] = (Object.entries(need) as [Name, number][])
    .filter(([name, count]) => count > room[name])
    .map(([name, count]) => ({
      path: name,
      expected: `at least ${count} for program ${programId}`,
      got: String(room[name]),
    }));
  if (problems.length > 0) {
    throw new EdgemuxError('ERR_CAPACITY', 'the data plane was loaded with too little room', problems);
  }
}
