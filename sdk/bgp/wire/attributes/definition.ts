/**
 * How a path attribute is defined: its header, what its value says, and what can be wrong with it. RFC 4271 section 4.3.
 *
 *     | optional 1 | transitive 1 | partial 1 | extended 1 | 0 4 | type code 8 | length 8, extended: 16 | value … |
 */

import type { Prefix } from '../../../net/prefix.js';
import type { Agreement, Family, PathAttributes, UpdateFault } from '../messages.js';
import type { NotificationKind } from '../notification-kinds.js';

/** Attribute flags, RFC 4271 section 4.3. */
export const FLAG = { OPTIONAL: 0x80, TRANSITIVE: 0x40, PARTIAL: 0x20, EXTENDED_LENGTH: 0x10 } as const;

/** A path attribute as it stands in a message; its parts are views of the message. */
export interface RawAttribute {
  readonly flags: number;
  /** Type code, 0..255. */
  readonly type: number;
  readonly value: Uint8Array;
  /** The whole attribute, header included: what a NOTIFICATION about it carries. */
  readonly bytes: Uint8Array;
}

/** What becomes of a message with a fault, the strongest first; RFC 7606 section 2 without "AFI/SAFI disable". */
export type Disposition = 'session-reset' | UpdateFault['disposition'];

/** What can be wrong with an attribute itself. */
export type FaultIn = 'flags' | 'length' | 'value';

/** Says what is wrong with one attribute: `has 2 bytes, not 1`. Never leaves decoding. */
export class AttributeFault extends Error {
  override readonly name = 'AttributeFault';

  constructor(
    readonly faultIn: FaultIn,
    text: string,
  ) {
    super(text);
  }
}

/** What the attributes of one message say, each absent where it was not sent or had to be discarded. */
export interface AttributeValues {
  readonly origin?: PathAttributes['origin'];
  readonly asPath?: readonly AsSegment[];
  /** Without AS_CONFED segments, RFC 6793 section 6. */
  readonly as4Path?: readonly AsSegment[];
  /** NEXT_HOP, not yet known to be an address a router can have. */
  readonly nextHop?: string;
  readonly med?: number;
  readonly localPref?: number;
  /** The autonomous system in AGGREGATOR. */
  readonly aggregatorAs?: number;
  readonly hasAs4Aggregator?: true;
  readonly communities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  readonly reach?: MpReach;
  readonly unreach?: MpUnreach;
}

/** A segment of an AS path, RFC 4271 section 4.3 and RFC 5065 section 3. */
export interface AsSegment {
  /** 1 set, 2 sequence, 3 confederation sequence, 4 confederation set. */
  readonly type: number;
  readonly as: readonly number[];
}

/** The family a multiprotocol attribute is about. */
export interface MpFamily {
  readonly afi: number;
  readonly safi: number;
  /** Absent for a family that was not agreed on: then nothing of the attribute counts. */
  readonly agreed: Family | undefined;
}

/** MP_REACH_NLRI, RFC 4760 section 3. */
export interface MpReach {
  readonly family: MpFamily;
  /** It announces nothing, not even of a family that was not agreed on. */
  readonly isEmpty: boolean;
  /** Not yet known to be an address a router can have. */
  readonly nextHop: string;
  readonly prefixes: readonly Prefix[];
}

/** MP_UNREACH_NLRI, RFC 4760 section 4. */
export interface MpUnreach {
  readonly family: MpFamily;
  readonly prefixes: readonly Prefix[];
}

/** Reads the value of one attribute. Throws `AttributeFault`, and nothing else, whatever the bytes. */
export type ReadValue = (value: Uint8Array, agreement: Agreement) => AttributeValues;

/** One row of the table of attributes. */
export interface AttributeDefinition {
  readonly type: number;
  readonly name: string;
  /** What the optional and transitive flags must be. */
  readonly flags: number;
  /** Whose attribute is read; anybody else's is discarded. */
  readonly from: 'anybody' | 'internal' | 'two-octet';
  readonly dispositions: Readonly<Record<FaultIn | 'twice', Disposition>>;
  /** Which announcements the attribute must be with; none where absent. */
  readonly neededBy?: 'routes' | 'nlri-field' | 'internal-routes';
  readonly read: ReadValue;
  /** What a NOTIFICATION says, should the fault end the session. */
  readonly notifications: Readonly<Record<FaultIn, NotificationKind>>;
}

/**
 * Refuses a value of any other length.
 *
 * @throws AttributeFault
 */
export function checkByteCount(value: Uint8Array, wanted: number): void {
  if (value.length !== wanted) throw new AttributeFault('length', `has ${value.length} bytes, not ${wanted}`);
}

/**
 * Refuses a value that is not one or more items of `itemBytes` each.
 *
 * @throws AttributeFault
 */
export function checkItems(value: Uint8Array, itemBytes: number): void {
  if (value.length === 0 || value.length % itemBytes !== 0) {
    throw new AttributeFault('length', `has ${value.length} bytes, which is no multiple of ${itemBytes} above 0`);
  }
}
