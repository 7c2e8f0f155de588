import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeKeepalive, MessageFramer, messageKind } from '../../../sdk/bgp/wire/index.js';
import { toHex } from '../../support/bytes.js';
import { faultOf, raw, rawOpen, u16 } from './raw.js';

const BODY_OF_4078 = '00'.repeat(4078);

/** RFC 4271 section 6.1, each edge from both sides. */
const HEADERS = [
  { name: 'a KEEPALIVE', in: raw(4), says: 'nothing' },
  { name: 'a marker with its first bit clear', in: raw(4, '', { marker: `7f${'ff'.repeat(15)}` }), says: '1/1' },
  { name: 'a marker with its last bit clear', in: raw(4, '', { marker: `${'ff'.repeat(15)}fe` }), says: '1/1' },
  { name: 'another protocol', in: new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n  '), says: '1/1' },
  { name: 'length 0', in: raw(4, '', { length: 0 }), says: '1/2 0000' },
  { name: 'length 18', in: raw(4, '', { length: 18 }), says: '1/2 0012' },
  { name: 'length 4096', in: raw(3, BODY_OF_4078.slice(2)), says: 'nothing' },
  { name: 'length 4097', in: raw(3, BODY_OF_4078), says: '1/2 1001' },
  { name: 'length 65535', in: raw(2, '', { length: 65535 }), says: '1/2 ffff' },
  { name: 'an OPEN of 28 bytes', in: raw(1, '00'.repeat(9)), says: '1/2 001c' },
  { name: 'an OPEN of 29 bytes', in: rawOpen(), says: 'nothing' },
  { name: 'an UPDATE of 22 bytes', in: raw(2, '000000'), says: '1/2 0016' },
  { name: 'a NOTIFICATION of 20 bytes', in: raw(3, '06'), says: '1/2 0014' },
  { name: 'a NOTIFICATION of 21 bytes', in: raw(3, '0602'), says: 'nothing' },
  { name: 'a KEEPALIVE of 20 bytes', in: raw(4, '00'), says: '1/2 0014' },
  { name: 'a ROUTE-REFRESH of 23 bytes', in: raw(5, '00010001'), says: 'nothing' },
  { name: 'type 0', in: raw(0), says: '1/3 00' },
  { name: 'type 6', in: raw(6, '00010001'), says: '1/3 06' },
  { name: 'type 255', in: raw(255), says: '1/3 ff' },
  {
    name: 'a bad marker and a bad length: the marker',
    in: raw(4, '', { marker: '00'.repeat(16), length: 0 }),
    says: '1/1',
  },
  { name: 'a bad length and a bad type: the length', in: raw(9, '', { length: 5000 }), says: '1/2 1388' },
];

describe('BGP message header', () => {
  it.each(HEADERS)('$name: $says', ({ in: bytes, says }) => {
    const framer = new MessageFramer();
    framer.push(bytes);
    expect(faultOf(() => framer.next())).toBe(says);
    expect(faultOf(() => decodeMessage(bytes))).toBe(says);
  });

  it('is written as RFC 4271 section 4.1 draws it', () => {
    expect(toHex(encodeKeepalive())).toBe(`${'ff'.repeat(16)}001304`);
  });

  it.each([
    [1, '00'.repeat(10), 'open'],
    [2, '00000000', 'update'],
    [3, '0602', 'notification'],
    [4, '', 'keepalive'],
    [5, '00010001', 'route-refresh'],
  ])('type %i is told without reading the body', (type, body, kind) => {
    expect(messageKind(raw(type, body))).toBe(kind);
  });

  it('must have the length of the frame', () => {
    for (const length of [19, 21, 24, 4096]) {
      expect(faultOf(() => decodeMessage(raw(5, '00010001', { length })))).toBe(`1/2 ${u16(length)}`);
    }
    expect(faultOf(() => decodeMessage(raw(4).subarray(0, 18)))).toBe('1/2');
    expect(faultOf(() => decodeMessage(new Uint8Array()))).toBe('1/2');
  });

  it('leads to no UPDATE before there is an agreement', () => {
    expect(faultOf(() => decodeMessage(raw(2, '00000000')))).toBe('5/0');
  });
});
