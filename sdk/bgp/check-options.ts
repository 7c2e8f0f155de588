/** Whether a speaker can be made of its options: every range, and what does not fit together. */
import { canonicalIp, parseIp } from '../net/address.js';
import type { PeerOptions, SpeakerOptions } from './options.js';
import { ProblemList } from './problem-list.js';

const AS_MAX = 0xffff_ffff;
const PORT_MAX = 0xffff;
/** RFC 2385 sets no limit; TCP_MD5SIG_MAXKEYLEN of Linux does. */
const MD5_KEY_BYTES_MAX = 80;
/** Twelve bits, RFC 4724 section 3. */
const RESTART_TIME_SECONDS_MAX = 4095;
const FAMILIES: readonly unknown[] = ['ipv4', 'ipv6'];

/**
 * Checks the options of a speaker. A key is never part of an error.
 *
 * @throws EdgemuxError `ERR_SPEAKER_INVALID` with every problem: `peers[1].holdTimeSeconds: expected 0 or 3..65535, got 2`
 * @example
 * ```ts
 * checkSpeakerOptions({ as: 64512, routerId: '10.0.0.4', addresses: {}, peers: [{ address: '10.0.0.1', as: 64513 }] });
 * ```
 */
export function checkSpeakerOptions(options: SpeakerOptions): void {
  const problems = new ProblemList();
  problems.checkInteger('as', options.as, 1, AS_MAX);
  checkRouterId(problems, options.routerId);
  checkAddresses(problems, options.addresses);
  if (options.port !== undefined) problems.checkInteger('port', options.port, 0, PORT_MAX);
  problems.checkOptionalBoolean('listens', options.listens);
  checkGracefulRestart(problems, options.gracefulRestart);
  checkPeers(problems, options.peers, options);
  problems.throwIfAny('ERR_SPEAKER_INVALID', 'the options of the BGP speaker are invalid');
}

/**
 * Checks the peers of a speaker whose other options are known to be right.
 *
 * @param speaker what of those options the peers must fit
 * @throws EdgemuxError `ERR_SPEAKER_INVALID` with every problem
 * @example
 * ```ts
 * checkPeerOptions([{ address: '10.0.0.1', as: 64513, holdTimeSeconds: 3 }], { listens: true });
 * ```
 */
export function checkPeerOptions(peers: readonly PeerOptions[], speaker: Pick<SpeakerOptions, 'listens'>): void {
  const problems = new ProblemList();
  checkPeers(problems, peers, speaker);
  problems.throwIfAny('ERR_SPEAKER_INVALID', 'the peers of the BGP speaker are invalid');
}

// RFC 6286: any number but 0; it need not be an address of the speaker.
function checkRouterId(problems: ProblemList, routerId: unknown): void {
  if (typeof routerId === 'string' && isIpv4(routerId) && canonicalIp(routerId) !== '0.0.0.0') return;
  problems.add('routerId', 'an IPv4 address other than 0.0.0.0', routerId);
}

function checkAddresses(problems: ProblemList, addresses: SpeakerOptions['addresses']): void {
  if (typeof addresses !== 'object' || addresses === null) {
    problems.add('addresses', 'an object', addresses);
    return;
  }
  if (addresses.ipv4 !== undefined) problems.checkAddress('addresses.ipv4', addresses.ipv4, 4);
  if (addresses.ipv6 !== undefined) problems.checkAddress('addresses.ipv6', addresses.ipv6, 6);
}

function checkGracefulRestart(problems: ProblemList, restart: SpeakerOptions['gracefulRestart']): void {
  if (restart === undefined) return;
  const { restartTimeSeconds, isRestarting } = restart;
  problems.checkInteger('gracefulRestart.restartTimeSeconds', restartTimeSeconds, 1, RESTART_TIME_SECONDS_MAX);
  if (typeof isRestarting !== 'boolean') problems.add('gracefulRestart.isRestarting', 'true or false', isRestarting);
}

