/**
 * What a program leaves to the place where it runs: MAC addresses and the MTU. The kernel of this machine knows them; what
 * the fabric says of MAC addresses is for machines where nobody can ask. Pure.
 */
import type { Attachment, Backend, FastpathPeer, HostProgram, MuxProgram, Program } from '../../program/index.js';
import type { NextHop, NextHops } from '../../runtime/next-hops.js';
import type { PortInterface } from '../../runtime/packet-port.js';

/** Where a program runs. */
export interface Place {
  /** The interface tunnels leave by; `undefined` where the kernel chooses it, packet by packet. */
  readonly interface: PortInterface | undefined;
  readonly nextHops: Pick<NextHops, 'of' | 'ofDefault'>;
}

/** The machines a program sends to: whose next hops matter. */
export function destinationsOf(program: Program): string[] {
  const others =
    program.kind === 'mux'
      ? program.backends.map(({ hostProviderAddress }) => hostProviderAddress)
      : (program.fastpath?.peers ?? []).map(({ providerAddress }) => providerAddress);
  return [...new Set(others)];
}

/**
 * Puts in what the kernel knows. The digest stays that of the policy.
 *
 * A next hop counts only where it is on the interface tunnels leave by: the MAC address of a machine on another link is
 * nobody's on this one.
 */
export function locate<P extends Program>(program: P, place: Place): P;
export function locate(program: Program, place: Place): Program {
  return program.kind === 'mux' ? locateMux(program, place) : locateHost(program, place);
}

function locateMux(program: MuxProgram, place: Place): MuxProgram {
  const nextHopOf = remembered(place);
  const located = (backend: Backend): Backend => {
    const nextHopMacAddress = nextHopOf(backend.hostProviderAddress);
    return nextHopMacAddress === undefined ? backend : { ...backend, nextHopMacAddress };
  };
  return { ...program, attachment: attachmentAt(program, place), backends: program.backends.map(located) };
}

function locateHost(program: HostProgram, place: Place): HostProgram {
  const nextHopOf = remembered(place);
  const located = (peer: FastpathPeer): FastpathPeer => {
    const nextHopMacAddress = nextHopOf(peer.providerAddress);
    return nextHopMacAddress === undefined ? peer : { ...peer, nextHopMacAddress };
  };
  const { fastpath } = program;
  return {
    ...program,
    attachment: attachmentAt(program, place),
    ...(fastpath && { fastpath: { ...fastpath, peers: fastpath.peers.map(located) } }),
  };
}

function attachmentAt(program: Program, place: Place): Attachment {
  const { attachment } = program;
  const mtuBytes = attachment.mtuBytes ?? mtuAt(program, place);
  return {
    ...attachment,
    macAddress: interfaceNow(program, place)?.macAddress ?? attachment.macAddress,
    gatewayMacAddress: gatewayMacAt(place) ?? attachment.gatewayMacAddress,
    ...(mtuBytes !== undefined && { mtuBytes }),
  };
}

/** Of either family: both default routes of a provider network lead to the same router. */
function gatewayMacAt(place: Place): string | undefined {
  return macOnLink(place.nextHops.ofDefault(4), place) ?? macOnLink(place.nextHops.ofDefault(6), place);
}

/** The interface tunnels leave by as it is now: its MTU and MAC address may have been changed since it was opened. */
function interfaceNow(program: Program, { interface: ours, nextHops }: Place): PortInterface | undefined {
  if (!ours) return undefined;
  const hops = [
    nextHops.ofDefault(4),
    nextHops.ofDefault(6),
    ...destinationsOf(program).map((one) => nextHops.of(one)),
  ];
  return hops.find((hop) => hop?.interface.index === ours.index)?.interface ?? ours;
}

/** The smallest MTU on the way out, as far as this machine can see. */
function mtuAt(program: Program, place: Place): number | undefined {
  if (place.interface) return interfaceNow(program, place)?.mtuBytes;
  const known = destinationsOf(program).flatMap((one) => place.nextHops.of(one)?.interface.mtuBytes ?? []);
  return known.length === 0 ? undefined : Math.min(...known);
}

function macOnLink(hop: NextHop | undefined, { interface: ours }: Place): string | undefined {
  return hop?.interface.index === ours?.index ? hop?.macAddress : undefined;
}

/** Thousands of backends are on a few hosts. */
function remembered(place: Place): (destination: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  return (destination) => {
    if (!known.has(destination)) known.set(destination, macOnLink(place.nextHops.of(destination), place));
    return known.get(destination);
  };
}
