/**
 * The host agents that are compared with their models, and the programs each lives through.
 */

import { HostAgent } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import type { HostProgram } from '../../sdk/program/types.js';
import { HostModel } from '../model/host-model.js';
import type { Opponents, Outcome } from './duel.js';
import { fullHost, nvgreHost } from './host-programs.js';
import { type Pipeline, ROOM } from './pipeline.js';
import {
  withOtherNetwork,
  withoutExemptions,
  withoutFirstLease,
  withoutFirstTranslation,
  withoutGateway,
  withoutLastNic,
  withoutSnat,
} from './program-changes.js';

/** With the model itself, for what only a host agent's model can be asked. */
interface HostOpponents extends Opponents {
  readonly hostModel: HostModel;
}

interface HostPipeline extends Pipeline {
  readonly begin: () => Promise<HostOpponents>;
}

function hostPipeline(program: HostProgram): HostPipeline {
  const programs = [
    program,
    withoutFirstLease(program),
    withOtherNetwork(program, 1400, 42),
    withoutFirstTranslation(program),
    program,
    withoutLastNic(program),
    withoutGateway(program),
    withoutExemptions(program),
    withoutSnat(program),
  ];
  return {
    program,
    async begin() {
      const hostModel = new HostModel(program);
      const dataPlane = await HostAgent.load(muxModule, ROOM);
      dataPlane.apply(program);
      let resets: Outcome[] = [];
      return {
        hostModel,
        model: {
          // The tables are swept before the packets of a batch are looked at.
          beginOfBatch(nowMs, produced) {
            resets = hostModel.resetsLike(produced, nowMs);
          },
          process: ({ frame, link, port }, nowMs, got) => hostModel.process(frame, link, port, nowMs, got?.bytes),
          endOfBatch: () => resets,
        },
        dataPlane,
        change(number) {
          const next = programs[number % programs.length]!;
          hostModel.program(next);
          dataPlane.apply(next);
        },
      };
    },
  };
}

export const hostPipelines = {
  'host agent, VXLAN': hostPipeline(fullHost),
  'host agent, NVGRE': hostPipeline(nvgreHost),
} as const satisfies Record<string, HostPipeline>;
