/** What machines must know of each other so that connections between VMs leave the MUXes out. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { type Machine, type Topology, tunnelsBetween } from '../topology/index.js';
import { nextHopOf } from './next-hop.js';
import { compareText } from './order.js';
import type { FastpathPeer, HostFastpath } from './types.js';

const KEY_BYTES = 16;
const KEY_PURPOSE = utf8ToBytes('edgemux redirect');

/** The key of redirects: the first 16 bytes of the SHA-256 of a purpose and the flow hash key, as 32 hexadecimal digits. */
export function redirectKeyOf(flowHashKey: string): string {
  return bytesToHex(sha256(concatBytes(KEY_PURPOSE, hexToBytes(flowHashKey))).subarray(0, KEY_BYTES));
}

/** Whom a host believes, and whom it sends to. */
export function hostFastpathOf(host: Machine, topology: Topology, flowHashKey: string): HostFastpath {
  const muxes = [...topology.muxes.values()].flatMap(({ ends }) => ends.map(({ address }) => address));
  const peers = [...topology.hosts.values()].filter(({ id }) => id !== host.id).flatMap((peer) => peersOf(host, peer));
  return {
    key: redirectKeyOf(flowHashKey),
    muxes: muxes.sort(compareText),
    peers: peers.sort((a, b) => compareText(a.providerAddress, b.providerAddress)),
  };
}

/** A MUX chooses which address of the other host it names: every one in reach will do. */
function peersOf(host: Machine, peer: Machine): FastpathPeer[] {
  return tunnelsBetween(host, peer).map((tunnel) => ({
    providerAddress: tunnel.to.address,
    nextHopMacAddress: nextHopOf(host, peer, tunnel),
  }));
}
