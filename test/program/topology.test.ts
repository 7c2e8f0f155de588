/** What stands where: machines and their defaults, VNIs given and assigned, DIPs and who is not one. */

import { parseFabric, type Topology, topologyOf, withNicOnServer } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { example, ipConfiguration, type Json, mux, subnet } from '../resources/example.js';

const WEB = '/virtualNetworks/tenant-a/subnets/web';
const DB = '/virtualNetworks/tenant-a/subnets/db';
const PA = '/logicalNetworks/HNVPA/subnets/10.10.56.0_24';
const DIP_1 = '/networkInterfaces/vm-1-nic/ipConfigurations/ip1';

function topology(change: (fabric: Json) => void = () => {}): Topology {
  return topologyOf(parseFabric(example(change)));
}

function addSubnet(fabric: Json, resourceId: string, third: number, vni?: number): void {
  const edgemux = vni === undefined ? {} : { edgemux: { vni } };
  const properties = { addressPrefix: `10.0.${third}.0/24`, ...edgemux };
  fabric.virtualNetworks[0].properties.subnets.push({ resourceId, properties });
}

describe('topology: machines', () => {
  const end = (last: string, vlanId = 0) => ({ address: `10.10.56.${last}`, family: 4, subnet: PA, vlanId });
  const v6End = { address: '2001:db8:56::11', family: 6, subnet: '/logicalNetworks/HNVPA/subnets/v6', vlanId: 9 };
  const addV6Subnet = (fabric: Json) =>
    fabric.logicalNetworks[0].properties.subnets.push({
      resourceId: 'v6',
      properties: { addressPrefix: '2001:db8:56::/64', vlanID: 9 },
    });
  const server = (fabric: Json) => fabric.servers[0].properties.edgemux;
  const rows: { name: string; change: (fabric: Json) => void; host?: object; mux?: object }[] = [
    {
      name: 'as the fabric says',
      change: () => {},
      host: { id: 'host-1', providerAddresses: ['10.10.56.11'], macAddress: '02:00:00:00:56:0b', ends: [end('11')] },
      mux: { id: 'mux-1', providerAddresses: ['10.10.56.21'], macAddress: '02:00:00:00:56:15', ends: [end('21')] },
    },
    {
      name: 'a MAC nobody says is 02:00 and the provider address',
      change: (fabric) => {
        delete server(fabric).macAddress;
        delete mux(fabric).edgemux.macAddress;
      },
      host: { macAddress: '02:00:0a:0a:38:0b' },
      mux: { macAddress: '02:00:0a:0a:38:15' },
    },
    {
      name: 'the first of several provider addresses counts',
      change: (fabric) => {
        server(fabric).providerAddresses = ['10.10.56.99', '10.10.56.11'];
        delete server(fabric).macAddress;
      },
      host: { providerAddresses: ['10.10.56.99', '10.10.56.11'], macAddress: '02:00:0a:0a:38:63' },
    },
    {
      name: 'the first of each family is one others send to, in their order',
      change: (fabric) => {
        addV6Subnet(fabric);
        server(fabric).providerAddresses = ['2001:db8:56::11', '2001:db8:56::12', '10.10.56.11', '10.10.56.99'];
        mux(fabric).edgemux.secondProviderAddress = '2001:DB8:56:0::11';
        delete server(fabric).macAddress;
        fabric.servers[0].properties.edgemux.providerAddresses[0] = '2001:db8:56::13';
      },
      host: { ends: [{ ...v6End, address: '2001:db8:56::13' }, end('11')], macAddress: '02:00:00:00:00:13' },
      mux: { providerAddresses: ['10.10.56.21', '2001:db8:56::11'], ends: [end('21'), v6End] },
    },
    {
      name: 'the MTU the fabric says',
      change: (fabric) => {
        server(fabric).mtuBytes = 1350;
      },
      host: { mtuBytes: 1350 },
      mux: { mtuBytes: undefined },
    },
    {
      name: 'a MUX without a provider address has that of its BGP session',
      change: (fabric) => {
        mux(fabric).edgemux = {};
      },
      mux: { providerAddresses: ['10.10.56.21'], macAddress: '02:00:0a:0a:38:15' },
    },
    {
      name: 'the VLAN of the logical network',
      change: (fabric) => {
        fabric.logicalNetworks[0].properties.subnets[0].properties.vlanID = '4094';
      },
      host: { ends: [end('11', 4094)] },
      mux: { ends: [end('21', 4094)] },
    },
    {
      name: 'the gateway the fabric says',
      change: (fabric) => {
        server(fabric).gatewayMacAddress = '02-00-00-00-56-01';
      },
      host: { gatewayMacAddress: '02:00:00:00:56:01' },
      mux: { gatewayMacAddress: undefined },
    },
  ];
  it.each(rows)('$name', ({ change, host = {}, mux: expected = {} }) => {
    const { hosts, muxes } = topology(change);
    expect(hosts.get('host-1')).toMatchObject(host);
    expect(muxes.get('mux-1')).toMatchObject(expected);
  });

  it('a server without a provider address is no host', () => {
    const { hosts } = topology((fabric) => {
      fabric.servers.push({ resourceId: 'bare', properties: {} });
    });
    expect([...hosts.keys()]).toEqual(['host-1', 'host-2']);
  });
});

