/** TUN and TAP devices of ours: what the kernel routes into them and out of them; what is around them is in link.ts. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openPassDevice } from '../../../sdk/runtime/node/ports/device-attachment.js';
import { findInterface, interfaceNames } from '../../../sdk/runtime/node/ports/interface.js';
import { eth, ipv4, ipv6, type Packet, SYN } from '../../support/packet.js';
import { sysctl } from '../namespace.js';
import {
  arrivals,
  attach,
  closeLater,
  enterLinkNamespace,
  FAR_MAC,
  ip,
  kernelShare,
  openAll,
  openFar,
  openText,
  pause,
  received,
  sendBytes,
  toUp,
  VIP,
  VIP6,
  VIRTIO_BYTES,
} from './link.js';

const HERE = '10.1.1.2';
const HOST = '10.2.2.2';
const HERE6 = '2001:db8:1::2';
const HOST6 = '2001:db8:2::2';
/** VIPs that the kernel routes into the device. */
const ROUTED_VIP = '203.0.113.8';
const ROUTED_VIP6 = '2001:db8::8';

const missing = await enterLinkNamespace();
if (missing) console.log(`skipped: TUN and TAP devices were not tried, as ${missing}`);
else {
  ip(`addr add ${HERE}/24 dev up0`);
  ip(`addr add ${HERE6}/64 dev up0 nodad`);
  ip(`neigh add 10.1.1.1 dev up0 lladdr ${FAR_MAC} nud permanent`);
  ip(`neigh add 2001:db8:1::1 dev up0 lladdr ${FAR_MAC} nud permanent`);
  ip('route add default via 10.1.1.1');
  ip('route add default via 2001:db8:1::1');
  forwarding(1);
}

function forwarding(value: number): void {
  sysctl('net.ipv4.ip_forward', value);
  sysctl('net.ipv6.conf.all.forwarding', value);
}

/** A TUN port with the routes of a MUX. */
async function openTun(text = 'tun:mux0', queueCount = 1) {
  const tun = await openText(text, { queueCount, providerAddresses: [HERE, HERE6] });
  ip(`route add ${ROUTED_VIP} dev mux0`);
  ip(`route add ${ROUTED_VIP6} dev mux0`);
  return tun;
}

const tunnel = (text: string) => ipv4(HERE, HOST).udp(50000, 4789).payload(text);
const tunnel6 = (text: string) => ipv6(HERE6, HOST6).udp(50000, 4789).payload(text);
const payloadOf = (frame: Uint8Array, headerBytes: number) => new TextDecoder().decode(frame.subarray(headerBytes));
const RP_FILTERS = [0, 1, 2];

