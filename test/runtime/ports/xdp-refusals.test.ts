/** What keeps an `xdp:` port from being opened: one line each, and nothing is left of the attempt. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { parsePortSpec } from '../../../sdk/runtime/node/ports/port-spec.js';
import type { AttachOptions, XdpPlan } from '../../../sdk/runtime/node/ports/types.js';
import { attachXdp } from '../../../sdk/runtime/node/ports/xdp-attachment.js';
import { openXdp } from '../../../sdk/runtime/node/ports/xdp-port.js';
import { RingMemory } from './ring-memory.js';
import { enterQuietNamespace, ip, link } from './veth.js';

const whyNot = await enterQuietNamespace();
if (whyNot) console.warn(`skipped: ${whyNot}`);

const OPTIONS: AttachOptions = { side: 'underlay', queueCount: 1, providerAddresses: [], mtuBytesMin: 0 };
const HOLDER = new URL('xdp-holder.mjs', import.meta.url).pathname;

const attach = (text: string, options: Partial<AttachOptions> = {}) =>
  attachXdp(parsePortSpec(text), { ...OPTIONS, ...options });

/** Whether an XDP program is on an interface. */
const hasProgram = (name: string) =>
  execFileSync('ip', ['-d', 'link', 'show', name], { encoding: 'utf8' }).includes('prog/xdp');

describe.skipIf(whyNot)('an xdp port', () => {
  const rows: readonly (readonly [text: string, options: Partial<AttachOptions>, why: string])[] = [
    ['xdp:up9', {}, 'xdp:up9: there is no interface up9 (there are '],
    ['xdp:lo', {}, 'xdp:lo: lo is no Ethernet interface'],
    ['xdp:up0', { mtuBytesMin: 1550 }, 'xdp:up0: MTU 1500 is too small: tunnels of the fabric take 1550 bytes'],
    ['xdp:up0', { queueCount: 2 }, 'xdp:up0: 1 queue is served, and 2 data plane threads each take one'],
    [
      'xdp:up0,queues=0-1',
      {},
      'xdp:up0: up0 has no queue 1 of both directions: it has 1 receive and 1 transmit queues',
    ],
    ['xdp:up0,mode=generic,zerocopy=yes', {}, 'xdp:up0: zero-copy takes native XDP, and this is generic'],
  ];

  test.each(rows)('%s %o', (text, options, why) => {
    using up = link('up0');
    expect(() => attach(text, options)).toThrow(
      expect.objectContaining({ code: 'ERR_PORT', message: expect.stringMatching(`^${pattern(why)}`) }),
    );
    expect(hasProgram(up.name)).toBe(false);
  });

  test('an interface that is down', () => {
    using up = link('up0');
    ip('link', 'set', up.name, 'down');
    expect(() => attach('xdp:up0')).toThrow('xdp:up0: up0 is down: ip link set up0 up');
  });

  test('an MTU that no chunk has room for', () => {
    using up = link('up0', { mtuBytes: 9000 });
    expect(() => attach('xdp:up0')).toThrow(/^xdp:up0: MTU 9000 is too large: AF_XDP takes 3818 bytes here/);
    ip('link', 'set', up.name, 'mtu', '1800');
    ip('link', 'set', up.far, 'mtu', '1800');
    const attachment = attach('xdp:up0');
    expect(() => openXdp(attachment.plans[0] as XdpPlan, new RingMemory(2048))).toThrow(
      'xdp:up0: MTU 1800 is too large: 1770 bytes fit the chunks of this data plane',
    );
    openXdp(attachment.plans[0] as XdpPlan, new RingMemory(4096)).close();
    attachment.close();
  });

  test('where native XDP is not possible, generic is used and said, unless it must be native', () => {
    using up = link('up0');
    ip('link', 'set', up.far, 'mtu', '9000');
    const attachment = attach('xdp:up0');
    expect(attachment.plans).toMatchObject([{ isGeneric: true }]);
    expect(attachment.notes).toEqual([
      expect.stringMatching(/^xdp:up0: no native XDP \(its MTU.* is too large\): generic/),
    ]);
    attachment.close();
    expect(() => attach('xdp:up0,mode=native')).toThrow(/^xdp:up0: no XDP on up0: its MTU/);
    expect(hasProgram(up.name)).toBe(false);
  });

  test.each(['xdp:up0', 'xdp:up0,mode=generic'])('%s where another program is', (text) => {
    using up = link('up0');
    const attachment = attach('xdp:up0');
    expect(() => attach(text)).toThrow('xdp:up0: another XDP program is on up0: ip -d link show up0');
    attachment.close();
    attach(text).close();
    expect(hasProgram(up.name)).toBe(false);
  });

  test('a queue that another socket has', () => {
    using _ = link('up0');
    const attachment = attach('xdp:up0');
    const plan = attachment.plans[0] as XdpPlan;
    const memory = new RingMemory();
    const chunkCount = memory.freeChunkCount;
    const port = openXdp(plan, new RingMemory());
    expect(() => openXdp(plan, memory)).toThrow('xdp:up0: queue 0 is taken by another socket');
    expect(memory.freeChunkCount).toBe(chunkCount);
    port.close();
    openXdp(plan, memory).close();
    attachment.close();
  });

  test('a driver without zero-copy', () => {
    using _ = link('up0');
    const attachment = attach('xdp:up0,zerocopy=yes');
    expect(() => openXdp(attachment.plans[0] as XdpPlan, new RingMemory())).toThrow(
      /^xdp:up0: no zero-copy in this driver/,
    );
    attachment.close();
  });

  test.each([
    ['net_raw', 'xdp:up0: not permitted: it takes CAP_NET_RAW'],
    ['bpf', 'xdp:up0: not permitted: it takes CAP_BPF and CAP_NET_ADMIN, or root'],
    ['net_admin', 'xdp:up0: not permitted: it takes CAP_BPF and CAP_NET_ADMIN, or root'],
    ['perfmon', 'xdp:up0: not permitted: it takes CAP_PERFMON, or root'],
  ])('without CAP_%s', (capability, why) => {
    using up = link('up0');
    const without = `-${capability},-sys_admin`;
    const node = [process.execPath, HOLDER, 'xdp:up0'];
    const told = execFileSync('setpriv', [`--bounding-set=${without}`, `--inh-caps=${without}`, ...node], {
      encoding: 'utf8',
    });
    expect(told.trim()).toBe(`ERR_PORT ${why}`);
    expect(hasProgram(up.name)).toBe(false);
  });

  test('goes with its process, however that ends', async () => {
    using up = link('up0');
    const holder = spawn(process.execPath, [HOLDER, 'xdp:up0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [told] = await once(holder.stdout, 'data');
    expect(String(told).trim()).toBe('holds xdp:up0');
    expect(hasProgram(up.name)).toBe(true);
    expect(() => attach('xdp:up0')).toThrow('another XDP program is on up0');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(hasProgram(up.name)).toBe(false);
    const attachment = attach('xdp:up0');
    openXdp(attachment.plans[0] as XdpPlan, new RingMemory()).close();
    attachment.close();
  });
});

function pattern(text: string): string {
  return text.replace(/[()]/g, '\\$&');
}
