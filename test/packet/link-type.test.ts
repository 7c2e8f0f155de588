/** From a captured frame to its IP packet. */

import { expect, test } from 'vitest';
import {
  bareIp,
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
  linkKind,
} from '../../sdk/packet/index.js';
import { hex } from './fixtures.js';

const ROWS: readonly { name: string; linkType: number; in: string; out: string | undefined }[] = [
  { name: 'raw IPv4', linkType: LINKTYPE_RAW, in: '45 00', out: '45 00' },
  { name: 'raw IPv6', linkType: LINKTYPE_RAW, in: '60 00', out: '60 00' },
  { name: 'raw, as the BSDs number it', linkType: 12, in: '45 00', out: '45 00' },
  { name: 'raw, as OpenBSD numbers it', linkType: 14, in: '45 00', out: '45 00' },
  { name: 'raw, neither version', linkType: LINKTYPE_RAW, in: '50 00', out: undefined },
  { name: 'LINKTYPE_IPV4', linkType: LINKTYPE_IPV4, in: '45 00', out: '45 00' },
  { name: 'null, little-endian AF_INET', linkType: LINKTYPE_NULL, in: '02 00 00 00 45', out: '45' },
  { name: 'null, big-endian AF_INET6 of Darwin', linkType: LINKTYPE_NULL, in: '00 00 00 1e 60', out: '60' },
  { name: 'null, AppleTalk', linkType: LINKTYPE_NULL, in: '10 00 00 00 45', out: undefined },
  { name: 'loop', linkType: LINKTYPE_LOOP, in: '00 00 00 02 45', out: '45' },
  { name: 'loop is big-endian only', linkType: LINKTYPE_LOOP, in: '02 00 00 00 45', out: undefined },
  { name: 'cooked', linkType: LINKTYPE_LINUX_SLL, in: `${'00'.repeat(14)} 08 00 45`, out: '45' },
  { name: 'cooked ARP', linkType: LINKTYPE_LINUX_SLL, in: `${'00'.repeat(14)} 08 06 45`, out: undefined },
  {
    name: 'cooked, cut behind the header',
    linkType: LINKTYPE_LINUX_SLL,
    in: `${'00'.repeat(14)} 08 00`,
    out: undefined,
  },
  { name: 'cooked v2', linkType: LINKTYPE_LINUX_SLL2, in: `86 dd ${'00'.repeat(18)} 60`, out: '60' },
  { name: 'Ethernet is not bare', linkType: LINKTYPE_ETHERNET, in: '45 00', out: undefined },
  { name: 'nothing', linkType: LINKTYPE_RAW, in: '', out: undefined },
];

test.each(ROWS)('$name', ({ linkType, in: frame, out }) => {
  expect(bareIp(linkType, hex(frame))).toEqual(out === undefined ? undefined : hex(out));
});

test('link kinds', () => {
  expect([1, 0, 12, 14, 101, 108, 113, 228, 229, 276, 105].map(linkKind)).toEqual([
    'ethernet',
    ...Array(9).fill('bare'),
    undefined,
  ]);
});
