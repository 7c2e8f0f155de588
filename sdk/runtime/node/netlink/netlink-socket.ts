/**
 * A socket to the kernel's tables of interfaces, addresses, routes and neighbours.
 *
 * The kernel answers within the call that asks: when `write` returns, the answer lies in the socket, and a dump goes on as it
 * is read. So requests are plain calls here, of some ten microseconds each, longer only while the kernel is busy with someone
 * else's change; what it tells by itself comes to sockets of their own, see `netlink-events.ts`.
 */
import { EdgemuxError } from '../../../errors.js';
import { ByteReader, ByteWriter } from '../../../net/bytes.js';
import { errnoText } from '../error-text.js';
import { type Libc, libcFor } from '../libc.js';
import {
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  readAcknowledgement,
  readMessages,
  writeMessage,
} from './message.js';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;

const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

/** `struct sockaddr_nl`: | family 2 | 0 2 | port 4 | groups 4 |. The port of the kernel is 0. */
const ADDRESS_BYTES = 12;
const PORT_OFFSET = 4;

const EPERM = 1;
const EINTR = 4;
const EAGAIN = 11;
const EACCES = 13;
const EBADMSG = 74;
const ETIMEDOUT = 110;

/** Longer than any datagram the kernel makes: dumps come in pieces of 32 KiB. */
const BUFFER_BYTES = 65_536;
const ANSWER_TIMEOUT_MS = 1000;
const POLLIN = 1;

/** A dump may be repeated this often in a row before it is left for later. */
const DUMP_ATTEMPTS = 4;

const WHAT = 'routes and neighbours of the kernel';

/** What came of a request. */
export interface Reply {
  /** 0 when it went well. */
  readonly errno: number;
  /** What went wrong, for people: the kernel's own words where it has some. */
  readonly text: string;
  readonly messages: readonly Message[];
}

/** What came of a dump. */
export interface Dump extends Reply {
  /** Whether nothing changed while it was made; otherwise something may be missing, and it has to be made again. */
  readonly isWhole: boolean;
}

/** What a socket is for. */
export interface NetlinkSocketOptions {
  /** Groups to hear from, RTNLGRP_… of linux/rtnetlink.h; none by default. */
  readonly groups?: readonly number[];
  /** Room for what has not been read yet; the kernel's default by default, and at most its maximum without privilege. */
  readonly receiveBufferBytes?: number;
}

/** A socket of AF_NETLINK, family NETLINK_ROUTE. It belongs to the network namespace it was made in. */
export class NetlinkSocket {
  readonly #libc: Libc;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #bufferAddress: number;
  readonly #from = new Uint8Array(ADDRESS_BYTES);
  readonly #fromBytes = new Uint8Array(4);
  #descriptor: number;
  #sequence = 0;