describe('topology: VNIs', () => {
  const assigned = (change: (fabric: Json) => void, ref = WEB) => topology(change).vnis.get(ref) as number;
  const withoutVni = (fabric: Json) => {
    delete subnet(fabric).edgemux;
  };

  it('one that is given is kept', () => expect(assigned(() => {})).toBe(5001));

  it('one that is not is the same every time, on every machine', () => {
    expect(assigned(withoutVni)).toBe(assigned(withoutVni));
    // The first word of SHA-256("/logicalNetworks/HNVPA/subnets/10.10.56.0_24") modulo 2^24 - 4097, plus 4096.
    expect(assigned(() => {}, PA)).toBe(15_955_025);
  });

  it('and does not depend on other subnets', () => {
    const alone = assigned(withoutVni);
    const among = assigned((fabric) => {
      withoutVni(fabric);
      for (let third = 1; third < 100; third++) addSubnet(fabric, `s${third}`, third);
      fabric.virtualNetworks[0].properties.subnets.reverse();
    });
    expect(among).toBe(alone);
  });

  it('gives way to a subnet that asks for the same one', () => {
    const own = assigned(withoutVni);
    const { vnis } = topology((fabric) => {
      withoutVni(fabric);
      addSubnet(fabric, 'db', 1, own);
    });
    expect([vnis.get(DB), vnis.get(WEB)]).toEqual([own, own + 1]);
  });

  it('and to as many as there are', () => {
    const own = assigned(withoutVni);
    const { vnis } = topology((fabric) => {
      withoutVni(fabric);
      for (let step = 0; step < 5; step++) addSubnet(fabric, `s${step}`, step + 1, own + step);
    });
    expect(vnis.get(WEB)).toBe(own + 5);
  });

  it('no two subnets of a thousand share one, and all are in 4096..16777214', () => {
    const { vnis } = topology((fabric) => {
      fabric.virtualNetworks[0].properties.addressSpace.addressPrefixes = ['10.0.0.0/8'];
      for (let count = 1; count < 1000; count++) {
        const properties = { addressPrefix: `10.${100 + (count >> 8)}.${count & 255}.0/24` };
        fabric.virtualNetworks[0].properties.subnets.push({ resourceId: `s${count}`, properties });
      }
    });
    const numbers = [...vnis.values()];
    expect(vnis.size).toBe(1002);
    expect(new Set(numbers).size).toBe(vnis.size);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(4096);
    expect(Math.max(...numbers)).toBeLessThanOrEqual(16_777_214);
  });
});

