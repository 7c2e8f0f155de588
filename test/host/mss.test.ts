/** The maximum segment size of a VM's SYN, lowered to what comes back through the tunnel. */
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ACK, eth, FIN, type Packet, RST, SYN } from '../support/packet.js';
import { HOST_A, MUX, VNI, WEB_A_MAC, WEB_B_MAC } from '../support/programs.js';
import {
  arrive,
  attached,
  FAMILIES,
  type Family,
  IPV4,
  IPV6,
  leave,
  loadHost,
  ofVm,
  toGateway,
  toVm,
  tunnel,
} from './one-vm.js';

const hexOfMss = (mss: number) => `0204${mss.toString(16).padStart(4, '0')}`;

/** A SYN of a client and the VM's answer to it with TCP options; 443 is 8443 on the VM. */
const opening = ({ ip, client, vip }: Family, start = tunnel()) => ip(start, client, vip).tcp(40000, 443, SYN);
const answer = ({ ip, dip, client }: Family, options: string, flags = SYN | ACK, payload = '') =>
  ip(ofVm(), dip, client).tcp(8443, 40000, flags, { options: fromHex(options), payload });
const answered = ({ ip, vip, client }: Family, options: string, flags = SYN | ACK, payload = '') =>
  ip(toGateway, vip, client).tcp(443, 40000, flags, { options: fromHex(options), payload });

const nvgreTunnel = eth().ipv4(MUX, HOST_A).nvgre(VNI).eth({ dst: WEB_A_MAC });

async function expectAnswer(changes: Parameters<typeof loadHost>[0], family: Family, sent: Packet, expected: Packet) {
  const host = await loadHost(changes);
  const start = changes?.encapsulation === 'nvgre' ? nvgreTunnel : tunnel();
  expect(arrive(host, opening(family, start)).verdict).toBe('deliver');
  const { verdict, bytes } = leave(host, sent);
  expect([verdict, bytes && toHex(bytes)]).toEqual(['reply', toHex(expected.bytes())]);
  expect(verifyFrame(bytes as Uint8Array, 'ethernet')).toEqual([]);
  return host;
}

describe('the largest segment', () => {
  // MTU less outer IP, UDP 8 and VXLAN 8 or GRE 8, inner Ethernet 14, inner IP, TCP 20.
  const NVGRE = { encapsulation: 'nvgre' } as const;
  const ONLY_IPV6 = attached({ mtuBytes: 1500, providerAddress: '2001:db8::21' });
  const BOTH = attached({ mtuBytes: 1500, secondProviderAddress: '2001:db8::21' });
  const rows = [
    { name: 'VXLAN over IPv4', family: IPV4, changes: attached({ mtuBytes: 1500 }), mss: 1410 },
    { name: 'VXLAN over IPv4', family: IPV6, changes: attached({ mtuBytes: 1500 }), mss: 1390 },
    { name: 'an IPv6 provider address beside it', family: IPV4, changes: BOTH, mss: 1390 },
    { name: 'an IPv6 provider address beside it', family: IPV6, changes: BOTH, mss: 1370 },
    { name: 'NVGRE over IPv4', family: IPV4, changes: { ...attached({ mtuBytes: 1500 }), ...NVGRE }, mss: 1418 },
    { name: 'NVGRE over both', family: IPV6, changes: { ...BOTH, ...NVGRE }, mss: 1378 },
    { name: 'jumbo frames', family: IPV4, changes: attached({ mtuBytes: 9000 }), mss: 8910 },
    { name: 'the smallest MTU', family: IPV6, changes: attached({ mtuBytes: 1350 }), mss: 1240 },
  ];

  it.each(rows)('$name, IPv$family.family: $mss', async ({ family, changes, mss }) => {
    for (const [announced, left] of [
      [65535, mss],
      [mss + 1, mss],
      [mss, mss],
      [mss - 1, mss - 1],
      [0, 0],
    ] as const) {
      const host = await expectAnswer(
        changes,
        family,
        answer(family, hexOfMss(announced)),
        answered(family, hexOfMss(left)),
      );
      expect(host.counters().tcp.sizesClamped).toBe(announced > mss ? 1 : 0);
    }
  });

  it.each([
    { name: 'over IPv6', family: IPV4, mss: 1390 },
    { name: 'over IPv6', family: IPV6, mss: 1370 },
  ])('$name, IPv$family.family: $mss', async ({ family, mss }) => {
    const host = await loadHost(ONLY_IPV6);
    const outer = ofVm().ipv6('2001:db8::11', '2001:db8::21').udp(50000, 4789).vxlan(5001);
    const first = family.ip(outer.eth({ dst: '02:00:00:00:01:04' }), family.client, family.vip).tcp(40000, 443, SYN);
    expect(arrive(host, first).verdict).toBe('deliver');
    const { bytes } = leave(host, answer(family, hexOfMss(1460)));
    expect(bytes && toHex(bytes)).toBe(toHex(answered(family, hexOfMss(mss)).bytes()));
  });

  it('an MTU nobody has said changes nothing', async () => {
    await expectAnswer({}, IPV4, answer(IPV4, hexOfMss(1460)), answered(IPV4, hexOfMss(1460)));
  });
});

