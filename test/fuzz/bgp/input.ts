/** What a fuzzer throws at the speaker's reading side: a stream of octets, how it is cut, and what was agreed before. */
import type { Agreement, Family } from '../../../sdk/bgp/wire/messages.js';
import { concat, fromHex, toHex } from '../../support/bytes.js';
import { Random } from '../../support/random.js';
import { bytesOf, mutate } from './field.js';
import { type MessageName, randomMessage } from './grammar.js';

/** One input. */
export interface Input {
  /** How it was made, for people. */
  readonly about: string;
  readonly agreement: Agreement;
  /** The octets as they arrive, one element per segment. */
  readonly segments: readonly Uint8Array[];
}

const MESSAGES: readonly MessageName[] = [
  'open',
  'update',
  'update',
  'update',
  'notification',
  'keepalive',
  'route-refresh',
];
const MESSAGES_PER_STREAM_MAX = 4;
const MUTATIONS_MAX = 4;

/** The input of a seed: some sound messages, of which one in three streams is left alone, cut at random places. */
export function randomInput(seed: number): Input {
  const random = new Random(seed);
  const agreement = randomAgreement(random);
  const about: string[] = [];
  const messages = Array.from({ length: random.between(1, MESSAGES_PER_STREAM_MAX) }, () => {
    const name = random.pick(MESSAGES);
    const message = randomMessage(name, random, agreement.fourOctetAs ? 4 : 2);
    const mutations = random.oneIn(3) ? 0 : random.below(MUTATIONS_MAX + 1);
    about.push(name, ...Array.from({ length: mutations }, () => mutate(message, random)));
    return bytesOf(message);
  });
  const stream = concat(...messages);
  if (random.oneIn(10)) {
    about.push('bits of the stream');
    for (let flips = random.between(1, 8); flips > 0 && stream.length > 0; flips--) {
      stream[random.below(stream.length)]! ^= 1 << random.below(8);
    }
  }
  return { about: about.join(', '), agreement, segments: cut(stream, random) };
}

function randomAgreement(random: Random): Agreement {
  const families: readonly Family[][] = [['ipv4'], ['ipv6'], ['ipv4', 'ipv6']];
  return {
    fourOctetAs: !random.oneIn(4),
    isExternal: !random.oneIn(4),
    families: new Set(random.pick(families)),
    extendedNextHop: new Set(random.oneIn(2) ? ['ipv4'] : []),
  };
}

function cut(stream: Uint8Array, random: Random): Uint8Array[] {
  const segments: Uint8Array[] = [];
  const segmentBytesMax = random.pick([1, 7, 100, 1460, 70_000]);
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + random.between(1, segmentBytesMax));
    segments.push(stream.slice(at, end));
    at = end;
  }
  return segments;
}

interface WrittenInput {
  /** What was wrong when it was found. */
  found: string;
  about: string;
  fourOctetAs: boolean;
  isExternal: boolean;
  families: Family[];
  extendedNextHop: Family[];
  segments: string[];
}

/** An input as a file that a test replays. */
export function writeInput({ about, agreement, segments }: Input, found: string): string {
  const { fourOctetAs, isExternal, families, extendedNextHop } = agreement;
  const written: WrittenInput = {
    found,
    about,
    fourOctetAs,
    isExternal,
    families: [...families],
    extendedNextHop: [...extendedNextHop],
    segments: segments.map(toHex),
  };
  return `${JSON.stringify(written, undefined, 2)}\n`;
}

export function readInput(text: string): Input {
  const { about, segments, families, extendedNextHop, ...agreed } = JSON.parse(text) as WrittenInput;
  const { fourOctetAs, isExternal } = agreed;
  return {
    about,
    agreement: { fourOctetAs, isExternal, families: new Set(families), extendedNextHop: new Set(extendedNextHop) },
    segments: segments.map(fromHex),
  };
}
