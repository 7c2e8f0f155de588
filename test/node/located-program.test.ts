/** What the kernel knows of the way, put into programs. */
import { describe, expect, test } from 'vitest';
import { destinationsOf, locate, type Place } from '../../sdk/node/live/located-program.js';
import { compile, type HostProgram, type MuxProgram } from '../../sdk/program/index.js';
import { parseFabric } from '../../sdk/resources/index.js';
import type { NextHop } from '../../sdk/runtime/next-hops.js';
import type { PortInterface } from '../../sdk/runtime/packet-port.js';
import { example, type Json, mux } from '../resources/example.js';

const up0: PortInterface = { name: 'up0', index: 2, macAddress: '02:aa:00:00:00:01', mtuBytes: 1600 };
const eth9: PortInterface = { name: 'eth9', index: 9, macAddress: '02:aa:00:00:00:09', mtuBytes: 1500 };
const HOST_MACS = ['02:00:00:00:56:0b', '02:00:00:00:56:0c'];

function hop(address: string, macAddress: string | undefined, by = up0): NextHop {
  return { interface: by, address, macAddress };
}

function place(hops: Readonly<Record<string, NextHop>>, by: PortInterface | undefined = up0): Place {
  return { interface: by, nextHops: { of: (one) => hops[one], ofDefault: (family) => hops[`default ${family}`] } };
}

const compiled = (change: (fabric: Json) => void = () => {}) => compile(parseFabric(example(change)));
const fastpath = (fabric: Json) => {
  fabric.loadBalancerManager.properties.edgemux = {
    enableFastpath: true,
    flowHashKey: '00112233445566778899aabbccddeeff',
  };
};
const ofMux = (change?: (fabric: Json) => void): MuxProgram => compiled(change).forMux('mux-1');
const ofHost = (change?: (fabric: Json) => void): HostProgram => compiled(change).forHost('host-1');
const macsOf = ({ backends }: MuxProgram) => backends.map(({ nextHopMacAddress }) => nextHopMacAddress);

describe('a MUX', () => {
  const hops = {
    '10.10.56.11': hop('10.10.56.1', '02:bb:00:00:00:01'),
    '10.10.56.12': hop('10.10.56.12', '02:bb:00:00:00:0c'),
    'default 4': hop('10.10.56.1', '02:bb:00:00:00:01'),
  };

  test('sends to its hosts', () => {
    expect(destinationsOf(ofMux())).toEqual(['10.10.56.11', '10.10.56.12']);
  });

  test('has the MAC address of its port, and those of its next hops', () => {
    const located = locate(ofMux(), place(hops));
    expect(located.attachment).toEqual({
      ...ofMux().attachment,
      macAddress: up0.macAddress,
      gatewayMacAddress: '02:bb:00:00:00:01',
      mtuBytes: 1600,
    });
    expect(macsOf(located)).toEqual(['02:bb:00:00:00:01', '02:bb:00:00:00:0c']);
    expect(located.digest).toBe(ofMux().digest);
  });

  test.each([
    { name: 'the kernel does not know', hops: { '10.10.56.11': hop('10.10.56.11', undefined) } },
    { name: 'on another link', hops: { '10.10.56.11': hop('192.0.2.1', '02:cc:00:00:00:01', eth9) } },
    { name: 'no route', hops: {} },
  ])('what the fabric says stays: $name', ({ hops }) => {
    expect(macsOf(locate(ofMux(), place(hops)))).toEqual(HOST_MACS);
    expect(locate(ofMux(), place(hops)).attachment.gatewayMacAddress).toBeUndefined();
  });

  test('what the fabric says of the MTU stays', () => {
    const said = ofMux((fabric) => {
      mux(fabric).edgemux.mtuBytes = 1550;
    });
    expect(locate(said, place(hops)).attachment.mtuBytes).toBe(1550);
  });

  test('an interface that has another MTU and MAC address by now', () => {
    const now = { ...up0, mtuBytes: 1400, macAddress: '02:aa:00:00:00:99' };
    const { attachment } = locate(ofMux(), place({ '10.10.56.12': hop('10.10.56.12', undefined, now) }));
    expect(attachment).toMatchObject({ mtuBytes: 1400, macAddress: '02:aa:00:00:00:99' });
  });

  test('where the kernel chooses the interface: the smallest MTU on the way', () => {
    const ways = { '10.10.56.11': hop('10.10.56.1', undefined), '10.10.56.12': hop('192.0.2.1', undefined, eth9) };
    const { attachment } = locate(ofMux(), { ...place(ways), interface: undefined });
    expect(attachment).toEqual({ ...ofMux().attachment, mtuBytes: 1500 });
    expect(locate(ofMux(), { ...place({}), interface: undefined }).attachment).toEqual(ofMux().attachment);
  });
});

describe('a host', () => {
  test('without Fastpath sends to its gateway alone', () => {
    expect(destinationsOf(ofHost())).toEqual([]);
    const located = locate(ofHost(), place({ 'default 4': hop('10.10.56.1', '02:bb:00:00:00:01') }));
    expect(located.attachment).toMatchObject({ macAddress: up0.macAddress, gatewayMacAddress: '02:bb:00:00:00:01' });
  });

  test('whose default route is of IPv6 alone', () => {
    const located = locate(ofHost(), place({ 'default 6': hop('fe80::1', '02:bb:00:00:00:06') }));
    expect(located.attachment.gatewayMacAddress).toBe('02:bb:00:00:00:06');
  });

  test('with it to other hosts too', () => {
    expect(destinationsOf(ofHost(fastpath))).toEqual(['10.10.56.12']);
    const located = locate(ofHost(fastpath), place({ '10.10.56.12': hop('10.10.56.12', '02:bb:00:00:00:0c') }));
    expect(located.fastpath?.peers).toEqual([
      { providerAddress: '10.10.56.12', nextHopMacAddress: '02:bb:00:00:00:0c' },
    ]);
  });
});
