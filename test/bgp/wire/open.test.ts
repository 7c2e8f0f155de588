import { describe, expect, it } from 'vitest';
import {
  AS_TRANS,
  type Capabilities,
  decodeMessage,
  encodeOpen,
  NO_CAPABILITIES,
  type OpenMessage,
} from '../../../sdk/bgp/wire/index.js';
import { toHex } from '../../support/bytes.js';
import { capabilities, capability, faultOf, parameter, parameters, rawOpen, u8, u16 } from './raw.js';

const MULTIPROTOCOL_IPV6 = capability(1, '0002 00 01');
const FOUR_OCTET_AS_65001 = capability(65, '0000fde9');

/** RFC 9072: the first octet should be 255, the second is, then the length of all in two octets. */
function extended(each: readonly string[], { first = 'ff', length = each.join('').length / 2 } = {}): string {
  return `${first}ff${u16(length)}${each.join('')}`;
}

function extendedParameter(type: number, value: string): string {
  return u8(type) + u16(value.length / 2) + value;
}

/** RFC 4271 section 6.2 and what later RFCs say about an OPEN; each edge from both sides. */
const FAULTS = [
  { name: 'sound', in: {}, says: 'nothing' },
  // Version: the data is the version we speak.
  { name: 'version 3', in: { version: '03' }, says: '2/1 0004' },
  { name: 'version 5', in: { version: '05' }, says: '2/1 0004' },
  { name: 'version 0', in: { version: '00' }, says: '2/1 0004' },
  // AS: RFC 7607.
  { name: 'AS 0', in: { myAs: '0000' }, says: '2/2' },
  { name: 'AS 1', in: { myAs: '0001' }, says: 'nothing' },
  { name: 'AS 65535', in: { myAs: 'ffff' }, says: 'nothing' },
  { name: 'AS_TRANS without a four-octet AS', in: { myAs: '5ba0' }, says: 'nothing' },
  { name: 'four-octet AS 0', in: { myAs: '5ba0', parameters: capabilities(capability(65, '00000000')) }, says: '2/2' },
  { name: 'a four-octet AS that is my AS', in: { parameters: capabilities(FOUR_OCTET_AS_65001) }, says: 'nothing' },
  {
    name: 'a four-octet AS that my AS contradicts',
    in: { parameters: capabilities(capability(65, '0000fdea')) },
    says: '2/2',
  },
  { name: 'a large AS and no AS_TRANS', in: { parameters: capabilities(capability(65, '0001fde9')) }, says: '2/2' },
  // Hold time: 0 or at least 3 s.
  { name: 'hold time 0', in: { holdTime: '0000' }, says: 'nothing' },
  { name: 'hold time 1 s', in: { holdTime: '0001' }, says: '2/6' },
  { name: 'hold time 2 s', in: { holdTime: '0002' }, says: '2/6' },
  { name: 'hold time 3 s', in: { holdTime: '0003' }, says: 'nothing' },
  { name: 'hold time 65535 s', in: { holdTime: 'ffff' }, says: 'nothing' },
  // BGP identifier: RFC 6286 asks no more than that it is not 0.
  { name: 'identifier 0.0.0.0', in: { identifier: '00000000' }, says: '2/3' },
  { name: 'identifier 0.0.0.1', in: { identifier: '00000001' }, says: 'nothing' },
  { name: 'identifier 224.0.0.1', in: { identifier: 'e0000001' }, says: 'nothing' },
  // Optional parameters.
  { name: 'bytes after no parameters', in: { parameters: '0002' }, says: '2/0' },
  { name: 'parameters that end before the message', in: { parameters: `02${parameter(2, '')}00` }, says: '2/0' },
  { name: 'parameters that go on after the message', in: { parameters: `03${parameter(2, '')}` }, says: '2/0' },
  { name: 'parameters of one byte', in: { parameters: '0102' }, says: '2/0' },
  { name: 'a parameter that goes on after the others', in: { parameters: '0302ff41' }, says: '2/0' },
  { name: 'an empty capabilities parameter', in: { parameters: parameters(parameter(2, '')) }, says: 'nothing' },
  { name: 'parameter 1, authentication', in: { parameters: parameters(parameter(1, '00')) }, says: '2/4' },
  { name: 'parameter 3', in: { parameters: parameters(parameter(3, '')) }, says: '2/4' },
  { name: 'a parameter nobody knows, cut off', in: { parameters: '0103' }, says: '2/4' },
  { name: 'parameter 255 behind another', in: { parameters: parameters(parameter(2, ''), 'ff00') }, says: '2/4' },
  // Capabilities: RFC 5492, and 6.2: known and malformed is 2/0.
  { name: 'a capability of one byte', in: { parameters: capabilities('01') }, says: '2/0' },
  { name: 'a capability cut off', in: { parameters: capabilities('0104000200') }, says: '2/0' },
  { name: 'an unknown capability cut off', in: { parameters: capabilities('8001') }, says: '2/0' },
  {
    name: 'a capability that goes on in the next parameter',
    in: { parameters: parameters(parameter(2, '01040002'), parameter(2, '0001')) },
    says: '2/0',
  },
  { name: 'an unknown capability', in: { parameters: capabilities(capability(200, '0102')) }, says: 'nothing' },
  { name: 'multiprotocol of 3 bytes', in: { parameters: capabilities(capability(1, '000200')) }, says: '2/0' },
  { name: 'multiprotocol of 5 bytes', in: { parameters: capabilities(capability(1, '0002000100')) }, says: '2/0' },
  { name: 'multiprotocol of 0 bytes', in: { parameters: capabilities(capability(1)) }, says: '2/0' },
  { name: 'route refresh of 1 byte', in: { parameters: capabilities(capability(2, '00')) }, says: '2/0' },
  { name: 'extended next hop of 0 bytes', in: { parameters: capabilities(capability(5)) }, says: 'nothing' },
  { name: 'extended next hop of 5 bytes', in: { parameters: capabilities(capability(5, '0001000100')) }, says: '2/0' },
  {
    name: 'extended next hop of 7 bytes',
    in: { parameters: capabilities(capability(5, '00010001000200')) },
    says: '2/0',
  },
  { name: 'graceful restart of 1 byte', in: { parameters: capabilities(capability(64, '00')) }, says: '2/0' },
  { name: 'graceful restart of 2 bytes', in: { parameters: capabilities(capability(64, '0078')) }, says: 'nothing' },
  { name: 'graceful restart of 4 bytes', in: { parameters: capabilities(capability(64, '00780001')) }, says: '2/0' },
  { name: 'four-octet AS of 2 bytes', in: { parameters: capabilities(capability(65, 'fde9')) }, says: '2/0' },
  { name: 'enhanced route refresh of 1 byte', in: { parameters: capabilities(capability(70, '00')) }, says: '2/0' },
  // Extended optional parameters: RFC 9072.
  { name: 'no extended parameters', in: { parameters: extended([]) }, says: 'nothing' },
  { name: 'an extended parameter', in: { parameters: extended([extendedParameter(2, '')]) }, says: 'nothing' },
  {
    name: 'extended parameters behind another octet than 255',
    in: { parameters: extended([extendedParameter(2, MULTIPROTOCOL_IPV6)], { first: '07' }) },
    says: 'nothing',
  },
  { name: 'extended parameters behind 0', in: { parameters: extended([], { first: '00' }) }, says: '2/0' },
  { name: 'extended parameters cut off in their length', in: { parameters: 'ffff00' }, says: '2/0' },
  {
    name: 'extended parameters that go on after the message',
    in: { parameters: extended([], { length: 1 }) },
    says: '2/0',
  },
  {
    name: 'extended parameters that end before the message',
    in: { parameters: extended([extendedParameter(2, '')], { length: 2 }) },
    says: '2/0',
  },
  { name: 'an extended parameter cut off', in: { parameters: extended(['020001']) }, says: '2/0' },
  { name: 'extended parameter 3', in: { parameters: extended([extendedParameter(3, '')]) }, says: '2/4' },
  { name: 'extended parameter 255', in: { parameters: extended([extendedParameter(255, '')]) }, says: '2/4' },
  // Of several faults the first field counts.
  { name: 'everything wrong: the version', in: { version: '03', myAs: '0000', holdTime: '0001' }, says: '2/1 0004' },
  { name: 'AS and hold time: the AS', in: { myAs: '0000', holdTime: '0001', identifier: '00000000' }, says: '2/2' },
  { name: 'hold time and identifier: the time', in: { holdTime: '0001', identifier: '00000000' }, says: '2/6' },
];

