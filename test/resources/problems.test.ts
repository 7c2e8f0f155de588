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
  ref,
  router,
  rule,
  subnet,
} from './example.js';

interface Row {
  readonly name: string;
  readonly change: (fabric: Json) => void;
  readonly problems: readonly string[];
}

const LB = 'loadBalancers[0].properties';
const NIC = 'networkInterfaces[0].properties';
const IP1 = 'networkInterfaces[0].properties.ipConfigurations[0].properties';
const IP2 = 'networkInterfaces[1].properties.ipConfigurations[0].properties';
const BALANCED = 'because a backendAddressPool or inboundNatRule sends to this interface';

const references: Row[] = [
  {
    name: 'a reference to nothing',
    change: (f) => set(rule(f), { probe: ref('/loadBalancers/web/probes/nil') }),
    problems: [
      `${LB}.loadBalancingRules[0].properties.probe.resourceRef: expected an existing probe, got "/loadBalancers/web/probes/nil"`,
    ],
  },
  {
    name: 'a reference into a parent that is not there',
    change: (f) =>
      set(ipConfiguration(f), { loadBalancerBackendAddressPools: [ref('/loadBalancers/nil/backendAddressPools/vms')] }),
    problems: [
      `${IP1}.loadBalancerBackendAddressPools[0].resourceRef: expected an existing backendAddressPool, got "/loadBalancers/nil/backendAddressPools/vms"`,
    ],
  },
  {
    name: 'a reference to another kind',
    change: (f) => set(rule(f), { probe: ref('/servers/host-1') }),
    problems: [
      `${LB}.loadBalancingRules[0].properties.probe.resourceRef: expected reference to a probe, /loadBalancers/{id}/probes/{id}, got "/servers/host-1"`,
    ],
  },
  {
    name: 'a URL',
    change: (f) => set(nic(f), { server: ref('https://nc/networking/v1/servers/host-1') }),
    problems: [
      `${NIC}.server.resourceRef: expected reference to a server, /servers/{id}, got "https://nc/networking/v1/servers/host-1"`,
    ],
  },
  {
    name: 'two resources with one resourceId',
    change: (f) => lb(f).backendAddressPools.push({ resourceId: 'VMS' }),
    problems: [
      `${LB}.backendAddressPools[1].resourceId: expected a resourceId no other backendAddressPool beside it has, got "VMS"`,
    ],
  },
  {
    name: 'a broken resource does not break the references to it',
    change: (f) => set(lb(f).probes[0].properties, { port: 0 }),
    problems: [`${LB}.probes[0].properties.port: expected integer 1..65535, got 0`],
  },
];

const addresses: Row[] = [
  {
    name: 'a frontend without an address',
    change: (f) => set(frontend(f), { publicIPAddress: null }),
    problems: [
      `${LB}.frontendIPConfigurations[0].properties.privateIPAddress: expected an address, here or as publicIPAddress, got nothing`,
    ],
  },
  {
    name: 'a frontend with two',
    change: (f) => set(frontend(f), { privateIPAddress: '80.80.80.9' }),
    problems: [
      `${LB}.frontendIPConfigurations[0].properties.privateIPAddress: expected no address beside a publicIPAddress, got "80.80.80.9"`,
    ],
  },
  {
    name: 'a frontend whose public address is not allocated',
    change: (f) => set(publicAddress(f), { ipAddress: '' }),
    problems: [
      `${LB}.frontendIPConfigurations[0].properties.publicIPAddress.resourceRef: expected a publicIPAddress with an ipAddress, got "/publicIPAddresses/web-pip"`,
    ],
  },
  {
    name: 'a frontend outside its subnet',
    change: (f) =>
      set(frontend(f), {
        publicIPAddress: '',
        privateIPAddress: '10.0.1.9',
        subnet: ref('/virtualNetworks/tenant-a/subnets/web'),
      }),
    problems: [
      `${LB}.frontendIPConfigurations[0].properties.privateIPAddress: expected an address in its subnet's prefix 10.0.0.0/24, got "10.0.1.9"`,
    ],
  },
  {
    name: 'a frontend at the end of its subnet',
    change: (f) =>
      set(frontend(f), {
        publicIPAddress: '',
        privateIPAddress: '10.0.0.255',
        subnet: ref('/virtualNetworks/tenant-a/subnets/web'),
      }),
    problems: [],
  },
  {
    name: 'a public address of the other version',
    change: (f) => set(publicAddress(f), { publicIPAddressVersion: 'IPv6' }),
    problems: ['publicIPAddresses[0].properties.ipAddress: expected IPv6 address, got "80.80.80.80"'],
  },
  {
    name: 'one address in two publicIPAddresses',
    change: (f) => f.publicIPAddresses.push({ resourceId: 'two', properties: { ipAddress: '80.80.80.80' } }),
    problems: [
      'publicIPAddresses[1].properties.ipAddress: expected an address of its own: /publicIPAddresses/web-pip has this one, got "80.80.80.80"',
    ],
  },
  {
    name: 'a DIP outside its subnet',
    change: (f) => set(ipConfiguration(f), { privateIPAddress: '10.0.1.0' }),
    problems: [`${IP1}.privateIPAddress: expected an address in its subnet's prefix 10.0.0.0/24, got "10.0.1.0"`],
  },
  {
    name: 'one DIP twice in a subnet',
    change: (f) => set(ipConfiguration(f, 1), { privateIPAddress: '10.0.0.4' }),
    problems: [
      `${IP2}.privateIPAddress: expected an address of its own: /networkInterfaces/vm-1-nic/ipConfigurations/ip1 has this one, got "10.0.0.4"`,
    ],
  },
  {
    name: 'one DIP in two tenants',
    change: (f) => {
      const subnets = [{ resourceId: 'web', properties: { addressPrefix: '10.0.0.0/24' } }];
      f.virtualNetworks.push({
        resourceId: 'b',
        properties: { addressSpace: { addressPrefixes: ['10.0.0.0/8'] }, subnets },
      });
      set(ipConfiguration(f, 1), { privateIPAddress: '10.0.0.4', subnet: ref('/virtualNetworks/b/subnets/web') });
    },
    problems: [],
  },
  {
    name: 'one MAC address twice, in two spellings',
    change: (f) => set(nic(f, 1), { privateMacAddress: '00-1D-D8-00-00-04' }),
    problems: [
      'networkInterfaces[1].properties.privateMacAddress: expected a MAC address of its own: /networkInterfaces/vm-1-nic has this one, got "00:1d:d8:00:00:04"',
    ],
  },
];