function checkPeers(
  problems: ProblemList,
  peers: readonly PeerOptions[],
  { listens = true }: Pick<SpeakerOptions, 'listens'>,
): void {
  if (!Array.isArray(peers)) {
    problems.add('peers', 'an array', peers);
    return;
  }
  const pathOf = new Map<string, string>();
  for (const [index, peer] of peers.entries()) {
    const path = `peers[${index}]`;
    if (!checkPeer(problems, path, peer)) continue;
    if (peer.isPassive === true && !listens) {
      problems.add(`${path}.isPassive`, 'false, as the speaker does not listen', true);
    }
    const address = canonicalIp(peer.address);
    const other = pathOf.get(address);
    if (other !== undefined) problems.add(`${path}.address`, `another address than ${other} has`, peer.address);
    pathOf.set(address, path);
  }
}

/** Returns whether the peer has an address. */
function checkPeer(problems: ProblemList, path: string, peer: PeerOptions): boolean {
  if (typeof peer !== 'object' || peer === null) {
    problems.add(path, 'an object', peer);
    return false;
  }
  const isAddressed = problems.checkPeerAddress(`${path}.address`, peer.address);
  if (peer.name !== undefined && typeof peer.name !== 'string') problems.add(`${path}.name`, 'text', peer.name);
  problems.checkInteger(`${path}.as`, peer.as, 1, AS_MAX);
  if (peer.port !== undefined) problems.checkInteger(`${path}.port`, peer.port, 1, PORT_MAX);
  if (peer.localAddress !== undefined) checkLocalAddress(problems, path, peer, isAddressed);
  if (peer.holdTimeSeconds !== undefined) {
    problems.checkInteger(`${path}.holdTimeSeconds`, peer.holdTimeSeconds, 3, 0xffff, 0);
  }
  if (peer.connectRetrySeconds !== undefined) {
    problems.checkInteger(`${path}.connectRetrySeconds`, peer.connectRetrySeconds, 1, 0xffff);
  }
  problems.checkOptionalBoolean(`${path}.isPassive`, peer.isPassive);
  checkFamilies(problems, `${path}.families`, peer.families);
  checkMd5Key(problems, `${path}.md5Key`, peer.md5Key);
  if (peer.ttlSecurityHops !== undefined) {
    problems.checkInteger(`${path}.ttlSecurityHops`, peer.ttlSecurityHops, 1, 254);
  }
  if (peer.bfd !== undefined && peer.localAddress === undefined) {
    problems.add(`${path}.localAddress`, 'an address, as BFD needs both ends', undefined);
  }
  const { intervalMs, multiplier } = peer.bfd ?? {};
  if (intervalMs !== undefined) problems.checkInteger(`${path}.bfd.intervalMs`, intervalMs, 10, 30_000);
  if (multiplier !== undefined) problems.checkInteger(`${path}.bfd.multiplier`, multiplier, 1, 255);
  return isAddressed;
}

function checkLocalAddress(problems: ProblemList, path: string, peer: PeerOptions, isPeerAddressed: boolean): void {
  const family = isPeerAddressed ? parseIp(peer.address).family : undefined;
  if (!problems.checkPeerAddress(`${path}.localAddress`, peer.localAddress, family) || !isPeerAddressed) return;
  if (canonicalIp(peer.localAddress) === canonicalIp(peer.address)) {
    problems.add(`${path}.localAddress`, 'another address than the peer has', peer.localAddress);
  }
}

function checkFamilies(problems: ProblemList, path: string, families: PeerOptions['families']): void {
  if (families === undefined) return;
  const isRight =
    Array.isArray(families) &&
    families.length > 0 &&
    families.every((family) => FAMILIES.includes(family)) &&
    new Set(families).size === families.length;
  if (!isRight) problems.add(path, '"ipv4", "ipv6" or both, each once', families);
}

function checkMd5Key(problems: ProblemList, path: string, key: unknown): void {
  if (key === undefined) return;
  const byteCount = typeof key === 'string' ? new TextEncoder().encode(key).length : undefined;
  if (byteCount !== undefined && byteCount >= 1 && byteCount <= MD5_KEY_BYTES_MAX) return;
  const expected = `text of 1..${MD5_KEY_BYTES_MAX} bytes as UTF-8`;
  problems.add(path, expected, byteCount === undefined ? typeof key : `${byteCount} bytes`);
}

function isIpv4(text: string): boolean {
  try {
    return parseIp(text).family === 4;
  } catch {
    return false;
  }
}