const OPEN: OpenMessage = {
  kind: 'open',
  as: 65001,
  holdTimeSeconds: 90,
  routerId: '192.0.2.1',
  capabilities: NO_CAPABILITIES,
};

/** The same OPEN, as it says it in bytes and in words. */
const READINGS: {
  name: string;
  in: Parameters<typeof rawOpen>[0];
  as?: number;
  capabilities: Partial<Capabilities>;
}[] = [
  { name: 'no parameters: IPv4 alone', in: {}, capabilities: {} },
  { name: 'AS_TRANS alone', in: { myAs: '5ba0' }, as: AS_TRANS, capabilities: {} },
  {
    name: 'AS 4200000000',
    in: { myAs: '5ba0', parameters: capabilities(capability(65, 'fa56ea00')) },
    as: 4200000000,
    capabilities: { fourOctetAs: true },
  },
  {
    name: 'AS_TRANS for an AS that two octets could hold',
    in: { myAs: '5ba0', parameters: capabilities(FOUR_OCTET_AS_65001) },
    capabilities: { fourOctetAs: true },
  },
  { name: 'IPv6 alone', in: { parameters: capabilities(MULTIPROTOCOL_IPV6) }, capabilities: { families: ['ipv6'] } },
  {
    name: 'both families, one of them twice',
    in: { parameters: capabilities(capability(1, '0001 00 01'), MULTIPROTOCOL_IPV6, capability(1, '0001 00 01')) },
    capabilities: { families: ['ipv4', 'ipv6'] },
  },
  {
    name: 'a reserved octet that is not 0',
    in: { parameters: capabilities(capability(1, '0002 ff 01')) },
    capabilities: { families: ['ipv6'] },
  },
  {
    name: 'families nobody here knows, and no other: not even IPv4',
    in: { parameters: capabilities(capability(1, '0001 00 80'), capability(1, '0019 00 41')) },
    capabilities: { families: [] },
  },
  {
    name: 'a parameter for each capability, as old speakers write them',
    in: {
      parameters: parameters(
        parameter(2, MULTIPROTOCOL_IPV6),
        parameter(2, capability(2)),
        parameter(2, capability(70)),
      ),
    },
    capabilities: { families: ['ipv6'], routeRefresh: true, enhancedRouteRefresh: true },
  },
  {
    name: 'capabilities nobody here knows, between others',
    in: { parameters: capabilities(capability(128), capability(2), capability(69, '00010102'), capability(70)) },
    capabilities: { routeRefresh: true, enhancedRouteRefresh: true },
  },
  {
    name: 'extended next hop: IPv4 over IPv6 among others',
    in: { parameters: capabilities(capability(5, '0001 0001 0002  0001 0080 0002  0002 0001 0001  0001 0001 0001')) },
    capabilities: { extendedNextHop: ['ipv4'] },
  },
  {
    name: 'extended next hop: nothing of use',
    in: { parameters: capabilities(capability(5, '0001 0080 0002  0002 0001 0002')) },
    capabilities: {},
  },
  {
    name: 'graceful restart: restarting, 120 s, IPv4 preserved, IPv6 not, a VPN passed over',
    in: { parameters: capabilities(capability(64, '8078  0001 01 80  0001 80 80  0002 01 7f')) },
    capabilities: {
      gracefulRestart: {
        isRestarting: true,
        restartTimeSeconds: 120,
        families: [
          { family: 'ipv4', isForwardingPreserved: true },
          { family: 'ipv6', isForwardingPreserved: false },
        ],
      },
    },
  },
  {
    name: 'graceful restart: bits that mean something else (RFC 8538) or nothing',
    in: { parameters: capabilities(capability(64, '7fff')) },
    capabilities: { gracefulRestart: { isRestarting: false, restartTimeSeconds: 4095, families: [] } },
  },
  {
    name: 'graceful restart twice: the last one (RFC 4724 section 3)',
    in: { parameters: capabilities(capability(64, '8078 0001 01 80'), capability(64, '0005')) },
    capabilities: { gracefulRestart: { isRestarting: false, restartTimeSeconds: 5, families: [] } },
  },
  {
    name: 'extended parameters',
    in: { parameters: extended([extendedParameter(2, MULTIPROTOCOL_IPV6), extendedParameter(2, capability(2))]) },
    capabilities: { families: ['ipv6'], routeRefresh: true },
  },
  {
    name: 'extended parameters of more than 255 bytes',
    in: {
      parameters: extended([
        extendedParameter(2, capability(200, '00'.repeat(255)) + capability(201, '00'.repeat(255)) + capability(2)),
      ]),
    },
    capabilities: { routeRefresh: true },
  },
];

