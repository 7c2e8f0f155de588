/**
 * What a MUX counts: frames by verdict and by reason, and what was forwarded for each service and to each backend.
 */

import type { MuxProgram } from '../../sdk/program/types.js';

interface Traffic {
  packets: number;
  /** Of inner IP packets. */
  bytes: number;
}

export class MuxCounters {
  readonly verdicts: Record<string, number> = {};
  readonly dropped: Record<string, number> = {};
  /** Kept fragments that went on. */
  releasedCount = 0;
  /** Senders who heard that their packets are too big. */
  toldCount = 0;
  readonly #traffic = { service: new Map<string, Traffic>(), backend: new Map<string, Traffic>() };

  count(verdict: string, reason: string | undefined): void {
    this.verdicts[verdict] = (this.verdicts[verdict] ?? 0) + 1;
    if (reason !== undefined) this.drop(reason);
  }

  /** Without a frame that says so: a kept fragment that is given up. */
  drop(reason: string): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  forward(kind: 'service' | 'backend', key: string, bytes: number): void {
    const { packets, bytes: before } = this.traffic(kind, key);
    this.#traffic[kind].set(key, { packets: packets + 1, bytes: before + bytes });
  }

  traffic(kind: 'service' | 'backend', key: string): Traffic {
    return this.#traffic[kind].get(key) ?? { packets: 0, bytes: 0 };
  }

  /** What leaves a program is not known any more when it comes back. */
  keep({ services, backends }: MuxProgram): void {
    for (const [kind, members] of [
      ['service', services],
      ['backend', backends],
    ] as const) {
      const keys = new Set(members.map(({ key }) => key));
      for (const key of this.#traffic[kind].keys()) if (!keys.has(key)) this.#traffic[kind].delete(key);
    }
  }
}
