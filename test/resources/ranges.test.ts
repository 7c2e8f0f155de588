import { describe, expect, it } from 'vitest';
import {
  frontend,
  ipConfiguration,
  type Json,
  lb,
  mux,
  natRule,
  nic,
  probe,
  problemsAfter,
  publicAddress,
  router,
  rule,
  subnet,
} from './example.js';

interface Row {
  /** The path of the object and the key in it. */
  readonly path: string;
  readonly at: (fabric: Json) => Json;
  readonly key: string;
  readonly good: readonly Json[];
  readonly bad: readonly Json[];
  readonly expected: string;
}

const LB = 'loadBalancers[0].properties';
const NIC = 'networkInterfaces[0].properties';
const MUX = 'loadBalancerMuxes[0].properties';
const PEER = `${MUX}.routerConfiguration.peerRouterConfigurations[0]`;
const notIntegers = ['http', '80.5', '0x50', ' 80', '1e3', 80.5, true, [], {}, ['80']];

const integers: Row[] = [
  row(`${LB}.loadBalancingRules[0].properties`, anyPortRule, 'frontendPort', 0, 65534),
  row(`${LB}.loadBalancingRules[0].properties`, rule, 'backendPort', 0, 65535),
  row(`${LB}.loadBalancingRules[0].properties`, rule, 'idleTimeoutInMinutes', 4, 30),
  row(`${LB}.inboundNatRules[0].properties`, natRule, 'frontendPort', 1, 65534),
  row(`${LB}.inboundNatRules[0].properties`, natRule, 'backendPort', 1, 65535),
  row(`${LB}.inboundNatRules[0].properties`, natRule, 'idleTimeoutInMinutes', 4, 30),
  row(`${LB}.probes[0].properties`, probe, 'port', 1, 65535),
  row(`${LB}.probes[0].properties`, probe, 'intervalInSeconds', 5, 2147483),
  row(`${LB}.probes[0].properties`, probe, 'numberOfProbes', 1, 65535),
  row(`${MUX}.routerConfiguration`, router, 'localASN', 1, 4294967295),
  row(PEER, peer, 'peerASN', 1, 4294967295),
  row(`${PEER}.edgemux`, extension(peer), 'port', 1, 65535),
  row(`${PEER}.edgemux`, extension(peer), 'connectRetrySeconds', 1, 65535),
  row(`${PEER}.edgemux`, extension(peer), 'ttlSecurityHops', 1, 254),
  row(`${PEER}.edgemux.bfd`, bfd, 'intervalMs', 10, 30000),
  row(`${PEER}.edgemux.bfd`, bfd, 'multiplier', 1, 255),
  row(`${MUX}.edgemux.routes`, routes, 'med', 0, 4294967295),
  row('logicalNetworks[0].properties.subnets[0].properties', providerSubnet, 'vlanID', 0, 4094),
  row('logicalNetworks[0].properties.subnets[0].properties.edgemux', extension(providerSubnet), 'vni', 1, 16777215),
  row('virtualNetworks[0].properties.subnets[0].properties.edgemux', extension(subnet), 'vni', 1, 16777215),
  row(`${NIC}.ipConfigurations[0].properties.edgemux`, extension(ipConfiguration), 'weight', 0, 65535),
  row('publicIPAddresses[0].properties', publicAddress, 'idleTimeoutInMinutes', 4, 30),
  row('servers[0].properties.edgemux', (f) => f.servers[0].properties.edgemux, 'mtuBytes', 1350, 65535),
  row(`${MUX}.edgemux`, (f) => mux(f).edgemux, 'mtuBytes', 1350, 65535),
  row(`${LB}.outboundNatRules[0].properties.edgemux`, extension(outboundRule), 'idleTimeoutInMinutes', 4, 120),
];

const ADDRESS = 'IPv4 or IPv6 address';
const MAC = 'MAC address such as 00:1d:d8:00:00:04';
const notAddresses = ['10.1', '010.0.0.4', '10.0.0.256', '10.0.0.4/24', 'fe80::1%eth0', 'localhost', 10, [], {}];
const notMacs = ['001DD800000', '00:1d:d8:00:00', '00:1d-d8:00:00:04', '001DD800000G', 1];

