/** ICMP errors through the host agent: what they quote looks on either side as it did when it was sent there. */
import type { HostAgent } from 'edgemux';
import { describe, expect, it } from 'vitest';
import { toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ACK, bare, eth, type Packet, SYN } from '../support/packet.js';
import { WEB_B_MAC } from '../support/programs.js';
import {
  arrive,
  FAMILIES,
  type Family,
  IDLE_TICKS,
  IPV4,
  IPV6,
  leave,
  loadHost,
  ofVm,
  TICK_MS,
  toGateway,
  toVm,
  tunnel,
} from './one-vm.js';

const GRE = 47;

/** A connection of each kind: what the client has sent. Those of the VM's own: `leased` and `pinged`. */
function connect(host: HostAgent, { ip, client, vip, publicIp }: Family): void {
  const packets = [
    ip(tunnel(), client, vip).tcp(40000, 443, SYN),
    ip(tunnel(), client, vip).tcp(40000, 80, SYN),
    ip(tunnel(), client, vip).udp(40000, 53),
    ip(tunnel(), client, vip).nvgre(7),
    ip(tunnel(WEB_B_MAC), client, publicIp).tcp(40000, 22, SYN),
  ];
  for (const packet of packets) expect(arrive(host, packet).verdict).toBe('deliver');
}

async function connected(family: Family): Promise<HostAgent> {
  const host = await loadHost();
  connect(host, family);
  return host;
}

/** The leased port of a connection the VM opens, and of a ping. */
function leasedPort(host: HostAgent, { ip, dip, client, ipBytes }: Family): number {
  const { verdict, bytes } = leave(host, ip(ofVm(), dip, client).tcp(5555, 443, SYN));
  expect(verdict).toBe('reply');
  return bytes![14 + ipBytes]! * 256 + bytes![14 + ipBytes + 1]!;
}

function leasedIdentifier(host: HostAgent, { ip, echo, dip, client, ipBytes }: Family): number {
  const { verdict, bytes } = leave(host, echo(ip(ofVm(), dip, client), 'request', 77));
  expect(verdict).toBe('reply');
  return bytes![14 + ipBytes + 4]! * 256 + bytes![14 + ipBytes + 5]!;
}

interface Translated {
  readonly name: string;
  /** What the error quotes as it arrives, and as it leaves. */
  quote: (family: Family, start: Packet) => Packet;
  out: (family: Family, start: Packet) => Packet;
}

/**
 * The first `length` bytes of a quoted packet after its translation. A checksum of which only one byte is quoted cannot be
 * mended, and stays as it was.
 */
function cut(before: Uint8Array, after: Uint8Array, length: number, { ipBytes }: Family): Uint8Array {
  const out = after.slice(0, length);
  const offset = CHECKSUM_OFFSETS[before[ipBytes === 20 ? 9 : 6]!];
  if (offset !== undefined && length === ipBytes + offset + 1) out[length - 1] = before[length - 1]!;
  return out;
}

/** Of TCP, UDP, ICMP and ICMPv6. */
const CHECKSUM_OFFSETS: Readonly<Record<number, number>> = { 6: 16, 17: 6, 1: 2, 58: 2 };

/** A VM's packets as they left, about which somebody outside complains. */
const toVmRows: Translated[] = [
  {
    name: 'TCP: VIP and port become DIP and backend port',
    quote: ({ ip, vip, client }, start) => ip(start, vip, client).tcp(443, 40000, ACK, { seq: 7, payload: 'answer' }),
    out: ({ ip, dip, client }, start) => ip(start, dip, client).tcp(8443, 40000, ACK, { seq: 7, payload: 'answer' }),
  },
  {
    name: 'UDP',
    quote: ({ ip, vip, client }, start) => ip(start, vip, client).udp(53, 40000, { payload: 'answer' }),
    out: ({ ip, dip, client }, start) => ip(start, dip, client).udp(5353, 40000, { payload: 'answer' }),
  },
  {
    name: 'UDP without checksum',
    quote: ({ ip, vip, client }, start) => ip(start, vip, client).udp(53, 40000, { checksum: 'none', payload: 'x' }),
    out: ({ ip, dip, client }, start) => ip(start, dip, client).udp(5353, 40000, { checksum: 'none', payload: 'x' }),
  },
  {
    name: 'floating IP: only the checksum of ICMP is new',
    quote: ({ ip, vip, client }, start) => ip(start, vip, client).tcp(80, 40000, ACK),
    out: ({ ip, vip, client }, start) => ip(start, vip, client).tcp(80, 40000, ACK),
  },
  {
    name: 'GRE has no ports, and its checksum no addresses',
    quote: ({ ip, vip, client }, start) => ip(start, vip, client).nvgre(7).payload('tenant'),
    out: ({ ip, dip, client }, start) => ip(start, dip, client).nvgre(7).payload('tenant'),
  },
];

