/** What a fabric cannot ask for under Deno is one line before anything begins. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { requireSpeakable } from '../../sdk/appliance/bgp/deno-limits.js';
import { DENO_PERMISSIONS } from '../../sdk/appliance/deno-permissions.js';
import { missingOf } from '../../sdk/appliance/lab/needs.js';
import { runtimeOf } from '../../sdk/appliance/lab/runtimes.js';
import { FABRIC } from './cli.js';

const ROUTER = { address: '10.10.1.1', as: 64_513 };
const BFD = 'BFD needs Node, and this is Deno: take bfd out of the fabric, or run this by Node';
const PASSIVE = 'under Deno takes a router that opens the connection: passive in the fabric';

describe('routers that cannot be spoken to under Deno', () => {
  it.each([
    ['BFD', { ...ROUTER, bfd: {} }, `router 10.10.1.1: ${BFD}`],
    ['BFD, by name', { ...ROUTER, name: 'edge', bfd: {}, isPassive: true }, `router edge: ${BFD}`],
    ['MD5', { ...ROUTER, md5Key: 'key' }, `router 10.10.1.1: MD5 ${PASSIVE}`],
    ['TTL security', { ...ROUTER, ttlSecurityHops: 1 }, `router 10.10.1.1: TTL security ${PASSIVE}`],
  ])('%s', (_, peer, message) => {
    expect(() => requireSpeakable([ROUTER, peer], true)).toThrow(
      expect.objectContaining({ code: 'ERR_UNSUPPORTED', message }),
    );
    expect(() => requireSpeakable([ROUTER, peer], false)).not.toThrow();
  });

  it.each([
    ['plain', ROUTER],
    [
      'MD5 and TTL security, and the router connects',
      { ...ROUTER, isPassive: true, md5Key: 'key', ttlSecurityHops: 1 },
    ],
  ])('%s: can', (_, peer) => {
    expect(() => requireSpeakable([peer], true)).not.toThrow();
  });
});

const deno = runtimeOf('deno');
const isMissing = missingOf(deno.needs).length > 0;
if (isMissing) console.log('skipped: edgemux mux was not tried under Deno, as there is no deno in PATH');

describe.skipIf(isMissing || process.platform !== 'linux')('edgemux mux under Deno', () => {
  const fabric = JSON.parse(readFileSync(FABRIC, 'utf8'));
  const mux = fabric.loadBalancerMuxes[0];
  mux.properties.routerConfiguration = {
    localASN: 64_512,
    peerRouterConfigurations: [
      {
        routerIPAddress: ROUTER.address,
        peerASN: ROUTER.as,
        localIPAddress: mux.properties.edgemux.providerAddress,
        edgemux: { bfd: {} },
      },
    ],
  };

  it.each([
    ['BFD', DENO_PERMISSIONS, `error: router 10.10.1.1: ${BFD}\n`],
    ['no --allow-ffi', ['--allow-read', '--allow-net'], /^error: .*koffi.*run again with the --allow-ffi flag\n$/],
  ])('%s', (_, permissions, message) => {
    const [program = '', ...command] = deno.command(['mux', '-', '--mux', mux.resourceId, '--port', 'udp']);
    const given: readonly string[] = DENO_PERMISSIONS;
    const args = [...command.slice(0, 2), ...permissions, ...command.slice(2).filter((arg) => !given.includes(arg))];
    if (permissions !== DENO_PERMISSIONS) args.push('--no-bgp');
    const { status, stdout, stderr } = spawnSync(program, args, {
      input: JSON.stringify(fabric),
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
  });
});
