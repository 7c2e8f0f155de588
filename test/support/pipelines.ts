/**
 * All pipelines that are compared with their models.
 */

import { hostPipelines } from './host-pipelines.js';
import { muxPipelines } from './mux-pipelines.js';
import type { Pipeline } from './pipeline.js';

/** By name, as tests and `npm run fuzz` print it. */
export const pipelines = { ...muxPipelines, ...hostPipelines } as const satisfies Record<string, Pipeline>;

export type PipelineName = keyof typeof pipelines;
