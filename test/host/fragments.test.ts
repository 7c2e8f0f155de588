/** Fragments of tenants' packets: the first goes where a whole packet would, and the others where it went. */

import { HostAgent } from 'edgemux';
import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import {
  atA,
  CLIENT,
  DIP_A,
  dualStackHost,
  FAMILIES,
  type Family,
  ip,
  ofA,
  ofB,
  out,
  SNAT_VIP,
  toA,
  toB,
  tunnelTo,
  VIPS,
} from '../support/dual-stack-host.js';
import { ACK, type Packet, SYN } from '../support/packet.js';
import { WEB_A_MAC } from '../support/programs.js';

const TICK_MS = 1024;
const UDP = 17;

async function dualHost(): Promise<HostAgent> {
  const host = await HostAgent.load(muxModule, { batchFrameCountMax: 1, flowCountMax: 64 });
  host.apply(dualStackHost);
  return host;
}

interface Fragment {
  readonly offset?: number;
  readonly more?: boolean;
  readonly id?: number;
  readonly protocol?: number;
}

/** An IP header, with the fragment header behind it where the family has one. */
function part(start: Packet, family: Family, source: string, destination: string, fields: Fragment): Packet {
  const { offset = 0, more = false, id = 77, protocol } = fields;
  return family === 4
    ? start.ipv4(source, destination, {
        fragmentOffset: offset,
        mf: more,
        id,
        df: false,
        ...(protocol && { protocol }),
      })
    : start.ipv6(source, destination).fragment({ offset, more, id, ...(protocol && { nextHeader: protocol }) });
}

const BODY = { payload: 'x'.repeat(1000), udpLength: 1500 };
const REST = 'the rest of the datagram';

const arrive = (host: HostAgent, packet: Packet, nowMs = 0) => {
  const { verdict, reason, bytes } = host.process(packet.bytes(), nowMs);
  return { is: reason ?? verdict, hex: bytes && toHex(bytes) };
};
const send = (host: HostAgent, packet: Packet, nowMs = 0) => {
  const { verdict, reason, bytes } = host.process(packet.bytes(), nowMs, { port: 'vm' });
  return { is: reason ?? verdict, hex: bytes && toHex(bytes) };
};

describe.each(FAMILIES)('host agent: fragments in IPv%i', (family) => {
  const client = CLIENT[family];
  const [vip, dip] = [VIPS[family], DIP_A[family]];
  const later = { offset: 126, protocol: UDP };
  const first = (start: Packet, fields: Fragment = {}) =>
    part(start, family, client, vip, { more: true, ...fields }).udp(40000, 53, BODY);
  const rest = (start: Packet, fields: Fragment = {}) =>
    part(start, family, client, vip, { ...later, ...fields }).payload(REST);

  it('the first is translated, the others get its address', async () => {
    const host = await dualHost();
    const delivered = part(atA, family, client, dip, { more: true })
      .udp(40000, 53, { ...BODY, checksum: 0 })
      .bytes();
    const { is, hex } = arrive(host, first(toA));
    expect(is).toBe('deliver');
    // The checksum covers bytes that are not here: all but it is compared.
    const checksumAt = (family === 4 ? 14 + 20 + 6 : 14 + 40 + 8 + 6) * 2;
    const without = (text: string) => text.slice(0, checksumAt) + text.slice(checksumAt + 4);
    expect(without(hex as string)).toBe(without(toHex(delivered)));
    const expected = part(atA, family, client, dip, later).payload(REST);
    expect(arrive(host, rest(toA))).toEqual({ is: 'deliver', hex: toHex(expected.bytes()) });
    const middle = arrive(host, rest(toA, { more: true, offset: 200 }));
    expect(middle.is).toBe('deliver');
  });

  it('the checksum of the first is mended for the whole datagram', async () => {
    const host = await dualHost();
    const checksumOf = (hex: string | undefined) =>
      Number.parseInt(hex?.slice((family === 4 ? 40 : 68) * 2).slice(0, 4) ?? '', 16);
    // Whole datagrams to the two addresses differ by as much as the fragments do.
    const whole = ip(toA, family, client, vip).udp(40000, 53, { payload: 'y' }).bytes();
    const wholeOut = ip(atA, family, client, dip).udp(40000, 53, { payload: 'y' }).bytes();
    const before = (whole[whole.length - 3] << 8) | whole[whole.length - 2];
    const after = (wholeOut[wholeOut.length - 3] << 8) | wholeOut[wholeOut.length - 2];
    const fragment = part(toA, family, client, vip, { more: true }).udp(40000, 53, { ...BODY, checksum: before });
    expect(checksumOf(arrive(host, fragment).hex)).toBe(after);
  });

  it.each([
    { name: 'before the first', id: 77, do: (_host: HostAgent) => {} },
    { name: 'of another datagram', id: 78, do: (host: HostAgent) => arrive(host, first(toA)) },
    {
      name: 'of a datagram whose first was dropped',
      id: 77,
      do: (host: HostAgent) => {
        const refused = part(toA, family, client, vip, { more: true }).udp(40000, 54, BODY);
        expect(arrive(host, refused).is).toBe('no-rule');
      },
    },
    {
      name: 'of one that was dropped for its congestion mark',
      id: 77,
      do: (host: HostAgent) => expect(arrive(host, first(tunnelTo(WEB_A_MAC, { ecn: 3 }))).is).toBe('ecn'),
    },
  ])('a later one $name: fragment', async ({ id, do: before }) => {
    const host = await dualHost();
    before(host);
    expect(arrive(host, rest(toA, { id })).is).toBe('fragment');
  });

  it('another NIC has other datagrams', async () => {
    const host = await dualHost();
    arrive(host, first(toA));
    expect(arrive(host, rest(toB)).is).toBe('fragment');
  });

  it('are remembered for 30 ticks', async () => {
    const host = await dualHost();
    arrive(host, first(toA));
    expect(arrive(host, rest(toA), 29 * TICK_MS).is).toBe('deliver');
    expect(arrive(host, rest(toA), 30 * TICK_MS).is).toBe('fragment');
  });

  it.each([
    { name: '7 bytes of UDP', protocol: UDP, bytes: 7, is: 'udp-truncated' },
    { name: '19 bytes of TCP', protocol: 6, bytes: 19, is: 'tcp-truncated' },
    { name: '20 zeros of TCP', protocol: 6, bytes: 20, is: 'tcp-header-length' },
    { name: '8 zeros of UDP', protocol: UDP, bytes: 8, is: 'udp-length' },
    { name: 'ICMP', protocol: family === 4 ? 1 : 58, bytes: 16, is: 'fragment' },
    { name: 'ESP without a rule', protocol: 50, bytes: 16, is: 'protocol' },
    { name: 'GRE with one', protocol: 47, bytes: 16, is: 'deliver' },
    { name: 'UDP-Lite', protocol: 136, bytes: 16, is: 'protocol' },
  ])('a first one with $name: $is', async ({ protocol, bytes, is }) => {
    const host = await dualHost();
    const packet = part(toA, family, client, vip, { more: true, protocol }).payload(new Uint8Array(bytes));
    expect(arrive(host, packet).is).toBe(is);
  });

  it('the first of TCP opens a connection like a whole packet', async () => {
    const host = await dualHost();
    const syn = part(toA, family, client, vip, { more: true }).tcp(40000, 443, SYN);
    expect(arrive(host, syn).is).toBe('deliver');
    expect(send(host, ip(ofA, family, dip, client).tcp(8443, 40000, SYN | ACK)).is).toBe('reply');
  });

  it('what is for no VIP of the NIC passes', async () => {
    const host = await dualHost();
    const stranger = part(toB, family, client, SNAT_VIP[family], { offset: 126, protocol: UDP }).payload(REST);
    expect(arrive(host, stranger).is).toBe('pass');
  });
});

