/** From a fabric to the speaker of a MUX: who it is, whom it speaks to, what it announces. */
import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';
import { type MuxSpeaker, speakerOfMux } from '../../sdk/appliance/bgp/speaker-of-mux.js';
import { EdgemuxError } from '../../sdk/errors.js';
import { parseFabric } from '../../sdk/resources/index.js';
import { example, type Json, mux, router } from '../resources/example.js';
import { DUAL_STACK } from './cli.js';

function speaker(change: (fabric: Json) => void = () => {}, id = 'mux-1'): MuxSpeaker {
  return speakerOfMux(parseFabric(example(change)), id);
}

const peers = (fabric: Json) => router(fabric).peerRouterConfigurations;

test('the example', () => {
  expect(speaker()).toEqual({
    mux: 'mux-1',
    options: {
      as: 64628,
      routerId: '10.10.56.21',
      addresses: { ipv4: '10.10.56.21' },
      peers: [{ name: 'edge', address: '10.10.56.1', as: 64623, localAddress: '10.10.56.21' }],
    },
    routes: [{ prefix: '80.80.80.80/32' }],
  });
});

test('both families: addresses of either, every VIP and instance-level address, IPv4 first', () => {
  const { options, routes } = speakerOfMux(parseFabric(JSON.parse(readFileSync(DUAL_STACK, 'utf8'))), 'mux-2');
  expect(options.addresses).toEqual({ ipv4: '10.10.56.22', ipv6: '2001:db8:56::22' });
  expect(routes.map(({ prefix }) => prefix)).toEqual([
    '10.0.1.100/32',
    '80.80.80.80/32',
    '80.80.80.90/32',

    '2001:db8:80::80/128',
    '2001:db8:80::90/128',
  ]);
});

test('the name of the MUX in any case', () => expect(speaker(() => {}, 'MUX-2').mux).toBe('mux-2'));

test('a router with everything said of it', () => {
  const edgemux = {
    port: 1790,
    holdTimeSeconds: 3,
    connectRetrySeconds: 2,
    passive: true,
    md5Key: 'key',
    ttlSecurityHops: 1,
    bfd: { intervalMs: 50 },
    families: ['ipv6'],
  };
  const { passive, ...rest } = edgemux;
  const [first, second] = speaker((f) => {
    peers(f)[0].edgemux = edgemux;
    peers(f).push({ routerIPAddress: '10.10.56.2', peerASN: 64628 });
  }).options.peers;
  expect(first).toMatchObject({ address: '10.10.56.1', isPassive: passive, ...rest });
  expect(first).not.toHaveProperty('passive');
  expect(second).toEqual({ address: '10.10.56.2', as: 64628 });
});

describe('attributes of routes', () => {
  const rows: { name: string; ofAll: object | undefined; ofMux: object | undefined; carried: object }[] = [
    { name: 'of all MUXes', ofAll: { med: 1 }, ofMux: undefined, carried: { med: 1 } },
    { name: 'of this one', ofAll: undefined, ofMux: { communities: ['1:1'] }, carried: { communities: ['1:1'] } },
    {
      name: 'member by member',
      ofAll: { med: 1, communities: ['1:1'] },
      ofMux: { communities: [], largeCommunities: ['1:1:1'] },
      carried: { med: 1, communities: [], largeCommunities: ['1:1:1'] },
    },
  ];
  test.each(rows)('$name', ({ ofAll, ofMux, carried }) => {
    const { routes } = speaker((f) => {
      f.loadBalancerManager.properties.edgemux = { routes: ofAll };
      mux(f).edgemux.routes = ofMux;
    });
    expect(routes).toEqual([{ prefix: '80.80.80.80/32', ...carried }]);
  });
});

describe('refused', () => {
  const rows: { name: string; change: (fabric: Json) => void; id?: string; code: string; message: string }[] = [
    {
      name: 'a MUX nobody knows',
      change: () => {},
      id: 'mux-9',
      code: 'ERR_UNKNOWN_ID',
      message: 'one of mux-1, mux-2',
    },
    {
      name: 'a MUX without routers',
      change: (f) => {
        peers(f).pop();
      },
      code: 'ERR_RESOURCE_INVALID',
      message:
        'loadBalancerMuxes[0].properties.routerConfiguration.peerRouterConfigurations: expected at least one router',
    },
    {
      name: 'a MUX without autonomous system',
      change: (f) => {
        delete mux(f, 1).routerConfiguration;
      },
      id: 'mux-2',
      code: 'ERR_RESOURCE_INVALID',
      message:
        'loadBalancerMuxes[1].properties.routerConfiguration.peerRouterConfigurations: expected at least one router',
    },
  ];
  test.each(rows)('$name', ({ change, id, code, message }) => {
    let error: unknown;
    try {
      speaker(change, id);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(EdgemuxError);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});
