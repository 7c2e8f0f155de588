/** Two families: who is a member of which VIP, which provider address a MUX sends to, and by which next hop. */
import { compile, type MuxProgram, parseFabric } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { example, type Json, lb, mux, natRule, nic, ref, rule } from '../resources/example.js';
import { dualStack, VIP_4, VIP_6 } from './dual-stack.js';

const IP4 = (vm: number) => `/networkInterfaces/vm-${vm}-nic/ipConfigurations/ip1`;
const IP6 = (vm: number) => `/networkInterfaces/vm-${vm}-nic/ipConfigurations/ip6`;

function compiled(change: (fabric: Json) => void = () => {}) {
  return compile(
    parseFabric(
      example((fabric) => {
        dualStack(fabric);
        change(fabric);
      }),
    ),
  );
}

const server = (fabric: Json, i = 0) => fabric.servers[i].properties.edgemux;

describe('dual stack: members of a rule', () => {
  /** The keys of the members a service leads to, by its key. */
  function membersOf({ services, rings, backends }: MuxProgram): Record<string, string[]> {
    return Object.fromEntries(
      services.map(({ key, target }) => {
        const members = 'ring' in target ? rings[target.ring].members : [target];
        return [key, members.map(({ backend }) => backends[backend].key)];
      }),
    );
  }

  const rows: { name: string; change: (fabric: Json) => void; has: Record<string, string[]> }[] = [
    {
      name: 'are those of the VIP’s family, though one pool holds both',
      change: () => {},
      has: { [`${VIP_4}:80/tcp`]: [IP4(1), IP4(2)], [`[${VIP_6}]:80/tcp`]: [IP6(1), IP6(2)] },
    },
    {
      name: 'with floating IP too, where a network interface has both',
      change: (f) => {
        rule(f).enableFloatingIP = true;
      },
      has: { [`${VIP_4}:80/tcp`]: [IP4(1), IP4(2)], [`[${VIP_6}]:80/tcp`]: [IP6(1), IP6(2)] },
    },
    {
      name: 'with floating IP the other one, where it has only that',
      change: (f) => {
        rule(f).enableFloatingIP = true;
        nic(f, 1).ipConfigurations.splice(1, 1);
      },
      has: { [`${VIP_4}:80/tcp`]: [IP4(1), IP4(2)], [`[${VIP_6}]:80/tcp`]: [IP6(1), IP4(2)] },
    },
    {
      name: 'an inbound NAT rule of an IPv6 VIP sends to an IPv6 address',
      change: (f) => {
        natRule(f).frontendIPConfigurations = [ref('/loadBalancers/web/frontendIPConfigurations/fe6')];
        nic(f).ipConfigurations[0].properties.loadBalancerInboundNatRules = [];
        nic(f).ipConfigurations[1].properties.loadBalancerInboundNatRules = [
          ref('/loadBalancers/web/inboundNatRules/rdp-vm-1'),
        ];
      },
      has: { [`[${VIP_6}]:33891/tcp`]: [IP6(1)] },
    },
  ];
  it.each(rows)('$name', ({ change, has }) => {
    expect(membersOf(compiled(change).forMux('mux-1'))).toMatchObject(has);
  });

  it('a host has one network interface and translates each family to its own', () => {
    const { nics, translations } = compiled().forHost('host-1');
    expect(nics).toEqual([{ key: '/networkInterfaces/vm-1-nic', macAddress: '00:1d:d8:00:00:04', vni: 5001 }]);
    expect(translations.filter(({ port }) => port === 80).map(({ vip, dip }) => [vip, dip])).toEqual([
      [VIP_4, '10.0.0.4'],
      [VIP_6, '2001:db8:a::4'],
    ]);
  });

  it('each family reaches out under the VIPs of its own', () => {
    const program = compiled((fabric) => {
      lb(fabric).outboundNatRules[0].properties.frontendIPConfigurations.push(
        ref('/loadBalancers/web/frontendIPConfigurations/fe6'),
      );
    });
    const { snatRules = [], exemptions } = program.forHost('host-1');
    expect(snatRules.map(({ dip, vip }) => [dip, vip])).toEqual([
      ['10.0.0.4', VIP_4],
      ['2001:db8:a::4', VIP_6],
    ]);
    expect(exemptions?.filter(({ vni }) => vni !== undefined).map(({ prefix }) => prefix)).toEqual([
      '10.0.0.0/16',
      '2001:db8:a::/48',
    ]);
    // Each VIP has all its ports for itself.
    const { snatRanges = [], backends } = program.forMux('mux-1');
    expect(new Set(snatRanges.map(({ vip, backend }) => `${vip} ${backends[backend].key}`))).toEqual(
      new Set([1, 2].flatMap((vm) => [`${VIP_4} ${IP4(vm)}`, `${VIP_6} ${IP6(vm)}`])),
    );
  });
});

