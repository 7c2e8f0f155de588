/** What a lab is before it is built: its fabric, its places, the commands that fill them, what it misses. */
import { describe, expect, test } from 'vitest';
import { fabricOf } from '../../sdk/appliance/lab/fabric.js';
import { installLine, missingOf, needed } from '../../sdk/appliance/lab/needs.js';
import { placesOf, urlOf, VIP4, VIP6 } from '../../sdk/appliance/lab/places.js';
import { hostArguments, muxArguments } from '../../sdk/appliance/lab/roles.js';
import { compile, readFabric } from '../../sdk/index.js';

const places = placesOf('lab');

describe('fabric', () => {
  test.each([
    { hostOfVm: [1, 2], nicCounts: [1, 1] },
    { hostOfVm: [2, 2], nicCounts: [0, 2] },
  ])('VMs on hosts $hostOfVm', ({ hostOfVm, nicCounts }) => {
    const fabric = fabricOf(places, { hasBfd: true, hostOfVm: hostOfVm as [number, number] });
    const compiled = compile(readFabric(JSON.stringify(fabric)));
    expect([...compiled.forMux('mux-1').vips].sort()).toEqual([VIP6, VIP4].sort());
    expect(['host-1', 'host-2'].map((id) => compiled.forHost(id).nics.length)).toEqual(nicCounts);
  });

  test.each([
    { hasBfd: true, expected: { connectRetrySeconds: 1, holdTimeSeconds: 9, bfd: { intervalMs: 300, multiplier: 3 } } },
    { hasBfd: false, expected: { connectRetrySeconds: 1, holdTimeSeconds: 3 } },
  ])('a router with BFD: $hasBfd', ({ hasBfd, expected }) => {
    const { loadBalancerMuxes } = readFabric(JSON.stringify(fabricOf(places, { hasBfd, hostOfVm: [1, 2] })));
    for (const { properties } of loadBalancerMuxes) {
      expect(properties.routerConfiguration?.peerRouterConfigurations[0]?.edgemux).toMatchObject(expected);
    }
  });
});

test('places: every namespace has the name of the lab, interfaces have names that the kernel takes', () => {
  expect(places.namespaces).toEqual([
    'lab-client',
    'lab-router',
    'lab-mux-1',
    'lab-mux-2',
    'lab-host-1',
    'lab-host-2',
    'lab-vm-1',
    'lab-vm-2',
  ]);
  const names = [...places.muxes, ...places.hosts, ...places.vms].flatMap(({ uplink, port }) => [uplink, port]);
  for (const name of names) expect(name).toMatch(/^[a-z0-9-]{1,15}$/);
  expect(urlOf(VIP6, '/', 8001)).toBe('http://[2001:db8:7::7]:8001/');
});

describe('commands', () => {
  const [mux] = places.muxes;
  const [host] = places.hosts;
  const settings = (port: 'xdp' | 'packet' | 'tun', dataPlane: 'edgemux' | 'kernel' = 'edgemux') => ({
    options: { port, dataPlane },
    fabric: 'f.json',
  });

  test.each([
    { port: 'xdp', expected: 'mux f.json --mux mux-1 --port xdp:uplink --json' },
    { port: 'packet', expected: 'mux f.json --mux mux-1 --port packet:uplink --json' },
    { port: 'tun', expected: 'mux f.json --mux mux-1 --port tun:mux0 --json' },
  ] as const)('a MUX, $port', ({ port, expected }) => {
    expect(muxArguments(mux, settings(port)).join(' ')).toBe(expected);
  });

  test('a MUX whose data plane is the kernel', () => {
    expect(muxArguments(mux, settings('xdp', 'kernel')).join(' ')).toBe('bgp f.json --mux mux-1 --json');
  });

  test.each([
    { port: 'xdp', underlay: '--port xdp:uplink', vm: 'xdp' },
    { port: 'packet', underlay: '--port packet:uplink', vm: 'packet' },
    { port: 'tun', underlay: '--port udp --port tun:host0', vm: 'packet' },
  ] as const)('a host, $port', ({ port, underlay, vm }) => {
    expect(hostArguments(host, places, settings(port)).join(' ')).toBe(
      `host f.json --host host-1 ${underlay} --vm vm-1-nic=${vm}:vm-1 --vm vm-2-nic=${vm}:vm-2 --json`,
    );
  });
});

test('what is missing: each package once', () => {
  const needs = [...needed('nobody', 'no-such-one', '/no/such/other'), ...needed('anybody', 'no-such-third')];
  expect(missingOf([...needs, ...needed('coreutils', 'ls', '/bin/sh')])).toEqual(needs);
  expect(installLine(needs)).toBe('apt-get install anybody nobody');
});
