/**
 * Every BGP message and BFD packet that edgemux writes, read by Wireshark: those of a table, and random ones. What it is
 * to see in them never comes from what edgemux itself reads.
 */
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ControlPacket, encodeControlPacket } from '../../sdk/bfd/packet.js';
import type { BfdState } from '../../sdk/bfd/state.js';
import { LINKTYPE_ETHERNET, writePcap } from '../../sdk/packet/index.js';
import { temporaryFolder } from '../appliance/cli.js';
import { bfdFrame, bgpFrames } from '../support/control-frames.js';
import { Random } from '../support/random.js';
import { asNumbersOf, type BfdSeen, type BgpSeen, bfdSeen, bgpSeen } from './bgp-fields.js';
import { randomNotification, randomOpen, randomUpdate, type Written } from './bgp-random.js';
import { type Row, SESSION_ROWS } from './bgp-session-rows.js';
import { EXTENDED, EXTERNAL, TWO_OCTET_ROWS, UPDATE_ROWS, updates } from './bgp-update-rows.js';
import { arePeersMissing, warnings } from './peers.js';

const file = temporaryFolder();
const RANDOM_COUNT = 200;

function capture(name: string, frames: readonly Uint8Array[]): string {
  writeFileSync(
    file(name),
    writePcap(
      frames.map((bytes) => ({ bytes })),
      LINKTYPE_ETHERNET,
    ),
  );
  return file(name);
}

function expected(rows: readonly Row[]): (readonly [string, BgpSeen])[] {
  return rows.map(([name, { length }, seen]) => [name, { ...seen, length: String(length) }]);
}

/** Random messages, each of a seed of its own. */
function drawn(kind: string, draw: (random: Random) => Written): Row[] {
  return Array.from({ length: RANDOM_COUNT }, (_, seed) => {
    const { bytes, seen } = draw(new Random(seed));
    return [`${kind} of seed ${seed}`, bytes, seen];
  });
}

describe.skipIf(arePeersMissing).each([
  { family: 'ipv4', octets: 4, rows: [...SESSION_ROWS, ...UPDATE_ROWS] },
  { family: 'ipv6', octets: 2, rows: TWO_OCTET_ROWS },
] as const)('BGP over $family with AS numbers of $octets octets', ({ family, octets, rows }) => {
  const all = [
    ...rows,
    ...drawn('OPEN', randomOpen),
    ...drawn('NOTIFICATION', randomNotification),
    ...drawn('UPDATE', (random) => randomUpdate(random, octets)),
  ];
  let written: string;
  let read: BgpSeen[];
  beforeAll(() => {
    const messages = all.map(([, bytes]) => bytes);
    written = capture(`${octets}.pcap`, bgpFrames(messages, family));
    read = bgpSeen(written, asNumbersOf(octets));
  });

  test.each(expected(rows).map(([name, seen], index) => ({ name, seen, index })))('$name', ({ seen, index }) => {
    expect(read[index]).toEqual(seen);
  });

  test(`${RANDOM_COUNT} random messages of each kind`, () => {
    expect(read).toHaveLength(all.length);
    const named = all.map(([name], index) => [name, read[index]] as const);
    expect(named.slice(rows.length)).toEqual(expected(all.slice(rows.length)));
  });

  test('no expert warns of anything', () => {
    expect(warnings(written, asNumbersOf(octets))).toEqual([]);
  });
});

describe.skipIf(arePeersMissing)('this test', () => {
  const [update] = updates({ prefixes: ['203.0.113.7/32'], nextHop: '192.0.2.4' }, EXTERNAL);
  test.each([
    { name: 'another marker', at: 0, value: 0xfe },
    { name: 'a prefix of 33 bits', at: -5, value: 33 },
    { name: 'an attribute that is longer than all of them', at: 25, value: 200 },
  ])('sees $name', ({ at, value }) => {
    const damaged = capture('damaged.pcap', bgpFrames([update!.with(at, value)]));
    const isOther = bgpSeen(damaged, asNumbersOf(4))[0]?.nlri !== '203.0.113.7/32';
    expect(isOther || warnings(damaged, asNumbersOf(4)).length > 0).toBe(true);
  });
});

