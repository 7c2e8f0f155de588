/** What programs say about Fastpath, and what a fabric must say for it. */
import { createHash } from 'node:crypto';
import {
  compile,
  decodeProgram,
  diffPrograms,
  EdgemuxError,
  encodeProgram,
  FLOW_HASH_KEY_DEFAULT,
  type HostProgram,
  parseFabric,
} from 'edgemux';
import { describe, expect, it } from 'vitest';
import { example, type Json, problemsAfter } from '../resources/example.js';

const KEY = '00112233445566778899aabbccddeeff';
/** The first 16 bytes, as the wire format has it. */
const REDIRECT_KEY = createHash('sha256')
  .update('edgemux redirect')
  .update(Buffer.from(KEY, 'hex'))
  .digest('hex')
  .slice(0, 32);

function compiled(change: (fabric: Json) => void = () => {}) {
  const fabric: Json = example();
  fabric.loadBalancerManager.properties.edgemux = { flowHashKey: KEY, enableFastpath: true };
  change(fabric);
  return compile(parseFabric(fabric));
}

const withGateway = (fabric: Json) => {
  fabric.logicalNetworks[0].properties.subnets.push({
    resourceId: 'far',
    properties: { addressPrefix: '10.10.57.0/24', vlanID: 0 },
  });
  fabric.servers[1].properties.edgemux.providerAddresses = ['10.10.57.12'];
  fabric.servers[0].properties.edgemux.gatewayMacAddress = '02:00:00:00:56:01';
};

describe('programs with Fastpath', () => {
  it('a MUX has the key, a host the MUXes and the other hosts too', () => {
    const { forMux, forHost } = compiled();
    expect(forMux('mux-1').fastpath).toEqual({ key: REDIRECT_KEY });
    expect(forHost('host-1').fastpath).toEqual({
      key: REDIRECT_KEY,
      muxes: ['10.10.56.21', '10.10.56.22'],
      peers: [{ providerAddress: '10.10.56.12', nextHopMacAddress: '02:00:00:00:56:0c' }],
    });
  });

  it('a host in another subnet is behind the gateway, one whose addresses are all of the other family is none', () => {
    expect(compiled(withGateway).forHost('host-1').fastpath?.peers).toEqual([
      { providerAddress: '10.10.57.12', nextHopMacAddress: '02:00:00:00:56:01' },
    ]);
    const both = compiled((fabric) => {
      fabric.servers[1].properties.edgemux.providerAddresses = ['10.10.56.12', '2001:db8:56::12'];
    });
    expect(both.forHost('host-1').fastpath?.peers.map(({ providerAddress }) => providerAddress)).toEqual([
      '10.10.56.12',
    ]);
  });

  it.each([
    ['nothing is said', undefined],
    ['it is off', false],
  ])('no program has it where %s', (_name, enableFastpath) => {
    const { forMux, forHost } = compiled((fabric) => {
      fabric.loadBalancerManager.properties.edgemux = {
        flowHashKey: KEY,
        ...(enableFastpath !== undefined && { enableFastpath }),
      };
    });
    expect([forMux('mux-1').fastpath, forHost('host-1').fastpath]).toEqual([undefined, undefined]);
  });

  it('as bytes and back', () => {
    const { forMux, forHost } = compiled();
    for (const program of [forMux('mux-1'), forHost('host-1')]) {
      expect(decodeProgram(encodeProgram(program))).toEqual(program);
      const { fastpath: _, ...without } = program;
      expect(encodeProgram(without)).not.toHaveLength(encodeProgram(program).length);
    }
  });

  const invalid: [name: string, change: (fastpath: NonNullable<HostProgram['fastpath']>) => object][] = [
    ['a MUX twice', ({ muxes }) => ({ muxes: [...muxes, ...muxes] })],
    ['a host twice', ({ peers }) => ({ peers: [...peers, ...peers] })],
    ['a host out of reach', ({ peers: [peer] }) => ({ peers: [{ ...peer, providerAddress: '2001:db8::1' }] })],
  ];
  it.each(invalid)('refused: %s', (_name, change) => {
    const program = compiled().forHost('host-1');
    const bytes = encodeProgram({ ...program, fastpath: { ...program.fastpath!, ...change(program.fastpath!) } });
    expect(() => decodeProgram(bytes)).toThrow(EdgemuxError);
  });

  it('what changes when it is turned on, and when a host comes', () => {
    const off = compiled((fabric) => {
      fabric.loadBalancerManager.properties.edgemux.enableFastpath = false;
    });
    const on = compiled();
    const moved = compiled(withGateway);
    expect(diffPrograms(off.forMux('mux-1'), on.forMux('mux-1')).machine).toEqual(['fastpath']);
    expect(diffPrograms(off.forHost('host-1'), on.forHost('host-1'))).toMatchObject({
      machine: ['fastpath'],
      members: { peers: { added: ['MUX 10.10.56.21', 'MUX 10.10.56.22', 'host 10.10.56.12'] } },
    });
    expect(diffPrograms(on.forHost('host-1'), moved.forHost('host-1')).members.peers).toEqual({
      added: ['host 10.10.57.12'],
      removed: ['host 10.10.56.12'],
      changed: [],
    });
    const members = diffPrograms(off.forHost('host-1'), off.forHost('host-1')).members;
    expect(Object.keys(members)).toEqual(['nics', 'translations', 'snat', 'exemptions']);
  });
});

describe('a fabric with Fastpath', () => {
  const wants =
    'loadBalancerManager.properties.edgemux.enableFastpath: expected false, or a flowHashKey beside it that is not the public default, got true';
  it.each([
    ['its own key', { enableFastpath: true, flowHashKey: KEY }, []],
    ['no key', { enableFastpath: true }, [wants]],
    ['the public key', { enableFastpath: true, flowHashKey: FLOW_HASH_KEY_DEFAULT.toUpperCase() }, [wants]],
    ['the public key and no Fastpath', { enableFastpath: 'false', flowHashKey: FLOW_HASH_KEY_DEFAULT }, []],
  ])('%s', (_name, edgemux, problems) => {
    const change = (fabric: Json) => {
      fabric.loadBalancerManager.properties.edgemux = edgemux;
    };
    expect(problemsAfter(change)).toEqual(problems);
  });
});
