/**
 * A pipeline that is compared with its model.
 */

import type { HostProgram, MuxProgram } from '../../sdk/program/types.js';
import type { Opponents } from './duel.js';
import { BATCH_FRAME_COUNT_MAX, FRAME_BYTES_MAX } from './random-steps.js';

export interface Pipeline {
  /** The program that random packets are for. */
  readonly program: MuxProgram | HostProgram;
  /** A model and a data plane that know nothing yet but this program. */
  readonly begin: () => Promise<Opponents>;
}

/** Room that no run fills: a bounded table may forget what the unbounded model remembers. */
export const ROOM = {
  frameBytesMax: FRAME_BYTES_MAX,
  batchFrameCountMax: BATCH_FRAME_COUNT_MAX,
  flowCountMax: 262_144,
};
