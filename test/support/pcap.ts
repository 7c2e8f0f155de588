/**
 * Classic pcap capture file, for tools that judge our frames (tshark):
 * | magic 4 | major 2 | minor 2 | zone 4 | sigfigs 4 | snaplen 4 | link type 4 | then per frame: | s 4 | µs 4 | captured 4 | length 4 |
 */

import type { Link } from './checksum.js';

const LINKTYPE: Record<Link, number> = { ethernet: 1, bare: 101 };

export function pcapFile(frames: readonly Uint8Array[], link: Link): Uint8Array {
  const file = new Uint8Array(24 + frames.reduce((length, frame) => length + 16 + frame.length, 0));
  const view = new DataView(file.buffer);
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 0x40000, true);
  view.setUint32(20, LINKTYPE[link], true);
  let at = 24;
  frames.forEach((frame, index) => {
    view.setUint32(at, index, true);
    view.setUint32(at + 8, frame.length, true);
    view.setUint32(at + 12, frame.length, true);
    file.set(frame, at + 16);
    at += 16 + frame.length;
  });
  return file;
}
