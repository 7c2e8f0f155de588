/**
 * Where a datagram is cut: as senders do it, and as those do it who attack reassembly.
 */

import { evenPieces, type Piece } from './fragment-plan.js';
import type { Random } from './random.js';

/** As they should be, or something is wrong with one of them: this is where reassembly is attacked. */
export function randomPieces(lengthBytes: number, random: Random): Piece[] {
  if (random.oneIn(15)) return evenPieces(lengthBytes, 60).filter((_, index) => index % 2 === 0);
  if (random.oneIn(15)) return longPieces(random);
  const pieces = evenPieces(lengthBytes, random.pick([2, 2, 2, 3, 4, random.between(5, 12)]));
  if (!random.oneIn(4)) return pieces;
  const piece = random.pick(pieces);
  const wrong: Piece = random.pick([
    piece,
    { ...piece, lengthBytes: Math.max(0, piece.lengthBytes + random.pick([-8, -1, 1, 8])) },
    { ...piece, offsetBytes: piece.offsetBytes + random.pick([8, 16]) },
    { ...piece, offsetBytes: random.pick([65528, 65520, 65000, random.below(8192) * 8]) },
    { ...piece, lengthBytes: 0 },
    { ...piece, hasMore: !piece.hasMore },
  ]);
  return [...pieces, wrong];
}

/** A later fragment whose frame is about as long as those that are kept: 2,048 bytes with all headers, on any link. */
function longPieces(random: Random): Piece[] {
  const headerBytes = random.pick([20, 34, 48, 62]);
  const lengthBytes = 2048 - headerBytes + random.between(-1, 1);
  return [
    { offsetBytes: 0, lengthBytes: 24, hasMore: true },
    { offsetBytes: 24, lengthBytes, hasMore: false },
  ];
}
