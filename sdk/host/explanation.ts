/** Why a host agent does with a packet what it does. */
import type { DropReason, Verdict } from '../dataplane/reasons.js';
import type { Encapsulation } from '../program/types.js';
import { explanationText } from './explanation-text.js';

/**
 * How it was decided what becomes of a packet.
 *
 * | how | way | |
 * |---|---|---|
 * | `translation` | in | a rule takes it |
 * | `returned` | in | it comes back for a connection from a leased port |
 * | `answer` | out | it answers a connection to a VIP |
 * | `outbound` | out | it is of a connection from a leased port, or opens one |
 * | `instance-address` | both | of an instance-level public IP: only the address changes |
 * | `fragment` | both | the first fragment of the datagram went there |
 * | `icmp-error` | both | it is about a connection, or about a packet of an instance-level public IP |
 * | `redirect` | in | a MUX says where the other VM of a connection lives |
 */
export type HostDecision =
  | 'translation'
  | 'returned'
  | 'answer'
  | 'outbound'
  | 'instance-address'
  | 'fragment'
  | 'icmp-error'
  | 'redirect';

/** The tunnel a packet came in. */
export interface TunnelFields {
  readonly encapsulation: Encapsulation;
  readonly vni: number;
  /** The provider address it came from: a MUX's. */
  readonly source: string;
}

/** The tunnel to the host of the other VM. */
export interface StraightTunnel {
  readonly encapsulation: Encapsulation;
  readonly vni: number;
  /** Of that host. */
  readonly providerAddress: string;
}

/** What the host agent knows about one packet. Fields that were not reached are `undefined`. */
export interface HostExplanationFields {
  readonly verdict: Verdict;
  readonly reason: DropReason | undefined;
  /** From the underlay to a VM, or out of a VM. */
  readonly direction: 'in' | 'out';
  readonly tunnel: TunnelFields | undefined;
  /** Key of the VM's NIC. */
  readonly nic: string | undefined;
  /** `tcp`, `udp`, `gre`, `esp`, `icmp`, `icmpv6`, or the number: `132`. */
  readonly protocol: string | undefined;
  /** `192.0.2.7:40000`, `[2001:db8::7]:40000`; without the port where there is none. */
  readonly source: string | undefined;
  readonly destination: string | undefined;
  readonly decision: HostDecision | undefined;
  /** Canonical reference of the rule; `undefined` also for a connection whose rule is gone. */
  readonly rule: string | undefined;
  /** What takes the place of the source; `undefined` when it stays. */
  readonly newSource: string | undefined;
  /** What takes the place of the destination. */
  readonly newDestination: string | undefined;
  /** The VM's end in the packet an ICMP error quotes, as the side sees it that the error goes to. */
  readonly quoted: string | undefined;
  /** Whether the connection is in the table, or began at another host. */
  readonly connection: 'known' | 'new' | 'elsewhere' | undefined;
  /** Milliseconds since the last packet of a known connection, in steps of 1,024. */
  readonly idleMs: number | undefined;
  /** Fastpath: the tunnel a packet leaves in, past gateway and MUX. */
  readonly straightTo: StraightTunnel | undefined;
  /** The VM talks to its own VIP. */
  readonly isHairpin: boolean;
}

/** An explanation: its fields, and one line of text that says the same (`text`, also what console.log shows). */
export class HostExplanation {
  readonly fields: HostExplanationFields;
  readonly text: string;

  constructor(fields: HostExplanationFields) {
    this.fields = fields;
    this.text = explanationText(fields);
  }

  toString(): string {
    return this.text;
  }

  toJSON(): object {
    return { ...this.fields, text: this.text };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.text;
  }
}