const words: Row[] = [
  values(
    `${LB}.loadBalancingRules[1].properties`,
    (f) => rule(f, 1),
    'protocol',
    ['Udp', 'tcp'],
    ['Http', 'Https', 'Sctp', 6],
    'one of Tcp, Udp, All, GRE, ESP',
  ),
  values(`${LB}.inboundNatRules[0].properties`, natRule, 'protocol', ['Tcp', 'UDP'], ['All', ''], 'one of Tcp, Udp'),
  values(
    `${LB}.outboundNatRules[0].properties`,
    (f) => lb(f).outboundNatRules[0].properties,
    'protocol',
    ['Tcp', 'udp', 'ALL'],
    ['Icmp'],
    'one of Tcp, Udp, All',
  ),
  values(`${LB}.probes[0].properties`, probe, 'protocol', ['Http', 'HTTPS'], ['Udp'], 'one of Tcp, Http, Https'),
  values(
    `${LB}.loadBalancingRules[0].properties`,
    rule,
    'loadDistribution',
    ['default', 'SourceIP', 'SOURCEIPPROTOCOL'],
    ['Random', 1],
    'one of Default, SourceIP, SourceIPProtocol',
  ),
  values(
    `${LB}.loadBalancingRules[0].properties`,
    rule,
    'enableFloatingIP',
    [true, 'false', 'TRUE'],
    ['yes', 0, 1],
    'boolean',
  ),
  values(
    `${LB}.loadBalancingRules[0].properties.edgemux`,
    extension(rule),
    'ringSlotCount',
    [251, 4093, '65521'],
    [252, 65536],
    'one of 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 65537',
  ),
  values(
    `${LB}.loadBalancingRules[0].properties.edgemux`,
    extension(rule),
    'enableTcpReset',
    [true, 'true'],
    ['on'],
    'boolean',
  ),
  values(
    `${LB}.outboundNatRules[0].properties.edgemux`,
    extension(outboundRule),
    'allocatedOutboundPorts',
    [0, 8, '1024', 32_248],
    [-8, 4, 1025, 64_520, '64520', 'all', 8.5],
    'multiple of 8, 0..64512',
  ),
  values(
    `${LB}.outboundNatRules[0].properties.edgemux`,
    extension(outboundRule),
    'enableTcpReset',
    [true, 'False'],
    ['on', 1],
    'boolean',
  ),
  values(
    `${LB}.inboundNatRules[0].properties.edgemux`,
    extension(natRule),
    'enableTcpReset',
    [true, 'False'],
    ['on', 1],
    'boolean',
  ),
  values(
    `${MUX}.edgemux`,
    (f) => mux(f).edgemux,
    'secondProviderAddress',
    ['2001:db8:56::21'],
    ['2001:db8:56::21/64', '10.1'],
    ADDRESS,
  ),
  values(
    'virtualNetworks[0].properties.subnets[0].properties.edgemux',
    extension(dualStackSubnet),
    'secondAddressPrefix',
    ['2001:db8:a::/64', '2001:DB8:A::9/64'],
    ['2001:db8:a::', '2001:db8:a::/129', 64],
    'IP prefix such as 10.0.0.0/24',
  ),
  values(
    `${LB}.frontendIPConfigurations[0].properties`,
    frontend,
    'privateIPAllocationMethod',
    ['static', 'Dynamic', 'unmanaged'],
    ['Manual'],
    'one of Dynamic, Static, Unmanaged',
  ),
  values(
    `${NIC}.ipConfigurations[0].properties.edgemux`,
    extension(ipConfiguration),
    'adminState',
    ['none', 'UP', 'Down'],
    ['drain', true],
    'one of None, Up, Down',
  ),
  values(
    'virtualNetworkManager.properties',
    (f) => f.virtualNetworkManager.properties,
    'networkVirtualizationProtocol',
    ['VXLAN', 'nvgre'],
    ['Geneve'],
    'one of Vxlan, Nvgre',
  ),
  values(
    'publicIPAddresses[0].properties',
    publicAddress,
    'publicIPAddressVersion',
    ['IPV4'],
    ['4'],
    'one of IPv4, IPv6',
  ),
  values('loadBalancerManager', (f) => f.loadBalancerManager, 'resourceId', ['CONFIG'], ['configuration'], '"config"'),
  values(
    'loadBalancerManager.properties.edgemux',
    extension((f) => f.loadBalancerManager.properties),
    'flowHashKey',
    ['00112233445566778899aabbccddeeff', 'F'.repeat(32)],
    ['f'.repeat(31), 'f'.repeat(33), 'g'.repeat(32), 0],
    '32 hexadecimal digits',
  ),
  values(
    `${NIC}.ipConfigurations[0].properties`,
    ipConfiguration,
    'privateIPAddress',
    ['10.0.0.1', '10.0.0.254'],
    notAddresses,
    ADDRESS,
  ),
  values(PEER, peerFromAnywhere, 'routerIPAddress', ['10.10.56.2', '2001:DB8::1'], notAddresses, ADDRESS),
  values(
    `${PEER}.edgemux`,
    extension(peer),
    'holdTimeSeconds',
    [0, 3, '3', 65535],
    [-1, 1, 2, '2', 65536, 3.5, true, 'never'],
    'integer 0 or 3..65535',
  ),
  values(`${PEER}.edgemux`, extension(peer), 'passive', [true, 'FALSE'], ['yes', 1], 'boolean'),
  values(
    `${PEER}.edgemux`,
    extension(peer),
    'families',
    [['ipv4'], ['IPv6', 'ipv4']],
    ['ipv4', [], {}],
    'array of at least one of ipv4, ipv6',
  ),
  values(
    `${MUX}.edgemux`,
    (f) => mux(f).edgemux,
    'routerId',
    ['192.0.2.1', '255.255.255.255'],
    ['0.0.0.0', '2001:db8::1', '1', 7],
    'IPv4 address other than 0.0.0.0',
  ),
  values(`${MUX}.edgemux.routes`, routes, 'communities', [[], ['65000:1']], ['65000:1', {}], 'array'),
  values(NIC, nic, 'privateMacAddress', ['00-1d-d8-00-00-09', '001dd8000009'], notMacs, MAC),
  values(`${MUX}.edgemux`, (f) => mux(f).edgemux, 'gatewayMacAddress', ['02:00:00:00:00:01'], notMacs, MAC),
  values(
    'virtualNetworks[0].properties.subnets[0].properties',
    subnet,
    'addressPrefix',
    ['10.0.0.0/16', '10.0.0.0/24'],
    ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/-1', '2221.1.1.0/24', 24],
    'IP prefix such as 10.0.0.0/24',
  ),
  values(
    'servers[0].properties.edgemux',
    (f) => f.servers[0].properties.edgemux,
    'providerAddresses',
    [['10.10.56.99']],
    ['10.10.56.99', [], {}],
    'array of at least one IPv4 or IPv6 address',
  ),
  values(
    `${LB}.loadBalancingRules[0].properties`,
    rule,
    'frontendIPConfigurations',
    [],
    [[], 'fe'],
    'array of at least one reference to a frontendIPConfiguration',
  ),
  values(LB, lb, 'outboundNatRules', [], ['x', 1, {}], 'array'),
  values(
    `${LB}.loadBalancingRules[0]`,
    (f) => lb(f).loadBalancingRules[0],
    'resourceId',
    ['Web 1', 'lnet_80.80.80.80'],
    ['', 'a/b', 7],
    'resourceId: text without "/"',
  ),
  values(`${LB}.loadBalancingRules[0]`, (f) => lb(f).loadBalancingRules[0], 'properties', [], ['', 1, []], 'object'),
];

