/**
 * How a question about a frame is answered when the frame goes no further.
 */

/** The frame is not ours, or it is thrown away. */
export interface Ending {
  readonly verdict: 'pass' | 'drop';
  readonly reason?: string;
}

export const PASS: Ending = { verdict: 'pass' };

export function drop(reason: string): Ending {
  return { verdict: 'drop', reason };
}

/** Whether a question was answered by an ending: what it asked for has no verdict. */
export function isEnding(answer: object): answer is Ending {
  return 'verdict' in answer;
}
