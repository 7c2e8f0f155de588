/**
 * TCP options, RFC 9293 section 3.2, RFC 7323 (window scale, timestamps), RFC 2018 (SACK).
 *
 *   0 end | 1 no-operation | 2,4 maximum segment size 16 | 3,3 window scale 8 | 4,2 SACK permitted
 *   5,2+8n n blocks of (left edge 32, right edge 32) | 8,10 timestamp 32, echo 32
 */

import type { Fields } from '../layer.js';

const OPTION_END = 0;
const OPTION_NOP = 1;

/** The options between `start` and `end` as fields; padding leaves none, an option with an impossible length ends it. */
export function readTcpOptions(view: DataView, start: number, end: number): Fields {
  const fields: Record<string, string | number> = {};
  const others: string[] = [];
  let at = start;
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === OPTION_END) break;
    if (kind === OPTION_NOP) {
      at += 1;
      continue;
    }
    const length = at + 2 <= end ? view.getUint8(at + 1) : 0;
    if (length < 2 || at + length > end) {
      others.push(`option ${kind} bad length ${length}`);
      break;
    }
    const read = READERS[`${kind},${length}`] ?? (kind === 5 ? readSack : undefined);
    if (read === undefined) others.push(`option ${kind}`);
    else Object.assign(fields, read(view, at + 2, at + length));
    at += length;
  }
  if (others.length > 0) fields.otherOptions = others.join(',');
  return fields;
}

/** The options among a TCP header's fields, as tcpdump writes them; an empty string when there are none. */
export function describeTcpOptions(fields: Fields): string {
  return [
    fields.mss === undefined ? '' : `mss ${fields.mss}`,
    fields.sackPermitted === undefined ? '' : 'sackOK',
    fields.timestampValue === undefined ? '' : `TS val ${fields.timestampValue} ecr ${fields.timestampEcho}`,
    fields.windowScale === undefined ? '' : `wscale ${fields.windowScale}`,
    fields.sack === undefined ? '' : `sack ${fields.sack}`,
    fields.otherOptions ?? '',
  ]
    .filter(Boolean)
    .join(',');
}

/** By kind and length: an option of a known kind with another length is not that option. */
const READERS: Readonly<Record<string, (view: DataView, value: number, end: number) => Fields>> = {
  '2,4': (view, value) => ({ mss: view.getUint16(value) }),
  '3,3': (view, value) => ({ windowScale: view.getUint8(value) }),
  '4,2': () => ({ sackPermitted: 1 }),
  '8,10': (view, value) => ({ timestampValue: view.getUint32(value), timestampEcho: view.getUint32(value + 4) }),
};

function readSack(view: DataView, value: number, end: number): Fields {
  const blocks: string[] = [];
  for (let at = value; at + 8 <= end; at += 8) blocks.push(`{${view.getUint32(at)}:${view.getUint32(at + 4)}}`);
  return { sack: blocks.join('') };
}
