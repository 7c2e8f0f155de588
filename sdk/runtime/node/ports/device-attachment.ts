/**
 * TUN and TAP devices of ours. They are there as long as the process has them open, so nothing is left of them, nor of
 * their settings, when it is gone, however it went. Source: Linux, Documentation/networking/tuntap.rst.
 *
 * | device | is for | frames |
 * |---|---|---|
 * | `tun:` | a MUX: the kernel routes packets to VIPs into it, and tunnels out of it | bare |
 * | `tap:` | a VM, or whatever else has the other end | Ethernet |
 * | `emx-pass0` | a host agent: packets that pass go on as if they had arrived by it | bare |
 */
import type { PortSide } from '../../packet-port.js';
import { errnoText } from '../error-text.js';
import { readKernelFile, writeKernelFile } from '../kernel-files.js';
import { type Libc, libcFor } from '../libc.js';
import {
  driverOf,
  findInterface,
  interfaceRequest,
  requireMtu,
  setMtu,
  setPointToPointAddress,
  setQueueLength,
  setUp,
} from './interface.js';
import { EBUSY, ENOENT, kernelRefused, PACKET_PORTS, portError } from './port-error.js';
import { portName } from './port-spec.js';
import type { AttachOptions, DevicePlan, PortAttachment, PortSpec } from './types.js';

const DEVICE_PATH = '/dev/net/tun';
const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;

const IFF_TUN = 0x1;
const IFF_TAP = 0x2;
const IFF_MULTI_QUEUE = 0x100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
/** The device must not be there yet. */
const IFF_TUN_EXCL = 0x8000;

/** What we take unfinished: checksums, TCP of both families (with ECN), and since Linux 6.2 UDP. */
const TUN_F_CSUM_TSO = 0x01 | 0x02 | 0x04 | 0x08;
const TUN_F_USO = 0x20 | 0x40;

const IFREQ_FLAGS_OFFSET = 16;
const MTU_BYTES_DEFAULT = 1500;
/** Frames the device keeps for us; the 500 of the kernel are full within 3 ms. */
const QUEUE_LENGTH = 4096;

/**
 * The IPv4 dummy address (RFC 7600): it identifies nobody and is never routed. The kernel refuses what comes by a device
 * without any address, when it looks at sources at all.
 */
const DUMMY_ADDRESS = Uint8Array.of(192, 0, 0, 8);

interface DeviceOptions {
  readonly port: string;
  readonly kind: 'tun' | 'tap';
  /** With `%d` for a number the kernel chooses. */
  readonly device: string;
  readonly side: PortSide;
  readonly queueCount: number;
  readonly mtuBytes: number;
  readonly isWriteOnly: boolean;
  readonly settings: Readonly<Record<string, number>>;
}

/**
 * What the kernel makes of packets that come by a TUN device. Their sources are behind other interfaces, if anywhere: where `all`
 * asks for a check, 2 makes it the loose one, as the larger of both counts. No address of IPv6 is made up, and no router asked for;
 * the kernel still tells the device once of the groups it is in.
 */
const ROUTED: Readonly<Record<string, number>> = {
  'ipv4/rp_filter': 2,
  'ipv4/forwarding': 1,
  'ipv6/accept_ra': 0,
  'ipv6/addr_gen_mode': 1,
};

/** The same, and tunnels may have an address of this machine as their source, and replies a VIP that no route leads to. */
function routedFromHere(): Readonly<Record<string, number>> {
  const isChecked = readSetting('net/ipv4/conf/all/rp_filter') !== '0';
  return { ...ROUTED, 'ipv4/rp_filter': isChecked ? 2 : 0, 'ipv4/accept_local': 1 };
}

