/** Programs whose digest is right and whose contents no data plane could obey: refused before any of it is applied. */
import { readFileSync } from 'node:fs';
import { sha256 } from '@noble/hashes/sha2.js';
import {
  type Attachment,
  compile,
  decodeProgram,
  encodeProgram,
  type HostProgram,
  type MuxProgram,
  type Program,
  parseFabric,
  readFabric,
  type Service,
  type SnatRange,
  type SnatRule,
  type Translation,
} from 'edgemux';
import { describe, expect, test } from 'vitest';

const example = readFileSync(new URL('../../examples/two-hosts.fabric.json', import.meta.url), 'utf8');
const compiled = compile(readFabric(example));
const mux = compiled.forMux('mux-1');
const host = compiled.forHost('host-1');
const [backend, ...otherBackends] = mux.backends;
const [service, ...otherServices] = mux.services;
const [ring] = mux.rings;
const [range, secondRange] = mux.snatRanges as SnatRange[];
const [snatRule] = host.snatRules as SnatRule[];
const VIP = '80.80.80.80';

const withBackend = (change: Partial<MuxProgram['backends'][number]>): MuxProgram => ({
  ...mux,
  backends: [{ ...backend, ...change }, ...otherBackends],
});
const withRing = (change: Partial<MuxProgram['rings'][number]>): MuxProgram => ({
  ...mux,
  rings: [{ ...ring, ...change }],
});
const withService = (change: Partial<Service>): MuxProgram => ({
  ...mux,
  services: [{ ...service, ...change }, ...otherServices],
});
const withRanges = (...snatRanges: SnatRange[]): MuxProgram => ({ ...mux, snatRanges });
const withAttachment = (change: Partial<Attachment>): MuxProgram => ({
  ...mux,
  attachment: { ...mux.attachment, ...change },
});
const withNic = (change: Partial<HostProgram['nics'][number]>): HostProgram => ({
  ...host,
  nics: [{ ...host.nics[0], ...change }],
});
const withTranslation = (change: Partial<Translation>): HostProgram => ({
  ...host,
  translations: [{ ...host.translations[0], ...change }],
});
const withSnatRules = (...changes: Partial<SnatRule>[]): HostProgram => ({
  ...host,
  snatRules: changes.map((change) => ({ ...snatRule, ...change })),
});
const ports = (firstPort: number, portCount: number) => ({ ranges: [{ firstPort, portCount }] });

interface Row {
  name: string;
  program: Program;
  /** Part of the message; left out for a program that is all right. */
  why?: string;
}

const machines: Row[] = [
  { name: 'VLAN 4094', program: withAttachment({ vlanId: 4094 }) },
  { name: 'VLAN 4095', program: withAttachment({ vlanId: 4095 }), why: 'VLAN 4095' },
  { name: 'an MTU of 1350', program: withAttachment({ mtuBytes: 1350 }) },
  { name: 'an MTU of 1349', program: withAttachment({ mtuBytes: 1349 }), why: 'an MTU of 1349 bytes' },
  { name: 'an MTU of 65535', program: withAttachment({ mtuBytes: 65_535 }) },
  { name: 'an MTU of 65536', program: withAttachment({ mtuBytes: 65_536 }), why: 'an MTU of 65536 bytes' },
  { name: 'a second address', program: withAttachment({ secondProviderAddress: '2001:db8::21' }) },
  {
    name: 'a second address of the same family',
    program: withAttachment({ secondProviderAddress: '10.10.56.99' }),
    why: 'two provider addresses of one family: 10.10.56.21, 10.10.56.99',
  },
];