/** What we send, drawn octet by octet. */
const WRITINGS: { name: string; open: Partial<OpenMessage>; in: Parameters<typeof rawOpen>[0] }[] = [
  { name: 'to a router without capabilities: no parameters', open: {}, in: {} },
  { name: 'a large AS to such a router', open: { as: 4200000000 }, in: { myAs: '5ba0' } },
  { name: 'the largest AS two octets hold', open: { as: 65535 }, in: { myAs: 'ffff' } },
  {
    name: 'IPv4 alone with a four-octet AS',
    open: { capabilities: { ...NO_CAPABILITIES, fourOctetAs: true } },
    in: { parameters: capabilities(capability(1, '0001 00 01'), FOUR_OCTET_AS_65001) },
  },
  {
    name: 'everything, restarting',
    open: {
      as: 65536,
      holdTimeSeconds: 9,
      capabilities: {
        families: ['ipv4', 'ipv6'],
        extendedNextHop: ['ipv4'],
        routeRefresh: true,
        enhancedRouteRefresh: true,
        fourOctetAs: true,
        gracefulRestart: {
          isRestarting: true,
          restartTimeSeconds: 60,
          families: [
            { family: 'ipv4', isForwardingPreserved: true },
            { family: 'ipv6', isForwardingPreserved: true },
          ],
        },
      },
    },
    in: {
      myAs: '5ba0',
      holdTime: '0009',
      parameters: capabilities(
        capability(1, '0001 00 01'),
        MULTIPROTOCOL_IPV6,
        capability(2),
        capability(5, '0001 0001 0002'),
        capability(64, '803c  0001 01 80  0002 01 80'),
        capability(65, '00010000'),
        capability(70),
      ),
    },
  },
];