describe.each(FAMILIES)('host agent: fragments of a VM in IPv%i', (family) => {
  const client = CLIENT[family];
  const [vip, dip] = [VIPS[family], DIP_A[family]];
  const first = part(ofA, family, dip, client, { more: true }).udp(53, 40000, BODY);
  const rest = (id = 77) => part(ofA, family, dip, client, { offset: 126, protocol: UDP, id }).payload(REST);

  it('an answer leaves from the VIP, all of it', async () => {
    const host = await dualHost();
    arrive(host, ip(toA, family, client, vip).udp(40000, 53));
    expect(send(host, first).is).toBe('reply');
    const expected = part(out, family, vip, client, { offset: 126, protocol: UDP }).payload(REST);
    expect(send(host, rest())).toEqual({ is: 'reply', hex: toHex(expected.bytes()) });
    expect(send(host, rest(78)).is).toBe('pass');
    expect(send(host, rest(), 30 * TICK_MS).is).toBe('pass');
  });

  it('a call leaves from a leased port, all of it', async () => {
    const host = await dualHost();
    expect(send(host, first).is).toBe('reply');
    const expected = part(out, family, SNAT_VIP[family], client, { offset: 126, protocol: UDP }).payload(REST);
    expect(send(host, rest())).toEqual({ is: 'reply', hex: toHex(expected.bytes()) });
  });

  it('a cut header is refused in an answer', async () => {
    const host = await dualHost();
    arrive(host, ip(toA, family, client, vip).tcp(40000, 443, SYN));
    const header = ip(ofA, family, dip, client).tcp(8443, 40000, ACK).bytes();
    const cut = part(ofA, family, dip, client, { more: true, protocol: 6 }).payload(header.slice(-20, -4));
    expect(send(host, cut).is).toBe('tcp-truncated');
  });

  it('what a client sends in fragments is nothing the VM could send', async () => {
    const host = await dualHost();
    arrive(host, part(toA, family, client, vip, { more: true }).udp(40000, 53, BODY));
    const forged = part(ofA, family, client, vip, { offset: 126, protocol: UDP }).payload(REST);
    expect(send(host, forged).is).toBe('pass');
    const ofAnother = part(ofB, family, dip, client, { offset: 126, protocol: UDP }).payload(REST);
    expect(send(host, ofAnother).is).toBe('pass');
  });
});
