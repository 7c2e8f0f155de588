import { describe, expect, it } from 'vitest';
import { formatFabric, parseFabric, readFabric } from '../../sdk/resources/index.js';
import {
  example,
  exampleText,
  fabricAfter,
  frontend,
  type Json,
  lb,
  mux,
  nic,
  probe,
  problemsAfter,
  ref,
  router,
  rule,
} from './example.js';

const canonical = parseFabric(example());

describe('the example', () => {
  it('is understood to the last member', () => expect(canonical.ignored).toEqual([]));
  it('survives being written and read again', () => expect(readFabric(formatFabric(canonical))).toEqual(canonical));
  it('is written the same twice', () => {
    expect(formatFabric(readFabric(formatFabric(canonical)))).toBe(formatFabric(canonical));
  });
  it('may start with a byte order mark', () => expect(readFabric(`\uFEFF${exampleText}`)).toEqual(canonical));
  it('is not changed by being parsed', () => {
    const input = example();
    parseFabric(input);
    expect(input).toEqual(example());
  });
});

describe('spellings that mean the same', () => {
  const rows: { name: string; spell: (node: Json) => Json }[] = [
    { name: 'every number as text', spell: (node) => (typeof node === 'number' ? String(node) : node) },
    { name: 'every boolean as text', spell: (node) => (typeof node === 'boolean' ? (node ? 'True' : 'FALSE') : node) },
    { name: 'every key in upper case', spell: (node) => withKeys(node, (key) => key.toUpperCase()) },
    { name: 'every key in lower case', spell: (node) => withKeys(node, (key) => key.toLowerCase()) },
    { name: 'every reference with /networking/v1', spell: (node) => withRefs(node, (text) => `/networking/v1${text}`) },
    { name: 'every reference with /Networking/V2', spell: (node) => withRefs(node, (text) => `/Networking/V2${text}`) },
    { name: 'every reference with a slash at the end', spell: (node) => withRefs(node, (text) => `${text}/`) },
    { name: 'every reference without its first slash', spell: (node) => withRefs(node, (text) => text.slice(1)) },
    { name: 'every reference in upper case', spell: (node) => withRefs(node, (text) => text.toUpperCase()) },
    { name: 'every reference in lower case', spell: (node) => withRefs(node, (text) => text.toLowerCase()) },
    {
      name: 'null for everything unknown',
      spell: (node) => (isObject(node) ? { ...node, tags: null, probe2: null } : node),
    },
  ];
  it.each(rows)('$name', ({ spell }) =>
    expect({ ...parseFabric(mapJson(example(), spell)), ignored: [] }).toEqual(canonical),
  );

  const changes: { name: string; change: (fabric: Json) => void }[] = [
    { name: 'protocol TCP', change: (f) => set(rule(f), { protocol: 'TCP' }) },
    { name: 'distribution sourceip', change: (f) => set(rule(f, 1), { loadDistribution: 'sourceip' }) },
    { name: 'outbound protocol ALL', change: (f) => set(lb(f).outboundNatRules[0].properties, { protocol: 'ALL' }) },
    { name: 'a default written out', change: (f) => set(rule(f), { edgemux: { ringSlotCount: '65537' } }) },
    { name: 'null for what is absent', change: (f) => set(rule(f, 1), { probe: null, edgemux: null }) },
    { name: '"" for an absent reference', change: (f) => set(rule(f, 1), { probe: '' }) },
    { name: '"" for an absent address', change: (f) => set(frontend(f), { privateIPAddress: '' }) },
    {
      name: '"" for an absent list',
      change: (f) => set(f.servers[0].properties, { networkInterfaces: '', connections: '' }),
    },
    {
      name: '"" for an absent word',
      change: (f) => set(nic(f), { privateMacAllocationMethod: '' }),
    },
    { name: 'a MAC address with dashes', change: (f) => set(nic(f), { privateMacAddress: '00-1d-D8-00-00-04' }) },
    {
      name: 'a prefix with host bits',
      change: (f) => set(f.virtualNetworks[0].properties.subnets[0].properties, { addressPrefix: '10.0.0.7/24' }),
    },
    { name: 'a singleton in an array', change: (f) => set(f, { loadBalancerManager: [f.loadBalancerManager] }) },
    {
      name: 'a singleton without its resourceId',
      change: (f) => {
        delete f.virtualNetworkManager.resourceId;
      },
    },
    {
      name: 'a pool without properties',
      change: (f) => {
        delete lb(f).backendAddressPools[0].properties;
      },
    },
    {
      name: 'a pool with its back references',
      change: (f) =>
        set(lb(f).backendAddressPools[0].properties, {
          backendIPConfigurations: [ref('/anything')],
          loadBalancingRules: 5,
        }),
    },
    {
      name: 'the envelope a server adds',
      change: (f) =>
        set(f.loadBalancers[0], { resourceRef: '/x', instanceId: 'g', etag: 'W/"1"', tags: {}, resourceMetadata: {} }),
    },
    {
      name: 'the state a server adds',
      change: (f) =>
        set(mux(f), {
          provisioningState: 'Succeeded',
          configurationState: { status: 'Success' },
          virtualServer: ref('/virtualServers/m1'),
          connections: [],
        }),
    },
    {
      name: 'collections of no concern',
      change: (f) =>
        set(f, { accessControlLists: [1], Credentials: {}, MACPOOLS: null, virtualServers: '', iDnsServer: {} }),
    },
  ];
  it.each(changes)('$name', ({ change }) => {
    expect(fabricAfter(change)).toEqual(canonical);
  });
});

