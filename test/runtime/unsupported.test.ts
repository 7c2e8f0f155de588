/** Where the platform cannot protect a connection, it says so and opens none. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = new URL('../..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'edgemux-without-koffi-'));
afterAll(() => rmSync(folder, { recursive: true }));

// An installation as `npm install --omit=optional` leaves it.
mkdirSync(join(folder, 'node_modules/edgemux'), { recursive: true });
cpSync(join(root, 'dist/sdk'), join(folder, 'node_modules/edgemux/dist/sdk'), { recursive: true });
cpSync(join(root, 'package.json'), join(folder, 'node_modules/edgemux/package.json'));
for (const name of ['ipaddr.js', '@noble', 'valibot']) {
  symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
}

const SCRIPT = `
  import { nodeRuntime } from 'edgemux/node';
  if (process.argv[2]) Object.defineProperty(process, 'platform', { value: process.argv[2] });
  const { tcp, udp } = nodeRuntime();
  const address = '127.0.0.1';
  const nobody = { received() {}, closed() {} };
  const plain = await tcp.listen({ localAddress: address, port: 0, peers: [{ address }] }, () => nobody);
  const protectedPeers = [{ address, md5Key: 'key' }];
  const tries = {
    md5: () => tcp.connect({ remote: plain.local, md5Key: 'key' }, nobody),
    gtsm: () => tcp.connect({ remote: plain.local, ttlSecurityHops: 1 }, nobody),
    listen: () => tcp.listen({ localAddress: address, port: 0, peers: protectedPeers }, () => nobody),
    setPeers: () => plain.setPeers(protectedPeers),
    udp: () => udp.bind({ localAddress: address, port: 0, hopLimit: 255, hopLimitMin: 255 }, () => {}),
    plain: () => new Promise((resolve) => tcp.connect({ remote: plain.local }, { ...nobody, opened: resolve })),
  };
  const outcomes = {};
  for (const [name, attempt] of Object.entries(tries)) {
    try { await attempt(); outcomes[name] = 'works'; } catch (error) { outcomes[name] = error.code + ': ' + error.message; }
  }
  console.log(JSON.stringify(outcomes));
  process.exit();
`;
writeFileSync(join(folder, 'try.mjs'), SCRIPT);

describe('what a platform cannot do', () => {
  it.each([
    { name: 'without koffi', platform: '', why: 'need the package koffi, which is not installed: npm install koffi' },
    { name: 'without Linux', platform: 'darwin', why: 'need Linux, and this is darwin' },
  ])('$name: ERR_UNSUPPORTED says why, plain TCP works', ({ platform, why }) => {
    const outcomes = JSON.parse(
      execFileSync(process.execPath, ['try.mjs', platform], { cwd: folder, encoding: 'utf8' }),
    );
    expect(outcomes).toEqual({
      md5: `ERR_UNSUPPORTED: TCP MD5 signatures ${why}`,
      gtsm: `ERR_UNSUPPORTED: TTL security checks ${why}`,
      listen: `ERR_UNSUPPORTED: TCP MD5 signatures ${why}`,
      setPeers: `ERR_UNSUPPORTED: TCP MD5 signatures ${why}`,
      udp: `ERR_UNSUPPORTED: UDP sockets that check hop limits ${why}`,
      plain: 'works',
    });
  });
});
