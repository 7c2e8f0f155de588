/**
 * The port `xdp:`: a program at an interface hands what is selected to AF_XDP sockets, one per receive queue; everything else
 * goes on to the kernel.
 *
 *   interface ─► program ─┬─ selected, and its queue is served ─► socket of the queue ─► data plane
 *                         └─ anything else ────────────────────► kernel
 *
 * Program, maps and sockets go with their descriptors, however this process ends. Nothing of the interface is set; but a
 * native program on one end of a virtual link (veth) has the kernel turn the segmentation offloads of the other end off (TSO,
 * USO, SCTP; seen on Linux 6.18) and back on when it goes. So no frame larger than the MTU arrives there, whoever sends it,
 * while checksums do arrive unfinished. A generic program changes nothing: such frames arrive whole, fit no chunk, and are
 * lost.
 */
import type { FrameSelection, PortInterface } from '../../packet-port.js';
import { BpfRefusal, ERRNO, forPort } from '../bpf/call.js';
import { BpfMap } from '../bpf/map.js';
import { Selector } from '../bpf/selector.js';
import { queueCounts, requireInterface } from './interface.js';
import { portError } from './port-error.js';
import { portName, queuesOf } from './port-spec.js';
import type { AttachOptions, PortAttachment, PortSpec, XdpPlan } from './types.js';
import { xdpMtuBytesMax } from './xdp-port.js';
import { XdpSocket } from './xdp-socket.js';

const CHUNK_BYTES_MAX = 4096;

/** The map has at least so many places: drivers that do not say how many queues they have may have some. */
const SOCKET_COUNT_MIN = 64;

/**
 * Attaches to an interface. There is one plan per receive queue that is served, in their order; when there are fewer threads
 * than plans, a thread opens several.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function attachXdp(spec: PortSpec, { side, queueCount, mtuBytesMin }: AttachOptions): PortAttachment {
  const name = portName(spec);
  const portInterface = requireInterface(name, spec.target, mtuBytesMin);
  requireFitting(name, portInterface);
  const notes: string[] = [];
  const queues = queuesToServe(name, spec, notes);
  if (queues.length < queueCount) {
    const has = queues.length === 1 ? '1 queue is' : `${queues.length} queues are`;
    throw portError(name, `${has} served, and ${queueCount} data plane threads each take one`);
  }
  // Whether there may be sockets at all is better known now than on another thread.
  new XdpSocket(name).close();
  const selector = new Selector(name);
  try {
    const sockets = forPort(name, 'AF_XDP', () => {
      const entryCountMax = Math.max(SOCKET_COUNT_MIN, queues.at(-1)! + 1);
      return new BpfMap({ type: 'xskSockets', name: 'emx_sockets', keyBytes: 4, valueBytes: 4, entryCountMax });
    });
    selector.keep(sockets);
    const isGeneric = attachProgram(name, spec, portInterface, selector, sockets, notes);
    const isZeroCopy = spec.options.zerocopy === undefined ? undefined : spec.options.zerocopy === 'yes';
    if (isGeneric && isZeroCopy) throw portError(name, 'zero-copy takes native XDP, and this is generic');
    const plans = queues.map(
      (queue): XdpPlan => ({
        kind: 'xdp',
        name,
        side,
        interface: portInterface,
        queue,
        socketMap: sockets.descriptor,
        isGeneric,
        isZeroCopy,
      }),
    );
    const select = (selection: FrameSelection) => selector.select(selection);
    return { name, interface: portInterface, plans, notes, select, close: () => selector.close() };
  } catch (error) {
    selector.close();
    throw error;
  }
}

function requireFitting(port: string, { name, macAddress, mtuBytes }: PortInterface): void {
  if (macAddress === undefined) throw portError(port, `${name} is no Ethernet interface`);
  const mtuBytesMax = xdpMtuBytesMax(CHUNK_BYTES_MAX);
  if (mtuBytes <= mtuBytesMax) return;
  throw portError(port, `MTU ${mtuBytes} is too large: AF_XDP takes ${mtuBytesMax} bytes here, and packet:${name} any`);
}

/** The receive queues that are asked for, or all; none that could not answer. */
function queuesToServe(port: string, spec: PortSpec, notes: string[]): readonly number[] {
  const asked = queuesOf(spec);
  const counts = queueCounts(spec.target);
  if (counts === undefined) return asked ?? [0];
  const usableCount = Math.min(counts.receive, counts.transmit);
  const missing = asked?.find((queue) => queue >= usableCount);
  if (missing !== undefined) {
    const has = `${counts.receive} receive and ${counts.transmit} transmit queues`;
    throw portError(port, `${spec.target} has no queue ${missing} of both directions: it has ${has}`);
  }
  const queues = asked ?? Array.from({ length: usableCount }, (_, queue) => queue);
  if (queues.length < counts.receive) {
    const served = `${queues.length} of ${counts.receive} receive queues are served`;
    notes.push(`${port}: ${served}: what arrives by the others stays with the kernel`);
  }
  return queues;
}

const GENERIC = 'generic is slower, and loses frames larger than the MTU, which virtual links carry';

/** Attaches natively, or else generically; says whether it is generic. */
function attachProgram(
  port: string,
  spec: PortSpec,
  { index }: PortInterface,
  selector: Selector,
  sockets: BpfMap,
  notes: string[],
): boolean {
  const program = selector.xdpProgram(sockets.descriptor);
  const { mode } = spec.options;
  if (mode !== 'generic') {
    try {
      program.attach(index, 'native');
      return false;
    } catch (error) {
      const isAboutDriver = error instanceof BpfRefusal && !NOT_ABOUT_DRIVER.has(error.errno);
      if (!isAboutDriver || mode === 'native') throw attachError(port, spec.target, error);
      notes.push(`${port}: no native XDP (${driverReason(error)}): ${GENERIC}`);
    }
  }
  try {
    program.attach(index, 'generic');
  } catch (error) {
    throw attachError(port, spec.target, error);
  }
  return true;
}

/** With these, generic XDP would be refused too. */
const NOT_ABOUT_DRIVER: ReadonlySet<number> = new Set([ERRNO.EPERM, ERRNO.EBUSY, ERRNO.EEXIST, ERRNO.ENODEV]);

/** Why a driver refuses, where the number alone does not tell. */
const DRIVER_REASONS: Readonly<Record<number, string>> = {
  [ERRNO.EOPNOTSUPP]: 'its driver has none',
  [ERRNO.ERANGE]: 'its MTU, or that of its other end, is too large',
  [ERRNO.ENOSPC]: 'it has too few queues',
};

function driverReason({ errno, message }: BpfRefusal): string {
  return DRIVER_REASONS[errno] ?? message;
}

function attachError(port: string, target: string, error: unknown): unknown {
  if (!(error instanceof BpfRefusal)) return error;
  const { errno } = error;
  if (errno === ERRNO.EBUSY || errno === ERRNO.EEXIST) {
    return portError(port, `another XDP program is on ${target}: ip -d link show ${target}`);
  }
  if (errno === ERRNO.EPERM) return portError(port, 'not permitted: it takes CAP_NET_ADMIN');
  if (errno === ERRNO.ENODEV) return portError(port, `${target} has gone`);
  return portError(port, `no XDP on ${target}: ${driverReason(error)}`);
}
