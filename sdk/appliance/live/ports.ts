/** The packet ports of a role on its provider network: what may stand together, and what a data plane needs for them. */
import { CAPACITIES_DEFAULT, type Capacities } from '../../dataplane/index.js';
import { EdgemuxError } from '../../errors.js';
import type { Program } from '../../program/index.js';
import type { PortAttachment, PortSpec } from '../../runtime/node/ports/types.js';
import type { EventRecord } from '../service/events.js';
import type { LiveSystem } from './system.js';
import type { Undo } from './undo.js';

/** The least MTU tunnels make any sense with: that of a fabric that says none, too. */
const MTU_BYTES_MIN = 1350;

/** Chunks of AF_XDP are powers of two; in front of a frame are 256 bytes of room, and behind it may be a VLAN tag or two. */
const XDP_CHUNK_BYTES = [2048, 4096];
const XDP_OVERHEAD_BYTES = 256 + 14 + 8;
/** Of each port: what its rings have entries for. */
const XDP_CHUNK_SHARE = 1024;
/** Queues an interface of a VM may have. */
const XDP_VM_QUEUE_COUNT_MAX = 2;
/** Elsewhere a frame may have the 64 KiB of segmentation offload. Not a power of two: frames shall not share cache sets. */
const CHUNK_BYTES = 69_824;
/** Of each port, the fewer the more ports there are: memory that nobody touches costs nothing, but it is touched in time. */
const CHUNK_SHARE_MAX = 256;
const CHUNK_SHARE_MIN = 64;
const CHUNK_SHARES_TOGETHER = 2048;

/**
 * Refuses ports that cannot share a data plane: frames of AF_XDP lie in small chunks, those of the others may be large.
 *
 * @throws EdgemuxError `ERR_PORT`
 */
export function checkMixture(specs: readonly PortSpec[]): void {
  const ofXdp = specs.find(({ kind }) => kind === 'xdp');
  const other = specs.find(({ kind }) => kind !== 'xdp');
  if (ofXdp && other) {
    const message = `${ofXdp.text} and ${other.text} cannot share a data plane: all ports are xdp, or none is`;
    throw new EdgemuxError('ERR_PORT', message);
  }
}

/** The provider addresses of a program's machine. */
export function providerAddressesOf({ attachment }: Program): string[] {
  const { providerAddress, secondProviderAddress } = attachment;
  return secondProviderAddress === undefined ? [providerAddress] : [providerAddress, secondProviderAddress];
}

/** What of a new program these ports would obey only after a restart: sockets are bound to their addresses. */
export function needsRestart(specs: readonly PortSpec[], before: Program, next: Program): string[] {
  const isBound = specs.some(({ kind }) => kind === 'udp');
  const isSame = providerAddressesOf(before).join() === providerAddressesOf(next).join();
  return isBound && !isSame ? ['provider addresses'] : [];
}

/**
 * Attaches to the interfaces of the provider network, one after the other.
 *
 * @param undo closes what has been attached
 * @throws EdgemuxError `ERR_PORT`
 */
export async function attachUnderlay(
  system: LiveSystem,
  specs: readonly PortSpec[],
  program: Program,
  queueCount: number,
  undo: Undo,
): Promise<PortAttachment[]> {
  const attachments: PortAttachment[] = [];
  for (const spec of specs) {
    const attachment = await system.attachPort(spec, {
      side: 'underlay',
      queueCount,
      providerAddresses: providerAddressesOf(program),
      mtuBytesMin: program.attachment.mtuBytes ?? MTU_BYTES_MIN,
    });
    undo.add(() => attachment.close());
    attachments.push(attachment);
  }
  return attachments;
}

/**
 * The room one data plane of several needs for its ports.
 *
 * @param later ports that will be attached to when they are there, and may have several queues
 */
export function portCapacities(
  attached: readonly PortAttachment[],
  later: readonly PortSpec[],
  threadCount: number,
): Partial<Capacities> {
  const isXdp = [...later.map(({ kind }) => kind), ...attached.map(({ plans }) => plans[0].kind)].includes('xdp');
  const queueCount = (plans: readonly unknown[]) => Math.ceil(plans.length / threadCount);
  const portCountMax =
    attached.reduce((sum, { plans }) => sum + queueCount(plans), 0) +
    later.length * (isXdp ? XDP_VM_QUEUE_COUNT_MAX : 1);
  const wanted = Math.round(CHUNK_SHARES_TOGETHER / portCountMax);
  const share = isXdp ? XDP_CHUNK_SHARE : Math.max(CHUNK_SHARE_MIN, Math.min(CHUNK_SHARE_MAX, wanted));
  // A share to receive into and one to send from, and a batch on its way between them.
  const chunkCount = CAPACITIES_DEFAULT.batchFrameCountMax + 2 * portCountMax * share;
  return { portCountMax, chunkCount, chunkBytes: isXdp ? xdpChunkBytes(attached) : CHUNK_BYTES };
}

function xdpChunkBytes(attached: readonly PortAttachment[]): number {
  const mtuBytes = Math.max(...attached.map((attachment) => attachment.interface?.mtuBytes ?? 0));
  const [small, large] = XDP_CHUNK_BYTES;
  return mtuBytes + XDP_OVERHEAD_BYTES <= small ? small : large;
}

/** A program may grow this much before its data plane is too small for it. */
const GROWTH = 2;

/** Room for a program and for what may become of it: at least the defaults. */
export function roomFor(need: Partial<Capacities>): Partial<Capacities> {
  const names = Object.keys(need) as (keyof Capacities)[];
  const room = names.map((name) => [name, Math.max(GROWTH * (need[name] ?? 0), CAPACITIES_DEFAULT[name] ?? 0)]);
  return Object.fromEntries(room);
}

/** Tells that a port is open, and what whoever started this should know of it. */
export function tellOpen(attachment: PortAttachment, tell: (record: EventRecord) => void, more: object = {}): void {
  const { name, interface: ours, plans, notes } = attachment;
  tell({
    event: 'port',
    port: name,
    state: 'open',
    ...(ours && { interface: ours.name, macAddress: ours.macAddress, mtuBytes: ours.mtuBytes }),
    queues: plans.length,
    ...more,
  });
  const prefix = `${name}: `;
  for (const note of notes) {
    tell({ event: 'note', port: name, text: note.startsWith(prefix) ? note.slice(prefix.length) : note });
  }
}
