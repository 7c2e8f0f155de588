/**
 * OPEN, RFC 4271 section 4.2: the first message of either side.
 *
 *     | version 8 | my AS 16 | hold time 16 | BGP identifier 32 | optional parameters length 8 | optional parameters … |
 *
 * Errors are those of section 6.2 that the message shows by itself, the first one in the order of the fields. Whether
 * the AS is the one expected and the identifier is not our own, only the session knows.
 */
import { EdgemuxError } from '../../errors.js';
import { formatIp, parseIp } from '../../net/address.js';
import { ByteReader, ByteWriter } from '../../net/bytes.js';
import { readCapabilities, writeCapabilities } from './capabilities.js';
import { withHeader } from './header.js';
import { MessageError, readOrFail } from './message-error.js';
import type { OpenMessage } from './messages.js';
import { NOTIFICATION } from './notification-kinds.js';
import { optionalParameters, readOptionalParameters } from './optional-parameters.js';

/** The version of BGP. */
export const BGP_VERSION = 4;
/** What stands in two octets for an AS that needs four, RFC 6793 section 9. */
export const AS_TRANS = 23456;

const AS_TWO_OCTETS_MAX = 65535;

/**
 * Reads the body of an OPEN.
 *
 * @throws MessageError 2/1, with the version we speak as data, for another version; 2/2 for AS 0 (RFC 7607), and for a
 *   four-octet AS that my AS contradicts; 2/3 for identifier 0 (RFC 6286 allows any other); 2/6 for a hold time of 1 or
 *   2 s; 2/4 and 2/0 as `readOptionalParameters` and `readCapabilities`
 */
export function decodeOpen(body: Uint8Array): OpenMessage {
  return readOrFail(NOTIFICATION.OPEN.UNSPECIFIC, 'an OPEN is cut off', () => {
    const reader = new ByteReader(body);
    const version = reader.u8();
    if (version !== BGP_VERSION) {
      const ours = Uint8Array.of(0, BGP_VERSION);
      throw new MessageError(NOTIFICATION.OPEN.UNSUPPORTED_VERSION, `version ${version} of BGP`, ours);
    }
    const myAs = checkedAs(reader.u16be());
    const holdTimeSeconds = reader.u16be();
    if (holdTimeSeconds === 1 || holdTimeSeconds === 2) {
      throw new MessageError(NOTIFICATION.OPEN.UNACCEPTABLE_HOLD_TIME, `a hold time of ${holdTimeSeconds} s`);
    }
    const routerId = formatIp(reader.bytes(4));
    if (routerId === '0.0.0.0') throw new MessageError(NOTIFICATION.OPEN.BAD_BGP_IDENTIFIER, 'BGP identifier 0.0.0.0');
    const { capabilities, as } = readCapabilities(readOptionalParameters(reader.bytes(reader.remaining)));
    return { kind: 'open', as: wholeAs(myAs, as), holdTimeSeconds, routerId, capabilities };
  });
}

/**
 * Writes an OPEN. An AS above 65535 needs `capabilities.fourOctetAs` to be told, and is AS_TRANS without.
 *
 * @throws EdgemuxError `ERR_ADDRESS_INVALID` for a router id that is no IPv4 address, `ERR_OUT_OF_BOUNDS` for a number that
 *   does not fit its field
 */
export function encodeOpen({ as, holdTimeSeconds, routerId, capabilities }: OpenMessage): Uint8Array {
  const identifier = parseIp(routerId);
  if (identifier.family !== 4) throw new EdgemuxError('ERR_ADDRESS_INVALID', `not a BGP identifier: ${routerId}`);
  const body = new ByteWriter()
    .u8(BGP_VERSION)
    .u16be(as > AS_TWO_OCTETS_MAX ? AS_TRANS : as)
    .u16be(holdTimeSeconds)
    .bytes(identifier.bytes)
    .bytes(optionalParameters(writeCapabilities(capabilities, as)));
  return withHeader('open', body.toBytes());
}

/** The AS of the four-octet capability where there is one, else my AS. */
function wholeAs(myAs: number, as: number | undefined): number {
  if (as === undefined) return myAs;
  // Both say who the sender is. One that says two things is misconfigured, and better told so than believed.
  if (myAs !== AS_TRANS && myAs !== as) {
    throw new MessageError(NOTIFICATION.OPEN.BAD_PEER_AS, `AS ${myAs}, but AS ${as} in four octets`);
  }
  return checkedAs(as);
}

function checkedAs(as: number): number {
  if (as === 0) throw new MessageError(NOTIFICATION.OPEN.BAD_PEER_AS, 'AS 0');
  return as;
}
