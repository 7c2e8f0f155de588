import { describe, expect, it } from 'vitest';
import {
  frontendAddressOf,
  Membership,
  muxProviderAddressOf,
  parseFabric,
  ResourceIndex,
  subnetOf,
} from '../../sdk/resources/index.js';
import { example, fabricAfter, frontend, ipConfiguration, type Json, mux, natRule, ref } from './example.js';

const POOL = '/loadBalancers/web/backendAddressPools/vms';
const FRONTEND = '/loadBalancers/web/frontendIPConfigurations/fe';
const NAT = '/loadBalancers/web/inboundNatRules/rdp-vm-1';
const [DIP_1, DIP_2] = [
  '/networkInterfaces/vm-1-nic/ipConfigurations/ip1',
  '/networkInterfaces/vm-2-nic/ipConfigurations/ip1',
];

describe('ResourceIndex', () => {
  const index = new ResourceIndex(parseFabric(example()));

  it('lists a kind in the order of the file', () => {
    expect(index.all('loadBalancingRule').map(({ ref, path, parentRef }) => ({ ref, path, parentRef }))).toEqual([
      {
        ref: '/loadBalancers/web/loadBalancingRules/http',
        path: 'loadBalancers[0].properties.loadBalancingRules[0]',
        parentRef: '/loadBalancers/web',
      },
      {
        ref: '/loadBalancers/web/loadBalancingRules/dns',
        path: 'loadBalancers[0].properties.loadBalancingRules[1]',
        parentRef: '/loadBalancers/web',
      },
    ]);
  });
  it('finds by reference', () => expect(index.find('server', '/servers/HOST-1')?.resource.resourceId).toBe('host-1'));
  it('finds only the kind asked for', () => expect(index.find('probe', '/servers/host-1')).toBeUndefined());
  it('lists nothing of a kind there is none of', () =>
    expect(new ResourceIndex(parseFabric({})).all('server')).toEqual([]));
  it('tells subnets apart', () => {
    expect(subnetOf(index, '/virtualNetworks/tenant-a/subnets/web')?.resource.properties.edgemux.vni).toBe(5001);
    expect(subnetOf(index, '/logicalNetworks/HNVPA/subnets/10.10.56.0_24')?.kind).toBe('logicalNetworkSubnet');
  });
});

describe('Membership', () => {
  const rows: { name: string; change: (fabric: Json) => void; members: string[]; target: string | undefined }[] = [
    { name: 'as the interfaces say', change: () => {}, members: [DIP_1, DIP_2], target: DIP_1 },
    {
      name: 'each member once',
      change: (f) => ipConfiguration(f).loadBalancerBackendAddressPools.push(ref(POOL.toUpperCase())),
      members: [DIP_1, DIP_2],
      target: DIP_1,
    },
    {
      name: 'a target named by the rule',
      change: (f) => {
        ipConfiguration(f).loadBalancerInboundNatRules = [];
        natRule(f).backendIPConfiguration = ref(DIP_2);
      },
      members: [DIP_1, DIP_2],
      target: DIP_2,
    },
    {
      name: 'nobody',
      change: (f) => f.networkInterfaces.splice(0),
      members: [],
      target: undefined,
    },
  ];
  it.each(rows)('$name', ({ change, members, target }) => {
    const membership = new Membership(new ResourceIndex(fabricAfter(change)));
    expect(membership.membersOfPool(POOL).map((member) => member.ipConfiguration.ref)).toEqual(members);
    expect(membership.targetOfNatRule(NAT)?.ipConfiguration.ref).toBe(target);
  });
});

describe('addresses', () => {
  const address = (change: (fabric: Json) => void) =>
    frontendAddressOf(new ResourceIndex(fabricAfter(change)), FRONTEND);
  it('a VIP from a publicIPAddress', () => expect(address(() => {})).toBe('80.80.80.80'));
  it("a VIP of the frontend's own", () => {
    expect(address((f) => Object.assign(frontend(f), { publicIPAddress: '', privateIPAddress: '10.0.0.9' }))).toBe(
      '10.0.0.9',
    );
  });
  it('a MUX is where it says, else where its session ends', () => {
    const muxes = (change: (fabric: Json) => void) => fabricAfter(change).loadBalancerMuxes.map(muxProviderAddressOf);
    expect(
      muxes((f) => {
        mux(f).edgemux.providerAddress = '10.10.56.99';
      }),
    ).toEqual(['10.10.56.99', '10.10.56.22']);
    expect(
      muxes((f) => {
        delete mux(f).edgemux;
      }),
    ).toEqual(['10.10.56.21', '10.10.56.22']);
  });
});
