/**
 * Packet ports under a data plane: frames from a link through a MUX and a host agent, in the memory they share with the kernel.
 * What is around it is in link.ts; the fabric is that of programs.ts.
 *
 *   far0 (clients, hosts) ─── up0 ─► packet:up0, tun:mux0 or udp ─► MUX or host agent
 */
import type { HostAgent, Mux } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { openPort } from '../../../sdk/runtime/node/ports/open-port.js';
import type { AttachOptions } from '../../../sdk/runtime/node/ports/types.js';
import type { PacketPort } from '../../../sdk/runtime/packet-port.js';
import { openHost, openMux, SOCKET_ROOM } from '../../dataplane/ports/planes.js';
import { verifyFrame } from '../../support/checksum.js';
import { ACK, PSH, SYN } from '../../support/packet.js';
import { HOST_A, HOST_B, MUX, VIP, VNI, WEB_A, WEB_A_MAC } from '../../support/programs.js';
import { sysctl } from '../namespace.js';
import {
  attach,
  closeLater,
  enterLinkNamespace,
  FAR_MAC,
  ip,
  openFar,
  pause,
  received,
  selecting,
  sendBytes,
  toUp,
} from './link.js';

const CLIENT = '192.0.2.7';

const missing = await enterLinkNamespace();
if (missing) console.log(`skipped: packet ports under a data plane were not tried, as ${missing}`);
else {
  sysctl('net.ipv4.ip_forward', 1);
  for (const [name, address] of [
    ['mux', MUX],
    ['host', HOST_A],
  ])
    ip(`addr add ${address}/32 dev up0 label up0:${name}`);
  for (const address of [HOST_B, '10.0.0.1']) {
    ip(`route add ${address} dev up0`);
    ip(`neigh add ${address} dev up0 lladdr ${FAR_MAC} nud permanent`);
  }
  ip(`route add default via 10.0.0.1`);
}

async function openLive(plane: Mux | HostAgent, text: string, options: Partial<AttachOptions> = {}) {
  const attachment = await attach(text, options);
  return { attachment, port: closeLater(openPort(attachment.plans[0], plane.ports)) };
}

/** Lets the data plane do all there is to do. */
function run(plane: Mux | HostAgent, ...ports: readonly PacketPort[]): void {
  for (;;) {
    const frameCount = ports.reduce((sum, port) => sum + port.receive(), 0);
    plane.processPorts(1000);
    for (const port of ports) port.send();
    if (frameCount === 0) return;
  }
}

const request = (clientPort: number) => toUp().ipv4(CLIENT, VIP).tcp(clientPort, 443, SYN);
/** Outer Ethernet, IPv4, UDP, VXLAN. */
const OUTER_BYTES = 14 + 20 + 8 + 8;
const INNER_TCP_PAYLOAD = OUTER_BYTES + 14 + 20 + 20;

describe.skipIf(missing)('a MUX with one port', () => {
  it.each([
    { text: 'packet:up0', ttl: 64 },
    { text: 'tun:mux0', ttl: 63 },
  ])('$text: connections to a VIP become tunnels to the hosts', async ({ text, ttl }) => {
    const mux = await openMux(SOCKET_ROOM);
    const { attachment, port } = await openLive(mux, text);
    if (text === 'tun:mux0') ip(`route add ${VIP} dev mux0`);
    attachment.select(selecting({ destinations: [VIP] }));
    // Host A is at home here too; what goes to host B crosses the link.
    const far = await openFar(HOST_A, HOST_B);
    for (let clientPort = 40000; clientPort < 40300; clientPort++) {
      far.send(request(clientPort));
      if (clientPort % 50 === 49) run(mux, port);
    }
    const tunnels = received(far.memory, far.port).filter((frame) => frame[33] === 22);
    expect(tunnels.length).toBeGreaterThan(100);
    for (const tunnel of tunnels) expect(verifyFrame(tunnel, 'ethernet')).toEqual([]);
    const inner = tunnels.map((tunnel) => tunnel.subarray(OUTER_BYTES + 14));
    expect(new Set(inner.map((packet) => packet[8]))).toEqual(new Set([ttl]));
    expect(new Set(inner.map((packet) => packet.subarray(12, 20).join('.')))).toEqual(
      new Set(['192.0.2.7.80.80.80.80']),
    );
    expect(port.counters()).toMatchObject({ received: expect.any(Number), sent: 300, sendDropped: 0 });
  });

  it.each(['packet:up0', 'tun:mux0'])(
    '%s: TCP of 30 KB in one frame leaves as segments, in order and right',
    async (text) => {
      const mux = await openMux(SOCKET_ROOM);
      const { attachment, port } = await openLive(mux, text);
      if (text === 'tun:mux0') ip(`route add ${VIP} dev mux0`);
      attachment.select(selecting({ destinations: [VIP] }));
      const far = await openFar(HOST_A, HOST_B);
      const payload = Array.from({ length: 30_000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
      let clientPort = 40000;
      let tunnels: Uint8Array[] = [];
      // Until a connection goes to host B, across the link.
      while (tunnels.length === 0 && clientPort++ < 40100) {
        const frame = toUp()
          .ipv4(CLIENT, VIP)
          .tcp(clientPort, 443, ACK | PSH)
          .payload(payload)
          .bytes();
        sendBytes(far.memory, far.port, frame, Uint8Array.of(1, 1, 54, 0, 0x78, 5 /* 1400 */, 34, 0, 16, 0));
        run(mux, port);
        tunnels = received(far.memory, far.port).filter((tunnel) => tunnel[33] === 22);
      }
      expect(tunnels.length).toBe(Math.ceil(30_000 / 1400));
      for (const tunnel of tunnels) expect(verifyFrame(tunnel, 'ethernet')).toEqual([]);
      const whole = tunnels.map((tunnel) => new TextDecoder().decode(tunnel.subarray(INNER_TCP_PAYLOAD))).join('');
      expect(whole).toBe(payload);
      expect(port.counters().segmented).toBeGreaterThan(0);
    },
  );
});

describe.skipIf(missing)('a host agent', () => {
  it('udp and tap: a tunnel reaches the VM, its answer has no port to leave by', async () => {
    const host = await openHost(SOCKET_ROOM);
    const underlay = await openLive(host, 'udp', { providerAddresses: [HOST_A] });
    const vm = await openLive(host, 'tap:vm0', { side: 'vm' });
    ip(`link set vm0 address ${WEB_A_MAC}`);
    ip(`addr add ${WEB_A}/24 dev vm0`);
    const { createSocket } = await import('node:dgram');
    const got: string[] = [];
    const socket = closeLater(createSocket('udp4'));
    socket.on('message', (bytes, from) => got.push(`${bytes} from ${from.address}:${from.port}`));
    await new Promise<void>((resolve) => socket.bind(53, WEB_A, resolve));
    const far = await openFar();
    const tunnel = toUp().ipv4(MUX, HOST_A).udp(50000, 4789, { checksum: 'none' }).vxlan(VNI).eth({ dst: WEB_A_MAC });
    ip(`addr del ${MUX}/32 dev up0`);
    far.send(tunnel.ipv4(CLIENT, VIP).udp(40000, 53).payload('hello'));
    run(host, underlay.port, vm.port);
    await pause();
    expect(got).toEqual([`hello from ${CLIENT}:40000`]);
    ip(`addr add ${MUX}/32 dev up0`);
  });
});
