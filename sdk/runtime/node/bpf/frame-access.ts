/** How programs read a frame: from a position on that they carry in a register. */
import type { Assembler, Register } from './assembler.js';

/** The argument of the program: what the kernel says of the frame. */
export const CONTEXT: Register = 'r6';
/** Where the next header begins. */
export const CURSOR: Register = 'r7';
/** Behind the last byte of the frame; of FrameInPlace. */
const FRAME_END: Register = 'r8';

/** The most that can be read at a time. */
export const COPY_BYTES = 40;

const SKB_LOAD_BYTES = 26;

/** How a flavour reads the frame from the cursor on. Both lose r0 to r5 in `need`. */
export interface Frame {
  begin(): void;
  /** Makes the next bytes readable; where the frame has fewer, it stays with the kernel. */
  need(byteCount: number): void;
  /** Reads 1, 2 or 4 of them. */
  load(byteCount: 1 | 2 | 4, destination: Register, offset: number): void;
}

/** The frame lies at its place in memory; what is read is compared with its end first. */
export class FrameInPlace implements Frame {
  /** @param leave label where a frame goes that is cut short */
  constructor(
    readonly program: Assembler,
    readonly leave: string,
  ) {}

  begin(): void {
    // struct xdp_md: | data 4 | data_end 4 | …
    this.program.load(4, CURSOR, CONTEXT, 0);
    this.program.load(4, FRAME_END, CONTEXT, 4);
  }

  need(byteCount: number): void {
    this.program.move('r2', CURSOR);
    this.program.add('r2', byteCount);
    this.program.jumpIf('r2', '>', FRAME_END, this.leave);
  }

  load(byteCount: 1 | 2 | 4, destination: Register, offset: number): void {
    this.program.load(byteCount, destination, CURSOR, offset);
  }
}

/** The frame may be in pieces; what is read is copied to the stack first. */
export class FrameByCopy implements Frame {
  /**
   * @param copy where on the stack there is room of COPY_BYTES
   * @param leave label where a frame goes that is cut short
   */
  constructor(
    readonly program: Assembler,
    readonly copy: number,
    readonly leave: string,
  ) {}

  begin(): void {
    this.program.move(CURSOR, 0);
  }

  need(byteCount: number): void {
    this.program.move('r1', CONTEXT);
    this.program.move('r2', CURSOR);
    this.program.move('r3', 'r10');
    this.program.add('r3', this.copy);
    this.program.move('r4', byteCount);
    this.program.call(SKB_LOAD_BYTES);
    this.program.jumpIf('r0', '!=', 0, this.leave);
  }

  load(byteCount: 1 | 2 | 4, destination: Register, offset: number): void {
    this.program.load(byteCount, destination, 'r10', this.copy + offset);
  }
}