describe.skipIf(arePeersMissing)('10,000 VIPs', () => {
  const vips4 = Array.from({ length: 10_000 }, (_, at) => `10.${at >> 8}.${at & 0xff}.1/32`);
  const vips6 = Array.from({ length: 10_000 }, (_, at) => `2001:db8::${(at + 1).toString(16)}/128`);

  // 4096 bytes are 19 of header, 4 of lengths and 20 or more of attributes; a prefix takes 5 or 17.
  test.each([
    { name: 'IPv4', agreement: EXTERNAL, prefixes: vips4, nextHop: '192.0.2.4', seenIn: 'nlri', count: 13 },
    {
      name: 'IPv4 by way of IPv6',
      agreement: EXTENDED,
      prefixes: vips4,
      nextHop: '2001:db8::4',
      seenIn: 'reach',
      count: 13,
    },
    { name: 'IPv6', agreement: EXTERNAL, prefixes: vips6, nextHop: '2001:db8::4', seenIn: 'reach', count: 43 },
    { name: 'IPv4 withdrawn', agreement: EXTERNAL, prefixes: vips4, seenIn: 'withdrawn', count: 13 },
    { name: 'IPv6 withdrawn', agreement: EXTERNAL, prefixes: vips6, seenIn: 'unreach', count: 42 },
  ] as const)('$name are $count messages', ({ agreement, seenIn, count, ...change }) => {
    const written = capture('vips.pcap', bgpFrames(updates(change, agreement)));
    const read = bgpSeen(written, asNumbersOf(4));
    expect(read).toHaveLength(count);
    expect(read.flatMap((seen) => seen[seenIn]?.split(',') ?? [])).toEqual(change.prefixes);
    expect(warnings(written, asNumbersOf(4))).toEqual([]);
  });
});

describe.skipIf(arePeersMissing)('BFD', () => {
  const STATES: readonly (readonly [BfdState, string])[] = [
    ['AdminDown', '0x00'],
    ['Down', '0x01'],
    ['Init', '0x02'],
    ['Up', '0x03'],
  ];
  const random = new Random(1);
  const BOOLEANS = [false, true];

  /** Every state with every combination of the bits that edgemux knows, and numbers of all lengths. */
  const rows = STATES.flatMap(([state, seenState]) =>
    BOOLEANS.flatMap((isPoll) =>
      BOOLEANS.flatMap((isFinal) =>
        BOOLEANS.flatMap((isControlPlaneIndependent) =>
          BOOLEANS.map((isDemand) => {
            const packet: ControlPacket = {
              diagnostic: random.below(32),
              ...{ state, isPoll, isFinal, isControlPlaneIndependent, isDemand },
              detectMultiplier: random.between(1, 255),
              myDiscriminator: random.between(1, 2 ** 32 - 1),
              yourDiscriminator: random.pick([0, 1, random.uint32()]),
              desiredMinTxUs: random.pick([100_000, random.uint32()]),
              requiredMinRxUs: random.pick([0, random.uint32()]),
              requiredMinEchoRxUs: random.pick([0, random.uint32()]),
            };
            return { packet, seen: bfdExpected(packet, seenState) };
          }),
        ),
      ),
    ),
  );

  test.each(['ipv4', 'ipv6'] as const)('control packets of every state over %s', (family) => {
    const written = capture(
      'bfd.pcap',
      rows.map(({ packet }) => bfdFrame(encodeControlPacket(packet), family)),
    );
    expect(bfdSeen(written)).toEqual(rows.map(({ seen }) => seen));
    expect(warnings(written)).toEqual([]);
  });
});

function bfdExpected(packet: ControlPacket, state: string): BfdSeen {
  const bit = (is: boolean) => (is ? '1' : '0');
  return {
    ...{ hops: '255', port: '3784', version: '1', length: '24', state },
    diagnostic: hex(packet.diagnostic, 2),
    poll: bit(packet.isPoll),
    final: bit(packet.isFinal),
    independent: bit(packet.isControlPlaneIndependent),
    ...{ authenticated: '0', demand: bit(packet.isDemand), multipoint: '0' },
    multiplier: String(packet.detectMultiplier),
    mine: hex(packet.myDiscriminator, 8),
    yours: hex(packet.yourDiscriminator, 8),
    minTx: String(packet.desiredMinTxUs),
    minRx: String(packet.requiredMinRxUs),
    minEchoRx: String(packet.requiredMinEchoRxUs),
  };
}

function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
