/** A socket made by hand, for the options that have to be set before anything can arrive on it. */
import { Buffer } from 'node:buffer';
import { EdgemuxError } from '../../errors.js';
import { errnoText } from './error-text.js';
import { type HopLimitRule, hopLimitFilter } from './hop-limit-filter.js';
import { type Libc, libcFor } from './libc.js';
import { AF_INET, AF_INET6, socketAddress } from './socket-address.js';

const SOCK_TYPE = { tcp: 1, udp: 2 };
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_ATTACH_FILTER = 26;

const IPPROTO_TCP = 6;
const TCP_MD5SIG = 14;

const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** The options of a family that mean the same: TTL or hop limit of what is sent, the lowest TCP takes, and the DSCP. */
const IP_OPTIONS = {
  4: { level: 0, send: 2 /* IP_TTL */, receiveMin: 21 /* IP_MINTTL */, trafficClass: 1 /* IP_TOS */ },
  6: {
    level: IPPROTO_IPV6,
    send: 16 /* IPV6_UNICAST_HOPS */,
    receiveMin: 73 /* IPV6_MINHOPCOUNT */,
    trafficClass: 67 /* IPV6_TCLASS */,
  },
};

/** CS6, network control (RFC 4594 section 3.1), as a traffic class: routers send BGP and BFD with it too. */
const TRAFFIC_CLASS = 0xc0;

/** `struct tcp_md5sig`: | sockaddr_storage 128 | flags 1 | prefix length 1 | key bytes 2 | interface 4 | key 80 |. */
const MD5SIG_BYTES = 216;
const MD5SIG_KEY_BYTES_OFFSET = 130;
const MD5SIG_KEY_OFFSET = 136;
const MD5_KEY_BYTES_MAX = MD5SIG_BYTES - MD5SIG_KEY_OFFSET;

const ENOPROTOOPT = 92;

/** Which socket, and `what` the caller cannot do without one: the subject of a sentence in the plural. */
export interface KernelSocketOptions {
  readonly kind: 'tcp' | 'udp';
  readonly family: 4 | 6;
  readonly what: string;
}

/**
 * Makes a socket and gives it to `use`, which sets its options and hands its descriptor on as the last thing it does.
 * When `use` throws, the socket is closed.
 *
 * @throws EdgemuxError `ERR_UNSUPPORTED` where the platform lacks what is asked for; `ERR_SOCKET` when the kernel
 *   refuses for another reason, with that reason as the message; and what `use` throws
 */
export function withKernelSocket<T>(options: KernelSocketOptions, use: (socket: KernelSocket) => T): T {
  const { kind, family, what } = options;
  const libc = libcFor(what);
  const type = SOCK_TYPE[kind] | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const descriptor = libc.socket(family === 4 ? AF_INET : AF_INET6, type, 0);
  if (descriptor < 0) throw new EdgemuxError('ERR_SOCKET', errnoText(libc.errno()));
  try {
    const socket = new KernelSocket(libc, descriptor, options);
    socket.markAsNetworkControl();
    return use(socket);
  } catch (error) {
    libc.close(descriptor);
    throw error;
  }
}

/** What can be set on a socket that is being made; every method throws as `withKernelSocket` says. */
export class KernelSocket {
  readonly descriptor: number;
  readonly #libc: Libc;
  readonly #kind: 'tcp' | 'udp';
  readonly #family: 4 | 6;
  readonly #what: string;

  constructor(libc: Libc, descriptor: number, { kind, family, what }: KernelSocketOptions) {
    this.descriptor = descriptor;
    this.#libc = libc;
    this.#kind = kind;
    this.#family = family;
    this.#what = what;
  }

  /** Signs what is sent to `peer`, and drops what comes from it without the right signature (RFC 2385). */
  signTo(peer: string, key: string): void {
    const keyBytes = Buffer.from(key, 'utf8');
    // To the kernel, an empty key means none at all.
    if (keyBytes.length === 0 || keyBytes.length > MD5_KEY_BYTES_MAX) {
      throw new EdgemuxError(
        'ERR_UNSUPPORTED',
        `a TCP MD5 key has 1..${MD5_KEY_BYTES_MAX} bytes, not ${keyBytes.length}`,
      );
    }
    const signature = Buffer.alloc(MD5SIG_BYTES);
    signature.set(socketAddress(peer, 0));
    new Uint16Array(signature.buffer, signature.byteOffset + MD5SIG_KEY_BYTES_OFFSET, 1)[0] = keyBytes.length;
    signature.set(keyBytes, MD5SIG_KEY_OFFSET);
    this.#set(IPPROTO_TCP, TCP_MD5SIG, signature);
  }

  /** Has queues along the way prefer what is sent: a session must outlive the overload it is to steer around. */
  markAsNetworkControl(): void {
    const { level, trafficClass } = IP_OPTIONS[this.#family];
    this.#setNumber(level, trafficClass, TRAFFIC_CLASS);
  }

  /** TTL or hop limit of what is sent. */
  sendHopLimit(hopLimit: number): void {
    this.#setNumber(IP_OPTIONS[this.#family].level, IP_OPTIONS[this.#family].send, hopLimit);
  }

  /** Lets TCP drop what arrives with less; the kernel counts it as `TcpExtTCPMinTTLDrop`. */
  receiveHopLimitMin(hopLimitMin: number): void {
    this.#setNumber(IP_OPTIONS[this.#family].level, IP_OPTIONS[this.#family].receiveMin, hopLimitMin);
  }

  /** Drops what breaks a rule, on this socket and on those accepted from it. */
  filterHopLimits(rules: readonly HopLimitRule[]): void {
    const filter = hopLimitFilter(this.#family, rules);
    // struct sock_fprog: | instruction count 2 | 6 of nothing | where they are 8 |
    const program = new BigUint64Array([BigInt(filter.length / 8), this.#libc.addressOf(filter)]);
    this.#set(SOL_SOCKET, SO_ATTACH_FILTER, new Uint8Array(program.buffer));
  }

  /** Binds to an address of this machine; `::` is the IPv6 half alone, so that it can stand beside `0.0.0.0`. */
  bind(address: string, port: number): void {
    // For TCP this passes over connections that are ending; for UDP it would let others bind the same port.
    if (this.#kind === 'tcp') this.#setNumber(SOL_SOCKET, SO_REUSEADDR, 1);
    if (this.#family === 6) this.#setNumber(IPPROTO_IPV6, IPV6_V6ONLY, 1);
    const bytes = socketAddress(address, port);
    if (this.#libc.bind(this.descriptor, bytes, bytes.length) < 0) this.#refuse();
  }

  #setNumber(level: number, option: number, value: number): void {
    this.#set(level, option, new Uint8Array(new Int32Array([value]).buffer));
  }

  #set(level: number, option: number, value: Uint8Array): void {
    if (this.#libc.setsockopt(this.descriptor, level, option, value, value.length) < 0) this.#refuse();
  }

  #refuse(): never {
    const errno = this.#libc.errno();
    if (errno !== ENOPROTOOPT) throw new EdgemuxError('ERR_SOCKET', errnoText(errno));
    throw new EdgemuxError('ERR_UNSUPPORTED', `this kernel is built without ${this.#what}`);
  }
}
