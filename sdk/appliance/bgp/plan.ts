/** What a speaker would do, for `--dry-run`: keys are left out, that there is one is not. */
import type { PeerOptions, Route } from '../../bgp/options.js';
import { print, printJson } from '../output.js';
import type { MuxSpeaker } from './speaker-of-mux.js';

/** Prints to whom a MUX would speak and what it would announce. */
export function printPlan({ mux, options, routes }: MuxSpeaker, asJson: boolean): void {
  const { peers, ...speaker } = options;
  if (asJson) {
    printJson({ mux, ...speaker, peers: peers.map(withoutKey), routes });
    return;
  }
  print(`${mux}: AS ${options.as}, BGP Identifier ${options.routerId}`);
  for (const peer of peers) print(`router ${peerText(peer)}`);
  for (const route of routes) print(`route ${routeText(route)}`);
}

function withoutKey({ md5Key, ...peer }: PeerOptions): object {
  return { ...peer, hasMd5Key: md5Key !== undefined };
}

function peerText(peer: PeerOptions): string {
  const { name, address, as, localAddress, port, holdTimeSeconds, isPassive, bfd, ttlSecurityHops, md5Key, families } =
    peer;
  return [
    `${name === undefined ? '' : `${name} `}${address}${port === undefined ? '' : ` port ${port}`}, AS ${as}`,
    ...(localAddress === undefined ? [] : [`from ${localAddress}`]),
    ...(families === undefined ? [] : [families.join(' and ')]),
    ...(holdTimeSeconds === undefined ? [] : [`hold time ${holdTimeSeconds} s`]),
    ...(isPassive ? ['waits for it'] : []),
    ...(bfd ? ['BFD'] : []),
    ...(ttlSecurityHops === undefined ? [] : [`TTL security ${ttlSecurityHops}`]),
    ...(md5Key === undefined ? [] : ['MD5']),
  ].join(', ');
}

function routeText({ prefix, med, communities = [], largeCommunities = [] }: Route): string {
  const carried = [...(med === undefined ? [] : [`MED ${med}`]), ...communities, ...largeCommunities];
  return carried.length === 0 ? prefix : `${prefix} ${carried.join(' ')}`;
}
