/** The demonstration: one request hop by hop, then thousands of connections that live through a loss and a move. */

import { EdgemuxError } from '../../errors.js';
import { changedFields, describe, type FieldChange, type Layer, layers } from '../../packet/index.js';
import { compile, type Service } from '../../program/index.js';
import type { Fabric } from '../../resources/index.js';
import { Connection, type Target } from './client.js';
import { Links } from './links.js';
import { SimulatedFabric } from './simulated-fabric.js';

/** One hop of the narrated walk. */
export interface WalkHop {
  readonly from: string;
  readonly to: string;
  readonly action: string;
  /** The frame in one line. */
  readonly frame: string;
  /** Header fields that are not what they were one hop earlier; empty for the first hop of either direction. */
  readonly changed: readonly FieldChange[];
}

/** What one event did to the connections. */
export interface EventReport {
  /** What happened, to whom. */
  readonly event: string;
  /** Connections whose first packet after the event was lost, and that were answered when they sent it again. */
  readonly delayed: number;
  /** Connections that were reset, or never answered again. */
  readonly broken: number;
}

/** Everything the demonstration has to show. */
export interface DemoReport {
  readonly walk: readonly WalkHop[];
  readonly connections: number;
  readonly muxLoss: EventReport;
  readonly vmMove: EventReport;
  /** Captures by link, when they were asked for. */
  readonly captures: ReadonlyMap<string, readonly Uint8Array[]>;
}

/** How much of a demonstration it is to be. */
export interface DemoOptions {
  /** Connections to open; default 3,000. */
  readonly connections?: number;
  /** Keep what crosses every link. */
  readonly capture?: boolean;
  /** Called while the connections are at work. */
  readonly onStage?: (stage: string) => void;
}

/** BGP hold time of the simulated router, RFC 4271 section 4.2: how long it believes in a MUX that is silent. */
export const HOLD_TIME_MS = 9000;
/** When a client sends again what was not answered: RFC 6298, one second, doubled each time. */
const RETRANSMIT_AFTER_MS = [0, 1000, 3000, 7000, 15_000, 31_000];
/** A round date, so that captures of two runs can be compared. */
const START_MS = Date.UTC(2026, 0, 1);
const CONNECTIONS_DEFAULT = 3000;

/**
 * Runs the demonstration on a fabric.
 *
 * @throws EdgemuxError `ERR_UNSUPPORTED` when the fabric has no TCP load balancing rule with members to show
 */
export async function runDemo(fabric: Fabric, options: DemoOptions = {}): Promise<DemoReport> {
  const { connections: count = CONNECTIONS_DEFAULT, capture = false, onStage = () => {} } = options;
  const target = targetOf(fabric);
  const links = new Links({ startMs: START_MS, capture });
  const simulated = await SimulatedFabric.load(fabric, links);

  const walk = walkOnce(simulated, target);
  onStage(`opening ${count} connections`);
  const connections = openAll(simulated, target, count);
  onStage('losing a MUX');
  const muxLoss = loseMux(simulated, connections);
  onStage('moving a VM');
  const vmMove = moveVm(simulated, connections);
  return { walk, connections: count, muxLoss, vmMove, captures: links.captures() };
}

function targetOf(fabric: Fabric): Target {
  const compiled = compile(fabric);
  const [mux] = compiled.muxes;
  const program = mux === undefined ? undefined : compiled.forMux(mux);
  const hasMembers = ({ target }: Service) => 'ring' in target && (program?.rings[target.ring].members.length ?? 0) > 0;
  const service = program?.services.find(
    (candidate) => candidate.protocol === 6 && candidate.port !== 0 && hasMembers(candidate),
  );
  if (service) return { address: service.vip, port: service.port };
  throw new EdgemuxError('ERR_UNSUPPORTED', 'the demo needs a MUX and a TCP load balancing rule with members');
}

/** The first packet of a connection and its answer, watched on every link. */
function walkOnce(simulated: SimulatedFabric, target: Target): WalkHop[] {
  const walk: WalkHop[] = [];
  let before: Layer[] | undefined;
  const { links } = simulated;
  links.watcher = ({ from, to, action, frame }) => {
    const decoded = layers(frame);
    // What an endpoint sends is a new packet: there is nothing to compare it with.
    const isNew = from === 'client' || simulated.vms.has(from);
    walk.push({
      from,
      to,
      action,
      frame: describe(frame),
      changed: isNew || !before ? [] : changedFields(before, decoded),
    });
    before = decoded;
    // The answer has arrived: the rest of the handshake takes the same way.
    if (to === 'client') links.watcher = undefined;
  };
  new Connection(simulated, target, 0).open();
  links.watcher = undefined;
  return walk;
}

function openAll(simulated: SimulatedFabric, target: Target, count: number): Connection[] {
  const connections = Array.from({ length: count }, (_, number) => new Connection(simulated, target, number + 1));
  for (const connection of connections) {
    connection.open();
    connection.exchange();
  }
  return connections;
}

function loseMux(simulated: SimulatedFabric, connections: readonly Connection[]): EventReport {
  const [lost] = simulated.muxes.keys();
  simulated.loseMux(lost);
  const outcome = useAll(simulated, connections, (elapsedMs) => {
    if (elapsedMs >= HOLD_TIME_MS) simulated.router.withdraw(lost);
  });
  return { event: `${lost} lost, the router notices after its hold time of ${HOLD_TIME_MS / 1000} s`, ...outcome };
}

function moveVm(simulated: SimulatedFabric, connections: readonly Connection[]): EventReport {
  const [nic, { host }] = [...simulated.vms][0];
  const destination = [...simulated.hosts.keys()].find((candidate) => candidate !== host) ?? host;
  simulated.moveVm(nic, destination);
  let isProgrammed = false;
  const outcome = useAll(simulated, connections, (elapsedMs) => {
    if (elapsedMs === 0 || isProgrammed) return;
    simulated.reprogramForMove(nic, destination);
    isProgrammed = true;
  });
  return { event: `${nic} moved from ${host} to ${destination}, policy follows within a second`, ...outcome };
}

/** Uses every connection once, sending again what is not answered, while `onRound` changes the fabric around them. */
function useAll(
  simulated: SimulatedFabric,
  connections: readonly Connection[],
  onRound: (elapsedMs: number) => void,
): { delayed: number; broken: number } {
  const startMs = simulated.links.nowMs;
  let waiting = connections;
  let delayed = 0;
  let reset = 0;
  for (const elapsedMs of RETRANSMIT_AFTER_MS) {
    simulated.links.nowMs = Math.max(simulated.links.nowMs, startMs + elapsedMs);
    onRound(elapsedMs);
    const attempts = waiting.map((connection) => ({ connection, attempt: connection.exchange() }));
    reset += attempts.filter(({ attempt }) => attempt === 'reset').length;
    if (elapsedMs > 0) delayed += attempts.filter(({ attempt }) => attempt === 'answered').length;
    waiting = attempts.filter(({ attempt }) => attempt === 'unanswered').map(({ connection }) => connection);
  }
  return { delayed, broken: reset + waiting.length };
}
