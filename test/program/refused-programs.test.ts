/** Programs whose digest is right and whose contents no data plane could obey: refused before any of it is applied. */
import { readFileSync } from 'node:fs';
import {
  compile,
  decodeProgram,
  encodeProgram,
  type HostProgram,
  type MuxProgram,
  type Program,
  parseFabric,
  readFabric,
} from 'edgemux';
import { describe, expect, test } from 'vitest';

const example = readFileSync(new URL('../../examples/two-hosts.fabric.json', import.meta.url), 'utf8');
const compiled = compile(readFabric(example));
const mux = compiled.forMux('mux-1');
const host = compiled.forHost('host-1');
const [backend, ...otherBackends] = mux.backends;
const [ring] = mux.rings;

const withBackend = (change: Partial<MuxProgram['backends'][number]>): MuxProgram => ({
  ...mux,
  backends: [{ ...backend, ...change }, ...otherBackends],
});
const withRing = (change: Partial<MuxProgram['rings'][number]>): MuxProgram => ({
  ...mux,
  rings: [{ ...ring, ...change }],
});
const withNic = (change: Partial<HostProgram['nics'][number]>): HostProgram => ({
  ...host,
  nics: [{ ...host.nics[0], ...change }],
});

const rows: { name: string; program: Program; why: string }[] = [
  { name: 'a VNI of 25 bits', program: withBackend({ vni: 2 ** 24 }), why: 'VNI 16777216' },
  { name: 'an IPv6 DIP', program: withBackend({ dip: '2001:db8::4' }), why: '2001:db8::4' },
  { name: 'an IPv6 VIP', program: { ...mux, vips: ['5050:5050::1'] }, why: '5050:5050::1' },
  { name: 'VLAN 4095', program: { ...mux, attachment: { ...mux.attachment, vlanId: 4095 } }, why: 'VLAN 4095' },
  { name: 'a backend twice', program: { ...mux, backends: [backend, backend] }, why: 'the same backend twice' },
  {
    name: 'a service twice',
    program: { ...mux, services: [...mux.services, mux.services[0]] },
    why: 'the same service twice',
  },
  {
    name: 'a ring member twice',
    program: withRing({ members: [...ring.members, ring.members[0]] }),
    why: 'the same ring member twice',
  },
  { name: 'a member that is drained as well', program: withRing({ drained: [0] }), why: 'the same ring member twice' },
  { name: 'a drained member that is no backend', program: withRing({ drained: [9] }), why: 'drained member' },
  { name: 'a NIC with a VNI of 25 bits', program: withNic({ vni: 2 ** 24 }), why: 'VNI 16777216' },
  { name: 'a NIC twice', program: { ...host, nics: [host.nics[0], host.nics[0]] }, why: 'the same NIC twice' },
];

test.each(rows)('$name', ({ program, why }) => {
  expect(() => decodeProgram(encodeProgram(program))).toThrow(
    expect.objectContaining({ code: 'ERR_PROGRAM_INVALID', message: expect.stringContaining(why) }),
  );
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
