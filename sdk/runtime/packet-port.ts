/**
 * Packet ports: how frames of real interfaces come into the linear memory of a data plane and leave it.
 *
 *   interface ─► port.receive() ─► │ linear memory: chunks, rings, batch │ ─► port.send() ─► interface
 *
 * A port never holds a frame in JavaScript. The kernel writes frames into chunks of linear memory and reads them from
 * there; what JavaScript does per batch is a call or two to each side.
 */

/** What a frame of a port begins with; as `Link` of the data plane. */
export type PortLink = 'ethernet' | 'bare';

/** What is behind a port: the provider network, or local VMs. */
export type PortSide = 'underlay' | 'vm';

/**
 * How a port and the data plane hand frames to each other.
 *
 * | kind | frames come by | used by |
 * |---|---|---|
 * | `rings` | the four rings of an AF_XDP socket, mapped into linear memory and walked by the module | `xdp:` |
 * | `messages` | arrays of `struct mmsghdr` in linear memory, for recvmmsg and sendmmsg | `packet:` |
 * | `datagrams` | the same; the payload is a tunnel whose outer headers the socket keeps to itself | `udp:` |
 * | `frames` | one chunk at a time | `tun:`, `tap:`, `pcap:` |
 */
export type PortKind = 'rings' | 'messages' | 'datagrams' | 'frames';

/** What a port is to the data plane. */
export interface PortTraits {
  readonly kind: PortKind;
  readonly link: PortLink;
  readonly side: PortSide;
  /**
   * `messages` and `frames`: every frame has a `struct virtio_net_hdr` (10 bytes) in front, which says what the sender left
   * to the hardware: an unfinished checksum, or the segmentation of a frame larger than the MTU. The data plane does both.
   */
  readonly hasVirtioHeader?: boolean;
  /** `rings`: nothing says whether a checksum is finished, so the data plane looks. */
  readonly mayBeUnfinished?: boolean;
}

/** Where the parts of a port are, as offsets in linear memory. */
export interface PortPlaces {
  /** `rings`: each a multiple of 64 KiB with 64 KiB of room, for mmap with MAP_FIXED. */
  readonly receiveRing: number;
  readonly transmitRing: number;
  readonly fillRing: number;
  readonly completionRing: number;
  /** `messages` and `datagrams`: arrays of `struct mmsghdr`, 64 bytes each, complete with iovecs and addresses. */
  readonly receiveMessages: number;
  readonly transmitMessages: number;
  /** Messages that may be received at once. More may wait to be sent: pendingCount says how many. */
  readonly messageCount: number;
}

/** What getsockopt(XDP_MMAP_OFFSETS) says of one ring, and how many entries it has. */
export interface RingLayout {
  readonly producer: number;
  readonly consumer: number;
  readonly descriptors: number;
  readonly flags: number;
  /** A power of two. */
  readonly entryCount: number;
}

/** The four rings of an AF_XDP socket. */
export interface RingLayouts {
  readonly receive: RingLayout;
  readonly transmit: RingLayout;
  readonly fill: RingLayout;
  readonly completion: RingLayout;
}

/** What has gone through a port, as far as the data plane can tell. */
export interface PortCounters {
  readonly received: number;
  readonly sent: number;
  /** Not sent: the other side had no room, or would not take the frame. */
  readonly sendDropped: number;
  /** Not received: longer than a chunk, or in contradiction to its virtio header. */
  readonly tooLong: number;
  /** Frames whose checksum the data plane has finished. */
  readonly finished: number;
  /** Frames larger than the MTU that it has cut into segments. */
  readonly segmented: number;
}

/**
 * The linear memory of a data plane, as a port needs it; `Mux.ports` and `HostAgent.ports` are that. All positions are
 * offsets in linear memory. Ports are numbered from 0; a number is used again once its port has been closed.
 */