describe.each([...integers, ...words])('$path $key', ({ path, at, key, good, bad, expected }) => {
  const problemsWith = (value: Json) =>
    problemsAfter((fabric) => {
      at(fabric)[key] = value;
    });
  if (good.length > 0)
    it.each(good.map((value) => [value]))('takes %j', (value) => expect(problemsWith(value)).toEqual([]));
  it.each(bad.map((value) => [value]))('refuses %j', (value) => {
    expect(problemsWith(value)).toEqual([`${path}.${key}: expected ${expected}, got ${JSON.stringify(value)}`]);
  });
});

describe('what is absent', () => {
  const required: [string, (fabric: Json) => Json, string][] = [
    [`${LB}.loadBalancingRules[0].properties.frontendPort: expected integer 0..65534`, rule, 'frontendPort'],
    [
      `${LB}.loadBalancingRules[0].properties.backendAddressPool: expected reference to a backendAddressPool, /loadBalancers/{id}/backendAddressPools/{id}`,
      rule,
      'backendAddressPool',
    ],
    [`${LB}.probes[0].properties.port: expected integer 1..65535`, probe, 'port'],
    [
      'virtualNetworks[0].properties.addressSpace: expected object',
      (f) => f.virtualNetworks[0].properties,
      'addressSpace',
    ],
    [`${MUX}.routerConfiguration.localASN: expected integer 1..4294967295`, router, 'localASN'],
  ];
  it.each(required)('%s, got nothing', (problem, at, key) => {
    expect(
      problemsAfter((fabric) => {
        delete at(fabric)[key];
      }),
    ).toEqual([`${problem}, got nothing`]);
    expect(
      problemsAfter((fabric) => {
        at(fabric)[key] = null;
      }),
    ).toEqual([`${problem}, got nothing`]);
  });

  it('leaves an empty fabric sound', () =>
    expect(
      problemsAfter((fabric) => {
        for (const key in fabric) delete fabric[key];
      }),
    ).toEqual([]));
});

