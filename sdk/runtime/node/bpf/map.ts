/** Maps: tables in the kernel that programs read, and that this process writes at any time. */
import { bpfCall, portLibc } from './call.js';

const BPF_MAP_CREATE = 0;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_MAP_DELETE_ELEM = 3;

/** What maps are here: a hash table, and the sockets of AF_XDP by number. */
export const MAP_TYPE = { hash: 1, xskSockets: 17 } as const;

/** Memory is taken as entries come. */
const BPF_F_NO_PREALLOC = 1;

/** What a map is to be. */
export interface MapShape {
  readonly type: keyof typeof MAP_TYPE;
  /** Up to 15 characters, for `bpftool map`. */
  readonly name: string;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entryCountMax: number;
}

/** A map; it is gone when it is closed, and no program has it. */
export class BpfMap {
  readonly descriptor: number;
  /** The kernel reads keys and values from here. */
  readonly #key: Uint8Array;
  readonly #value: Uint8Array;

  /** @throws BpfRefusal */
  constructor({ type, name, keyBytes, valueBytes, entryCountMax }: MapShape) {
    const flags = type === 'hash' ? BPF_F_NO_PREALLOC : 0;
    const shape = [MAP_TYPE[type], keyBytes, valueBytes, entryCountMax, flags];
    this.descriptor = bpfCall(BPF_MAP_CREATE, [...shape, 0 /* inner map */, 0 /* NUMA node */, name]);
    this.#key = new Uint8Array(keyBytes);
    this.#value = new Uint8Array(valueBytes);
  }

  /**
   * Sets an entry; one that is there is replaced at once, so that a program sees the old or the new.
   *
   * @throws BpfRefusal `E2BIG` when the map is full
   */
  update(key: Uint8Array, value: Uint8Array): void {
    this.#key.set(key);
    this.#value.set(value);
    bpfCall(BPF_MAP_UPDATE_ELEM, [this.descriptor, this.#key, this.#value, 0n /* whether it is there or not */]);
  }

  /** @throws BpfRefusal `ENOENT` when there is no such entry */
  delete(key: Uint8Array): void {
    this.#key.set(key);
    bpfCall(BPF_MAP_DELETE_ELEM, [this.descriptor, this.#key]);
  }

  close(): void {
    portLibc().close(this.descriptor);
  }
}

/**
 * Puts a socket into a map of sockets; the socket leaves it by being closed.
 *
 * @throws BpfRefusal
 */
export function putSocket(mapDescriptor: number, queue: number, socket: number): void {
  const key = new Uint8Array(Uint32Array.of(queue).buffer);
  const value = new Uint8Array(Uint32Array.of(socket).buffer);
  bpfCall(BPF_MAP_UPDATE_ELEM, [mapDescriptor, key, value, 0n]);
}
