/**
 * What the northbound schema cannot say of a BGP session: the extension `edgemux` of a peer router of a MUX.
 */
import * as v from 'valibot';
import { boolean, integer, nonEmptyList, object, oneOf, type Schema, text } from './schema.js';

const HOLD_TIME = 'integer 0 or 3..65535';
const MD5_KEY_BYTES_MAX = 80;

const BfdSchema = object({
  intervalMs: v.exactOptional(integer(10, 30_000)),
  multiplier: v.exactOptional(integer(1, 255)),
});

/** Schema of `BgpPeer`. */
export const BgpPeerSchema = object({
  port: v.exactOptional(integer(1, 65_535)),
  holdTimeSeconds: v.exactOptional(holdTime()),
  connectRetrySeconds: v.exactOptional(integer(1, 65_535)),
  passive: v.exactOptional(boolean()),
  md5Key: v.exactOptional(md5Key()),
  ttlSecurityHops: v.exactOptional(integer(1, 254)),
  bfd: v.exactOptional(BfdSchema),
  families: v.exactOptional(families()),
});

/**
 * How a MUX speaks to one router; what is absent has the default of the speaker, `PeerOptions`.
 *
 * `port`, the router's, 1..65535, default 179; `holdTimeSeconds`, 0 (never) or 3..65535, default 9;
 * `connectRetrySeconds`, 1..65535, default 5; `passive`: only wait for the router, default false; `md5Key`, 1..80 bytes,
 * which no command prints; `ttlSecurityHops`, 1..254; `bfd` with `intervalMs`, 10..30000, default 100, and `multiplier`,
 * 1..255, default 3; `families`, default both.
 */
export type BgpPeer = v.InferOutput<typeof BgpPeerSchema>;

function families() {
  return v.pipe(
    nonEmptyList(oneOf(['ipv4', 'ipv6']), 'of ipv4, ipv6'),
    v.transform((words) => [...new Set(words)]),
  );
}

// RFC 4271 section 4.2: a peer rejects hold times of one or two seconds.
function holdTime(): Schema<number> {
  return v.pipe(
    integer(0, 65_535, HOLD_TIME),
    v.check((seconds) => seconds !== 1 && seconds !== 2, HOLD_TIME),
  );
}

// RFC 2385; the limit is that of Linux, TCP_MD5SIG_MAXKEYLEN.
function md5Key(): Schema<string> {
  return text('secret', `text of 1..${MD5_KEY_BYTES_MAX} bytes`, (input) => {
    const { length } = new TextEncoder().encode(input);
    return length >= 1 && length <= MD5_KEY_BYTES_MAX ? input : undefined;
  });
}