function row(path: string, at: (fabric: Json) => Json, key: string, min: number, max: number): Row {
  const good = [min, max, String(min), String(max)];
  return {
    path,
    at,
    key,
    good,
    bad: [min - 1, max + 1, String(max + 1), ...notIntegers],
    expected: `integer ${min}..${max}`,
  };
}

function values(
  path: string,
  at: (fabric: Json) => Json,
  key: string,
  good: readonly Json[],
  bad: readonly Json[],
  expected: string,
): Row {
  return { path, at, key, good, bad, expected };
}

// A frontendPort of 0 needs a backendPort of 0, and a VIP nobody reaches out under.
function anyPortRule(fabric: Json): Json {
  lb(fabric).outboundNatRules = [];
  return Object.assign(rule(fabric), { backendPort: 0 });
}

function outboundRule(fabric: Json): Json {
  return lb(fabric).outboundNatRules[0].properties;
}

// Its address space has room for a second prefix.
function dualStackSubnet(fabric: Json): Json {
  fabric.virtualNetworks[0].properties.addressSpace.addressPrefixes.push('2001:db8:a::/48');
  return subnet(fabric);
}

function peer(fabric: Json): Json {
  return router(fabric).peerRouterConfigurations[0];
}

// Its own end would have to be of the router's family.
function peerFromAnywhere(fabric: Json): Json {
  delete peer(fabric).localIPAddress;
  return peer(fabric);
}

function bfd(fabric: Json): Json {
  peer(fabric).edgemux = { bfd: {} };
  return peer(fabric).edgemux.bfd;
}

function routes(fabric: Json): Json {
  mux(fabric).edgemux.routes = {};
  return mux(fabric).edgemux.routes;
}

function providerSubnet(fabric: Json): Json {
  return fabric.logicalNetworks[0].properties.subnets[0].properties;
}

function extension(at: (fabric: Json) => Json): (fabric: Json) => Json {
  return (fabric) => {
    at(fabric).edgemux ??= {};
    return at(fabric).edgemux;
  };
}