export interface PortMemory {
  /** All of linear memory. It never moves. */
  readonly bytes: Uint8Array;
  /** The pool of chunks frames lie in: the UMEM of AF_XDP. */
  readonly chunks: { readonly offset: number; readonly byteCount: number; readonly chunkBytes: number };
  /**
   * Says where in the address space of the process linear memory begins; before anything but `frames` is opened.
   *
   * @param address of `bytes[0]`
   */
  locate(address: bigint): void;
  /** @throws EdgemuxError `ERR_CAPACITY` when every port is taken, or no chunks are left for its receive side */
  open(traits: PortTraits): number;
  /** Takes back every chunk of a port. The kernel must have let go of them: close the socket first. */
  close(port: number): void;
  places(port: number): PortPlaces;
  /** `rings`: the rings have been mapped; from now on the module walks them. Fills the fill ring. */
  startRings(port: number, layouts: RingLayouts): void;

  /** `rings`: moves received frames into the batch; returns how many. Also takes back what has been sent. */
  takeRing(port: number): number;
  /**
   * `messages`, `datagrams`: moves received messages into the batch; returns how many frames that made (a large one is cut
   * into several). Those without room wait, and are the first to be taken by the next call.
   *
   * @param messageCount what recvmmsg has returned since the last call; 0 to take those that wait
   */
  takeMessages(port: number, messageCount: number): number;
  /** Received messages that wait for room. recvmmsg may be called only when there are none. */
  waitingCount(port: number): number;
  /** `frames`: where the next frame is to be put, and how much room it has; 0 when there is none. */
  frameRoom(port: number): number;
  readonly frameRoomBytes: number;
  /**
   * `frames`: moves the frame that was put there into the batch; returns how many frames it made. One to be cut into more
   * segments than there is room for makes 0, and is taken by the frameRoom of a later batch.
   */
  takeFrame(port: number, byteCount: number): number;

  /** Frames that wait to be sent: entries of the transmit ring, messages, or frames. */
  pendingCount(port: number): number;
  /** `rings`: whether the kernel asks to be woken for what is in the transmit ring. */
  needsWakeup(port: number): boolean;
  /** `frames`: where a frame that waits lies, and how long it is, virtio header included. */
  pendingOffset(port: number, index: number): number;
  pendingBytes(port: number, index: number): number;
  /**
   * `messages`, `datagrams`, `frames`: the first `count` have left, and those behind them are given up when `isRefused`
   * (counted as `sendDropped`); else they wait.
   */
  sent(port: number, count: number, isRefused: boolean): void;

  counters(port: number): PortCounters;
}

/** An open port. */
export interface PacketPort {
  /** As it was asked for: `xdp:eth0`. */
  readonly name: string;
  /** Its number in the memory. */
  readonly number: number;
  /** To wait on with poll(2) for frames; -1 where there is nothing to wait for. */
  readonly descriptor: number;
  /** `undefined` where there is no interface: `udp:` and `pcap:`. */
  readonly interface: PortInterface | undefined;
  /** Whether nothing more will come: the end of a capture. */
  readonly isAtEnd: boolean;
  /** Moves what has arrived into the batch, as far as there is room; returns how many frames that were. Never waits. */
  receive(): number;
  /** Sends what the data plane has put there. Never waits. */
  send(): void;
  counters(): PortCounters;
  /** Gives everything back: interface, program, chunks. */
  close(): void;
}

/** The network interface of a port. */
export interface PortInterface {
  readonly name: string;
  readonly index: number;
  /** `undefined` for a device without Ethernet. */
  readonly macAddress: string | undefined;
  readonly mtuBytes: number;
}

/**
 * Which frames are taken from the kernel. Anything else stays with it: ARP, neighbour discovery, BGP, SSH. Addresses are
 * of either family; a frame is taken when one of these is so:
 */
export interface FrameSelection {
  /** Its destination is one of these (VIPs, at a MUX). */
  readonly destinations: readonly string[];
  /** It is a tunnel to one of these (our provider addresses, at a host): UDP 4789 or GRE, no fragment; or a redirect, UDP 8571. */
  readonly tunnelEnds: readonly string[];
  /**
   * Its source is one of these (DIPs, at a host's VM side), it goes to one other machine and not to one of `local`. Neighbour
   * and router discovery stays with the kernel.
   */
  readonly sources: readonly string[];
  /** Addresses of this machine itself. */
  readonly local: readonly string[];
}

/** Nothing is taken. */
export const SELECT_NOTHING: FrameSelection = { destinations: [], tunnelEnds: [], sources: [], local: [] };
