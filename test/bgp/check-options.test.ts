/** Options of a speaker: each range from both sides, and what does not fit together. */
import { describe, expect, it } from 'vitest';
import { checkPeerOptions, checkSpeakerOptions } from '../../sdk/bgp/check-options.js';
import type { SpeakerOptions } from '../../sdk/bgp/options.js';

const PEER = { address: '10.0.0.254', as: 65001 };
const OPTIONS: SpeakerOptions = { as: 65000, routerId: '10.0.0.1', addresses: {}, peers: [PEER] };

function problemsOf(check: () => void): string[] {
  try {
    check();
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_SPEAKER_INVALID' });
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

const rows: readonly { name: string; options: object; problem?: string }[] = [
  { name: 'the least there can be', options: {} },
  { name: 'no peers yet', options: { peers: [] } },
  { name: 'AS 1', options: { as: 1 } },
  { name: 'AS 4294967295', options: { as: 4294967295 } },
  { name: 'AS 0', options: { as: 0 }, problem: 'as: expected 1..4294967295, got 0' },
  { name: 'AS 4294967296', options: { as: 4294967296 }, problem: 'as: expected 1..4294967295, got 4294967296' },
  { name: 'half an AS', options: { as: 1.5 }, problem: 'as: expected 1..4294967295, got 1.5' },
  { name: 'no AS', options: { as: undefined }, problem: 'as: expected 1..4294967295, got nothing' },
  { name: 'a router id that is no address of a host', options: { routerId: '255.255.255.255' } },
  {
    name: 'router id 0',
    options: { routerId: '0.0.0.0' },
    problem: 'routerId: expected an IPv4 address other than 0.0.0.0, got "0.0.0.0"',
  },
  {
    name: 'an IPv6 router id',
    options: { routerId: '::1' },
    problem: 'routerId: expected an IPv4 address other than 0.0.0.0, got "::1"',
  },
  { name: 'addresses', options: { addresses: { ipv4: '10.0.0.1', ipv6: '2001:db8::1' } } },
  { name: 'no addresses', options: { addresses: undefined }, problem: 'addresses: expected an object, got nothing' },
  {
    name: 'addresses the wrong way round',
    options: { addresses: { ipv4: '2001:db8::1' } },
    problem: 'addresses.ipv4: expected an IPv4 address of one host, got "2001:db8::1"',
  },
  { name: 'port 0', options: { port: 0 } },
  { name: 'port 65536', options: { port: 65536 }, problem: 'port: expected 0..65535, got 65536' },
  { name: 'listens, or so', options: { listens: 'no' }, problem: 'listens: expected true or false, got "no"' },
  { name: 'restart time 1 and 4095', options: { gracefulRestart: { restartTimeSeconds: 4095, isRestarting: true } } },
  {
    name: 'restart time 0',
    options: { gracefulRestart: { restartTimeSeconds: 0, isRestarting: true } },
    problem: 'gracefulRestart.restartTimeSeconds: expected 1..4095, got 0',
  },
  {
    name: 'restart time 4096',
    options: { gracefulRestart: { restartTimeSeconds: 4096, isRestarting: true } },
    problem: 'gracefulRestart.restartTimeSeconds: expected 1..4095, got 4096',
  },
  { name: 'a peer that is none', options: { peers: [null] }, problem: 'peers[0]: expected an object, got null' },
  { name: 'peers that are none', options: { peers: {} }, problem: 'peers: expected an array, got {}' },
];

const peerRows: readonly { name: string; peer: object; problem?: string }[] = [
  {
    name: 'everything',
    peer: {
      name: 'tor-1',
      port: 1179,
      localAddress: '10.0.0.1',
      holdTimeSeconds: 3,
      connectRetrySeconds: 1,
      isPassive: true,
      families: ['ipv6', 'ipv4'],
      md5Key: 'k',
      ttlSecurityHops: 1,
      bfd: {},
    },
  },
  {
    name: 'no address',
    peer: { address: 'router' },
    problem: 'peers[0].address: expected an IP address of one host, got "router"',
  },
  {
    name: 'a multicast address',
    peer: { address: 'ff02::1' },
    problem: 'peers[0].address: expected an IP address of one host, got "ff02::1"',
  },
  { name: 'a router on this machine', peer: { address: '127.0.0.2', localAddress: '127.0.0.1' } },
  { name: 'no AS', peer: { as: 0 }, problem: 'peers[0].as: expected 1..4294967295, got 0' },
  { name: 'port 0', peer: { port: 0 }, problem: 'peers[0].port: expected 1..65535, got 0' },
  {
    name: 'a local address of the other family',
    peer: { localAddress: '2001:db8::1' },
    problem: 'peers[0].localAddress: expected an IPv4 address of one host, got "2001:db8::1"',
  },
  {
    name: 'its own address',
    peer: { localAddress: '10.0.0.254' },
    problem: 'peers[0].localAddress: expected another address than the peer has, got "10.0.0.254"',
  },
  ...[0, 3, 65535].map((holdTimeSeconds) => ({ name: `hold time ${holdTimeSeconds}`, peer: { holdTimeSeconds } })),
  ...[-1, 1, 2, 65536].map((holdTimeSeconds) => ({
    name: `hold time ${holdTimeSeconds}`,
    peer: { holdTimeSeconds },
    problem: `peers[0].holdTimeSeconds: expected 0 or 3..65535, got ${holdTimeSeconds}`,
  })),
  {
    name: 'connect retry 0',
    peer: { connectRetrySeconds: 0 },
    problem: 'peers[0].connectRetrySeconds: expected 1..65535, got 0',
  },
  {
    name: 'no families',
    peer: { families: [] },
    problem: 'peers[0].families: expected "ipv4", "ipv6" or both, each once, got []',
  },
  {
    name: 'a family twice',
    peer: { families: ['ipv4', 'ipv4'] },
    problem: 'peers[0].families: expected "ipv4", "ipv6" or both, each once, got ["ipv4","ipv4"]',
  },
  {
    name: 'a family of another kind',
    peer: { families: ['vpnv4'] },
    problem: 'peers[0].families: expected "ipv4", "ipv6" or both, each once, got ["vpnv4"]',
  },
  { name: 'a key of 80 bytes', peer: { md5Key: 'é'.repeat(40) } },
  {
    name: 'a key of 81 bytes is not shown',
    peer: { md5Key: `s${'é'.repeat(40)}` },
    problem: 'peers[0].md5Key: expected text of 1..80 bytes as UTF-8, got "81 bytes"',
  },
  {
    name: 'an empty key',
    peer: { md5Key: '' },
    problem: 'peers[0].md5Key: expected text of 1..80 bytes as UTF-8, got "0 bytes"',
  },
  {
    name: 'a key that is no text is not shown',
    peer: { md5Key: 12345 },
    problem: 'peers[0].md5Key: expected text of 1..80 bytes as UTF-8, got "number"',
  },
  { name: '254 hops', peer: { ttlSecurityHops: 254 } },
  { name: '0 hops', peer: { ttlSecurityHops: 0 }, problem: 'peers[0].ttlSecurityHops: expected 1..254, got 0' },
  { name: '255 hops', peer: { ttlSecurityHops: 255 }, problem: 'peers[0].ttlSecurityHops: expected 1..254, got 255' },
  { name: 'BFD at its limits', peer: { localAddress: '192.0.2.9', bfd: { intervalMs: 10, multiplier: 255 } } },
  {
    name: 'BFD without a local address',
    peer: { bfd: {} },
    problem: 'peers[0].localAddress: expected an address, as BFD needs both ends, got nothing',
  },
  {
    name: 'BFD too fast',
    peer: { localAddress: '192.0.2.9', bfd: { intervalMs: 9 } },
    problem: 'peers[0].bfd.intervalMs: expected 10..30000, got 9',
  },
  {
    name: 'BFD without patience',
    peer: { localAddress: '192.0.2.9', bfd: { multiplier: 0 } },
    problem: 'peers[0].bfd.multiplier: expected 1..255, got 0',
  },
];

describe('checkSpeakerOptions', () => {
  it.each(rows)('$name', ({ options, problem }) => {
    const all = { ...OPTIONS, ...options } as SpeakerOptions;
    expect(problemsOf(() => checkSpeakerOptions(all))).toEqual(problem === undefined ? [] : [problem]);
  });

  it.each(peerRows)('a peer: $name', ({ peer, problem }) => {
    const all = { ...OPTIONS, peers: [{ ...PEER, ...peer }] } as SpeakerOptions;
    expect(problemsOf(() => checkSpeakerOptions(all))).toEqual(problem === undefined ? [] : [problem]);
  });

  it('says everything at once', () => {
    const peers = [
      { ...PEER, address: '2001:db8::1' },
      { address: '2001:DB8:0::1', as: -1, isPassive: true },
    ];
    expect(problemsOf(() => checkSpeakerOptions({ ...OPTIONS, as: 0, listens: false, peers }))).toEqual([
      'as: expected 1..4294967295, got 0',
      'peers[1].as: expected 1..4294967295, got -1',
      'peers[1].isPassive: expected false, as the speaker does not listen, got true',
      'peers[1].address: expected another address than peers[0] has, got "2001:DB8:0::1"',
    ]);
  });

  it('checks peers alone', () => {
    expect(problemsOf(() => checkPeerOptions([PEER, PEER], {}))).toHaveLength(1);
    expect(problemsOf(() => checkPeerOptions([PEER], { listens: false }))).toEqual([]);
  });
});
