/** What a fabric says and no program does: told, and nothing else is. */
import { notesOf } from 'edgemux';
import { expect, test } from 'vitest';
import { fabricAfter, ipConfiguration, type Json, lb, mux, natRule, publicAddress, ref, rule } from './example.js';

const LB = 'loadBalancers[0].properties';

/** The example without what it has notes for itself. */
function silent(fabric: Json): void {
  lb(fabric).probes = [];
  delete rule(fabric).probe;
  for (const at of [0, 1]) delete mux(fabric, at).routerConfiguration;
}

const rows: { name: string; change: (fabric: Json) => void; notes: string[] }[] = [
  { name: 'nothing', change: () => {}, notes: [] },
  {
    name: 'a probe',
    change: (f) => lb(f).probes.push({ resourceId: 'tcp', properties: { protocol: 'Tcp', port: 80 } }),
    notes: [
      `${LB}.probes[0] is run by a controller, not by a MUX or host: until one says otherwise every DIP counts as up`,
    ],
  },
  {
    name: 'a router',
    change: (f) => {
      const peer = { routerIPAddress: '10.10.56.1', peerASN: 1 };
      mux(f, 1).routerConfiguration = { localASN: 2, peerRouterConfigurations: [peer] };
    },
    notes: [
      'loadBalancerMuxes[1].properties.routerConfiguration.peerRouterConfigurations[0] is not spoken to by the program of a MUX: edgemux mux and edgemux bgp announce its VIPs to the router',
    ],
  },
  {
    name: 'a server that is no host',
    change: (f) => f.servers.push({ resourceId: 'bare' }),
    notes: ['servers[2] has no program: it has no edgemux.providerAddresses'],
  },
  {
    name: 'an inbound NAT rule nobody uses',
    change: (f) => {
      ipConfiguration(f, 1).loadBalancerInboundNatRules = [];
    },
    notes: [`${LB}.inboundNatRules[1] sends nowhere: no ipConfiguration refers to it, and it names none`],
  },
  {
    name: 'outbound NAT that is switched off',
    change: (f) => {
      f.loadBalancerManager.properties.isOutboundNatEnabled = false;
    },
    notes: [`${LB}.outboundNatRules[0] leases no ports: loadBalancerManager.properties.isOutboundNatEnabled is false`],
  },
  {
    name: 'TCP reset for what is not TCP',
    change: (f) => {
      rule(f).edgemux = { enableTcpReset: true };
      rule(f, 1).edgemux = { enableTcpReset: true };
      natRule(f, 1).protocol = 'Udp';
      natRule(f, 1).edgemux = { enableTcpReset: true };
      lb(f).outboundNatRules[0].properties.edgemux = { enableTcpReset: true };
    },
    notes: [
      `${LB}.loadBalancingRules[1].properties.edgemux.enableTcpReset does nothing for Udp`,
      `${LB}.inboundNatRules[1].properties.edgemux.enableTcpReset does nothing for Udp`,
    ],
  },
  {
    name: 'the timeout of a public address that is a VIP',
    change: (f) => {
      publicAddress(f).idleTimeoutInMinutes = 5;
    },
    notes: [
      'publicIPAddresses[0].properties.idleTimeoutInMinutes is that of an instance-level address: connections to a VIP have the timeout of their rule',
    ],
  },
  {
    name: 'but not that of an instance-level address',
    change: (f) => {
      f.publicIPAddresses.push({
        resourceId: 'own',
        properties: { ipAddress: '80.80.80.90', idleTimeoutInMinutes: 5 },
      });
      ipConfiguration(f).publicIPAddress = ref('/publicIPAddresses/own');
    },
    notes: [],
  },
];

test.each(rows)('$name', ({ change, notes }) => {
  const fabric = fabricAfter((f) => {
    silent(f);
    change(f);
  });
  expect(notesOf(fabric).map(({ path, text }) => `${path} ${text}`)).toEqual(notes);
});
