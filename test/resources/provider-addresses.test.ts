/** A VIP and a machine of the provider network are never one address. */
import { readFileSync } from 'node:fs';
import { EdgemuxError, parseFabric } from 'edgemux';
import { expect, test } from 'vitest';

const example = readFileSync(new URL('../../examples/two-hosts.fabric.json', import.meta.url), 'utf8');

function problemsWithVip(address: string): readonly object[] {
  const fabric = JSON.parse(example) as { publicIPAddresses: { properties: { ipAddress: string } }[] };
  fabric.publicIPAddresses[0].properties.ipAddress = address;
  try {
    parseFabric(fabric);
    return [];
  } catch (error) {
    if (!(error instanceof EdgemuxError)) throw error;
    return error.problems;
  }
}

test.each([
  { name: 'a host', address: '10.10.56.11', owner: '/servers/host-1' },
  { name: 'a MUX', address: '10.10.56.22', owner: '/loadBalancerMuxes/mux-2' },
])('the address of $name', ({ address, owner }) => {
  expect(problemsWithVip(address)).toEqual([
    {
      path: 'loadBalancers[0].properties.frontendIPConfigurations[0]',
      expected: `a VIP that is no provider address: ${owner} has this one`,
      got: JSON.stringify(address),
    },
  ]);
});

test('the address next to them is nobody else’s', () => {
  expect(problemsWithVip('10.10.56.13')).toEqual([]);
});