const networks: Row[] = [
  {
    name: 'a pool that begins and ends outside its subnet',
    change: (f) => set(pool(f), { startIPAddress: '80.80.79.255', endIPAddress: '80.80.81.0' }),
    problems: [
      'logicalNetworks[1].properties.subnets[0].properties.ipPools[0].properties.startIPAddress: expected an address in its subnet\'s prefix 80.80.80.0/24, got "80.80.79.255"',
      'logicalNetworks[1].properties.subnets[0].properties.ipPools[0].properties.endIPAddress: expected an address in its subnet\'s prefix 80.80.80.0/24, got "80.80.81.0"',
    ],
  },
  {
    name: 'a pool that ends before it begins',
    change: (f) => set(pool(f), { startIPAddress: '80.80.80.9', endIPAddress: '80.80.80.8' }),
    problems: [
      'logicalNetworks[1].properties.subnets[0].properties.ipPools[0].properties.endIPAddress: expected an address not before 80.80.80.9, got "80.80.80.8"',
    ],
  },
  {
    name: 'a pool of one',
    change: (f) => set(pool(f), { startIPAddress: '80.80.80.8', endIPAddress: '80.80.80.8' }),
    problems: [],
  },
  {
    name: 'a subnet wider than its address space',
    change: (f) => set(subnet(f), { addressPrefix: '10.0.0.0/15' }),
    problems: [
      'virtualNetworks[0].properties.subnets[0].properties.addressPrefix: expected a prefix in the address space 10.0.0.0/16, got "10.0.0.0/15"',
    ],
  },
  {
    name: 'one VNI on two subnets',
    change: (f) => set(f.logicalNetworks[0].properties.subnets[0].properties, { edgemux: { vni: 5001 } }),
    problems: [
      'virtualNetworks[0].properties.subnets[0].properties.edgemux.vni: expected a VNI of its own: /logicalNetworks/HNVPA/subnets/10.10.56.0_24 has this one, got 5001',
    ],
  },
  {
    name: 'one provider address on two machines',
    change: (f) => {
      f.servers[1].properties.edgemux.providerAddresses = ['10.10.56.12', '10.10.56.11'];
      mux(f, 1).edgemux.providerAddress = '10.10.56.21';
    },
    problems: [
      'servers[1].properties.edgemux.providerAddresses[1]: expected a provider address of its own: /servers/host-1 has this one, got "10.10.56.11"',
      'loadBalancerMuxes[1].properties.edgemux.providerAddress: expected a provider address of its own: /loadBalancerMuxes/mux-1 has this one, got "10.10.56.21"',
    ],
  },
  {
    name: 'a MUX without any address',
    change: (f) => {
      mux(f).edgemux.providerAddress = '';
      router(f).peerRouterConfigurations[0].localIPAddress = '';
    },
    problems: [
      'loadBalancerMuxes[0].properties.edgemux.providerAddress: expected a provider address, here or as localIPAddress of a peer router, got nothing',
    ],
  },
  { name: "a MUX with its session's address", change: (f) => set(mux(f), { edgemux: '' }), problems: [] },
  { name: 'a MUX without a router', change: (f) => set(mux(f), { routerConfiguration: null }), problems: [] },
];

