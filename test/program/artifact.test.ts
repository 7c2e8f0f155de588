/** Programs as bytes: there and back, damaged, truncated, of another version; and what the digest depends on. */

import { readFileSync } from 'node:fs';
import { sha256 } from '@noble/hashes/sha2.js';
import {
  compile,
  decodeProgram,
  EdgemuxError,
  encodeProgram,
  type HostProgram,
  type MuxProgram,
  PROGRAM_VERSION,
  type Program,
  parseFabric,
  readFabric,
} from 'edgemux';
import { describe, expect, it } from 'vitest';
import { example, exampleText, type Json, lb, nic } from '../resources/example.js';
import { toHex } from '../support/bytes.js';
import { hostProgram, muxProgram } from '../support/programs.js';
import { Random } from '../support/random.js';

const VERSION = 4;
const KIND = 6;
const SECTION_COUNT = 7;
const DIGEST = 8;
const PAYLOAD = 40;

const compiled = compile(readFabric(exampleText));
const dualStackText = readFileSync(new URL('../../examples/dual-stack.fabric.json', import.meta.url), 'utf8');
const dualStack = compile(readFabric(dualStackText));
const programs: { name: string; program: Program }[] = [
  { name: 'MUX of the example', program: compiled.forMux('mux-1') },
  { name: 'host of the example', program: compiled.forHost('host-1') },
  // Every optional field, section and address family.
  { name: 'MUX of both families', program: dualStack.forMux('mux-1') },
  { name: 'host of both families', program: dualStack.forHost('host-3') },
  // Every distribution, target and kind of service; a gateway; a ring without members.
  { name: 'MUX of the tests', program: digested(muxProgram) },
  { name: 'host of the tests', program: digested(hostProgram) },
];

/** A program made by hand, with the digest its bytes have. */
function digested<T extends Program>(program: T): T {
  return { ...program, digest: toHex(encodeProgram(program).slice(DIGEST, PAYLOAD)) };
}

function codeOf(bytes: Uint8Array): string {
  try {
    decodeProgram(bytes);
    return 'none';
  } catch (error) {
    return error instanceof EdgemuxError ? error.code : String(error);
  }
}

describe.each(programs)('artifact: $name', ({ program }) => {
  const bytes = encodeProgram(program);

  it('comes back equal', () => {
    expect(decodeProgram(bytes)).toEqual(program);
    expect(encodeProgram(decodeProgram(bytes))).toEqual(bytes);
  });

  it('begins with magic, version, kind and the SHA-256 of what follows', () => {
    expect(new TextDecoder().decode(bytes.slice(0, VERSION))).toBe('EMUX');
    expect([bytes[VERSION], bytes[VERSION + 1], bytes[KIND]]).toEqual([
      PROGRAM_VERSION,
      0,
      program.kind === 'mux' ? 0 : 1,
    ]);
    expect(toHex(bytes.slice(DIGEST, PAYLOAD))).toBe(toHex(sha256(bytes.slice(PAYLOAD))));
    expect(program.digest).toBe(toHex(bytes.slice(DIGEST, PAYLOAD)));
  });

  it('cut short anywhere is no program', () => {
    const codes = new Set(Array.from({ length: bytes.length }, (_, length) => codeOf(bytes.slice(0, length))));
    expect([...codes]).toEqual(['ERR_PROGRAM_INVALID']);
  });

  it('with one byte changed anywhere is no program', () => {
    const random = new Random(29);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] ^= random.between(1, 255);
      expect(codeOf(damaged), `byte ${at}`).toBe('ERR_PROGRAM_INVALID');
    }
  });

  it('with bytes behind it is no program', () => {
    expect(codeOf(Uint8Array.of(...bytes, 0))).toBe('ERR_PROGRAM_INVALID');
  });

  it('whose payload is garbage under a right digest is no program', () => {
    const random = new Random(31);
    for (let round = 0; round < 2000; round++) {
      const forged = bytes.slice();
      const changes = random.between(1, 4);
      for (let change = 0; change < changes; change++)
        forged[random.between(PAYLOAD, forged.length - 1)] = random.below(256);
      forged.set(sha256(forged.slice(PAYLOAD)), DIGEST);
      // Some changes make another sound program; what must not happen is an error nobody announced.
      expect(['none', 'ERR_PROGRAM_INVALID']).toContain(codeOf(forged));
    }
  });
});

describe('artifact: headers of others', () => {
  const bytes = encodeProgram(compiled.forMux('mux-1'));
  const rows = [
    { name: 'nothing', at: 0, put: [], length: 0 },
    { name: 'another magic', at: 0, put: [0x4c, 0x4d, 0x55, 0x58], length: bytes.length },
    { name: 'an older version', at: VERSION, put: [PROGRAM_VERSION - 1, 0], length: bytes.length },
    { name: 'a newer version', at: VERSION, put: [PROGRAM_VERSION + 1, 0], length: bytes.length },
    { name: 'a version in the high byte', at: VERSION, put: [PROGRAM_VERSION, 1], length: bytes.length },
    { name: 'the kind of a host', at: KIND, put: [1], length: bytes.length },
    { name: 'no kind there is', at: KIND, put: [2], length: bytes.length },
    { name: 'one section fewer', at: SECTION_COUNT, put: [5], length: bytes.length },
    { name: 'one section more', at: SECTION_COUNT, put: [7], length: bytes.length },
  ];
  it.each(rows)('$name', ({ at, put, length }) => {
    const changed = bytes.slice(0, length);
    changed.set(put, at);
    expect(codeOf(changed)).toBe('ERR_PROGRAM_INVALID');
  });

  it('says which version it is and which it should be', () => {
    const newer = bytes.slice();
    newer[VERSION] = 9;
    expect(() => decodeProgram(newer)).toThrow(`version 9, this release reads ${PROGRAM_VERSION}`);
  });
});

