/** A check of the lab: what it is called, what it does, what came of it. */
import type { Lab } from '../lab.js';

/** What came of a check. */
export interface Finding {
  readonly outcome: 'ok' | 'failed' | 'skipped';
  /** Figures in words, for the table; of a skipped check, why. */
  readonly text: string;
  /** The same for programs. */
  readonly figures?: unknown;
  /** Why the figures are what they are. */
  readonly explanation?: string;
}

/** One row of the table. */
export interface Check {
  readonly name: string;
  run(lab: Lab): Promise<Finding>;
}

/** A check that was made. */
export interface CheckedRow extends Finding {
  readonly name: string;
}

/** `ok`, or `failed` with everything that is not as it must be. */
export function judged(
  text: string,
  figures: unknown,
  expectations: readonly (readonly [isMet: boolean, otherwise: string])[],
  explanation?: string,
): Finding {
  const unmet = expectations.filter(([isMet]) => !isMet).map(([, otherwise]) => otherwise);
  return {
    outcome: unmet.length === 0 ? 'ok' : 'failed',
    text: [text, ...unmet.map((reason) => `BUT ${reason}`)].join('; '),
    figures,
    ...(explanation !== undefined && { explanation }),
  };
}

/** `vm-1 205, vm-2 195`. */
export function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.keys(counts)
    .sort()
    .map((word) => `${word} ${counts[word]}`)
    .join(', ');
}

/** Why requests failed, in brackets; nothing when none did. */
export function reasonsText(reasons: Readonly<Record<string, number>>): string {
  const text = Object.entries(reasons)
    .map(([reason, count]) => `${count} × ${reason}`)
    .join(', ');
  return text === '' ? '' : ` (${text})`;
}