const rules: Row[] = [
  {
    name: 'protocol All for one port',
    change: (f) => set(rule(f), { protocol: 'all' }),
    problems: [
      `${LB}.loadBalancingRules[0].properties.frontendPort: expected 0, because protocol is All, got 80`,
      `${LB}.loadBalancingRules[0].properties.backendPort: expected 0, because protocol is All, got 8080`,
    ],
  },
  {
    name: 'HA ports',
    change: (f) => {
      set(rule(f), { protocol: 'All', frontendPort: '0', backendPort: 0 });
      lb(f).outboundNatRules = [];
    },
    problems: [],
  },
  {
    name: 'any port to one port',
    change: (f) => {
      set(rule(f), { frontendPort: 0 });
      lb(f).outboundNatRules = [];
    },
    problems: [`${LB}.loadBalancingRules[0].properties.backendPort: expected 0, because frontendPort is 0, got 8080`],
  },
  {
    name: 'any port to the same port',
    change: (f) => {
      set(rule(f), { frontendPort: 0, backendPort: 0 });
      lb(f).outboundNatRules = [];
    },
    problems: [],
  },
  {
    name: 'GRE to a port',
    change: (f) => set(rule(f), { protocol: 'GRE' }),
    problems: [
      `${LB}.loadBalancingRules[0].properties.frontendPort: expected 0, because protocol is GRE, got 80`,
      `${LB}.loadBalancingRules[0].properties.backendPort: expected 0, because protocol is GRE, got 8080`,
    ],
  },
  {
    name: 'ESP twice',
    change: (f) => {
      for (const resourceId of ['esp-1', 'esp-2']) {
        addRule(f, { resourceId, protocol: 'ESP', frontendPort: 0, backendPort: 0 });
      }
    },
    problems: [
      `${LB}.loadBalancingRules[3].properties.frontendPort: expected a VIP, protocol and port of its own: /loadBalancers/web/loadBalancingRules/esp-1 has 80.80.80.80:*/esp, got 0`,
    ],
  },
  {
    name: 'a VIP and port twice, rule and inbound NAT rule',
    change: (f) => set(natRule(f), { frontendPort: 80 }),
    problems: [
      `${LB}.inboundNatRules[0].properties.frontendPort: expected a VIP, protocol and port of its own: /loadBalancers/web/loadBalancingRules/http has 80.80.80.80:80/tcp, got 80`,
    ],
  },
  {
    name: 'a VIP and port twice, in two load balancers',
    change: (f) => {
      const { frontendIPConfigurations, backendAddressPools, loadBalancingRules } = lb(f);
      const copy = { frontendIPConfigurations, backendAddressPools, loadBalancingRules: [loadBalancingRules[1]] };
      f.loadBalancers.push({ resourceId: 'two', properties: copy });
    },
    problems: [
      'loadBalancers[1].properties.loadBalancingRules[0].properties.frontendPort: expected a VIP, protocol and port of its own: /loadBalancers/web/loadBalancingRules/dns has 80.80.80.80:53/udp, got 53',
    ],
  },
  { name: 'one port for TCP and for UDP', change: (f) => set(natRule(f), { frontendPort: 53 }), problems: [] },
  {
    name: 'any protocol beside one, any port beside one',
    change: (f) => {
      lb(f).outboundNatRules = [];
      addRule(f, { resourceId: 'ha', protocol: 'All', frontendPort: 0, backendPort: 0 });
      addRule(f, { resourceId: 'any', protocol: 'Tcp', frontendPort: 0, backendPort: 0 });
    },
    problems: [],
  },
  {
    name: 'any protocol twice',
    change: (f) => {
      lb(f).outboundNatRules = [];
      addRule(f, { resourceId: 'ha-1', protocol: 'All', frontendPort: 0, backendPort: 0 });
      addRule(f, { resourceId: 'ha-2', protocol: 'All', frontendPort: 0, backendPort: 0 });
    },
    problems: [
      `${LB}.loadBalancingRules[3].properties.frontendPort: expected a VIP, protocol and port of its own: /loadBalancers/web/loadBalancingRules/ha-1 has 80.80.80.80:*/*, got 0`,
    ],
  },
  {
    name: 'two outbound NAT rules for one frontend and protocol',
    change: (f) => lb(f).outboundNatRules.push({ ...lb(f).outboundNatRules[0], resourceId: 'again' }),
    problems: [
      `${LB}.outboundNatRules[1].properties.protocol: expected a frontend and protocol of its own: /loadBalancers/web/outboundNatRules/out has /loadBalancers/web/frontendIPConfigurations/fe for All, got "All"`,
    ],
  },
  {
    name: 'an HTTP probe without a path',
    change: (f) => set(probe(f), { requestPath: '' }),
    problems: [
      `${LB}.probes[0].properties.requestPath: expected a path such as /health, because protocol is Http, got nothing`,
    ],
  },
  {
    name: 'a TCP probe with a path',
    change: (f) => set(probe(f), { protocol: 'Tcp' }),
    problems: [
      `${LB}.probes[0].properties.requestPath: expected no requestPath, because protocol is Tcp, got "/health"`,
    ],
  },
];

