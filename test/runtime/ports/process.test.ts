/** Ports and the process that has them: what privileges they take, and that nothing is left of them when it is killed. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { interfaceNames } from '../../../sdk/runtime/node/ports/interface.js';
import { SELECT_NOTHING } from '../../../sdk/runtime/packet-port.js';
import { outcomesFor, startHolder } from './child.js';
import { attach, enterLinkNamespace, ip, kernelShare, openFar, pause, query, selecting, VIP } from './link.js';

const HERE = '10.1.1.2';

const missing = await enterLinkNamespace();
if (missing) console.log(`skipped: ports of other processes were not tried, as ${missing}`);
else ip(`addr add ${HERE}/24 dev up0`);

const options = { side: 'underlay', queueCount: 1, providerAddresses: [HERE], mtuBytesMin: 0 } as const;
const packetSockets = () => readFileSync('/proc/thread-self/net/packet', 'utf8').trim().split('\n').slice(1);

describe.skipIf(missing)('privileges', () => {
  const texts = ['packet:up0', 'tun:mux0', 'tap:vm0', 'udp'];
  const NO_DEVICE = 'not permitted: it takes CAP_NET_ADMIN and access to /dev/net/tun';

  it.each([
    { capabilities: [], packet: 'ERR_PORT: packet:up0: not permitted: it takes CAP_NET_RAW' },
    {
      capabilities: ['net_raw'],
      packet: 'ERR_PORT: packet:up0: not permitted: it takes CAP_BPF and CAP_NET_ADMIN, or root',
    },
    { capabilities: ['net_raw', 'net_admin', 'bpf'], packet: 'works' },
  ])('nobody with $capabilities: one line each, and nothing left', ({ capabilities, packet }) => {
    const before = interfaceNames();
    expect(outcomesFor(capabilities, { texts, options, selection: SELECT_NOTHING })).toEqual({
      'packet:up0': packet,
      'tun:mux0': `ERR_PORT: tun:mux0: ${NO_DEVICE}`,
      'tap:vm0': `ERR_PORT: tap:vm0: ${NO_DEVICE}`,
      udp: 'works',
    });
    expect(interfaceNames()).toEqual(before);
    expect(packetSockets()).toEqual([]);
  });
});

describe.skipIf(missing)('a process that is killed', () => {
  it('leaves no device, no socket, and nothing that takes frames from the kernel', async () => {
    const share = await kernelShare();
    const before = interfaceNames();
    const texts = ['packet:up0', 'tun:mux0', 'udp', 'pass'];
    const selection = selecting({ destinations: [VIP] });
    const { child, outcomes } = await startHolder({ texts, options: { ...options, queueCount: 2 }, selection });
    const notes = 'the kernel forwards nothing: sysctl -w net.ipv4.ip_forward=1';
    expect(outcomes).toEqual({ 'packet:up0': 'works', 'tun:mux0': `works; ${notes}`, udp: 'works', pass: 'works' });
    const far = await openFar();
    far.send(query('taken'));
    for (const [text, why] of [
      ['tun:mux0', 'tun:mux0: taken by another process'],
      ['udp', `udp: ${HERE}:4789 is taken by another socket, or by a vxlan device`],
    ]) {
      await expect(attach(text, options)).rejects.toThrow(why);
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(interfaceNames()).toEqual(before);
    expect(packetSockets()).toHaveLength(1);
    far.send(query('let go'));
    await pause();
    expect(share).toEqual(['let go']);
    for (const text of texts.slice(0, 3)) await attach(text, options);
  });
});
