/** Random messages survive writing and reading; random bytes lead to nothing but a MessageError. */
import { describe, expect, it } from 'vitest';
import {
  type Agreement,
  decodeMessage,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  type Family,
  type Message,
  MessageError,
  MessageFramer,
  notificationText,
  type OpenMessage,
} from '../../../sdk/bgp/wire/index.js';
import { concat } from '../../support/bytes.js';
import { Random } from '../../support/random.js';
import { raw } from './raw.js';

const FAMILY_LISTS: readonly (readonly Family[])[] = [['ipv4'], ['ipv6'], ['ipv4', 'ipv6'], ['ipv6', 'ipv4']];

const AGREEMENT: Agreement = {
  fourOctetAs: true,
  isExternal: true,
  families: new Set(['ipv4', 'ipv6']),
  extendedNextHop: new Set(['ipv4']),
};

function randomOpen(random: Random): OpenMessage {
  const fourOctetAs = random.oneIn(2);
  const gracefulRestart = {
    isRestarting: random.oneIn(2),
    restartTimeSeconds: random.below(4096),
    families: random.pick([[], ...FAMILY_LISTS]).map((family) => ({ family, isForwardingPreserved: random.oneIn(2) })),
  };
  return {
    kind: 'open',
    as: random.between(1, fourOctetAs && random.oneIn(2) ? 2 ** 32 - 1 : 65535),
    holdTimeSeconds: random.pick([0, 3, 9, 65535, random.between(3, 65535)]),
    routerId: [random.between(1, 255), random.below(256), random.below(256), random.below(256)].join('.'),
    capabilities: {
      families: random.pick(FAMILY_LISTS),
      extendedNextHop: random.oneIn(2) ? ['ipv4'] : [],
      routeRefresh: random.oneIn(2),
      enhancedRouteRefresh: random.oneIn(2),
      fourOctetAs,
      ...(random.oneIn(2) && { gracefulRestart }),
    },
  };
}

function randomMessage(random: Random): { message: Message; bytes: Uint8Array } {
  switch (random.below(4)) {
    case 0: {
      const message = randomOpen(random);
      return { message, bytes: encodeOpen(message) };
    }
    case 1: {
      const data = random.bytes(random.pick([0, 1, random.below(40), 4075]));
      const message = { kind: 'notification', code: random.below(256), subcode: random.below(256), data } as const;
      return { message, bytes: encodeNotification(message) };
    }
    case 2: {
      const family = random.pick(['ipv4', 'ipv6'] as const);
      const subtype = random.pick(['request', 'begin', 'end'] as const);
      return { message: { kind: 'route-refresh', family, subtype }, bytes: encodeRouteRefresh({ family, subtype }) };
    }
    default:
      return { message: { kind: 'keepalive' }, bytes: encodeKeepalive() };
  }
}

/** A message with some bytes changed, cut or added, and a header that mostly fits it. */
function damaged(random: Random, bytes: Uint8Array): Uint8Array {
  const cut = random.oneIn(3) ? bytes.slice(0, random.between(19, bytes.length)) : bytes;
  const grown = random.oneIn(3) ? concat(cut, random.bytes(random.below(30))) : cut.slice();
  for (let count = random.below(4); count > 0; count--) {
    const first = random.oneIn(10) ? 0 : Math.min(19, grown.length - 1);
    grown[random.between(first, grown.length - 1)] = random.pick([0, 1, 2, 255, random.below(256)]);
  }
  if (!random.oneIn(10)) grown.set([grown.length >> 8, grown.length & 0xff], 16);
  return grown;
}

/** What decoding gives; `undefined` when it throws a MessageError. Anything else that is thrown is a failure. */
function decoded(bytes: Uint8Array): Message | undefined {
  try {
    return decodeMessage(bytes, AGREEMENT);
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    // What goes back must fit a message of its own, whatever came in.
    expect(encodeNotification(error.notification).length).toBeLessThanOrEqual(4096);
    return undefined;
  }
}

describe('random BGP messages', () => {
  it('are read as they were written', () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const { message, bytes } = randomMessage(new Random(seed));
      expect(decodeMessage(bytes), `seed ${seed}`).toEqual(message);
    }
  });

  it('that are damaged are read or refused, and what is read can be written and read again', () => {
    let readCount = 0;
    for (let seed = 1; seed <= 10_000; seed++) {
      const random = new Random(seed);
      const message = decoded(damaged(random, randomMessage(random).bytes));
      if (message === undefined) continue;
      readCount++;
      if (message.kind === 'notification') notificationText(message);
      if (message.kind === 'open' && message.capabilities.families.length > 0) {
        expect(decoded(encodeOpen(message)), `seed ${seed}`).toEqual(message);
      }
    }
    expect(readCount).toBeGreaterThan(1000);
    expect(readCount).toBeLessThan(9000);
  });

  it('that are nothing but noise are read or refused', () => {
    for (let seed = 1; seed <= 10_000; seed++) {
      const random = new Random(seed);
      const body = random.bytes(random.pick([0, 4, 10, random.below(100), random.below(4077)]));
      decoded(concat(raw(random.between(1, 5), '', { length: 19 + body.length }), body));
      decoded(body);
    }
  });

  it('in a stream that is damaged are cut or refused, and never waited for beyond the longest message', () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const random = new Random(seed);
      const framer = new MessageFramer();
      let pendingCount = 0;
      for (let push = 0; push < 20; push++) {
        const bytes = damaged(random, randomMessage(random).bytes);
        framer.push(bytes);
        const takenCount = framedBytes(framer);
        if (takenCount === undefined) break;
        pendingCount += bytes.length - takenCount;
        expect(pendingCount, `seed ${seed}`).toBeLessThan(4096);
      }
    }
  });
});

/** Bytes of the messages a framer gives; `undefined` when it gives up. */
function framedBytes(framer: MessageFramer): number | undefined {
  let count = 0;
  try {
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) count += frame.length;
    return count;
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return undefined;
  }
}