const muxes: Row[] = [
  { name: 'a VIP twice', program: { ...mux, vips: [VIP, VIP] }, why: 'the same VIP twice' },
  { name: 'a VNI of 24 bits', program: withBackend({ vni: 2 ** 24 - 1 }) },
  { name: 'a VNI of 25 bits', program: withBackend({ vni: 2 ** 24 }), why: 'VNI 16777216' },
  {
    name: 'a backend without a MAC address',
    program: withBackend({ macAddress: '00:00:00:00:00:00' }),
    why: 'a VM with the MAC address 00:00:00:00:00:00',
  },
  {
    name: 'an IPv6 host for a MUX without IPv6',
    program: withBackend({ hostProviderAddress: '2001:db8::11' }),
    why: 'a host at 2001:db8::11',
  },
  {
    name: 'an IPv6 host for a MUX with both',
    program: {
      ...withBackend({ hostProviderAddress: '2001:db8::11' }),
      attachment: { ...mux.attachment, secondProviderAddress: '2001:db8::21' },
    },
  },
  { name: 'a backend twice', program: { ...mux, backends: [backend, backend] }, why: 'the same backend twice' },
  {
    name: 'a ring member twice',
    program: withRing({ members: [...ring.members, ring.members[0]] }),
    why: 'the same ring member twice',
  },
  { name: 'a member that is drained as well', program: withRing({ drained: [0] }), why: 'the same ring member twice' },
  { name: 'a drained member that is no backend', program: withRing({ drained: [9] }), why: 'drained member' },
  {
    name: 'a ring member that is no backend',
    program: withRing({ members: [{ backend: 2, weight: 1 }] }),
    why: 'a ring member that is no backend',
  },
  { name: 'a ring of 250 slots', program: withRing({ slotCount: 250 }), why: 'a ring of 250 slots' },
  { name: 'a weight of 65535', program: withRing({ members: [{ backend: 0, weight: 65_535 }] }) },
  {
    name: 'a weight of 65536',
    program: withRing({ members: [{ backend: 0, weight: 65_536 }] }),
    why: 'a weight outside',
  },
  { name: 'a weight of 0', program: withRing({ members: [{ backend: 0, weight: 0 }] }), why: 'a weight outside' },
];

const services: Row[] = [
  { name: 'a service twice', program: { ...mux, services: [...mux.services, service] }, why: 'the same service twice' },
  {
    name: 'a service twice by another key',
    program: { ...mux, services: [...mux.services, { ...service, key: 'another' }] },
    why: 'the same VIP, protocol and port twice',
  },
  { name: 'a service of no VIP', program: withService({ vip: '80.80.80.81' }), why: 'of no VIP' },
  { name: 'GRE', program: withService({ protocol: 47, port: 0 }) },
  { name: 'GRE with a port', program: withService({ protocol: 47, port: 1 }), why: 'port 1 of protocol 47' },
  { name: 'ESP with a port', program: withService({ protocol: 50, port: 1 }), why: 'port 1 of protocol 50' },
  { name: 'any protocol and one port', program: withService({ protocol: 0, port: 80 }), why: 'port 80 of protocol 0' },
  { name: 'a protocol no rule has', program: withService({ protocol: 132 as 6, port: 0 }), why: 'protocol 132' },
  { name: 'a ring that is not there', program: withService({ target: { ring: 1 } }), why: 'leads nowhere' },
  {
    name: 'an IPv6 DIP of an IPv4 VIP',
    program: withBackend({ dip: '2001:db8::4' }),
    why: 'a DIP of the other family',
  },
  {
    name: 'an IPv6 DIP, drained, of an IPv4 VIP',
    program: {
      ...withBackend({ dip: '2001:db8::4' }),
      services: otherServices.filter(({ target }) => 'ring' in target),
      rings: [{ ...ring, members: [{ backend: 1, weight: 1 }], drained: [0] }],
      snatRanges: [],
    },
    why: 'a DIP of the other family',
  },
  {
    name: 'an IPv6 DIP of an IPv4 VIP with floating IP',
    program: {
      ...withBackend({ dip: '2001:db8::4' }),
      services: mux.services.map((one) => ({ ...one, floatingIp: true })),
      snatRanges: [secondRange],
    },
  },
  {
    name: 'an instance address',
    program: withService({ protocol: 0, port: 0, backendPort: 0, isInstanceAddress: true }),
  },
  {
    name: 'an instance address of one protocol',
    program: withService({ protocol: 6, port: 0, backendPort: 0, isInstanceAddress: true }),
    why: 'an instance address that is for a part of it',
  },
  {
    name: 'an instance address with a backend port',
    program: withService({ protocol: 0, port: 0, backendPort: 80, isInstanceAddress: true }),
    why: 'an instance address that is for a part of it',
  },
  {
    name: 'an instance address with floating IP',
    program: withService({ protocol: 0, port: 0, backendPort: 0, floatingIp: true, isInstanceAddress: true }),
    why: 'an instance address that is for a part of it',
  },
  {
    name: 'an instance address of a ring',
    program: withService({ protocol: 0, port: 0, backendPort: 0, target: { ring: 0 }, isInstanceAddress: true }),
    why: 'an instance address that is for a part of it',
  },
];