const interfaces: Row[] = [
  {
    name: 'an inbound NAT rule with two targets',
    change: (f) =>
      set(ipConfiguration(f, 1), { loadBalancerInboundNatRules: [ref('/loadBalancers/web/inboundNatRules/rdp-vm-1')] }),
    problems: [
      `${IP2}.loadBalancerInboundNatRules[0].resourceRef: expected an inboundNatRule that does not send to /networkInterfaces/vm-1-nic/ipConfigurations/ip1 already, got "/loadBalancers/web/inboundNatRules/rdp-vm-1"`,
    ],
  },
  {
    name: 'an inbound NAT rule that disagrees with the interface',
    change: (f) => set(natRule(f), { backendIPConfiguration: ref('/networkInterfaces/vm-2-nic/ipConfigurations/ip1') }),
    problems: [
      `${LB}.inboundNatRules[0].properties.backendIPConfiguration.resourceRef: expected the ipConfiguration that refers to this rule, /networkInterfaces/vm-1-nic/ipConfigurations/ip1, got "/networkInterfaces/vm-2-nic/ipConfigurations/ip1"`,
    ],
  },
  {
    name: 'an inbound NAT rule that agrees with the interface',
    change: (f) => set(natRule(f), { backendIPConfiguration: ref('/networkinterfaces/VM-1-NIC/ipconfigurations/IP1') }),
    problems: [],
  },
  {
    name: 'an inbound NAT rule nobody uses',
    change: (f) => set(ipConfiguration(f), { loadBalancerInboundNatRules: '' }),
    problems: [],
  },
  {
    name: 'a pool member that cannot be reached',
    change: (f) => {
      f.networkInterfaces[0].properties = {
        ipConfigurations: [
          {
            resourceId: 'ip1',
            properties: { loadBalancerBackendAddressPools: [ref('/loadBalancers/web/backendAddressPools/vms')] },
          },
        ],
      };
    },
    problems: [
      `${IP1}.privateIPAddress: expected an address, ${BALANCED}, got nothing`,
      `${IP1}.subnet: expected a subnet, ${BALANCED}, got nothing`,
      `${NIC}.privateMacAddress: expected a MAC address, ${BALANCED}, got nothing`,
      `${NIC}.server: expected a server, ${BALANCED}, got nothing`,
    ],
  },
  {
    name: 'a pool member on a host without a provider address',
    change: (f) => {
      f.servers[0].properties = {};
    },
    problems: [
      `${NIC}.server.resourceRef: expected a server with edgemux.providerAddresses, ${BALANCED}, got "/servers/host-1"`,
    ],
  },
  {
    name: 'an interface in no pool, on such a host',
    change: (f) => {
      f.servers[0] = { resourceId: 'host-1' };
      set(ipConfiguration(f), { loadBalancerBackendAddressPools: [], loadBalancerInboundNatRules: null });
    },
    problems: [],
  },
];

const MUX = 'loadBalancerMuxes[0].properties.edgemux';
const PRIVATE_VIP = `${LB}.frontendIPConfigurations[0].properties.privateIPAddress`;

