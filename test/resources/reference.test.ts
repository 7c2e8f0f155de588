import { describe, expect, it } from 'vitest';
import { parseReference } from '../../sdk/resources/index.js';

describe('parseReference', () => {
  const good: [string, string, string][] = [
    ['/servers/host-1', 'server', '/servers/host-1'],
    ['servers/host-1/', 'server', '/servers/host-1'],
    ['/networking/v1/LoadBalancers/web', 'loadBalancer', '/loadBalancers/web'],
    [
      '/Networking/V3/loadbalancers/Web/FRONTENDIPCONFIGURATIONS/Fe',
      'frontendIPConfiguration',
      '/loadBalancers/Web/frontendIPConfigurations/Fe',
    ],
    ['/logicalNetworks/a/subnets/b', 'logicalNetworkSubnet', '/logicalNetworks/a/subnets/b'],
    ['/virtualNetworks/a/subnets/b', 'virtualNetworkSubnet', '/virtualNetworks/a/subnets/b'],
    ['/logicalNetworks/a/subnets/b/ipPools/c', 'ipPool', '/logicalNetworks/a/subnets/b/ipPools/c'],
    ['/networkInterfaces/a/ipConfigurations/b', 'ipConfiguration', '/networkInterfaces/a/ipConfigurations/b'],
    ['/servers/networking', 'server', '/servers/networking'],
  ];
  it.each(good)('%s', (text, kind, canonical) => expect(parseReference(text)).toMatchObject({ kind, canonical }));

  it('gives the resourceIds along the path', () => {
    expect(parseReference('/loadBalancers/Web/probes/http')?.resourceIds).toEqual(['Web', 'http']);
  });

  const bad = [
    '',
    '/',
    '/servers',
    '/servers/',
    '//servers/a',
    '/servers//a',
    '/servers/a//',
    '/hosts/a',
    '/networking/v1',
    '/virtualNetworks/a/subnets/b/ipPools/c',
    '/servers/a/probes/b',
    'https://nc/networking/v1/servers/a',
    '/__proto__/a',
  ];
  it.each(bad)('%j names nothing', (text) => expect(parseReference(text)).toBeUndefined());
});
