/**
 * UPDATE, RFC 4271 section 4.3: what is no longer reachable, what is, and how.
 *
 *     | withdrawn bytes 16 | WITHDRAWN ROUTES | attribute bytes 16 | PATH ATTRIBUTES | NLRI, to the end |
 *
 * Both fields of prefixes are IPv4 unicast; MP_REACH_NLRI and MP_UNREACH_NLRI carry any family (multiprotocol.ts). What
 * becomes of a message at fault stands in attributes/table.ts.
 */
import { ByteReader } from '../../net/bytes.js';
import type { Prefix } from '../../net/prefix.js';
import { mergedAsPath } from './attributes/as-path.js';
import type { AttributeDefinition, AttributeValues, MpFamily } from './attributes/definition.js';
import { nextHopFault } from './attributes/next-hop.js';
import { type ReadAttributes, readAttributes } from './attributes/read.js';
import { ATTRIBUTES, definitionOf } from './attributes/table.js';
import { ATTRIBUTE } from './attributes/type-codes.js';
import { MessageError, readOrFail } from './message-error.js';
import type { Agreement, Family, PathAttributes, UpdateMessage } from './messages.js';
import { readPrefixes } from './nlri.js';
import { NOTIFICATION } from './notification-kinds.js';
import { AS_TRANS } from './open.js';
import { UpdateFaults } from './update-faults.js';

const { UPDATE } = NOTIFICATION;

/** The message cut into its three variable fields, each a view. */
interface Fields {
  readonly withdrawn: Uint8Array;
  readonly attributes: Uint8Array;
  readonly nlri: Uint8Array;
}

/** Prefixes of an agreed family that one part of the message announces, and the attribute with their next hop. */
interface Routes {
  readonly family: Family;
  readonly prefixes: readonly Prefix[];
  readonly nextHop: string | undefined;
  readonly nextHopIn: typeof ATTRIBUTE.NEXT_HOP | typeof ATTRIBUTE.MP_REACH_NLRI;
}

/**
 * Reads an UPDATE and applies RFC 7606 to it.
 *
 * A prefix that one message withdraws and announces is in both lists, and is reachable (RFC 4271 section 4.3): to take
 * `withdrawn` first is right. Time and memory are in proportion to the message.
 *
 * @param body the message without its header
 * @throws MessageError what ends the session, always of code 3
 */
export function decodeUpdate(body: Uint8Array, agreement: Agreement): UpdateMessage {
  const fields = readFields(body);
  const faults = new UpdateFaults();
  const gone = readPrefixes(fields.withdrawn, 'ipv4', (text) => invalidNetwork(`WITHDRAWN ROUTES ${text}`));
  const attributes = readAttributes(fields.attributes, agreement, faults);
  const nlri = readPrefixes(fields.nlri, 'ipv4', (text) => invalidNetwork(`NLRI ${text}`));
  const { reach, unreach } = attributes.values;

  noteIgnored(gone.length + nlri.length, attributes.values, agreement, faults);
  const routes = routesIn(nlri, attributes.values, agreement);
  if (routes.length > 0) checkNeeded(routes, attributes, agreement, faults);
  for (const { nextHop, nextHopIn } of routes) checkNextHop(nextHop, nextHopIn, attributes, faults);
  if (nlri.length === 0 && (reach?.isEmpty ?? true)) faults.resetIfWithdrawing();

  const withdrawn = [...(agreement.families.has('ipv4') ? gone : []), ...(unreach?.prefixes ?? [])];
  const endOfRib = endOfRibIn(fields, attributes, agreement);
  return {
    kind: 'update',
    withdrawn: faults.withdraws ? withdrawn.concat(routes.flatMap(({ prefixes }) => prefixes)) : withdrawn,
    announced: faults.withdraws ? [] : announcementsOf(routes, attributes.values),
    ...(endOfRib && { endOfRib }),
    faults: faults.list,
  };
}

function readFields(body: Uint8Array): Fields {
  return readOrFail(UPDATE.MALFORMED_ATTRIBUTE_LIST, 'the lengths of the fields exceed the message', () => {
    const reader = new ByteReader(body);
    const withdrawn = reader.bytes(reader.u16be());
    const attributes = reader.bytes(reader.u16be());
    return { withdrawn, attributes, nlri: reader.bytes(reader.remaining) };
  });
}

