/** BFD on the wire, as Wireshark reads it. */
import { fieldsOf } from './peers.js';

/** A packet, and when. */
export interface CapturedPacket {
  readonly atMs: number;
  readonly from: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly hopLimit: number;
  readonly dscp: number;
  /** 0 AdminDown, 1 Down, 2 Init, 3 Up. */
  readonly state: number;
  readonly diagnostic: number;
  readonly isPoll: boolean;
  readonly isFinal: boolean;
}

const FIELDS = [
  'frame.time_epoch',
  'ip.src',
  'ipv6.src',
  'udp.srcport',
  'udp.dstport',
  'ip.ttl',
  'ipv6.hlim',
  'ip.dsfield.dscp',
  'ipv6.tclass.dscp',
  'bfd.sta',
  'bfd.diag',
  'bfd.flags.p',
  'bfd.flags.f',
];

/** The BFD packets of a capture file, oldest first. */
export function readBfd(capture: string): CapturedPacket[] {
  return fieldsOf(capture, FIELDS).map(
    ([
      time,
      from4,
      from6,
      sourcePort,
      destinationPort,
      ttl,
      hopLimit,
      dscp4,
      dscp6,
      state,
      diagnostic,
      poll,
      final,
    ]) => ({
      atMs: Number(time) * 1000,
      from: from4 || from6 || '',
      sourcePort: Number(sourcePort),
      destinationPort: Number(destinationPort),
      hopLimit: Number(ttl || hopLimit),
      dscp: Number(dscp4 || dscp6),
      state: Number(state),
      diagnostic: Number(diagnostic),
      isPoll: isSet(poll),
      isFinal: isSet(final),
    }),
  );
}

/**
 * How long it took one side to find that the other has failed, ms: from the last packet of that side to the first which
 * says "control detection time expired" after it; `undefined` when none does.
 */
export function detectionTimeMs(
  packets: readonly CapturedPacket[],
  found: { readonly by: string; readonly failed: string; readonly sinceMs: number },
): number | undefined {
  const says = packets.find(
    ({ atMs, from, state, diagnostic }) => atMs > found.sinceMs && from === found.by && state === 1 && diagnostic === 1,
  );
  const heard = packets.findLast(({ atMs, from }) => from === found.failed && says !== undefined && atMs < says.atMs);
  return says && heard && says.atMs - heard.atMs;
}

function isSet(field: string | undefined): boolean {
  return field === '1' || field === 'True';
}
