/** Under which VIPs and leased ports the VMs of a running host agent reach out, and what that was asked for. */
import * as abi from '../../assembly/abi.js';
import type { DataPlane } from '../dataplane/instance.js';
import type { HostProgram, SnatRule } from '../program/types.js';
import type { HostAddresses } from './host-addresses.js';
import type { NicIndexes } from './nic-indexes.js';
import { natIdleTicks } from './translation-table.js';

/** What the outbound connections of one DIP asked of one rule since the agent was loaded. */
export interface SnatDemand {
  /** Key of the NIC. */
  readonly nic: string;
  readonly dip: string;
  /** Canonical reference of the outbound rule. */
  readonly rule: string;
  readonly vip: string;
  /** Ports leased to the DIP now. */
  readonly portCount: number;
  /** Connections that were given one of them. */
  readonly allocated: number;
  /** Connections for which none was free towards their remote end; another rule may have had one. */
  readonly exhausted: number;
}

/** A rule as it lies in the table. */
interface Placed {
  readonly key: string;
  readonly nicKey: string;
  readonly rule: SnatRule;
  readonly at: number;
}

/** The SNAT rules and ranges, and the local addresses they belong to. */
export class SnatTable {
  readonly #dataPlane: DataPlane;
  readonly #nics: NicIndexes;
  readonly #addresses: HostAddresses;
  #placed: readonly Placed[] = [];
  /** The leases in force, to see whether any were withdrawn. */
  #leases = '';

  constructor(dataPlane: DataPlane, nics: NicIndexes, addresses: HostAddresses) {
    this.#dataPlane = dataPlane;
    this.#nics = nics;
    this.#addresses = addresses;
  }

  /** Brings the tables to a program, whose translations are there already; ends connections on ports it does not lease. */
  apply(program: HostProgram): void {
    const counted = new Map(this.#placed.map(({ key, at }) => [key, this.#readCounters(at)]));
    const { base } = this.#dataPlane.region(abi.REGION_SNAT_RULES);
    // Rules of one address side by side, in the order of the program: sorting is stable.
    const sorted = (program.snatRules ?? [])
      .map((rule) => ({ rule, nicKey: program.nics[rule.nic].key }))
      .sort((a, b) => compare(a.nicKey, b.nicKey) || compare(a.rule.dip, b.rule.dip));
    let rangeFirst = 0;
    this.#placed = sorted.map(({ rule, nicKey }, index) => {
      const at = base + index * abi.SNAT_RULE_BYTES;
      const key = JSON.stringify([nicKey, rule.dip, rule.vip, rule.protocol, rule.rule]);
      this.#writeRule(at, rule, rangeFirst, counted.get(key) ?? NOTHING_COUNTED);
      rangeFirst += rule.ranges.length;
      return { key, nicKey, rule, at };
    });
    this.#joinAddresses();
    this.#withdraw();
  }

  /** What was asked of every rule, in no particular order. */
  demand(): SnatDemand[] {
    return this.#placed.map(({ nicKey, rule, at }) => {
      const { allocated, exhausted } = this.#readCounters(at);
      return {
        nic: nicKey,
        dip: rule.dip,
        rule: rule.rule,
        vip: rule.vip,
        portCount: portCountOf(rule),
        allocated: Number(allocated),
        exhausted: Number(exhausted),
      };
    });
  }

  #writeRule(at: number, rule: SnatRule, rangeFirst: number, counted: Counted): void {
    const { view } = this.#dataPlane;
    view.setUint32(at + abi.SNAT_RULE_VIP, this.#addresses.of(rule.vip).word, true);
    view.setUint32(at + abi.SNAT_RULE_RANGE_FIRST, rangeFirst, true);
    view.setUint32(at + abi.SNAT_RULE_RANGE_COUNT, rule.ranges.length, true);
    view.setUint32(at + abi.SNAT_RULE_PORT_COUNT, portCountOf(rule), true);
    view.setUint16(at + abi.SNAT_RULE_IDLE_TICKS, natIdleTicks(rule.idleTimeoutMs), true);
    view.setUint8(at + abi.SNAT_RULE_PROTOCOL, rule.protocol);
    view.setUint8(at + abi.SNAT_RULE_FLAGS, rule.tcpReset ? abi.TRANSLATION_FLAG_TCP_RESET : 0);
    view.setBigUint64(at + abi.SNAT_RULE_ALLOCATED, counted.allocated, true);
    view.setBigUint64(at + abi.SNAT_RULE_EXHAUSTED, counted.exhausted, true);
    const ranges = this.#dataPlane.region(abi.REGION_SNAT_RANGES).base + rangeFirst * abi.SNAT_RANGE_BYTES;
    rule.ranges.forEach(({ firstPort, portCount }, index) => {
      view.setUint32(ranges + index * abi.SNAT_RANGE_BYTES, firstPort, true);
      view.setUint32(ranges + index * abi.SNAT_RANGE_BYTES + 4, portCount, true);
    });
  }

  /** Tells every local address where its rules begin. */
  #joinAddresses(): void {
    const spans = new Map<string, { readonly first: number; count: number }>();
    this.#placed.forEach(({ nicKey, rule }, index) => {
      const key = JSON.stringify([nicKey, rule.dip]);
      const span = spans.get(key);
      if (span) span.count++;
      else spans.set(key, { first: index, count: 1 });
    });
    for (const [key, { first, count }] of spans) {
      const [nicKey, dip] = JSON.parse(key) as [string, string];
      const { word, family } = this.#addresses.of(dip);
      this.#dataPlane.exports.localAddressRules(this.#nics.of(nicKey), word, family, first, count);
    }
  }

  #withdraw(): void {
    const leases = JSON.stringify(this.#placed.map(({ key, rule }) => [key, rule.ranges]));
    if (this.#leases !== '' && leases !== this.#leases) this.#dataPlane.exports.snatWithdraw();
    this.#leases = leases;
  }

  #readCounters(at: number): Counted {
    const { view } = this.#dataPlane;
    return {
      allocated: view.getBigUint64(at + abi.SNAT_RULE_ALLOCATED, true),
      exhausted: view.getBigUint64(at + abi.SNAT_RULE_EXHAUSTED, true),
    };
  }
}

interface Counted {
  readonly allocated: bigint;
  readonly exhausted: bigint;
}

const NOTHING_COUNTED: Counted = { allocated: 0n, exhausted: 0n };

function portCountOf(rule: SnatRule): number {
  return rule.ranges.reduce((sum, { portCount }) => sum + portCount, 0);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