const unusable: Row[] = [
  ...[
    ['0.0.0.0', '0.0.0.0/8'],
    ['0.255.255.255', '0.0.0.0/8'],
    ['127.0.0.1', '127.0.0.0/8'],
    ['224.0.0.1', '224.0.0.0/4'],
    ['239.255.255.255', '224.0.0.0/4'],
    ['255.255.255.255', '255.255.255.255/32'],
    ['::', '::/128'],
    ['::1', '::1/128'],
    ['ff02::1', 'ff00::/8'],
    ['fe80::1', 'fe80::/10'],
    ['febf::1', 'fe80::/10'],
  ].map(([vip, prefix]) => ({
    name: `a VIP ${vip}`,
    change: (f: Json) => set(frontend(f), { publicIPAddress: null, privateIPAddress: vip }),
    problems: [`${PRIVATE_VIP}: expected an address clients can reach, none in ${prefix}, got "${vip}"`],
  })),
  ...[
    '1.0.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '223.255.255.255',
    '240.0.0.1',
    '255.255.255.254',
    '::2',
    'fec0::1',
  ].map((vip) => ({
    name: `but ${vip}`,
    change: (f: Json) => set(frontend(f), { publicIPAddress: null, privateIPAddress: vip }),
    problems: [],
  })),
  {
    name: 'a public address nobody can reach, in use or not',
    change: (f) => f.publicIPAddresses.push({ resourceId: 'two', properties: { ipAddress: '127.0.0.2' } }),
    problems: [
      'publicIPAddresses[1].properties.ipAddress: expected an address clients can reach, none in 127.0.0.0/8, got "127.0.0.2"',
    ],
  },
  {
    name: 'a provider address of a group',
    change: (f) => f.servers[0].properties.edgemux.providerAddresses.push('224.0.0.5'),
    problems: [
      'servers[0].properties.edgemux.providerAddresses[1]: expected an address of a machine, none in 224.0.0.0/4, got "224.0.0.5"',
    ],
  },
  {
    name: 'but a link-local one',
    change: (f) => f.servers[0].properties.edgemux.providerAddresses.push('fe80::5'),
    problems: [],
  },
  {
    name: 'a DIP of a group',
    change: (f) => {
      f.virtualNetworks[0].properties.addressSpace.addressPrefixes.push('ff00::/8');
      set(subnet(f), { edgemux: { secondAddressPrefix: 'ff00::/8' } });
      set(ipConfiguration(f), { privateIPAddress: 'ff02::1', loadBalancerBackendAddressPools: [] });
      lb(f).inboundNatRules = [];
      for (const at of [0, 1]) set(ipConfiguration(f, at), { loadBalancerInboundNatRules: [] });
    },
    problems: [`${IP1}.privateIPAddress: expected an address of a machine, none in ff00::/8, got "ff02::1"`],
  },
  ...['01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00'].map((mac) => ({
    name: `a VM with the MAC address ${mac}`,
    change: (f: Json) => set(nic(f), { privateMacAddress: mac }),
    problems: [`${NIC}.privateMacAddress: expected the MAC address of a machine, got "${mac}"`],
  })),
  {
    name: 'a machine and its gateway with the MAC address of a group',
    change: (f) => set(mux(f).edgemux, { macAddress: '03:00:00:00:00:01', gatewayMacAddress: '00:00:00:00:00:00' }),
    problems: [
      `${MUX}.macAddress: expected the MAC address of a machine, got "03:00:00:00:00:01"`,
      `${MUX}.gatewayMacAddress: expected the MAC address of a machine, got "00:00:00:00:00:00"`,
    ],
  },
];