const leases: Row[] = [
  { name: 'ports of no VIP', program: withRanges({ ...range, vip: '80.80.80.81' }), why: 'which is no VIP' },
  { name: 'the first ports', program: withRanges({ ...range, firstPort: 1024, portCount: 8 }) },
  { name: 'ports below', program: withRanges({ ...range, firstPort: 1016 }), why: 'leased ports 1016+1024' },
  { name: 'the last ports', program: withRanges({ ...range, firstPort: 65_528, portCount: 8 }) },
  { name: 'ports above', program: withRanges({ ...range, firstPort: 65_528, portCount: 16 }), why: '65528+16' },
  { name: 'no ports', program: withRanges({ ...range, portCount: 0 }), why: '35840+0' },
  { name: 'half a block', program: withRanges({ ...range, portCount: 12 }), why: '35840+12' },
  { name: 'ports between blocks', program: withRanges({ ...range, firstPort: 35_844 }), why: '35844+1024' },
  { name: 'ports of no backend', program: withRanges({ ...range, backend: 2 }), why: 'of no backend' },
  {
    name: 'ports of an IPv4 VIP for an IPv6 DIP',
    program: { ...withBackend({ dip: '2001:db8::4' }), services: [] },
    why: `leased ports of ${VIP} for a DIP of the other family`,
  },
  { name: 'ranges side by side', program: withRanges(range, { ...secondRange, firstPort: 35_840 + 1024 }) },
  {
    name: 'ranges that overlap',
    program: withRanges(range, { ...secondRange, firstPort: 35_840 + 1016 }),
    why: 'leased twice',
  },
  { name: 'ranges out of order', program: withRanges(secondRange, range), why: 'not in order' },
  {
    name: 'VIPs out of order',
    program: { ...withRanges({ ...range, vip: '80.80.80.9' }, secondRange), vips: [VIP, '80.80.80.9'] },
    why: 'not in order',
  },
];

const hosts: Row[] = [
  {
    name: 'a NIC with a group’s MAC address',
    program: withNic({ macAddress: '01:00:5e:00:00:01' }),
    why: 'a VM with the MAC address 01:00:5e:00:00:01',
  },
  { name: 'a NIC with a VNI of 25 bits', program: withNic({ vni: 2 ** 24 }), why: 'VNI 16777216' },
  { name: 'a NIC twice', program: { ...host, nics: [host.nics[0], host.nics[0]] }, why: 'the same NIC twice' },
  {
    name: 'a MAC address twice',
    program: { ...host, nics: [host.nics[0], { ...host.nics[0], key: 'another' }] },
    why: 'the same MAC address twice',
  },
  { name: 'a translation of no NIC', program: withTranslation({ nic: 1 }), why: 'a translation of no NIC' },
  {
    name: 'a translation twice',
    program: { ...host, translations: [host.translations[0], host.translations[0]] },
    why: 'the same translation twice',
  },
  { name: 'a translation of ESP', program: withTranslation({ protocol: 50, port: 0 }) },
  { name: 'a port of ESP', program: withTranslation({ protocol: 50, port: 1 }), why: 'port 1 of protocol 50' },
  {
    name: 'a translation to the other family',
    program: withTranslation({ dip: '2001:db8::4' }),
    why: `a translation of ${VIP} to 2001:db8::4`,
  },
  {
    name: 'a translation to the other family with floating IP',
    program: withTranslation({ dip: '2001:db8::4', floatingIp: true }),
  },
  {
    name: 'a translation of an instance address, and a reset',
    program: withTranslation({ protocol: 0, port: 0, backendPort: 0, isInstanceAddress: true, tcpReset: true }),
  },
  {
    name: 'a translation of a port of an instance address',
    program: withTranslation({ isInstanceAddress: true }),
    why: `the instance address ${VIP}`,
  },
  { name: 'an outbound rule of no NIC', program: withSnatRules({ nic: 1 }), why: 'an outbound rule of no NIC' },
  {
    name: 'an outbound rule to the other family',
    program: withSnatRules({ dip: '2001:db8::4' }),
    why: 'an outbound rule from 2001:db8::4',
  },
  { name: 'an outbound rule of GRE', program: withSnatRules({ protocol: 47 as 0 }), why: 'protocol 47' },
  { name: 'an outbound rule without ports', program: withSnatRules({ ranges: [] }) },
  { name: 'an outbound rule with port 0', program: withSnatRules(ports(0, 8)), why: 'leased ports 0+8' },
  {
    name: 'an outbound rule with ports twice',
    program: withSnatRules({ ranges: [ports(2048, 16).ranges[0], ports(2056, 8).ranges[0]] }),
    why: 'leased twice',
  },
  {
    name: 'the protocol’s own rules first',
    program: withSnatRules({ protocol: 6 }, { protocol: 17 }, { protocol: 0 }),
  },
  {
    name: 'a rule for any protocol first',
    program: withSnatRules({ protocol: 6 }, { protocol: 0 }, { protocol: 17 }),
    why: 'an outbound rule for one protocol behind one for any',
  },
  {
    name: 'a rule for any protocol first, of another DIP',
    program: withSnatRules({ protocol: 0 }, { protocol: 17, dip: '10.0.0.40' }),
  },
  {
    name: 'exemptions of both families',
    program: { ...host, exemptions: [{ prefix: '0.0.0.0/0' }, { prefix: '2001:db8::/32', vni: 7 }] },
  },
  {
    name: 'an exemption with a VNI of 25 bits',
    program: { ...host, exemptions: [{ prefix: '10.0.0.0/8', vni: 2 ** 24 }] },
    why: 'VNI 16777216',
  },
];

