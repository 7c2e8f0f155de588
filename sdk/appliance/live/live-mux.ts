/** From a fabric to everything one MUX is told. Pure. */
import { compile, type MuxProgram } from '../../program/index.js';
import type { Fabric } from '../../resources/index.js';
import { type MuxSpeaker, speakerFor } from '../bgp/speaker-of-mux.js';

/** What a MUX obeys and announces. */
export interface LiveMux {
  readonly program: MuxProgram;
  /** `undefined` for a MUX without routers. */
  readonly speaker: MuxSpeaker | undefined;
}

/**
 * What a MUX is told.
 *
 * @param id resourceId of the MUX, in any case
 * @throws EdgemuxError `ERR_UNKNOWN_ID`; what `compile` throws
 */
export function liveMuxOf(fabric: Fabric, id: string): LiveMux {
  const compiled = compile(fabric);
  const program = compiled.forMux(id);
  return { program, speaker: speakerFor(program, compiled, fabric) };
}
