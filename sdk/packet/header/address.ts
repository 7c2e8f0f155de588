/**
 * Addresses in a frame, as text: MAC with colons, IPv4 dotted, IPv6 by RFC 5952 section 4 (lower case, no leading zeros,
 * the first longest run of two or more zero groups written `::`).
 */

/** The six bytes at `offset`, `02:00:00:00:00:01`. */
export function macAt(view: DataView, offset: number): string {
  return Array.from({ length: 6 }, (_, i) =>
    view
      .getUint8(offset + i)
      .toString(16)
      .padStart(2, '0'),
  ).join(':');
}

/** The four bytes at `offset`, `192.0.2.7`. */
export function ipv4At(view: DataView, offset: number): string {
  return Array.from({ length: 4 }, (_, i) => view.getUint8(offset + i)).join('.');
}

/** The sixteen bytes at `offset`, `2001:db8::1`. */
export function ipv6At(view: DataView, offset: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(offset + 2 * i));
  const zeros = longestZeroRun(groups);
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (zeros.length < 2) return text(groups);
  return `${text(groups.slice(0, zeros.start))}::${text(groups.slice(zeros.start + zeros.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let run = 0;
  for (const [index, group] of groups.entries()) {
    run = group === 0 ? run + 1 : 0;
    if (run > longest.length) longest = { start: index - run + 1, length: run };
  }
  return longest;
}
