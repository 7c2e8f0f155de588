/**
 * What a hop did to a packet: the fields that differ between its headers before and after.
 *
 * Headers are matched from the inside out, because what a tunnel endpoint adds or strips is on the outside:
 *
 *   before                               ethernet  ipv4  tcp
 *   after    ethernet  ipv4  udp  vxlan  ethernet  ipv4  tcp
 *            └───────── outer. ────────┘ └─ no prefix ──────┘
 */

import type { Layer } from './layer.js';

/**
 * One field that differs; `undefined` where the header does not exist, or has no such field.
 *
 * `field` is `ipv4.source` for the innermost frame, `outer.ipv4.source` for the headers of the tunnel around it,
 * `quoted.ipv4.source` for the packet an ICMP error quotes; a second header of a name is numbered, `vlan[1].id`.
 */
export interface FieldChange {
  readonly field: string;
  readonly before: string | number | undefined;
  readonly after: string | number | undefined;
}

/**
 * Lists the fields that differ between two decoded packets: those of `before` in order, then those only `after` has.
 *
 * @example
 * ```ts
 * changedFields(layers(received), layers(delivered));
 * // [{ field: 'ipv4.destination', before: '80.80.80.80', after: '10.0.0.4' }, …]
 * ```
 */
export function changedFields(before: readonly Layer[], after: readonly Layer[]): FieldChange[] {
  const old = flatten(before);
  const now = flatten(after);
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((field) => ({ field, before: old.get(field), after: now.get(field) }))
    .filter((change) => change.before !== change.after);
}

function flatten(decoded: readonly Layer[]): Map<string, string | number> {
  const depthMax = Math.max(0, ...decoded.map(({ depth }) => depth));
  const headersSeen = new Map<string, number>();
  const values = new Map<string, string | number>();
  for (const { name, fields, depth, quoted } of decoded) {
    const header = `${'outer.'.repeat(depthMax - depth)}${quoted ? 'quoted.' : ''}${name}`;
    const index = headersSeen.get(header) ?? 0;
    headersSeen.set(header, index + 1);
    const prefix = index === 0 ? header : `${header}[${index}]`;
    for (const [field, value] of Object.entries(fields)) values.set(`${prefix}.${field}`, value);
  }
  return values;
}