describe.each(FAMILIES)('from the tunnel, IPv$family', (family) => {
  const { ip, unreachable, router, client, dip, vip, snatVip, publicIp, otherDip } = family;

  /** Delivers an error of `from` about `quote` and expects it about `out`. */
  function expectDelivered(host: HostAgent, to: string, from: string, quote: Uint8Array, out: Uint8Array, at = dip) {
    const mac = at === otherDip ? WEB_B_MAC : undefined;
    const { verdict, reason, bytes } = arrive(host, unreachable(ip(tunnel(mac), from, to), quote, 0x0578));
    const expected = unreachable(ip(toVm(mac), from, at), out, 0x0578);
    expect([verdict, reason, bytes && toHex(bytes)]).toEqual(['deliver', undefined, toHex(expected.bytes())]);
  }

  it.each(toVmRows)('$name', async ({ name, quote, out }) => {
    const host = await connected(family);
    const isFloating = name.startsWith('floating');
    for (const from of [router, client]) {
      const before = quote(family, bare()).bytes();
      expectDelivered(host, vip, from, before, out(family, bare()).bytes(), isFloating ? vip : dip);
    }
  });

  const lengths = Array.from({ length: 101 }, (_, length) => length);
  it.each(toVmRows)('$name: every length of the quote', async ({ name, quote, out }) => {
    const host = await connected(family);
    const [before, after] = [quote, out].map((make) => make(family, bare()).bytes()) as [Uint8Array, Uint8Array];
    const portBytes = name.startsWith('GRE') ? 0 : 4;
    for (const length of lengths) {
      if (length >= family.ipBytes + portBytes) {
        const at = name.startsWith('floating') ? vip : dip;
        expectDelivered(host, vip, router, before.slice(0, length), cut(before, after, length, family), at);
      } else {
        const error = unreachable(ip(tunnel(), router, vip), before.slice(0, length));
        expect([length, arrive(host, error).reason]).toEqual([length, 'icmp-quote']);
      }
    }
  });

  it('a connection from a leased port', async () => {
    const host = await connected(family);
    const port = leasedPort(host, family);
    const before = ip(bare(), snatVip, client).tcp(port, 443, SYN, { payload: 'x' }).bytes();
    const after = ip(bare(), dip, client).tcp(5555, 443, SYN, { payload: 'x' }).bytes();
    for (let length = family.ipBytes + 4; length <= before.length; length++) {
      expectDelivered(host, snatVip, router, before.slice(0, length), cut(before, after, length, family));
    }
  });

  it('a ping from a leased identifier', async () => {
    const host = await connected(family);
    const identifier = leasedIdentifier(host, family);
    const before = family.echo(ip(bare(), snatVip, client), 'request', identifier, 'odd').bytes();
    const after = family.echo(ip(bare(), dip, client), 'request', 77, 'odd').bytes();
    for (let length = family.ipBytes + 8; length <= before.length; length++) {
      expectDelivered(host, snatVip, router, before.slice(0, length), cut(before, after, length, family));
    }
    const tooShort = unreachable(ip(tunnel(), router, snatVip), before.slice(0, family.ipBytes + 7));
    expect(arrive(host, tooShort).reason).toBe('icmp-quote');
  });

  it('an instance-level public IP needs no connection, and keeps its ports', async () => {
    const host = await loadHost();
    const quotes = [
      (start: Packet, source: string) => ip(start, source, client).tcp(5555, 443, SYN),
      (start: Packet, source: string) => ip(start, source, client).udp(5555, 443, { payload: 'x' }),
      (start: Packet, source: string) => family.echo(ip(start, source, client), 'request', 9),
      (start: Packet, source: string) => ip(start, source, client).nvgre(7),
    ];
    for (const quote of quotes) {
      expectDelivered(
        host,
        publicIp,
        router,
        quote(bare(), publicIp).bytes(),
        quote(bare(), otherDip).bytes(),
        otherDip,
      );
    }
  });

  it('does not keep a connection alive', async () => {
    const host = await connected(family);
    const error = unreachable(ip(tunnel(), router, vip), toVmRows[0]!.quote(family, bare()).bytes());
    expect(arrive(host, error, IDLE_TICKS * TICK_MS).verdict).toBe('deliver');
    expect(arrive(host, error, (IDLE_TICKS + 1) * TICK_MS).reason).toBe('icmp-quote');
  });

  const refused: { name: string; quote: Packet }[] = [
    { name: 'another client port', quote: ip(bare(), vip, client).tcp(443, 40001, ACK) },
    { name: 'another client', quote: ip(bare(), vip, router).tcp(443, 40000, ACK) },
    { name: 'a port nobody has a rule for', quote: ip(bare(), vip, client).tcp(445, 40000, ACK) },
    { name: 'a rule without the connection', quote: ip(bare(), vip, client).tcp(444, 40000, ACK) },
    { name: 'UDP with the ports of TCP', quote: ip(bare(), vip, client).udp(443, 40000) },
    { name: 'a packet that did not come from the VIP', quote: ip(bare(), snatVip, client).tcp(443, 40000, ACK) },
    { name: 'a packet to the VIP', quote: ip(bare(), client, vip).tcp(40000, 443, ACK) },
    { name: 'a ping nobody sent', quote: family.echo(ip(bare(), vip, client), 'request', 40000) },
    { name: 'an echo reply', quote: family.echo(ip(bare(), vip, client), 'reply', 40000) },
    { name: 'another error', quote: unreachable(ip(bare(), vip, client), new Uint8Array(48)) },
    {
      name: 'the other family',
      quote:
        family.family === 4
          ? bare().ipv6(IPV6.vip, IPV6.client).tcp(443, 40000, ACK)
          : bare().ipv4(IPV4.vip, IPV4.client).tcp(443, 40000, ACK),
    },
    {
      name: 'the middle of a datagram, as nobody knows its ports',
      quote:
        family.family === 4
          ? bare().ipv4(vip, client, { fragmentOffset: 1 }).tcp(443, 40000, ACK)
          : bare().ipv6(vip, client).fragment({ offset: 1 }).tcp(443, 40000, ACK),
    },
  ];
  it.each(refused)('about $name: icmp-quote', async ({ quote }) => {
    const host = await connected(family);
    const { verdict, reason } = arrive(host, unreachable(ip(tunnel(), router, vip), quote.bytes()));
    expect([verdict, reason]).toEqual(['drop', 'icmp-quote']);
  });

  it('about the first fragment of a datagram: as about a whole packet', async () => {
    const host = await connected(family);
    const fragment = (source: string, port: number) =>
      family.family === 4
        ? bare().ipv4(source, client, { mf: true }).tcp(port, 40000, ACK, { payload: 'x' })
        : bare().ipv6(source, client).fragment({ more: true }).tcp(port, 40000, ACK, { payload: 'x' });
    expectDelivered(host, vip, router, fragment(vip, 443).bytes(), fragment(dip, 8443).bytes());
  });

  it('a checksum that is wrong, a message that is cut off', async () => {
    const host = await connected(family);
    const error = unreachable(ip(tunnel(), router, vip), toVmRows[0]!.quote(family, bare()).bytes()).bytes();
    error[error.length - 1]! ^= 1;
    expect(host.process(error, 0).reason).toBe('icmp-checksum');
    const short =
      family.family === 4
        ? tunnel().ipv4(router, vip, { protocol: 1 }).payload(new Uint8Array(7))
        : tunnel().ipv6(router, vip, { nextHeader: 58 }).payload(new Uint8Array(7));
    expect(arrive(host, short).reason).toBe('icmp-truncated');
  });

  const types = family.family === 4 ? [3, 11, 12] : [1, 2, 3, 4];
  it.each(types)('type %i, whatever its code', async (type) => {
    const host = await connected(family);
    const quote = (source: string, port: number) => ip(bare(), source, client).tcp(port, 40000, ACK).bytes();
    const error = (start: Packet, content: Uint8Array, code: number) =>
      (family.family === 4 ? start.icmp(type, code, { rest: 1400 }) : start.icmpv6(type, code, { rest: 1400 })).payload(
        content,
      );
    for (const code of [0, 4, 255]) {
      const { bytes } = arrive(host, error(ip(tunnel(), router, vip), quote(vip, 443), code));
      expect(bytes && toHex(bytes)).toBe(toHex(error(ip(toVm(), router, dip), quote(dip, 8443), code).bytes()));
    }
  });

  const otherTypes = family.family === 4 ? [4, 5, 9, 13] : [0, 5, 133, 134, 135, 137];
  it.each(otherTypes)('type %i is none of them: protocol', async (type) => {
    const host = await connected(family);
    const start = ip(tunnel(), router, vip);
    const message = family.family === 4 ? start.icmp(type) : start.icmpv6(type);
    expect(arrive(host, message.payload(toVmRows[0]!.quote(family, bare()).bytes())).reason).toBe('protocol');
  });
});