const dualStack: Row[] = [
  {
    name: 'a MUX with two addresses of one family',
    change: (f) => set(mux(f).edgemux, { secondProviderAddress: '10.10.56.99' }),
    problems: [
      `${MUX}.secondProviderAddress: expected an IPv6 address, because 10.10.56.21 is IPv4, got "10.10.56.99"`,
    ],
  },
  {
    name: 'a MUX with an IPv6 address and a session over IPv4',
    change: (f) => set(mux(f), { edgemux: { secondProviderAddress: '2001:db8:56::21' } }),
    problems: [],
  },
  {
    name: 'a second address somebody else has',
    change: (f) => {
      f.servers[0].properties.edgemux.providerAddresses.push('2001:db8:56::11');
      set(mux(f).edgemux, { secondProviderAddress: '2001:db8:56::11' });
    },
    problems: [
      `${MUX}.secondProviderAddress: expected a provider address of its own: /servers/host-1 has this one, got "2001:db8:56::11"`,
    ],
  },
  {
    name: 'a VIP that is a second address',
    change: (f) => {
      set(mux(f).edgemux, { secondProviderAddress: '2001:db8:56::21' });
      set(frontend(f), { publicIPAddress: null, privateIPAddress: '2001:db8:56::21' });
    },
    problems: [
      `${LB}.frontendIPConfigurations[0]: expected a VIP that is no provider address: /loadBalancerMuxes/mux-1 has this one, got "2001:db8:56::21"`,
    ],
  },
  {
    name: 'two hosts with one MAC address in one subnet',
    change: (f) => set(f.servers[1].properties.edgemux, { macAddress: '02-00-00-00-56-0B' }),
    problems: [
      'servers[1].properties.edgemux.macAddress: expected a MAC address of its own: /servers/host-1 has 02:00:00:00:56:0b, got "02:00:00:00:56:0b"',
    ],
  },
  {
    name: 'a host and a MUX, by the one it has without saying so',
    change: (f) => {
      set(f.servers[1].properties.edgemux, { macAddress: '02:00:0a:0a:38:15' });
      delete mux(f).edgemux.macAddress;
    },
    problems: [
      `${MUX}.macAddress: expected a MAC address of its own: /servers/host-2 has 02:00:0a:0a:38:15, got nothing`,
    ],
  },
  {
    name: 'two hosts with one MAC address in two subnets',
    change: (f) => {
      addProviderSubnet(f, '10.10.57.0/24');
      set(f.servers[1].properties.edgemux, { macAddress: '02:00:00:00:56:0b', providerAddresses: ['10.10.57.12'] });
    },
    problems: [],
  },
  {
    name: 'but for their second address',
    change: (f) => {
      addProviderSubnet(f, '10.10.57.0/24');
      addProviderSubnet(f, '2001:db8:56::/64');
      f.servers[0].properties.edgemux.providerAddresses.push('2001:db8:56::11');
      set(f.servers[1].properties.edgemux, {
        macAddress: '02:00:00:00:56:0b',
        providerAddresses: ['10.10.57.12', '2001:db8:56::12'],
      });
    },
    problems: [
      'servers[1].properties.edgemux.macAddress: expected a MAC address of its own: /servers/host-1 has 02:00:00:00:56:0b, got "02:00:00:00:56:0b"',
    ],
  },
  {
    name: 'two prefixes of one family',
    change: (f) => set(subnet(f).edgemux, { secondAddressPrefix: '10.0.1.0/24' }),
    problems: [
      'virtualNetworks[0].properties.subnets[0].properties.edgemux.secondAddressPrefix: expected an IPv6 prefix, because 10.0.0.0/24 is IPv4, got "10.0.1.0/24"',
    ],
  },
  {
    name: 'a second prefix outside the address space',
    change: (f) => set(subnet(f).edgemux, { secondAddressPrefix: '2001:db8:a::/64' }),
    problems: [
      'virtualNetworks[0].properties.subnets[0].properties.edgemux.secondAddressPrefix: expected a prefix in the address space 10.0.0.0/16, got "2001:db8:a::/64"',
    ],
  },
  {
    name: 'addresses in either prefix, and in none',
    change: (f) => {
      f.virtualNetworks[0].properties.addressSpace.addressPrefixes.push('2001:db8:a::/48');
      set(subnet(f).edgemux, { secondAddressPrefix: '2001:db8:a::/64' });
      for (const [resourceId, privateIPAddress] of [
        ['ip2', '2001:db8:a::4'],
        ['ip3', '2001:db8:a:1::4'],
      ]) {
        const properties = { privateIPAddress, subnet: ref('/virtualNetworks/tenant-a/subnets/web') };
        nic(f).ipConfigurations.push({ resourceId, properties });
      }
      lb(f).frontendIPConfigurations.push({
        resourceId: 'in',
        properties: { privateIPAddress: '2001:db8:a:2::9', subnet: ref('/virtualNetworks/tenant-a/subnets/web') },
      });
    },
    problems: [
      `${NIC}.ipConfigurations[2].properties.privateIPAddress: expected an address in its subnet's prefix 10.0.0.0/24 or 2001:db8:a::/64, got "2001:db8:a:1::4"`,
      `${LB}.frontendIPConfigurations[1].properties.privateIPAddress: expected an address in its subnet's prefix 10.0.0.0/24 or 2001:db8:a::/64, got "2001:db8:a:2::9"`,
    ],
  },
];

const PIP = `${IP1}.publicIPAddress.resourceRef`;