describe('dual stack: provider addresses', () => {
  const HOST_6 = '2001:db8:56::11';
  const MUX_6 = '2001:db8:56::21';
  const rows: {
    name: string;
    host: string[];
    mux: [first: string, second?: string];
    to: string;
    attachment: { providerAddress: string; secondProviderAddress?: string };
  }[] = [
    {
      name: 'IPv4 alone',
      host: ['10.10.56.11'],
      mux: ['10.10.56.21'],
      to: '10.10.56.11',
      attachment: { providerAddress: '10.10.56.11' },
    },
    { name: 'IPv6 alone', host: [HOST_6], mux: [MUX_6], to: HOST_6, attachment: { providerAddress: HOST_6 } },
    {
      name: 'both: the first of the host’s',
      host: [HOST_6, '10.10.56.11'],
      mux: ['10.10.56.21', MUX_6],
      to: HOST_6,
      attachment: { providerAddress: HOST_6, secondProviderAddress: '10.10.56.11' },
    },
    {
      name: 'the host’s second, where the MUX has only that family',
      host: [HOST_6, '10.10.56.11'],
      mux: ['10.10.56.21'],
      to: '10.10.56.11',
      attachment: { providerAddress: HOST_6, secondProviderAddress: '10.10.56.11' },
    },
    {
      name: 'the only one the host has, though it is the MUX’s second',
      host: [HOST_6],
      mux: ['10.10.56.21', MUX_6],
      to: HOST_6,
      attachment: { providerAddress: HOST_6 },
    },
    {
      name: 'two of one family are no second address',
      host: ['10.10.56.11', '10.10.56.13'],
      mux: ['10.10.56.21', MUX_6],
      to: '10.10.56.11',
      attachment: { providerAddress: '10.10.56.11' },
    },
  ];
  it.each(rows)('$name', ({ host, mux: [first, second], to, attachment }) => {
    const program = compiled((fabric) => {
      // Of the other machines nothing is asked.
      fabric.networkInterfaces.splice(1, 1);
      fabric.loadBalancerMuxes.splice(1, 1);
      server(fabric).providerAddresses = host;
      mux(fabric).edgemux = {
        providerAddress: first,
        ...(second && { secondProviderAddress: second }),
        // What a MUX without an IPv4 address has to say to its routers, whoever compiles for it.
        ...(first === MUX_6 && { routerId: '10.10.56.21' }),
      };
    });
    const { attachment: ofMux, backends } = program.forMux('mux-1');
    expect(new Set(backends.map(({ hostProviderAddress }) => hostProviderAddress))).toEqual(new Set([to]));
    expect([ofMux.providerAddress, ofMux.secondProviderAddress]).toEqual([first, second]);
    const { providerAddress, secondProviderAddress } = program.forHost('host-1').attachment;
    expect({ providerAddress, secondProviderAddress }).toEqual(attachment);
  });

  const addSubnet = (fabric: Json, addressPrefix: string, vlanID = 0) =>
    fabric.logicalNetworks[0].properties.subnets.push({
      resourceId: addressPrefix.replace('/', '_'),
      properties: { addressPrefix, vlanID },
    });

  it.each([
    { name: 'in the subnet of the MUX the host itself', host: '2001:db8:56::11', nextHop: '02:00:00:00:56:0b' },
    { name: 'in another the gateway', host: '2001:db8:57::11', nextHop: '02:00:00:00:56:01' },
  ])('the next hop is of the family that is sent in: $name', ({ host, nextHop }) => {
    const { backends } = compiled((fabric) => {
      addSubnet(fabric, '2001:db8:56::/64');
      addSubnet(fabric, '2001:db8:57::/64');
      // The IPv4 addresses are in one subnet all the while.
      server(fabric).providerAddresses = [host, '10.10.56.11'];
      Object.assign(mux(fabric).edgemux, {
        secondProviderAddress: '2001:db8:56::21',
        gatewayMacAddress: '02:00:00:00:56:01',
      });
    }).forMux('mux-1');
    const local = backends.filter((backend) => backend.host === 'host-1');
    expect(new Set(local.map(({ nextHopMacAddress }) => nextHopMacAddress))).toEqual(new Set([nextHop]));
  });
});
