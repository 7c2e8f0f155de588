/** Messages of the kernel: what is read of those it sends, of all that is cut short, and of noise. */
import { describe, expect, it } from 'vitest';
import { EdgemuxError } from '../../../sdk/errors.js';
import { parseIp } from '../../../sdk/net/address.js';
import { formatPrefix, parsePrefix } from '../../../sdk/net/prefix.js';
import { readAddress } from '../../../sdk/runtime/node/netlink/address-message.js';
import { readLink } from '../../../sdk/runtime/node/netlink/link-message.js';
import {
  type Message,
  readAcknowledgement,
  readAttributes,
  readEach,
  readMessages,
  textValue,
  u32Value,
  writeBody,
  writeMessage,
} from '../../../sdk/runtime/node/netlink/message.js';
import { readNeighbour, writeNeighbourUse } from '../../../sdk/runtime/node/netlink/neighbour-message.js';
import { readRoute, writeDeviceRoute, writeRouteLookup } from '../../../sdk/runtime/node/netlink/route-message.js';
import { SeededRandom } from '../../../sdk/runtime/simulated/seeded-random.js';
import * as captured from './captured.js';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const only = (text: string): Message => {
  const messages = readMessages(hex(text));
  expect(messages).toHaveLength(1);
  return messages[0]!;
};

/** Everything that reads a message. */
const readers = [readLink, readNeighbour, readAddress, readRoute, readAcknowledgement];

describe('what the kernel tells', () => {
  it('of interfaces', () => {
    expect(readLink(only(captured.VETH))).toEqual({
      name: 'up0',
      index: 3,
      macAddress: '02:00:00:00:00:01',
      mtuBytes: 1400,
      isUp: true,
      hasCarrier: false,
      kind: 'veth',
      masterIndex: undefined,
    });
    expect(readLink(only(captured.BRIDGE_PORT_LEFT))).toBeUndefined();
  });

  it.each([
    [captured.ADDRESS_IPV4, { interfaceIndex: 3, address: '10.0.0.1', prefixLength: 24 }],
    [captured.ADDRESS_IPV6, { interfaceIndex: 3, address: 'fd00::1', prefixLength: 64 }],
    [captured.ADDRESS_PEER, { interfaceIndex: 3, address: '10.9.0.1', prefixLength: 32 }],
  ])('of addresses: %#', (text, address) => {
    expect(readAddress(only(text))).toEqual(address);
  });

  it.each([
    ['reachable', captured.NEIGHBOUR_REACHABLE, '10.0.0.9', '02:00:00:00:00:09', false],
    ['permanent', captured.NEIGHBOUR_PERMANENT, 'fd00::9', '02:00:00:00:00:09', true],
    ['of a routing daemon', captured.NEIGHBOUR_LEARNED, '10.0.0.6', '02:00:00:00:00:06', true],
    ['failed', captured.NEIGHBOUR_FAILED, '10.0.0.9', undefined, false],
    ['deleted', captured.NEIGHBOUR_DELETED, '10.0.0.9', undefined, false],
  ])('of neighbours: %s', (_, text, address, macAddress, isKept) => {
    expect(readNeighbour(only(text))).toMatchObject({ interfaceIndex: 3, address, macAddress, isKept });
  });

  it('of bridges is not of neighbours', () => {
    expect(readNeighbour(only(captured.BRIDGE_FORWARDING))).toBeUndefined();
  });

  it.each([
    [captured.ROUTE_GATEWAY, '198.51.100.0/24', { gateway: '10.0.0.254', interfaceIndex: 3 }],
    [captured.ROUTE_DEVICE, '203.0.113.7/32', { gateway: undefined, interfaceIndex: 2, protocol: 205 }],
    [captured.ROUTE_VIA_IPV6, '192.0.2.0/24', { gateway: 'fd00::fe', interfaceIndex: 3 }],
    [captured.ROUTE_PATHS, '192.0.3.0/24', { gateway: undefined, interfaceIndex: undefined }],
    [captured.ROUTE_IPV6, '2001:db8::/32', { gateway: 'fd00::fe', interfaceIndex: 3 }],
    [captured.ROUTE_BLACKHOLE, '192.0.4.0/24', { isUnicast: false, interfaceIndex: undefined }],
    [captured.ROUTE_ENCAPSULATED, '2001:db8:1::/48', { isEncapsulated: true }],
    [captured.LOOKUP_ON_LINK, '10.0.0.9/32', { gateway: undefined, interfaceIndex: 3, isUnicast: true }],
    [captured.LOOKUP_GATEWAY, '198.51.100.1/32', { gateway: '10.0.0.254', interfaceIndex: 3, isUnicast: true }],
    [captured.LOOKUP_LOCAL, '10.0.0.1/32', { isUnicast: false }],
    [captured.LOOKUP_IPV6, '2001:db8::1/128', { gateway: 'fd00::fe', interfaceIndex: 3, isUnicast: true }],
  ])('of routes: %# %s', (text, destination, route) => {
    const read = readRoute(only(text))!;
    expect(formatPrefix(read.destination)).toBe(destination);
    expect(read).toMatchObject({ isUnicast: true, isEncapsulated: false, ...route });
  });

  it.each([
    ['went well', '24000000 0200 0001 01000000 00000000 00000000 14000000 1000 0500 01000000 00000000', 0, undefined],
    ['failed', '24000000 0200 0001 01000000 00000000 ed ffffff 14000000 1000 0500 01000000 00000000', 19, undefined],
    [
      'failed, with words',
      '30000000 0200 0003 01000000 00000000 eaffffff 34000000 1000 0500 01000000 00000000 0a00 0100 68656c6c6f00 0000',
      22,
      'hello',
    ],
    ['ended', '14000000 0300 0200 01000000 00000000 00000000', 0, undefined],
  ])('of a request that %s', (_, text, errno, words) => {
    expect(readAcknowledgement(only(text))).toEqual({ errno, text: words });
  });

  it('of several things in one datagram', () => {
    const texts = [
      captured.NEIGHBOUR_FAILED,
      captured.BRIDGE_FORWARDING,
      captured.NEIGHBOUR_DELETED,
      captured.ROUTE_GATEWAY,
    ];
    const messages = readMessages(hex(texts.join('')));
    expect(messages.map(({ type }) => type)).toEqual([28, 28, 29, 24]);
    expect(readEach(messages, 28, readNeighbour)).toHaveLength(1);
  });
});

