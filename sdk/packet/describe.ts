/**
 * A packet in one line, as `tcpdump -ev` would say it, for anything: built on `layers`, and like it never throws.
 *
 *   02:00:00:00:00:01 > 02:00:00:00:00:02, vlan 7: IP (ttl 64) 10.0.0.1:49153 > 10.0.0.2:4789: UDP, no cksum, length 66,
 *   VXLAN, flags [I] (0x08), vni 5001 | 02:… > 02:…: IP (ttl 63) 192.0.2.7:40000 > 80.80.80.80:443: Flags [S], seq 1, …
 *
 * What differs from tcpdump: ports are written `:443` (`[2001:db8::1]:443`), as everywhere in edgemux, and what a tunnel
 * carries follows ` | ` instead of a line break.
 */

import { endpoints, protocolName } from './header/ip-protocol.js';
import type { Layer } from './layer.js';
import { HEADERS, type LayersOptions, layers } from './layers.js';

/**
 * Describes a frame in one tcpdump-style line without a line break.
 *
 * `options.link` says whether `bytes` begin with an Ethernet header (default) or bare IP. What is cut short is named with
 * what is there, `[truncated-ipv4 12 of 20 bytes]`; wrong checksums show the right one, `bad cksum 0x0000 (-> 0x66e2)`.
 *
 * @example
 * ```ts
 * describe(bytes, { link: 'bare' });
 * // IP (ttl 64) 192.0.2.7:40000 > 80.80.80.80:443: Flags [S], seq 1, win 64240, options [mss 1460], length 0
 * ```
 */
export function describe(bytes: Uint8Array, options: LayersOptions = {}): string {
  return describeLayers(layers(bytes, options));
}

/** Describes what `layers` gave, in the same words as `describe`. */
export function describeLayers(decoded: readonly Layer[]): string {
  let line = '';
  let previous: Layer | undefined;
  for (const [index, layer] of decoded.entries()) {
    // Of a quoted packet the flow is enough, and the IP layer has said it.
    if (layer.quoted && !isIp(layer)) continue;
    line += separator(previous, layer) + phrase(layer, transportAfter(decoded, index));
    previous = layer;
  }
  return line;
}

function phrase(layer: Layer, transport: Layer | undefined): string {
  const { name, fields } = layer;
  if (fields.malformed !== undefined) return `[malformed-${name} ${fields.malformed}]`;
  const truncated =
    fields.bytesNeeded === undefined ? '' : `[truncated-${name} ${fields.bytesPresent} of ${fields.bytesNeeded} bytes]`;
  const isNothingElseKnown = Object.keys(fields).every((field) => field === 'bytesPresent' || field === 'bytesNeeded');
  if (isNothingElseKnown) return truncated;
  const text = layer.quoted ? quotedFlow(layer, transport) : HEADERS[name].describe(layer, transport);
  return [text, truncated].filter(Boolean).join(' ');
}

/** `quoting IP 192.0.2.7:40000 > 80.80.80.80:443 tcp`. */
function quotedFlow(layer: Layer, transport: Layer | undefined): string {
  const protocol = transport?.name ?? protocolName(Number(layer.fields.protocol ?? layer.fields.nextHeader));
  return `quoting ${layer.name === 'ipv6' ? 'IP6' : 'IP'} ${endpoints(layer, transport)} ${protocol}`;
}

function separator(previous: Layer | undefined, layer: Layer): string {
  if (previous === undefined) return '';
  if (layer.depth > previous.depth) return ' | ';
  if (layer.name === 'vlan' || layer.name === 'vxlan' || layer.name === 'redirect' || layer.quoted) return ', ';
  return previous.name === 'ipv6-extension' || previous.name === 'ipv6-fragment' ? ', ' : ': ';
}

/** The transport header of the IP header at `index`: the first one after it that is not an extension header. */
function transportAfter(decoded: readonly Layer[], index: number): Layer | undefined {
  if (!isIp(decoded[index]!)) return undefined;
  const after = decoded.slice(index + 1).find(({ name }) => name !== 'ipv6-extension' && name !== 'ipv6-fragment');
  return after?.name === 'tcp' || after?.name === 'udp' ? after : undefined;
}

function isIp({ name }: Layer): boolean {
  return name === 'ipv4' || name === 'ipv6';
}