/** What came for a VM, about which the VM complains. */
const fromVmRows: Translated[] = [
  {
    name: 'TCP: DIP and backend port become VIP and port',
    quote: ({ ip, dip, client }, start) => ip(start, client, dip).tcp(40000, 8443, SYN, { payload: 'x' }),
    out: ({ ip, vip, client }, start) => ip(start, client, vip).tcp(40000, 443, SYN, { payload: 'x' }),
  },
  {
    name: 'UDP',
    quote: ({ ip, dip, client }, start) => ip(start, client, dip).udp(40000, 5353, { payload: 'question' }),
    out: ({ ip, vip, client }, start) => ip(start, client, vip).udp(40000, 53, { payload: 'question' }),
  },
  {
    name: 'GRE',
    quote: ({ ip, dip, client }, start) => ip(start, client, dip).nvgre(7).payload('tenant'),
    out: ({ ip, vip, client }, start) => ip(start, client, vip).nvgre(7).payload('tenant'),
  },
];

describe.each(FAMILIES)('from a VM, IPv$family', (family) => {
  const { ip, unreachable, client, router, dip, vip, snatVip, publicIp, otherDip, ipBytes } = family;

  it.each(fromVmRows)('$name', async ({ name, quote, out }) => {
    const host = await connected(family);
    const [before, after] = [quote, out].map((make) => make(family, bare()).bytes()) as [Uint8Array, Uint8Array];
    const portBytes = name === 'GRE' ? 0 : 4;
    for (let length = 0; length <= before.length; length++) {
      const error = unreachable(ip(ofVm(), dip, client), before.slice(0, length));
      const { verdict, bytes } = leave(host, error);
      const expected = unreachable(ip(toGateway, vip, client), cut(before, after, length, family));
      const isWhole = length >= ipBytes + portBytes;
      expect([length, verdict]).toEqual([length, isWhole ? 'reply' : 'pass']);
      expect(toHex(bytes!)).toBe(toHex((isWhole ? expected : error).bytes()));
    }
  });

  it('about an answer to a leased port', async () => {
    const host = await connected(family);
    const port = leasedPort(host, family);
    const before = ip(bare(), client, dip).tcp(443, 5555, ACK, { payload: 'x' }).bytes();
    const after = ip(bare(), client, snatVip).tcp(443, port, ACK, { payload: 'x' }).bytes();
    const { verdict, bytes } = leave(host, unreachable(ip(ofVm(), dip, client), before));
    const expected = unreachable(ip(toGateway, snatVip, client), after);
    expect([verdict, toHex(bytes!)]).toEqual(['reply', toHex(expected.bytes())]);
  });

  it('of an instance-level public IP: no connection is needed', async () => {
    const host = await loadHost();
    const quote = (destination: string) => ip(bare(), client, destination).udp(9, 10, { payload: 'x' }).bytes();
    const { verdict, bytes } = leave(host, unreachable(ip(ofVm(WEB_B_MAC), otherDip, client), quote(otherDip)));
    const expected = unreachable(ip(toGateway, publicIp, client), quote(publicIp));
    expect([verdict, toHex(bytes!)]).toEqual(['reply', toHex(expected.bytes())]);
  });

  it('of an instance-level public IP, about something else: only its source changes', async () => {
    const host = await loadHost();
    const quote = ip(bare(), client, router).udp(9, 10).bytes();
    const { verdict, bytes } = leave(host, unreachable(ip(ofVm(WEB_B_MAC), otherDip, client), quote));
    const expected = unreachable(ip(toGateway, publicIp, client), quote);
    expect([verdict, toHex(bytes!)]).toEqual(['reply', toHex(expected.bytes())]);
  });

  const passed: { name: string; error: Packet }[] = [
    {
      name: 'about another client port',
      error: unreachable(ip(ofVm(), dip, client), ip(bare(), client, dip).tcp(40001, 8443, SYN).bytes()),
    },
    {
      name: 'about a packet to somebody else',
      error: unreachable(ip(ofVm(), dip, client), ip(bare(), client, otherDip).tcp(40000, 8443, SYN).bytes()),
    },
    {
      name: 'about a packet of its own',
      error: unreachable(ip(ofVm(), dip, client), ip(bare(), dip, client).tcp(8443, 40000, SYN).bytes()),
    },
    {
      name: 'another VM, about a connection that is not its own',
      error: unreachable(ip(ofVm(WEB_B_MAC), dip, client), fromVmRows[0]!.quote(family, bare()).bytes()),
    },
  ];
  it.each(passed)('$name: passes as it is', async ({ error }) => {
    const host = await connected(family);
    const { verdict, bytes } = leave(host, error);
    expect([verdict, toHex(bytes!)]).toEqual(['pass', toHex(error.bytes())]);
  });

  it('does not count as an answer, and does not keep a connection alive', async () => {
    const host = await connected(family);
    const error = unreachable(ip(ofVm(), dip, client), fromVmRows[0]!.quote(family, bare()).bytes());
    expect(leave(host, error, IDLE_TICKS * TICK_MS).verdict).toBe('reply');
    expect(leave(host, error, (IDLE_TICKS + 1) * TICK_MS).verdict).toBe('pass');
  });
});

