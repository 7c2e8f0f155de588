/** What the client of a lab is told, and what it answers. */

/** `GET /`, a new connection each. */
export interface RequestsJob {
  readonly kind: 'requests';
  readonly url: string;
  readonly count: number;
  readonly atOnce: number;
  readonly timeoutMs: number;
}

/** A body there or back, compared by digest. */
export interface TransferJob {
  readonly kind: 'download' | 'upload';
  readonly url: string;
  readonly byteCount: number;
  readonly timeoutMs: number;
}

/** Datagrams from a port each. */
export interface EchoJob {
  readonly kind: 'echo';
  readonly address: string;
  readonly port: number;
  readonly count: number;
  readonly timeoutMs: number;
}

/** Requests all the time, until SIGTERM. */
export interface LoadJob {
  readonly kind: 'load';
  /** Asked in turn. */
  readonly urls: readonly string[];
  /** A new connection this often. */
  readonly everyMs: number;
  /** Connections that stay, for each URL. */
  readonly keptCount: number;
  /** Each of those asks this often. */
  readonly keptEveryMs: number;
  readonly timeoutMs: number;
  /** A request that takes longer counts as slow: something on its way was sent again. */
  readonly slowMs: number;
}

/** What the client is told. */
export type Job = RequestsJob | TransferJob | EchoJob | LoadJob;

/** What became of requests or datagrams. */
export interface Answers {
  readonly made: number;
  readonly failed: number;
  /** Why, by how often. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Answers by VM. */
  readonly byVm: Readonly<Record<string, number>>;
  /** Addresses under which the VMs saw the client; of UDP none. */
  readonly seenAs: readonly string[];
}

/** What became of a body. */
export interface Transfer {
  readonly isIntact: boolean;
  readonly byteCount: number;
  readonly ms: number;
  readonly reason?: string;
}

/** What became of requests of one sort in a load. */
export interface LoadOfOneSort {
  readonly made: number;
  readonly failed: number;
  readonly slow: number;
  /** Of those that were answered. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The longest time without an answer: to anybody for new connections, on one connection for those that stay. */
  readonly gapMs: number;
  readonly reasons: Readonly<Record<string, number>>;
  /** When those that failed began, in milliseconds since 1970. */
  readonly failedAtMs: readonly number[];
}

/** What became of a load. */
export interface LoadSummary {
  readonly fresh: LoadOfOneSort;
  readonly kept: LoadOfOneSort & { readonly brokenConnections: number };
}