describe.each(FAMILIES)('TCP options, IPv$family', (family) => {
  const changes = attached({ mtuBytes: 1500 });
  const most = (family.family === 4 ? 1410 : 1390).toString(16).padStart(4, '0');
  const rows: { name: string; in: string; out?: string; flags?: number; payload?: string }[] = [
    {
      name: 'what Linux sends',
      in: '020405b40402080a0000000100000000 01030307',
      out: `0204${most}0402080a000000010000000001030307`,
    },
    { name: 'at an odd offset', in: '01020405b4', out: `010204${most}` },
    {
      name: 'at an odd offset, the bytes of the size in two words of the checksum',
      in: '010101020405b401',
      out: `0101010204${most}01`,
    },
    { name: 'behind an option of odd length', in: '080301020405b4', out: `0803010204${most}` },
    { name: 'at the end of forty bytes', in: `${'01'.repeat(36)}020405b4`, out: `${'01'.repeat(36)}0204${most}` },
    { name: 'twice: both', in: '020405b4020405b4', out: `0204${most}0204${most}` },
    { name: 'SYN', flags: SYN, in: '020405b4', out: `0204${most}` },
    { name: 'SYN with data', flags: SYN, payload: 'fast open', in: '020405b4', out: `0204${most}` },
    { name: 'no SYN', flags: ACK, in: '020405b4' },
    { name: 'FIN', flags: FIN | ACK, in: '020405b4' },
    { name: 'RST', flags: RST, in: '020405b4' },
    { name: 'none', in: '' },
    { name: 'only others', in: '0101040201030307' },
    { name: 'behind the end of the options', in: '00000000020405b4' },
    { name: 'of length 2', in: '0202020405b40000', out: `02020204${most}0000` },
    { name: 'of length 3, and what follows is read from there', in: '020305b400000000' },
    { name: 'of length 5', in: '020505b400000000' },
    { name: 'of length 0', in: '020005b4' },
    { name: 'behind an option of length 0', in: '0800020405b40000' },
    { name: 'behind an option of length 1', in: '0801020405b40000' },
    { name: 'behind an option past the end', in: '080b020405b40000' },
    { name: 'that runs past the end: kind and length', in: '01010204' },
    { name: 'that runs past the end: three bytes', in: '0102040500'.slice(0, 8) },
    { name: 'that runs past the end: the kind', in: '01010102' },
    { name: 'an option whose length is not there', in: '01010108' },
    {
      name: 'one that was lowered stays so, whatever comes behind',
      in: '020405b4080b0000',
      out: `0204${most}080b0000`,
    },
    { name: 'in the data', in: '', payload: '\x02\x04\x05\xb4' },
  ];

  it.each(rows)('$name', async ({ in: options, out = options, flags, payload }) => {
    await expectAnswer(changes, family, answer(family, options, flags, payload), answered(family, out, flags, payload));
  });

  it('a wrong checksum stays as wrong as it was', async () => {
    const host = await loadHost(changes);
    arrive(host, opening(family));
    const wrong = answer(family, '020405b4').bytes();
    wrong[14 + family.ipBytes + 16]! ^= 0x40;
    const expected = answered(family, `0204${most}`).bytes();
    const { bytes } = host.process(wrong, 0, { port: 'vm' });
    expect(verifyFrame(bytes as Uint8Array, 'ethernet')).toHaveLength(1);
    const checksumAt = 14 + family.ipBytes + 16;
    expect(toHex(bytes!.subarray(0, checksumAt))).toBe(toHex(expected.subarray(0, checksumAt)));
    expect(toHex(bytes!.subarray(checksumAt + 2))).toBe(toHex(expected.subarray(checksumAt + 2)));
  });
});

describe.each(FAMILIES)('which SYN, IPv$family', (family) => {
  const { ip, dip, otherDip, client, snatVip, publicIp, vip } = family;
  const changes = attached({ mtuBytes: 1500 });
  const large = { options: fromHex(hexOfMss(1460)) };
  const small = { options: fromHex(hexOfMss(family.family === 4 ? 1410 : 1390)) };

  it('of a connection from a leased port', async () => {
    const host = await loadHost(changes);
    const { verdict, bytes } = leave(host, ip(ofVm(), dip, client).tcp(5555, 443, SYN, large));
    const port = bytes![14 + family.ipBytes]! * 256 + bytes![15 + family.ipBytes]!;
    const expected = ip(toGateway, snatVip, client).tcp(port, 443, SYN, small);
    expect([verdict, toHex(bytes as Uint8Array)]).toEqual(['reply', toHex(expected.bytes())]);
  });

  it('from an instance-level public IP', async () => {
    const host = await loadHost(changes);
    const { verdict, bytes } = leave(host, ip(ofVm(WEB_B_MAC), otherDip, client).tcp(5555, 443, SYN, large));
    const expected = ip(toGateway, publicIp, client).tcp(5555, 443, SYN, small);
    expect([verdict, bytes && toHex(bytes)]).toEqual(['reply', toHex(expected.bytes())]);
  });

  it('of a client on its way in: not, as what the VM sends has no tunnel around it', async () => {
    const host = await loadHost(changes);
    const { bytes } = arrive(host, ip(tunnel(), client, vip).tcp(40000, 443, SYN, large));
    expect(bytes && toHex(bytes)).toBe(toHex(ip(toVm(), client, dip).tcp(40000, 8443, SYN, large).bytes()));
  });

  it('of a VM that talks to its own VIP: not, the answer takes the tunnel both ways', async () => {
    const host = await loadHost(changes);
    arrive(host, ip(tunnel(), dip, vip).tcp(5555, 443, SYN));
    const { verdict, bytes } = leave(host, ip(ofVm(), dip, vip).tcp(8443, 5555, SYN | ACK, large));
    const expected = ip(toVm(), vip, dip).tcp(443, 5555, SYN | ACK, large);
    expect([verdict, bytes && toHex(bytes)]).toEqual(['deliver', toHex(expected.bytes())]);
  });
});