const instances: Row[] = [
  { name: 'an address of its own', change: (f) => addInstanceAddress(f, '80.80.80.90'), problems: [] },
  {
    name: 'one that is not allocated',
    change: (f) => addInstanceAddress(f, undefined),
    problems: [`${PIP}: expected a publicIPAddress with an ipAddress, got "/publicIPAddresses/own"`],
  },
  {
    name: 'one of the other family',
    change: (f) => addInstanceAddress(f, '2001:db8:80::90'),
    problems: [`${PIP}: expected an IPv4 address, because 10.0.0.4 is one, got "2001:db8:80::90"`],
  },
  {
    name: 'that of a frontend',
    change: (f) => set(ipConfiguration(f), { publicIPAddress: ref('/publicIPAddresses/web-pip') }),
    problems: [
      `${PIP}: expected an address that is no VIP: /loadBalancers/web/frontendIPConfigurations/fe has this one, got "80.80.80.80"`,
    ],
  },
  {
    name: 'that of a frontend which writes it itself',
    change: (f) => {
      lb(f).frontendIPConfigurations.push({ resourceId: 'two', properties: { privateIPAddress: '80.80.80.90' } });
      addInstanceAddress(f, '80.80.80.90');
    },
    problems: [
      `${PIP}: expected an address that is no VIP: /loadBalancers/web/frontendIPConfigurations/two has this one, got "80.80.80.90"`,
    ],
  },
  {
    name: 'that of another VM',
    change: (f) => {
      addInstanceAddress(f, '80.80.80.90');
      set(ipConfiguration(f, 1), { publicIPAddress: ref('/publicIPAddresses/own') });
    },
    problems: [
      `${IP2}.publicIPAddress.resourceRef: expected an address of its own: /networkInterfaces/vm-1-nic/ipConfigurations/ip1 has this one, got "80.80.80.90"`,
    ],
  },
  {
    name: 'that of a machine',
    change: (f) => addInstanceAddress(f, '10.10.56.11'),
    problems: [
      `${IP1}.publicIPAddress: expected a VIP that is no provider address: /servers/host-1 has this one, got "10.10.56.11"`,
    ],
  },
  {
    name: 'one of a VM that cannot be reached',
    change: (f) => {
      addInstanceAddress(f, '80.80.80.90');
      set(ipConfiguration(f), { loadBalancerBackendAddressPools: [], loadBalancerInboundNatRules: [], subnet: '' });
      set(nic(f), { server: '' });
    },
    problems: [
      `${IP1}.subnet: expected a subnet, because a publicIPAddress sends to this interface, got nothing`,
      `${NIC}.server: expected a server, because a publicIPAddress sends to this interface, got nothing`,
    ],
  },
];

const OUT = `${LB}.outboundNatRules[0].properties`;

const outbound: Row[] = [
  ...[
    { rule: 'Tcp', outbound: 'Tcp', clash: true },
    { rule: 'Tcp', outbound: 'Udp', clash: false },
    { rule: 'Udp', outbound: 'All', clash: true },
    { rule: 'All', outbound: 'Udp', clash: true },
    { rule: 'GRE', outbound: 'All', clash: false },
    { rule: 'ESP', outbound: 'All', clash: false },
  ].map(({ rule: protocol, outbound: outboundProtocol, clash }) => ({
    name: `${outboundProtocol} out of a VIP with a rule for any port of ${protocol}`,
    change: (f: Json) => {
      addRule(f, { resourceId: 'any', protocol, frontendPort: 0, backendPort: 0 });
      set(lb(f).outboundNatRules[0].properties, { protocol: outboundProtocol });
    },
    problems: clash
      ? [
          `${OUT}.frontendIPConfigurations: expected a VIP without a rule for any port, as /loadBalancers/web/loadBalancingRules/any is, got "80.80.80.80"`,
        ]
      : [],
  })),
  {
    name: 'as many ports as there are',
    change: (f) => set(lb(f).outboundNatRules[0].properties, { edgemux: { allocatedOutboundPorts: 32_248 } }),
    problems: [],
  },
  {
    name: 'one block too many',
    change: (f) => set(lb(f).outboundNatRules[0].properties, { edgemux: { allocatedOutboundPorts: 32_256 } }),
    // Ports 33888 to 33895 are those of the inbound NAT rules.
    problems: [
      `${OUT}.edgemux.allocatedOutboundPorts: expected ports for all members: 80.80.80.80 has 64504, its outboundNatRules ask for 64512, got 32256`,
    ],
  },
  {
    name: 'the rule that asks for more than others leave',
    change: (f) => {
      addOutboundRule(f, { resourceId: 'a', protocol: 'Tcp', edgemux: { allocatedOutboundPorts: 32_000 } });
      addOutboundRule(f, { resourceId: 'z', protocol: 'Udp', edgemux: { allocatedOutboundPorts: 16 } });
    },
    problems: [
      `${OUT}.edgemux.allocatedOutboundPorts: expected ports for all members: 80.80.80.80 has 64504, its outboundNatRules ask for 66048, got 0`,
    ],
  },
  {
    name: 'one for TCP and one for UDP, which have the same ports',
    change: (f) => {
      lb(f).outboundNatRules = [];
      for (const protocol of ['Tcp', 'Udp']) {
        addOutboundRule(f, { resourceId: protocol, protocol, edgemux: { allocatedOutboundPorts: 32_000 } });
      }
    },
    problems: [],
  },
];