/**
 * Makes the device of a `tun:` or `tap:` port, sets it up, and opens its queues.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function attachDevice(
  spec: PortSpec,
  { side, queueCount, providerAddresses, mtuBytesMin }: AttachOptions,
): PortAttachment {
  const port = portName(spec);
  if (side === 'vm' && spec.kind === 'tun') throw portError(port, `VMs have Ethernet: tap:${spec.target}`);
  if (side === 'vm' && queueCount > 1) throw portError(port, 'a VM is served by one queue');
  const kind = spec.kind === 'tap' ? 'tap' : 'tun';
  const mtuBytes = Number(spec.options.mtu ?? Math.max(MTU_BYTES_DEFAULT, mtuBytesMin));
  requireMtu(port, mtuBytes, mtuBytesMin);
  const settings = kind === 'tun' ? routedFromHere() : {};
  const isWriteOnly = false;
  const attachment = makeDevice({ port, kind, device: spec.target, side, queueCount, mtuBytes, isWriteOnly, settings });
  return kind === 'tap'
    ? attachment
    : { ...attachment, notes: [...attachment.notes, ...forwardingNotes(providerAddresses)] };
}

/**
 * Makes the device by which packets that pass a host agent go on to the kernel: only to write to.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function openPassDevice(): PortAttachment {
  return makeDevice({
    port: 'pass',
    kind: 'tun',
    device: 'emx-pass%d',
    side: 'underlay',
    queueCount: 1,
    mtuBytes: MTU_BYTES_DEFAULT,
    isWriteOnly: true,
    settings: ROUTED,
  });
}

function makeDevice(options: DeviceOptions): PortAttachment {
  const { port, kind, side, queueCount, mtuBytes, isWriteOnly } = options;
  const libc = libcFor(PACKET_PORTS);
  const hasVirtioHeader = !isWriteOnly;
  const descriptors: number[] = [];
  const close = () => {
    for (const descriptor of descriptors.splice(0)) libc.close(descriptor);
  };
  try {
    const flags =
      (kind === 'tun' ? IFF_TUN : IFF_TAP) |
      IFF_NO_PI |
      (hasVirtioHeader ? IFF_VNET_HDR : 0) |
      (queueCount > 1 ? IFF_MULTI_QUEUE : 0);
    let device = options.device;
    for (let queue = 0; queue < queueCount; queue++) {
      const opened = openQueue(libc, port, device, queue === 0 ? flags | IFF_TUN_EXCL : flags);
      descriptors.push(opened.descriptor);
      device = opened.device;
    }
    if (hasVirtioHeader) takeUnfinished(libc, descriptors[0]!);
    const notes = applySettings(device, options.settings);
    if (kind === 'tun') setPointToPointAddress(port, device, DUMMY_ADDRESS);
    setMtu(port, device, mtuBytes);
    setQueueLength(port, device, QUEUE_LENGTH);
    setUp(port, device);
    const found = findInterface(device);
    if (found === undefined) throw portError(port, `${device} has gone`);
    const { isUp: _, ...portInterface } = found;
    const plans = descriptors.map(
      (descriptor): DevicePlan => ({
        kind,
        name: port,
        side,
        interface: portInterface,
        descriptor,
        hasVirtioHeader,
        isWriteOnly,
      }),
    );
    // Whatever the kernel sends by a device of ours is for us.
    return { name: port, interface: portInterface, plans, notes, select: () => {}, close };
  } catch (error) {
    close();
    throw error;
  }
}

function openQueue(libc: Libc, port: string, device: string, flags: number): { descriptor: number; device: string } {
  const descriptor = libc.open(DEVICE_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) {
    const errno = libc.errno();
    if (errno === ENOENT) throw portError(port, `there is no ${DEVICE_PATH}: modprobe tun`);
    throw kernelRefused(port, `${DEVICE_PATH} cannot be opened`, errno, `CAP_NET_ADMIN and access to ${DEVICE_PATH}`);
  }
  const request = interfaceRequest(device);
  new Uint16Array(request.buffer, IFREQ_FLAGS_OFFSET, 1)[0] = flags;
  if (libc.ioctl(descriptor, TUNSETIFF, request) >= 0) return { descriptor, device: nameIn(request) };
  const errno = libc.errno();
  libc.close(descriptor);
  if (errno === EBUSY) throw portError(port, whyBusy(libc, device, flags));
  throw kernelRefused(port, `${device} cannot be made`, errno, 'CAP_NET_ADMIN');
}

/** There is an interface of that name. Whoever may be behind it, it is not ours to take. */
function whyBusy(libc: Libc, device: string, flags: number): string {
  if (driverOf(device) !== 'tun') return `there is another interface ${device}: choose another name`;
  const descriptor = libc.open(DEVICE_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  const request = interfaceRequest(device);
  new Uint16Array(request.buffer, IFREQ_FLAGS_OFFSET, 1)[0] = flags & ~(IFF_TUN_EXCL | IFF_MULTI_QUEUE);
  const isFree = libc.ioctl(descriptor, TUNSETIFF, request) >= 0;
  libc.close(descriptor);
  return isFree ? `there is ${device} already, and nobody uses it: ip link del ${device}` : 'taken by another process';
}

function nameIn(request: Uint8Array): string {
  return new TextDecoder().decode(request.subarray(0, request.indexOf(0)));
}

function takeUnfinished(libc: Libc, descriptor: number): void {
  if (libc.ioctlNumber(descriptor, TUNSETOFFLOAD, TUN_F_CSUM_TSO | TUN_F_USO) >= 0) return;
  // Without either, the kernel finishes what it gives us.
  libc.ioctlNumber(descriptor, TUNSETOFFLOAD, TUN_F_CSUM_TSO);
}

/** Writes kernel parameters of a device; returns what could not be, as warnings. */
function applySettings(device: string, settings: Readonly<Record<string, number>>): string[] {
  return Object.entries(settings).flatMap(([setting, value]) => {
    const [family = '', name = ''] = setting.split('/');
    const errno = writeKernelFile(`/proc/sys/net/${family}/conf/${device}/${name}`, String(value));
    // A machine without IPv6 has nothing to set.
    if (errno === 0 || errno === ENOENT) return [];
    return [`net.${family}.conf.${device}.${name} cannot be set to ${value}: ${errnoText(errno)}`];
  });
}

/** What reaches a TUN device is what the kernel forwards, and that is not our setting. */
function forwardingNotes(providerAddresses: readonly string[]): string[] {
  const settings = ['net.ipv4.ip_forward'];
  if (providerAddresses.some((address) => address.includes(':'))) settings.push('net.ipv6.conf.all.forwarding');
  return settings.flatMap((setting) =>
    readSetting(setting.replaceAll('.', '/')) === '0' ? [`the kernel forwards nothing: sysctl -w ${setting}=1`] : [],
  );
}

/** A kernel parameter; `undefined` when it cannot be read. */
function readSetting(path: string): string | undefined {
  return readKernelFile(`/proc/sys/${path}`)?.trim();
}