  /**
   * @throws EdgemuxError `ERR_UNSUPPORTED` where there is no Linux or no koffi; `ERR_SOCKET` when the kernel refuses
   */
  constructor(options: NetlinkSocketOptions = {}) {
    this.#libc = libcFor(WHAT);
    this.#bufferAddress = Number(this.#libc.addressOf(this.#buffer));
    this.#descriptor = this.#libc.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (this.#descriptor < 0) throw this.#refused('cannot open a netlink socket');
    try {
      this.#configure(options);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #configure({ groups = [], receiveBufferBytes }: NetlinkSocketOptions): void {
    // Old kernels have neither; errors are shorter then.
    this.#set(SOL_NETLINK, NETLINK_EXT_ACK, 1);
    this.#set(SOL_NETLINK, NETLINK_CAP_ACK, 1);
    if (receiveBufferBytes !== undefined && !this.#set(SOL_SOCKET, SO_RCVBUFFORCE, receiveBufferBytes)) {
      this.#set(SOL_SOCKET, SO_RCVBUF, receiveBufferBytes);
    }
    const address = new ByteWriter(ADDRESS_BYTES).u16le(AF_NETLINK).u16le(0).u32le(0).u32le(0).toBytes();
    if (this.#libc.bind(this.#descriptor, address, ADDRESS_BYTES) < 0)
      throw this.#refused('cannot bind a netlink socket');
    for (const group of groups) {
      if (!this.#set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group))
        throw this.#refused(`cannot hear netlink group ${group}`);
    }
  }

  #set(level: number, option: number, value: number): boolean {
    const bytes = new ByteWriter(4).u32le(value).toBytes();
    return this.#libc.setsockopt(this.#descriptor, level, option, bytes, bytes.length) >= 0;
  }

  #refused(what: string): EdgemuxError {
    return new EdgemuxError('ERR_SOCKET', `${what}: ${errnoText(this.#libc.errno())}`);
  }

  /** Asks for one thing; the kernel answers with one message, or an error. */
  ask(type: number, body: Uint8Array): Reply {
    return this.#exchange(type, 0, body);
  }

  /** Has something changed, with NLM_F_CREATE and such as `flags`; nothing but an error is returned. */
  change(type: number, flags: number, body: Uint8Array): Reply {
    return this.#exchange(type, flags | NLM_F_ACK, body);
  }

  /** Asks for all of a table. What changes meanwhile has it made again, a few times; `isWhole` says whether that was enough. */
  dump(type: number, body: Uint8Array): Dump {
    for (let attempt = 1; ; attempt += 1) {
      const reply = this.#exchange(type, NLM_F_DUMP, body);
      const isWhole = reply.errno === 0 && reply.messages.every(({ flags }) => (flags & NLM_F_DUMP_INTR) === 0);
      if (isWhole || reply.errno !== 0 || attempt === DUMP_ATTEMPTS) return { ...reply, isWhole };
    }
  }

  #exchange(type: number, flags: number, body: Uint8Array): Reply {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const sequence = this.#sequence;
    const request = writeMessage({ type, flags: flags | NLM_F_REQUEST, sequence, body });
    const address = Number(this.#libc.addressOf(request));
    if (this.#libc.write(this.#descriptor, address, request.length) < 0) return failure(this.#libc.errno(), []);
    try {
      return this.#answer(sequence, (flags & (NLM_F_ACK | NLM_F_DUMP)) === 0);
    } catch (error) {
      if (error instanceof EdgemuxError && error.code === 'ERR_OUT_OF_BOUNDS') return failure(EBADMSG, []);
      throw error;
    }
  }

  /** Reads until the answer is complete, past whatever is left of earlier ones. */
  #answer(sequence: number, isOne: boolean): Reply {
    const messages: Message[] = [];
    for (;;) {
      const datagram = this.#receiveSoon();
      if (typeof datagram === 'number') return failure(datagram, messages);
      // Copied: the next piece of a dump comes into the same buffer.
      for (const message of readMessages(datagram.slice())) {
        if (message.sequence !== sequence) continue;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const { errno, text } = readAcknowledgement(message);
          // That something has changed may be said of the end alone.
          if (message.type === NLMSG_DONE && errno === 0) messages.push(message);
          return errno === 0 ? { errno, text: '', messages } : failure(errno, messages, text);
        }
        messages.push(message);
        if (isOne) return { errno: 0, text: '', messages };
      }
    }
  }

  /** A datagram that is there already, as the kernel answers before `write` returns; should one not, it has a second. */
  #receiveSoon(): Uint8Array | number {
    const datagram = this.receive();
    if (datagram !== EAGAIN) return datagram;
    const fds = new ByteWriter(8).u32le(this.#descriptor).u16le(POLLIN).u16le(0).toBytes();
    return this.#libc.poll(fds, 1, ANSWER_TIMEOUT_MS) > 0 ? this.receive() : ETIMEDOUT;
  }

  /**
   * The next datagram from the kernel, as a view that holds until the next call; or why there is none: EAGAIN when all have
   * been read, ENOBUFS when some are lost because they came faster than they were read, EBADMSG for one that is too long.
   */
  receive(): Uint8Array | number {
    for (;;) {
      new DataView(this.#fromBytes.buffer).setUint32(0, ADDRESS_BYTES, true);
      const flags = MSG_DONTWAIT | MSG_TRUNC;
      const [buffer, from, fromBytes] = [this.#bufferAddress, this.#from, this.#fromBytes];
      const byteCount = this.#libc.recvfrom(this.#descriptor, buffer, BUFFER_BYTES, flags, from, fromBytes);
      if (byteCount < 0) {
        const errno = this.#libc.errno();
        if (errno === EINTR) continue;
        return errno;
      }
      // Other programs may write to us too, if they are privileged; only the kernel is believed.
      const sender = new ByteReader(this.#from.subarray(PORT_OFFSET)).u32le();
      if (sender !== 0) continue;
      return byteCount > BUFFER_BYTES ? EBADMSG : this.#buffer.subarray(0, byteCount);
    }
  }

  /** Closes it; what is asked later fails. */
  close(): void {
    if (this.#descriptor < 0) return;
    this.#libc.close(this.#descriptor);
    this.#descriptor = -1;
  }
}

function failure(errno: number, messages: readonly Message[], text?: string): Reply {
  const isForbidden = errno === EPERM || errno === EACCES;
  return { errno, text: isForbidden ? 'not permitted: it takes CAP_NET_ADMIN' : (text ?? errnoText(errno)), messages };
}

/** Opens a socket for as long as `use` runs. */
export function withNetlink<T>(use: (netlink: NetlinkSocket) => T): T {
  const netlink = new NetlinkSocket();
  try {
    return use(netlink);
  } finally {
    netlink.close();
  }
}