const rows = [...machines, ...muxes, ...services, ...leases, ...hosts];

test.each(rows.filter(({ why }) => why === undefined))('$name is fine', ({ program }) => {
  const bytes = encodeProgram(program);
  expect(encodeProgram(decodeProgram(bytes))).toEqual(bytes);
});

test.each(rows.filter(({ why }) => why !== undefined))('$name', ({ program, why }) => {
  expect(() => decodeProgram(encodeProgram(program))).toThrow(
    expect.objectContaining({ code: 'ERR_PROGRAM_INVALID', message: expect.stringContaining(why as string) }),
  );
});

describe('one program, one form', () => {
  const PAYLOAD = 40;
  const dualStack = readFileSync(new URL('../../examples/dual-stack.fabric.json', import.meta.url), 'utf8');
  const all = compile(readFabric(dualStack));

  /** The bytes of a program after a change of its sections, under the digest they then have. */
  function forged(bytes: Uint8Array, change: (sections: Uint8Array[]) => Uint8Array[]): Uint8Array {
    const view = new DataView(bytes.buffer);
    const sections: Uint8Array[] = [];
    for (let at = PAYLOAD; at < bytes.length; ) {
      const end = at + 6 + view.getUint32(at + 2, true);
      sections.push(bytes.slice(at, end));
      at = end;
    }
    const payload = Buffer.concat(change(sections));
    const header = Uint8Array.from(bytes.slice(0, 8));
    return Uint8Array.of(...header, ...sha256(payload), ...payload);
  }
  /** A section with other contents. */
  const contents = (section: Uint8Array, change: (bytes: number[]) => number[]): Uint8Array => {
    const bytes = change([...section.slice(6)]);
    const header = section.slice(0, 6);
    new DataView(header.buffer).setUint32(2, bytes.length, true);
    return Uint8Array.of(...header, ...bytes);
  };
  const changed = (at: number, change: (bytes: number[]) => number[]) => (sections: Uint8Array[]) =>
    sections.map((section, i) => (i === at ? contents(section, change) : section));

  const programs = [all.forMux('mux-1'), all.forHost('host-1')].map((program) => ({ program, kind: program.kind }));

  test.each(programs)('the sections of a $kind as they are are its own', ({ program }) => {
    const bytes = encodeProgram(program);
    expect(decodeProgram(forged(bytes, (sections) => sections))).toEqual(program);
  });

  const forgeries: { name: string; change: (sections: Uint8Array[]) => Uint8Array[]; why?: string }[] = [
    { name: 'two sections in another order', change: ([a, b, ...rest]) => [b, a, ...rest] },
    { name: 'a byte behind the last record of the machine', change: changed(0, (bytes) => [...bytes, 0]) },
    {
      name: 'a byte behind the last record of the last list',
      change: (sections) => changed(sections.length - 1, (bytes) => [...bytes, 0])(sections),
    },
    {
      name: 'an encapsulation there is none of',
      change: changed(0, (bytes) => bytes.with(-1, 2)),
      why: 'unknown encapsulation',
    },
    { name: 'a section twice', change: ([a, ...rest]) => [a, a, ...rest.slice(1)], why: 'is missing' },
    { name: 'bytes behind the last section', change: (sections) => [...sections, Uint8Array.of(0)] },
  ];
  for (const { program, kind } of programs) {
    test.each(forgeries)(`${kind}: $name`, ({ change, why = 'not written as this release writes it' }) => {
      const bytes = forged(encodeProgram(program), change);
      expect(() => decodeProgram(bytes)).toThrow(
        expect.objectContaining({ code: 'ERR_PROGRAM_INVALID', message: expect.stringContaining(why) }),
      );
    });
  }

  const host1 = all.forHost('host-1');
  const EXEMPTIONS = 4;
  const SNAT_RULES = 3;
  test.each([
    // The list of exemptions begins: count u32, then 4 bytes of address, the length, the VNI.
    { name: 'host bits in a prefix', change: changed(EXEMPTIONS, (bytes) => bytes.with(8, 1)) },
    { name: 'a prefix longer than its address', change: changed(EXEMPTIONS, (bytes) => bytes.with(9, 33)), why: '33' },
    // And that of outbound rules ends with the flag of the reset and the text of the rule.
    {
      name: 'a flag that is neither 0 nor 1',
      change: changed(SNAT_RULES, (bytes) =>
        bytes.with(bytes.length - 3 - '/loadBalancers/web/outboundNatRules/out'.length, 2),
      ),
    },
    { name: 'text that is no UTF-8', change: changed(SNAT_RULES, (bytes) => bytes.with(-1, 0xff)) },
  ])('$name', ({ change, why = 'not written as this release writes it' }) => {
    expect(() => decodeProgram(forged(encodeProgram(host1), change))).toThrow(
      expect.objectContaining({ code: 'ERR_PROGRAM_INVALID', message: expect.stringContaining(why) }),
    );
  });
});

