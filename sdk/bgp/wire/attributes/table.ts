/**
 * Every path attribute that is looked into, and what becomes of a message in which it is at fault: RFC 4271 section 6.3
 * as RFC 7606 revised it.
 *
 * | fault                                            | disposition                                | source             |
 * |--------------------------------------------------|--------------------------------------------|--------------------|
 * | the two length fields do not fit the message     | session reset, 3/1                         | 4271 §6.3          |
 * | a prefix of a field is too long or cut           | session reset, 3/10                        | 7606 §3 i, j; §5.3 |
 * | an attribute is cut off by the end of the list   | treat-as-withdraw, 3/1                     | 7606 §4            |
 * | … and is MP_REACH_NLRI or MP_UNREACH_NLRI        | session reset, 3/1                         | 7606 §3 j          |
 * | the optional or the transitive flag              | by attribute, below: "flags"               | 7606 §3 c          |
 * | the length or the value                          | by attribute, below: "length", "value"     | 7606 §7            |
 * | an attribute is there twice                      | by attribute, below; unknown: discard      | 7606 §3 g          |
 * | an attribute of a peer that has no right to it   | attribute discard; below: "taken from"     | 7606 §7, 6793 §6   |
 * | an attribute is missing that announcements need  | treat-as-withdraw; below: "needed by"      | 7606 §3 d          |
 * | an unknown well-known attribute                  | session reset, 3/2                         | 4271 §6.3          |
 * | an unknown optional attribute                    | no fault                                   | 4271 §9            |
 * | a family that was not agreed on                  | its prefixes are ignored                   | 4760 §7            |
 * | treat-as-withdraw where nothing is announced     | session reset with the subcode of the fault | 7606 §5.2         |
 *
 * Of several faults the strongest disposition counts (7606 §3 h).
 */
import type { Agreement } from '../messages.js';
import { readMpReach, readMpUnreach } from '../multiprotocol.js';
import { NOTIFICATION, type NotificationKind } from '../notification-kinds.js';
import { readAggregator, readAs4Aggregator, readAtomicAggregate } from './aggregator.js';
import { readAs4Path, readAsPath } from './as-path.js';
import { attributeSetReader } from './attribute-set.js';
import {
  readCommunities,
  readExtendedCommunities,
  readIpv6ExtendedCommunities,
  readLargeCommunities,
} from './communities.js';
import {
  type AttributeDefinition,
  AttributeFault,
  type AttributeValues,
  type Disposition,
  FLAG,
  type RawAttribute,
  type ReadValue,
} from './definition.js';
import { readLocalPref, readMed } from './metrics.js';
import { readNextHop } from './next-hop.js';
import { readOrigin } from './origin.js';
import { readClusterList, readOriginatorId } from './reflection.js';
import { readTrafficEngineering } from './traffic-engineering.js';
import { ATTRIBUTE } from './type-codes.js';

const R = 'session-reset';
const W = 'treat-as-withdraw';
const D = 'attribute-discard';

const WELL_KNOWN = FLAG.TRANSITIVE;
const TRANSITIVE = FLAG.OPTIONAL | FLAG.TRANSITIVE;
const OPTIONAL = FLAG.OPTIONAL;

const readAttributeSet = attributeSetReader(definitionOf, readAttribute);

