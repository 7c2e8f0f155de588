/**
 * What the kernel says of a network interface, in the network namespace of the calling thread. By ioctl, as /sys shows
 * the interfaces of the namespace it was mounted in.
 *
 *   struct ifreq        | name 16, zero at the end | what the request is about: index, flags, MTU, address … 24 |
 *   struct ethtool_channels  | command 4 | maxima of receive, transmit, other, combined 4 each |
 *                            | counts of receive, transmit, other, combined 4 each |
 *   struct ethtool_drvinfo   | command 4 | driver 32, zero at the end | … |
 */
import type { PortInterface } from '../../packet-port.js';
import { readKernelFile } from '../kernel-files.js';
import { type Libc, libcFor } from '../libc.js';
import { AF_INET } from '../socket-address.js';
import { ENODEV, kernelRefused, PACKET_PORTS, portError } from './port-error.js';

/** An interface, and whether it is set up. */
export interface KernelInterface extends PortInterface {
  readonly isUp: boolean;
}

const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;

const IFREQ_BYTES = 40;
const IFREQ_VALUE_OFFSET = 16;
const ADDRESS_OFFSET = IFREQ_VALUE_OFFSET + 2;

const SIOCGIFNAME = 0x8910;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFADDR = 0x8916;
const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const SIOCSIFTXQLEN = 0x8943;
const SIOCETHTOOL = 0x8946;

const IFF_UP = 1;
const ARPHRD_ETHER = 1;

const ETHTOOL_GDRVINFO = 0x03;
const ETHTOOL_DRVINFO_BYTES = 196;
const DRVINFO_DRIVER_OFFSET = 4;

const ETHTOOL_GCHANNELS = 0x3c;
const ETHTOOL_CHANNELS_BYTES = 36;
const CHANNELS_RECEIVE_INDEX = 5;
const CHANNELS_TRANSMIT_INDEX = 6;
const CHANNELS_COMBINED_INDEX = 8;

/** The interface of that name; `undefined` when there is none. */
export function findInterface(name: string): KernelInterface | undefined {
  return withRequests((requests) => {
    const index = requests.number(SIOCGIFINDEX, name);
    const flags = requests.number(SIOCGIFFLAGS, name);
    const mtuBytes = requests.number(SIOCGIFMTU, name);
    if (index === undefined || flags === undefined || mtuBytes === undefined) return undefined;
    return { name, index, macAddress: requests.macAddress(name), mtuBytes, isUp: (flags & IFF_UP) !== 0 };
  });
}

/**
 * Whether an interface is still in this network namespace, whatever its name is by now. No socket says so for sure: what is
 * bound to an interface that is deleted hears no more than when it is set down.
 */
export function isInterfaceThere(index: number): boolean {
  return withRequests((requests) => requests.hasIndex(index));
}

/**
 * The interface a port is to be opened on: there, up, and with room for `mtuBytesMin` bytes of IP.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function requireInterface(port: string, name: string, mtuBytesMin: number): PortInterface {
  const found = findInterface(name);
  if (found === undefined) {
    throw portError(port, `there is no interface ${name} (there are ${interfaceNames().join(', ')})`);
  }
  const { isUp, ...portInterface } = found;
  if (!isUp) throw portError(port, `${name} is down: ip link set ${name} up`);
  requireMtu(port, found.mtuBytes, mtuBytesMin);
  return portInterface;
}

/**
 * Refuses an MTU that tunnels do not fit.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function requireMtu(port: string, mtuBytes: number, mtuBytesMin: number): void {
  if (mtuBytes >= mtuBytesMin) return;
  throw portError(port, `MTU ${mtuBytes} is too small: tunnels of the fabric take ${mtuBytesMin} bytes`);
}

/** Names of all interfaces, in the order of the kernel. */
export function interfaceNames(): string[] {
  const lines = (readKernelFile('/proc/thread-self/net/dev') ?? '').split('\n').slice(2);
  return lines.flatMap((line) => (line.includes(':') ? [line.slice(0, line.lastIndexOf(':')).trim()] : []));
}

/** How many queues of each direction an interface has. */
export interface QueueCounts {
  readonly receive: number;
  readonly transmit: number;
}

/** The queues of an interface; `undefined` when its driver does not say, as most do not that have one. */
export function queueCounts(name: string): QueueCounts | undefined {
  return withRequests((requests) => requests.queueCounts(name));
}

/** How many receive queues an interface has; 1 when its driver does not say. */
export function receiveQueueCount(name: string): number {
  return queueCounts(name)?.receive ?? 1;
}

/** What drives an interface: `veth`, `tun`, `ixgbe`; `undefined` when nobody says. */
export function driverOf(name: string): string | undefined {
  return withRequests((requests) => requests.driver(name));
}