describe('BGP OPEN', () => {
  it.each(FAULTS)('$name: $says', ({ in: fields, says }) => {
    expect(faultOf(() => decodeMessage(rawOpen(fields)))).toBe(says);
  });

  it.each(READINGS)('reads $name', ({ in: fields, as = OPEN.as, capabilities }) => {
    const expected = { ...OPEN, as, capabilities: { ...NO_CAPABILITIES, ...capabilities } };
    expect(decodeMessage(rawOpen(fields))).toEqual(expected);
  });

  it.each(WRITINGS)('writes $name', ({ open, in: fields }) => {
    expect(toHex(encodeOpen({ ...OPEN, ...open }))).toBe(toHex(rawOpen(fields)));
  });

  it('names a capability of a wrong length', () => {
    const short = rawOpen({ parameters: capabilities(capability(64, '00780001')) });
    const long = rawOpen({ parameters: capabilities(capability(1, '0002000100')) });
    expect(() => decodeMessage(short)).toThrow('capability 64 of 4 bytes');
    expect(() => decodeMessage(long)).toThrow('capability 1 of 5 bytes');
  });

  it('reads every field', () => {
    const fields = { myAs: '0102', holdTime: '0304', identifier: '05060708' };
    expect(decodeMessage(rawOpen(fields))).toMatchObject({ as: 0x0102, holdTimeSeconds: 0x0304, routerId: '5.6.7.8' });
  });

  it('writes nothing that does not fit its field', () => {
    const gracefulRestart = { isRestarting: false, restartTimeSeconds: 4096, families: [] };
    expect(() => encodeOpen({ ...OPEN, capabilities: { ...NO_CAPABILITIES, gracefulRestart } })).toThrow(RangeError);
    expect(() => encodeOpen({ ...OPEN, holdTimeSeconds: 65536 })).toThrow(/does not fit/);
    expect(() => encodeOpen({ ...OPEN, routerId: '192.0.2' })).toThrow(/not an IPv4/);
    expect(() => encodeOpen({ ...OPEN, routerId: '2001:db8::1' })).toThrow(/not a BGP identifier/);
  });

  it('cut anywhere is 1/2 or 2/0, and never an OPEN', () => {
    const whole = encodeOpen({ ...OPEN, ...WRITINGS.at(-1)!.open });
    for (let length = 19; length < whole.length; length++) {
      const cut = whole.slice(0, length);
      cut.set([length >> 8, length & 0xff], 16);
      const says = length < 29 ? `1/2 ${u16(length)}` : '2/0';
      expect(
        faultOf(() => decodeMessage(cut)),
        `${length} bytes`,
      ).toBe(says);
    }
  });
});