describe.skipIf(missing)('tun: what the kernel routes into it and out of it', () => {
  it('takes packets to VIPs of both families, as they are but for the hop', async () => {
    const { memory, port } = await openTun();
    const far = await openFar();
    const request = (vip: string, ttl: number) =>
      vip === ROUTED_VIP
        ? toUp().ipv4('192.0.2.1', vip, { ttl })
        : toUp().ipv6('2001:db8:c::1', vip, { hopLimit: ttl });
    far.send(
      request(ROUTED_VIP, 64).udp(40000, 53).payload('four'),
      request(ROUTED_VIP6, 64).udp(40000, 53).payload('six'),
    );
    const taken = [
      request(ROUTED_VIP, 63).udp(40000, 53).payload('four'),
      request(ROUTED_VIP6, 63).udp(40000, 53).payload('six'),
    ];
    expect(received(memory, port)).toEqual(taken.map((packet) => packet.bytes().subarray(14)));
    expect(port.interface).toMatchObject({ name: 'mux0', macAddress: undefined, mtuBytes: 1500 });
  });

  it.each(RP_FILTERS)(
    'our tunnels leave, though their source is our own address: rp_filter %i for all',
    async (value) => {
      sysctl('net.ipv4.conf.all.rp_filter', value);
      const { memory, port } = await openTun();
      const far = await openFar(HOST, HOST6);
      sendBytes(memory, port, tunnel('one').bytes());
      sendBytes(memory, port, tunnel6('two').bytes());
      expect(received(far.memory, far.port).map((frame) => frame.length)).toEqual([45, 65]);
      expect(port.counters()).toMatchObject({ sent: 2, sendDropped: 0 });
      sysctl('net.ipv4.conf.all.rp_filter', 0);
    },
  );

  it('replies leave with a VIP as their source, though no route leads to it', async () => {
    const { memory, port } = await openTun();
    const far = await openFar(HOST);
    ip('route add unreachable 198.18.0.0/15');
    sendBytes(memory, port, ipv4('198.18.0.7', HOST).udp(53, 40000).payload('reply').bytes());
    expect(received(far.memory, far.port).map((frame) => payloadOf(frame, 42))).toEqual(['reply']);
    ip('route del unreachable 198.18.0.0/15');
  });

  it('TCP of 30 KB comes in one frame, with its virtio header', async () => {
    const { memory, port } = await openTun('tun:mux0,mtu=1400');
    const far = await openFar();
    const frame = toUp().ipv4('192.0.2.1', ROUTED_VIP).tcp(40000, 443, SYN).payload('x'.repeat(30_000)).bytes();
    sendBytes(far.memory, far.port, frame, Uint8Array.of(1, 1, 54, 0, 0x14, 5 /* 1300 */, 34, 0, 16, 0));
    const [arrival] = arrivals(memory, port);
    expect([...arrival.subarray(0, 2)]).toEqual([1, 1]);
    expect([...arrival.subarray(4, 10)]).toEqual([0x14, 5, 20, 0, 16, 0]);
    expect(arrival.length).toBe(VIRTIO_BYTES + frame.length - 14);
    expect(findInterface('mux0')?.mtuBytes).toBe(1400);
  });

  it('a frame without sense stops none of the others', async () => {
    const { memory, port } = await openTun();
    const far = await openFar(HOST);
    const garbage = new Uint8Array(VIRTIO_BYTES + 20);
    const good = (text: string) => Uint8Array.from([...new Uint8Array(VIRTIO_BYTES), ...tunnel(text).bytes()]);
    for (const frame of [garbage, good('1'), new Uint8Array(3), garbage, good('2')]) memory.put(port.number, frame);
    port.send();
    expect(memory.pendingCount(port.number)).toBe(0);
    expect(received(far.memory, far.port).map((frame) => payloadOf(frame, 42))).toEqual(['1', '2']);
    expect(port.counters()).toMatchObject({ sent: 2, sendDropped: 3 });
  });

  it('takes as many frames as there is room for, and the others later', async () => {
    const { memory, port } = await openTun();
    const far = await openFar();
    arrivals(memory, port);
    const request = (flow: number) => toUp().ipv4('192.0.2.1', ROUTED_VIP).udp(flow, 53);
    far.send(request(1), request(2), request(3));
    memory.roomCount = 2;
    expect([port.receive(), port.receive()]).toEqual([2, 0]);
    memory.roomCount = 9;
    expect([port.receive(), port.receive()]).toEqual([1, 0]);
  });

  it('queues share what the kernel routes into it, all packets of a flow in one', async () => {
    const { memory, ports } = await openTun('tun:mux0', 3);
    const far = await openFar();
    for (let flow = 40000; flow < 40060; flow++) {
      const request = toUp().ipv4('192.0.2.1', ROUTED_VIP).udp(flow, 53);
      far.send(request, request);
    }
    const counts = ports.map((port) => received(memory, port).length);
    expect(counts.reduce((sum, count) => sum + count)).toBe(120);
    for (const count of counts) expect(count).toBeGreaterThan(10);
    expect(counts.map((count) => count % 2)).toEqual([0, 0, 0]);
    sendBytes(memory, ports[2], tunnel('by any queue').bytes());
    expect(ports[2].counters()).toMatchObject({ sent: 1 });
  });

  it('is gone with its attachment, and at its end when somebody deletes it', async () => {
    const { attachment, memory, port } = await openTun();
    expect(interfaceNames()).toContain('mux0');
    expect(port.isAtEnd).toBe(false);
    ip('link del mux0');
    sendBytes(memory, port, tunnel('too late').bytes());
    expect([port.receive(), port.isAtEnd]).toEqual([0, true]);
    expect(port.counters()).toMatchObject({ sent: 0, sendDropped: 1 });
    attachment.close();
    const again = await attach('tun:mux0');
    again.close();
    expect(interfaceNames()).not.toContain('mux0');
  });

  it('says so when the kernel forwards nothing', async () => {
    forwarding(0);
    const { notes } = await attach('tun:mux0', { providerAddresses: [HERE, HERE6] });
    const { notes: ofIpv4 } = await attach('tun:mux1', { providerAddresses: [HERE] });
    forwarding(1);
    const { notes: none } = await attach('tun:mux2', { providerAddresses: [HERE, HERE6] });
    const ofBoth = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'];
    expect(notes).toEqual(ofBoth.map((setting) => `the kernel forwards nothing: sysctl -w ${setting}`));
    expect([ofIpv4.length, none.length]).toEqual([1, 0]);
  });

  it('brings nothing that nobody has sent', async () => {
    const { memory, port } = await openTun();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(received(memory, port)).toEqual([]);
  });
});

