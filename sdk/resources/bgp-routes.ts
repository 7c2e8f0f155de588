/**
 * What the routes of VIPs carry to the routers: the extension `edgemux.routes` of the manager and of a MUX.
 */
import * as v from 'valibot';
import { integer, object, type Schema, text } from './schema.js';

const U16_MAX = 0xffff;
const U32_MAX = 0xffff_ffff;
/** RFC 1997, 7999, 8326: the communities that have names. */
const NAMES = ['no-export', 'no-advertise', 'no-export-subconfed', 'blackhole', 'graceful-shutdown'];

// What fits into one message beside a prefix, RFC 4271 section 4.1.
const COMMUNITY_COUNT_MAX = 255;
const LARGE_COMMUNITY_COUNT_MAX = 128;

/** Schema of `BgpRoutes`. */
export const BgpRoutesSchema = object({
  med: v.exactOptional(integer(0, U32_MAX)),
  communities: v.exactOptional(atMost(COMMUNITY_COUNT_MAX, community())),
  largeCommunities: v.exactOptional(atMost(LARGE_COMMUNITY_COUNT_MAX, largeCommunity())),
});

/**
 * Attributes of routes: `med`, 0..4294967295; `communities` (RFC 1997), up to 255 of `65000:100` or a name; `largeCommunities`
 * (RFC 8092), up to 128 of `4200000000:1:2`. Where a MUX and the manager both say a member, the MUX's counts.
 */
export type BgpRoutes = v.InferOutput<typeof BgpRoutesSchema>;

function atMost(count: number, item: Schema<string>) {
  return v.pipe(v.array(item, 'array'), v.maxLength(count, `array of at most ${count}`));
}

function community(): Schema<string> {
  return text('community', `community such as 65000:100, or one of ${NAMES.join(', ')}`, (input) => {
    const name = input.toLowerCase();
    return NAMES.includes(name) ? name : numbers(input, 2, U16_MAX);
  });
}

function largeCommunity(): Schema<string> {
  return text('large-community', 'large community such as 4200000000:1:2', (input) => numbers(input, 3, U32_MAX));
}

/** `065000:1` as `65000:1`; undefined for text that is not `count` numbers of at most `max`. */
function numbers(input: string, count: number, max: number): string | undefined {
  const parts = input.split(':');
  if (parts.length !== count || !parts.every((part) => /^\d{1,10}$/.test(part) && Number(part) <= max))
    return undefined;
  return parts.map(Number).join(':');
}