describe.each([
  { title: 'addresses that cannot work', rows: unusable },
  { title: 'dual stack', rows: dualStack },
  { title: 'instance addresses', rows: instances },
  { title: 'outbound NAT', rows: outbound },
  { title: 'references', rows: references },
  { title: 'addresses', rows: addresses },
  { title: 'networks and MUXes', rows: networks },
  { title: 'rules', rows: rules },
  { title: 'interfaces', rows: interfaces },
])('$title', ({ rows }) => {
  it.each(rows)('$name', ({ change, problems }) => expect(problemsAfter(change)).toEqual(problems));
});

describe('all at once', () => {
  it('spelling, references, shape and contradictions are reported together', () => {
    const found = problemsAfter((f) => {
      set(rule(f), { frontendPort: 'http', FrontendPORT: 80 });
      set(rule(f, 1), { backendPort: 70000, probe: ref('/loadBalancers/web/probes/nil') });
      set(natRule(f), { frontendPort: 65535 });
      set(probe(f), { intervalInSeconds: 4 });
      set(router(f), { localASN: 0 });
      f.servers[1].properties.edgemux.macAddress = '02:00';
      set(nic(f, 1), { privateMacAddress: '001DD8000004' });
      set(ipConfiguration(f), { privateIPAddress: '10.9.0.4' });
      set(publicAddress(f), { publicIPAddressVersion: 'IPv6' });
      f.virtualNetworks.push({ resourceId: 'Tenant-A' });
    });
    expect(found).toEqual([
      `${LB}.loadBalancingRules[0].properties.frontendPort: expected one spelling of the key, got ["frontendPort","FrontendPORT"]`,
      'virtualNetworks[1].resourceId: expected a resourceId no other virtualNetwork beside it has, got "Tenant-A"',
      `${LB}.loadBalancingRules[1].properties.probe.resourceRef: expected an existing probe, got "/loadBalancers/web/probes/nil"`,
      'servers[1].properties.edgemux.macAddress: expected MAC address such as 00:1d:d8:00:00:04, got "02:00"',
      'loadBalancerMuxes[0].properties.routerConfiguration.localASN: expected integer 1..4294967295, got 0',
      'virtualNetworks[1].properties: expected object, got nothing',
      `${LB}.probes[0].properties.intervalInSeconds: expected integer 5..2147483, got 4`,
      `${LB}.loadBalancingRules[1].properties.backendPort: expected integer 0..65535, got 70000`,
      `${LB}.inboundNatRules[0].properties.frontendPort: expected integer 1..65534, got 65535`,
      'publicIPAddresses[0].properties.ipAddress: expected IPv6 address, got "80.80.80.80"',
      'networkInterfaces[1].properties.privateMacAddress: expected a MAC address of its own: /networkInterfaces/vm-1-nic has this one, got "00:1d:d8:00:00:04"',
      `${IP1}.privateIPAddress: expected an address in its subnet's prefix 10.0.0.0/24, got "10.9.0.4"`,
    ]);
  });
});

function set(node: Json, members: Json): void {
  Object.assign(node, members);
}

function addProviderSubnet(fabric: Json, addressPrefix: string): void {
  const resourceId = addressPrefix.replace('/', '_');
  fabric.logicalNetworks[0].properties.subnets.push({ resourceId, properties: { addressPrefix } });
}

function addInstanceAddress(fabric: Json, ipAddress: string | undefined): void {
  const publicIPAddressVersion = ipAddress?.includes(':') ? 'IPv6' : 'IPv4';
  fabric.publicIPAddresses.push({ resourceId: 'own', properties: { ipAddress, publicIPAddressVersion } });
  set(ipConfiguration(fabric), { publicIPAddress: ref('/publicIPAddresses/own') });
}

function addOutboundRule(fabric: Json, { resourceId, ...members }: Json): void {
  const [first] = natRule(fabric).frontendIPConfigurations;
  const properties = {
    frontendIPConfigurations: [first],
    backendAddressPool: ref('/loadBalancers/web/backendAddressPools/vms'),
    ...members,
  };
  lb(fabric).outboundNatRules.push({ resourceId, properties });
}

function pool(fabric: Json): Json {
  return fabric.logicalNetworks[1].properties.subnets[0].properties.ipPools[0].properties;
}

function addRule(fabric: Json, { resourceId, ...members }: Json): void {
  lb(fabric).loadBalancingRules.push({ resourceId, properties: { ...rule(fabric), ...members } });
}
