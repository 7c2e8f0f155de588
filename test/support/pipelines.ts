/**
 * The pipelines that are compared with their models: the programs each lives through, and how both sides begin.
 */

import { HostAgent, Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import type { HostProgram, MuxProgram } from '../../sdk/program/types.js';
import { HostModel } from '../model/host-model.js';
import { MuxModel } from '../model/mux-model.js';
import type { Opponents } from './duel.js';
import { dualStackMuxProgram, HOST_C, nvgreMuxProgram } from './mux-programs.js';
import {
  allOnOneHost,
  overOtherUnderlay,
  withDrainedMember,
  withLeasesMoved,
  withNewAddress,
  withOtherNetwork,
  withoutFirstService,
  withoutFirstTranslation,
  withoutInstances,
  withoutLastBackend,
  withoutLastNic,
  withoutMember,
} from './program-changes.js';
import { HOST_A, HOST_B, hostProgram } from './programs.js';
import { BATCH_FRAME_COUNT_MAX, FRAME_BYTES_MAX } from './random-steps.js';

export interface Pipeline {
  /** The program that random packets are for. */
  readonly program: MuxProgram | HostProgram;
  /** A model and a data plane that know nothing yet but this program. */
  readonly begin: () => Promise<Opponents>;
}

/** Room that no run fills: a bounded table may forget what the unbounded model remembers. */
const ROOM = { frameBytesMax: FRAME_BYTES_MAX, batchFrameCountMax: BATCH_FRAME_COUNT_MAX, flowCountMax: 262_144 };

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

function hostPipeline(program: HostProgram): Pipeline {
  const programs = [program, withoutFirstTranslation(program), withoutLastNic(program)];
  return {
    program,
    async begin() {
      const model = new HostModel(program);
      const dataPlane = await HostAgent.load(muxModule, ROOM);
      dataPlane.apply(program);
      return {
        model: {
          process: ({ frame, link, port }, nowMs) => model.process(frame, link, port, nowMs),
          endOfBatch: () => [],
        },
        dataPlane,
        change(number) {
          const next = programs[number % programs.length]!;
          model.program(next);
          dataPlane.apply(next);
        },
      };
    },
  };
}

/** By name, as tests and `npm run fuzz` print it. */
export const pipelines = {
  'MUX, VXLAN': muxPipeline(dualStackMuxProgram),
  'MUX, NVGRE': muxPipeline(nvgreMuxProgram),
  'host agent': hostPipeline(hostProgram),
} as const satisfies Record<string, Pipeline>;

export type PipelineName = keyof typeof pipelines;
