/** Options and help that the live roles have in common. */
import { type Command, InvalidArgumentError } from 'commander';
import { EdgemuxError } from '../../errors.js';
import { parsePortSpec, portName } from '../../runtime/node/ports/port-spec.js';
import type { PortSpec } from '../../runtime/node/ports/types.js';
import { DENO_PERMISSIONS } from '../deno-permissions.js';
import { UsageError, wholeNumber } from '../output.js';

/** Options of every live role. */
export interface LiveOptions {
  readonly port: readonly PortSpec[];
  /** Seconds. */
  readonly drain: number;
  /** Seconds. */
  readonly stats: number;
  readonly json?: boolean;
}

const DRAIN_SECONDS_DEFAULT = 1;
const STATS_SECONDS_DEFAULT = 10;
const SECONDS_MAX = 86_400;

/** Adds them. */
export function withLiveOptions(command: Command): Command {
  return command
    .requiredOption('--port <port>', 'packet port on the provider network, KIND:TARGET; may be given again', collected)
    .option(
      '--drain <seconds>',
      'how long packets go on after a signal to end',
      wholeNumber(0, SECONDS_MAX),
      DRAIN_SECONDS_DEFAULT,
    )
    .option(
      '--stats <seconds>',
      'tell statistics that often; 0 never',
      wholeNumber(0, SECONDS_MAX),
      STATS_SECONDS_DEFAULT,
    )
    .option('--json', 'print a line of JSON for each event: { time, event, … }; so it is where there is no terminal');
}

/** How ports are written, for the help of a command. */
export const PORTS_HELP = `
Ports:
  xdp:IFACE[,mode=native|generic][,zerocopy=yes|no][,queues=0-3]   AF_XDP, the fastest; Linux 5.11, CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON
  packet:IFACE                                                     AF_PACKET; Linux 6.6, CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF
  tun:DEVICE[,mtu=N], tap:DEVICE[,mtu=N]                           a device that is made here, and goes with the process; CAP_NET_ADMIN
  udp[,port=4789]                                                  a plain UDP socket for tunnels: no capability
  pcap:FILE[,out=FILE]                                             a capture, played once

Frames for others stay with the kernel: BGP, ARP, SSH go on by the same interface. All ports are xdp, or none is.
Nothing is left of it when it ends, by whatever signal.`;

/** What Deno permits and knows, for the help of a command. */
export const DENO_HELP = `
Under Deno: deno run ${DENO_PERMISSIONS.join(' ')} npm:edgemux …; --allow-net is for BGP alone.
There is no BFD with routers then, and MD5 and TTL security only where the router opens the connection.`;

function collected(text: string, before: readonly PortSpec[] = []): PortSpec[] {
  return [...before, portOf(text)];
}

/** A port as an argument. */
export function portOf(text: string): PortSpec {
  try {
    return parsePortSpec(text);
  } catch (error) {
    if (error instanceof EdgemuxError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** Ports have their names by their interfaces: each may be there once. */
export function checkNames(specs: readonly PortSpec[]): void {
  const names = specs.map(portName);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new UsageError(`${twice} is there twice`);
}
