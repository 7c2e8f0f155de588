/** A session from its first to its last message over the simulated network, captured on the MUX and read by Wireshark. */
import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { Speaker } from '../../sdk/bgp/speaker.js';
import { LINKTYPE_ETHERNET, writePcap } from '../../sdk/packet/index.js';
import { SimulatedNetwork } from '../../sdk/runtime/simulated/index.js';
import { temporaryFolder } from '../appliance/cli.js';
import { RuntimeTap, type TappedFrame } from '../support/runtime-tap.js';
import { arePeersMissing, fieldsOf, warnings } from './peers.js';

const file = temporaryFolder();

const MUX = { as: 4200000001, ipv4: '10.0.0.4', ipv6: '2001:db8::4' };
const ROUTER = { as: 64513, ipv4: '10.0.0.1', ipv6: '2001:db8::1' };
const VIPS4 = Array.from({ length: 2000 }, (_, at) => `203.0.${at >> 8}.${at & 0xff}`);
const VIPS6 = Array.from({ length: 500 }, (_, at) => `2001:db8:f::${(at + 1).toString(16)}`);
/** Of each family, while the session goes on. */
const WITHDRAWN_COUNT = 100;
const FIELDS = [
  'ip.src',
  'tcp.stream',
  'bgp.type',
  'bgp.nlri_prefix',
  'bgp.mp_reach_nlri_ipv6_prefix',
  'bgp.withdrawn_prefix',
  'bgp.mp_unreach_nlri_ipv6_prefix',
  'bgp.update.path_attribute.as_path_segment.as4',
  'bgp.notify.minor_error_cease',
  'bgp.notify.communication',
  'bfd.sta',
  'bfd.diag',
  'bfd.detect_time_multiplier',
] as const;

/** Up with BFD, every VIP announced, some withdrawn, then drained; and what a capture on the MUX has of it. */
async function session(end: 'connects' | 'waits'): Promise<TappedFrame[]> {
  const network = new SimulatedNetwork({ seed: 1 });
  const tap = new RuntimeTap(network.host(MUX.ipv4, MUX.ipv6));
  const speaker = (
    own: typeof MUX,
    peer: typeof MUX,
    isPassive: boolean,
    runtime: ConstructorParameters<typeof Speaker>[1],
  ) =>
    new Speaker(
      {
        ...{ as: own.as, routerId: own.ipv4, addresses: { ipv4: own.ipv4, ipv6: own.ipv6 } },
        peers: [{ address: peer.ipv4, as: peer.as, localAddress: own.ipv4, isPassive, bfd: {} }],
      },
      runtime,
    );
  const mux = speaker(MUX, ROUTER, end === 'waits', tap);
  const router = speaker(ROUTER, MUX, end === 'connects', network.host(ROUTER.ipv4, ROUTER.ipv6));
  router.announce([{ prefix: '0.0.0.0/0' }]);
  const route = (vip: string) => ({ prefix: `${vip}/${vip.includes(':') ? 128 : 32}` });
  mux.announce([...VIPS4, ...VIPS6].map(route));
  await Promise.all([mux.start(), router.start()]);
  await network.clock.runFor(10_000);
  expect(mux.status.peers[0]).toMatchObject({ state: 'Established', bfd: { state: 'Up', remoteState: 'Up' } });
  mux.announce([...VIPS4.slice(WITHDRAWN_COUNT), ...VIPS6.slice(WITHDRAWN_COUNT)].map(route));
  await network.clock.runFor(5000);
  const stopped = mux.stop({ kind: 'drain', text: 'maintenance until 18:00' });
  await network.clock.runFor(10_000);
  await stopped;
  void router.stop();
  return tap.frames;
}

describe.skipIf(arePeersMissing).each(['connects', 'waits'] as const)('a session of a MUX that %s', (end) => {
  const capture = file(`${end}.pcap`);
  let rows: string[][];
  beforeAll(async () => {
    writeFileSync(capture, writePcap(await session(end), LINKTYPE_ETHERNET));
    rows = fieldsOf(capture, FIELDS);
  });

  /** All values of fields that were sent from an address, in their order. */
  const from = (address: string, ...fields: readonly (typeof FIELDS)[number][]): string[] => {
    const columns = fields.map((field) => FIELDS.indexOf(field));
    const sent = rows.filter(([source]) => source === address);
    return sent.flatMap((row) => columns.flatMap((column) => row[column]!.split(',').filter(Boolean)));
  };

  test('is one TCP conversation of whole messages', () => {
    expect(warnings(capture)).toEqual([]);
    for (const { ipv4 } of [MUX, ROUTER]) expect(new Set(from(ipv4, 'tcp.stream'))).toEqual(new Set(['0']));
  });

  test('begins with OPEN and KEEPALIVE on both sides, and ends with one NOTIFICATION', () => {
    const [mux, router] = [from(MUX.ipv4, 'bgp.type'), from(ROUTER.ipv4, 'bgp.type')];
    expect(mux.slice(0, 3)).toEqual(['1', '4', '2']);
    expect(router.slice(0, 3)).toEqual(['1', '4', '2']);
    expect([mux.indexOf('3'), mux.at(-1), router.includes('3')]).toEqual([mux.length - 1, '3', false]);
    expect(from(MUX.ipv4, 'bgp.notify.communication')).toEqual(['maintenance until 18:00']);
    expect(from(MUX.ipv4, 'bgp.notify.minor_error_cease')).toEqual(['2']);
  });

  test('announces every VIP, withdraws some and in the end all', () => {
    expect(from(ROUTER.ipv4, 'bgp.nlri_prefix')).toEqual(['0.0.0.0']);
    expect(from(MUX.ipv4, 'bgp.nlri_prefix').sort()).toEqual([...VIPS4].sort());
    expect(from(MUX.ipv4, 'bgp.mp_reach_nlri_ipv6_prefix').sort()).toEqual([...VIPS6].sort());
    expect(from(MUX.ipv4, 'bgp.withdrawn_prefix').sort()).toEqual([...VIPS4].sort());
    expect(from(MUX.ipv4, 'bgp.mp_unreach_nlri_ipv6_prefix').sort()).toEqual([...VIPS6].sort());
    expect(new Set(from(MUX.ipv4, 'bgp.update.path_attribute.as_path_segment.as4'))).toEqual(new Set([`${MUX.as}`]));
  });

  test('goes with BFD that comes up, and in the end says why it is down', () => {
    const [mux, router] = [MUX, ROUTER].map(({ ipv4 }) => from(ipv4, 'bfd.sta', 'bfd.diag'));
    expect([mux!.slice(0, 2), mux!.slice(-2)]).toEqual([
      ['0x01', '0x00'],
      ['0x00', '0x07'],
    ]);
    expect(mux).toContain('0x03');
    expect(router).toContain('0x03');
    expect(new Set(from(MUX.ipv4, 'bfd.detect_time_multiplier'))).toEqual(new Set(['3']));
  });
});