describe.skipIf(missing)('pass: the device a host agent lets packets pass by', () => {
  it.each(RP_FILTERS)(
    'they go on as if they had arrived: to us, and to others; rp_filter %i for all',
    async (value) => {
      sysctl('net.ipv4.conf.all.rp_filter', value);
      const share = await kernelShare();
      const { memory, port } = openAll(closeLater(openPassDevice()));
      const far = await openFar(HOST, HOST6);
      const packets: Packet[] = [
        ipv4('192.0.2.1', VIP).udp(40000, 53).payload('to us'),
        ipv6('2001:db8:c::1', VIP6).udp(40000, 53).payload('to us by IPv6'),
        ipv4('192.0.2.1', HOST).udp(40000, 53).payload('on'),
        ipv6('2001:db8:c::1', HOST6).udp(40000, 53).payload('on by IPv6'),
      ];
      for (const packet of packets) memory.put(port.number, packet.bytes());
      port.send();
      expect(port.counters()).toMatchObject({ sent: 4, sendDropped: 0 });
      await pause();
      expect(share.toSorted()).toEqual(['to us', 'to us by IPv6']);
      expect(received(far.memory, far.port)).toHaveLength(2);
      sysctl('net.ipv4.conf.all.rp_filter', 0);
    },
  );

  it('has a name of its own each time, and nothing to receive', () => {
    const { port } = openAll(closeLater(openPassDevice()));
    const other = openAll(closeLater(openPassDevice()));
    expect([port.interface?.name, other.port.interface?.name]).toEqual(['emx-pass0', 'emx-pass1']);
    expect([port.name, port.descriptor, port.receive()]).toEqual(['pass', -1, 0]);
  });
});

describe.skipIf(missing)('tap: Ethernet, whoever has the other end', () => {
  it('frames both ways', async () => {
    const { memory, port } = await openText('tap:vm0,mtu=1450', { side: 'vm' });
    const mac = findInterface('vm0')?.macAddress ?? '';
    ip('addr add 10.3.1.1/24 dev vm0');
    ip('neigh add 10.3.1.2 dev vm0 lladdr 02:00:00:00:00:0c nud permanent');
    const there = eth({ dst: mac, src: '02:00:00:00:00:0c' }).ipv4('10.3.1.2', '10.3.1.1').icmp(8, 0).payload('ping');
    sendBytes(memory, port, there.bytes());
    await pause();
    const [back] = received(memory, port).filter((frame) => frame[23] === 1);
    expect([...back.subarray(0, 6)]).toEqual([2, 0, 0, 0, 0, 0x0c]);
    expect(port.interface).toMatchObject({ name: 'vm0', macAddress: mac, mtuBytes: 1450 });
  });
});

describe.skipIf(missing)('devices: what they refuse, in one line, with nothing left', () => {
  it.each([
    { text: 'tun:up0', why: 'there is another interface up0: choose another name' },
    { text: 'tap:kept0', why: 'taken by another process' },
    { text: 'tun:kept0', why: 'there is kept0 already, and nobody uses it: ip link del kept0' },
    { text: 'tun:used0', why: 'taken by another process' },
    { text: 'tun:used0', queueCount: 2, why: 'taken by another process' },
    {
      text: 'tun:new0,mtu=1500',
      mtuBytesMin: 1550,
      why: 'MTU 1500 is too small: tunnels of the fabric take 1550 bytes',
    },
    { text: 'tun:new0', side: 'vm', why: 'VMs have Ethernet: tap:new0' },
    { text: 'tap:new0', side: 'vm', queueCount: 2, why: 'a VM is served by one queue' },
  ] as const)('$text: $why', async ({ text, why, ...options }) => {
    await attach('tun:used0', { queueCount: 2 });
    if (text.endsWith('kept0')) ip('tuntap add dev kept0 mode tun');
    const before = interfaceNames();
    await expect(attach(text, options)).rejects.toMatchObject({
      code: 'ERR_PORT',
      message: `${text.split(',')[0]}: ${why}`,
    });
    expect(interfaceNames()).toEqual(before);
    if (text.endsWith('kept0')) ip('link del kept0');
  });

  it('leaves the settings of all interfaces as they were', async () => {
    const settings = () =>
      ['all', 'default', 'up0'].map((name) =>
        ['rp_filter', 'accept_local', 'forwarding'].map((setting) =>
          readFileSync(`/proc/sys/net/ipv4/conf/${name}/${setting}`, 'utf8'),
        ),
      );
    const before = settings();
    await openTun();
    closeLater(openPassDevice());
    expect(settings()).toEqual(before);
  });
});
