/** What the commands that go on make of a fabric, by name: a thread of its own may be asked for it. Pure, all of them. */

import { compile } from '../../program/index.js';
import type { Fabric } from '../../resources/index.js';
import { speakerOfMux } from '../bgp/speaker-of-mux.js';
import { liveMuxOf } from '../live/live-mux.js';

/** Each of a fabric and the resourceId of a MUX or a server, in any case. */
export const READINGS = {
  speaker: speakerOfMux,
  mux: liveMuxOf,
  host: (fabric: Fabric, id: string) => compile(fabric).forHost(id),
};

/** The name of one. */
export type Reading = keyof typeof READINGS;

/** What comes of one. */
export type Read<R extends Reading> = ReturnType<(typeof READINGS)[R]>;
