/** A port on a TUN or TAP device: a frame a call, into linear memory and out of it. */
import type { PacketPort, PortCounters, PortInterface, PortMemory } from '../../packet-port.js';
import { type Libc, libcFor } from '../libc.js';
import { PACKET_PORTS } from './port-error.js';
import { withRefused } from './refused.js';
import type { DevicePlan } from './types.js';

/** What read tells once the device has been deleted. */
const EBADFD = 77;

/** Opens a `tun` or `tap` port on the queue of its plan. */
export function openDevicePort(plan: DevicePlan, memory: PortMemory): PacketPort {
  const libc = libcFor(PACKET_PORTS);
  const start = libc.addressOf(memory.bytes);
  const { side, hasVirtioHeader } = plan;
  const link = plan.kind === 'tap' ? 'ethernet' : 'bare';
  const number = memory.open({ kind: 'frames', link, side, hasVirtioHeader });
  return new DevicePort(plan, memory, number, libc, Number(start));
}

class DevicePort implements PacketPort {
  readonly name: string;
  readonly number: number;
  readonly descriptor: number;
  readonly interface: PortInterface;
  /** Once the device has been deleted. */
  isAtEnd = false;
  readonly #memory: PortMemory;
  readonly #libc: Libc;
  readonly #device: number;
  readonly #isWriteOnly: boolean;
  readonly #start: number;
  #refusedCount = 0;

  constructor(plan: DevicePlan, memory: PortMemory, number: number, libc: Libc, start: number) {
    this.name = plan.name;
    this.number = number;
    this.descriptor = plan.isWriteOnly ? -1 : plan.descriptor;
    this.interface = plan.interface;
    this.#memory = memory;
    this.#libc = libc;
    this.#device = plan.descriptor;
    this.#isWriteOnly = plan.isWriteOnly;
    this.#start = start;
  }

  receive(): number {
    if (this.#isWriteOnly) return 0;
    const { number } = this;
    const memory = this.#memory;
    const libc = this.#libc;
    const roomBytes = memory.frameRoomBytes;
    const hasWaited = memory.waitingCount(number) > 0;
    let room = memory.frameRoom(number);
    // A large frame that had no room the last time has become frames of the batch by now.
    let frameCount = hasWaited && memory.waitingCount(number) === 0 ? 1 : 0;
    for (; room !== 0; room = memory.frameRoom(number)) {
      const byteCount = libc.read(this.#device, this.#start + room, roomBytes);
      if (byteCount <= 0) {
        if (byteCount < 0 && libc.errno() === EBADFD) this.isAtEnd = true;
        return frameCount;
      }
      frameCount += memory.takeFrame(number, byteCount);
    }
    return frameCount;
  }

  send(): void {
    const { number } = this;
    const memory = this.#memory;
    const libc = this.#libc;
    const pendingCount = memory.pendingCount(number);
    if (pendingCount === 0) return;
    for (let index = 0; index < pendingCount; index++) {
      const at = this.#start + memory.pendingOffset(number, index);
      // What the device refuses (a frame without sense, any frame while it is down) it will not take later either.
      if (libc.write(this.#device, at, memory.pendingBytes(number, index)) < 0) this.#refusedCount += 1;
    }
    memory.sent(number, pendingCount, false);
  }

  counters(): PortCounters {
    return withRefused(this.#memory.counters(this.number), this.#refusedCount);
  }

  close(): void {
    this.#memory.close(this.number);
  }
}
