/** Fastpath and what a VM leaves to the hardware: a large frame goes straight, in a tunnel per segment. */
import { HostAgent } from 'edgemux';
import applianceModule from 'edgemux/appliance-module';
import { layers } from 'edgemux/packet';
import { expect, test } from 'vitest';
import { concat } from '../../support/bytes.js';
import { verifyFrame } from '../../support/checksum.js';
import { ACK, PSH, SYN } from '../../support/packet.js';
import { Random } from '../../support/random.js';
import {
  CALLER_PORT,
  fromCalled,
  fromCaller,
  IPV4,
  IPV6,
  Network,
  TICK_MS,
  type Wishes,
} from '../../support/two-tenants.js';
import { Device, MessageSocket, NATIVE_ADDRESS } from '../ports/kernel.js';
import { expectBytes } from './offload-bench.js';
import { TCP, unfinished } from './unfinished.js';
import { GSO_TCPV4, GSO_TCPV6, NEEDS_CSUM, withVirtio } from './virtio.js';

const ROOM = { flowCountMax: 256, fastpathCountMax: 16, portCountMax: 2, chunkCount: 400, batchFrameCountMax: 64 };

/** A connection of two VMs whose hosts have been told, and the ports of the caller's host. */
async function straight(wishes: Wishes) {
  const network = await Network.of(wishes);
  const host = await HostAgent.load(applianceModule, ROOM);
  network.hosts.set('host-1', host);
  network.become(wishes);
  const ends = wishes.ends ?? IPV4;
  let seq = 0;
  const ask = (tick: number, flags: number) =>
    network.send(
      'host-1',
      fromCaller(ends).tcp(CALLER_PORT, 80, flags, { seq: seq++, payload: 'ask' }),
      tick * TICK_MS,
    );
  const opened = ask(0, SYN);
  const port = Number(layers(opened.delivered!).find(({ name }) => name === 'tcp')?.fields.sourcePort);
  for (const tick of [0, 1, 2]) {
    ask(tick, ACK);
    const flags = tick === 0 ? SYN | ACK : ACK;
    network.send('host-2', fromCalled(ends).tcp(8080, port, flags, { seq: seq++, payload: 'answer' }), tick * TICK_MS);
  }
  expect(ask(2, ACK).path).toEqual(['host-1', 'host-2']);
  const { ports } = host;
  ports.locate(NATIVE_ADDRESS);
  const vm = ports.open({ kind: 'frames', link: 'ethernet', side: 'vm', hasVirtioHeader: true });
  const underlay = ports.open({ kind: 'messages', link: 'ethernet', side: 'underlay', hasVirtioHeader: true });
  return { network, host, ends, device: new Device(ports, vm), socket: new MessageSocket(ports, underlay) };
}

const FABRICS: readonly (Wishes & { readonly name: string })[] = [
  { name: 'VXLAN over IPv4' },
  { name: 'VXLAN over IPv4, an MTU of 1,500', mtuBytes: 1500 },
  { name: 'NVGRE over IPv6', encapsulation: 'Nvgre', underlay: 6, mtuBytes: 1500 },
  { name: 'IPv6 in VXLAN over IPv6', ends: IPV6, underlay: 6, mtuBytes: 1500 },
];
const random = new Random(1);

test.each(FABRICS)('$name', async (wishes) => {
  const { network, host, ends, device, socket } = await straight(wishes);
  const payload = random.bytes(20_000);
  const gsoSize = 1300;
  const l4 = ends.family === 6 ? 54 : 34;
  const right = fromCaller(ends)
    .tcp(CALLER_PORT, 80, ACK | PSH, { seq: 1000, payload })
    .bytes();
  const header = {
    flags: NEEDS_CSUM,
    gsoType: ends.family === 6 ? GSO_TCPV6 : GSO_TCPV4,
    gsoSize,
    checksumStart: l4,
    checksumOffset: 16,
  };
  device.deliver(withVirtio(header, unfinished(right, 14, l4, TCP)));
  expect(host.processPorts(2 * TICK_MS)).toBe(1);
  const tunnels = socket.sendmmsg().map(({ bytes }) => bytes.subarray(10));
  expect(tunnels).toHaveLength(Math.ceil(payload.length / gsoSize));
  const delivered = tunnels.map((frame) => {
    expect(verifyFrame(frame, 'ethernet')).toEqual([]);
    if (wishes.mtuBytes) expect(frame.length - 14).toBeLessThanOrEqual(wishes.mtuBytes);
    const { verdict, bytes } = network.tell(frame, 2 * TICK_MS);
    expect(verdict).toBe('deliver');
    expect(verifyFrame(bytes!, 'ethernet')).toEqual([]);
    return bytes!;
  });
  expectBytes(concat(...delivered.map((frame) => frame.subarray(l4 + 20))), payload);
});

test('segments that are too big for the provider network go by the gateway, whole', async () => {
  const { host, device, socket } = await straight({ mtuBytes: 1400 });
  const payload = random.bytes(20_000);
  const right = fromCaller(IPV4).tcp(CALLER_PORT, 80, ACK, { seq: 1000, payload }).bytes();
  const header = { flags: NEEDS_CSUM, gsoType: GSO_TCPV4, gsoSize: 1360, checksumStart: 34, checksumOffset: 16 };
  device.deliver(withVirtio(header, unfinished(right, 14, 34, TCP)));
  host.processPorts(2 * TICK_MS);
  const [message, ...others] = socket.sendmmsg();
  expect(others).toEqual([]);
  expect(message!.bytes).toHaveLength(10 + right.length);
});
