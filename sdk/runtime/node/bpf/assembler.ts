/**
 * Programs for the virtual machine of the kernel, instruction by instruction. Each is a `struct bpf_insn`:
 *
 *   | operation 1 | destination 4 bits, source 4 bits | jump or memory offset 2 | constant 4 |
 *
 * in the byte order of the machine, which is little-endian wherever edgemux runs. A jump counts the instructions it passes
 * over. Source: RFC 9669; Linux, Documentation/bpf/standardization/instruction-set.rst.
 *
 * r0 is what a function returns, r1 to r5 are its arguments and lost in a call, r6 to r9 survive it; r10 is the end of a stack
 * of 512 bytes.
 */

/** A register. */
export type Register = 'r0' | 'r1' | 'r2' | 'r3' | 'r4' | 'r5' | 'r6' | 'r7' | 'r8' | 'r9' | 'r10';

/** Bytes of a load or store. */
export type AccessBytes = 1 | 2 | 4 | 8;

/** How two numbers, unsigned, are compared; `&`: whether they have a bit in common. */
export type Comparison = '==' | '!=' | '>' | '>=' | '<' | '<=' | '&';

const INSTRUCTION_BYTES = 8;

const LOAD = 0x61;
const STORE = 0x63;
const STORE_CONSTANT = 0x62;
const ACCESS_SIZE: Readonly<Record<AccessBytes, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };

const ADD = 0x07;
const AND = 0x57;
const SHIFT_LEFT = 0x67;
const SHIFT_RIGHT = 0x77;
const MOVE = 0xb7;
/** Added to an operation of a constant: it takes a register instead. */
const BY_REGISTER = 0x08;

const JUMP = 0x05;
const JUMP_IF: Readonly<Record<Comparison, number>> = {
  '==': 0x15,
  '!=': 0x55,
  '>': 0x25,
  '>=': 0x35,
  '<': 0xa5,
  '<=': 0xb5,
  '&': 0x45,
};
const CALL = 0x85;
const EXIT = 0x95;

const LOAD_WIDE = 0x18;
/** As the source of a wide load: the constant is the descriptor of a map. */
const SOURCE_MAP = 1;

interface Instruction {
  readonly operation: number;
  readonly destination: number;
  readonly source: number;
  readonly offset: number;
  readonly constant: number;
  /** Where it jumps to, when it does. */
  readonly target?: string;
}

/** A program that is being written. */
export class Assembler {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  /** Instructions so far. */
  get length(): number {
    return this.#instructions.length;
  }

  /** Names the next instruction, for jumps. */
  label(name: string): void {
    if (this.#labels.has(name)) throw new RangeError(`there are two labels ${name}`);
    this.#labels.set(name, this.#instructions.length);
  }

  /** destination = bytes at base + offset, with zeros above */
  load(byteCount: AccessBytes, destination: Register, base: Register, offset: number): void {
    this.#add(LOAD | ACCESS_SIZE[byteCount], destination, base, { offset });
  }

  /** Bytes at base + offset = the low ones of source. */
  store(byteCount: AccessBytes, base: Register, offset: number, source: Register | number): void {
    if (typeof source === 'number') {
      this.#add(STORE_CONSTANT | ACCESS_SIZE[byteCount], base, 'r0', { offset, constant: source });
    } else {
      this.#add(STORE | ACCESS_SIZE[byteCount], base, source, { offset });
    }
  }

  /** A constant is 32 bits, and negative ones stay negative in 64. */
  move(destination: Register, source: Register | number): void {
    this.#compute(MOVE, destination, source);
  }

  add(destination: Register, source: Register | number): void {
    this.#compute(ADD, destination, source);
  }

  and(destination: Register, source: Register | number): void {
    this.#compute(AND, destination, source);
  }

  shiftLeft(destination: Register, bitCount: number): void {
    this.#compute(SHIFT_LEFT, destination, bitCount);
  }

  shiftRight(destination: Register, bitCount: number): void {
    this.#compute(SHIFT_RIGHT, destination, bitCount);
  }

  jump(target: string): void {
    this.#add(JUMP, 'r0', 'r0', { target });
  }

  jumpIf(left: Register, comparison: Comparison, right: Register | number, target: string): void {
    const operation = JUMP_IF[comparison];
    if (typeof right === 'number') this.#add(operation, left, 'r0', { constant: right, target });
    else this.#add(operation | BY_REGISTER, left, right, { target });
  }

  /** destination = the map behind a descriptor, as an argument of functions */
  loadMap(destination: Register, descriptor: number): void {
    const instruction = { operation: LOAD_WIDE, destination: numberOf(destination), source: SOURCE_MAP, offset: 0 };
    this.#instructions.push({ ...instruction, constant: descriptor });
    this.#instructions.push({ operation: 0, destination: 0, source: 0, offset: 0, constant: 0 });
  }

  /** Calls a function of the kernel by its number. */
  call(helper: number): void {
    this.#add(CALL, 'r0', 'r0', { constant: helper });
  }

  exit(): void {
    this.#add(EXIT, 'r0', 'r0', {});
  }

  /** The program as the kernel takes it. */
  bytes(): Uint8Array {
    const view = new DataView(new ArrayBuffer(this.#instructions.length * INSTRUCTION_BYTES));
    this.#instructions.forEach(({ operation, destination, source, offset, constant, target }, i) => {
      const at = i * INSTRUCTION_BYTES;
      view.setUint8(at, operation);
      view.setUint8(at + 1, destination | (source << 4));
      view.setInt16(at + 2, target === undefined ? offset : this.#addressOf(target) - (i + 1), true);
      view.setInt32(at + 4, constant, true);
    });
    return new Uint8Array(view.buffer);
  }

  #compute(operation: number, destination: Register, source: Register | number): void {
    if (typeof source === 'number') this.#add(operation, destination, 'r0', { constant: source });
    else this.#add(operation | BY_REGISTER, destination, source, {});
  }

  #add(
    operation: number,
    destination: Register,
    source: Register,
    { offset = 0, constant = 0, target }: { offset?: number; constant?: number; target?: string },
  ): void {
    const registers = { destination: numberOf(destination), source: numberOf(source) };
    const jump = target === undefined ? {} : { target };
    this.#instructions.push({ operation, ...registers, offset, constant, ...jump });
  }

  #addressOf(label: string): number {
    const address = this.#labels.get(label);
    if (address === undefined) throw new RangeError(`there is no label ${label}`);
    return address;
  }
}

function numberOf(register: Register): number {
  return Number(register.slice(1));
}
