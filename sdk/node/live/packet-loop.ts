/**
 * The loop of a data plane thread. It never returns to the event loop of JavaScript, so whatever else is to happen on the
 * thread happens in here, between two batches:
 *
 *   receive from every port ─► process ─► send ─► what the owner asks ─► nothing came? wait
 */
import type { PacketPort } from '../../runtime/packet-port.js';

/** What the loop runs. */
export interface PacketLoopParts {
  /** Open ports; another array when there are others. */
  ports: readonly PacketPort[];
  /** A monotonic clock. */
  nowMs(): number;
  /** Runs the batch, empty or not, and puts what leaves before its port. */
  process(nowMs: number): void;
  /** Frames that wait before a port because it would not take them. */
  pendingCount(port: PacketPort): number;
  /**
   * Waits until one of these ports has something, somebody has woken us, or time is up. Tells which ports have, and which of
   * them has nothing but trouble: an interface that is down, or gone.
   *
   * @returns whether somebody has woken us
   */
  wait(
    ports: readonly PacketPort[],
    timeoutMs: number,
    ready: (port: PacketPort, isTroubled: boolean) => void,
  ): boolean;
  /** Does what the owner has asked for; returns whether the loop is to end. */
  obey(): boolean;
  /** Called once a second. */
  everySecond(): void;
  /** Called when a port throws; `ports` has it no more then. */
  lost(port: PacketPort, error: unknown): void;
}

/** The data plane wants an empty batch this often where nothing comes; also how often `everySecond` is called. */
const SECOND_MS = 1000;
/** Longest time that what the owner asks waits behind frames. */
const OBEY_EVERY_MS = 1;
/** What could not be sent is tried again after this. */
const RETRY_MS = 1;
/** Ports that had nothing are asked again after so many batches: while others are busy, nobody waits for them. */
const ASK_ALL_EVERY = 16;
/** A port in trouble is not waited for during this time: it would be ready at once, again and again. */
const TROUBLED_MS = 50;

/** Runs until `obey` says so. */
export function runPacketLoop(parts: PacketLoopParts): void {
  const ports = new LoopPorts(parts);
  let sweepMs = 0;
  let secondMs = 0;
  let obeyMs = 0;
  let batchCount = 0;
  for (;;) {
    const nowMs = parts.nowMs();
    const frameCount = ports.receive();
    if (frameCount > 0 || nowMs >= sweepMs) {
      parts.process(nowMs);
      sweepMs = nowMs + SECOND_MS;
      ports.send();
      batchCount += 1;
      if (batchCount % ASK_ALL_EVERY === 0) ports.askAll();
    }
    if (nowMs >= secondMs) {
      parts.everySecond();
      secondMs = nowMs + SECOND_MS;
    }
    const isWoken = frameCount === 0 && ports.wait(nowMs, Math.min(sweepMs, secondMs));
    if (!isWoken && nowMs < obeyMs) continue;
    if (parts.obey()) return;
    obeyMs = nowMs + OBEY_EVERY_MS;
  }
}

/** The ports, and what the loop knows of them. */
class LoopPorts {
  readonly #parts: PacketLoopParts;
  /** Those of `parts` when we last looked. */
  #all: readonly PacketPort[] = [];
  /** Those that may have something; the others said that they have nothing, and are waited for. */
  readonly #ready = new Set<PacketPort>();
  /** Those that are waited for; the array changes with its members. */
  #awaited: readonly PacketPort[] = [];
  readonly #troubled = new Set<PacketPort>();
  #troubledUntilMs = 0;
  #first = 0;

  constructor(parts: PacketLoopParts) {
    this.#parts = parts;
  }

  /** From every port that may have something, another one first each time: the batch may be full before the last. */
  receive(): number {
    const { ports } = this.#parts;
    if (ports !== this.#all) this.#change(ports);
    let frameCount = 0;
    this.#first = this.#first + 1 < ports.length ? this.#first + 1 : 0;
    for (let at = 0; at < ports.length; at++) {
      const turn = this.#first + at;
      const port = ports[turn < ports.length ? turn : turn - ports.length];
      if (!this.#ready.has(port)) continue;
      try {
        const count = port.receive();
        // Behind others it may have had no room.
        if (count === 0 && frameCount === 0 && canBeAwaited(port)) this.#ready.delete(port);
        frameCount += count;
      } catch (error) {
        this.#parts.lost(port, error);
      }
    }
    return frameCount;
  }

  send(): void {
    for (const port of this.#parts.ports) {
      try {
        port.send();
      } catch (error) {
        this.#parts.lost(port, error);
      }
    }
  }

  askAll(): void {
    for (const port of this.#parts.ports) if (!port.isAtEnd) this.#ready.add(port);
  }

  /** Waits for frames, at most until a moment; returns whether we have been woken. */
  wait(nowMs: number, untilMs: number): boolean {
    const { ports } = this.#parts;
    if (ports !== this.#all) this.#change(ports);
    if (this.#troubled.size > 0 && nowMs >= this.#troubledUntilMs) {
      this.#troubled.clear();
      this.#await();
    }
    const isPending = ports.some((port) => this.#parts.pendingCount(port) > 0);
    if (isPending) this.send();
    const timeoutMs = isPending ? RETRY_MS : this.#troubled.size > 0 ? TROUBLED_MS : Number.POSITIVE_INFINITY;
    return this.#parts.wait(this.#awaited, Math.max(0, Math.min(timeoutMs, untilMs - nowMs)), (port, isTroubled) => {
      this.#ready.add(port);
      if (!isTroubled) return;
      this.#troubled.add(port);
      this.#troubledUntilMs = nowMs + TROUBLED_MS;
      this.#await();
    });
  }

  #change(ports: readonly PacketPort[]): void {
    for (const port of ports) if (!this.#all.includes(port)) this.#ready.add(port);
    for (const port of this.#all) {
      if (ports.includes(port)) continue;
      this.#ready.delete(port);
      this.#troubled.delete(port);
    }
    this.#all = ports;
    this.#await();
  }

  #await(): void {
    this.#awaited = this.#all.filter((port) => !port.isAtEnd && !this.#troubled.has(port));
  }
}

/** A capture has no descriptor to wait on, and is ready until it has ended. */
function canBeAwaited({ descriptor, isAtEnd }: PacketPort): boolean {
  return descriptor !== -1 || isAtEnd;
}
