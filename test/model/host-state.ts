/**
 * What a host agent knows while it looks at a packet: its program, and what it remembers of earlier packets.
 */

import type { HostProgram, Nic, SnatRule, Translation } from '../../sdk/program/types.js';
import { idleTicksOf } from './clock.js';
import { Datagrams } from './datagrams.js';
import { type FlowEnd, type NatFlow, NatFlows } from './nat-flow.js';

export class HostState {
  program: HostProgram;
  readonly flows = new NatFlows();
  readonly datagrams = new Datagrams();

  constructor(program: HostProgram) {
    this.program = program;
  }

  /**
   * What is remembered lasts as long as its NIC: it holds all that the way back needs. An outbound connection lasts as
   * long as its port is leased to its DIP: somebody else may have it next.
   */
  change(next: HostProgram): void {
    this.program = next;
    const nicOf = (key: string): Nic | undefined => next.nics.find((nic) => nic.key === key);
    this.flows.keepOnly((flow) => {
      const nic = nicOf(flow.nic);
      return nic !== undefined && (!flow.isOutbound || this.#isLeased(nic, flow));
    });
    this.datagrams.keepOnly((key) => nicOf(key) !== undefined);
  }

  #isLeased(nic: Nic, { local, outside }: NatFlow): boolean {
    return this.snatRulesOf(nic).some(
      ({ dip, vip, ranges }) =>
        dip === local.address &&
        vip === outside.address &&
        ranges.some(({ firstPort, portCount }) => outside.port >= firstPort && outside.port < firstPort + portCount),
    );
  }

  nicOf(macAddress: string): Nic | undefined {
    return this.program.nics.find((nic) => nic.macAddress === macAddress);
  }

  translationsOf(nic: Nic): Translation[] {
    return this.program.translations.filter((translation) => this.program.nics[translation.nic] === nic);
  }

  /** In the order of the program. */
  snatRulesOf(nic: Nic): SnatRule[] {
    return (this.program.snatRules ?? []).filter((rule) => this.program.nics[rule.nic] === nic);
  }

  /** The live flow of a NIC that has a leased port towards this remote end. */
  leaseOf(nic: Nic, protocol: number, remote: FlowEnd, outside: FlowEnd, tick: number): NatFlow | undefined {
    const flow = this.flows.ofLease(protocol, remote, outside, tick);
    return flow?.nic === nic.key ? flow : undefined;
  }

  /** The DIP behind an instance-level public IP. */
  instanceDip(nic: Nic, vip: string): string | undefined {
    return this.translationsOf(nic).find((entry) => entry.isInstanceAddress && entry.vip === vip)?.dip;
  }

  /** The instance-level public IP of a DIP. */
  instanceVip(nic: Nic, dip: string): string | undefined {
    return this.translationsOf(nic).find((entry) => entry.isInstanceAddress && entry.dip === dip)?.vip;
  }
}

/** What flows take from the rule they belong to. */
export function lifeOf(rule: Translation | SnatRule): { idleTicks: number; tcpReset: boolean } {
  return { idleTicks: idleTicksOf(rule.idleTimeoutMs), tcpReset: rule.tcpReset ?? false };
}

/** UDP-Lite and DCCP: their checksum covers addresses, and nobody here mends it. */
export function isUnmended(protocol: number): boolean {
  return protocol === 136 || protocol === 33;
}

/** An end of a packet without ports. */
export function portless(address: string): FlowEnd {
  return { address, port: 0 };
}