describe('what is told to the kernel', () => {
  it.each([
    // As `strace ip …` shows them.
    ['ip route get 10.0.0.9', writeRouteLookup(parseIp('10.0.0.9')), '0220000000000000 00000000 0800 0100 0a000009'],
    [
      'ip route add 203.0.113.7 dev 2 proto 205',
      writeDeviceRoute(parsePrefix('203.0.113.7/32'), 2),
      '02200000fecdfd01 00000000 0800 0100 cb007107 0800 0400 02000000',
    ],
    [
      'ip -6 route add 2001:db8::7 dev 2 proto 205',
      writeDeviceRoute(parsePrefix('2001:db8::7/128'), 2),
      '0a800000fecd0001 00000000 1400 0100 20010db8000000000000000000000007 0800 0400 02000000',
    ],
    [
      'ip neigh add 10.0.0.9 dev 3 use',
      writeNeighbourUse(3, parseIp('10.0.0.9')),
      '02000000 03000000 0000 01 00 0800 0100 0a000009',
    ],
  ])('%s', (_, bytes, expected) => {
    expect(hexOf(bytes)).toBe(expected.replaceAll(' ', ''));
  });

  it('comes back as it was, whatever the lengths', () => {
    for (let length = 0; length < 9; length += 1) {
      const value = Uint8Array.from({ length }, (_, i) => i + 1);
      const attributes = [
        [7, value],
        [8, u32Value(length)],
        [9, textValue('x'.repeat(length))],
      ] as const;
      const body = writeBody(new Uint8Array(12), attributes);
      expect(body.length % 4).toBe(0);
      const message = { type: 24, flags: 0x305, sequence: 4_000_000_000, body };
      expect(readMessages(writeMessage(message))).toEqual([message]);
      expect([...readAttributes(body, 12)]).toEqual(attributes);
    }
  });
});

describe('what is broken', () => {
  const texts = Object.entries(captured);

  it.each(texts)('%s, cut at each byte, is out of bounds or an end of a message', (_, text) => {
    const whole = hex(text);
    for (let length = 1; length < whole.length; length += 1) {
      expect(() => readMessages(whole.subarray(0, length))).toThrow(EdgemuxError);
      // The header says that there is no more, so that what breaks off is the record or its attributes.
      const cut = whole.slice(0, length);
      if (length < 16) continue;
      new DataView(cut.buffer).setUint32(0, length, true);
      tryAll(cut);
    }
  });

  it('in any way, is out of bounds at worst', () => {
    for (let seed = 1; seed <= 20_000; seed += 1) {
      const random = new SeededRandom(seed);
      const bytes = hex(texts[random.between(0, texts.length - 1)]![1]);
      for (let count = random.between(1, 8); count > 0; count -= 1) {
        // Lengths and types are near the beginning of whatever they belong to.
        const at = random.between(0, Math.min(bytes.length, seed % 2 === 0 ? 64 : bytes.length) - 1);
        bytes[at] = random.between(0, 3) === 0 ? random.between(0, 8) : random.between(0, 255);
      }
      tryAll(bytes);
    }
  });

  it.each([
    ['a message shorter than its header', '0f000000 1800 0000 00000000 00000000'],
    ['a message of no length', '00000000 1800 0000 00000000 00000000'],
    ['a message longer than its datagram', '11000000 1800 0000 00000000 00000000'],
    ['a message of 4 GiB', 'ffffffff 1800 0000 00000000 00000000'],
  ])('%s', (_, text) => {
    expect(() => readMessages(hex(text))).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_BOUNDS' }));
  });

  it.each([
    ['an attribute shorter than its header', '0300 0100 00000000'],
    ['an attribute of no length', '0000 0100 00000000'],
    ['an attribute longer than its message', '0900 0100 00000000'],
    ['half a header', '0400'],
  ])('%s', (_, text) => {
    expect(() => readAttributes(hex(text), 0)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_BOUNDS' }));
  });
});

/** Reads what may be anything, with whatever might read it: nothing but the one error may come of it. */
function tryAll(bytes: Uint8Array): void {
  const outcome = (read: () => unknown) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof EdgemuxError) || error.code !== 'ERR_OUT_OF_BOUNDS') throw error;
      return undefined;
    }
  };
  const messages = outcome(() => readMessages(bytes)) as Message[] | undefined;
  for (const message of messages ?? []) for (const read of readers) outcome(() => read(message));
}