describe('references', () => {
  it('spell resourceIds as the resource does', () => {
    const fabric = fabricAfter((f) => {
      f.servers[0].resourceId = 'Host-One';
      nic(f).server = ref('/SERVERS/HOST-ONE');
    });
    expect(fabric.networkInterfaces[0]?.properties.server).toEqual(ref('/servers/Host-One'));
  });
});

describe('members nobody knows', () => {
  it('are listed, in the spelling they came in', () => {
    const fabric = fabricAfter((f) => {
      f.loadBalancer = [];
      rule(f).frontendPorts = 80;
      probe(f)['health path'] = '/';
      router(f).peerRouterConfigurations[0].holdTime = 9;
    });
    expect(fabric.ignored).toEqual([
      'loadBalancerMuxes[0].properties.routerConfiguration.peerRouterConfigurations[0].holdTime',
      'loadBalancers[0].properties.probes[0].properties["health path"]',
      'loadBalancers[0].properties.loadBalancingRules[0].properties.frontendPorts',
      'loadBalancer',
    ]);
  });

  it('are harmless when they are called __proto__ or constructor', () => {
    const text = exampleText.replace(
      '"resourceId": "web"',
      '"resourceId": "web", "__proto__": {"polluted": 1}, "constructor": 1',
    );
    const fabric = readFabric(text);
    expect(fabric.ignored).toHaveLength(2);
    expect(({} as Json).polluted).toBeUndefined();
    expect({ ...fabric, ignored: [] }).toEqual(canonical);
  });
});

describe('one key in two spellings', () => {
  it('is a problem, known key or not', () => {
    const twice = problemsAfter((f) => {
      rule(f).frontEndPort = 81;
      set(f, { comment: 1, Comment: 2 });
    });
    expect(twice).toEqual([
      'loadBalancers[0].properties.loadBalancingRules[0].properties.frontendPort: expected one spelling of the key, got ["frontendPort","frontEndPort"]',
      'Comment: expected one spelling of the key, got ["comment","Comment"]',
    ]);
  });
});

function set(node: Json, members: Json): void {
  Object.assign(node, members);
}

function isObject(node: Json): boolean {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

function mapJson(node: Json, spell: (node: Json) => Json): Json {
  if (Array.isArray(node)) return node.map((item) => mapJson(item, spell));
  if (!isObject(node)) return spell(node);
  return spell(Object.fromEntries(Object.entries(node).map(([key, member]) => [key, mapJson(member, spell)])));
}

function withKeys(node: Json, spell: (key: string) => string): Json {
  return isObject(node) ? Object.fromEntries(Object.entries(node).map(([key, member]) => [spell(key), member])) : node;
}

function withRefs(node: Json, spell: (ref: string) => string): Json {
  return isObject(node) && 'resourceRef' in node ? { ...node, resourceRef: spell(node.resourceRef) } : node;
}
