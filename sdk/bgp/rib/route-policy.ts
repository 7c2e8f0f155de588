/** What the attributes of a route say beyond its next hop: MED and communities, read, sorted and shared. */
import type { Route } from '../options.js';
import type { ProblemList } from '../problem-list.js';
import { formatCommunity, formatLargeCommunity, parseCommunity, parseLargeCommunity } from '../wire/communities.js';

/** What routers are told about a route, the next hop aside. Equal policies of one set are one object. */
export interface RoutePolicy {
  /** The same text for the same policy, in any set. */
  readonly text: string;
  readonly med: number | undefined;
  /** Sorted, each once. */
  readonly communities: readonly string[];
  /** Sorted, each once. */
  readonly largeCommunities: readonly string[];
}

/** With 255 of each the attributes take 4,080 bytes of the 4,096 of a message; this leaves room for prefixes. */
const COMMUNITY_COUNT_MAX = 255;
const LARGE_COMMUNITY_COUNT_MAX = 128;
const MED_MAX = 0xffff_ffff;

/** Reads policies, each distinct one once: ten thousand routes mostly have the same. */
export class PolicyReader {
  readonly #problems: ProblemList;
  readonly #byText = new Map<string, RoutePolicy>();
  readonly #bySpelling = new Map<string, RoutePolicy>();

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  read({ med, communities, largeCommunities }: Route, path: string): RoutePolicy {
    const spelling = JSON.stringify([med, communities, largeCommunities]);
    const known = this.#bySpelling.get(spelling);
    if (known !== undefined) return known;
    const problemCount = this.#problems.count;
    if (med !== undefined) this.#problems.checkInteger(`${path}.med`, med, 0, MED_MAX);
    const policy = this.#shared(
      med,
      this.#communities(communities, path),
      this.#largeCommunities(largeCommunities, path),
    );
    // Each route with a fault is to be named.
    if (this.#problems.count === problemCount) this.#bySpelling.set(spelling, policy);
    return policy;
  }

  #communities(texts: unknown, path: string): readonly string[] {
    const at = `${path}.communities`;
    const expected = 'a community, 65000:100';
    const values = this.#list(at, texts, COMMUNITY_COUNT_MAX).map((text, i) =>
      this.#parsed(`${at}[${i}]`, text, expected, parseCommunity),
    );
    const known = values.filter((value) => value !== undefined);
    return [...new Set(known)].sort((a, b) => a - b).map(formatCommunity);
  }

  #largeCommunities(texts: unknown, path: string): readonly string[] {
    const at = `${path}.largeCommunities`;
    const expected = 'a large community, 4200000000:1:2';
    const values = this.#list(at, texts, LARGE_COMMUNITY_COUNT_MAX).map((text, i) =>
      this.#parsed(`${at}[${i}]`, text, expected, (it) => formatLargeCommunity(parseLargeCommunity(it))),
    );
    return [...new Set(values.filter((value) => value !== undefined))].sort();
  }

  #list(path: string, value: unknown, countMax: number): readonly unknown[] {
    if (value === undefined) return [];
    if (Array.isArray(value) && value.length <= countMax) return value;
    const got = Array.isArray(value) ? value.length : value;
    this.#problems.add(path, `an array of at most ${countMax}`, got);
    return [];
  }

  #parsed<T>(path: string, text: unknown, expected: string, parse: (text: string) => T): T | undefined {
    try {
      if (typeof text === 'string') return parse(text);
    } catch {
      // Said below.
    }
    this.#problems.add(path, expected, text);
    return undefined;
  }

  #shared(med: number | undefined, communities: readonly string[], largeCommunities: readonly string[]): RoutePolicy {
    const text = `${med ?? '-'} ${communities.join(',')} ${largeCommunities.join(',')}`;
    let policy = this.#byText.get(text);
    if (policy === undefined) {
      policy = { text, med, communities, largeCommunities };
      this.#byText.set(text, policy);
    }
    return policy;
  }
}