describe('topology: networks', () => {
  const prefixes = (change: (fabric: Json) => void) => topology(change).networkPrefixes;

  it('of a tenant are its address space, whichever subnet the VNI is of', () => {
    const found = prefixes((fabric) => {
      fabric.virtualNetworks[0].properties.addressSpace.addressPrefixes = ['2001:db8:a::/48', '10.0.0.0/16'];
      addSubnet(fabric, 'db', 1, 5002);
    });
    const space = ['10.0.0.0/16', '2001:db8:a::/48'];
    expect([found.get(5001), found.get(5002)]).toEqual([space, space]);
  });

  it('of the provider are its subnets', () => {
    const found = prefixes((fabric) => {
      const { subnets } = fabric.logicalNetworks[1].properties;
      subnets[0].properties.edgemux = { vni: 7, secondAddressPrefix: '2001:db8:80::/64' };
      subnets.push({ resourceId: 'more', properties: { addressPrefix: '80.80.81.0/24', edgemux: { vni: 8 } } });
    });
    const both = ['2001:db8:80::/64', '80.80.80.0/24', '80.80.81.0/24'];
    expect([found.get(7), found.get(8)]).toEqual([both, both]);
  });
});

describe('topology: DIPs', () => {
  it('have the instance-level address of their ipConfiguration', () => {
    const { dips } = topology((fabric) => {
      const properties = { ipAddress: '80.80.80.90', idleTimeoutInMinutes: 30 };
      fabric.publicIPAddresses.push({ resourceId: 'vm-1', properties });
      ipConfiguration(fabric).publicIPAddress = { resourceRef: '/publicIPAddresses/vm-1' };
    });
    const instance = { address: '80.80.80.90', ref: '/publicIPAddresses/vm-1', idleTimeoutInMinutes: 30 };
    expect(dips.get(DIP_1)?.instance).toEqual(instance);
    expect([...dips.values()].filter((dip) => 'instance' in dip)).toHaveLength(1);
  });

  it('are where their NIC is', () => {
    expect(topology().dips.get(DIP_1)).toEqual({
      key: DIP_1,
      nic: '/networkInterfaces/vm-1-nic',
      address: '10.0.0.4',
      macAddress: '00:1d:d8:00:00:04',
      vni: 5001,
      host: 'host-1',
    });
  });

  const outOfPools = (fabric: Json) => {
    Object.assign(ipConfiguration(fabric), { loadBalancerBackendAddressPools: [], loadBalancerInboundNatRules: [] });
  };
  const nicOf = (fabric: Json) => fabric.networkInterfaces[0].properties;
  it.each([
    { name: 'an address', remove: (fabric: Json) => delete ipConfiguration(fabric).privateIPAddress },
    { name: 'a subnet', remove: (fabric: Json) => delete ipConfiguration(fabric).subnet },
    { name: 'a MAC', remove: (fabric: Json) => delete nicOf(fabric).privateMacAddress },
    { name: 'a server', remove: (fabric: Json) => delete nicOf(fabric).server },
  ])('without $name there is none', ({ remove }) => {
    const { dips } = topology((fabric) => {
      outOfPools(fabric);
      remove(fabric);
    });
    expect(dips.has(DIP_1)).toBe(false);
    expect(dips.size).toBe(1);
  });

  it('move with their NIC, and the fabric they were in stays as it was', () => {
    const before = parseFabric(example());
    const after = withNicOnServer(before, 'vm-1-nic', 'host-2');
    expect(topologyOf(after).dips.get(DIP_1)?.host).toBe('host-2');
    expect(topologyOf(before).dips.get(DIP_1)?.host).toBe('host-1');
    expect(withNicOnServer(before, 'VM-1-NIC', 'HOST-2')).toEqual(after);
    expect(() => withNicOnServer(before, 'nobody', 'host-2')).toThrow(
      expect.objectContaining({ code: 'ERR_UNKNOWN_ID' }),
    );
    expect(() => withNicOnServer(before, 'vm-1-nic', 'nowhere')).toThrow(/servers: .* got "nowhere"/);
  });
});
