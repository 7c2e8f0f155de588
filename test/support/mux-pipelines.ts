/**
 * The MUXes that are compared with their models, and the programs each lives through.
 */

import { Mux } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import type { MuxProgram } from '../../sdk/program/types.js';
import { MuxModel } from '../model/mux-model.js';
import type { Opponents } from './duel.js';
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
  return { program, begin: () => begin(program, programs) };
}

async function begin(program: MuxProgram, programs: readonly MuxProgram[]): Promise<Opponents> {
  const model = new MuxModel(program, ROOM);
  const mux = await Mux.load(muxModule, ROOM);
  mux.program(program);
  return {
    model: {
      process: ({ frame, link }, nowMs) => model.process(frame, link, nowMs),
      endOfBatch: (nowMs) => model.endOfBatch(nowMs),
    },
    dataPlane: mux,
    change(number) {
      const next = programs[number % programs.length]!;
      model.program(next);
      mux.program(next);
    },
    takers: (index) => ({ service: mux.serviceOf(index)?.key, backend: mux.backendOf(index)?.key }),
    explain({ frame, link }, nowMs) {
      const { verdict, reason, service, backend } = mux.explain(frame, nowMs, link).fields;
      return { verdict, reason, service: service?.key, backend: backend?.key };
    },
    audit: () => differentCounters(model, mux),
  };
}

/** Every counter that a model without bounds has too. */
function differentCounters(model: MuxModel, mux: Mux): string | undefined {
  const { verdicts, dropped, fragments, tooBigTold } = mux.counters();
  const of = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .sort();
  const traffic = ({ key }: { key: string }, read: (key: string) => object) => [key, read(key)];
  const { services = [], backends = [] } = mux.current ?? {};
  const [wanted, got] = [
    {
      verdicts: of(model.counters.verdicts),
      dropped: of(model.counters.dropped),
      released: model.counters.releasedCount,
      told: model.counters.toldCount,
      services: services.map((service) => traffic(service, (key) => model.counters.traffic('service', key))),
      backends: backends.map((backend) => traffic(backend, (key) => model.counters.traffic('backend', key))),
    },
    {
      verdicts: of(verdicts),
      dropped: of(dropped),
      released: fragments.released,
      told: tooBigTold,
      services: services.map((service) => traffic(service, (key) => mux.serviceTraffic(key))),
      backends: backends.map((backend) => traffic(backend, (key) => mux.backendTraffic(key))),
    },
  ].map((counters) => JSON.stringify(counters));
  return wanted === got ? undefined : `counters\nmodel      ${wanted}\ndata plane ${got}`;
}

export const muxPipelines = {
  'MUX, VXLAN': muxPipeline(dualStackMuxProgram),
  'MUX, NVGRE': muxPipeline(nvgreMuxProgram),
} as const satisfies Record<string, Pipeline>;