describe('artifact: references that lead nowhere', () => {
  const [service] = muxProgram.services;
  const mux = (change: Partial<MuxProgram>): Program => ({ ...muxProgram, ...change });
  const host = (change: Partial<HostProgram>): Program => ({ ...hostProgram, ...change });
  const ring = (backend: number) => [{ slotCount: 251, members: [{ backend, weight: 1 }] }];
  const rows = [
    { name: 'the last ring', program: mux({ services: [{ ...service, target: { ring: 1 } }] }), code: 'none' },
    {
      name: 'a ring past the last',
      program: mux({ services: [{ ...service, target: { ring: 2 } }] }),
      code: 'ERR_PROGRAM_INVALID',
    },
    { name: 'the last backend', program: mux({ services: [{ ...service, target: { backend: 2 } }] }), code: 'none' },
    {
      name: 'a backend past the last',
      program: mux({ services: [{ ...service, target: { backend: 3 } }] }),
      code: 'ERR_PROGRAM_INVALID',
    },
    { name: 'a member that is the last backend', program: mux({ services: [], rings: ring(2) }), code: 'none' },
    {
      name: 'a member past the last backend',
      program: mux({ services: [], rings: ring(3) }),
      code: 'ERR_PROGRAM_INVALID',
    },
    {
      name: 'the last NIC',
      program: host({ translations: [{ ...hostProgram.translations[0], nic: 1 }] }),
      code: 'none',
    },
    {
      name: 'a NIC past the last',
      program: host({ translations: [{ ...hostProgram.translations[0], nic: 2 }] }),
      code: 'ERR_PROGRAM_INVALID',
    },
  ];
  it.each(rows)('$name: $code', ({ program, code }) => expect(codeOf(encodeProgram(program))).toBe(code));
});

describe('digest', () => {
  const digests = (change: (fabric: Json) => void): string[] => {
    const { muxes, hosts, forMux, forHost } = compile(parseFabric(example(change)));
    return [...muxes.toSorted().map(forMux), ...hosts.toSorted().map(forHost)].map(({ digest }) => digest);
  };
  const collections = (fabric: Json): Json[][] => [
    ...Object.values<Json>(fabric).filter(Array.isArray),
    ...Object.values<Json>(lb(fabric)).filter(Array.isArray),
  ];
  const reversed = (fabric: Json) => {
    for (const collection of collections(fabric)) collection.reverse();
  };
  const sameHost = (fabric: Json) => {
    nic(fabric, 1).server.resourceRef = '/servers/host-1';
  };

  it('is the same when the same fabric is compiled twice', () => {
    expect(digests(() => {})).toEqual(digests(() => {}));
  });

  it('does not depend on the order of any array of the fabric', () => {
    expect(digests(reversed)).toEqual(digests(() => {}));
  });

  it('nor on that of what has both families, prefixes, ports and addresses', () => {
    const digestsOf = (fabric: Json) => {
      const { muxes, hosts, forMux, forHost } = compile(parseFabric(fabric));
      return [...muxes.toSorted().map(forMux), ...hosts.toSorted().map(forHost)].map(({ digest }) => digest);
    };
    const fabric = JSON.parse(dualStackText);
    const before = digestsOf(fabric);
    reversed(fabric);
    fabric.loadBalancerManager.properties.outboundNatIPExemptions.reverse();
    for (const { properties } of fabric.networkInterfaces) properties.ipConfigurations.reverse();
    for (const { properties } of fabric.virtualNetworks) {
      properties.subnets.reverse();
      properties.addressSpace.addressPrefixes.reverse();
    }
    for (const { properties } of fabric.logicalNetworks) properties.subnets.reverse();
    expect(digestsOf(fabric)).toEqual(before);
  });

  it('nor does it when several VMs share a host', () => {
    expect(
      digests((fabric) => {
        sameHost(fabric);
        reversed(fabric);
      }),
    ).toEqual(digests(sameHost));
  });

  it('is another for every machine and every change', () => {
    const all = [...digests(() => {}), ...digests(sameHost)];
    expect(new Set(digests(() => {})).size).toBe(4);
    // Moving a VM changes both MUXes and both hosts.
    expect(new Set(all).size).toBe(8);
  });

  it('does not depend on spelling', () => {
    const spelled = readFileSync(new URL('../../examples/two-hosts.fabric.json', import.meta.url), 'utf8')
      .replaceAll('/loadBalancers/', '/LOADBALANCERS/')
      .replaceAll('001DD8', '00-1d-d8-')
      .replace('"10.0.0.0/24"', '"10.0.0.9/24"');
    const [mux] = digests(() => {});
    expect(
      compile(readFabric(spelled.replaceAll(/00-1d-d8-(..)(..)(..)/g, '00-1d-d8-$1-$2-$3'))).forMux('mux-1').digest,
    ).toBe(mux);
  });
});
