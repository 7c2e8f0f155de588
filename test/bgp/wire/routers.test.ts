/** What real routers said first, captured on the wire: each stream is an OPEN and a KEEPALIVE. */
import { describe, expect, it } from 'vitest';
import { decodeMessage, type Message, MessageFramer } from '../../../sdk/bgp/wire/index.js';
import { fromHex } from '../../support/bytes.js';

const MARKER = 'ff'.repeat(16);
const KEEPALIVE = `${MARKER} 0013 04`;

const ROUTERS: { name: string; in: string; out: Message }[] = [
  {
    // A parameter for each capability, and eight capabilities that are nothing to us.
    name: 'FRR 8.4.4',
    in: `${MARKER} 0079 01  04 fde9 0009 0a630001  5c
      02 06 01 04 00010001  02 06 01 04 00020001  02 02 80 00  02 02 02 00  02 02 46 00
      02 06 41 04 0000fde9  02 02 06 00  02 0a 45 08 0001010100020101  02 06 49 04 02766d00
      02 0c 40 0a c078 00010100 00020100  02 10 47 0e 0001018000000000020180000000`,
    out: {
      kind: 'open',
      as: 65001,
      holdTimeSeconds: 9,
      routerId: '10.99.0.1',
      capabilities: {
        families: ['ipv4', 'ipv6'],
        extendedNextHop: [],
        routeRefresh: true,
        enhancedRouteRefresh: true,
        fourOctetAs: true,
        gracefulRestart: {
          isRestarting: true,
          restartTimeSeconds: 120,
          families: [
            { family: 'ipv4', isForwardingPreserved: false },
            { family: 'ipv6', isForwardingPreserved: false },
          ],
        },
      },
    },
  },
  {
    name: 'BIRD 2.0.12',
    in: `${MARKER} 004b 01  04 5ba0 0009 0a630001  2e
      02 2c 01 04 00010001  01 04 00020001  02 00  05 06 000100010002  40 0a 0078 00010100 00020100
      41 04 fa56ea01  46 00  47 00`,
    out: {
      kind: 'open',
      as: 4200000001,
      holdTimeSeconds: 9,
      routerId: '10.99.0.1',
      capabilities: {
        families: ['ipv4', 'ipv6'],
        extendedNextHop: ['ipv4'],
        routeRefresh: true,
        enhancedRouteRefresh: true,
        fourOctetAs: true,
        gracefulRestart: {
          isRestarting: false,
          restartTimeSeconds: 120,
          families: [
            { family: 'ipv4', isForwardingPreserved: false },
            { family: 'ipv6', isForwardingPreserved: false },
          ],
        },
      },
    },
  },
  {
    name: 'GoBGP 3.10.0',
    in: `${MARKER} 0041 01  04 fde9 0009 0a630001  24
      02 22 02 00  49 04 02766d00  01 04 00010001  01 04 00020001  41 04 0000fde9  05 06 000100010002`,
    out: {
      kind: 'open',
      as: 65001,
      holdTimeSeconds: 9,
      routerId: '10.99.0.1',
      capabilities: {
        families: ['ipv4', 'ipv6'],
        extendedNextHop: ['ipv4'],
        routeRefresh: true,
        enhancedRouteRefresh: false,
        fourOctetAs: true,
      },
    },
  },
];

describe('BGP routers', () => {
  it.each(ROUTERS)('$name: its OPEN is understood', ({ in: open, out }) => {
    const framer = new MessageFramer();
    framer.push(fromHex(open + KEEPALIVE));
    expect(decodeMessage(framer.next()!)).toEqual(out);
    expect(decodeMessage(framer.next()!)).toEqual({ kind: 'keepalive' });
    expect(framer.next()).toBeUndefined();
  });
});