/**
 * Gives an interface of ours an MTU.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function setMtu(port: string, name: string, mtuBytes: number): void {
  const value = new Int32Array([mtuBytes]);
  withRequests((requests) => requests.set(port, `MTU ${mtuBytes} is refused`, SIOCSIFMTU, name, value));
}

/**
 * Says how many frames an interface of ours may keep before they are taken from it.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function setQueueLength(port: string, name: string, frameCount: number): void {
  const value = new Int32Array([frameCount]);
  withRequests((requests) => requests.set(port, 'its queue cannot be made longer', SIOCSIFTXQLEN, name, value));
}

/**
 * Gives an interface of ours, which must be point-to-point, an IPv4 address with a mask of 32 bits.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function setPointToPointAddress(port: string, name: string, address: Uint8Array): void {
  const value = new Uint8Array([0, 0, 0, 0, ...address]);
  new Uint16Array(value.buffer, 0, 1)[0] = AF_INET;
  withRequests((requests) => requests.set(port, 'its address is refused', SIOCSIFADDR, name, value));
}

/**
 * Sets an interface of ours up.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function setUp(port: string, name: string): void {
  withRequests((requests) => {
    const flags = (requests.number(SIOCGIFFLAGS, name) ?? 0) | IFF_UP;
    requests.set(port, 'it cannot be set up', SIOCSIFFLAGS, name, new Int16Array([flags]));
  });
}

/** A `struct ifreq` about an interface, for ioctls of other kinds of descriptor too. */
export function interfaceRequest(name: string): Uint8Array {
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(new TextEncoder().encode(name).subarray(0, IFREQ_VALUE_OFFSET - 1));
  return request;
}

/** Any socket takes requests about interfaces; this one takes nothing else. */
function withRequests<T>(use: (requests: InterfaceRequests) => T): T {
  const libc = libcFor(PACKET_PORTS);
  const descriptor = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw kernelRefused('interfaces', 'no socket', libc.errno(), 'a socket');
  try {
    return use(new InterfaceRequests(libc, descriptor));
  } finally {
    libc.close(descriptor);
  }
}

class InterfaceRequests {
  readonly #libc: Libc;
  readonly #descriptor: number;

  constructor(libc: Libc, descriptor: number) {
    this.#libc = libc;
    this.#descriptor = descriptor;
  }

  /** The value of a request that is answered by an `int` (or less); `undefined` when there is no such interface. */
  number(request: number, name: string): number | undefined {
    const answer = this.#ask(request, name);
    return answer && new DataView(answer.buffer).getInt32(IFREQ_VALUE_OFFSET, IS_LITTLE_ENDIAN);
  }

  hasIndex(index: number): boolean {
    const request = new Uint8Array(IFREQ_BYTES);
    new Int32Array(request.buffer, IFREQ_VALUE_OFFSET, 1)[0] = index;
    return this.#libc.ioctl(this.#descriptor, SIOCGIFNAME, request) >= 0 || this.#libc.errno() !== ENODEV;
  }

  macAddress(name: string): string | undefined {
    const answer = this.#ask(SIOCGIFHWADDR, name);
    if (answer === undefined) return undefined;
    if (new Uint16Array(answer.buffer, IFREQ_VALUE_OFFSET, 1)[0] !== ARPHRD_ETHER) return undefined;
    const bytes = answer.subarray(ADDRESS_OFFSET, ADDRESS_OFFSET + 6);
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
  }

  driver(name: string): string | undefined {
    const info = this.#askDriver(name, ETHTOOL_GDRVINFO, ETHTOOL_DRVINFO_BYTES);
    if (info === undefined) return undefined;
    const driver = new Uint8Array(info.buffer, DRVINFO_DRIVER_OFFSET);
    return new TextDecoder().decode(driver.subarray(0, driver.indexOf(0)));
  }

  queueCounts(name: string): QueueCounts | undefined {
    const channels = this.#askDriver(name, ETHTOOL_GCHANNELS, ETHTOOL_CHANNELS_BYTES);
    if (channels === undefined) return undefined;
    const combined = channels[CHANNELS_COMBINED_INDEX]!;
    const receive = channels[CHANNELS_RECEIVE_INDEX]! + combined;
    return receive === 0 ? undefined : { receive, transmit: channels[CHANNELS_TRANSMIT_INDEX]! + combined };
  }

  set(port: string, what: string, request: number, name: string, value: Int16Array | Int32Array | Uint8Array): void {
    const argument = interfaceRequest(name);
    argument.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), IFREQ_VALUE_OFFSET);
    if (this.#libc.ioctl(this.#descriptor, request, argument) >= 0) return;
    const errno = this.#libc.errno();
    if (errno === ENODEV) throw portError(port, `${name} has gone`);
    throw kernelRefused(port, what, errno, 'CAP_NET_ADMIN');
  }

  #ask(request: number, name: string): Uint8Array<ArrayBuffer> | undefined {
    const answer = interfaceRequest(name) as Uint8Array<ArrayBuffer>;
    return this.#libc.ioctl(this.#descriptor, request, answer) < 0 ? undefined : answer;
  }

  /** A command of ethtool; the answer is in the words of its structure. */
  #askDriver(name: string, command: number, byteCount: number): Uint32Array | undefined {
    const answer = new Uint32Array(byteCount / 4);
    answer[0] = command;
    const request = interfaceRequest(name);
    new BigUint64Array(request.buffer, IFREQ_VALUE_OFFSET, 1)[0] = this.#libc.addressOf(new Uint8Array(answer.buffer));
    return this.#libc.ioctl(this.#descriptor, SIOCETHTOOL, request) < 0 ? undefined : answer;
  }
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
