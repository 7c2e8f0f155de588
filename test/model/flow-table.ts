/**
 * The connections a MUX remembers, and how far each has come. The table is a Map and forgets nothing on its own, so what
 * only decides what a bounded table evicts (evidence, trust, quotas) is not kept.
 *
 *   half-open ──any other packet──► open ──FIN──► closing     any state ──RST──► reset
 *   closing, reset ──SYN to the same backend──► half-open     reset ──any other packet──► open
 */

import type { Backend, Service } from '../../sdk/program/types.js';
import { idleTicksOf } from './clock.js';
import type { FiveTuple } from './flow-hash.js';
import type { Signals } from './transport.js';

const HALF_OPEN_IDLE_TICKS = 30;
const CLOSING_IDLE_TICKS = 60;
const RESET_IDLE_TICKS = 4;

type FlowState = 'half-open' | 'open' | 'closing' | 'reset';

interface Flow {
  readonly service: string;
  backend: Backend;
  state: FlowState;
  tick: number;
}

export class FlowTable {
  readonly #flows = new Map<string, Flow>();

  /**
   * The backend for a packet of this connection, which is remembered. `owner` is who the ring would choose, `undefined`
   * for an empty ring.
   */
  choose(
    service: Service,
    tuple: FiveTuple,
    signals: Signals,
    owner: Backend | undefined,
    tick: number,
  ): Backend | undefined {
    const key = keyOf(service, tuple);
    const flow = this.#live(service, key, tick);
    if (signals.opens) {
      if (owner === undefined) return undefined;
      const goesOn = flow !== undefined && flow.backend.key === owner.key && isOpening(flow);
      const state = goesOn ? flow.state : 'half-open';
      this.#flows.set(key, { service: service.key, backend: owner, state, tick });
      return owner;
    }
    if (flow !== undefined) {
      flow.state = nextState(flow.state, signals);
      flow.tick = tick;
      return flow.backend;
    }
    if (owner !== undefined && !signals.resets) {
      const state = signals.finishes ? 'closing' : 'open';
      this.#flows.set(key, { service: service.key, backend: owner, state, tick });
    }
    return owner;
  }

  /** The backend of a live connection, which is left as it is. */
  peek(service: Service, tuple: FiveTuple, tick: number): Backend | undefined {
    return this.#live(service, keyOf(service, tuple), tick)?.backend;
  }

  /**
   * Keeps the connections whose backend may still serve them.
   *
   * @param successor the backend as it is now, `undefined` when it serves the service no longer
   */
  keep(successor: (service: string, backend: Backend) => Backend | undefined): void {
    for (const [key, flow] of this.#flows) {
      const backend = successor(flow.service, flow.backend);
      if (backend === undefined) {
        this.#flows.delete(key);
      } else {
        flow.backend = backend;
      }
    }
  }

  #live(service: Service, key: string, tick: number): Flow | undefined {
    const flow = this.#flows.get(key);
    return flow !== undefined && tick - flow.tick <= idleTicks(flow.state, service) ? flow : undefined;
  }
}

function keyOf(service: Service, { source, sourcePort, destination, destinationPort, protocol }: FiveTuple): string {
  return JSON.stringify([service.key, source, sourcePort, destination, destinationPort, protocol]);
}

/** A SYN again leaves a connection as it is unless that one was about to end. */
function isOpening({ state }: Flow): boolean {
  return state === 'half-open' || state === 'open';
}

function nextState(state: FlowState, { resets, finishes }: Signals): FlowState {
  if (resets) return 'reset';
  if (finishes || state === 'closing') return 'closing';
  return 'open';
}

function idleTicks(state: FlowState, { idleTimeoutMs }: Service): number {
  const ofRule = idleTicksOf(idleTimeoutMs);
  switch (state) {
    case 'half-open':
      return Math.min(ofRule, HALF_OPEN_IDLE_TICKS);
    case 'closing':
      return Math.min(ofRule, CLOSING_IDLE_TICKS);
    case 'reset':
      return RESET_IDLE_TICKS;
    case 'open':
      return ofRule;
  }
}