describe('the headers of errors', () => {
  it('IP options of the quoted packet', async () => {
    const host = await connected(IPV4);
    const quote = (source: string, port: number) =>
      bare()
        .ipv4(source, IPV4.client, { options: Uint8Array.of(0x94, 4, 0, 0) })
        .tcp(port, 40000, ACK)
        .bytes();
    const { bytes } = arrive(host, IPV4.unreachable(tunnel().ipv4(IPV4.router, IPV4.vip), quote(IPV4.vip, 443)));
    const expected = IPV4.unreachable(toVm().ipv4(IPV4.router, IPV4.dip), quote(IPV4.dip, 8443));
    expect(toHex(bytes!)).toBe(toHex(expected.bytes()));
  });

  it('a quoted header whose checksum and length are wrong stays so', async () => {
    const host = await connected(IPV4);
    const fields = { checksum: 0x1234, totalLength: 9999, ttl: 0 };
    const quote = bare().ipv4(IPV4.vip, IPV4.client, fields).tcp(443, 40000, ACK).bytes();
    const { verdict, bytes } = arrive(host, IPV4.unreachable(tunnel().ipv4(IPV4.router, IPV4.vip), quote));
    expect(verdict).toBe('deliver');
    expect(verifyFrame(bytes!, 'ethernet')).toEqual([]);
    expect(toHex(bytes!.subarray(42 + 2, 42 + 4))).toBe('270f');
  });

  it('extension headers in front of the error and of the quoted segment', async () => {
    const host = await connected(IPV6);
    const quote = (source: string, port: number) =>
      bare().ipv6(source, IPV6.client).hopByHop().destinationOptions().tcp(port, 40000, ACK).bytes();
    const error = (start: Packet, to: string, content: Uint8Array) =>
      start.ipv6(IPV6.router, to).destinationOptions().icmpv6(3, 0).payload(content);
    const { bytes } = arrive(host, error(tunnel(), IPV6.vip, quote(IPV6.vip, 443)));
    expect(toHex(bytes!)).toBe(toHex(error(toVm(), IPV6.dip, quote(IPV6.dip, 8443)).bytes()));
  });

  it.each(FAMILIES)('padding behind an error is cut off, IPv$family', async (family) => {
    const host = await connected(family);
    const { ip, unreachable, dip, client, vip } = family;
    const quote = fromVmRows[1]!
      .quote(family, bare())
      .bytes()
      .slice(0, family.ipBytes + 8);
    const padded = unreachable(ip(eth({ src: '02:00:00:00:01:04' }), dip, client), quote).pad(200);
    const after = fromVmRows[1]!
      .out(family, bare())
      .bytes()
      .slice(0, family.ipBytes + 8);
    const { bytes } = leave(host, padded);
    expect(toHex(bytes!)).toBe(toHex(unreachable(ip(toGateway, vip, client), after).bytes()));
  });
});

it('protocol numbers: GRE is what the rows above call nvgre', () => {
  expect(IPV4.ip(bare(), IPV4.vip, IPV4.client).nvgre(7).bytes()[9]).toBe(GRE);
});
