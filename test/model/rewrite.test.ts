/** RFC 1624 by its own example, and the corners of one's complement zero. */

import { describe, expect, it } from 'vitest';
import { be16, fromHex } from '../support/bytes.js';
import { verifyFrame } from '../support/checksum.js';
import { ipv4, SYN } from '../support/packet.js';
import { translate, updateChecksum } from './rewrite.js';

describe('incremental checksum', () => {
  it('is the example of RFC 1624 section 4, where RFC 1141 gives ffff', () => {
    expect(updateChecksum(0xdd2f, fromHex('5555'), fromHex('3285'))).toBe(0x0000);
  });

  it('leaves the checksum alone where nothing changes, also the two forms of zero', () => {
    expect(updateChecksum(0x0000, fromHex('0a00'), fromHex('0a00'))).toBe(0x0000);
    expect(updateChecksum(0xffff, fromHex('0a00'), fromHex('0a00'))).toBe(0xffff);
  });
});

describe('translation', () => {
  it('keeps a right checksum right', () => {
    const packet = ipv4('192.0.2.7', '80.80.80.80').tcp(40000, 443, SYN).bytes();
    const expected = ipv4('192.0.2.7', '192.168.1.4').tcp(40000, 8443, SYN).bytes();
    expect(translate(packet, 'destination', '192.168.1.4', 8443)).toEqual(expected);
  });

  it('keeps a wrong checksum wrong', () => {
    const packet = ipv4('192.0.2.7', '80.80.80.80').tcp(40000, 443, SYN, { checksum: 0x1111 }).bytes();
    const translated = translate(packet, 'destination', '192.168.1.4', 8443);
    expect(verifyFrame(translated, 'bare')).toEqual(['tcp 40000 > 8443: checksum']);
  });

  it('leaves a UDP datagram without checksum without one', () => {
    const packet = ipv4('192.0.2.7', '80.80.80.80').udp(1, 53, { checksum: 'none' }).bytes();
    expect(be16(translate(packet, 'destination', '192.168.1.4', 5353), 26)).toBe(0);
  });

  it('writes a UDP checksum that becomes zero as ffff, and a TCP checksum as it is', () => {
    // Only the port changes, 5555 to 3285: the numbers of RFC 1624.
    const udp = ipv4('192.0.2.7', '80.80.80.80').udp(1, 0x5555, { checksum: 0xdd2f }).bytes();
    expect(be16(translate(udp, 'destination', '80.80.80.80', 0x3285), 26)).toBe(0xffff);
    const tcp = ipv4('192.0.2.7', '80.80.80.80').tcp(1, 0x5555, SYN, { checksum: 0xdd2f }).bytes();
    expect(be16(translate(tcp, 'destination', '80.80.80.80', 0x3285), 36)).toBe(0);
  });
});