describe('compile', () => {
  interface Resource {
    resourceId: string;
    properties: Record<string, unknown>;
  }
  const changed = (change: (fabric: Record<string, Resource[]>) => void) => {
    const fabric = JSON.parse(example) as Record<string, Resource[]>;
    change(fabric);
    return compile(parseFabric(fabric));
  };

  test('makes one service of a rule that names its frontend twice', () => {
    const twice = changed(({ loadBalancers }) => {
      const [rule] = loadBalancers[0].properties.loadBalancingRules as Resource[];
      const frontends = rule.properties.frontendIPConfigurations as object[];
      frontends.push(frontends[0]);
    });
    expect(twice.forMux('mux-1')).toEqual(mux);
  });

  test('takes the VLAN of the longest prefix, whichever comes first', () => {
    const wide = { resourceId: 'wide', properties: { addressPrefix: '10.0.0.0/8', vlanID: 77 } };
    for (const place of ['push', 'unshift'] as const) {
      const program = changed(({ logicalNetworks }) =>
        (logicalNetworks[0].properties.subnets as object[])[place](wide),
      );
      expect(program.forMux('mux-1').attachment.vlanId).toBe(0);
    }
  });

  test('keeps a member of weight 0 for the connections it has', () => {
    const drained = changed(({ networkInterfaces }) => {
      const [ip] = networkInterfaces[0].properties.ipConfigurations as Resource[];
      ip.properties.edgemux = { weight: 0 };
    }).forMux('mux-1');
    expect(drained.rings[0]).toMatchObject({ members: [{ backend: 1, weight: 1 }], drained: [0] });
    expect(decodeProgram(encodeProgram(drained))).toEqual(drained);
  });
});
