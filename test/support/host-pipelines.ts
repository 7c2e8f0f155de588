/**
 * The host agents that are compared with their models, and the programs each lives through.
 */

import { type Counters, HostAgent } from 'edgemux';
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
      const counted = new Counted();
      let resets: Outcome[] = [];
      return {
        hostModel,
        model: {
          // The tables are swept before the packets of a batch are looked at.
          beginOfBatch(nowMs, produced) {
            resets = hostModel.resetsLike(produced, nowMs);
          },
          process: ({ frame, link, port }, nowMs, got) =>
            counted.count(hostModel.process(frame, link, port, nowMs, got?.bytes)),
          endOfBatch: () => resets.map((reset) => counted.countReset(reset)),
        },
        dataPlane,
        change(number) {
          const next = programs[number % programs.length]!;
          hostModel.program(next);
          dataPlane.apply(next);
        },
        explain({ frame, link, port }, nowMs) {
          const { verdict, reason } = dataPlane.explain(frame, nowMs, { link, port }).fields;
          return { verdict, reason };
        },
        audit: () => counted.differenceTo(dataPlane.counters(), hostModel),
      };
    },
  };
}

/** What the model says, counted as a host agent counts. */
class Counted {
  readonly #verdicts = new Map<string, number>();
  readonly #dropped = new Map<string, number>();
  #resets = 0;

  count(outcome: Outcome): Outcome {
    const { verdict, reason } = outcome;
    this.#verdicts.set(verdict, (this.#verdicts.get(verdict) ?? 0) + 1);
    if (reason !== undefined) this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
    return outcome;
  }

  countReset(outcome: Outcome): Outcome {
    this.#resets++;
    return this.count(outcome);
  }

  differenceTo({ verdicts, dropped, natFlows, tcp, snat }: Counters, { begun }: HostModel): string | undefined {
    const sorted = (counts: Iterable<[string, number]>) => [...counts].filter(([, count]) => count > 0).sort();
    const [wanted, got] = [
      {
        ...{ verdicts: sorted(this.#verdicts), dropped: sorted(this.#dropped), resetsSent: this.#resets },
        ...{ flows: begun.all, leased: begun.outbound, exhausted: this.#dropped.get('snat-exhausted') ?? 0 },
      },
      {
        ...{ verdicts: sorted(Object.entries(verdicts)), dropped: sorted(Object.entries(dropped)) },
        ...{ resetsSent: tcp.resetsSent, flows: natFlows.inserts, leased: snat.allocated, exhausted: snat.exhausted },
      },
    ].map((counters) => JSON.stringify(counters));
    return wanted === got ? undefined : `counters\nmodel      ${wanted}\ndata plane ${got}`;
  }
}

export const hostPipelines = {
  'host agent, VXLAN': hostPipeline(fullHost),
  'host agent, NVGRE': hostPipeline(nvgreHost),
} as const satisfies Record<string, HostPipeline>;
