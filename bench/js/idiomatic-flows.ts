/** The flow table of the idiomatic MUX: the states of assembly/table/flow-state.ts in Maps. */
import type { Tables } from '../tables.js';
import type { Backend, Service } from './idiomatic.js';

const TCP_FIN = 0x01;
const TCP_SYN = 0x02;
const TCP_RST = 0x04;
const TCP_ACK = 0x10;

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

type State = 'half-open' | 'seen-once' | 'seen-twice' | 'trusted' | 'closing' | 'reset';

/** Longest idle times of states that may not be idle for as long as their rule says. */
const IDLE_MS: Partial<Record<State, number>> = { 'half-open': 30_000, closing: 60_000, reset: 4_000 };

export interface Flow {
  readonly backend: Backend;
  readonly service: Service;
  state: State;
  seenMs: number;
}

export function opens(tcpFlags: number): boolean {
  return (tcpFlags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN;
}

export function isLive({ service, state, seenMs }: Flow, nowMs: number): boolean {
  return nowMs - seenMs <= Math.min(service.idleMs, IDLE_MS[state] ?? service.idleMs);
}

/**
 * Trusted flows in one Map, which nothing but their end takes them out of; the others in two: when the young one is full
 * it becomes the old one. (Deleting the oldest key of one Map per insertion makes V8 walk over the deleted ones.)
 */
export class FlowCache {
  readonly #trustedMax: number;
  readonly #untrustedMax: number;
  readonly #trusted = new Map<string, Flow>();
  #young = new Map<string, Flow>();
  #old = new Map<string, Flow>();
  #sweptMs = 0;

  constructor({ trustedFlowCountMax, untrustedFlowCountMax }: Tables) {
    this.#trustedMax = trustedFlowCountMax;
    this.#untrustedMax = untrustedFlowCountMax;
  }

  get(key: string): Flow | undefined {
    return this.#trusted.get(key) ?? this.#young.get(key) ?? this.#old.get(key);
  }

  /** A packet of a live flow that opens nothing. */
  follow(key: string, flow: Flow, tcpFlags: number, nowMs: number): void {
    const state = this.#next(flow, tcpFlags, nowMs);
    flow.seenMs = nowMs;
    if (state !== flow.state) this.#move(key, flow, state);
  }

  /** A packet the ring has found a backend for: a new connection, or one that starts over. */
  start(key: string, backend: Backend, service: Service, tcpFlags: number, nowMs: number): void {
    if (tcpFlags & TCP_RST) return;
    const flow = this.get(key);
    if (flow && opens(tcpFlags) && flow.backend === backend && isLive(flow, nowMs)) {
      flow.seenMs = nowMs;
      if (flow.state === 'closing' || flow.state === 'reset') flow.state = 'half-open';
      return;
    }
    const state = opens(tcpFlags) ? 'half-open' : tcpFlags & TCP_FIN ? 'closing' : 'seen-once';
    if (flow) this.#trusted.delete(key);
    this.#addUntrusted(key, { backend, service, state, seenMs: nowMs });
  }

  /** Once a minute: the trusted flows that have ended. */
  forgetDead(nowMs: number): void {
    if (nowMs - this.#sweptMs < MINUTE_MS) return;
    this.#sweptMs = nowMs;
    for (const [key, flow] of this.#trusted) if (!isLive(flow, nowMs)) this.#trusted.delete(key);
  }

  #next({ state, seenMs }: Flow, tcpFlags: number, nowMs: number): State {
    if (tcpFlags & TCP_RST) return 'reset';
    if (tcpFlags & TCP_FIN) return 'closing';
    if (state === 'half-open' || state === 'reset') return 'seen-once';
    if (state !== 'seen-once' && state !== 'seen-twice') return state;
    if (Math.floor(seenMs / SECOND_MS) === Math.floor(nowMs / SECOND_MS)) return state;
    if (state === 'seen-once') return 'seen-twice';
    return this.#trusted.size < this.#trustedMax ? 'trusted' : state;
  }

  #move(key: string, flow: Flow, state: State): void {
    const wasTrusted = flow.state === 'trusted';
    flow.state = state;
    if (state === 'trusted') {
      this.#young.delete(key);
      this.#old.delete(key);
      this.#trusted.set(key, flow);
    } else if (wasTrusted) {
      this.#trusted.delete(key);
      this.#addUntrusted(key, flow);
    }
  }

  #addUntrusted(key: string, flow: Flow): void {
    this.#young.set(key, flow);
    if (this.#young.size < this.#untrustedMax / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}
