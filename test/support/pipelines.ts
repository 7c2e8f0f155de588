/**
 * The pipelines that are compared with their models: the programs each lives through, and how both sides begin.
 */

import { Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import type { MuxProgram } from '../../sdk/program/types.js';
import { MuxModel } from '../model/mux-model.js';
import { hostPipelines } from './host-pipelines.js';
import { dualStackMuxProgram, HOST_C, nvgreMuxProgram } from './mux-programs.js';
import { type Pipeline, ROOM } from './pipeline.js';
import {
  allOnOneHost,
  overOtherUnderlay,
  withDrainedMember,
  withLeasesMoved,
  withNewAddress,
  withOtherNetwork,
  withoutFirstService,
  withoutInstances,
  withoutLastBackend,
  withoutMember,
} from './program-changes.js';
import { HOST_A, HOST_B } from './programs.js';

function muxPipeline(program: MuxProgram): Pipeline {
  const programs = [
    program,
    withDrainedMember(program, 1),
    withoutMember(program, 0),
    withOtherNetwork(program, 0, 7),
    allOnOneHost(program),
    withoutLastBackend(program),
    withLeasesMoved(program),
    withNewAddress(program),
    overOtherUnderlay(program, { [HOST_A]: 'fd00::21', [HOST_B]: 'fd00::22', [HOST_C]: '10.0.0.23' }),
    withoutFirstService(program),
    withOtherNetwork(program, 1400, 0),
    withoutInstances(program),
  ];
  return {
    program,
    async begin() {
      const model = new MuxModel(program, ROOM);
      const dataPlane = await Mux.load(muxModule, ROOM);
      dataPlane.program(program);
      return {
        model: {
          process: ({ frame, link }, nowMs) => model.process(frame, link, nowMs),
          endOfBatch: (nowMs) => model.endOfBatch(nowMs),
        },
        dataPlane,
        change(number) {
          const next = programs[number % programs.length]!;
          model.program(next);
          dataPlane.program(next);
        },
      };
    },
  };
}

export const muxPipelines = {
  'MUX, VXLAN': muxPipeline(dualStackMuxProgram),
  'MUX, NVGRE': muxPipeline(nvgreMuxProgram),
} as const satisfies Record<string, Pipeline>;

/** By name, as tests and `npm run fuzz` print it. */
export const pipelines = { ...muxPipelines, ...hostPipelines } as const satisfies Record<string, Pipeline>;

export type PipelineName = keyof typeof pipelines;