function routesIn(nlri: readonly Prefix[], { nextHop, reach }: AttributeValues, { families }: Agreement): Routes[] {
  const routes: Routes[] = [];
  if (nlri.length > 0 && families.has('ipv4')) {
    routes.push({ family: 'ipv4', prefixes: nlri, nextHop, nextHopIn: ATTRIBUTE.NEXT_HOP });
  }
  if (reach?.family.agreed !== undefined && !reach.isEmpty) {
    const { prefixes } = reach;
    routes.push({
      family: reach.family.agreed,
      prefixes,
      nextHop: reach.nextHop,
      nextHopIn: ATTRIBUTE.MP_REACH_NLRI,
    });
  }
  return routes;
}

function noteIgnored(ipv4Count: number, values: AttributeValues, { families }: Agreement, faults: UpdateFaults): void {
  if (ipv4Count > 0 && !families.has('ipv4')) faults.ignore(`${ipv4Count} IPv4 prefixes are ignored: not agreed on`);
  const noteFamily = (name: string, family: MpFamily | undefined) => {
    if (family === undefined || family.agreed !== undefined) return;
    faults.ignore(`${name} of AFI ${family.afi}, SAFI ${family.safi} is ignored: not agreed on`);
  };
  noteFamily('MP_REACH_NLRI', values.reach?.family);
  noteFamily('MP_UNREACH_NLRI', values.unreach?.family);
}

function checkNeeded(
  routes: readonly Routes[],
  { byType }: ReadAttributes,
  { isExternal }: Agreement,
  faults: UpdateFaults,
): void {
  const isNeeded: Record<NonNullable<AttributeDefinition['neededBy']>, boolean> = {
    routes: true,
    'nlri-field': routes.some(({ nextHopIn }) => nextHopIn === ATTRIBUTE.NEXT_HOP),
    'internal-routes': !isExternal,
  };
  for (const { name, type, neededBy } of ATTRIBUTES) {
    if (neededBy === undefined || !isNeeded[neededBy] || byType.has(type)) continue;
    faults.add('treat-as-withdraw', `${name} is missing`, UPDATE.MISSING_WELL_KNOWN_ATTRIBUTE, Uint8Array.of(type));
  }
}

function checkNextHop(
  nextHop: string | undefined,
  nextHopIn: Routes['nextHopIn'],
  { byType }: ReadAttributes,
  faults: UpdateFaults,
): void {
  const text = nextHop === undefined ? undefined : nextHopFault(nextHop);
  if (text !== undefined) {
    faults.addInAttribute(definitionOf(nextHopIn)!, 'value', text, byType.get(nextHopIn)!.bytes);
  }
}

/** Of a message without a fault that withdraws: what announcements need is there. */
function announcementsOf(routes: readonly Routes[], values: AttributeValues): UpdateMessage['announced'] {
  const { origin, asPath, localPref, med } = values;
  const attributes: PathAttributes = {
    origin: origin!,
    asPath: mergedAsPath(asPath ?? [], hasStaleAs4(values) ? [] : values.as4Path),
    ...(localPref !== undefined && { localPref }),
    ...(med !== undefined && { med }),
    communities: values.communities ?? [],
    largeCommunities: values.largeCommunities ?? [],
  };
  return routes.map(({ family, prefixes, nextHop }) => ({ family, nextHop: nextHop!, prefixes, attributes }));
}

/** Somebody without the four-octet capability aggregated the route after AS4_PATH was written, RFC 6793 section 4.2.3. */
function hasStaleAs4({ aggregatorAs, hasAs4Aggregator }: AttributeValues): boolean {
  return hasAs4Aggregator === true && aggregatorAs !== undefined && aggregatorAs !== AS_TRANS;
}

/** RFC 4724 section 2: a message with nothing in it, or with nothing but an MP_UNREACH_NLRI without prefixes. */
function endOfRibIn(fields: Fields, { byType, values }: ReadAttributes, { families }: Agreement): Family | undefined {
  if (fields.withdrawn.length > 0 || fields.nlri.length > 0) return undefined;
  if (fields.attributes.length === 0) return families.has('ipv4') ? 'ipv4' : undefined;
  const isEmpty = byType.size === 1 && values.unreach?.prefixes.length === 0;
  return isEmpty ? values.unreach?.family.agreed : undefined;
}

function invalidNetwork(text: string): MessageError {
  return new MessageError(UPDATE.INVALID_NETWORK_FIELD, text);
}
