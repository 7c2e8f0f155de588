/** A decision in the words of the program: which rule it was, and what the ends of the packet become. */
import * as abi from '../../assembly/abi.js';
import { protocolName } from '../dataplane/protocol-name.js';
import { reasonName, verdictName } from '../dataplane/reasons.js';
import { hostText } from '../net/address.js';
import { ANY_PORT, ANY_PROTOCOL, type HostProgram, PROTOCOL_TCP, PROTOCOL_UDP } from '../program/types.js';
import type { Decision, End } from './decision.js';
import { type HostDecision, HostExplanation } from './explanation.js';

const TICK_MS = 1024;
const PROTOCOLS_OF_PINGS: readonly number[] = [1, 58];

/** What the agent knows beside the decision; no program before the first one. */
export interface HostExplaining {
  nicKeyOf(index: number): string | undefined;
  readonly program: HostProgram | undefined;
}

/** Explains a decision. */
export function explanationOf(decision: Decision, explaining: HostExplaining): HostExplanation {
  const { protocol, vni, outerSource, isKnown, nicIndex } = decision;
  const { program } = explaining;
  const nic = nicIndex === undefined ? undefined : explaining.nicKeyOf(nicIndex);
  const encapsulation = program?.encapsulation ?? 'vxlan';
  const [ours, theirs] = newEnds(decision);
  return new HostExplanation({
    verdict: verdictName(decision.verdict),
    reason: reasonName(decision.reason),
    direction: decision.isFromVm ? 'out' : 'in',
    tunnel: vni === undefined || outerSource === undefined ? undefined : { encapsulation, vni, source: outerSource },
    nic,
    protocol: protocol === undefined ? undefined : protocolName(protocol),
    source: endText(decision.source),
    destination: endText(decision.destination),
    decision: DECISIONS[decision.action]?.(decision),
    rule: program && nic !== undefined ? ruleOf(decision, program, nic) : undefined,
    newSource: decision.isFromVm ? ours : theirs,
    newDestination: decision.isFromVm ? theirs : ours,
    quoted: isError(decision) ? ownEndText(decision, decision.quotedProtocol) : undefined,
    connection: isKnown ? 'known' : begins(decision) ? 'new' : isUnheard(decision) ? 'elsewhere' : undefined,
    idleMs: isKnown ? decision.idleTicks * TICK_MS : undefined,
    straightTo: decision.straightTo && { encapsulation, ...decision.straightTo },
    isHairpin: decision.isHairpin,
  });
}

const DECISIONS: Readonly<Record<number, (decision: Decision) => HostDecision>> = {
  [abi.ACTION_TRANSLATE]: () => 'translation',
  [abi.ACTION_RETURN]: () => 'returned',
  [abi.ACTION_READDRESS_IN]: ({ hasRule }) => (hasRule ? 'instance-address' : 'fragment'),
  [abi.ACTION_ERROR_IN]: () => 'icmp-error',
  [abi.ACTION_FLOW]: ({ isOutbound }) => (isOutbound ? 'outbound' : 'answer'),
  [abi.ACTION_LEASE]: () => 'outbound',
  [abi.ACTION_READDRESS_OUT]: ({ hasLocalAddress }) => (hasLocalAddress ? 'instance-address' : 'fragment'),
  [abi.ACTION_ERROR_OUT]: () => 'icmp-error',
  [abi.ACTION_REDIRECT]: () => 'redirect',
  [abi.ACTION_ANSWER]: () => 'answer',
};

function isError({ action }: Decision): boolean {
  return action === abi.ACTION_ERROR_IN || action === abi.ACTION_ERROR_OUT;
}

function isReaddressed({ action }: Decision): boolean {
  return action === abi.ACTION_READDRESS_IN || action === abi.ACTION_READDRESS_OUT;
}

/** Whether the packet begins a connection; without a rule no leased port was free. */
function begins({ action, hasRule }: Decision): boolean {
  return action === abi.ACTION_TRANSLATE || (action === abi.ACTION_LEASE && hasRule);
}

/** Whether the packet is of a connection that began at another host. */
function isUnheard({ action }: Decision): boolean {
  return action === abi.ACTION_ANSWER;
}

/** What our end and the other one become; `undefined` for one that stays. */
function newEnds(decision: Decision): [ours: string | undefined, theirs: string | undefined] {
  const { address, peer, protocol, source, destination, isFromVm, isHairpin } = decision;
  if (address === undefined) return [undefined, undefined];
  const [own, other] = isFromVm ? [source, destination] : [destination, source];
  const isPeerNew = peer !== undefined && (isHairpin || isReaddressed(decision));
  const theirs = isPeerNew ? endText({ address: peer, port: other?.port }) : undefined;
  // The header of an error has no port: those it is about are in its quote.
  if (isError(decision)) return [address, theirs];
  return [isReaddressed(decision) ? endText({ address, port: own?.port }) : ownEndText(decision, protocol), theirs];
}

/** Our end with the port that was decided, or the identifier of a ping. */
function ownEndText({ address, port }: Decision, protocol: number | undefined): string | undefined {
  if (address === undefined || protocol === undefined) return address;
  if (protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP) return endText({ address, port });
  return PROTOCOLS_OF_PINGS.includes(protocol) ? `${address} identifier ${port}` : address;
}

function endText(end: End | undefined): string | undefined {
  return end?.port === undefined ? end?.address : `${hostText(end.address)}:${end.port}`;
}

/** The rule in force that a decision comes from; `undefined` for a connection whose rule is gone. */
function ruleOf(decision: Decision, program: HostProgram, nic: string): string | undefined {
  const { action, address, source, destination, isFromVm, isOutbound } = decision;
  const isFragment = DECISIONS[action]?.(decision) === 'fragment';
  if (address === undefined || source === undefined || destination === undefined || isFragment) return undefined;
  const protocol = isError(decision) ? decision.quotedProtocol : decision.protocol;
  const [vip, dip] = isFromVm ? [address, source.address] : [destination.address, address];
  const portIn = isError(decision) ? decision.quotedSourcePort : destination.port;
  const port = isFromVm ? decision.port : portIn;
  const isOfNic = (each: { readonly nic: number; readonly vip: string }) =>
    program.nics[each.nic].key === nic && each.vip === vip;
  if (isOutbound || action === abi.ACTION_RETURN) {
    return program.snatRules?.find(
      (rule) =>
        isOfNic(rule) &&
        rule.dip === dip &&
        (port === undefined ||
          rule.ranges.some(({ firstPort, portCount }) => port >= firstPort && port < firstPort + portCount)),
    )?.rule;
  }
  const translations = program.translations.filter(isOfNic);
  const exact = translations.find((each) => each.protocol === protocol && each.port === (port ?? ANY_PORT));
  const any = translations.find((each) => each.protocol === protocol && each.port === ANY_PORT);
  return (exact ?? any ?? translations.find((each) => each.protocol === ANY_PROTOCOL))?.rule;
}
