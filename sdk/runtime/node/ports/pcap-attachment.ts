/** The port `pcap:`: frames of a capture come in as fast as they are taken, and what is sent is written to another one. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { LINKTYPE_ETHERNET, LINKTYPE_IPV4, LINKTYPE_IPV6, LINKTYPE_RAW } from '../../../packet/link-type.js';
import {
  PCAP_FILE_HEADER_BYTES,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_NANOSECONDS,
  PCAP_VERSION_MAJOR,
} from '../../../packet/pcap.js';
import type { PortLink } from '../../packet-port.js';
import { errorText } from '../error-text.js';
import { portError } from './port-error.js';
import { portName } from './port-spec.js';
import type { AttachOptions, PcapPlan, PortAttachment, PortSpec } from './types.js';

/** pcapng, and what else begins otherwise than pcap, read big-endian. */
const PCAPNG_MAGIC = 0x0a0d0d0a;

const LINKS: Readonly<Record<number, PortLink>> = {
  [LINKTYPE_ETHERNET]: 'ethernet',
  [LINKTYPE_RAW]: 'bare',
  [LINKTYPE_IPV4]: 'bare',
  [LINKTYPE_IPV6]: 'bare',
};

/** What the header of a capture says. */
export interface CaptureHeader {
  readonly isLittleEndian: boolean;
  readonly link: PortLink;
}

/**
 * Sees that the capture can be read and the other one be written.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function attachPcap(spec: PortSpec, { side, queueCount }: AttachOptions): PortAttachment {
  const name = portName(spec);
  if (queueCount > 1) throw portError(name, 'a capture is read by one queue');
  const inputPath = spec.target === '' ? undefined : spec.target;
  const outputPath = spec.options.out;
  if (inputPath !== undefined) closeSync(openCapture(name, inputPath).descriptor);
  if (outputPath !== undefined) {
    if (inputPath !== undefined && isSameFile(inputPath, outputPath)) {
      throw portError(name, `${outputPath} is the capture that is read: write to another one`);
    }
    closeSync(openFile(name, outputPath, 'w'));
  }
  const plan: PcapPlan = { kind: 'pcap', name, side, interface: undefined, inputPath, outputPath };
  return { name, interface: undefined, plans: [plan], notes: [], select: () => {}, close: () => {} };
}

/**
 * Opens a capture behind its header.
 *
 * @throws EdgemuxError `ERR_PORT` when it cannot be read, or is none that a port can take
 */
export function openCapture(port: string, path: string): CaptureHeader & { readonly descriptor: number } {
  const descriptor = openFile(port, path, 'r');
  try {
    return { ...readHeader(port, path, descriptor), descriptor };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * Opens a file.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function openFile(port: string, path: string, flags: 'r' | 'w'): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && flags === 'r') throw portError(port, `there is no file ${path}`);
    throw portError(port, `${path} cannot be ${flags === 'r' ? 'read' : 'written'}: ${fileErrorText(error as Error)}`);
  }
}

/** The text of an error of a file: `permission denied`, or what the system says of it without path and call. */
function fileErrorText(error: Error): string {
  return errorText(error).replace(/^[A-Z]+: |, \w+( '.*')?$/g, '');
}

function readHeader(port: string, path: string, descriptor: number): CaptureHeader {
  if (!statSync(path).isFile()) throw portError(port, `${path} is no file`);
  const view = new DataView(new ArrayBuffer(PCAP_FILE_HEADER_BYTES));
  const byteCount = readSync(descriptor, view, 0, PCAP_FILE_HEADER_BYTES, 0);
  if (byteCount >= 4 && view.getUint32(0) === PCAPNG_MAGIC) {
    throw portError(port, `${path} is pcapng: editcap -F pcap ${path} in.pcap`);
  }
  const isLittleEndian = isMagic(view.getUint32(0, true));
  if (byteCount < PCAP_FILE_HEADER_BYTES || !(isLittleEndian || isMagic(view.getUint32(0)))) {
    throw portError(port, `${path} is no pcap`);
  }
  const version = view.getUint16(4, isLittleEndian);
  if (version !== PCAP_VERSION_MAJOR) throw portError(port, `${path} is pcap of version ${version}`);
  const linkType = view.getUint32(20, isLittleEndian) & 0xffff;
  const link = LINKS[linkType];
  if (link === undefined) throw portError(port, `${path} has link type ${linkType}, neither Ethernet nor raw IP`);
  return { isLittleEndian, link };
}

function isMagic(magic: number): boolean {
  return magic === PCAP_MAGIC_MICROSECONDS || magic === PCAP_MAGIC_NANOSECONDS;
}

function isSameFile(path: string, other: string): boolean {
  const a = statSync(path);
  const b = statSync(other, { throwIfNoEntry: false });
  return b !== undefined && a.dev === b.dev && a.ino === b.ino;
}