/** The attributes in the order of their type codes. */
// biome-ignore format: a row is an attribute
export const ATTRIBUTES: readonly AttributeDefinition[] = [
  //                                           taken from   flags length value twice              needed by             RFC 7606
  row('ORIGIN',                    WELL_KNOWN, 'anybody',   [W,   W,     W,    D], readOrigin,    'routes'),          // 7.1
  row('AS_PATH',                   WELL_KNOWN, 'anybody',   [W,   W,     W,    D], readAsPath,    'routes'),          // 7.2
  row('NEXT_HOP',                  WELL_KNOWN, 'anybody',   [W,   W,     W,    D], readNextHop,   'nlri-field'),      // 7.3
  row('MULTI_EXIT_DISC',           OPTIONAL,   'anybody',   [W,   W,     W,    D], readMed),                          // 7.4
  row('LOCAL_PREF',                WELL_KNOWN, 'internal',  [W,   W,     W,    D], readLocalPref, 'internal-routes'), // 7.5
  row('ATOMIC_AGGREGATE',          WELL_KNOWN, 'anybody',   [W,   D,     D,    D], readAtomicAggregate),              // 7.6
  row('AGGREGATOR',                TRANSITIVE, 'anybody',   [W,   D,     D,    D], readAggregator),                   // 7.7
  row('COMMUNITIES',               TRANSITIVE, 'anybody',   [W,   W,     W,    D], readCommunities),                  // 7.8
  row('ORIGINATOR_ID',             OPTIONAL,   'internal',  [W,   W,     W,    D], readOriginatorId),                 // 7.9
  row('CLUSTER_LIST',              OPTIONAL,   'internal',  [W,   W,     W,    D], readClusterList),                  // 7.10
  row('MP_REACH_NLRI',             OPTIONAL,   'anybody',   [R,   R,     W,    R], readMpReach),                      // 5.3, 7.11
  row('MP_UNREACH_NLRI',           OPTIONAL,   'anybody',   [R,   R,     R,    R], readMpUnreach),                    // 5.3, 7.12
  row('EXTENDED_COMMUNITIES',      TRANSITIVE, 'anybody',   [W,   W,     W,    D], readExtendedCommunities),          // 7.14
  row('AS4_PATH',                  TRANSITIVE, 'two-octet', [W,   D,     D,    D], readAs4Path),                      // RFC 6793 §6
  row('AS4_AGGREGATOR',            TRANSITIVE, 'two-octet', [W,   D,     D,    D], readAs4Aggregator),                // RFC 6793 §6
  row('TRAFFIC_ENGINEERING',       OPTIONAL,   'anybody',   [W,   W,     W,    D], readTrafficEngineering),           // 7.13
  row('IPV6_EXTENDED_COMMUNITIES', TRANSITIVE, 'anybody',   [W,   W,     W,    D], readIpv6ExtendedCommunities),      // 7.15
  row('LARGE_COMMUNITY',           TRANSITIVE, 'anybody',   [W,   W,     W,    D], readLargeCommunities),             // RFC 8092 §6
  row('ATTR_SET',                  TRANSITIVE, 'anybody',   [W,   W,     W,    D], readAttributeSet),                 // 7.16
];

const BY_TYPE: ReadonlyMap<number, AttributeDefinition> = new Map(ATTRIBUTES.map((row) => [row.type, row]));

/** The row of a type code; undefined for an attribute that is not looked into. */
export function definitionOf(type: number): AttributeDefinition | undefined {
  return BY_TYPE.get(type);
}

/**
 * Reads one attribute by its row.
 *
 * @throws AttributeFault for flags, length or value
 */
export function readAttribute(
  { flags, value }: RawAttribute,
  definition: AttributeDefinition,
  agreement: Agreement,
): AttributeValues {
  if ((flags & (FLAG.OPTIONAL | FLAG.TRANSITIVE)) !== definition.flags) {
    throw new AttributeFault('flags', `has the flags ${flagsText(flags)}, not ${flagsText(definition.flags)}`);
  }
  return definition.read(value, agreement);
}

function row(
  name: keyof typeof ATTRIBUTE,
  flags: number,
  from: AttributeDefinition['from'],
  [inFlags, inLength, inValue, twice]: readonly [Disposition, Disposition, Disposition, Disposition],
  read: ReadValue,
  neededBy?: AttributeDefinition['neededBy'],
): AttributeDefinition {
  return {
    type: ATTRIBUTE[name],
    name,
    flags,
    from,
    dispositions: { flags: inFlags, length: inLength, value: inValue, twice },
    read,
    ...(neededBy && { neededBy }),
    notifications: notificationsOf(name),
  };
}

/** The subcodes of RFC 4271 section 6.3; what RFC 4760 section 7 says of its attributes goes for all their faults. */
function notificationsOf(name: keyof typeof ATTRIBUTE): AttributeDefinition['notifications'] {
  const { UPDATE } = NOTIFICATION;
  const ofValue: Partial<Record<keyof typeof ATTRIBUTE, NotificationKind>> = {
    ORIGIN: UPDATE.INVALID_ORIGIN,
    AS_PATH: UPDATE.MALFORMED_AS_PATH,
    NEXT_HOP: UPDATE.INVALID_NEXT_HOP,
  };
  if (name === 'MP_REACH_NLRI' || name === 'MP_UNREACH_NLRI') {
    return { flags: UPDATE.OPTIONAL_ATTRIBUTE, length: UPDATE.OPTIONAL_ATTRIBUTE, value: UPDATE.OPTIONAL_ATTRIBUTE };
  }
  const value = ofValue[name] ?? UPDATE.OPTIONAL_ATTRIBUTE;
  return { flags: UPDATE.ATTRIBUTE_FLAGS, length: UPDATE.ATTRIBUTE_LENGTH, value };
}

function flagsText(flags: number): string {
  const optional = (flags & FLAG.OPTIONAL) === 0 ? 'well-known' : 'optional';
  return `${optional} ${(flags & FLAG.TRANSITIVE) === 0 ? 'non-transitive' : 'transitive'}`;
}
